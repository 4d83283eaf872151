"""What becomes of a request of the cloud about profiles: a new store, the answer, and the messages that follow it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from edge.ocpp.profiles import fields
from edge.ocpp.profiles.admission import Wiring
from edge.ocpp.profiles.composite import Composer
from edge.ocpp.profiles.model import ChargingProfile, Moment, RateUnit
from edge.ocpp.profiles.refusal import Malformation, ProfileRefused, RequestMalformed
from edge.ocpp.profiles.store import STATION, Criteria, ProfileStore
from edge.ocpp.versions import Version
from edge.units import Amps

# The RPC error codes for a malformed payload (OCPP-J 1.6 §4.2.3, which spells the first one so; 2.0.1 part 4 §4.3).
ERROR_CODES: Mapping[Version, Mapping[Malformation, str]] = {
    version: {
        Malformation.MISSING: spelling,
        Malformation.TYPE: "TypeConstraintViolation",
        Malformation.VALUE: "PropertyConstraintViolation",
    }
    for version, spelling in (
        (Version.V16, "OccurenceConstraintViolation"),
        (Version.V201, "OccurrenceConstraintViolation"),
        (Version.V21, "OccurrenceConstraintViolation"),
    )
}

_MOST_INFO = 512  # characters of additionalInfo in 2.0.1; 2.1 has 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What an answer depends on besides store and payload.

    ``site_a``: what the site allows now, per phase, by EVSE number (:data:`STATION`: the station); absent: as much as
    there is.
    """

    version: Version
    wiring: Wiring
    now: Moment
    site_a: Mapping[int, Amps] = field(default_factory=dict)

    def composer(self, store: ProfileStore) -> Composer:
        """Reads that store."""
        return Composer(store=store, wiring=self.wiring, version=self.version)

    def knows(self, evse: int) -> bool:
        """Whether the station has that EVSE; the station itself counts as one."""
        return evse == STATION or evse in self.wiring.phases


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A CALL that the station owes the cloud after the answer."""

    action: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRefusal:
    """The answer is a CALLERROR."""

    code: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``reply`` is the payload of a CALLRESULT, or a CALLERROR. The store is the same object where nothing changed."""

    store: ProfileStore
    reply: Mapping[str, Any] | CallRefusal
    follow_ups: tuple[FollowUp, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainStart:
    """A request to start a transaction: ``token`` and ``evse`` tell which, as in a profile that waits for one."""

    evse: int | None
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest(PlainStart):
    """One that brings its profile along (OCPP 1.6 §5.11, 2.x F01 with K05); ``forward`` is what the station is asked,
    without it."""

    forward: Mapping[str, Any]
    profile: ChargingProfile


Answerer: TypeAlias = Callable[[ProfileStore, Mapping[str, Any], Context], Answer]


def answered(answerer: Answerer, store: ProfileStore, payload: object, context: Context) -> Answer:
    """What the answerer says, whatever the payload is."""
    try:
        return answerer(store, fields.entries(payload, "the payload"), context)
    except RequestMalformed as problem:
        return malformed(store, context.version, problem)


def cleared(store: ProfileStore, criteria: Criteria) -> Answer:
    """The answer to ClearChargingProfile with these criteria."""
    rest = store.without(criteria)
    return Answer(store=rest, reply={"status": "Unknown" if rest == store else "Accepted"})


def schedule_asked(payload: Mapping[str, Any], place: str) -> tuple[int, int, RateUnit]:
    """What GetCompositeSchedule asks for: connector or EVSE, named ``place``, duration in s, and unit.

    A unit that is none is a CALLERROR (OCPP 1.6 errata 3.24).
    """
    unit = fields.member(payload, "chargingRateUnit", RateUnit) or RateUnit.AMPERES
    return fields.required_whole(payload, place), fields.required_whole(payload, "duration"), unit


def start_request(payload: Mapping[str, Any], evse: int | None, token: str, profile: ChargingProfile) -> StartRequest:
    """A start whose profile is taken out."""
    forward = {name: value for name, value in payload.items() if name != "chargingProfile"}
    return StartRequest(forward=forward, evse=evse, token=token, profile=profile)


def malformed(store: ProfileStore, version: Version, problem: RequestMalformed) -> Answer:
    """The answer to a payload that isn't of the form it should be."""
    code = ERROR_CODES[version][problem.malformation]
    return Answer(store=store, reply=CallRefusal(code=code, description=problem.detail))


def status(word: str, refused: ProfileRefused | None = None, *, version: Version) -> dict[str, Any]:
    """A status; in 2.x with the reason in its statusInfo."""
    if refused is None or version is Version.V16:
        return {"status": word}
    info = {"reasonCode": refused.reason.value, "additionalInfo": refused.detail[:_MOST_INFO]}
    return {"status": word, "statusInfo": info}
