"""When garbage is looked for, and through how much of what there is."""

from edge.control.litter import ALL, NEVER, OLDER_EVERY_S, OLDER_OBJECTS, YOUNG, Litter
from tests.collector import DEFAULT, FakeCollector


def _ticks(litter: Litter, first: int, last: int) -> None:
    for second in range(first, last + 1):
        litter.after_tick(float(second))


def test_what_is_built_is_beyond_reach_when_the_ticks_begin() -> None:
    """By itself the collector walks through the young generations alone."""
    collector = FakeCollector()
    collector.older = 300_000
    Litter(collector).begin()
    assert collector.walked == [(ALL, 300_000)]
    assert (collector.beyond, collector.older) == (300_000, 0)
    assert collector.thresholds == (*DEFAULT[:ALL], NEVER)


def test_after_a_tick_only_what_is_new_is_looked_through() -> None:
    """For a minute; then once what outlived the ticks since, and not what is beyond reach."""
    collector = FakeCollector()
    collector.older = 300_000
    litter = Litter(collector)
    litter.begin()
    collector.walked.clear()
    collector.older = OLDER_OBJECTS
    _ticks(litter, 0, int(OLDER_EVERY_S))
    assert collector.walked == [(YOUNG, 0)] * (int(OLDER_EVERY_S) + 1) + [(ALL, OLDER_OBJECTS)]
    assert collector.beyond == 300_000


def test_stations_that_came_are_looked_through_once() -> None:
    """All that stays grew: garbage among it is found, what is left is beyond reach, and no tick is followed by that
    again."""
    collector = FakeCollector()
    collector.older = 300_000
    litter = Litter(collector)
    litter.begin()
    collector.older = OLDER_OBJECTS + 1
    _ticks(litter, 0, int(OLDER_EVERY_S))
    assert collector.walked[-1] == (ALL, 300_000 + OLDER_OBJECTS + 1)
    assert collector.older == 0
    collector.walked.clear()
    _ticks(litter, int(OLDER_EVERY_S) + 1, 4 * int(OLDER_EVERY_S))
    assert max(objects for _, objects in collector.walked) == 0


def test_the_collector_is_left_as_it_was() -> None:
    """Others of the process go on with it."""
    collector = FakeCollector()
    collector.older = 5
    litter = Litter(collector)
    litter.begin()
    litter.end()
    assert (collector.thresholds, collector.beyond, collector.older) == (DEFAULT, 0, 5)
