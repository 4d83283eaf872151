"""A joined station that keeps its profiles as the simulated station of 1.6 does, by a clock of its own."""

from datetime import datetime, timedelta
from typing import Any

from edge.ocpp.versions import Version
from simulators.charger.profile import ChargingProfile, decode_profile
from simulators.charger.profiles import ProfileStore, RunningTransaction, StoreSize
from tests.scenario.joined_station import TRANSACTION, Joined
from tests.unit.ocpp.ocpp_bench import evse


class Keeping(Joined):
    """``behind``: its clock, which it never sets."""

    def __init__(
        self,
        version: Version,
        *,
        refuses: tuple[str, ...] = (),
        max_periods: int = 24,
        behind: timedelta = timedelta(0),
    ) -> None:
        self.store = ProfileStore(size=StoreSize(max_periods=max_periods), nominal_voltage_v=230.0)
        self._behind = behind
        super().__init__(version, evse(), refuses)

    def answer_to(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        answer = super().answer_to(action, payload)
        if answer == {"status": "Accepted"}:
            place, profile = self._decoded(payload)
            if len(profile.periods) > self.store.size.max_periods:
                return {"status": "Rejected"}
            running = RunningTransaction(transaction_id=int(TRANSACTION))
            self.store.install(place, profile, transaction=running, now_s=self.clock.timestamp())
        return answer

    @property
    def clock(self) -> datetime:
        """The station's own."""
        now: datetime = self.wall()
        return now - self._behind

    def limit_a(self) -> float:
        """What binds the session now; a station without any profile gives all."""
        found = self.store.limit_a(1, self.clock.timestamp(), 0.0)
        return 32.0 if found is None else found

    def _decoded(self, payload: dict[str, Any]) -> tuple[int, ChargingProfile]:
        """A profile of either edition, by the store of 1.6."""
        if self.version is Version.V16:
            return payload["connectorId"], decode_profile(payload["csChargingProfiles"])
        profile = dict(payload["chargingProfile"])
        (schedule,) = profile["chargingSchedule"]
        of_16 = profile | {"chargingProfileId": profile["id"], "chargingSchedule": schedule}
        of_16["chargingProfilePurpose"] = profile["chargingProfilePurpose"].replace("ChargingStation", "ChargePoint")
        if "transactionId" in of_16:
            of_16["transactionId"] = int(of_16["transactionId"])
        return payload["evseId"], decode_profile(of_16)
