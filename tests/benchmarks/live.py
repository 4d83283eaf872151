"""What a site sees of the gateway over real sockets: ticks, a meter's sample on a station's socket, restarts, storms.

The peers share the machine's cores with the gateway, so times by the wall clock are upper bounds.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from tests.benchmarks.figure import Figure
from tests.benchmarks.live_site import MOST_A, LiveSite
from tests.benchmarks.one_core import Quota, QuotaError

SIZES = (20, 200, 500, 1000)
SLOW_SIZES = (20, 200, 500)  # on one core
LARGEST_FUSE_A = 6300.0  # that a site file takes
SHARE = 0.5  # of what all stations could draw: the fuse
SETTLE_S = 20.0  # after the last station has its first limit
TICKING_S = float(os.environ.get("EDGE_BENCH_TICKING_S", "60"))
# In the first half the last frames of each station are gathered (`edge trace`: 64 KiB of each at most).
SOAK_S = 60.0 * float(os.environ.get("EDGE_BENCH_SOAK_MIN", "20"))
SOAK_STATIONS = 200
LOOK_S = 5.0  # between two looks at memory
STEPS = 10
STEP_S = 12.0  # cuts come at once; then raises take some seconds, and room is there for the next
STEP_A = 0.2  # of the fuse
ANSWER_S = 0.9  # of a cut: what comes later is of the next tick
KILLS = 5
KILLED_STATIONS = 20
STORMS = (200, 500)
PATIENCE_S = 180.0


def ticking() -> list[Figure]:
    """Ticks, processor and memory with so many stations, each charging and sampled every 10 s."""
    return [figure for size in SIZES for figure in asyncio.run(_ticking(size))]


def onecore() -> list[Figure]:
    """The same on one core, of which the gateway has a quarter: to stand for a Raspberry Pi 4 where there is none."""
    try:
        with Quota.of() as quota:
            figures = [figure for size in SLOW_SIZES for figure in asyncio.run(_ticking(size, quota))]
    except QuotaError as exc:
        return [Figure(what="a slow gateway", value=f"not measured: {exc}")]
    return [replace(figure, what=f"a quarter of one core, {figure.what}") for figure in figures]


def latency() -> list[Figure]:
    """From the meter's answer to the frame with the new limit on a station's socket."""
    return asyncio.run(_latency(SOAK_STATIONS))


def restart() -> list[Figure]:
    """From kill -9 to the first tick that is complete, and to the last station's new limit."""
    return asyncio.run(_restart())


def storm() -> list[Figure]:
    """Stations that all come at once, from the first dial to a limit."""
    return [figure for size in STORMS for figure in asyncio.run(_storm(size))]


def memory() -> list[Figure]:
    """How memory grows while nothing but time passes."""
    return asyncio.run(_memory())


async def _charging(site: LiveSite) -> None:
    site.dial()
    await site.until(lambda station: bool(station.told), at_most_s=PATIENCE_S)
    await asyncio.sleep(SETTLE_S)


async def _ticking(size: int, quota: Quota | None = None) -> list[Figure]:
    async with LiveSite.of(size, fuse_a=min(SHARE * MOST_A * size, LARGEST_FUSE_A), quota=quota) as site:
        await _charging(site)
        site.witness.ticks.clear()
        site.witness.fed.clear()
        cpu_s, begun = site.gateway.processor_s(), time.perf_counter()
        await asyncio.sleep(TICKING_S)
        ended = time.perf_counter()
        busy = (site.gateway.processor_s() - cpu_s) / (ended - begun)
        memory_mb = site.gateway.memory_mb()
        asked, fed = list(site.witness.ticks), list(site.witness.fed)
        await site.gateway.end()
        within = [tick for tick in site.gateway.ticks if begun <= tick.at <= ended]
    lasted = [end - max(start for start in asked if start <= end) for end in fed if asked and asked[0] <= end]
    jitter = [abs(after - before - 1.0) for before, after in pairwise(asked)]
    missed = round(asked[-1] - asked[0]) + 1 - len(asked)
    who = f"{size} stations"
    rows = {
        "tick, from the meter's first request to its end, p50 / p99": _ms(lasted),
        "of it within the gateway, from the meter's answer to the last command, p50 / p99": _ms(
            [tick.took_s for tick in within]
        ),
        "the same, of processor time, p50 / p99": _ms([tick.processor_s for tick in within]),
        "jitter of the tick's begin, p50 / p99": _ms(jitter),
        "ticks missed": f"{missed} of {len(asked) + missed}",
        "share of one core": f"{busy:.1%}",
        "memory": f"{memory_mb:.0f} MB",
    }
    return [Figure(what=f"{who}: {what}", value=value) for what, value in rows.items()]


async def _latency(size: int) -> list[Figure]:
    fuse_a = SHARE * MOST_A * size
    first, every = [], []
    async with LiveSite.of(size, fuse_a=fuse_a) as site:
        await _charging(site)
        for step in range(STEPS):
            seen = [len(station.told) for station in site.stations]
            before = {station.identity: station.limit_a for station in site.stations}
            await site.witness.show(building_a=STEP_A * fuse_a * (step % 2))
            asked = len(site.witness.ticks)
            while len(site.witness.ticks) == asked:  # noqa: ASYNC110 - the next tick, to the millisecond
                await asyncio.sleep(0.002)
            sampled = site.witness.answered_s
            await asyncio.sleep(ANSWER_S)
            cuts = [
                at - sampled
                for station, count in zip(site.stations, seen, strict=True)
                for at, limit_a in station.told[count:]
                if limit_a < before[station.identity] and at >= sampled
            ]
            if step % 2 and cuts:
                first.append(min(cuts))
                every += cuts
            await asyncio.sleep(STEP_S)
    return [
        Figure(what=f"{size} stations: meter's answer to the first station's lower limit, p50 / p99", value=_ms(first)),
        Figure(what=f"{size} stations: the same of every station ({len(every)} frames)", value=_ms(every)),
    ]


async def _restart() -> list[Figure]:
    ticks, cpu_s, limits = [], [], []
    async with LiveSite.of(KILLED_STATIONS, fuse_a=SHARE * MOST_A * KILLED_STATIONS) as site:
        await _charging(site)
        for _ in range(KILLS):
            await site.gateway.kill()
            begun = time.perf_counter()
            seen = {station.identity: len(station.told) for station in site.stations}
            await site.gateway.start()
            await site.gateway.ready()
            ticks.append(time.perf_counter() - begun)
            cpu_s.append(site.gateway.processor_s())
            await site.until(lambda each, seen=seen: len(each.told) > seen[each.identity], at_most_s=PATIENCE_S)  # type: ignore[misc]
            limits.append(time.perf_counter() - begun)
            await asyncio.sleep(SETTLE_S / 4)
    return [
        Figure(what=f"kill -9 to the first tick, {KILLS} times, median / worst", value=_s(ticks)),
        Figure(what="the same, of processor time", value=_s(cpu_s)),
        Figure(what=f"kill -9 to a limit on all of {KILLED_STATIONS} stations, median / worst", value=_s(limits)),
    ]


async def _storm(size: int) -> list[Figure]:
    async with LiveSite.of(size, fuse_a=min(SHARE * MOST_A * size, LARGEST_FUSE_A)) as site:
        begun = time.perf_counter()
        site.dial()
        await site.until(lambda station: bool(station.told), at_most_s=PATIENCE_S)
        booted = [station.booted_at - begun for station in site.stations if station.booted_at is not None]
        told = [station.told[0][0] - begun for station in site.stations]
    return [
        Figure(what=f"{size} stations at once: boot accepted, median / last", value=_s(booted)),
        Figure(what=f"{size} stations at once: session begun and its limit there, median / last", value=_s(told)),
    ]


async def _memory() -> list[Figure]:
    async with LiveSite.of(SOAK_STATIONS, fuse_a=SHARE * MOST_A * SOAK_STATIONS) as site:
        await _charging(site)
        begun = time.perf_counter()
        looks: list[tuple[float, float]] = []
        while (now := time.perf_counter() - begun) < SOAK_S:
            looks.append((now, site.gateway.memory_mb()))
            await asyncio.sleep(LOOK_S)
    settled = looks[len(looks) // 2 :]
    slope = statistics.linear_regression([at for at, _ in settled], [mb for _, mb in settled]).slope
    what = f"{SOAK_STATIONS} stations for {SOAK_S / 60:g} min"
    return [
        Figure(what=f"{what}: memory at the begin", value=f"{looks[0][1]:.1f} MB"),
        Figure(
            what=f"{what}: memory after half of it / at the end", value=f"{settled[0][1]:.1f} / {looks[-1][1]:.1f} MB"
        ),
        Figure(what=f"{what}: slope of the second half", value=f"{slope * 3600:.1f} MB/h"),
    ]


def _ms(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    if not ordered:
        return "nothing was seen"
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"{statistics.median(ordered) * 1e3:.1f} / {p99 * 1e3:.1f} ms"


def _s(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} / {max(seconds):.2f} s"
