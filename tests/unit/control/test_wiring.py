"""What steps of the chargers say of a meter's current transformers."""

import random
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from edge.control.wiring import WIRINGS, Step, Wiring, believed
from edge.control.wiring_watch import Draw, WiringWatch, draws
from edge.domain.reading import MeterReading, Quality
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey, Meter, Site, Station
from edge.units import NO_CURRENT, PHASES, PhaseAmps
from tests.site_builders import charging, evse, idle, key

AS_TOLD = Wiring()
SWAPPED = Wiring((0, 2, 1))
INVERTED = Wiring(sign=(1, -1, 1))


def single_phase_steps(wiring: Wiring, *, noise_a: float = 0.0, seed: int = 1) -> list[Step]:
    """Twelve steps of single-phase cars, four on each phase, as a meter that is wired so shows them."""
    noise = random.Random(seed)
    steps = []
    for number in range(12):
        drawn = PhaseAmps.on([PHASES[number % 3]], 10.0 if number % 2 else -14.0)
        disturbed = PhaseAmps(*(amps + noise.uniform(-noise_a, noise_a) for amps in wiring.shown(drawn)))
        steps.append(Step(drawn_a=drawn, measured_a=disturbed))
    return steps


@pytest.mark.parametrize("wiring", WIRINGS)
def test_each_wiring_is_recognised(wiring: Wiring) -> None:
    """All 48 ways to swap and turn, with other loads stepping by up to 3 A meanwhile."""
    assert believed(single_phase_steps(wiring, noise_a=3.0)) == wiring


def test_few_steps_say_nothing() -> None:
    """Three could be chance."""
    assert believed(single_phase_steps(SWAPPED)[:3]) is None
    assert believed([]) is None


def test_loads_that_step_by_themselves_accuse_nobody() -> None:
    """Where the meter's steps have nothing to do with the chargers', no wiring is believed."""
    noise = random.Random(7)
    steps = [
        Step(drawn_a=step.drawn_a, measured_a=PhaseAmps(*(noise.uniform(-30, 30) for _ in PHASES)))
        for step in single_phase_steps(AS_TOLD)
    ]
    assert believed(steps) is None


def test_three_phase_steps_show_a_turned_transformer() -> None:
    """Equal steps on all phases can't tell the phases apart, but a direction they can."""
    steps = [Step(drawn_a=PhaseAmps.same(10.0), measured_a=PhaseAmps(10.0, -10.0, 10.0)) for _ in range(5)]
    assert believed(steps) == INVERTED
    assert believed([Step(drawn_a=PhaseAmps.same(10.0), measured_a=PhaseAmps.same(10.0))] * 5) == AS_TOLD


def test_what_is_said_of_a_wiring() -> None:
    """Which phase appears where, which counts backwards, and what to do."""
    assert list(SWAPPED.sentences()) == [
        "L2 appears as L3, L3 appears as L2; check the order of the current transformers (clamps)"
    ]
    assert list(INVERTED.sentences()) == [
        "L2 counts backwards; turn the current transformer on the meter's L2 round, or swap its two wires"
    ]
    assert list(AS_TOLD.sentences()) == []


KEYS = (EvseKey(station="A", evse=1), EvseKey(station="B", evse=1))
SITE = Site(
    id="s",
    timezone="UTC",
    nominal_voltage_v=230.0,
    control=ControlSettings(),
    circuits=(Circuit(id="main", parent=None, fuse_a=63.0, meter="grid"),),
    meters=(Meter(id="grid", model="m", connection="tcp://h"),),
    stations=tuple(
        Station(
            id=key.station,
            evses=(Evse(key=key, circuit="main", phases=PHASES, min_a=6.0, max_a=32.0, fallback_a=6.0),),
        )
        for key in KEYS
    ),
)


class Day:
    """Single-phase cars that come and go one after the other, each reported every 20 s, seen by a meter."""

    def __init__(self, wirings: dict[EvseKey, Wiring]) -> None:
        self.watch = WiringWatch(SITE)
        self._wirings = wirings
        self._draws = dict.fromkeys(KEYS, NO_CURRENT)
        self._reports = {key: Draw(current_a=NO_CURRENT, at=0.0) for key in KEYS}
        self._now = 0

    def run(self, steps: int) -> None:
        """So many steps, by turns, on each phase in turn."""
        for number in range(steps):
            key = KEYS[number % 2]
            if self._draws[key] == NO_CURRENT:
                self._draws[key] = PhaseAmps.on([PHASES[number // 2 % 3]], 12.0)
            else:
                self._draws[key] = NO_CURRENT
            self._seconds(60)

    def _seconds(self, count: int) -> None:
        for _ in range(count):
            self._now += 1
            shown = PhaseAmps(8.0, 9.0, 10.0)  # the building
            for drawing, draw in self._draws.items():
                shown += self._wirings.get(drawing, AS_TOLD).shown(draw)
            if self._now % 20 == 0:
                self._reports = {key: Draw(current_a=draw, at=float(self._now)) for key, draw in self._draws.items()}
            reading = MeterReading(meter="grid", at=float(self._now), current_a=shown, quality=Quality.GOOD)
            self.watch.observe({"grid": reading}, self._reports)


def test_a_sound_site_raises_no_alarm() -> None:
    """A day of steps, and nothing to say."""
    day = Day({})
    with capture_logs() as logs:
        day.run(40)
    assert (day.watch.findings("grid"), logs) == ((), [])


def test_a_swapped_meter_is_told_once() -> None:
    """Every charger is seen on the wrong phase: it is the meter; one line in the log."""
    day = Day(dict.fromkeys(KEYS, SWAPPED))
    with capture_logs() as logs:
        day.run(40)
    told = "meter 'grid': L2 appears as L3, L3 appears as L2; check the order of the current transformers (clamps)"
    assert day.watch.findings("grid") == (told,)
    assert [line["event"] for line in logs] == [told]


def test_what_was_put_right_is_told_too() -> None:
    """When the steps fit again, the finding goes, in one line."""
    wirings = dict.fromkeys(KEYS, INVERTED)
    day = Day(wirings)
    with capture_logs() as logs:
        day.run(40)
        assert day.watch.findings("grid")
        wirings.update(dict.fromkeys(KEYS, AS_TOLD))
        day.run(120)
    assert day.watch.findings("grid") == ()
    assert logs[-1]["event"] == "meter 'grid': its phases are seen as the site file says"


def test_one_charger_that_is_wired_otherwise_is_named() -> None:
    """Only its steps are seen elsewhere: its own phases are in question, by the file or the station's settings."""
    day = Day({KEYS[0]: Wiring((1, 0, 2))})
    day.run(60)
    (told,) = day.watch.findings("grid")
    assert told.startswith("EVSE A/1 as seen by meter 'grid': L1 appears as L2, L2 appears as L1")
    assert "check the phases of this EVSE in the site file, and whether the station turns its phases" in told


def test_what_was_shown_before_is_not_told_again() -> None:
    """Of hundreds of EVSEs a tick brings reports of a few: the others keep their very state."""
    silent, old, new = idle(evse(number=1)), charging(evse(number=2), draw_a=8.0), charging(evse(number=3), draw_a=9.0)
    assert draws([silent, old]) == {key(2): Draw(current_a=PhaseAmps.same(8.0), at=old.drawn_at or 0.0)}
    assert draws([silent, old, new], [silent, old, replace(new)]).keys() == {key(3)}
