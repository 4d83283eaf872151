"""What the interview proposes: the site file that there is already, and what the machine knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GRID = "main"  # the grid connection's id in a new site file


def check_shape(document: Mapping[str, Any]) -> None:
    """Refuse a site file of another form than any has, by which nothing can be proposed.

    :raises ValueError: names the first table.
    """
    for name in ("circuit", "meter", "station"):
        tables = document.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(each, Mapping) and "id" in each for each in tables):
            raise ValueError(f"[[{name}]] is not of its form")
    bms = document.get("bms", {})
    tables = {name: document.get(name, {}) for name in ("site", "control", "ocpp", "bms", "storage")}
    tables |= {f"bms.{name}": bms.get(name, {}) for name in ("mqtt", "modbus") if isinstance(bms, Mapping)}
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            raise ValueError(f"[{name}] is not of its form")  # noqa: TRY004 - as for a value


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """``document``: the site file that is to be changed; empty for a new one."""

    document: Mapping[str, Any] = field(default_factory=dict)
    timezone: str = "UTC"
    listen: str = "127.0.0.1:9000"  # the gateway's own address on the stations' network
    storage: str | None = None

    def of(self, table: str, key: str) -> Any:
        """What a table of the file says; None where it doesn't."""
        value = self.document.get(table, {})
        return value.get(key) if isinstance(value, Mapping) else None

    @property
    def grid(self) -> Mapping[str, Any]:
        """The file's grid connection; empty without one."""
        return next((each for each in self.document.get("circuit", ()) if "parent" not in each), {})

    @property
    def grid_id(self) -> str:
        """What the grid connection is called."""
        return str(self.grid.get("id", GRID))

    @property
    def circuits(self) -> tuple[str, ...]:
        """The file's other circuits."""
        return tuple(str(each["id"]) for each in self.document.get("circuit", ()) if "parent" in each)

    @property
    def stations(self) -> tuple[str, ...]:
        """The file's stations."""
        return tuple(str(each["id"]) for each in self.document.get("station", ()))

    @property
    def meter(self) -> Mapping[str, Any]:
        """The meter of the file's grid connection; empty without one."""
        named = self.grid.get("meter")
        return next((each for each in self.document.get("meter", ()) if each.get("id") == named), {})

    @property
    def meter_values(self) -> tuple[Mapping[str, Any], ...]:
        """Where that meter's quantities stand in the messages of an MQTT topic; empty where the file doesn't say."""
        tables = self.meter.get("value")
        return tuple(each for each in tables if isinstance(each, Mapping)) if isinstance(tables, list) else ()
