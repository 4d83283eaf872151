"""The grid meter: looked for, or typed in; read at once, and compared with what the installer's clamp shows."""

from collections.abc import Mapping
from typing import Any, Final

from edge.config.schema_site import MeterTable
from edge.domain.connection import MODBUS, Transport, parse_connection
from edge.setup.asking import agree, ask, choose
from edge.setup.book import Book
from edge.setup.checks import YES, among, connection, json_path, of_schema, place, port, unless_empty
from edge.setup.defaults import Defaults
from edge.setup.steps import Failure, FindMeters, FindPorts, MeterFound, Option, Pause, ReadMeter, Talk, Tell
from edge.units import PHASES

NETWORK, SERIAL, TYPED, LATER = "network", "serial", "typed", "later"
WAYS: Final = tuple(Option(name=name, label=f"option.meter.{name}") for name in (NETWORK, SERIAL, TYPED, LATER))
AGAIN, ANYHOW = "again", "anyhow"
AFTER_SILENCE: Final = (
    Option(name=AGAIN, label="option.meter.again"),
    Option(name=ANYHOW, label="option.meter.anyhow"),
)


def meter(book: Book, defaults: Defaults, models: tuple[str, ...]) -> Talk[None]:
    """Until a meter is found and its values are right, or the installer goes on without."""
    while not book.is_done("meter"):
        default = TYPED if defaults.meter else NETWORK  # as the site file has it: Enter keeps what is there
        way = yield from choose(book, ("meter", "way"), WAYS, default=default, absent=_implied(book))
        if way == LATER:
            yield Tell(text="meter.later")
            book.finish("meter")
            return
        if way == TYPED or book.get("meter", "connection") is not None:
            yield from _typed(book, defaults, models)
        elif not (yield from _found(book, way)):
            book.drop("meter")
            continue
        yield from _read(book, defaults)


def reading(book: Book, defaults: Defaults) -> ReadMeter:
    """The step that reads the meter of the answers."""
    answers = book.table("meter")
    return ReadMeter(
        connection=answers["connection"],
        model=answers["model"],
        unit=answers["unit"],
        values=defaults.meter_values or told_places(answers),
        username=answers.get("username") or None,
        password=answers.get("password"),
    )


def told_places(answers: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """``[[meter.value]]``: the places of the currents in the messages of an MQTT topic; none of other meters."""
    paths = {f"current_{phase.lower()}_a": answers.get(f"path_{phase.lower()}") for phase in PHASES}
    return tuple({"quantity": quantity, "path": path} for quantity, path in paths.items() if path)


def _implied(book: Book) -> str:
    """What a file means that doesn't say the way."""
    return TYPED if book.get("meter", "connection") is not None else LATER


def _typed(book: Book, defaults: Defaults, models: tuple[str, ...]) -> Talk[None]:
    yield from ask(book, ("meter", "connection"), connection, default=defaults.meter.get("connection"))
    names = tuple(Option(name=each, label=each) for each in models)
    yield from choose(book, ("meter", "model"), names, default=defaults.meter.get("model"))
    transport = parse_connection(book.get("meter", "connection")).transport
    if transport not in MODBUS:
        book.put(("meter", "unit"), 1)  # which only Modbus has
    if transport in (Transport.MQTT, Transport.MQTTS):
        yield from _topic(book, defaults)
    yield from ask(book, ("meter", "unit"), of_schema(MeterTable, "unit"), default=defaults.meter.get("unit", 1))


def _topic(book: Book, defaults: Defaults) -> Talk[None]:
    """The broker's login, and where the currents stand in the messages, unless the site file says where."""
    known = defaults.meter
    username = unless_empty(of_schema(MeterTable, "username"))
    said = yield from ask(book, ("meter", "username"), username, text="bms.username", default=known.get("username", ""))
    if said:
        password = of_schema(MeterTable, "password")
        default = known.get("password") if said == known.get("username") else None
        yield from ask(book, ("meter", "password"), password, text="bms.password", default=default, is_secret=True)
    if defaults.meter_values:
        return
    for phase in PHASES:
        values = {"phase": phase.value}
        key = ("meter", f"path_{phase.lower()}")
        yield from ask(book, key, unless_empty(json_path), text="meter.path", default="", values=values)


def _found(book: Book, way: str) -> Talk[bool]:
    """Search and choose; False when the way is to be asked again."""
    where = yield from (_port(book) if way == SERIAL else _place(book))
    yield Tell(text="meter.searching", values={"where": where})
    found = yield FindMeters(where=where)
    if isinstance(found, Failure):
        yield Tell(text="meter.unreachable", values={"problem": found.problem})
        return False
    if not found:
        yield Tell(text="meter.none", values={"where": where})
        return False
    options = tuple(
        Option(name=str(number), label=f"{each.model}  {each.connection}  ({each.unit})")
        for number, each in enumerate(found, 1)
    )
    said = yield from choose(book, ("meter", "which"), options, default="1", keep=False)
    chosen: MeterFound = found[int(said) - 1]
    book.put(("meter", "connection"), chosen.connection)
    book.put(("meter", "model"), chosen.model)
    book.put(("meter", "unit"), chosen.unit)
    return True


def _place(book: Book) -> Talk[str]:
    said: str = yield from ask(book, ("meter", "where"), place, text="meter.where.network", keep=False)
    return said


def _port(book: Book) -> Talk[str]:
    """One of the adapters that are plugged in, by its number; or whatever is typed."""
    found: Mapping[str, str] = yield FindPorts()
    if not found:
        yield Pause(text="meter.no_port")
        found = yield FindPorts()
    ports = tuple(Option(name=path, label=f"{path}  {adapter}".rstrip()) for path, adapter in found.items())
    said: str = yield from ask(
        book,
        ("meter", "where"),
        among(ports, otherwise=port),
        text="meter.where.serial",
        default=ports[0].name if ports else None,
        options=ports,
        keep=False,
    )
    return said


def _read(book: Book, defaults: Defaults) -> Talk[None]:
    """Read it, and let the installer compare."""
    step = reading(book, defaults)
    yield Tell(text="meter.reading", values={"model": step.model, "connection": step.connection})
    currents = yield step
    if isinstance(currents, Failure):
        yield Tell(text="meter.mute", values={"problem": currents.problem})
        said = yield from choose(
            book, ("meter", "mute"), AFTER_SILENCE, text="meter.mute.title", default=AGAIN, absent=ANYHOW, keep=False
        )
        if said == AGAIN:
            book.drop("meter")
            return
    else:
        if currents is not None:
            yield Tell(text="meter.shows", values={f"l{n}_a": amps for n, amps in enumerate(currents, 1)})
        if not (yield from agree(book, "meter.right", default=YES, absent=YES)):
            yield Tell(text="meter.wrong")
            book.drop("meter")
            return
    book.finish("meter")
