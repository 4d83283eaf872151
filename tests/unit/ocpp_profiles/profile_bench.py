"""Stations, profiles and moments for the tests of the charging profiles."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ocpp.messages import get_validator  # type: ignore[import-untyped]

from edge.ocpp.profiles import answers_v2, answers_v16
from edge.ocpp.profiles.admission import Wiring
from edge.ocpp.profiles.answer import Answer, CallRefusal, Context
from edge.ocpp.profiles.store import ProfileStore
from edge.ocpp.versions import Version
from edge.units import Phase

V16, V201, V21 = Version.V16, Version.V201, Version.V21
MONDAY = "2026-06-01"
VOLTS = 230.0

WIRING = Wiring(
    nominal_voltage_v=VOLTS,
    phases={1: (Phase.L1, Phase.L2, Phase.L3), 2: (Phase.L2, Phase.L3, Phase.L1), 3: (Phase.L2,)},
    max_a={1: 32.0, 2: 32.0, 3: 16.0},
)

_PURPOSES = {"max": "ChargingStationMaxProfile", "default": "TxDefaultProfile", "tx": "TxProfile"}
_SCHEMAS = {V16: "1.6", V201: "2.0.1", V21: "2.1"}


def moment(text: str) -> float:
    """Seconds since 1970 of "12:00:00" (on that Monday), or of a whole ISO time; UTC where no zone is said."""
    if "T" not in text:
        text = f"{MONDAY}T{text}"
    stamp = datetime.fromisoformat(text)
    return (stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp).timestamp()


def period(start_s: int, limit: float, **more: Any) -> dict[str, Any]:
    """A chargingSchedulePeriod."""
    return {"startPeriod": start_s, "limit": limit, **more}


def profile(
    version: Version,
    purpose: str,
    *periods: Mapping[str, Any],
    number: int = 1,
    level: int = 0,
    kind: str = "Absolute",
    start: str | None = f"{MONDAY}T00:00:00Z",
    unit: str = "A",
    schedule: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A profile as a cloud of that version writes it; ``more`` are its further fields, ``schedule`` its schedule's."""
    of_16 = version is V16
    word = "ChargePointMaxProfile" if of_16 and purpose == "max" else _PURPOSES.get(purpose, purpose)
    the_schedule: dict[str, Any] = {"chargingRateUnit": unit, "chargingSchedulePeriod": list(periods)}
    if start is not None and kind != "Relative":
        the_schedule["startSchedule"] = start
    the_schedule |= {} if of_16 else {"id": number}
    the_schedule |= dict(schedule or {})
    return {
        ("chargingProfileId" if of_16 else "id"): number,
        "stackLevel": level,
        "chargingProfilePurpose": word,
        "chargingProfileKind": kind,
        "chargingSchedule": the_schedule if of_16 else [the_schedule],
        **more,
    }


def ask(store: ProfileStore, version: Version, action: str, payload: object, at: str = "12:00:00") -> Answer:
    """The answer to a CALL of the cloud; what it says, and what follows, breaks no schema."""
    context = Context(version=version, wiring=WIRING, now=moment(at))
    answered = answers_v16.answer if version is V16 else answers_v2.answer
    answer = answered(store, action, payload, context)
    assert_valid(version, action, answer)
    return answer


def assert_valid(version: Version, action: str, answer: Answer) -> None:
    """Against the schemas of the Open Charge Alliance."""
    if not isinstance(answer.reply, CallRefusal):
        get_validator(3, action, _SCHEMAS[version], parse_float=Decimal).validate(_decimal(answer.reply))
    for each in answer.follow_ups:
        get_validator(2, each.action, _SCHEMAS[version], parse_float=Decimal).validate(_decimal(each.payload))


def _decimal(payload: Mapping[str, Any]) -> Any:
    """As it reads on the wire: 8.6 is a multiple of 0.1 in decimal digits only."""
    return json.loads(json.dumps(payload), parse_float=Decimal)


def install(store: ProfileStore, version: Version, evse: int, raw: Mapping[str, Any], at: str = "12:00:00") -> Answer:
    """SetChargingProfile."""
    of_16 = version is V16
    payload = {
        ("connectorId" if of_16 else "evseId"): evse,
        ("csChargingProfiles" if of_16 else "chargingProfile"): raw,
    }
    return ask(store, version, "SetChargingProfile", payload, at)


def installed(
    version: Version, *placed: tuple[int, Mapping[str, Any]], running: Mapping[int, str] | None = None
) -> ProfileStore:
    """A store with these profiles on these EVSEs, each accepted in turn; ``running``: since when, by EVSE. The
    transaction on EVSE n is called n00."""
    store = ProfileStore()
    for evse, since in (running or {}).items():
        store = store.began(evse, f"{evse}00", moment(since))
    for evse, raw in placed:
        answer = install(store, version, evse, raw)
        assert answer.reply == {"status": "Accepted"}, answer.reply
        store = answer.store
    return store


def limit_a(store: ProfileStore, version: Version, evse: int, at: str) -> float | None:
    """What the cloud allows there and then."""
    composer = Context(version=version, wiring=WIRING, now=moment(at)).composer(store)
    return composer.allowance(evse, moment(at)).limit_a
