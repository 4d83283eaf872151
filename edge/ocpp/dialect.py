"""What the relay needs to know of an edition of OCPP: the facts in the frames that pass, and the frames of our own."""

from collections.abc import Set
from datetime import datetime
from typing import Any, Protocol

from edge.domain.setpoint import LimitCommand
from edge.domain.site import Station
from edge.domain.station import LimitOutcome, StationFact
from edge.ocpp.arbiter import OwnCall
from edge.ocpp.fields import fields, text
from edge.ocpp.guard import Guard
from edge.ocpp.station_memory import StationMemory
from edge.ocpp.v2 import DialectV2
from edge.ocpp.v16 import DialectV16
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult
from edge.units import Seconds, Volts


class Dialect(Protocol):
    """One edition, spoken with one station. Nothing here refuses a frame of others or changes it."""

    @property
    def version(self) -> Version:
        """The edition."""

    @property
    def answers_read(self) -> Set[str]:
        """The station's CALLs whose answers carry facts."""

    def request(self, call: Call, now: Seconds, wall: datetime) -> list[StationFact]:
        """The facts in a CALL of the station."""

    def answer(self, request: Call, answer: CallResult | CallError, now: Seconds) -> list[StationFact]:
        """The facts in the cloud's answer to a CALL of the station."""

    def carries_profile(self, call: Call) -> bool:
        """Whether a CALL of the cloud that starts a transaction would set a charging profile."""

    def setup_calls(self, *, of_cards: bool = False) -> list[OwnCall]:
        """What we ask a station that has connected; ``of_cards``: also whom it lets in without its cloud."""

    def overdue(self, now: Seconds) -> list[OwnCall]:
        """What we ask a station that has said nothing for long of what it does."""

    def stop_call(self, transaction: str) -> OwnCall | None:
        """The CALL that asks the station to end a transaction; None for one of another edition, which it can't name."""

    def clear_call(self, profile: int) -> OwnCall:
        """The CALL that takes a charging profile of this id from the station."""

    @property
    def guard(self) -> Guard:
        """Guards what control needs of the station's configuration."""

    def learn(self, work: OwnCall, answer: CallResult | CallError) -> list[OwnCall]:
        """Take in the station's answer to one of our questions; return what is to be asked or written next."""

    def concluded(self, work: OwnCall, answer: CallResult | CallError, now: Seconds) -> list[StationFact]:
        """The facts in the station's answer to one of our questions."""

    def limit_payload(self, command: LimitCommand, start: datetime | None) -> dict[str, Any]:
        """The payload of SetChargingProfile that tells the station its limit, from ``start`` by its own clock; None:
        by any clock, which nobody knows.

        Raises ValueError with a sentence when the limit can't be told in this edition.
        """


def dialect(version: Version, station: Station, memory: StationMemory, nominal_voltage_v: Volts) -> Dialect:
    """The dialect of an edition."""
    if version is Version.V16:
        return DialectV16(station, memory, nominal_voltage_v)
    return DialectV2(version, station, memory, nominal_voltage_v)


def limit_outcome(answer: CallResult | CallError) -> tuple[LimitOutcome, str]:
    """What the station's answer to a SetChargingProfile means, and the detail for people. All editions agree."""
    if isinstance(answer, CallError):
        return LimitOutcome.REFUSED, f"{answer.code} {answer.description}".strip()
    payload = fields(answer.payload)
    status = text(payload.get("status"))
    if status is None:
        return LimitOutcome.SILENT, "answered without a status"
    if status.lower() == "accepted":
        return LimitOutcome.ACCEPTED, ""
    why = fields(payload.get("statusInfo"))  # OCPP 2.x part 2 §2.46
    told = (status, text(why.get("reasonCode")), text(why.get("additionalInfo")))
    return LimitOutcome.REFUSED, " ".join(word for word in told if word is not None)
