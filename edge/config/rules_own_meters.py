"""Rules of meters that the catalogue can't describe alone: a map file of the site's own, an MQTT topic's messages."""

from collections.abc import Iterator

from edge.config.draft import Draft
from edge.config.faults import Fault, one_of
from edge.domain.connection import Transport
from edge.domain.topic import JsonPath, parse_json_path
from edge.errors import Finding, Severity
from edge.units import PHASES

_BROKERS = frozenset({Transport.MQTT, Transport.MQTTS})


def model_or_map(draft: Draft) -> Iterator[Fault]:
    """Each meter has a model of the catalogue or a map file of its own."""
    for index, meter in enumerate(draft.file.meter):
        if meter.model is not None and meter.map is not None:
            yield Fault(
                path=("meter", index, "map"),
                problem="stands beside a model",
                remedy="keep the model for a meter of the catalogue, the map for any other",
            )
        elif meter.family is None:
            yield Fault(
                path=("meter", index, "model"),
                problem="is missing",
                remedy='give a meter family of the catalogue, or map = "my-meter.toml" for a map file of your own',
            )


def maps_usable(draft: Draft) -> Iterator[Fault]:
    """Each map file can be read, and nothing is wrong in it; every fault of it is told with its own line."""
    for index, meter in enumerate(draft.file.meter):
        error = draft.unusable_maps.get(meter.map or "")
        for each in error.findings if error is not None else ():
            yield Fault(path=("meter", index, "map"), problem=f"is '{meter.map}', {_in_map(each)}", remedy=each.remedy)


def _in_map(finding: Finding) -> str:
    """What is wrong in a map file, and in which line: completes "is 'my-meter.toml', ..."."""
    line = finding.line
    if finding.key == "the file":
        return f"which {finding.problem}" + ("" if line is None else f" in line {line}")
    return f"in {'which' if line is None else f'whose line {line}'} {finding.key} {finding.problem}"


def topic_values(draft: Draft) -> Iterator[Fault]:
    """A meter that tells by messages has its quantities named, each once and at a place that can be read; others have
    none."""
    for index, meter in enumerate(draft.file.meter):
        model = draft.meter_models.get(meter.family or "")
        if model is None or not draft.sound("meter", index, "model"):
            continue
        if not model.places and meter.value:
            yield Fault(
                path=("meter", index, "value"),
                problem=f"is given, and '{meter.family}' has its own places for the quantities",
                remedy='leave [[meter.value]] out, or give model = "mqtt"',
            )
        elif model.places and not meter.value:
            yield Fault(
                path=("meter", index, "value"),
                problem="is missing: nobody knows where in the messages the quantities stand",
                remedy="add a [[meter.value]] with quantity and path for each",
            )
        elif model.places:
            yield from _values(draft, index, model.places)


def _values(draft: Draft, index: int, names: frozenset[str]) -> Iterator[Fault]:
    seen: set[str] = set()
    for position, value in enumerate(draft.file.meter[index].value):
        path = ("meter", index, "value", position)
        if value.quantity not in names:
            yield Fault(
                path=(*path, "quantity"),
                problem=f"is '{value.quantity}', which is no quantity",
                remedy=one_of(sorted(names), value.quantity, kind="quantities are", none=""),
            )
        elif value.quantity in seen:
            yield Fault(
                path=(*path, "quantity"), problem=f"is '{value.quantity}' once more", remedy="name each quantity once"
            )
        seen.add(value.quantity)
        try:
            parse_json_path(value.path)
        except ValueError as exc:
            yield Fault(
                path=(*path, "path"), problem=str(exc), remedy="give a JSON path, for example phases[0].current"
            )
        if value.scale == 0:
            yield Fault(
                path=(*path, "scale"),
                problem="is 0, which makes every value 0",
                remedy="give what turns the number into the unit that the quantity's name ends with",
            )


def topic_tells_phases_apart(draft: Draft) -> Iterator[Fault]:
    """Two phases' currents, or powers, at one place are a line that was copied and not changed. One voltage for all is
    usual."""
    for index, meter in enumerate(draft.file.meter):
        places: dict[tuple[str, JsonPath], str] = {}
        for position, value in enumerate(meter.value):
            kind = value.quantity.partition("_l")[0]
            path = ("meter", index, "value", position, "path")
            if kind not in ("current", "power") or kind == value.quantity or not draft.sound(*path[:-1]):
                continue
            try:
                place = (kind, parse_json_path(value.path))
            except ValueError:
                continue
            before = places.setdefault(place, value.quantity)
            if before != value.quantity:
                yield Fault(
                    severity=Severity.NOTE,
                    path=path,
                    problem=f"is '{value.path}', where {before} stands too: both phases show the same number",
                    remedy=f"give the place of {value.quantity}",
                )


def broker_access_fits(draft: Draft) -> Iterator[Fault]:
    """What a broker wants to see is given whole, and where there is a broker."""
    for index, meter in enumerate(draft.file.meter):
        if not draft.sound("meter", index, "connection"):
            continue
        transport = meter.connection.partition("://")[0]
        if transport not in set(Transport):  # told as what it is
            continue
        for key in ("username", "password", "ca_file"):
            if getattr(meter, key) is None:
                continue
            if transport not in _BROKERS or (key == "ca_file" and transport != Transport.MQTTS):
                yield Fault(
                    path=("meter", index, key),
                    problem=f"is for {'a broker with TLS' if key == 'ca_file' else 'a broker'}, and the connection is "
                    f"{transport}://",
                    remedy="leave it out"
                    + (", or give the connection as mqtts://" if transport == Transport.MQTT else ""),
                )
            elif key == "password" and meter.username is None:
                yield Fault(path=("meter", index, key), problem="is given without username", remedy="give username too")


def topic_guards_its_circuit(draft: Draft) -> Iterator[Fault]:
    """The messages of a circuit's meter tell the current, or power and voltage, of each phase that an EVSE below it is
    wired to, and of each that they tell anything else of."""
    meters = {meter.id: (index, meter) for index, meter in enumerate(draft.file.meter) if meter.value}
    for index, circuit in enumerate(draft.circuits):
        position, meter = meters.get(circuit.meter or "", (None, None))
        if position is None or meter is None or not draft.sound("meter", position, "value"):
            continue
        told = {value.quantity for value in meter.value}
        used = draft.phases_below(circuit.id) if draft.sound("station") else frozenset()
        used |= {phase for phase in PHASES if any(f"_{phase.lower()}_" in quantity for quantity in told)}
        missing = [
            phase
            for phase in PHASES
            if (phase in used or not used)
            and f"current_{phase.lower()}_a" not in told
            and not {f"power_{phase.lower()}_w", f"voltage_{phase.lower()}_v"} <= told
        ]
        if missing:
            yield Fault(
                path=("circuit", index, "meter"),
                problem=f"is '{circuit.meter}', whose messages tell no current of {', '.join(missing)}",
                remedy="add a [[meter.value]] for " + " and ".join(f"current_{phase.lower()}_a" for phase in missing),
            )
