"""The site file (site.toml), as far as the simulated peers need it: circuits, wiring, addresses.

The gateway checks the whole of this file; here only what the simulators use is read, and other keys are left alone.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from simulators.charger import Supply
from simulators.charger.spec import PILOT_MINIMUM_A
from simulators.errors import ScenarioError
from simulators.phases import PHASE_NAMES
from simulators.toml_table import TomlTable, read_toml

DEFAULT_NOMINAL_VOLTAGE_V: Final = 230.0  # the European low-voltage grid (EN 50160)
DEFAULT_DC_MIN_W: Final = 5000.0  # as the gateway takes it where the site file says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A host and a TCP or UDP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitSpec:
    """A circuit behind one three-pole breaker; the one without a parent is the grid connection."""

    id: str
    parent: str | None
    fuse_a: float
    margin_a: float
    meter: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseSpec:
    """One EVSE and its wiring; `rotation[k]` is the grid phase index on the EVSE's own phase k.

    Of a DC EVSE the currents are those that it takes of each of its three phases; below `min_a` it doesn't charge.
    """

    station: str
    evse_id: int
    circuit: str
    rotation: tuple[int, ...]
    max_a: float
    min_a: float = PILOT_MINIMUM_A
    supply: Supply = Supply.AC
    switches_phases: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSpec:
    """What is wired where, and at which addresses the parts of the site meet."""

    id: str
    nominal_voltage_v: float
    circuits: tuple[CircuitSpec, ...]
    evses: tuple[EvseSpec, ...]
    gateway: Endpoint
    cloud: Endpoint | None  # None: the site has none
    meter: Endpoint
    meter_unit: int

    def station_ids(self) -> tuple[str, ...]:
        """Every station once, in the file's order."""
        return tuple(dict.fromkeys(evse.station for evse in self.evses))

    def path_of(self, circuit_id: str) -> tuple[CircuitSpec, ...]:
        """The circuit and everything above it, up to the grid connection."""
        by_id = {circuit.id: circuit for circuit in self.circuits}
        path: list[CircuitSpec] = []
        at: str | None = circuit_id
        while at is not None:
            path.append(by_id[at])
            at = by_id[at].parent
        return tuple(path)


def parse_endpoint(text: str, *, what: str) -> Endpoint:
    """`host:port` as an Endpoint; `what` names the value in the error.

    Raises ScenarioError.
    """
    parts = urlsplit(f"//{text}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if not parts.hostname or not port or parts.path or parts.query or parts.username:
        raise ScenarioError(f"{what}: must be host:port with a port of 1 to 65535, not {text!r}")
    return Endpoint(host=parts.hostname, port=port)


def load_site(path: Path) -> SiteSpec:
    """Read and check the site file. Raises ScenarioError."""
    document = read_toml(path)
    head = document.table("site")
    nominal_voltage_v = head.number("nominal_voltage_v", DEFAULT_NOMINAL_VOLTAGE_V, above=0.0)
    circuits = tuple(_circuit(table) for table in document.tables("circuit"))
    if not circuits:
        raise document.fail("circuit", "is missing; a site has at least one [[circuit]]")
    _check_tree(document, circuits)
    evses = tuple(
        evse
        for table in document.tables("station")
        for evse in _evses(table, {each.id for each in circuits}, nominal_voltage_v)
    )
    ocpp = document.table("ocpp")
    meters = document.tables("meter")
    if len(meters) != 1:
        raise document.fail("meter", f"must be there exactly once, not {len(meters)} times")
    return SiteSpec(
        id=head.text("id"),
        nominal_voltage_v=nominal_voltage_v,
        circuits=circuits,
        evses=evses,
        gateway=parse_endpoint(ocpp.text("listen"), what=f"{path}: ocpp: listen"),
        cloud=_url_endpoint(ocpp, "upstream", scheme="ws") if ocpp.optional_text("upstream") is not None else None,
        meter=_url_endpoint(meters[0], "connection", scheme="tcp"),
        meter_unit=meters[0].whole("unit", 1, at_least=0, at_most=255),
    )


def _circuit(table: TomlTable) -> CircuitSpec:
    return CircuitSpec(
        id=table.text("id"),
        parent=table.optional_text("parent"),
        fuse_a=table.number("fuse_a", above=0.0),
        margin_a=table.number("margin_a", 0.0),
        meter=table.optional_text("meter"),
    )


def _check_tree(document: TomlTable, circuits: tuple[CircuitSpec, ...]) -> None:
    """Every parent exists and every path ends at the one circuit without a parent."""
    parents = {circuit.id: circuit.parent for circuit in circuits}
    if len(parents) != len(circuits):
        raise document.fail("circuit", "every id must be there only once")
    roots = [each for each, parent in parents.items() if parent is None]
    if len(roots) != 1:
        raise document.fail("circuit", f"exactly one must have no parent, not {len(roots)}")
    for circuit in circuits:
        seen: set[str] = set()
        at: str | None = circuit.id
        while at is not None:
            if at not in parents:
                raise document.fail("circuit", f"{circuit.id!r} hangs below {at!r}, which doesn't exist")
            if at in seen:
                raise document.fail("circuit", f"{circuit.id!r} is below itself")
            seen.add(at)
            at = parents[at]


def _evses(station: TomlTable, circuit_ids: set[str], nominal_voltage_v: float) -> tuple[EvseSpec, ...]:
    circuit = station.text("circuit")
    if circuit not in circuit_ids:
        raise station.fail("circuit", f"{circuit!r} doesn't exist; there are {', '.join(sorted(circuit_ids))}")
    return tuple(_evse(station.text("id"), circuit, table, nominal_voltage_v) for table in station.tables("evse"))


def _evse(station: str, circuit: str, table: TomlTable, nominal_voltage_v: float) -> EvseSpec:
    wiring = EvseSpec(
        station=station,
        evse_id=table.whole("id", at_least=1),
        circuit=circuit,
        rotation=_rotation(table),
        max_a=0.0,
        switches_phases=table.flag("switches_phases", default=False),
    )
    match table.text("supply", Supply.AC):
        case Supply.AC:
            return replace(wiring, max_a=table.number("max_a", above=0.0))
        case Supply.DC if len(wiring.rotation) == len(PHASE_NAMES):
            volts = nominal_voltage_v * len(PHASE_NAMES)
            max_w, min_w = table.number("max_w", above=0.0), table.number("min_w", DEFAULT_DC_MIN_W, above=0.0)
            return replace(wiring, max_a=max_w / volts, min_a=min_w / volts, supply=Supply.DC)
        case Supply.DC:
            raise table.fail("phases", "must be all three of a simulated DC EVSE")
        case other:
            raise table.fail("supply", f'must be "ac" or "dc", not {other!r}')


def _rotation(evse: TomlTable) -> tuple[int, ...]:
    names = evse.texts("phases", list(PHASE_NAMES))
    if not names or len(set(names)) != len(names) or any(name not in PHASE_NAMES for name in names):
        raise evse.fail("phases", f'must name one to three different phases of "L1", "L2", "L3", not {list(names)}')
    return tuple(PHASE_NAMES.index(name) for name in names)


def _url_endpoint(table: TomlTable, key: str, *, scheme: str) -> Endpoint:
    text = table.text(key)
    parts = urlsplit(text)
    if parts.scheme != scheme:
        raise table.fail(key, f"must be {scheme}://host:port here, not {text!r}")
    return parse_endpoint(parts.netloc, what=f"{key} {text!r}")
