"""Too much for a moment is within the budget; again and again it isn't."""

import pytest

from edge.allocation.background import Background
from edge.control.records import EvseRecord
from edge.units import Amps, Seconds
from tests.world.worlds import played_beside_a_rise


def test_too_much_again_and_again_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that takes a car for obedient which comes down to another limit: raises it, finds it out, cuts it."""

    def forgives(record: EvseRecord, _before_a: Amps | None, draw_a: Amps, at: Seconds) -> None:
        bound_a = record.holdings.most_a(at, in_session=True, renewable=True)
        record.samples_over_limit = 0 if bound_a is None or draw_a <= bound_a + 1.0 else record.samples_over_limit + 1

    monkeypatch.setattr(EvseRecord, "judge_draw", forgives)
    monkeypatch.setattr(Background, "is_over", lambda *_: (False, False, False))  # else nothing is raised meanwhile
    verdicts = played_beside_a_rise(minutes=14.0).result.verdicts
    assert any(verdict.oracle == "rating" and "a little at a time" in verdict.text for verdict in verdicts)
