"""The installer's proof: a known load on a phase, or a charger that is stepped."""

import pytest

from edge.metering.proof import Verdict, shown, stepped
from edge.units import NO_CURRENT, PHASES, Phase, PhaseAmps

BEFORE = PhaseAmps(5.0, -3.0, 8.0)


@pytest.mark.parametrize(
    ("change", "verdict", "words"),
    [
        (PhaseAmps(0.3, 8.6, -0.2), Verdict.RIGHT, "L2: right (change: L1 +0.3 A, L2 +8.6 A, L3 -0.2 A)"),
        (PhaseAmps(0.0, -8.6, 0.0), Verdict.BACKWARDS, "turn the current transformer on the meter's L2 round"),
        (
            PhaseAmps(0.0, 0.0, 8.6),
            Verdict.ELSEWHERE,
            "move the transformer that is on L2 from the meter's L3 to its L2",
        ),
        (PhaseAmps(-8.6, 0.0, 0.0), Verdict.ELSEWHERE_BACKWARDS, "L2 appears as L1 and backwards"),
        (PhaseAmps(0.1, 0.2, 0.0), Verdict.NOT_SEEN, "the load is not seen"),
        (PhaseAmps(8.0, 8.0, 0.0), Verdict.UNCLEAR, "other loads changed meanwhile: try again"),
        (PhaseAmps(0.0, 40.0, 0.0), Verdict.UNCLEAR, "unclear"),
        (PhaseAmps(0.0, 8.6, 4.0), Verdict.UNCLEAR, "unclear"),
    ],
)
def test_a_load_on_l2(change: PhaseAmps, verdict: Verdict, words: str) -> None:
    """What each outcome is called, and what it tells the installer to do."""
    found = shown(Phase.L2, 8.7, BEFORE, BEFORE + change)
    assert found.verdict is verdict
    assert found.is_right == (verdict is Verdict.RIGHT)
    assert words in found.sentence()


def test_a_three_phase_charger() -> None:
    """Its step shows the direction of each phase; a phase that doesn't follow is named."""
    right = stepped(PHASES, 10.0, NO_CURRENT, PhaseAmps(9.5, 10.2, 9.8))
    assert [each.verdict for each in right] == [Verdict.RIGHT] * 3
    wrong = stepped(PHASES, 10.0, NO_CURRENT, PhaseAmps(9.5, -10.2, 0.1))
    assert [each.verdict for each in wrong] == [Verdict.RIGHT, Verdict.BACKWARDS, Verdict.NOT_SEEN]


def test_a_two_phase_charger_leaves_the_third_alone() -> None:
    """What moves on a phase that it isn't on makes the try unclear."""
    quiet = stepped([Phase.L1, Phase.L3], 10.0, NO_CURRENT, PhaseAmps(10.0, 0.5, 10.0))
    assert [each.phase for each in quiet] == [Phase.L1, Phase.L3]
    disturbed = stepped([Phase.L1, Phase.L3], 10.0, NO_CURRENT, PhaseAmps(10.0, 6.0, 10.0))
    assert [each.verdict for each in disturbed] == [Verdict.RIGHT, Verdict.UNCLEAR, Verdict.RIGHT]


def test_a_single_phase_charger_proves_the_place() -> None:
    """It is as good as a load."""
    (found,) = stepped([Phase.L1], 10.0, NO_CURRENT, PhaseAmps(0.0, 10.0, 0.0))
    assert (found.verdict, found.seen_on) == (Verdict.ELSEWHERE, Phase.L2)
