"""Rows 27 and 28: what the cloud does with charging profiles."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final

from simulators.csms.answers import timestamp
from simulators.csms.server import CallFailedError
from simulators.world.cloud import CLOUD
from simulators.world.faults.base import NOT_JUDGED, Fault
from simulators.world.node import start_on
from simulators.world.parking import Stay

OBEYED_S: Final = 20.0  # two periods, a write, and 5 s of a car that obeys late
PAUSE_S: Final = 30.0  # how long the cloud's 0 A holds
ABOVE_ANY_FUSE_A: Final = 500.0
ABOVE_POST: Final = 2.0  # times the post's maximum: it limits nothing
SCHEDULE_S: Final = 60
TOLERANCE_A: Final = 0.05
LOW, MIDDLE, HIGH = 2, 5, 9  # stack levels
WHOLE_STATION: Final = "ChargePointMaxProfile"
BY_CLOUD: Final = "CLOUD_LIMIT"


class _CloudsProfiles(Fault):
    """The cloud sets profiles for the post of a car, or of any where none is there."""

    grace: ClassVar[Mapping[str, float]] = {"contactors": NOT_JUDGED}
    # A car that the cloud has paused may rest a minute, and wait for its turn.
    aftermath_s: ClassVar[float] = 60.0

    async def begin(self) -> None:
        self.car: Stay | None = self.stay()
        self.evse = self.car.evse if self.car is not None else self.station().evses[0]
        await start_on(CLOUD, self._talk())

    async def _talk(self) -> None:
        raise NotImplementedError

    async def ask(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """What is answered; nothing where the station can't be had."""
        try:
            return await self.world.cloud.call(self.evse.station, action, payload)
        except CallFailedError:
            return {}

    async def set(self, number: int, level: int, limit_a: float, **more: Any) -> bool:
        """A profile for this post's sessions, with a `transactionId` for the one that runs; whether it was taken."""
        schedule = {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_a}],
        }
        profile = {
            "chargingProfileId": number,
            "stackLevel": level,
            "chargingProfilePurpose": "TxProfile" if "transactionId" in more else "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": schedule,
        }
        profile |= more
        whole = profile["chargingProfilePurpose"] == WHOLE_STATION
        payload = {"connectorId": 0 if whole else self.evse.evse_id, "csChargingProfiles": profile}
        answer = await self.ask("SetChargingProfile", payload)
        if answer and answer["status"] != "Accepted":
            self.note(f"a profile of {limit_a:g} A that the cloud has set is answered by {answer['status']}")
        return answer.get("status") == "Accepted"

    def look_for_pause(self) -> None:
        """The cloud allows 0 A since a moment: nothing is offered, and nothing drawn."""
        offered_a = self.world.stations[self.evse.station].offered_a(self.evse.evse_id)
        if offered_a > TOLERANCE_A:
            self.note(f"the cloud allows {self.evse.station} 0 A, and it offers {offered_a:.1f} A")

    def note(self, text: str) -> None:
        """Something isn't as it must be, if that is for the sake of this fault."""
        if self.is_alone and self.failure is None:
            self.failure = text

    def judge(self) -> str | None:
        return self.failure

    def look_for_end(self) -> None:
        """What the cloud has taken back, or has let end, holds no more."""
        status = self.world.gateway.status()
        if status is None:
            return
        station = next((each for each in status["stations"] if each["id"] == self.evse.station), None)
        if station is None:  # a gateway that has just started has told nothing of it yet
            return
        reasons = {each["id"]: each["reason"] for each in station["evses"]}
        if reasons[self.evse.evse_id] == BY_CLOUD:
            self.note(f"the cloud limits {self.evse.station} no more, and the gateway says that it does")

    def judge_after(self) -> str | None:
        self.look_for_end()
        return self.failure


class CloudProfileAboveFuse(_CloudsProfiles):
    number, row = 27, "CSMS profile above fuse"
    outcome = "Clamped; cloud sees effective schedule"
    how = "the cloud allows 500 A, in its place twice the post's maximum, and for half a minute, above that, 0 A"

    async def _talk(self) -> None:
        await self.set(1, HIGH, ABOVE_ANY_FUSE_A)
        await self._look_at_schedule()
        await self.set(1, LOW, ABOVE_POST * self.evse.max_a)
        await self.set(3, LOW, ABOVE_ANY_FUSE_A, chargingProfilePurpose=WHOLE_STATION)
        until = self.world.wall() + timedelta(seconds=PAUSE_S)
        if await self.set(2, MIDDLE, 0.0, validTo=timestamp(until)):
            await asyncio.sleep(OBEYED_S)
            self.look_for_pause()

    async def _look_at_schedule(self) -> None:
        asked = {"connectorId": self.evse.evse_id, "duration": SCHEDULE_S, "chargingRateUnit": "A"}
        answer = await self.ask("GetCompositeSchedule", asked)
        fuse_a = min(run.fuse_a for run in self.world.copper.path(self.evse.circuit))
        for period in answer.get("chargingSchedule", {}).get("chargingSchedulePeriod", ()):
            if period["limit"] > min(self.evse.max_a, fuse_a) + TOLERANCE_A:
                self.note(f"the cloud is told that {self.evse.station} may draw {period['limit']:g} A")


class CloudClearsProfiles(_CloudsProfiles):
    number, row = 28, "CSMS replays old profile/clears ours"
    outcome = "Ours owns top stack; reconciliation"
    how = "the cloud allows a session 0 A, its driver plugs in anew, and it allows any 0 A and clears all profiles"

    async def _talk(self) -> None:
        books = self.world.cloud.record.transactions.values()
        here = [each for each in books if each.start.identity == self.evse.station and each.stopped_at is None]
        if self.car is not None and here and await self.set(1, HIGH, 0.0, transactionId=here[-1].transaction_id):
            await asyncio.sleep(OBEYED_S)
            self.look_for_pause()
            self.world.parking.plug_again(self.car)  # with the session its profile ends
            await asyncio.sleep(OBEYED_S)
            self.look_for_end()
        if await self.set(2, MIDDLE, 0.0):
            await asyncio.sleep(OBEYED_S)
            self.look_for_pause()
            await self.ask("ClearChargingProfile", {})
