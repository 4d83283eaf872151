"""Profiles that a station holds of its cloud, from before the gateway controlled it.

A station of 2.x lists them. Each is taken over as if the cloud had set it now, and cleared from the station by its id
when it is kept here: so it goes on limiting, the cloud can read, replace and clear it, and none is in the way of ours
(K01.FR.06, FR.39: two of one purpose and stack level are refused as DuplicateProfile). One that isn't taken over stays.
Constraints that don't come from the cloud are nobody's to clear (K10.FR.04).
"""

from collections import deque
from collections.abc import Container, Mapping
from typing import Any

from edge.domain.setpoint import Purpose
from edge.domain.site import Station
from edge.ocpp.arbiter import OwnCall
from edge.ocpp.fields import elements, fields, text, whole_number
from edge.ocpp.profiles.ladder import Ladder, Rung
from edge.ocpp.profiles.store import STATION
from edge.ocpp.profiles.writer import PROFILE_ID_BASE, profile_id
from edge.ocpp.versions import Version

REPORT = "ReportChargingProfiles"
_CLOUD = "CSO"  # who has set it (2.x part 2 §3.9 ChargingLimitSourceEnumType)
# The cloud's own GetChargingProfiles never reach the station: no report bears another number.
_REQUEST = PROFILE_ID_BASE
QUESTION = OwnCall(
    action="GetChargingProfiles",
    payload={"requestId": _REQUEST, "chargingProfile": {"chargingLimitSource": [_CLOUD]}},  # K09.FR.03: one at least
)
_LEVELS_KEPT = 64  # as many profiles as are kept for a station
_TAKEN_OVER = frozenset({"ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile", "PriorityCharging"})
_MAXIMUM = {version: Rung.MAXIMUM.purpose(Purpose.IDLE, version) for version in Version}


class InTheWay:
    """When a station is asked what is in the way of ours: once, until something was taken out of it."""

    def __init__(self) -> None:
        self._asked = False

    def forget(self) -> None:
        """Something was, or the station has come anew."""
        self._asked = False

    def question(self, detail: str) -> OwnCall | None:
        """What to ask when a limit was refused with this ``detail``; None where that isn't the reason, or was asked:
        then the limit is to be told otherwise."""
        if "DuplicateProfile" not in detail or self._asked:  # the reasonCode (2.x part 2 appendices §5)
            return None
        self._asked = True
        return QUESTION


def is_answer(payload: object) -> bool:
    """Whether a ReportChargingProfiles answers our question."""
    return whole_number(fields(payload).get("requestId")) == _REQUEST


def reported(payload: object, station: Station) -> list[tuple[int, Mapping[str, Any]]]:
    """The profiles of the cloud's in a report, as payloads of SetChargingProfile by their ids."""
    told = fields(payload)
    if text(told.get("chargingLimitSource")) != _CLOUD:
        return []
    found: list[tuple[int, Mapping[str, Any]]] = []
    for profile in map(fields, elements(told.get("chargingProfile"))):
        number = whole_number(profile.get("id"))
        if number is None or is_ours(number, station) or text(profile.get("chargingProfilePurpose")) not in _TAKEN_OVER:
            continue
        found.append((number, {"evseId": told.get("evseId"), "chargingProfile": profile}))
    return found


def is_ours(number: int, station: Station) -> bool:
    """Whether a limit of ours may have this id."""
    places = (STATION, *(evse.key.evse for evse in station.evses))
    return number in {profile_id(place, purpose) for place in places for purpose in Purpose}


def may_be_updated(payload: object, station: Station, known: Container[int]) -> bool:
    """Whether the profile that an UpdateDynamicSchedule names may be one of before (2.1 K28): the gateway takes no
    dynamic ones over. ``known``: those that it keeps."""
    number = whole_number(fields(payload).get("chargingProfileId"))
    return number is not None and number not in known and not is_ours(number, station)


class Replaced:
    """Which maxima of before the cloud of a 1.6 station has replaced by setting others here: those that it holds under
    the same id, or on the same stack level (1.6 §3.13.2), are to be cleared from it. Of each level once: then none is
    left."""

    def __init__(self) -> None:
        self._levels: deque[int] = deque(maxlen=_LEVELS_KEPT)

    def by(self, payload: object, station: Station, ladder: Ladder) -> list[OwnCall]:
        """What to ask of the station when this SetChargingProfile of the cloud was accepted here."""
        profile = fields(fields(payload).get("csChargingProfiles"))
        level, number = whole_number(profile.get("stackLevel")), whole_number(profile.get("chargingProfileId"))
        is_maximum = text(profile.get("chargingProfilePurpose")) == _MAXIMUM[Version.V16]
        if not is_maximum or level is None or level in self._levels or ladder.may_have_told_maximum:
            return []
        self._levels.append(level)
        place = {"connectorId": STATION, "chargingProfilePurpose": _MAXIMUM[Version.V16], "stackLevel": level}
        asked: list[Mapping[str, Any]] = [place]
        if number is not None and not is_ours(number, station):
            asked.insert(0, {"id": number})
        return [OwnCall(action="ClearChargingProfile", payload=each) for each in asked]


def is_our_clear(work: OwnCall) -> bool:
    """Whether a CALL of ours takes a profile of ours from the station: one that another limit has replaced."""
    number = whole_number(work.payload.get("chargingProfileId", work.payload.get("id")))
    return number is not None and number >= PROFILE_ID_BASE


def for_station(payload: object, version: Version, station: Station, ladder: Ladder) -> Mapping[str, Any] | None:
    """A ClearChargingProfile of the cloud as the station may have it: with what can't hit a limit of ours; None where
    nothing is left.

    An id alone counts (1.6 §5.5, 2.x K10). Of the purposes only the station's maximum is told, where none of ours has
    that: what is below our stack level binds nothing, as long as ours are there.
    """
    told = fields(payload)
    number = whole_number(told.get("chargingProfileId" if version.is_v2 else "id"))
    if number is not None:
        return None if is_ours(number, station) else told
    criteria = fields(told.get("chargingProfileCriteria")) if version.is_v2 else told
    place = whole_number(criteria.get("evseId" if version.is_v2 else "connectorId"))
    purpose = text(criteria.get("chargingProfilePurpose"))
    if ladder.may_have_told_maximum or place not in (None, STATION) or purpose not in (None, _MAXIMUM[version]):
        return None
    kept = {**criteria, "chargingProfilePurpose": _MAXIMUM[version]}
    return {"chargingProfileCriteria": kept} if version.is_v2 else kept
