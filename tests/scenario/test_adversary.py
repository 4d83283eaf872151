"""The adversary: whatever the network does, the chargers are never entitled to more than the fuses carry."""

import logging
import os
from collections.abc import Iterator

import pytest
import structlog

from tests.scenario.hostile_site import HostileSite

SECONDS = 600.0
# Which seeds: "300" for the first, or "300-10300". `make test-long` runs 10,000.
FIRST, _, END = os.environ.get("EDGE_SEEDS", "0-300").rpartition("-")
SEEDS = range(int(FIRST or 0), int(END))
BATCH = 10
# Those from here on are played with a control that ticks each two seconds, which takes half the time; in the long run
# as all others.
SLOWER_FROM, SLOWER_S = 100, 2.0
# Of all that the cars of a batch could draw, they do draw so much at least: a site where nobody charges is safe, too.
LEAST_DRAWN = 1 / 7


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of setpoints aren't worth printing."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("first", SEEDS[::BATCH])
def test_the_sum_of_what_chargers_may_draw_stays_under_every_rating(first: int) -> None:
    """Ten minutes of delay, loss, refusal, breaks, reboots and restarts for each seed; looked at each half second.

    A failure names its seed: ``HostileSite(seed, period_s).run(600)`` replays it.
    """
    drawn_ah = most_ah = 0.0
    for seed in SEEDS[SEEDS.index(first) : SEEDS.index(first) + BATCH]:
        period_s = SLOWER_S if seed >= SLOWER_FROM and "EDGE_LONG" not in os.environ else 1.0
        site = HostileSite(seed, period_s)
        site.run(SECONDS)
        assert site.failures == [], f"seed {seed}, {period_s:g} s: {site.plan}"
        drawn_ah += site.drawn_ah
        most_ah += sum(point.evse.max_a for point in site.points) * SECONDS / 3600.0
    assert drawn_ah > most_ah * LEAST_DRAWN
