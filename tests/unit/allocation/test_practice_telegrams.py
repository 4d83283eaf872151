"""A smart meter that tells each 10 s (DSMR 4), with ``meter_stale_s = 25`` as its family's note says; in amperes."""

import pytest

from edge.allocation.cadence import KEPT
from edge.domain.setpoint import Reason
from edge.domain.site import Circuit, ControlSettings
from edge.units import PHASES, Amps, PhaseAmps, Seconds
from tests.unit.allocation.closed_loop import ClosedLoop, Telegram
from tests.unit.allocation.plugs import OBEYS_S
from tests.unit.allocation.practice import Car, Case, check_unharmed, main

STALE_S, EVERY_S = 25.0, 10.0
LEARNED_S = KEPT * EVERY_S


def _site(background_a: Amps = 10.0, *, of_s: Seconds = 0.0, cars: str = "ABC") -> ClosedLoop:
    """63 A, three-phase cars of 32 A; the first comes when how often the meter tells is known, the others later."""
    plugs = Case(
        fuses=main(63, background_a),
        cars={name: Car(wants_a=32, phases=PHASES, since_s=LEARNED_S + 1.0 + 47.0 * i) for i, name in enumerate(cars)},
        expected={},
    ).loop()
    return ClosedLoop(
        list(plugs.plugs.values()),
        [Circuit(id="main", parent=None, fuse_a=63.0, meter="grid")],
        background={"main": PhaseAmps.same(background_a)},
        settings=ControlSettings(meter_stale_s=STALE_S),
        telegram=Telegram(every_s=EVERY_S, of_s=of_s),
    )


def _run(loop: ClosedLoop, seconds: int) -> tuple[list[bool], set[Reason]]:
    """Second by second: whether the meter was late, and which reasons setpoints had."""
    late, reasons = [], set()
    for _ in range(seconds):
        loop.run(1.0)
        late.append(bool(loop.decision.headroom.late.any()))
        reasons |= {point.reason for point in loop.decision.setpoints}
    return late, reasons


def test_a_telegram_that_comes_in_time_is_not_late() -> None:
    """Whatever happens between two of them; cars needn't wait for the next one to rise."""
    loop = _site()
    loop.run(LEARNED_S + 1.0)
    late, reasons = _run(loop, 300)
    assert not any(late)
    assert Reason.METER_LATE not in reasons
    assert sum(loop.told.values()) == pytest.approx(53.0, abs=0.3)
    check_unharmed(loop)


def test_a_telegram_that_is_lost_is_late_and_the_next_one_mends_it() -> None:
    """From half an interval after it was due, until one comes; nothing has fallen back by then."""
    loop = _site(cars="A")
    loop.run(LEARNED_S + 130.0)
    assert loop.now % EVERY_S == 0
    told = loop.told
    loop.run(1.0)  # the one of now has come
    loop.silent_meters = {"grid"}
    late, _ = _run(loop, 18)
    assert late == [False] * 15 + [True] * 3
    loop.silent_meters = set()
    late, _ = _run(loop, 20)
    assert late == [True] + [False] * 19
    assert loop.told == told


def test_a_meter_that_was_stale_has_to_show_anew_how_often_it_tells() -> None:
    """It may fail again at once: while it recovers nothing rises but just behind a telegram."""
    loop = _site(cars="A")
    loop.run(LEARNED_S + 100.0)
    loop.silent_meters = {"grid"}
    loop.run(40.0)
    assert loop.decision.headroom.stale.any()
    loop.silent_meters = set()
    while loop.decision.headroom.stale.any():
        loop.run(1.0)
    late, _ = _run(loop, 10)
    assert any(late)
    loop.run(LEARNED_S)
    late, _ = _run(loop, 30)
    assert not any(late)


@pytest.mark.parametrize("of_s", [0.0, 5.0, 9.0, 10.0])
def test_no_rating_is_exceeded_however_old_what_a_telegram_tells_is(of_s: Seconds) -> None:
    """Up to the time between two: cars come and go, the building rises and falls; what it does unseen is excused."""
    loop = _site(of_s=of_s)
    loop.run(LEARNED_S + 200.0)
    for building_a in (30.0, 12.0, 41.0, 3.0):
        loop.load("main", *[building_a] * 3)
        loop.run(63.0)
        loop.leave("B")
        loop.run(38.0)
        loop.plugs["B"].arrives_s = loop.now + 3.0
        loop.run(54.0)
    check_unharmed(loop)
    loop.settle()
    assert sum(loop.told.values()) == pytest.approx(60.0, abs=0.4)


def test_who_obeys_late_unseen_is_made_up_for_after_two_telegrams() -> None:
    """A car that goes on with what it had, and of which no sample tells: the other is cut for it when the telegram of
    20 s later shows that more flows than may still. As if telegrams were 22 s old that took until the one of 30 s."""
    loop = _site(cars="AB")
    loop.run(LEARNED_S + 150.0)
    assert loop.told == pytest.approx({"A": 26.5, "B": 26.5}, abs=0.2)
    loop.plugs["A"].obeys_s, loop.plugs["A"].samples_s = 100.0, 1000.0
    loop.load("main", 25.0, 25.0, 25.0)
    loop.run(20.0)
    assert loop.told["B"] == pytest.approx(19.0, abs=0.2)  # its half of what is left, as if the other had obeyed
    loop.run(1.0 + OBEYS_S)
    assert loop.told["B"] < 16.0
