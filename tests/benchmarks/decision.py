"""How long one decision takes, by the number of EVSEs; and how much memory it takes meanwhile.

Each decision is a fair one: a second has passed, the meter shows something else, a tenth of the EVSEs has news, and the
decision builds on the one before it. Making the arrays of what changed counts. Making the snapshot does not, nor
clearing away what the seconds before have left: the control loop does that between two ticks.

A decision is a pure function, so each can be made again. The least of its times is its own work; what is more is the
machine: other programs that share its cores, their caches and their clock. One and the same decision, made once in each
round, shows the same: where its p99 is as high as that of all, no round did more than another.
"""

import gc
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from edge.allocation.decide import Decision, Memory, decide
from edge.allocation.exposure import Grant, Holdings
from edge.allocation.plant import Plant
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import CircuitState, EvseState, Reach
from edge.control.litter import YOUNG
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey
from edge.domain.station import EvseStatus
from edge.units import PHASES, Amps, PhaseAmps, Seconds
from tests.benchmarks.figure import Figure, Stopwatch, milliseconds

SIZES = ((20, 4), (200, 20), (1000, 100))  # EVSEs, circuits
ROUNDS = 200
CHANGED = 0.1  # of the EVSEs, from decision to decision
AGAIN = 4  # times that each decision is made once more
COUNTED_ROUNDS = 10  # of those whose memory is looked at: that slows them down


def figures() -> list[Figure]:
    """Median and p99 of ``decide`` for each size; every EVSE is in a session and wants all it can get."""
    rows = []
    for evses, circuits in SIZES:
        what = f"decide, {evses} EVSEs in {circuits} circuits"
        site = Site(evses, circuits)
        stopwatch = Stopwatch()
        gc.collect()
        gc.freeze()  # as the daemon does when it is up
        for snapshot, memory in site.seconds(ROUNDS):
            gc.collect(YOUNG)
            with stopwatch.running():
                site.decided = decide(snapshot, memory)
        rows += stopwatch.figures(what)
        rows += _work(site, what)
        rows += _memory(site, what)
    return rows


def _work(site: "Site", what: str) -> list[Figure]:
    """The decisions' own work, and what the machine makes of one and the same."""
    gauge, gauge_memory = next(site.seconds(1))
    same, least = [], []
    for snapshot, memory in site.seconds(ROUNDS):
        gc.collect(YOUNG)
        same.append(_timed(gauge, gauge_memory)[0])
        took_s, site.decided = _timed(snapshot, memory)
        least.append(min(took_s, *(_timed(snapshot, memory)[0] for _ in range(AGAIN))))
    return [
        *milliseconds(f"{what}, one and the same, of processor time", same),
        *milliseconds(f"{what}, least of {1 + AGAIN} times each", least),
    ]


def _timed(snapshot: Snapshot, memory: Memory) -> tuple[Seconds, Decision]:
    """In processor time, and nothing taken over from when it was decided before."""
    fresh = replace(snapshot)
    begun = time.process_time()
    decided = decide(fresh, memory)
    return time.process_time() - begun, decided


def _memory(site: "Site", what: str) -> list[Figure]:
    """Blocks that are there after a decision and weren't before, and the most bytes that it has at once."""
    blocks, peak = [], []
    for snapshot, memory in site.seconds(COUNTED_ROUNDS):
        gc.collect()
        before = sys.getallocatedblocks()
        site.decided = decide(snapshot, memory)
        blocks.append(sys.getallocatedblocks() - before)
    tracemalloc.start()
    for snapshot, memory in site.seconds(COUNTED_ROUNDS):
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        site.decided = decide(snapshot, memory)
        peak.append(tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()
    return [
        Figure(what=f"{what}, blocks kept", value=f"{sorted(blocks)[len(blocks) // 2]}"),
        Figure(what=f"{what}, most at once", value=f"{sorted(peak)[len(peak) // 2] / 1024:.0f} KiB"),
    ]


class Site:
    """A site where everything is short: a main circuit, and equal sub-circuits below it. Cars take what they are told
    a moment later, and report it every ten seconds."""

    def __init__(self, evses: int, circuits: int) -> None:
        self._rng = Random(evses)
        tree = [Circuit(id="main", parent=None, fuse_a=8.0 * evses, margin_a=2.0, meter="grid")]
        tree += [
            Circuit(id=f"sub-{number}", parent="main", fuse_a=12.0 * evses / (circuits - 1) + number % 7)
            for number in range(circuits - 1)
        ]
        self._background_a = 2.0 * evses
        self._now: Seconds = 1000.0
        self._states = [_evse(number, tree[1 + number % (circuits - 1)].id) for number in range(evses)]
        self._plant = Plant(
            circuits=tuple(tree), evses=tuple(state.evse for state in self._states), settings=ControlSettings()
        )
        self.decided: Decision | None = None
        for snapshot, memory in self.seconds(20):  # until it has settled, as far as it does
            self.decided = decide(snapshot, memory)

    def seconds(self, count: int) -> Iterator[tuple[Snapshot, Memory]]:
        """What is to be decided upon, second by second; the decision is to be left in ``decided``."""
        for _ in range(count):
            yield self._next(), self.decided.memory if self.decided is not None else Memory()

    def _next(self) -> Snapshot:
        self._now += 1.0
        count = len(self._states)
        for number in self._rng.sample(range(count), int(CHANGED * count)):
            state = self._states[number]
            told_a = self.decided.told_a[number] if self.decided is not None else state.told_a
            self._states[number] = _told(state, told_a, self._now)
        flows = sum((state.draw_a or PhaseAmps.same(0.0) for state in self._states), PhaseAmps.same(0.0))
        measured_a = flows + PhaseAmps.same(self._background_a + self._rng.uniform(-1.0, 1.0) * self._background_a / 50)
        return Snapshot(
            now=self._now,
            plant=self._plant,
            circuits=tuple(
                CircuitState(circuit=circuit, measured_a=measured_a, measured_at=self._now)
                if circuit.meter
                else CircuitState(circuit=circuit)
                for circuit in self._plant.circuits
            ),
            evses=tuple(self._states),
            before=self.decided.snapshot.fleet if self.decided is not None else None,
        )


def _told(state: EvseState, told_a: Amps, now: Seconds) -> EvseState:
    """It has a limit, holds it, and draws it."""
    grant = _grant(state.holdings.session[-1].command + 1, told_a, now)
    lingering = replace(state.holdings.session[-1], replaced_at=now)
    return replace(
        state,
        holdings=replace(state.holdings, session=(lingering, grant)),
        told_a=told_a,
        told_at=now if told_a != state.told_a else state.told_at,
        raised_at=now if told_a > state.told_a else state.raised_at,
        draw_a=PhaseAmps.on(state.evse.phases, told_a),
        drawn_at=now,
    )


def _grant(command: int, limit_a: Amps, at: Seconds) -> Grant:
    return Grant(command=command, limit_a=limit_a, safe_a=6.0, lease_s=120.0, sent_at=at, accepted_at=at)


def _evse(number: int, circuit: str) -> EvseState:
    phases = (PHASES, (PHASES[number % 3],), (PHASES[1], PHASES[2], PHASES[0]))[number % 3]
    return EvseState(
        evse=Evse(
            key=EvseKey(station=f"CP-{number:04}", evse=1),
            circuit=circuit,
            phases=phases,
            min_a=6.0,
            max_a=32.0 if number % 4 else 16.0,
            fallback_a=6.0,
            rank=number % 3,
            weight=1.0 + number % 2,
        ),
        reach=Reach.OBEYING,
        status=EvseStatus.CHARGING,
        in_session=True,
        holdings=Holdings(
            baseline_a=None,
            idle=(replace(_grant(0, 0.0, 0.0), lease_s=3600.0),),
            session=(_grant(1, 6.0, 990.0),),
        ),
        waiting_since=float(number),
        told_a=6.0,
        told_at=900.0,
        draw_a=PhaseAmps.on(phases, 6.0),
        drawn_at=995.0,
    )
