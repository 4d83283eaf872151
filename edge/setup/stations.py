"""The stations: each taken in as it connects, made to show itself, and its wiring measured."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from edge.config.schema_station import MAX_EVSE_A, PILOT_MIN_A, EvseTable, StationTable
from edge.metering.proof import level
from edge.setup.asking import agree, ask, choose
from edge.setup.book import Book
from edge.setup.checks import NO, YES, Check, address, none_or, of_schema, other_than, phases, within
from edge.setup.defaults import Defaults
from edge.setup.meter import reading
from edge.setup.steps import (
    LOAD_A,
    Failure,
    Identify,
    Key,
    LookForStations,
    NewKey,
    Option,
    Pause,
    Seen,
    StationSeen,
    Talk,
    Tell,
)
from edge.units import PHASES, Amps, PhaseAmps

END = "0"  # all stations are in
LOOK = "+"  # look again
ALL = "*"  # of what is to be gone through again
NOTHING, KEY, AS_BEFORE = "none", "key", "as before"
PROFILES: Final = (
    Option(name=NOTHING, label="option.security.none"),
    Option(name=KEY, label="option.security.key"),
)
_WITH_TLS, _TLS_AND_KEY = (2, 3), 2  # security profiles, which only the site file itself sets up
_PLAIN = "127.0.0.1:9000"  # where the site file says nothing of a listener without TLS
TYPED, MEASURED = "typed", "measured"
WAYS: Final = tuple(Option(name=name, label=f"option.phases.{name}") for name in (TYPED, MEASURED))
TWO: Final = 2  # phases: rarer than a third that was forgotten, which nobody would count
LONGEST_PLACE: Final = 80  # characters: a line of the hand-over document
LEAST_STEP: Final = 0.5  # of the load's current: less is not the load
KEPT: Final = ("vendor", "model", "serial", "mac", "firmware", "version")  # for the hand-over document


def stations(book: Book, defaults: Defaults) -> Talk[None]:
    """Where stations connect, then one after the other until all are in."""
    listen, needs_key = yield from _door(book, defaults)
    if needs_key:
        yield Tell(text="stations.keys")
    for number in range(book.count("station")):
        yield from _station(book, defaults, number, needs_key=needs_key)
    is_kept = False
    while not book.is_done("stations"):
        number = book.count("station")
        seen = yield LookForStations(listen=listen)
        found = _new(seen, book, defaults)
        yield from _show(seen, found)
        if isinstance(seen, Failure) and not is_kept and book.get("ocpp", "listen") is not None:
            is_kept = yield from agree(book, "stations.keep", default=NO, absent=YES)
            if not is_kept:
                book.drop("ocpp", "listen")
                listen, needs_key = yield from _door(book, defaults)
                continue
        taken = [*defaults.stations, *(book.get("station", index, "id") for index in range(number))]
        default = LOOK if found or not defaults.stations else END  # Enter keeps a site that has its stations
        said = yield from ask(
            book, ("station", number, "which"), _which(found, taken), default=default, absent=END, keep=False
        )
        if said == END:
            book.finish("stations")
            return
        if said == LOOK:
            continue
        book.put(("station", number, "id"), said)
        for each in found:
            if each.identity == said:
                for key in KEPT:
                    if (value := getattr(each, key)) is not None:
                        book.put(("station", number, key), value)
        is_here = any(each.identity == said for each in found)
        yield from _station(book, defaults, number, needs_key=needs_key, is_here=is_here)


def again(book: Book, defaults: Defaults) -> Talk[None]:
    """Which station is to be asked for once more, or taken out, or whether all are; what isn't asked stays known."""
    book.reopen("stations")
    taken = [str(book.get("station", index, "id")) for index in range(book.count("station"))]
    if taken:
        options = [*(Option(name=each, label=each) for each in taken), Option(name=ALL, label="option.station.all")]
        said = yield from choose(book, ("again", "station"), options, text="again.station", keep=False)
        if said in taken:
            yield from _one_again(book, taken.index(said), [*defaults.stations, *(set(taken) - {said})])
            return
    book.drop("station")
    book.drop("ocpp", "security")


def _one_again(book: Book, number: int, others: Sequence[str]) -> Talk[None]:
    """Its identity, which may have been mistyped, or that there is no such station; the rest is asked by the list."""
    here = ("station", number)
    before = book.get(*here, "id")
    own = other_than(others, of_schema(StationTable, "id"))
    identity = yield from ask(
        book,
        (*here, "id"),
        lambda text: END if text.strip() == END else own(text),
        text="again.identity",
        default=before,
        values={"station": before},
        keep=False,
    )
    if identity == END:
        book.take_out(*here)
        return
    # The station has its password already; what another had said of itself isn't its own.
    known = ("key_hash", *(KEPT if identity == before else ()))
    for key in book.table(*here):
        if key not in known:
            book.drop(*here, key)
    book.put((*here, "id"), identity)


def _door(book: Book, defaults: Defaults) -> Talk[tuple[str, bool]]:
    """Where stations connect, and whether each needs a key. What a site file says of TLS stays as it is."""
    before = defaults.of("ocpp", "security_profile")
    if before in _WITH_TLS:
        book.put(("ocpp", "security"), AS_BEFORE)
        yield Tell(
            text="stations.url", values={"url": f"wss://{defaults.of('ocpp', 'tls_listen') or defaults.listen}/"}
        )
        return defaults.of("ocpp", "listen") or _PLAIN, before == _TLS_AND_KEY
    listen = yield from ask(book, ("ocpp", "listen"), address, default=defaults.of("ocpp", "listen") or defaults.listen)
    default = NOTHING if before == 0 else KEY
    profile = yield from choose(book, ("ocpp", "security"), PROFILES, default=default)
    yield Tell(text="stations.url", values={"url": f"ws://{listen}/"})
    return listen, profile == KEY


def _which(found: tuple[StationSeen, ...], taken: list[str]) -> Check:
    """The number of one that waits, the identity of one that will come, or what ends it."""
    identity = of_schema(StationTable, "id")

    def check(text: str) -> str:
        said = text.strip()
        if said in (END, LOOK):
            return said
        if said.isascii() and said.isdigit() and 1 <= int(said) <= len(found):
            return found[int(said) - 1].identity
        if said.isascii() and said.isdigit() and len(said) < 3:
            raise ValueError("is the number of none")
        if said in taken:
            raise ValueError("is in already")
        return str(identity(said))

    return check


def _new(seen: Seen | Failure, book: Book, defaults: Defaults) -> tuple[StationSeen, ...]:
    if isinstance(seen, Failure):
        return ()
    known = {*defaults.stations, *(book.get("station", index, "id") for index in range(book.count("station")))}
    return tuple(each for each in seen.stations if each.identity not in known)


def _show(seen: Seen | Failure, found: tuple[StationSeen, ...]) -> Talk[None]:
    if isinstance(seen, Failure):
        yield Tell(text="stations.deaf", values={"problem": seen.problem})
        return
    for number, each in enumerate(found, 1):
        parts = (each.vendor, each.model, each.serial, each.mac, each.firmware, each.version)
        described = " ".join(part for part in parts if part)
        values = {"number": number, "station": each.identity, "address": each.address, "described": described}
        yield Tell(text="stations.waits", values=values)
        if each.also_at is not None:
            twins = {"station": each.identity, "address": each.address, "other": each.also_at}
            yield Tell(text="stations.twins", values=twins)
    if not found:
        yield Tell(text="stations.none")
    for refused in seen.refused:
        values = {"station": refused.station or "?", "address": refused.address, "why": refused.why}
        yield Tell(text="stations.refused", values=values)


def _station(book: Book, defaults: Defaults, number: int, *, needs_key: bool, is_here: bool = False) -> Talk[None]:
    """What must be known of one station; what is known already isn't asked."""
    here = ("station", number)
    identity = yield from ask(book, (*here, "id"), of_schema(StationTable, "id"))
    values = {"station": identity}
    if is_here:
        yield from _identified(book, identity)
    own = [book.get("circuit", index, "id") for index in range(book.count("circuit"))]
    circuits = [Option(name=each, label=each) for each in (defaults.grid_id, *defaults.circuits, *own)]
    yield from choose(book, (*here, "circuit"), circuits, default=circuits[-1].name, values=values)
    rated = within(of_schema(EvseTable, "max_a"), MAX_EVSE_A, least=PILOT_MIN_A)
    max_a = yield from ask(book, (*here, "max_a"), rated, default=32, values=values)
    fallback = within(none_or(of_schema(EvseTable, "fallback_a"), PILOT_MIN_A), max_a)
    yield from ask(book, (*here, "fallback_a"), fallback, default=6, values={**values, "max_a": max_a})
    yield from ask(book, (*here, "location"), _place, default="", values=values)
    count = yield from ask(book, (*here, "evses"), _count, default=1, values=values)
    for evse in range(1, count + 1):
        yield from _phases(book, defaults, (*here, phases_key(evse)), {**values, "evse": evse})
    if needs_key and book.get(*here, "key_hash") is None:
        key, key_hash = yield NewKey()
        yield Pause(text="stations.key", values={"station": identity, "key": key})
        book.put((*here, "key_hash"), key_hash)  # now: who was cut off before has no other way to it


def _identified(book: Book, identity: str) -> Talk[None]:
    """Let it blink or click until the installer has seen which it is, or goes on."""
    while (yield from agree(book, "stations.identify", default=NO, absent=NO, values={"station": identity})):
        how = yield Identify(station=identity)
        if isinstance(how, Failure):
            yield Tell(text="stations.unidentified", values={"problem": how.problem})
        else:
            yield Tell(text=how, values={"station": identity})


def phases_key(evse: int) -> str:
    """Under which name an EVSE's phases are in the book: ``phases``, ``phases_2``, ..."""
    return "phases" if evse == 1 else f"phases_{evse}"


def _place(text: str) -> str:
    said = text.strip()
    if len(said) > LONGEST_PLACE or not said.isprintable():
        raise ValueError("is too long")
    return said


def _count(text: str) -> int:
    if text.strip() not in {"1", "2", "3", "4"}:
        raise ValueError("is not from 1 to 4")
    return int(text)


def _phases(book: Book, defaults: Defaults, key: Key, values: Mapping[str, Any]) -> Talk[None]:
    """Typed as the plan has it, or measured with a load on the EVSE's own L1, then L2."""
    while book.get(*key) is None:
        can_measure = book.get("meter", "connection") is not None
        way = TYPED
        if can_measure:
            way = yield from choose(
                book, (*key[:2], "way"), WAYS, text="station.way", default=TYPED, values=values, keep=False
            )
        measured = (yield from _measured(book, defaults, values)) if way == MEASURED else None
        if way == MEASURED and measured is None:
            continue
        if measured is not None:
            yield Tell(text="phases.measured", values={**values, "phases": " ".join(measured)})
            book.put(key, measured)
            return
        said = yield from ask(book, key, phases, text="station.phases", default="L1 L2 L3", values=values, keep=False)
        two = {**values, "phases": " ".join(said)}
        if len(said) != TWO or (yield from agree(book, "station.two", default=NO, absent=YES, values=two)):
            book.put(key, said)
    yield from ask(book, key, phases, text="station.phases", values=values)


def _measured(book: Book, defaults: Defaults, about: Mapping[str, Any]) -> Talk[list[str] | None]:
    """The grid phases on the station's own L1, L2, L3; None when that can't be told."""
    found: list[str] = []
    values = {**about, "load_a": LOAD_A}
    yield Pause(text="phases.off", values=values)
    before = yield from _level(book, defaults)
    if isinstance(before, Failure):
        yield Tell(text="meter.mute", values={"problem": before.problem})
        return None
    for own in PHASES[:2]:
        yield Pause(text="phases.on", values={**values, "own": own})
        during = yield from _level(book, defaults)
        moved = [] if isinstance(during, Failure) else _moved(during - before, LOAD_A)
        if len(moved) != 1 or moved[0] in found:
            yield Tell(text="phases.unclear", values={**values, "own": own, "seen": " ".join(moved) or "-"})
            return None
        found.append(moved[0])
    return [*found, *(each.value for each in PHASES if each.value not in found)]


def _level(book: Book, defaults: Defaults) -> Talk[PhaseAmps | Failure]:
    readings = []
    for _ in range(3):  # the middle of three: one may fall into a step
        read = yield reading(book, defaults)
        if isinstance(read, Failure):
            return read
        if read is None:
            return Failure(problem="it tells no currents")
        readings.append(read)
    return level(readings)


def _moved(change: PhaseAmps, load_a: Amps) -> list[str]:
    return [phase.value for phase in PHASES if change[phase] >= LEAST_STEP * load_a]
