"""Mode eco: who may ask for it and how long it holds; what it makes of cars that charge, wait, or come."""

from typing import Any

import pytest

from edge.bms.eco import EcoMode
from edge.bms.mode_command import UNMEASURED, ModeCommand
from edge.bms.mqtt_commands import Rejected
from edge.bms.surplus import SurplusSettings
from edge.bms.surplus_watch import SurplusWatch
from edge.domain.limit import EvseCapped, LimitSource
from tests.unit.bms.bms_site import Hands, report, site

START_S, STOP_S = 60, 180
SUN, NIGHT = -4600.0, 2300.0  # W at the grid connection while no car charges


class Caps:
    """Keeps the newest cap of each station."""

    def __init__(self) -> None:
        self.newest: dict[str, EvseCapped] = {}
        self.taken = 0

    def take(self, fact: EvseCapped) -> None:
        self.newest[fact.key.station] = fact
        self.taken += 1


class Yard:
    """Two stations, neither of which lives on surplus by the site file. Cars draw what they are told, on one phase."""

    def __init__(self, *, eco: EcoMode | None = None) -> None:
        self.clock, self.caps = Hands(), Caps()
        self.eco = eco if eco is not None else EcoMode(possible=True)
        settings = SurplusSettings(start_s=START_S, stop_s=STOP_S)
        self.watch = SurplusWatch(site(), settings, eco=self.eco, battery=None, battery_counts=False, sink=self.caps)
        self.draws_a = {"CP-01": 0.0, "hall/2": 0.0}
        self.grid_w: float | None = NIGHT

    def pass_s(self, seconds: int) -> "Yard":
        for _ in range(seconds):
            self.watch.observe(self._seen(), self.clock)
            self.clock.pass_s(1)
        return self

    def _seen(self) -> dict[str, Any]:
        found = report()
        cars_w = 230.0 * sum(self.draws_a.values())
        found["meters"][0] |= {"ok": self.grid_w is not None, "power_w": (self.grid_w or 0.0) + cars_w}
        for station in found["stations"]:
            draw_a = self.draws_a[station["id"]]
            station["evses"][0] |= {
                "transaction_id": "7",
                "phases_in_use": ["L1"],
                "draw_a": [draw_a, 0.0, 0.0],
                "status": "Charging" if draw_a > 0 else "SuspendedEVSE",
            }
        return found

    def ask(self, valid_s: float = 3600.0) -> None:
        self.eco.ask(LimitSource.BMS_MODBUS, until=self.clock.now + valid_s)

    @property
    def allowed_a(self) -> list[float | None]:
        """What the sun leaves each; None where it isn't asked."""
        found = [self.caps.newest[station].limit_a if station in self.caps.newest else None for station in self.draws_a]
        return [round(each, 2) if each is not None else None for each in found]


def test_nobody_is_held_while_nobody_asks() -> None:
    """A watch that is there for eco alone says nothing before that."""
    assert Yard().pass_s(300).caps.taken == 0


def test_eco_holds_every_evse() -> None:
    """By night all wait; with the sun one begins after the other, each after its time."""
    yard = Yard()
    yard.ask()
    assert yard.pass_s(1).allowed_a == [0.0, 0.0]
    assert all(cap.eco for cap in yard.caps.newest.values())
    yard.grid_w = SUN
    assert yard.pass_s(START_S).allowed_a == [0.0, 0.0]
    assert yard.pass_s(1).allowed_a == [20.0, 0.0]
    yard.draws_a["CP-01"] = 20.0
    assert yard.pass_s(START_S + 1).allowed_a == [10.0, 10.0]


def test_cars_that_charge_keep_their_minimum_for_a_while() -> None:
    """When eco begins without sun: they stop as after a cloud, when that has lasted. One that doesn't charge waits."""
    yard = Yard()
    yard.draws_a["hall/2"] = 16.0
    yard.pass_s(10).ask()
    assert yard.pass_s(STOP_S).allowed_a == [0.0, 6.0]
    assert yard.pass_s(1).allowed_a == [0.0, 0.0]


def test_a_cloud_that_passes_stops_nobody() -> None:
    """Too little for less than its time, and again: the car goes on at its minimum."""
    yard = Yard()
    yard.ask()
    yard.grid_w = SUN
    yard.pass_s(START_S + 1)
    for _ in range(3):
        yard.draws_a["CP-01"], yard.grid_w = 6.0, NIGHT
        assert yard.pass_s(STOP_S - 1).allowed_a == [6.0, 0.0]
        yard.grid_w = -1400.0
        assert yard.pass_s(2).allowed_a == [6.09, 0.0]


def test_who_falls_silent_loses_the_mode() -> None:
    """Every EVSE is let go in the tick after its end, and the next eco begins anew."""
    yard = Yard()
    yard.ask(valid_s=60.0)
    assert yard.pass_s(60).allowed_a == [0.0, 0.0]
    assert yard.pass_s(1).allowed_a == [None, None]
    taken = yard.caps.taken
    assert yard.pass_s(60).caps.taken == taken
    yard.ask()
    assert yard.pass_s(1).allowed_a == [0.0, 0.0]


def test_a_restart_finds_the_cars_that_charge() -> None:
    """The mode isn't remembered, as a limit isn't: the cars charge, and when it is asked for anew they go on."""
    before = Yard()
    before.ask()
    before.grid_w = SUN
    before.pass_s(START_S + 1)
    after = Yard()
    after.draws_a["CP-01"], after.grid_w = 20.0, -1000.0
    assert after.pass_s(30).allowed_a == [None, None]
    after.ask()
    assert after.pass_s(30).allowed_a == [6.0, 0.0]


def test_a_meter_that_falls_silent_is_no_sun() -> None:
    """Who charges goes on for as long as under a cloud."""
    yard = Yard()
    yard.ask()
    yard.grid_w = SUN
    yard.pass_s(START_S + 1)
    yard.draws_a["CP-01"], yard.grid_w = 20.0, None
    assert yard.pass_s(STOP_S).allowed_a == [6.0, 0.0]
    assert yard.pass_s(1).allowed_a == [0.0, 0.0]


def test_either_source_suffices() -> None:
    """It holds while one of them asks, and says how long."""
    eco = EcoMode(possible=True)
    assert eco.remaining_s(100.0) is None
    eco.ask(LimitSource.BMS_MODBUS, until=130.0)
    eco.ask(LimitSource.BMS_MQTT, until=160.0)
    assert eco.remaining_s(100.0) == 60.0
    eco.take_back(LimitSource.BMS_MQTT)
    assert (eco.remaining_s(100.0), eco.holds(129.9), eco.holds(130.0)) == (30.0, True, False)


def test_the_command_over_mqtt() -> None:
    """Holds for its own time or the configured one; auto takes it back, and nothing that another source asked."""
    eco = EcoMode(possible=True)
    command = ModeCommand(eco, timeout_s=60.0)
    command({"mode": "eco"}, 100.0)
    assert eco.remaining_s(100.0) == 60.0
    command({"mode": "eco", "valid_s": 900}, 100.0)
    assert eco.remaining_s(100.0) == 900.0
    eco.ask(LimitSource.BMS_MODBUS, until=130.0)
    command({"mode": "auto"}, 101.0)
    assert eco.remaining_s(101.0) == 29.0


@pytest.mark.parametrize(
    ("document", "possible", "reason"),
    [
        ({"mode": "eco"}, False, UNMEASURED),
        ({"mode": "pause"}, True, "pause is cmd/limit with max_a 0"),
        ({"mode": "pv"}, True, "mode is missing: auto or eco"),
        ({}, True, "mode is missing: auto or eco"),
        ({"mode": ["eco"]}, True, "mode is missing: auto or eco"),
        ({"mode": "eco", "valid_s": 0}, True, "valid_s is 0: above 0, up to 3600"),
        ({"mode": "eco", "valid_s": 3601}, True, "valid_s is 3601: above 0, up to 3600"),
        ({"mode": "eco", "valid_s": "60"}, True, "valid_s is no number"),
    ],
)
def test_what_is_refused_is_told_why(document: dict[str, Any], possible: bool, reason: str) -> None:
    """And changes nothing."""
    eco = EcoMode(possible=possible)
    with pytest.raises(Rejected, match=reason):
        ModeCommand(eco, timeout_s=60.0)(document, 100.0)
    assert not eco.holds(100.0)
