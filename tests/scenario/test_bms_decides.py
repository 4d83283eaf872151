"""What outsiders say, in the control loop: it binds the next decision, says whose it is, and ends by itself."""

from typing import Any

from edge.bms.eco import EcoMode
from edge.bms.facility import Facility
from edge.bms.image import image
from edge.bms.modbus_control import ControlBlock
from edge.bms.settings import Bounds, FacilitySettings, ModbusSettings, WritePolicy
from edge.bms.stated import StatedLimits
from edge.control import report
from edge.control.ports import LimitSink
from edge.domain.limit import LimitSource, LimitStated
from edge.domain.setpoint import Reason
from edge.domain.station import DrawSampled
from edge.units import PhaseAmps, Seconds
from tests.site_builders import key
from tests.unit.control.loop_rig import Rig, in_virtual_time

LIMIT_A = 4  # the register
TIMEOUT_S = 20.0
FALLBACK_A = 12.0
SETTLED_S = 60.0  # a car that may has risen to all it can use by then


class House(Rig):
    """A loop with one car that takes all it is allowed, and a BMS at its Modbus registers."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = StatedLimits(self.board.site, self.board)
        self.block = ControlBlock(
            circuit="main",
            policy=WritePolicy(writable=True, limit_timeout_s=TIMEOUT_S, fallback_a=FALLBACK_A),
            bounds=Bounds(most_a=63.0, most_w=43470.0),
            sink=self.limits,
            eco=EcoMode(possible=False),
            now=self.clock.monotonic,
        )
        self.meter_shows_a = 0.0
        self.seen: list[tuple[Seconds, dict[str, Any]]] = []
        self.acts: dict[int, list[int]] = {}
        self.on_publish = self._live

    def _live(self, number: int) -> None:
        now = self.clock.monotonic()
        told = dict(report.status(self.board, *self.published[-1], self.vitals.pulse))
        self.seen.append((now, told))
        limit_a = self.published[-1][1].setpoint(0).limit_a or 0.0
        self.meter_shows_a = limit_a
        self.board.take(DrawSampled(key=key(1), at=now, current_a=PhaseAmps.same(limit_a)))
        if number in self.acts:
            self.block.write_holding(LIMIT_A, self.acts[number])

    def evse(self, at: int) -> dict[str, Any]:
        """The EVSE in the report of a tick, from 1."""
        found: dict[str, Any] = self.seen[at - 1][1]["stations"][0]["evses"][0]
        return found

    def effective(self, at: int) -> dict[str, Any]:
        found: dict[str, Any] = self.seen[at - 1][1]["limits"]["effective"][0]
        return found


@in_virtual_time
async def test_a_written_limit_binds_the_next_tick_and_ends_in_the_fallback() -> None:
    """Over Modbus: cut in the next tick, told with whose it is; a time-out and a tick later it is the fallback's."""
    house = House()
    house.car_arrives()
    house.acts = {60: [100]}
    await house.run_for(60 + TIMEOUT_S + SETTLED_S)
    assert house.evse(60)["limit_a"] > 10
    assert (house.effective(60)["reason"], house.effective(61)["reason"]) == ("fuse", "bms")
    assert (house.evse(61)["limit_a"], house.effective(61)["limit_a"]) == (10.0, 10.0)
    assert house.evse(62)["reason"] == Reason.LIMITED
    assert house.evse(62)["text"] == "10.0 A: the building (Modbus) allows main 10 A (10.0 A on L1)"
    over = 61 + int(TIMEOUT_S)
    assert (house.effective(over)["reason"], house.effective(over)["limit_a"]) == ("fallback", FALLBACK_A)
    assert house.effective(over)["source"] == "bms_modbus"
    assert house.evse(over + 30)["text"] == (
        "12.0 A: the building (Modbus) is silent: main falls back to 12 A (12.0 A on L1)"
    )


class Strict(dict[str, Any]):
    """A report of which nothing may be asked that it hasn't."""

    def get(self, key: str, default: Any = None) -> Any:
        assert key in self, f"the report has no '{key}'"
        return super().get(key, default)


def strict(value: Any) -> Any:
    """The value with all that is in it."""
    if isinstance(value, dict):
        return Strict({key: strict(inner) for key, inner in value.items()})
    return [strict(inner) for inner in value] if isinstance(value, list | tuple) else value


@in_virtual_time
async def test_every_point_reads_what_the_report_has() -> None:
    """Of a tick with a car that charges: no point asks for a field that no report has."""
    house = House()
    house.car_arrives()
    for register_wh in (1000.0, 1250.0):
        house.board.take(DrawSampled(key=key(1), at=0.0, current_a=PhaseAmps.same(6), energy_wh=register_wh))
    await house.run_for(3)
    modbus = ModbusSettings(
        host="127.0.0.1", port=0, policy=WritePolicy(writable=True, limit_timeout_s=60.0, fallback_a=20.0)
    )
    facility = Facility(
        house.board.site, FacilitySettings(modbus=modbus), clock=house.clock, version="test", sink=house.board
    )
    report = house.seen[-1][1] | facility.report() | {"certificates": []}  # as the daemon puts it together
    seen = image(strict(report), house.board.site)
    assert (seen.evses[key(1)]["session_wh"], seen.evses[key(1)]["priority"]) == (250.0, 0)


@in_virtual_time
async def test_nobody_raises_what_the_installer_set() -> None:
    """The highest limit that is accepted leaves the fuse's rating."""
    house = House()
    house.car_arrives()
    house.acts = {10: [630]}
    await house.run_for(20)
    rating_a = house.board.site.circuits[0].rating_a
    assert house.effective(11)["limit_a"] == rating_a


@in_virtual_time
async def test_a_limit_of_a_circuit_that_is_not_there_is_ignored() -> None:
    """It limits nothing, and is not shown."""
    house = House()
    sink: LimitSink = house.board
    sink.take(LimitStated(source=LimitSource.CLOUD, circuit="attic", at=0.0, limit_a=0.0))
    await house.run_for(2)
    assert house.seen[-1][1]["limits"]["stated"] == []


@in_virtual_time
async def test_the_facility_hands_on_to_control() -> None:
    """Its sink is the board's: what is stated to it stands on the board."""
    rig = Rig()
    facility = Facility(rig.board.site, FacilitySettings(), clock=rig.clock, version="test", sink=rig.board)
    limit = LimitStated(source=LimitSource.SCHEDULE, circuit="main", at=0.0, limit_a=8.0)
    facility.limits.take(limit)
    assert rig.board.snapshot(1.0).limits == (limit,)
