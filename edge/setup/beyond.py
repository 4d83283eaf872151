"""What is beyond the site: the cloud, and the building management system."""

from collections.abc import Mapping
from typing import Any

from edge.config.schema_bms import ModbusTable, MqttTable
from edge.setup.asking import agree, ask
from edge.setup.book import Book
from edge.setup.checks import NO, NO_CLOUD, YES, address, broker, of_schema, unless_empty, upstream, within
from edge.setup.defaults import Defaults
from edge.setup.steps import Failure, Talk, Tell, TryBroker, TryCloud, TryListen

MODBUS_LISTEN = "127.0.0.1:5502"


def cloud(book: Book, defaults: Defaults) -> Talk[None]:
    """Its address, dialled at once as the first station; or that there is none, as in a file without one."""
    known = defaults.of("ocpp", "upstream") or (NO_CLOUD if "ocpp" in defaults.document else None)
    while not book.is_done("cloud"):
        url = yield from ask(book, ("ocpp", "upstream"), upstream, default=known)
        if url == NO_CLOUD:
            yield Tell(text="cloud.none")
            book.finish("cloud")
            continue
        problem = yield TryCloud(upstream=url, station=book.get("station", 0, "id"))
        if isinstance(problem, Failure):
            yield Tell(text="cloud.away", values={"url": url, "problem": problem.problem})
            if not (yield from agree(book, "cloud.keep", default=NO, absent=YES)):
                book.drop("ocpp", "upstream")
                continue
        else:
            yield Tell(text="cloud.there", values={"url": url})
        book.finish("cloud")


def bms(book: Book, defaults: Defaults) -> Talk[None]:
    """A broker and a Modbus address, where there is a BMS."""
    known = defaults.document.get("bms", {}).get("mqtt", {})
    while not book.is_done("bms"):
        url = yield from ask(book, ("bms", "broker"), unless_empty(broker), default=known.get("broker", ""))
        if url:
            username, password = yield from _login(book, known)
            problem = yield TryBroker(broker=url, username=username, password=password)
            if isinstance(problem, Failure):
                yield Tell(text="bms.away", values={"broker": url, "problem": problem.problem})
                if not (yield from agree(book, "bms.keep", default=NO, absent=YES)):
                    for key in ("broker", "username", "password"):
                        book.drop("bms", key)
                    continue
        modbus = yield from ask(book, ("bms", "modbus"), unless_empty(address), default="")
        if modbus:
            problem = yield TryListen(listen=modbus)
            if isinstance(problem, Failure):
                yield Tell(text="bms.deaf", values={"address": modbus, "problem": problem.problem})
                book.drop("bms", "modbus")
                continue
            fuse_a = book.get("grid", "fuse_a")
            fallback = within(of_schema(ModbusTable, "fallback_a"), fuse_a)
            yield from ask(book, ("bms", "fallback_a"), fallback, values={"fuse_a": fuse_a})
        book.finish("bms")


def _login(book: Book, known: Mapping[str, Any]) -> Talk[tuple[str | None, str | None]]:
    """User and password for the broker; None twice for a broker that asks for none."""
    username = yield from ask(
        book, ("bms", "username"), unless_empty(of_schema(MqttTable, "username")), default=known.get("username", "")
    )
    if not username:
        return None, None
    password = yield from ask(
        book,
        ("bms", "password"),
        of_schema(MqttTable, "password"),
        default=known.get("password") if username == known.get("username") else None,
        is_secret=True,
    )
    return username, password
