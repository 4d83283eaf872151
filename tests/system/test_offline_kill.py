"""kill -9 of the whole gateway at random instants, under load, with a cloud that comes and goes."""

import asyncio
import os
import random
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from edge.domain.journal import LOST
from edge.storage.entry_file import EntryFile
from edge.storage.session_file import SessionFile
from simulators.ports import free_endpoints
from tests.forked import Started, started
from tests.system.kill_peers import V16, V201, Cloud, Station

KILLS = int(os.environ.get("EDGE_KILLS", "25"))  # of each test: 50 in all; test-long has 1,000
SEED = int(os.environ.get("EDGE_KILLS_SEED", "47"))
STATIONS = 20
SERVED_S, SETTLED_S = 60.0, 120.0
TURN_S = 0.1
SITE = """
[site]
id = "killed"
[[circuit]]
id = "main"
fuse_a = 400
background_reserve_a = 0
[ocpp]
listen = "{gateway}"
{upstream}
[api]
listen = "{api}"
[offline]
unknown_tokens = "limit"
unknown_energy_wh = 1000000
deliveries_per_s = 1000
[storage]
path = "{storage}"
"""
STATION = """
[[station]]
id = "{id}"
circuit = "main"
[[station.evse]]
id = 1
max_a = 16
fallback_a = 6
"""


@pytest.mark.parametrize("edition", [V16, V201])
async def test_fault_47_a_gateway_killed_at_any_instant_loses_and_doubles_nothing(tmp_path: Path, edition: str) -> None:
    """Faults 3 and 47, invariant I2: the cloud has the stations' own books, in order, to the second and watt-hour."""
    gateway, cloud_at, api = free_endpoints(3)
    dice = random.Random(SEED)
    names = [f"CP-{number:02}" for number in range(STATIONS)]
    site = tmp_path / "site.toml"
    site.write_text(
        SITE.format(
            gateway=gateway,
            upstream=f'upstream = "ws://{cloud_at}/{{station}}"',
            api=api,
            storage=tmp_path / "storage",
        )
        + "".join(STATION.format(id=name) for name in names)
    )
    cloud = Cloud(cloud_at.host, cloud_at.port)
    stations = [Station(name, edition, str(gateway), random.Random(f"{name} {SEED}")) for name in names]
    await _survived(KILLS, site, tmp_path, cloud, stations, dice)
    for station in stations:
        assert cloud.account[station.id] == station.account, station.id


@pytest.mark.parametrize("edition", [V16, V201])
async def test_a_cloud_that_fails_at_every_second_begin_or_end_has_each_once(tmp_path: Path, edition: str) -> None:
    """It answers InternalError to half of them, comes and goes, and the gateway is killed at any instant: what is
    deferred may come later than what was behind it, but none is lost, doubled, or told before its begin, and none waits
    for a person."""
    gateway, cloud_at, api = free_endpoints(3)
    dice = random.Random(SEED)
    names = [f"CP-{number:02}" for number in range(STATIONS // 2)]
    site = tmp_path / "site.toml"
    upstream = f'upstream = "ws://{cloud_at}/{{station}}"'
    settings = SITE.format(gateway=gateway, upstream=upstream, api=api, storage=tmp_path / "storage")
    site.write_text(
        settings.replace("[storage]", "attempts = 1\nretry_interval_s = 1\n[storage]")
        + "".join(STATION.format(id=name) for name in names)
    )
    cloud = Cloud(cloud_at.host, cloud_at.port)
    cloud.fails = lambda: dice.random() < 0.5
    stations = [Station(name, edition, str(gateway), random.Random(f"{name} {SEED}")) for name in names]
    await _survived(KILLS // 6, site, tmp_path, cloud, stations, dice)
    for station in stations:
        assert sorted(cloud.account[station.id]) == sorted(station.account), station.id


@pytest.mark.parametrize("edition", [V16, V201])
async def test_a_site_without_a_cloud_has_each_session_once(tmp_path: Path, edition: str) -> None:
    """Faults 3 and 47 where nobody else keeps books: killed at any instant, the registry has each session of the
    stations with what it took, no number was given twice, and no message is kept."""
    gateway, api = free_endpoints(2)
    dice = random.Random(SEED)
    site = tmp_path / "site.toml"
    names = [f"CP-{number:02}" for number in range(STATIONS)]
    site.write_text(
        SITE.format(gateway=gateway, upstream="", api=api, storage=tmp_path / "storage")
        + "".join(STATION.format(id=name) for name in names)
    )
    stations = [Station(name, edition, str(gateway), random.Random(f"{name} {SEED}")) for name in names]
    running = [asyncio.create_task(station.run()) for station in stations]
    try:
        await _killed(KILLS // 6, site, tmp_path, stations, dice)
        process = await _gateway(site, tmp_path)
        try:
            await _settled(stations, running)
        finally:
            process.send(signal.SIGTERM)
            await process.wait()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    kept = SessionFile(tmp_path / "storage").sessions()
    assert EntryFile(tmp_path / "storage").pending() == 0
    assert EntryFile(tmp_path / "storage").set_aside() == []
    for station in stations:
        own = sorted((each for each in kept if each.station == station.id), key=lambda each: each.began_at)
        assert [each.energy_wh for each in own] == _taken(station), station.id
        assert len({each.transaction for each in own}) == len(own)
        assert all(each.ended_at is not None and each.end_reason != LOST for each in own)


def _taken(station: Station) -> list[Decimal]:
    """What each of its sessions took, in order."""
    registers: dict[str, list[int]] = {}
    for _, transaction, _, register in station.account:
        registers.setdefault(transaction, []).append(register)
    return [Decimal(each[-1] - each[0]) for each in registers.values()]


async def _gateway(site: Path, folder: Path) -> Started:
    words = ("run", "--config", str(site), "--socket", str(folder / "edge.sock"))
    return await asyncio.to_thread(started, "edge", *words, log=folder / "gateway.log")


async def _survived(
    kills: int, site: Path, folder: Path, cloud: Cloud, stations: list[Station], dice: random.Random
) -> None:
    """The gateway is killed so often, with a cloud that comes and goes; then all that is kept is delivered, to a cloud
    that fails no more, and nothing was wrong or waits for a person."""
    running = [asyncio.create_task(station.run()) for station in stations]
    whims = asyncio.create_task(_comes_and_goes(cloud, dice))
    try:
        await _killed(kills, site, folder, stations, dice)
        whims.cancel()
        await asyncio.gather(whims, return_exceptions=True)
        await cloud.come()
        process = await _gateway(site, folder)
        try:
            await _settled(stations, running)
            cloud.fails = lambda: False
            await _delivered(stations, folder / "storage")
        finally:
            process.send(signal.SIGTERM)
            await process.wait()
    finally:
        for task in (*running, whims):
            task.cancel()
        await asyncio.gather(*running, whims, return_exceptions=True)
        await cloud.go()
    assert cloud.wrong == []
    assert EntryFile(folder / "storage").set_aside() == []
    assert "sequence numbers are missing" not in (folder / "gateway.log").read_text()  # no station skips any


async def _killed(times: int, site: Path, folder: Path, stations: list[Station], dice: random.Random) -> None:
    """Gateways one after the other, each killed within a second of its first answer."""
    for _ in range(times):
        process = await _gateway(site, folder)
        try:
            await _served(stations)
            await asyncio.sleep(dice.uniform(0.0, 1.0))
        finally:
            process.send(signal.SIGKILL)
            await process.wait()


async def _settled(stations: list[Station], running: list[asyncio.Task[None]]) -> None:
    """All have ended what they had begun, and been answered."""
    for station in stations:
        station.ending = True
    await _within(SETTLED_S, lambda: all(task.done() for task in running))
    await asyncio.gather(*running)


async def _served(stations: list[Station]) -> None:
    """Some are answered again."""
    for station in stations:
        station.answered.clear()
    await _within(SERVED_S, lambda: any(station.answered.is_set() for station in stations))


async def _within(seconds: float, holds: Callable[[], bool]) -> None:
    """Wait until ``holds``, in turns of our own: a machine that stands still for minutes isn't taken for a gateway that
    does."""
    for _ in range(round(seconds / TURN_S)):
        if holds():
            return
        await asyncio.sleep(TURN_S)
    raise TimeoutError


async def _comes_and_goes(cloud: Cloud, dice: random.Random) -> None:
    while True:
        await cloud.come()
        await asyncio.sleep(dice.uniform(0.2, 3.0))
        await cloud.go()
        await asyncio.sleep(dice.uniform(0.2, 3.0))


async def _delivered(stations: list[Station], storage: Path) -> None:
    """Until the cloud has what is kept. Each station comes once more, as what was kept goes by its connection."""
    ending = [asyncio.create_task(station.link()) for station in stations]
    try:
        await _within(SETTLED_S, lambda: EntryFile(storage).pending() == 0)
    finally:
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
