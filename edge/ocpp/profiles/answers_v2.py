"""What a station of OCPP 2.0.1 or 2.1 answers to its cloud about charging profiles (part 2, block K; F01 with K05)."""

from collections.abc import Mapping
from typing import Any

from edge.ocpp.profiles import fields, schedule
from edge.ocpp.profiles.admission import admit, admit_awaited, with_room
from edge.ocpp.profiles.answer import (
    Answer,
    Answerer,
    Context,
    StartRequest,
    answered,
    cleared,
    schedule_asked,
    start_request,
    status,
)
from edge.ocpp.profiles.fields import moment_text
from edge.ocpp.profiles.model import ProfilePurpose
from edge.ocpp.profiles.parse import parse, read_purpose
from edge.ocpp.profiles.refusal import Malformation, ProfileRefused, Reason, RequestMalformed
from edge.ocpp.profiles.report import get_charging_profiles
from edge.ocpp.profiles.store import Criteria, ProfileStore


def set_charging_profile(store: ProfileStore, payload: Mapping[str, Any], context: Context) -> Answer:
    """SetChargingProfileRequest (K01)."""
    evse = fields.required_whole(payload, "evseId")
    try:
        profile = parse(fields.required(payload, "chargingProfile"), context.version)
        _check_evse(evse, context)
        room = with_room(store, context.wiring, context.now)
        admit(room, context.wiring, evse, profile)
    except ProfileRefused as refused:
        return _rejected(store, refused, context)
    return Answer(store=room.with_profile(evse, profile, context.now), reply={"status": "Accepted"})


def clear_charging_profile(store: ProfileStore, payload: Mapping[str, Any], context: Context) -> Answer:
    """ClearChargingProfileRequest (K10): an id alone counts; else all criteria must match; none: all."""
    identity = fields.whole(payload, "chargingProfileId")
    raw = payload.get("chargingProfileCriteria")
    given = {} if raw is None else fields.entries(raw, "chargingProfileCriteria")
    word = fields.text(given, "chargingProfilePurpose")
    try:
        purpose = None if word is None else read_purpose(word, context.version)
    except ProfileRefused as refused:  # external constraints are disregarded (K10.FR.08)
        return Answer(store=store, reply=status("Unknown", refused, version=context.version))
    criteria = Criteria(
        ids=None if identity is None else frozenset({identity}),
        evse=fields.whole(given, "evseId"),
        purpose=purpose,
        stack_level=fields.whole(given, "stackLevel"),
    )
    return cleared(store, criteria)


def get_composite_schedule(store: ProfileStore, payload: Mapping[str, Any], context: Context) -> Answer:
    """GetCompositeScheduleRequest (K08)."""
    evse, duration_s, unit = schedule_asked(payload, "evseId")
    try:
        expected = schedule.expected(store, context, evse, duration_s, unit)
    except ProfileRefused as refused:
        return _rejected(store, refused, context)
    told = {
        "evseId": evse,
        "duration": duration_s,
        "scheduleStart": moment_text(expected.start),
        "chargingRateUnit": unit.value,
        "chargingSchedulePeriod": expected.periods,
    }
    return Answer(store=store, reply={"status": "Accepted", "schedule": told})


def use_priority_charging(store: ProfileStore, payload: Mapping[str, Any], context: Context) -> Answer:
    """UsePriorityChargingRequest (2.1 K23): the driver's session is freed from its restrictions, or no longer."""
    transaction = fields.text(payload, "transactionId")
    if transaction is None:
        raise RequestMalformed(Malformation.MISSING, "transactionId is missing")
    activate = fields.required(payload, "activate") is True
    running = store.find(transaction)
    if running is None:
        refused = ProfileRefused(Reason.TX_NOT_FOUND, f"transaction {transaction} doesn't run")
        return _rejected(store, refused, context)
    places = (running.evse, 0)
    known = any(each.profile.purpose is ProfilePurpose.PRIORITY and each.evse in places for each in store.installed)
    if activate and not known:
        return Answer(store=store, reply={"status": "NoProfile"})
    return Answer(store=store.with_priority(running.evse, activate), reply={"status": "Accepted"})


def update_dynamic_schedule(store: ProfileStore, _payload: Mapping[str, Any], context: Context) -> Answer:
    """UpdateDynamicScheduleRequest (2.1 K28): no dynamic profile is ever installed."""
    return _rejected(store, ProfileRefused(Reason.NOT_FOUND, "dynamic profiles are not supported"), context)


def request_start(store: ProfileStore, payload: Mapping[str, Any], context: Context) -> StartRequest | Answer:
    """RequestStartTransactionRequest with a chargingProfile (K05): what to ask the station, or why not."""
    evse = fields.whole(payload, "evseId")
    token = fields.required_whole(payload, "remoteStartId")
    try:
        profile = parse(fields.required(payload, "chargingProfile"), context.version)
        admit_awaited(with_room(store, context.wiring, context.now), context.wiring, evse, profile)
    except ProfileRefused as refused:
        return _rejected(store, refused, context)
    return start_request(payload, evse, str(token), profile)


ANSWERS: Mapping[str, Answerer] = {
    "ClearChargingProfile": clear_charging_profile,
    "GetChargingProfiles": get_charging_profiles,
    "GetCompositeSchedule": get_composite_schedule,
    "SetChargingProfile": set_charging_profile,
    "UpdateDynamicSchedule": update_dynamic_schedule,
    "UsePriorityCharging": use_priority_charging,
}


def answer(store: ProfileStore, action: str, payload: object, context: Context) -> Answer:
    """The answer to one of :data:`ANSWERS`, whatever its payload is."""
    return answered(ANSWERS[action], store, payload, context)


def start(store: ProfileStore, payload: object, context: Context) -> StartRequest | Answer:
    """:func:`request_start`, whatever the payload is. A malformed profile is an invalid one (K05.FR.05)."""
    try:
        return request_start(store, fields.entries(payload, "the payload"), context)
    except RequestMalformed as problem:
        return _rejected(store, ProfileRefused(Reason.INVALID_PROFILE, problem.detail), context)


def _check_evse(evse: int, context: Context) -> None:
    if not context.knows(evse):
        raise ProfileRefused(Reason.UNKNOWN_EVSE, f"evseId {evse} doesn't exist")  # K01.FR.28


def _rejected(store: ProfileStore, refused: ProfileRefused, context: Context) -> Answer:
    return Answer(store=store, reply=status("Rejected", refused, version=context.version))
