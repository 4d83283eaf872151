"""Three days without a cloud for fifty stations, and what becomes of them."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import structlog

from edge.ocpp.versions import Version
from tests import virtual_time
from tests.scenario.offline_world import Seat, World, in_world, insist

log = structlog.get_logger(__name__)

STATIONS = 50
AWAY_S = 3 * 86_400.0
SAMPLE_S = 900.0
EDITIONS = (Version.V16, Version.V201, Version.V16, Version.V21)
Account = list[tuple[str, Any, Any, str]]  # step, transaction, register, time


class Charger:
    """One car after the other; whatever is asked, it asks again until it is answered. It keeps its own account."""

    def __init__(self, seat: Seat, dice: random.Random) -> None:
        self.seat = seat
        self.account: Account = []
        self.ending = False
        self._dice = dice
        self._register = dice.randint(0, 10**6)

    async def run(self) -> None:
        while not self.ending:
            await asyncio.sleep(self._dice.uniform(60, 3 * 3600))
            if not self.ending:
                await (self._session_v16() if self.seat.edition is Version.V16 else self._session_v2())

    def _charged(self) -> int:
        self._register += self._dice.randint(500, 5000)
        return self._register

    async def _session_v16(self) -> None:
        begun, first = self.seat.stamp(), self._register
        self.account.append(("begin", begun, first, begun))
        number = (await insist(lambda: self.seat.start(first, at=begun)))["transactionId"]
        assert number > 0
        for _ in range(self._dice.randint(1, 12)):
            await asyncio.sleep(SAMPLE_S)
            wh, at = self._charged(), self.seat.stamp()
            self.account.append(("meter", begun, wh, at))
            sample = {"timestamp": at, "sampledValue": [{"value": str(wh)}]}
            payload = {"connectorId": 1, "transactionId": number, "meterValue": [sample]}
            await insist(lambda payload=payload: self.seat.result("MeterValues", payload))  # type: ignore[misc]
        last, at = self._charged(), self.seat.stamp()
        self.account.append(("end", begun, last, at))
        await insist(lambda: self.seat.stop(number, last, at))

    async def _session_v2(self) -> None:
        name = f"{self.seat.id} {self.seat.stamp()}"
        for order in range(self._dice.randint(3, 14)):
            if order:
                await asyncio.sleep(SAMPLE_S)
            await self._event(name, order, "Started" if order == 0 else "Updated")
        await self._event(name, order + 1, "Ended")

    async def _event(self, name: str, order: int, kind: str) -> None:
        at, wh = self.seat.stamp(), self._charged()
        step = {"Started": "begin", "Updated": "meter", "Ended": "end"}[kind]
        self.account.append((step, name, wh, at))
        payload: dict[str, Any] = {
            "eventType": kind, "timestamp": at, "triggerReason": "Authorized", "seqNo": order,
            "transactionInfo": {"transactionId": name}, "evse": {"id": 1},
            "meterValue": [{"timestamp": at, "sampledValue": [{"value": wh}]}],
        }  # fmt: skip
        if kind == "Started":
            payload["idToken"] = {"idToken": "CARD", "type": "ISO14443"}
        await insist(lambda: self.seat.result("TransactionEvent", payload))


def booked(world: World, station: str) -> Account:
    """What the cloud has of a station, transactions of 1.6 by the time of their begin."""
    numbers: dict[int, str] = {}
    found: Account = []
    for name, action, payload, _ in world.cloud.calls:
        if name != station:
            continue
        match action:
            case "StartTransaction":
                numbers[world.cloud.number_of(station, payload)] = payload["timestamp"]
                found.append(("begin", payload["timestamp"], payload["meterStart"], payload["timestamp"]))
            case "MeterValues":
                (value,) = payload["meterValue"]
                wh = int(value["sampledValue"][0]["value"])
                found.append(("meter", numbers[payload["transactionId"]], wh, value["timestamp"]))
            case "StopTransaction":
                whose = numbers[payload["transactionId"]]
                found.append(("end", whose, payload["meterStop"], payload["timestamp"]))
            case "TransactionEvent":
                assert payload["offline"] is True
                step = {"Started": "begin", "Updated": "meter", "Ended": "end"}[payload["eventType"]]
                (value,) = payload["meterValue"]
                wh = value["sampledValue"][0]["value"]
                found.append((step, payload["transactionInfo"]["transactionId"], wh, payload["timestamp"]))
    return found


async def story(world: World) -> None:
    dice = random.Random(4)
    chargers = [Charger(seat, random.Random(seat.id)) for seat in world.seats.values()]
    running = [asyncio.create_task(charger.run()) for charger in chargers]
    for part in range(1, 13):
        await asyncio.sleep(AWAY_S / 12)
        if part in (4, 9):
            await world.restart()
        for seat in dice.sample(list(world.seats.values()), 5):  # these reboot
            seat.disconnect()
            await asyncio.sleep(dice.uniform(1, 60))
            seat.connect()
            await insist(lambda seat=seat: seat.result("BootNotification", {"chargePointVendor": "V"}))  # type: ignore[misc]
    for charger in chargers:
        charger.ending = True
    await asyncio.gather(*running)
    sessions = sum(step == "begin" for charger in chargers for step, *_ in charger.account)
    kept, size_mb = world.pending, (world.storage / "journal.db").stat().st_size / 1e6
    world.tick_s = 0.5
    world.cloud_comes()
    took_s = await world.drained(86_400)
    steps = Counter(step for charger in chargers for step, *_ in charger.account)
    log.info("three days", sessions=sessions, messages=kept, journal_mb=round(size_mb, 1), drained_in_s=round(took_s))
    assert sessions > 1000
    assert kept == steps.total()
    for charger in chargers:
        assert booked(world, charger.seat.id) == charger.account


def test_fault_4_the_cloud_is_back_after_three_days(tmp_path: Path) -> None:
    """All sessions were served, through two restarts of the gateway and reboots of stations; all of it arrives once, in
    order, with the stations' own times and registers."""
    names = [f"CP-{number:02}" for number in range(STATIONS)]
    offline = 'unknown_tokens = "limit"\nunknown_energy_wh = 1000000'  # none is asked to end
    virtual_time.run(in_world(story, tmp_path, *names, editions=EDITIONS, offline=offline, tick_s=60.0))
