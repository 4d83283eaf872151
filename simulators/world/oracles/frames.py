"""What stations are told: limits as they must be."""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from simulators.charger import Supply
from simulators.charger.profile import Purpose
from simulators.charger.profiles import Criteria
from simulators.site import EvseSpec
from simulators.world.oracles.base import Oracle

TOLERANCE_A: Final = 0.05  # a limit has one digit after the point
IDLE_LEASE_S: Final = 3600.0


class _Profiles(Oracle):
    """Hears of each profile that a station is told."""

    def station_got(self, identity: str, text: str) -> None:
        if '"SetChargingProfile"' in text:
            frame = orjson.loads(text)
            if frame[0] == 2 and frame[2] == "SetChargingProfile":
                for evse in self.world.site.evses:
                    if evse.station == identity and frame[3]["connectorId"] in (0, evse.evse_id):
                        self.told(evse, frame[3]["csChargingProfiles"])

    def told(self, evse: EvseSpec, profile: dict[str, Any]) -> None:
        raise NotImplementedError

    def limits_a(self, evse: EvseSpec, profile: dict[str, Any]) -> Iterator[float]:
        """The limits of its periods, in amperes of each phase."""
        schedule = profile["chargingSchedule"]
        phases = len(evse.rotation) if evse.supply is Supply.AC else 3
        for period in schedule["chargingSchedulePeriod"]:
            if schedule["chargingRateUnit"] == "A":
                yield float(period["limit"])
            else:
                yield float(period["limit"]) / (self.world.site.nominal_voltage_v * phases)


class InstallersLimit(_Profiles):
    """I6: nobody lifts what the installer has set: an EVSE's most, and the fuses above it."""

    name = "installer"
    promise = "no station is told more than its EVSE's maximum or a fuse above it"

    def told(self, evse: EvseSpec, profile: dict[str, Any]) -> None:
        fuse_a = min(run.fuse_a for run in self.world.copper.path(evse.circuit))
        most_a = max(self.limits_a(evse, profile))
        if most_a > min(evse.max_a, fuse_a) + TOLERANCE_A:
            self.fail(f"{evse.station} was told {most_a:.1f} A; the installer set {evse.max_a:g} A behind {fuse_a:g} A")


class DeadManLimits(_Profiles):
    """I4: each limit ends by itself at the safe current, so that silence is safe."""

    name = "dead man"
    promise = "each limit that a station is told ends after its lease, at its safe current at last"

    def told(self, evse: EvseSpec, profile: dict[str, Any]) -> None:
        safe_a = self.world.safe_a(evse)
        *_, last_a = self.limits_a(evse, profile)
        over_s = profile["chargingSchedule"].get("duration")  # then its TxDefaultProfile holds
        if last_a > safe_a + TOLERANCE_A and (over_s is None or profile["chargingProfilePurpose"] != "TxProfile"):
            self.fail(f"{evse.station} was told a limit that ends at {last_a:.1f} A; its safe current is {safe_a:g} A")
            return
        is_idle = profile["chargingProfilePurpose"] == "TxDefaultProfile"
        lease_s = IDLE_LEASE_S if is_idle else self.world.configuration.site.control.lease_s
        starts = [period["startPeriod"] for period in profile["chargingSchedule"]["chargingSchedulePeriod"]]
        ends = [*starts[1:], *([] if over_s is None else [over_s])]
        for amps, ends_s in zip(self.limits_a(evse, profile), ends, strict=False):
            if amps > safe_a + TOLERANCE_A and ends_s > lease_s:
                self.fail(f"{evse.station} was told {amps:.1f} A for {ends_s} s; a lease is {lease_s:g} s")


class NeverCleared(Oracle):
    """Nothing is cleared before something else is set: a station without a profile is a station without a limit."""

    name = "cleared"
    promise = "no station is told to forget its limits, but for one that another has replaced"

    def station_got(self, identity: str, text: str) -> None:
        if '"ClearChargingProfile"' not in text or identity not in self.world.stations:
            return
        asked = orjson.loads(text)[3]
        purpose = asked.get("chargingProfilePurpose")
        criteria = Criteria(
            profile_id=asked.get("id"),
            connector_id=asked.get("connectorId"),
            purpose=Purpose(purpose) if purpose is not None else None,
            stack_level=asked.get("stackLevel"),
        )
        if criteria == Criteria() or self.world.stations[identity].would_free(criteria):
            self.fail(f"{identity} was told to forget its limits: {text[:120]}")
