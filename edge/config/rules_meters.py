"""Rules of the meters: how they are reached, what they are, and whether a circuit can rest on them."""

from collections.abc import Iterator

from edge.config.draft import Draft
from edge.config.faults import Fault, one_of
from edge.config.schema_site import MeterTable, MeterValueTable
from edge.domain.connection import MODBUS, Connection, Transport, parse_connection
from edge.errors import Severity
from edge.units import PHASES

_FORMS = (
    "give tcp://host:port, rtu+tcp://host:port or rtu:///dev/serial/by-id/...?baudrate=9600&parity=N, "
    "for example tcp://192.168.1.50:502"
)
_FORMS_OF = {
    **dict.fromkeys(
        ("p1", "p1+tcp"),
        "give p1:///dev/serial/by-id/... or p1+tcp://host:port, for example p1+tcp://192.168.1.51:23",
    ),
    **dict.fromkeys(
        ("mqtt", "mqtts"),
        "give mqtt://host/topic or mqtts://host/topic, for example mqtt://192.168.1.20/building/main-meter",
    ),
}
MOST_ON_SERIAL_LINE = 247  # Modbus over Serial Line V1.02 §2.2: 248 to 255 are reserved


def _reached(draft: Draft) -> Iterator[tuple[int, MeterTable, Connection]]:
    """Each meter whose connection can be read."""
    for index, meter in enumerate(draft.file.meter):
        if not draft.sound("meter", index, "connection"):
            continue
        try:
            yield index, meter, parse_connection(meter.connection)
        except ValueError:
            continue


def connections(draft: Draft) -> Iterator[Fault]:
    """Each meter has a connection that can be read, and no two are the same device. The messages of one topic may tell
    of several, each by values of its own; and an inverter of the meter behind it, as another part.
    """
    for index, meter in enumerate(draft.file.meter):
        try:
            parse_connection(meter.connection)
        except ValueError as exc:
            remedy = _FORMS_OF.get(meter.connection.partition(":")[0], _FORMS)
            yield Fault(path=("meter", index, "connection"), problem=str(exc), remedy=remedy)
    devices: dict[tuple[str, str, int, tuple[MeterValueTable, ...]], list[tuple[int, str | None]]] = {}
    for index, meter, connection in _reached(draft):
        if not draft.sound("meter", index, "unit"):
            continue
        asked = connection.transport in MODBUS
        values = meter.value if connection.topic else ()
        model = draft.meter_models.get(meter.family or "")
        part = model.part if model is not None else None
        device = (connection.line, connection.topic, meter.unit if asked else 0, values)
        before = devices.setdefault(device, [])
        same = next((first for first, other in before if part is None or other is None or part == other), None)
        if same is not None:
            unit = f"and unit {meter.unit} are" if asked else "is"
            yield Fault(
                path=("meter", index, "connection"),
                problem=f"{unit} {'those' if asked else 'that'} of '{draft.file.meter[same].id}' too",
                remedy="give each device once, with its own address or unit",
            )
        before.append((index, part))


def one_setting_per_line(draft: Draft) -> Iterator[Fault]:
    """All devices on a serial line speak at one speed, with one parity: a port can only be set one way."""
    first: dict[str, tuple[int, Connection]] = {}
    for index, _, connection in _reached(draft):
        if connection.serial is None:
            continue
        before, known = first.setdefault(connection.path, (index, connection))
        if (known.serial, known.transport) != (connection.serial, connection.transport):
            yield Fault(
                path=("meter", index, "connection"),
                problem=f"sets {connection.path} to {connection.transport} {connection.serial}, and "
                f"'{draft.file.meter[before].id}' in {draft.where('meter', before, 'connection')} sets it to "
                f"{known.transport} {known.serial}",
                remedy="set all devices on the line to the same speed, parity and stop bits, or give each its own line",
            )


def models_known(draft: Draft) -> Iterator[Fault]:
    """Each meter's model is a family of the catalogue. Those with a map file of their own need none."""
    for index, meter in enumerate(draft.file.meter):
        if meter.model is not None and meter.model not in draft.meter_models:
            yield Fault(
                path=("meter", index, "model"),
                problem=f"is '{meter.model}', which is not in the meter catalogue",
                remedy=one_of(
                    sorted(draft.meter_models), meter.model, kind="models are", none="the catalogue is empty"
                ),
            )


def model_fits_connection(draft: Draft) -> Iterator[Fault]:
    """A meter is reached in a way that its model speaks."""
    for index, meter, connection in _reached(draft):
        model = draft.meter_models.get(meter.family or "")
        if model is None or connection.transport in model.transports or not draft.sound("meter", index, "model"):
            continue
        forms = ", ".join(f"{each}://" for each in Transport if each in model.transports)
        yield Fault(
            path=("meter", index, "connection"),
            problem=f"is {connection.transport}://, which '{meter.family}' doesn't speak",
            remedy=f"give one of {forms}, or another model",
        )


def unit_can_be_asked(draft: Draft) -> Iterator[Fault]:
    """A unit id on a serial line is one that a device can have."""
    for index, meter, connection in _reached(draft):
        if connection.transport in {Transport.RTU, Transport.RTU_TCP} and not 1 <= meter.unit <= MOST_ON_SERIAL_LINE:
            yield Fault(
                path=("meter", index, "unit"),
                problem=f"is {meter.unit}, which no device on a serial line can have",
                remedy=f"give 1 to {MOST_ON_SERIAL_LINE}",
            )


def guards_its_circuit(draft: Draft) -> Iterator[Fault]:
    """A circuit's meter tells the current of each phase that an EVSE below it is wired to, and of one at least."""
    models = {meter.id: (index, meter.family or "") for index, meter in enumerate(draft.file.meter)}
    for index, circuit in enumerate(draft.circuits):
        position, name = models.get(circuit.meter or "", (None, ""))
        model = draft.meter_models.get(name)
        if position is None or model is None or not draft.sound("meter", position, "model"):
            continue
        used = draft.phases_below(circuit.id) if draft.sound("station") else frozenset()
        untold = sorted(used - model.guards if model.guards else PHASES)
        if untold:
            yield Fault(
                path=("circuit", index, "meter"),
                problem=f"is '{circuit.meter}', a '{name}', which doesn't tell the current of {', '.join(untold)}",
                remedy="give a meter that does; this one may stay as a [[meter]] that is only shown",
            )
        elif model.guards < frozenset(PHASES):
            yield Fault(
                severity=Severity.NOTE,
                path=("circuit", index, "meter"),
                problem=f"is '{circuit.meter}', a '{name}', which tells {', '.join(sorted(model.guards))} alone: the "
                "others count as carrying nothing",
                remedy="right for a connection of one phase; give another a meter of three",
            )


def founded(draft: Draft) -> Iterator[Fault]:
    """A model whose registers rest on little is named."""
    for index, meter in enumerate(draft.file.meter):
        model = draft.meter_models.get(meter.family or "")
        if model is not None and model.doubt is not None:
            yield Fault(
                severity=Severity.NOTE,
                path=("meter", index, "model"),
                problem=f"is '{meter.model}', a model that {model.doubt}",
                remedy="prove it on site with `edge meter verify` before relying on it",
            )
