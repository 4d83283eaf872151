"""When garbage is looked for, and through how much of what there is."""

from edge.control.litter import ALL, NEVER, OLDER_EVERY_S, OLDER_OBJECTS, PUT_AWAY_OBJECTS, YOUNG, Litter
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


def test_what_is_being_built_is_not_walked_through() -> None:
    """Until the ticks begin, from when on all is as it would be."""
    collector = FakeCollector()
    litter = Litter(collector)
    litter.build()
    assert collector.thresholds == (NEVER, *DEFAULT[1:])
    litter.begin()
    assert collector.thresholds == (*DEFAULT[:ALL], NEVER)
    litter.end()
    assert collector.thresholds == DEFAULT


def test_after_a_tick_only_what_is_new_is_looked_through() -> None:
    """And once a minute what outlived the ticks since; never what is beyond reach."""
    collector = FakeCollector()
    collector.older = 300_000
    litter = Litter(collector)
    litter.begin()
    collector.walked.clear()
    collector.older = OLDER_OBJECTS
    minute = [*[(YOUNG, 0)] * int(OLDER_EVERY_S), (ALL, OLDER_OBJECTS)]
    _ticks(litter, 0, 0)
    _ticks(litter, 1, 2 * int(OLDER_EVERY_S))
    assert collector.walked == [(YOUNG, 0), *minute, *minute]
    assert collector.beyond == 300_000


def test_what_stations_bring_is_looked_through_once() -> None:
    """After the tick in which they came; then it is beyond reach, and costs no more."""
    collector = FakeCollector()
    collector.older = 300_000
    litter = Litter(collector)
    litter.begin()
    _ticks(litter, 0, 9)
    collector.older = OLDER_OBJECTS + 1
    collector.walked.clear()
    _ticks(litter, 10, 10 + 2 * int(OLDER_EVERY_S))
    assert [objects for _, objects in collector.walked if objects] == [OLDER_OBJECTS + 1]
    assert collector.beyond == 300_000 + OLDER_OBJECTS + 1


def test_stations_that_come_again_and_again_leave_no_garbage_for_ever() -> None:
    """What is beyond reach may have become garbage by then: it is looked through, too, as soon as it is so much."""
    collector = FakeCollector()
    litter = Litter(collector)
    litter.begin()
    storms = PUT_AWAY_OBJECTS // 100_000 + 1
    for second in range(storms):
        collector.older = 100_000
        litter.after_tick(float(second))
    looked_through = [objects for generation, objects in collector.walked[1:] if generation == ALL]
    assert looked_through == [*[100_000] * (storms - 1), storms * 100_000]


def test_the_collector_is_left_as_it_was() -> None:
    """Others of the process go on with it."""
    collector = FakeCollector()
    collector.older = 5
    litter = Litter(collector)
    litter.begin()
    litter.end()
    assert (collector.thresholds, collector.beyond, collector.older) == (DEFAULT, 0, 5)
