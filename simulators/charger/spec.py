"""What a simulated charging station is: its connectors, its identity, its faults, and what it has counted."""

from dataclasses import dataclass
from enum import StrEnum

EDITION_16 = "1.6"
PILOT_MINIMUM_A = 6.0  # IEC 61851-1: the smallest current that the control pilot can offer; below it is no charging


class Supply(StrEnum):
    """What a connector gives the car; the values are those of the site file."""

    AC = "ac"
    DC = "dc"  # limited in W only, which it draws evenly from three phases


class Obedience(StrEnum):
    """What the station does with a charging profile that it is sent."""

    OBEYS = "obeys"
    IGNORES = "ignores"  # answers Accepted, reports it in GetCompositeSchedule, and offers its maximum all the same
    REFUSES = "refuses"  # answers Rejected, installs nothing


class Quirk(StrEnum):
    """Habits of real stations; see :mod:`simulators.charger.quirks`."""

    NO_ZONE = "no-zone"  # 10
    LOCAL_TIME_AS_UTC = "local-time-as-utc"  # 11
    YEAR_1970 = "year-1970"  # 12
    ERROR_CODE = "error-code"  # 13
    OBJECT_FOR_LIST = "object-for-list"  # 14
    ODD_UNIT = "odd-unit"  # 15
    PHASE_N = "phase-n"  # 18
    BLANKS = "blanks"  # 18
    REFUSES_PROFILES = "refuses-profiles"  # 22
    ACCEPTS_AND_IGNORES = "accepts-and-ignores"  # 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSpec:
    """One connector: OCPP's number, the most it can offer per phase, and how many phases are wired to it.

    Below `min_a` it doesn't charge. One that `switches_phases` obeys numberPhases: it closes only so many of its own
    L1, L2, L3; others leave it aside. Of a DC connector the currents are those on the side of the grid.
    """

    connector_id: int
    max_a: float
    phases: int = 3
    min_a: float = PILOT_MINIMUM_A
    switches_phases: bool = False
    supply: Supply = Supply.AC

    def __post_init__(self) -> None:
        if self.phases not in (1, 2, 3):
            raise ValueError(f"connector {self.connector_id}: phases must be 1, 2 or 3, not {self.phases}")
        if self.max_a <= 0:
            raise ValueError(f"connector {self.connector_id}: max_a must be above 0, not {self.max_a:g}")
        if self.supply is Supply.DC and (self.phases != 3 or self.switches_phases):
            raise ValueError(f"connector {self.connector_id}: a DC connector draws from three phases and switches none")


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSpec:
    """A station, and how it deviates from a perfect one.

    `clock_offset_s` is what the station's own clock is ahead of true time (negative: behind); it never
    synchronises, so the offset stays. `answer_delay_s` is how long it thinks before it acts on a CALL and answers
    it. `password` is sent as HTTP Basic authentication with the identity as user. With an `edition` of OCPP 2.x its
    logic is that of 1.6 all the same, but it numbers its transactions itself, and what changes in one is told in the
    order of its events: an interpreter stands before its socket (:mod:`simulators.interpreter`).
    """

    identity: str
    connectors: tuple[ConnectorSpec, ...]
    vendor: str
    model: str
    firmware: str
    serial: str
    sample_interval_s: int = 10
    call_timeout_s: float = 30.0
    clock_offset_s: float = 0.0
    obedience: Obedience = Obedience.OBEYS
    answer_delay_s: float = 0.0
    nominal_voltage_v: float = 230.0
    password: str | None = None
    quirks: frozenset[Quirk] = frozenset()
    edition: str = EDITION_16

    @property
    def is_v2(self) -> bool:
        """Whether it speaks OCPP 2.x."""
        return self.edition != EDITION_16

    def __post_init__(self) -> None:
        numbers = [connector.connector_id for connector in self.connectors]
        if not numbers or numbers != list(range(1, len(numbers) + 1)):
            raise ValueError(
                f"station {self.identity}: connectors must be numbered 1, 2, 3 … (OCPP 1.6 §3.8), not {numbers}"
            )


@dataclass(slots=True)
class Counters:
    """What has happened since the station was made; reboots don't reset it."""

    profiles_received: int = 0  # SetChargingProfile.req, whatever the answer
    profiles_accepted: int = 0
    transactions_started: int = 0  # StartTransaction.req made, sent or not
    transactions_confirmed: int = 0  # StartTransaction.conf with an id arrived
    transactions_stopped: int = 0  # StopTransaction.req made, sent or not
    stops_confirmed: int = 0  # StopTransaction.conf arrived
