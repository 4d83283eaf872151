"""The fleet: stations made from the site file, cars that come and go, and the account that is kept of them."""

from dataclasses import dataclass, field

import pytest

from simulators.charger import Counters, ElectricVehicle, StationSpec, TransactionAccount
from simulators.fleet import NO_MORE_ARRIVALS_S, Fleet
from simulators.phases import Amps3
from simulators.scenario import Scenario, load_scenario
from simulators.traffic import MoveKind


@dataclass
class FakeStation:
    """Remembers what was plugged in; its only car draws and wants fixed currents."""

    spec: StationSpec
    url: str
    connected: bool = False
    counters: Counters = field(default_factory=Counters)
    plugged: dict[int, str] = field(default_factory=dict)
    cars: list[ElectricVehicle] = field(default_factory=list)
    stepped_s: float = 0.0

    async def run(self) -> None:
        self.connected = True

    def transactions(self) -> tuple[TransactionAccount, ...]:
        return ()

    def plug_in(self, connector_id: int, ev: ElectricVehicle, id_tag: str) -> None:
        self.plugged[connector_id] = id_tag
        self.cars.append(ev)

    def unplug(self, connector_id: int) -> None:
        del self.plugged[connector_id]

    def step(self, dt_s: float) -> None:
        self.stepped_s += dt_s

    def draw_a(self, connector_id: int) -> Amps3:
        return (7.0, 0.0, 0.0) if connector_id in self.plugged else (0.0, 0.0, 0.0)

    def offered_a(self, connector_id: int) -> float:
        return 7.0 if connector_id in self.plugged else 0.0

    def wanted_a(self, connector_id: int) -> float:
        return 16.0 if connector_id in self.plugged else 0.0

    def status(self, connector_id: int) -> str:
        return "Charging" if connector_id in self.plugged else "Available"

    def energy_wh(self) -> float:
        return 100.0


@pytest.fixture
def scenario() -> Scenario:
    """The ready demo."""
    return load_scenario("demo")


@pytest.fixture
def stations() -> dict[str, FakeStation]:
    """The stations the fleet has made."""
    return {}


@pytest.fixture
def fleet(scenario: Scenario, stations: dict[str, FakeStation]) -> Fleet:
    """A fleet of fakes."""

    def make(spec: StationSpec, url: str) -> FakeStation:
        stations[spec.identity] = FakeStation(spec, url)
        return stations[spec.identity]

    return Fleet(scenario, "ws://gw:9000", make_station=make)


def play(fleet: Fleet, until_s: int, *, ends_s: float | None = None) -> list[tuple[MoveKind, str]]:
    """Second by second; what happened."""
    return [
        (move.kind, move.car.name)
        for second in range(1, until_s + 1)
        for move in fleet.step(second, 1.0, ends_s=ends_s)
    ]


def test_stations_follow_the_site_file(fleet: Fleet, stations: dict[str, FakeStation]) -> None:
    """Identity, connectors, ratings, address and a sample every 5 s."""
    assert list(stations) == [f"CP-0{number}" for number in range(1, 9)]
    spec = stations["CP-02"].spec
    assert [(each.connector_id, each.max_a, each.phases) for each in spec.connectors] == [(1, 32.0, 3)]
    assert spec.sample_interval_s == 5
    assert stations["CP-02"].url == "ws://gw:9000/CP-02"
    assert not fleet.all_connected


def test_cars_come_and_go(fleet: Fleet, stations: dict[str, FakeStation]) -> None:
    """Anna's car is plugged in at 2 s with her card and gone at 33 s; every station was stepped all the time."""
    assert play(fleet, 3) == [(MoveKind.ARRIVES, "Anna's hatchback")]
    assert stations["CP-01"].plugged == {1: "ANNA"}
    assert (stations["CP-01"].cars[0].max_a, stations["CP-01"].cars[0].phases) == (16.0, 3)
    for second in range(4, 34):
        fleet.step(second, 1.0, ends_s=None)
    assert stations["CP-01"].plugged == {}
    assert {station.stepped_s for station in stations.values()} == {33.0}


def test_nobody_arrives_in_the_last_seconds(scenario: Scenario, fleet: Fleet, stations: dict[str, FakeStation]) -> None:
    """Who would come within NO_MORE_ARRIVALS_S of the end, or after it, stays away, and never leaves either."""
    second_car = next(car for car in scenario.cars if car.arrive_s == 4)
    moves = play(fleet, 9, ends_s=4 + NO_MORE_ARRIVALS_S)
    assert moves == [(MoveKind.ARRIVES, "Anna's hatchback")]
    assert second_car.station in stations
    assert not stations[second_car.station].plugged


def test_draws_say_what_each_car_wants_on_its_phases(fleet: Fleet) -> None:
    """A one-phase car wants on its own L1 only; an empty EVSE neither draws nor wants."""
    play(fleet, 6)
    draws = {draw.station: draw for draw in fleet.draws()}
    assert len(draws) == 8
    assert draws["CP-03"].wanted_a == (16.0, 0.0, 0.0)
    assert draws["CP-01"].wanted_a == (16.0, 16.0, 16.0)
    assert draws["CP-01"].draw_a == (7.0, 0.0, 0.0)
    assert draws["CP-08"].wanted_a == (0.0, 0.0, 0.0)


def test_totals_are_sums_over_the_stations(fleet: Fleet, stations: dict[str, FakeStation]) -> None:
    """Energy, profiles and confirmations come from every station; settled is when nothing is owed to any."""
    stations["CP-01"].counters.profiles_received = 3
    stations["CP-02"].counters.profiles_received = 4
    stations["CP-02"].counters.transactions_started = 1
    assert (fleet.energy_wh(), fleet.profiles_received(), fleet.settled()) == (800.0, 7, False)
    stations["CP-02"].counters.transactions_confirmed = 1
    assert fleet.settled()
    assert fleet.transactions_confirmed() == 1
