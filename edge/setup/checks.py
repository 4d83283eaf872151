"""What an answer must be like: from the text that was typed to the value for the site file, or ValueError.

The ranges are the site file's own: each check asks the schema.
"""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import BaseModel, TypeAdapter, ValidationError

from edge.config.addresses import broker as broker_address
from edge.config.addresses import check_upstream, host_port
from edge.domain.connection import parse_connection
from edge.domain.topic import parse_json_path
from edge.setup.steps import Option
from edge.units import PHASES

Check: TypeAlias = Callable[[str], Any]
YES, NO = "yes", "no"
NO_CLOUD = "none"
FIRST_PORT = 1024
MODBUS_PORT = 502
_YES = frozenset({"y", "yes", "j", "ja", "1", "true"})  # in all the languages
_NO = frozenset({"n", "no", "nej", "nee", "nein", "0", "false"})
_NONE = frozenset({NO_CLOUD, "ingen", "geen", "keine"})
# What may stand behind a number, by the end of the key's name: 22 kW is not 22 A.
_UNITS = {"a": r"A|amp(?:[eè]res?|s)?", "w": "W", "kw": "kW", "v": "V"}
YES_NO = (Option(name=YES, label="option.yes"), Option(name=NO, label="option.no"))


def of_schema(table: type[BaseModel], field: str) -> Check:
    """A key of the site file; numbers may have a decimal comma and the key's own unit behind them."""
    info = table.model_fields[field]
    form: Any = Annotated[info.annotation, *info.metadata]
    adapter: TypeAdapter[Any] = TypeAdapter(form)
    is_whole = info.annotation is int or info.annotation == (int | None)
    is_number = is_whole or info.annotation is float or info.annotation == (float | None)
    unit = _UNITS.get(field.rpartition("_")[2], "")

    def check(text: str) -> Any:
        value: Any = _number(text, unit, whole=is_whole) if is_number else text.strip()
        try:
            adapter.validate_python(value)
        except ValidationError as exc:
            raise ValueError("isn't what the site file takes") from exc
        return value

    return check


def _number(text: str, unit: str, *, whole: bool) -> float | int:
    # Two decimals at most: who writes 1.000 or 1,250 means thousands.
    found = re.fullmatch(rf"\s*([0-9]+(?:[.,][0-9]{{1,2}})?)\s*(?:{unit})?\s*", text, re.IGNORECASE)
    if found is None:
        raise ValueError("is no number")
    value = float(found[1].replace(",", "."))
    if whole and not value.is_integer():
        raise ValueError("is no whole number")
    return int(value) if value.is_integer() else value


def within(check: Check, most: float, *, least: float = 0) -> Check:
    """The check, and a number from ``least`` to ``most``."""

    def checked(text: str) -> Any:
        value = check(text)
        if not least <= value <= most:
            raise ValueError("is out of range")
        return value

    return checked


def none_or(check: Check, least: float) -> Check:
    """The check, and 0 or a number from ``least`` on: what lies between is too little to charge with."""

    def checked(text: str) -> Any:
        value = check(text)
        if 0 < value < least:
            raise ValueError("is too little")
        return value

    return checked


def unless_empty(check: Check) -> Check:
    """The check, or an empty text for none."""
    return lambda text: check(text) if text.strip() else ""


def are_numbered(options: Sequence[Option]) -> bool:
    """Whether they can be chosen by their places: not where one is called by the number of another's."""
    return all(not each.name.isdigit() or each.name == str(place) for place, each in enumerate(options, 1))


def among(options: Sequence[Option], *, otherwise: Check | None = None) -> Check:
    """One of the options, by its name, or its number where :func:`are_numbered`; or what fits ``otherwise``."""
    by_number = are_numbered(options)

    def check(text: str) -> str:
        said = text.strip()
        if by_number and said.isascii() and said.isdigit() and 1 <= int(said) <= len(options):
            return options[int(said) - 1].name
        for option in options:
            if said.casefold() == option.name.casefold():
                return option.name
        if otherwise is not None:
            other: str = otherwise(text)
            return other
        raise ValueError("is none of them")

    return check


def yes_no(text: str) -> str:
    """``yes`` or ``no``, in any of the languages."""
    said = text.strip().casefold()
    if said in _YES:
        return YES
    if said in _NO:
        return NO
    raise ValueError("is neither")


def other_than(taken: Sequence[str], check: Check) -> Check:
    """The check, and none of the names that are taken."""

    def checked(text: str) -> Any:
        value = check(text)
        if value in taken:
            raise ValueError("is taken")
        return value

    return checked


def timezone(text: str) -> str:
    """A name of the tz database."""
    try:
        return ZoneInfo(text.strip()).key
    except (OSError, ValueError, LookupError):
        raise ValueError("is no time zone") from None


def address(text: str) -> str:
    """``host:port`` to listen at: the service may have no port below 1024."""
    place = host_port(text.strip())
    if place.port < FIRST_PORT:
        raise ValueError("has a port for which the service would have to be root")
    return str(place)


def upstream(text: str) -> str:
    """The cloud's address; ``{station}`` goes to its end where it was left out. :data:`NO_CLOUD` where there is none,
    in any of the languages."""
    said = text.strip()
    if said.casefold() in _NONE:
        return NO_CLOUD
    if re.search("[<>]", said):
        raise ValueError("has an identity in brackets that is nobody's")
    scheme, mark, rest = said.partition("://")
    said = f"{scheme.lower()}{mark}{rest}"
    if "{" not in said:
        said = f"{said.rstrip('/')}/{{station}}"
    check_upstream(said)
    return said


def broker(text: str) -> str:
    """``mqtt://host``; a bare host is taken as one."""
    said = text.strip()
    said = said if "://" in said else f"mqtt://{said}"
    broker_address(said)
    return said


def place(text: str) -> str:
    """Where to look on a network, with its port; ``tcp://`` before it is understood."""
    said = text.strip().removeprefix("tcp://")
    if not said or said.startswith("/") or said.isdigit():  # 3 is a number of the list before, and 0.0.0.3 nobody
        raise ValueError("is neither an address nor a network")
    return said if "/" in said or ":" in said else f"{said}:{MODBUS_PORT}"


def port(text: str) -> str:
    """A serial port; a bare ``ttyUSB0`` is one of /dev."""
    said = text.strip()
    said = said if "/" in said else f"/dev/{said}"
    if not said.startswith("/dev/") or said == "/dev/":
        raise ValueError("is no serial port")
    return said


def connection(text: str) -> str:
    """A meter's connection."""
    parse_connection(text.strip())
    return text.strip()


def json_path(text: str) -> str:
    """Where a number stands in a message."""
    parse_json_path(text.strip())
    return text.strip()


def phases(text: str) -> list[str]:
    """``L2 L3 L1``, ``231``, ``L2``: one to three phases, each once."""
    found = re.findall(r"[123]", text)
    rest = re.sub(r"[Ll]?[123]|[\s,;/\[\]\"']", "", text)
    if rest or not 1 <= len(found) <= len(PHASES) or len(set(found)) != len(found):
        raise ValueError("is not one to three phases")
    return [f"L{each}" for each in found]
