"""Row 9: a station that speaks OCPP 2.0.1."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.protocol import OPEN
from websockets.typing import Subprotocol

from simulators.csms.answers import timestamp
from simulators.world.faults.base import NOT_JUDGED, Fault
from simulators.world.node import start_on
from simulators.world.scenario import FaultSpec, WorldScenario
from simulators.world.world import World

GUEST: Final = "GUEST-V2"
NOTICED_S: Final = 10.0  # until everybody has noticed that the cloud is there, or away
ANSWER_S: Final = 20.0
BETWEEN_S: Final = 2.0
ORDER: Final = (1, 3, 2, 5)  # as they come without the cloud; 4 is missing
TOLD: Final = "sequence numbers are missing"
GONE: Final = (OSError, TimeoutError, WebSocketException)


class SequenceGap(Fault):
    number, row = 9, "2.x seqNo gap/out of order"
    outcome = "Kept, ordered, gap reported"
    how = "a 2.0.1 station tells the events 1, 3, 2 and 5 of a session without the cloud; 4 never comes"
    grace: ClassVar[Mapping[str, float]] = {"stuck": NOT_JUDGED}
    aftermath_s = 60.0

    @classmethod
    def fitted(cls, scenario: WorldScenario, spec: FaultSpec) -> WorldScenario:
        del spec
        circuit = scenario.posts[0].circuit
        station = f'[[station]]\nid = "{GUEST}"\ncircuit = "{circuit}"\n[[station.evse]]\nid = 1\nphases = ["L1"]\n'
        head = f"{scenario.site_head}\n{station}min_a = 6\nmax_a = 6\nfallback_a = 0\n"
        return replace(scenario, site_head=head, guests=scenario.guests | {GUEST})

    @classmethod
    def suits(cls, world: World) -> bool:
        return GUEST in world.scenario.guests

    async def begin(self) -> None:
        self.socket: ClientConnection | None = None
        self.heard = len(self.world.cloud.of_guests)
        self.logged = len(self.world.log_lines)
        self.session = f"tx-{self.spec.at_s:g}"
        self.is_told = False  # all of its events were answered
        self.without = set(ORDER)  # those that happen without the cloud
        try:
            await start_on(GUEST, self._charge())
        except GONE as exc:
            if self.is_alone:
                self.failure = f"a station of OCPP 2.0.1 isn't answered: {exc!r}"

    async def _charge(self) -> None:
        await self._dial()
        await asyncio.sleep(NOTICED_S)  # its cloud is dialled now
        unit = {"vendorName": "Simulated", "model": "V2"}
        await self._call("boot", "BootNotification", {"reason": "PowerUp", "chargingStation": unit})
        if self.world.cloud.away:  # by another fault that is under way
            self.without.add(0)
        await self._event(0, "Started")
        await self.world.cloud.leave()
        await asyncio.sleep(NOTICED_S)
        for number in ORDER:
            await self._event(number, "Ended" if number == ORDER[-1] else "Updated")
            await asyncio.sleep(BETWEEN_S)
        self.is_told = True

    async def _dial(self) -> None:
        url = f"ws://{self.world.site.gateway}/{GUEST}"
        self.socket = await connect(url, subprotocols=[Subprotocol("ocpp2.0.1")], compression=None, proxy=None)

    async def _event(self, number: int, kind: str) -> None:
        payload = {
            "eventType": kind,
            "timestamp": timestamp(self.world.wall()),
            "triggerReason": "MeterValuePeriodic" if kind == "Updated" else "CablePluggedIn",
            "seqNo": number,
            "transactionInfo": {"transactionId": self.session},
            "evse": {"id": 1, "connectorId": 1},
        }
        await self._call(f"event-{number}", "TransactionEvent", payload)

    async def _call(self, number: str, action: str, payload: Mapping[str, Any]) -> None:
        if self.socket is None:
            return
        number = f"{number}-{self.spec.at_s:g}"
        await self.socket.send(orjson.dumps([2, number, action, payload]).decode())
        async with asyncio.timeout(ANSWER_S):
            while True:
                kind, identifier, *rest = orjson.loads(await self.socket.recv())
                if kind == 2:  # the gateway's own: limits, and what it wants to know of the station
                    status = {"status": "Accepted"} if rest[0] == "SetChargingProfile" else {}
                    answer = [3, identifier, status] if status else [4, identifier, "NotImplemented", "", {}]
                    await self.socket.send(orjson.dumps(answer).decode())
                elif identifier == number:
                    return

    def judge(self) -> str | None:
        told = any(line.startswith(TOLD) for _, _, line in self.world.log_lines[self.logged :])
        if self.failure is None and not told and self.is_alone:
            return "of an event that never came nobody is told"
        return self.failure

    async def end(self) -> None:
        await self.cloud_returns()
        if self.is_told and self.socket is not None and self.socket.state is not OPEN:
            with contextlib.suppress(*GONE):
                await start_on(
                    GUEST, self._dial()
                )  # the gateway was killed meanwhile: what it kept goes with its station

    def judge_after(self) -> str | None:
        calls = [orjson.loads(text) for text in self.world.cloud.of_guests[self.heard :]]
        events = [call[3] for call in calls if call[0] == 2 and call[2] == "TransactionEvent"]
        numbers = [each["seqNo"] for each in events if each["transactionInfo"]["transactionId"] == self.session]
        if not self.is_told or not self.is_alone:
            return None
        offline = {each["seqNo"] for each in events if each.get("offline") is True}
        if numbers == sorted((0, *ORDER)) and offline != self.without:
            return f"the events {sorted(self.without)} happened without the cloud, and are marked so: {sorted(offline)}"
        if numbers == sorted((0, *ORDER)):
            return None
        return f"the cloud was to get the events 0 to 5 but 4 once each and in order, and got {numbers}"

    async def settle(self) -> None:
        if self.socket is not None:
            with contextlib.suppress(*GONE):
                await start_on(GUEST, self.socket.close())
