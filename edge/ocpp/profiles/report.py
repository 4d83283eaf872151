"""GetChargingProfiles and the ReportChargingProfiles that follow (OCPP 2.x K09)."""

from collections.abc import Iterable, Mapping
from typing import Any

from edge.ocpp.profiles import external, fields
from edge.ocpp.profiles.answer import Answer, Context, FollowUp
from edge.ocpp.profiles.external import SITE_SOURCE
from edge.ocpp.profiles.given import report_form
from edge.ocpp.profiles.parse import read_purpose
from edge.ocpp.profiles.refusal import Malformation, ProfileRefused, RequestMalformed
from edge.ocpp.profiles.store import Criteria, ProfileStore

CLOUD_SOURCE = "CSO"  # chargingLimitSource of what the cloud itself has set
PROFILES_PER_REPORT = 4  # of 512 periods at most: well below what a WebSocket frame may carry


def get_charging_profiles(store: ProfileStore, payload: Mapping[str, Any], context: Context) -> Answer:
    """GetChargingProfilesRequest: Accepted and reports, one or more for each source and EVSE; or NoProfiles."""
    request = fields.required_whole(payload, "requestId")
    raw = fields.entries(fields.required(payload, "chargingProfile"), "chargingProfile")
    evse = fields.whole(payload, "evseId")
    sources = _words(raw, "chargingLimitSource")
    groups: list[tuple[str, int, list[dict[str, Any]]]] = []
    if sources is None or CLOUD_SOURCE in sources:
        groups += _of_cloud(store, raw, evse, context)
    if sources is None or SITE_SOURCE in sources:
        groups += _of_site(raw, evse, context)
    reports = [
        {"requestId": request, "chargingLimitSource": source, "evseId": place, "chargingProfile": list(some)}
        for source, place, profiles in groups
        for some in _chunks(profiles)
    ]
    if not reports:
        return Answer(store=store, reply={"status": "NoProfiles"})
    last = len(reports) - 1
    follow_ups = tuple(
        FollowUp(action="ReportChargingProfiles", payload=each | {"tbc": index < last})
        for index, each in enumerate(reports)
    )
    return Answer(store=store, reply={"status": "Accepted"}, follow_ups=follow_ups)


def _of_cloud(
    store: ProfileStore, raw: Mapping[str, Any], evse: int | None, context: Context
) -> list[tuple[str, int, list[dict[str, Any]]]]:
    word = fields.text(raw, "chargingProfilePurpose")
    try:
        purpose = None if word is None else read_purpose(word, context.version)
    except ProfileRefused:  # external constraints: not the cloud's
        return []
    criteria = Criteria(ids=_ids(raw), purpose=purpose, stack_level=fields.whole(raw, "stackLevel"))
    places: dict[int, list[dict[str, Any]]] = {}
    for each in store.installed:
        running = store.on(each.evse)
        if evse in (None, each.evse) and criteria.match(each.evse, each.profile):
            told = report_form(each.profile, context.version, None if running is None else running.transaction)
            if told is not None:
                places.setdefault(each.evse, []).append(told)
    return [(CLOUD_SOURCE, place, profiles) for place, profiles in sorted(places.items())]


def _of_site(raw: Mapping[str, Any], evse: int | None, context: Context) -> list[tuple[str, int, list[dict[str, Any]]]]:
    """What the site imposes, as profiles of purpose ChargingStationExternalConstraints (K11.FR.06)."""
    ids, level = _ids(raw), fields.whole(raw, "stackLevel")
    word = fields.text(raw, "chargingProfilePurpose")
    if word not in (None, external.PURPOSE):
        return []
    found = []
    for place, limit_a in sorted(context.site_a.items()):
        profile = external.profile(place, limit_a, context.now)
        fits = (profile["id"] in ids) if ids is not None else (level in (None, profile["stackLevel"]))
        if fits and evse in (None, place):
            found.append((SITE_SOURCE, place, [profile]))
    return found


def _ids(raw: Mapping[str, Any]) -> frozenset[int] | None:
    values = raw.get("chargingProfileId")
    if values is None:
        return None
    listed = values if isinstance(values, list) else [values]
    return frozenset(fields.required_whole({"chargingProfileId": each}, "chargingProfileId") for each in listed)


def _words(raw: Mapping[str, Any], name: str) -> frozenset[str] | None:
    values = raw.get(name)
    if values is None:
        return None
    listed = values if isinstance(values, list) else [values]
    if not all(isinstance(each, str) for each in listed):
        raise RequestMalformed(Malformation.TYPE, f"{name} is not a list of words")
    return frozenset(listed)


def _chunks(profiles: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    return (profiles[first : first + PROFILES_PER_REPORT] for first in range(0, len(profiles), PROFILES_PER_REPORT))
