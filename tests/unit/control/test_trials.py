"""Limits for trial: they lower for a while, never raise, and end by themselves."""

import pytest

from edge.control.trials import LONGEST_S, Trials
from edge.domain.site import EvseKey
from edge.errors import EvseUnknown, NeedImplausible

KEY = EvseKey(station="CP-01", evse=1)


def test_a_trial_only_lowers_and_ends() -> None:
    """The lower of it and what is allowed otherwise; nothing once it is over."""
    trials = Trials(frozenset({KEY}))
    assert trials.lower(KEY, None, 0.0) is None
    trials.begin(KEY, 8.0, now=0.0, for_s=10.0)
    assert trials.lower(KEY, None, 9.9) == 8.0
    assert trials.lower(KEY, 6.0, 9.9) == 6.0
    assert trials.lower(KEY, 32.0, 9.9) == 8.0
    assert trials.lower(KEY, 32.0, 10.0) == 32.0


def test_what_cannot_be_meant_is_refused() -> None:
    """Unknown EVSEs, negative limits, no time or too long a time."""
    trials = Trials(frozenset({KEY}))
    with pytest.raises(EvseUnknown):
        trials.begin(EvseKey(station="CP-02", evse=1), 6.0, now=0.0, for_s=1.0)
    for limit_a, for_s in ((-1.0, 1.0), (6.0, 0.0), (6.0, LONGEST_S + 1), (5000.0, 1.0)):
        with pytest.raises(NeedImplausible):
            trials.begin(KEY, limit_a, now=0.0, for_s=for_s)
