"""The meters of the world: simulated ones, each on the network, that measure what flows through their circuits."""

from collections.abc import Mapping, Sequence
from typing import Final

from simulators.meter import ModbusTcpServer, SimulatedMeter
from simulators.meter.faults import MeterFault
from simulators.meter.maps import MAPS
from simulators.meter.state import LineState
from simulators.site import Endpoint
from simulators.world.copper import Copper
from simulators.world.node import start_on
from simulators.world.site import MeterSpot

FREQUENCY_HZ: Final = 50.0
DUMB: Final = frozenset({MeterFault.SILENT, MeterFault.NAN})
LEAST_V: Final = 1.0  # nobody believes a meter that shows less


def node_of(meter: str) -> str:
    """The machine of a meter."""
    return f"meter:{meter}"


class WorldMeters:
    """Each endpoint is a converter with one meter or several behind it. `volts` and the `factor` of its currents
    may be made wrong by a fault.
    """

    def __init__(self, spots: Sequence[MeterSpot], copper: Copper, *, volts: float) -> None:
        self.volts = dict.fromkeys((spot.id for spot in spots), volts)
        self.factor = dict.fromkeys((spot.id for spot in spots), 1.0)
        self._copper = copper
        self._spots = tuple(spots)
        self.devices: Mapping[str, SimulatedMeter] = {spot.id: self._device(spot) for spot in spots}
        self._servers: dict[str, ModbusTcpServer] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.devices)

    def circuit_of(self, meter: str) -> str:
        """What it measures."""
        return next(spot.circuit for spot in self._spots if spot.id == meter)

    def is_blind(self, circuit: str) -> bool:
        """Whether by a fault nothing can be known of what flows through a circuit that is measured."""
        meters = [spot.id for spot in self._spots if spot.circuit == circuit]
        return bool(meters) and all(self.devices[each].fault in DUMB or self.volts[each] < LEAST_V for each in meters)

    async def begin(self) -> None:
        """Every endpoint listens, on its first meter's machine."""
        by_endpoint: dict[Endpoint, list[MeterSpot]] = {}
        for spot in self._spots:
            by_endpoint.setdefault(spot.listen, []).append(spot)
        for endpoint, spots in by_endpoint.items():
            server = ModbusTcpServer({spot.unit: self.devices[spot.id] for spot in spots})
            await start_on(node_of(spots[0].id), server.open(endpoint))
            self._servers[spots[0].id] = server

    async def end(self) -> None:
        """Stop listening."""
        for meter, server in self._servers.items():
            await start_on(node_of(meter), server.close())

    def _device(self, spot: MeterSpot) -> SimulatedMeter:
        run = self._copper.runs[spot.circuit]

        def state() -> LineState:
            self._copper.advance()
            volts = self.volts[spot.id]
            factor = self.factor[spot.id]
            l1_a, l2_a, l3_a = (factor * amps for amps in run.total_a)
            powers = (volts * l1_a, volts * l2_a, volts * l3_a)
            return LineState(
                current_a=(l1_a, l2_a, l3_a),
                voltage_v=(volts,) * 3,
                power_w=powers,
                total_w=sum(powers),
                frequency_hz=FREQUENCY_HZ,
                import_wh=run.import_wh,
                export_wh=run.export_wh,
            )

        return SimulatedMeter(MAPS[spot.model], state)
