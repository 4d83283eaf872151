"""What a station of OCPP 1.6 answers to its cloud about charging profiles (§5.5, §5.7, §5.11, §5.16)."""

from collections.abc import Mapping
from typing import Any

from edge.ocpp.fields import text, whole_number
from edge.ocpp.profiles import fields, schedule
from edge.ocpp.profiles.admission import admit, admit_awaited, with_room
from edge.ocpp.profiles.answer import (
    Answer,
    Answerer,
    Context,
    PlainStart,
    StartRequest,
    answered,
    cleared,
    schedule_asked,
    start_request,
    status,
)
from edge.ocpp.profiles.fields import moment_text
from edge.ocpp.profiles.parse import parse, read_purpose
from edge.ocpp.profiles.refusal import Malformation, ProfileRefused, RequestMalformed
from edge.ocpp.profiles.store import Criteria, ProfileStore
from edge.ocpp.versions import Version

_REJECTED = {"status": "Rejected"}


def set_charging_profile(store: ProfileStore, payload: Mapping[str, Any], context: Context) -> Answer:
    """SetChargingProfile.req (§5.16). An unknown connector, or an unknown word, is a CALLERROR (errata 3.38, 3.39)."""
    connector = fields.required_whole(payload, "connectorId")
    if not context.knows(connector):
        raise RequestMalformed(Malformation.VALUE, f"connectorId {connector} doesn't exist")
    try:
        profile = parse(fields.required(payload, "csChargingProfiles"), Version.V16)
        room = with_room(store, context.wiring, context.now)
        admit(room, context.wiring, connector, profile)
    except ProfileRefused:
        return Answer(store=store, reply=_REJECTED)
    return Answer(store=room.with_profile(connector, profile, context.now), reply={"status": "Accepted"})


def clear_charging_profile(store: ProfileStore, payload: Mapping[str, Any], _context: Context) -> Answer:
    """ClearChargingProfile.req (§5.5): an id alone counts; else all fields must match; no field: all (errata 3.25)."""
    identity = fields.whole(payload, "id")
    word = fields.text(payload, "chargingProfilePurpose")
    criteria = Criteria(
        ids=None if identity is None else frozenset({identity}),
        evse=fields.whole(payload, "connectorId"),
        purpose=None if word is None else read_purpose(word, Version.V16),
        stack_level=fields.whole(payload, "stackLevel"),
    )
    return cleared(store, criteria)


def get_composite_schedule(store: ProfileStore, payload: Mapping[str, Any], context: Context) -> Answer:
    """GetCompositeSchedule.req (§5.7)."""
    connector, duration_s, unit = schedule_asked(payload, "connectorId")
    try:
        expected = schedule.expected(store, context, connector, duration_s, unit)
    except ProfileRefused:
        return Answer(store=store, reply=_REJECTED)
    reply = {
        "status": "Accepted",
        "connectorId": connector,
        "scheduleStart": moment_text(expected.start),
        "chargingSchedule": {  # without a startSchedule (errata 3.57)
            "duration": duration_s,
            "chargingRateUnit": unit.value,
            "chargingSchedulePeriod": expected.periods,
        },
    }
    return Answer(store=store, reply=reply)


def remote_start(store: ProfileStore, payload: Mapping[str, Any], context: Context) -> StartRequest | Answer:
    """RemoteStartTransaction.req with a chargingProfile (§5.11): what to ask the station, or why not."""
    connector = fields.whole(payload, "connectorId")
    token = fields.text(payload, "idTag")
    if token is None:
        raise RequestMalformed(Malformation.MISSING, "idTag is missing")
    try:
        profile = parse(fields.required(payload, "chargingProfile"), Version.V16)
        admit_awaited(with_room(store, context.wiring, context.now), context.wiring, connector, profile)
    except ProfileRefused:
        return Answer(store=store, reply=_REJECTED)
    return start_request(payload, connector, token, profile)


def plain_start(payload: Mapping[str, Any]) -> PlainStart | None:
    """RemoteStartTransaction.req without a chargingProfile; None where it can't be told for whom."""
    token = text(payload.get("idTag"))
    return PlainStart(evse=whole_number(payload.get("connectorId")), token=token) if token is not None else None


ANSWERS: Mapping[str, Answerer] = {
    "ClearChargingProfile": clear_charging_profile,
    "GetCompositeSchedule": get_composite_schedule,
    "SetChargingProfile": set_charging_profile,
}


def answer(store: ProfileStore, action: str, payload: object, context: Context) -> Answer:
    """The answer to one of :data:`ANSWERS`, whatever its payload is."""
    return answered(ANSWERS[action], store, payload, context)


def start(store: ProfileStore, payload: object, context: Context) -> StartRequest | Answer:
    """:func:`remote_start`, whatever the payload is. A malformed profile is refused, as is the start with it."""
    try:
        return remote_start(store, fields.entries(payload, "the payload"), context)
    except RequestMalformed:
        return Answer(store=store, reply=status("Rejected", version=Version.V16))
