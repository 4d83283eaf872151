"""What an EVSE is allowed, why, and how it is told."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge.domain.limit import LimitSource
from edge.domain.site import EvseKey
from edge.units import Amps, Phase, Seconds, Watts


class Reason(StrEnum):
    """The constraint that binds a setpoint. Each has its sentence in :data:`SENTENCES`."""

    MAXIMUM = "MAXIMUM"
    DEMAND_MET = "DEMAND_MET"
    WHOLE_STEPS = "WHOLE_STEPS"
    CIRCUIT_FULL = "CIRCUIT_FULL"
    WAITING_FOR_ROOM = "WAITING_FOR_ROOM"
    WAITING_FOR_CUT = "WAITING_FOR_CUT"
    STEADYING = "STEADYING"
    CAR_PAUSED = "CAR_PAUSED"
    NOT_LET_IN = "NOT_LET_IN"
    IDLE = "IDLE"
    METER_STALE = "METER_STALE"
    OVERLOAD = "OVERLOAD"
    STATION_OFFLINE = "STATION_OFFLINE"
    STATION_NEW = "STATION_NEW"
    STATION_SILENT = "STATION_SILENT"
    STATION_REFUSES = "STATION_REFUSES"
    STATION_DISOBEYS = "STATION_DISOBEYS"
    CIRCUIT_POWER_FULL = "CIRCUIT_POWER_FULL"
    IMBALANCE = "IMBALANCE"
    READY_IN_TIME = "READY_IN_TIME"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    NO_WHOLE_STEP = "NO_WHOLE_STEP"
    STARTING = "STARTING"
    RESTING = "RESTING"
    CAR_DISOBEYED = "CAR_DISOBEYED"
    STOPPED_DISOBEYING = "STOPPED_DISOBEYING"
    WAITING_FOR_TURN = "WAITING_FOR_TURN"
    WRITES_SPENT = "WRITES_SPENT"
    METER_LATE = "METER_LATE"
    RECOVERING = "RECOVERING"
    SWITCHING_PHASES = "SWITCHING_PHASES"
    LIMITED = "LIMITED"
    LIMIT_ENDED = "LIMIT_ENDED"
    CLOUD_LIMIT = "CLOUD_LIMIT"
    TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105 - no password
    SURPLUS = "SURPLUS"
    ECO = "ECO"
    ECO_WAITS = "ECO_WAITS"
    CLOSED = "CLOSED"
    CLOSING = "CLOSING"
    SUN_MAY_GO = "SUN_MAY_GO"
    SHOWN_ONCE = "SHOWN_ONCE"
    SAFE_KEPT = "SAFE_KEPT"


SENTENCES: dict[Reason, str] = {
    Reason.MAXIMUM: "the most this EVSE can give",
    Reason.DEMAND_MET: "all the car can use",
    Reason.WHOLE_STEPS: "all the car can use in whole steps",
    Reason.CIRCUIT_FULL: "{circuit} {phase} is full ({used_a:z.1f} of {rating_a:g} A)",
    Reason.WAITING_FOR_ROOM: "waits: {circuit} {phase} has no {min_a:g} A left ({used_a:z.1f} of {rating_a:g} A)",
    Reason.WAITING_FOR_CUT: "waits until others have obeyed their cut on {circuit} {phase}",
    Reason.STEADYING: "held a moment before it rises",
    Reason.CAR_PAUSED: "the car has paused; its minimum is there when it wakes",
    Reason.NOT_LET_IN: "nobody is let in yet: its minimum is there when somebody is",
    Reason.IDLE: "no car is charging",
    Reason.METER_STALE: "meter {meter} gives no reading: safe current",
    Reason.OVERLOAD: "{circuit} {phase} is overloaded by what is not ours ({used_a:z.1f} of {rating_a:g} A)",
    Reason.STATION_OFFLINE: "the station can't be reached: what it may draw by itself is kept free",
    Reason.STATION_NEW: "the station has not confirmed a limit yet: what it may draw is kept free",
    Reason.STATION_SILENT: "the station doesn't answer: what it may draw by itself is kept free",
    Reason.STATION_REFUSES: "the station refuses its limit: what it may draw by itself is kept free",
    Reason.STATION_DISOBEYS: "the station draws more than it accepted: what it may draw is kept free",
    Reason.STOPPED_DISOBEYING: "the station draws more than it accepted and than there is: it is told to stop",
    Reason.CIRCUIT_POWER_FULL: "{circuit} has no power left ({used_w:z.0f} of {rating_w:.0f} W)",
    Reason.IMBALANCE: "{phase} carries {used_a:z.1f} A more than {other_phase}, and {rating_a:g} A are allowed",
    Reason.READY_IN_TIME: "the rate that makes the car ready in time",
    Reason.BELOW_MINIMUM: "the car can use less than {min_a:g} A, the least this EVSE can give",
    Reason.NO_WHOLE_STEP: "no whole step of its limit lies between the least and the most this EVSE can give",
    Reason.STARTING: "begins at its minimum, and rises when that is measured",
    Reason.RESTING: "stopped a moment ago: stays off a little to spare car and contactor",
    Reason.CAR_DISOBEYED: "the car drew more than it was allowed: no more than this for a turn",
    Reason.WAITING_FOR_TURN: "waits for its turn: {circuit} {phase} can't start one car more "
    "({used_a:z.1f} of {rating_a:g} A)",
    Reason.WRITES_SPENT: "held: the station has been told enough for now",
    Reason.METER_LATE: "meter {meter} is late: nothing rises until it answers",
    Reason.RECOVERING: "rises step by step now that meter {meter} is back",
    Reason.LIMITED: "{source} allows {circuit} {rating_a:g} A ({used_a:z.1f} A on {phase})",
    Reason.LIMIT_ENDED: "{source} is silent: {circuit} falls back to {rating_a:g} A ({used_a:z.1f} A on {phase})",
    Reason.SURPLUS: "goes by the sun's surplus ({rating_a:.1f} A)",
    Reason.ECO: "eco mode: goes by the sun's surplus ({rating_a:.1f} A)",
    Reason.ECO_WAITS: "eco mode: waits for surplus",
    Reason.SAFE_KEPT: "its safe current: no session here is told less",
    Reason.CLOSED: "outside the hours of its class",
    Reason.CLOSING: "goes on at its minimum: the hours of its class are over",
    Reason.SUN_MAY_GO: "{circuit} {phase} bears no more, should what feeds in be gone at once "
    "({used_a:z.1f} of {rating_a:g} A)",
    Reason.SHOWN_ONCE: "its minimum stays: one reading alone has shown {circuit} {phase} so full "
    "({used_a:z.1f} of {rating_a:g} A)",
    Reason.CLOUD_LIMIT: "the cloud's charging profile allows {rating_a:g} A",
    Reason.TOKEN_REFUSED: "the token of this session is no longer good",
    Reason.SWITCHING_PHASES: "is changing over to {phases} of its phases",
}

SOURCE_NAMES: dict[LimitSource, str] = {
    LimitSource.GRID: "the grid operator",
    LimitSource.GRID_EEBUS: "the grid operator (EEBUS)",
    LimitSource.OPENADR: "the grid operator (OpenADR)",
    LimitSource.BMS_MQTT: "the building (MQTT)",
    LimitSource.BMS_MODBUS: "the building (Modbus)",
    LimitSource.CLOUD: "the cloud",
    LimitSource.DEMAND_WINDOW: "the demand window",
    LimitSource.SCHEDULE: "the schedule",
    LimitSource.INSTALLER: "the installer",
}

# Where a circuit's total power binds, and not a phase.
POWER_SENTENCES: dict[Reason, str] = {
    Reason.WAITING_FOR_ROOM: ("waits: {circuit} has no power left for {min_a:g} A ({used_w:z.0f} of {rating_w:.0f} W)"),
    Reason.WAITING_FOR_TURN: (
        "waits for its turn: {circuit} has no power left for one car more ({used_w:z.0f} of {rating_w:.0f} W)"
    ),
    Reason.WAITING_FOR_CUT: "waits until others have obeyed their cut on {circuit}",
    Reason.SHOWN_ONCE: "its minimum stays: one reading alone has shown {circuit} so full "
    "({used_w:z.0f} of {rating_w:.0f} W)",
    Reason.LIMITED: "{source} allows {circuit} {rating_w:.0f} W ({used_w:z.0f} W now)",
    Reason.LIMIT_ENDED: "{source} is silent: {circuit} falls back to {rating_w:.0f} W ({used_w:z.0f} W now)",
    Reason.OVERLOAD: "{circuit} is overloaded by what is not ours ({used_w:z.0f} of {rating_w:.0f} W)",
}

# Where the imbalance between two phases binds.
BALANCE_SENTENCES: dict[Reason, str] = {
    Reason.WAITING_FOR_ROOM: (
        "waits: {min_a:g} A more on {phase} would unbalance it "
        "({used_a:z.1f} A more than {other_phase} now, and {rating_a:g} A are allowed)"
    ),
    Reason.WAITING_FOR_TURN: (
        "waits for its turn: one car more on {phase} would unbalance it "
        "({used_a:z.1f} A more than {other_phase} now, and {rating_a:g} A are allowed)"
    ),
    Reason.SHOWN_ONCE: (
        "its minimum stays: one reading alone has shown {phase} so far ahead "
        "({used_a:z.1f} A more than {other_phase}, and {rating_a:g} A are allowed)"
    ),
}

# Each sentence by its name, a reason's value: with ".power" where a circuit's total power binds, with ".balance" where
# the imbalance between two phases does. Other languages have them by the same names.
NAMED: Final[Mapping[str, str]] = (
    {reason.value: sentence for reason, sentence in SENTENCES.items()}
    | {f"{reason}.power": sentence for reason, sentence in POWER_SENTENCES.items()}
    | {f"{reason}.balance": sentence for reason, sentence in BALANCE_SENTENCES.items()}
)
_WORDS: Final = frozenset({"circuit", "phase", "meter", "other_phase", "phases", "source"})  # else it is a number of 0
_FIELDS: Final[Mapping[str, tuple[tuple[str, bool], ...]]] = {  # and whether it is a number
    name: tuple((field, field not in _WORDS) for _, field, _, _ in string.Formatter().parse(sentence) if field)
    for name, sentence in NAMED.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """The reason of a setpoint, before it is said in a language: the name of a sentence, and what stands in it."""

    name: str  # a key of NAMED
    shown_a: Amps | None  # what the setpoint allows, or what is kept free
    values: Mapping[str, str | float | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setpoint:
    """What one EVSE may draw per phase, with the constraint that binds it.

    ``limit_a`` is None where the EVSE isn't ours to limit (out of reach, refusing); then ``reserved_a`` is what is kept
    free for it.
    """

    key: EvseKey
    limit_a: Amps | None
    reason: Reason
    circuit: str | None = None
    phase: Phase | None = None
    meter: str | None = None
    used_a: Amps | None = None
    rating_a: Amps | None = None
    min_a: Amps | None = None
    reserved_a: Amps | None = None
    other_phase: Phase | None = (
        None  # where phase may not carry more above it: then used_a and rating_a are differences
    )
    used_w: Watts | None = None  # where a circuit's total power binds
    rating_w: Watts | None = None
    phases: int | None = None  # how many it is to use, where the EVSE can be told
    source: LimitSource | None = None  # whose limit binds, where it isn't the installer's

    @property
    def sentence(self) -> Sentence:
        """What :attr:`text` says, in parts. A source is named by its value."""
        name = self._name
        # Of an EVSE after the other, each second where a building reads them.
        values = {
            field: float(getattr(self, field) or 0.0) if is_number else getattr(self, field)
            for field, is_number in _FIELDS[name]
        }
        return Sentence(name=name, shown_a=self._shown_a, values=values)

    @property
    def text(self) -> str:
        """The same sentence everywhere: ``6.0 A: garage L2 is full (39.8 of 40 A)``."""
        shown_a = self._shown_a
        sentence = NAMED[self._name].format(
            circuit=self.circuit,
            phase=self.phase,
            meter=self.meter,
            used_a=self.used_a if self.used_a is not None else 0.0,
            rating_a=self.rating_a if self.rating_a is not None else 0.0,
            min_a=self.min_a if self.min_a is not None else 0.0,
            other_phase=self.other_phase,
            used_w=self.used_w if self.used_w is not None else 0.0,
            rating_w=self.rating_w if self.rating_w is not None else 0.0,
            phases=self.phases,
            source=None if self.source is None else SOURCE_NAMES[self.source],
        )
        return f"{shown_a:z.1f} A: {sentence}" if shown_a is not None else sentence

    @property
    def _name(self) -> str:
        """Of its sentence, by what binds."""
        if self.rating_w is not None:
            return f"{self.reason}.power" if self.reason in POWER_SENTENCES else self.reason
        if self.other_phase is not None:
            return f"{self.reason}.balance" if self.reason in BALANCE_SENTENCES else self.reason
        return self.reason

    @property
    def _shown_a(self) -> Amps | None:
        """What it allows, else what is kept free."""
        return self.limit_a if self.limit_a is not None else self.reserved_a


class Purpose(StrEnum):
    """Which of an EVSE's two limits a command sets."""

    # What any session that begins is allowed, a TxDefaultProfile; of a station that takes one limit only, that one.
    IDLE = "idle"
    SESSION = "session"  # what the running session is allowed: a TxProfile

    # That of Enum is a function of Python, and each tick looks at both purposes of every EVSE.
    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCommand:
    """A limit to write to an EVSE as a dead-man profile.

    It holds ``limit_a`` for ``lease_s`` from its start, then the lower of limit and ``safe_a`` for as long again, then
    ``safe_a`` for good: so nothing rises when a lease ends, and no car is left at 0 for ever.
    """

    id: int
    key: EvseKey
    purpose: Purpose
    limit_a: Amps
    safe_a: Amps
    lease_s: Seconds
    transaction_id: str | None = None  # of the running session, for Purpose.SESSION
    phases: int | None = None  # how many phases to use; None where the EVSE isn't told
    limit_w: Watts | None = None  # the same limits for a station that is limited in W; None for A
    safe_w: Watts | None = None
