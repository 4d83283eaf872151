"""The whole interview, in the order of the work, and the site file that comes of it."""

from collections.abc import Mapping
from typing import Any

from edge.setup import place
from edge.setup.asking import agree, choose
from edge.setup.beyond import bms, cloud
from edge.setup.book import Book
from edge.setup.checks import NO_CLOUD, YES
from edge.setup.defaults import Defaults
from edge.setup.meter import LATER, meter, told_places
from edge.setup.stations import AS_BEFORE, KEY, again, phases_key, stations
from edge.setup.steps import Option, Proof, Prove, Talk, Tell

METER_ID = "grid"
PARTS = ("site", "grid", "circuit", "meter", "station", "ocpp", "bms")  # what can be gone through again at the end
_LISTS = {"circuit": "circuits", "ocpp": "cloud"}


def interview(book: Book, defaults: Defaults, models: tuple[str, ...]) -> Talk[Mapping[str, Any]]:
    """All questions; returns the tables for the site file, which have been proved. ``models``: the meter catalogue."""
    if not book.is_empty():
        yield Tell(text="resumed", values={"site": book.get("site", "id") or "-"})
    while True:
        yield Tell(text="part.site")
        yield from place.site(book, defaults)
        yield Tell(text="part.grid")
        yield from place.grid(book, defaults)
        yield Tell(text="part.circuit")
        yield from place.circuits(book, defaults)
        yield Tell(text="part.meter")
        yield from meter(book, defaults, models)
        yield Tell(text="part.station")
        yield from stations(book, defaults)
        yield Tell(text="part.ocpp")
        yield from cloud(book, defaults)
        yield Tell(text="part.bms")
        yield from bms(book, defaults)
        document = wanted(book, defaults)
        proof: Proof = yield Prove(document=document)
        if not proof.findings:
            yield Tell(text="proved")
            for note in proof.notes:
                yield Tell(text="note", values={"finding": note})
            if (yield from agree(book, "write", default=YES, absent=YES)):
                return document
        for finding in proof.findings:
            yield Tell(text="finding", values={"finding": finding})
        parts = tuple(Option(name=each, label=f"part.{each}") for each in PARTS)
        part = yield from choose(book, ("again",), parts, keep=False)
        if part == "station":
            yield from again(book, defaults)
        else:
            book.drop(part)
            book.reopen(_LISTS.get(part, part))


def wanted(book: Book, defaults: Defaults) -> dict[str, Any]:
    """The tables of the site file that the answers come to; None for a key that is not to be there."""
    has_meter = book.get("meter", "way") != LATER and book.get("meter", "connection") is not None
    grid = {"id": defaults.grid_id} | book.table("grid")
    if has_meter:
        grid["meter"] = defaults.grid.get("meter", METER_ID)
    document: dict[str, Any] = {"site": book.table("site"), "control": {"mode": "observe"}}
    document["circuit"] = [grid, *(book.table("circuit", index) for index in range(book.count("circuit")))]
    if has_meter:
        answers = book.table("meter")
        login = ("username", "password") if answers.get("username") else ()
        table = {"id": grid["meter"]} | {key: answers[key] for key in ("model", "connection", "unit", *login)}
        places = told_places(answers)  # none where the site file has its own, which stay
        document["meter"] = [table | {"value": list(places)} if places else table]
    stations = [_station(book.table("station", index)) for index in range(book.count("station"))]
    if stations:
        document["station"] = stations
    ocpp = book.table("ocpp")
    security = ocpp.pop("security")
    if ocpp["upstream"] == NO_CLOUD:
        ocpp["upstream"] = None
    document["ocpp"] = ocpp if security == AS_BEFORE else ocpp | {"security_profile": 1 if security == KEY else 0}
    if (tables := _bms(book.table("bms"))) is not None:
        document["bms"] = tables
    if defaults.storage is not None:
        document["storage"] = {"path": defaults.storage}
    return document


def _station(answers: Mapping[str, Any]) -> dict[str, Any]:
    evses = [
        {
            "id": evse,
            "phases": answers[phases_key(evse)],
            "max_a": answers["max_a"],
            "fallback_a": answers["fallback_a"],
        }
        for evse in range(1, answers["evses"] + 1)
    ]
    kept = {key: answers[key] for key in ("id", "circuit", "key_hash") if key in answers}
    return kept | {"evse": evses}


def _bms(answers: Mapping[str, Any]) -> dict[str, Any] | None:
    tables: dict[str, Any] = {}
    if answers.get("broker"):
        login = ("username", "password") if answers.get("username") else ()
        tables["mqtt"] = {key: answers[key] for key in ("broker", *login)}
    if answers.get("modbus"):
        tables["modbus"] = {"listen": answers["modbus"], "writable": True, "fallback_a": answers["fallback_a"]}
    return tables or None
