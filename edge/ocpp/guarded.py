"""One table: the configuration of a station that control depends on, and what becomes of the cloud's writes to it.

What isn't in the table (most of it: a vendor's own keys, lists, displays, tariffs) is the cloud's alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

from edge.ocpp.dossier import Variable
from edge.ocpp.fields import whole_number
from edge.ocpp.versions import Version

SAMPLE_INTERVAL: Variable = ("", "metervaluesampleinterval")  # of 1.6
SAMPLE_EVERY_S = 10  # a car takes 5 s to follow a limit, and an overload must be seen before a fuse minds
MEASURANDS = ("Current.Import", "Power.Active.Import", "Energy.Active.Import.Register")


class Policy(StrEnum):
    """What becomes of a write of the cloud."""

    TRANSLATE = "translate"  # passes; what control needs is written behind it, and the cloud reads back its own
    REFUSE = "refuse"  # never reaches the station, unless it says what control needs
    KEY = "refuse or pass"  # refused where the gateway checks the station's key or has its own for the cloud
    PASS = "pass"  # noqa: S105 - stands in the table because one may think otherwise


class Need(Enum):
    """How a variable's value and what control needs of it go together."""

    INTERVAL = "at most 10 s, and not 0"  # in s: the shorter; 0 means never
    MEASURANDS = "current, power and energy among them"  # separated by commas: both
    ON = "true"

    def wanted(self, has: str) -> str | None:
        """The value that control wants where the station has this one; None when that will do."""
        match self:
            case Need.INTERVAL:
                seconds = whole_number(has)
                enough = seconds is not None and 0 < seconds <= SAMPLE_EVERY_S
                return None if enough else str(SAMPLE_EVERY_S)
            case Need.MEASURANDS:
                lacking = lacking_in(has)
                return with_measurands(has, *lacking) if lacking else None
            case Need.ON:
                return None if has.strip().casefold() == "true" else "true"


def lacking_in(has: str) -> list[str]:
    """The measurands that control needs beside these, the most needed first."""
    return [name for name in MEASURANDS if name not in _names(has)]


def with_measurands(has: str, *more: str) -> str:
    """These measurands, and some more."""
    return ",".join((*_names(has), *more))


def _names(has: str) -> list[str]:
    return [name.strip() for name in has.split(",") if name.strip()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A variable: ``component`` is empty in OCPP 1.6, where ``name`` is a configuration key.

    One with a ``need`` is asked for when the station connects, and written where it lacks.
    """

    component: str
    name: str
    policy: Policy
    why: str
    need: Need | None = None

    @property
    def variable(self) -> Variable:
        """By which it is found: names of variables have no case (CiString, OCPP 1.6 §9; identifierString, 2.x)."""
        return self.component.casefold(), self.name.casefold()


def _row(component: str, name: str, policy: Policy, why: str, need: Need | None = None) -> Guarded:
    return Guarded(component=component, name=name, policy=policy, why=why, need=need)


_ADDRESS = "leads the station past the gateway"
_SAMPLES = "control sees a car's draw in its samples"
_PROFILE = "the station would come back in a way that isn't open to it here"
_IDENTITY = "the gateway knows the station by it"
_KEY = "a key that the gateway doesn't know locks the station out"
_POINT_TO_POINT = "the link to the gateway is watched by the gateway's own pings"
_BEATS = "the station's clock is learned from every stamp of its"
_CAPACITY = "the gateway keeps at least what stations do: 64 profiles of 512 periods, any level, A and W"
_AWAY = "a station that is away counts with what it may draw by itself"

# Sources: OCPP 1.6 §9 and its security whitepaper §2 and §3.1; OCPP 2.x part 2 §2 (component criteria) and appendix 3;
# NetworkConfiguration is what SetNetworkProfile sets, as variables (2.1 B09.FR.29). What stations of 1.6 call their
# cloud's address is their makers' own: CentralSystemURI is EVerest's (libocpp pull 900), Cst_ MicroOcpp's, BackOffice
# Alfen's.
TABLE: Mapping[bool, tuple[Guarded, ...]] = {  # by whether the edition is of 2.x
    False: (
        _row("", "MeterValueSampleInterval", Policy.TRANSLATE, _SAMPLES, Need.INTERVAL),
        _row("", "MeterValuesSampledData", Policy.TRANSLATE, _SAMPLES, Need.MEASURANDS),
        _row("", "AuthorizationKey", Policy.KEY, _KEY),
        _row("", "SecurityProfile", Policy.REFUSE, _PROFILE),
        _row("", "CentralSystemURL", Policy.REFUSE, _ADDRESS),
        _row("", "CentralSystemURI", Policy.REFUSE, _ADDRESS),
        _row("", "BackendURL", Policy.REFUSE, _ADDRESS),
        _row("", "OcppServerURL", Policy.REFUSE, _ADDRESS),
        _row("", "BackOffice-URL-wired", Policy.REFUSE, _ADDRESS),
        _row("", "BackOffice-URL-APN", Policy.REFUSE, _ADDRESS),
        _row("", "Cst_BackendUrl", Policy.REFUSE, _ADDRESS),
        _row("", "Cst_ChargeBoxId", Policy.REFUSE, _IDENTITY),
        _row("", "HeartbeatInterval", Policy.PASS, _BEATS),
        _row("", "WebSocketPingInterval", Policy.PASS, _POINT_TO_POINT),
        _row("", "ChargingScheduleAllowedChargingRateUnit", Policy.PASS, _CAPACITY),
        _row("", "ChargingScheduleMaxPeriods", Policy.PASS, _CAPACITY),
        _row("", "ChargeProfileMaxStackLevel", Policy.PASS, _CAPACITY),
        _row("", "MaxChargingProfilesInstalled", Policy.PASS, _CAPACITY),
    ),
    True: (
        _row("SampledDataCtrlr", "TxUpdatedInterval", Policy.TRANSLATE, _SAMPLES, Need.INTERVAL),
        _row("SampledDataCtrlr", "TxUpdatedMeasurands", Policy.TRANSLATE, _SAMPLES, Need.MEASURANDS),
        _row("SampledDataCtrlr", "Enabled", Policy.TRANSLATE, _SAMPLES, Need.ON),
        _row("SmartChargingCtrlr", "Enabled", Policy.REFUSE, "without it the station follows no limit", Need.ON),
        _row("SecurityCtrlr", "BasicAuthPassword", Policy.KEY, _KEY),
        _row("SecurityCtrlr", "Identity", Policy.REFUSE, _IDENTITY),
        _row("SecurityCtrlr", "SecurityProfile", Policy.REFUSE, _PROFILE),
        _row("OCPPCommCtrlr", "NetworkConfigurationPriority", Policy.REFUSE, _ADDRESS),
        _row("NetworkConfiguration", "OcppCsmsUrl", Policy.REFUSE, _ADDRESS),
        _row("NetworkConfiguration", "SecurityProfile", Policy.REFUSE, _PROFILE),
        _row("NetworkConfiguration", "Identity", Policy.REFUSE, _IDENTITY),
        _row("NetworkConfiguration", "BasicAuthPassword", Policy.KEY, _KEY),
        _row("OCPPCommCtrlr", "HeartbeatInterval", Policy.PASS, _BEATS),
        _row("OCPPCommCtrlr", "WebSocketPingInterval", Policy.PASS, _POINT_TO_POINT),
        _row("OCPPCommCtrlr", "RetryBackOffWaitMinimum", Policy.PASS, _AWAY),
        _row("OCPPCommCtrlr", "NetworkProfileConnectionAttempts", Policy.PASS, _AWAY),
        _row("SmartChargingCtrlr", "RateUnit", Policy.PASS, _CAPACITY),
        _row("SmartChargingCtrlr", "ProfileStackLevel", Policy.PASS, _CAPACITY),
        _row("SmartChargingCtrlr", "PeriodsPerSchedule", Policy.PASS, _CAPACITY),
    ),
}


# No station has another use for it: whatever a variable is called, it is a cloud's address.
_SOCKET_ADDRESS = re.compile(r"\s*wss?://", re.IGNORECASE)


def leads_away(value: object) -> str | None:
    """Why a variable that isn't in the table may not be given this value; None where it may."""
    return _ADDRESS if isinstance(value, str) and _SOCKET_ADDRESS.match(value) is not None else None


def guarded(version: Version, *, key_is_checked: bool) -> Mapping[Variable, Guarded]:
    """The rows of an edition that aren't the cloud's alone, for a station whose key the gateway checks or doesn't."""
    passing = {Policy.PASS} if key_is_checked else {Policy.PASS, Policy.KEY}
    return {row.variable: row for row in TABLE[version.is_v2] if row.policy not in passing}


def named(write: Mapping[str, Any]) -> Mapping[str, str]:
    """Name and value of what a ChangeConfiguration, or a SetVariables of one, writes: for the log."""
    (entry,) = write.get("setVariableData") or [write]
    if "key" in entry:
        return {"name": entry["key"], "value": entry["value"]}
    return {"name": f"{entry['component']['name']}.{entry['variable']['name']}", "value": entry["attributeValue"]}
