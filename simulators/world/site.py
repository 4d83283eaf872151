"""The site of a scenario: the text of its site file, and what of it the simulated peers need."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from edge.cli.findings import read
from edge.config import Configuration
from edge.domain.connection import Transport, parse_connection
from edge.domain.site import Evse, Mode
from edge.errors import ConfigurationError
from simulators.charger import Supply
from simulators.charger.spec import EDITION_16
from simulators.errors import ScenarioError
from simulators.phases import PHASE_NAMES
from simulators.site import CircuitSpec, Endpoint, EvseSpec, SiteSpec
from simulators.world.source import SiteSource

WS_PORT: Final = 80  # of a cloud's address that names none (RFC 6455 §3)
MIN_A: Final = 6.0  # of each EVSE of posts (IEC 61851-1)
DC_MIN_W: Final = 5000.0
EDITIONS: Final = (EDITION_16, "2.0.1", "2.1")
ROTATIONS: Final = (("L1", "L2", "L3"), ("L2", "L3", "L1"), ("L3", "L1", "L2"))  # so that one-phase cars spread


@dataclass(frozen=True, slots=True, kw_only=True)
class PostsSpec:
    """So many equal stations of `evses` EVSEs each, named by `id` with a number in it (`"CP-{:02}"`), from `first` on.

    Of DC posts `max_a` and `fallback_a` are None, and `max_w` and `fallback_w` count. `edition` is that of OCPP.
    """

    id: str
    count: int
    circuit: str
    first: int = 1
    class_id: str | None = None
    phases: int = 3
    max_a: float | None = None
    fallback_a: float | None = None
    max_w: float | None = None
    fallback_w: float | None = None
    switches_phases: bool = False
    edition: str = EDITION_16
    evses: int = 1

    def identities(self) -> tuple[str, ...]:
        return tuple(self.id.format(number) for number in range(self.first, self.first + self.count))

    def toml(self) -> str:
        """The stations as tables of a site file; each EVSE's first phase is another than its neighbour's."""
        return "".join(self._station(number, identity) for number, identity in enumerate(self.identities()))

    def _station(self, number: int, identity: str) -> str:
        lines = ["", "[[station]]", f"id = {_quoted(identity)}", f"circuit = {_quoted(self.circuit)}"]
        if self.class_id is not None:
            lines.append(f"class = {_quoted(self.class_id)}")
        for evse in range(self.evses):
            lines += self._evse(evse + 1, ROTATIONS[(number * self.evses + evse) % len(ROTATIONS)])
        return "\n".join(lines) + "\n"

    def _evse(self, number: int, rotation: Sequence[str]) -> list[str]:
        wired = ", ".join(f'"{name}"' for name in rotation[: self.phases])
        lines = ["[[station.evse]]", f"id = {number}", f"phases = [{wired}]"]
        if self.max_w is not None:
            lines += ['supply = "dc"', f"max_w = {self.max_w:g}", f"min_w = {DC_MIN_W:g}"]
            lines.append(f"fallback_w = {self.fallback_w or 0.0:g}")
        else:
            lines += [
                f"min_a = {MIN_A:g}",
                f"max_a = {self.max_a or 16.0:g}",
                f"fallback_a = {self.fallback_a or 0.0:g}",
            ]
        if self.switches_phases:
            lines.append("switches_phases = true")
        return lines


def _quoted(text: str) -> str:
    """As TOML has it, which knows the escapes of JSON, and forbids one sign more."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSpot:
    """A meter: where it answers, what it is, and the circuit that it measures."""

    id: str
    model: str
    listen: Endpoint
    unit: int
    circuit: str


def prove_site(text: str, source: SiteSource) -> Configuration:
    """The site of that text. Raises ScenarioError with the gateway's own findings, or with what a world hasn't."""
    with tempfile.TemporaryDirectory(prefix="edge-site-") as folder:
        file = Path(folder) / "site.toml"
        file.write_text(text, encoding="utf-8")
        configuration = read_site(file, source)
    if configuration.site.control.mode is not Mode.CONTROL:
        raise ScenarioError(
            'the scenario\'s site must have [control] mode = "control", or no mode: what only observes commands '
            "nothing, and all would be judged as if it did"
        )
    meter_spots(configuration)
    peers_view(configuration)
    return configuration


def site_text(head: str, posts: Sequence[PostsSpec]) -> str:
    """The whole site file: what the scenario gives, and its posts after that."""
    return head.rstrip() + "\n" + "".join(each.toml() for each in posts)


def read_site(path: Path, source: SiteSource) -> Configuration:
    """The site file as the gateway reads it. Raises ScenarioError with the gateway's own findings."""
    try:
        return read(path)
    except ConfigurationError as exc:
        raise ScenarioError("\n".join(("the scenario's site isn't sound:", *source.told(exc.errors)))) from exc


def meter_spots(configuration: Configuration) -> tuple[MeterSpot, ...]:
    """Raises ScenarioError for a meter that this world has not."""
    site = configuration.site
    spots: list[MeterSpot] = []
    for meter in site.meters:
        connection = parse_connection(meter.connection)
        measured = [circuit.id for circuit in site.circuits if circuit.meter == meter.id]
        if connection.transport is not Transport.TCP or len(measured) != 1:
            raise ScenarioError(
                f"the scenario's meter {meter.id!r} must be at tcp://host:port and measure exactly one circuit"
            )
        spots.append(
            MeterSpot(
                id=meter.id,
                model=meter.model,
                listen=Endpoint(host=connection.host, port=connection.port),
                unit=meter.unit,
                circuit=measured[0],
            )
        )
    return tuple(spots)


def cloud_of(configuration: Configuration) -> Endpoint:
    """Where the stations' cloud is. Raises ScenarioError."""
    told = configuration.ocpp.upstream
    if told is None:
        raise ScenarioError("the scenario's site must have an upstream: a world's books are those of its cloud")
    upstream = urlsplit(told)
    if upstream.scheme != "ws":
        raise ScenarioError(f"the scenario's upstream must begin with ws:// (a world has no TLS), not {told!r}")
    return Endpoint(host=upstream.hostname or "", port=upstream.port or WS_PORT)


def peers_view(configuration: Configuration) -> SiteSpec:
    """The site as the simulated stations see it. Raises ScenarioError."""
    site = configuration.site
    host, port = configuration.ocpp.listen
    cloud = cloud_of(configuration)
    return SiteSpec(
        id=site.id,
        nominal_voltage_v=site.nominal_voltage_v,
        circuits=tuple(
            CircuitSpec(id=each.id, parent=each.parent, fuse_a=each.fuse_a, margin_a=each.margin_a, meter=each.meter)
            for each in site.circuits
        ),
        evses=tuple(_evse(evse) for evse in site.evses),
        gateway=Endpoint(host=host, port=port),
        cloud=cloud,
        meter=cloud,
        meter_unit=1,
    )


def _evse(evse: Evse) -> EvseSpec:
    return EvseSpec(
        station=evse.key.station,
        evse_id=evse.key.evse,
        circuit=evse.circuit,
        rotation=tuple(PHASE_NAMES.index(phase.value) for phase in evse.phases),
        max_a=evse.max_a,
        min_a=evse.min_a,
        supply=Supply(evse.supply.value),
        switches_phases=evse.switches_phases,
    )
