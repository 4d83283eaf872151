"""Whether a well-formed profile may be installed at this station, there, and now. Raises ProfileRefused when not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.domain.site import Station
from edge.ocpp.profiles.model import ChargingProfile, Moment, ProfilePurpose, RateUnit
from edge.ocpp.profiles.refusal import ProfileRefused, Reason
from edge.ocpp.profiles.store import STATION, ProfileStore, replaces
from edge.ocpp.versions import Version
from edge.units import Amps, Phase, Volts

_GRID_NUMBER = {Phase.L1: 1, Phase.L2: 2, Phase.L3: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What is kept for a station. Far above what stations hold themselves, and a bound for a cloud gone wild."""

    max_installed: int = 64  # MaxChargingProfilesInstalled; real stations have room for 3 to 20
    max_periods: int = 512  # ChargingScheduleMaxPeriods; a day in quarter hours has 96
    units: frozenset[RateUnit] = frozenset(RateUnit)
    additional: frozenset[ProfilePurpose] = frozenset({ProfilePurpose.PRIORITY, ProfilePurpose.LOCAL_GENERATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the site file says of the station: for each EVSE its grid phases and its maximum per phase.

    ``whole_a`` is that of a station without EVSEs, the gateway itself.
    """

    nominal_voltage_v: Volts
    phases: Mapping[int, tuple[Phase, ...]]
    max_a: Mapping[int, Amps]
    whole_a: Amps = 0.0
    capacity: Capacity = field(default_factory=Capacity)

    @classmethod
    def of(cls, station: Station, nominal_voltage_v: Volts, whole_a: Amps = 0.0) -> "Wiring":
        """The wiring of a configured station."""
        return cls(
            nominal_voltage_v=nominal_voltage_v,
            phases={evse.key.evse: tuple(evse.phases) for evse in station.evses},
            max_a={evse.key.evse: evse.max_a for evse in station.evses},
            whole_a=whole_a,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    store: ProfileStore
    wiring: Wiring
    evse: int
    profile: ChargingProfile


def with_room(store: ProfileStore, wiring: Wiring, at: Moment) -> ProfileStore:
    """The store as it takes one more: a full one without those that are over. A cloud that sets a profile for each day
    need not clear them; stations forget them, too (EVerest/libocpp pull 1055)."""
    return store if len(store.installed) < wiring.capacity.max_installed else store.without_over(at)


def admit(store: ProfileStore, wiring: Wiring, evse: int, profile: ChargingProfile) -> None:
    """Raise ProfileRefused unless SetChargingProfile may install the profile there; ``evse`` exists."""
    request = _Request(store=store, wiring=wiring, evse=evse, profile=profile)
    for check in _CHECKS:
        check(request)


def admit_awaited(store: ProfileStore, wiring: Wiring, evse: int | None, profile: ChargingProfile) -> None:
    """Raise ProfileRefused unless a request to start a transaction may bring the profile along.

    It is a TxProfile, and its transaction has no id yet (OCPP 1.6 §5.11 with errata 3.41, 2.0.1 K05.FR.02). ``evse`` is
    None where the station chooses it.
    """
    if profile.purpose is not ProfilePurpose.TX:
        raise ProfileRefused(Reason.INVALID_PROFILE, f"a {profile.purpose} can't start a transaction")
    if profile.transaction is not None:
        raise ProfileRefused(Reason.INVALID_PROFILE, "the transaction to be started has no transactionId yet")
    if evse is not None and evse not in wiring.phases:
        raise ProfileRefused(Reason.UNKNOWN_EVSE, f"EVSE {evse} doesn't exist")
    request = _Request(store=store, wiring=wiring, evse=STATION if evse is None else evse, profile=profile)
    for check in (_check_capacity, _check_unit, _check_phases):
        check(request)


def _check_purpose(request: _Request) -> None:
    purpose, evse = request.profile.purpose, request.evse
    if purpose in (ProfilePurpose.PRIORITY, ProfilePurpose.LOCAL_GENERATION):
        if purpose not in request.wiring.capacity.additional:
            raise ProfileRefused(Reason.UNSUPPORTED_PURPOSE, f"{purpose} is not supported")  # 2.1 K01.FR.120
    elif purpose is ProfilePurpose.STATION_MAX and evse != STATION:
        # OCPP 1.6 §3.13.1, 2.0.1 K04.FR.03
        raise ProfileRefused(Reason.INVALID_PROFILE, "the station's maximum is set on connector or EVSE 0 only")
    elif purpose is ProfilePurpose.TX and evse == STATION:
        # OCPP 1.6 §3.13.1, 2.0.1 K01.FR.16
        raise ProfileRefused(Reason.INVALID_PROFILE, "a TxProfile belongs to a connector or EVSE above 0")


def _check_transaction(request: _Request) -> None:
    """OCPP 1.6 §3.13.1 and §5.16.4; 2.0.1 K01.FR.03, 09 and 33."""
    profile = request.profile
    if profile.purpose is not ProfilePurpose.TX:
        return
    running = request.store.on(request.evse)
    if running is None:
        raise ProfileRefused(Reason.TX_NOT_FOUND, f"no transaction runs on {request.evse}")
    if profile.transaction is None:
        if profile.version is not Version.V16:
            raise ProfileRefused(Reason.MISSING_PARAM, "a TxProfile needs its transactionId")
    elif running.transaction != profile.transaction:
        raise ProfileRefused(Reason.TX_NOT_FOUND, f"transaction {profile.transaction} doesn't run on {request.evse}")


def _check_duplicate(request: _Request) -> None:
    """2.x K01.FR.06 and 39: no two of one purpose and stack level there, valid at once; FR.52 and 53: nor may a
    TxDefaultProfile of the station and one of an EVSE have the same stack level."""
    profile = request.profile
    if profile.version is Version.V16:
        return
    for each in request.store.installed:
        other = each.profile
        if other.id == profile.id or (other.purpose, other.stack_level) != (profile.purpose, profile.stack_level):
            continue
        same_place = each.evse == request.evse and (profile.purpose is ProfilePurpose.TX or profile.overlaps(other))
        default = profile.purpose is ProfilePurpose.TX_DEFAULT
        across = default and each.evse != request.evse and STATION in (each.evse, request.evse)
        if same_place or across:
            detail = f"profile {other.id} on {each.evse} has stackLevel {other.stack_level} too"
            raise ProfileRefused(Reason.DUPLICATE_PROFILE, detail)


def _check_capacity(request: _Request) -> None:
    profile, capacity = request.profile, request.wiring.capacity
    if len(profile.periods) > capacity.max_periods:
        detail = f"{len(profile.periods)} periods, and {capacity.max_periods} are kept at most"
        raise ProfileRefused(Reason.TOO_MANY_ELEMENTS, detail)
    others = sum(not replaces(request.evse, profile, each) for each in request.store.installed)
    if others >= capacity.max_installed:
        raise ProfileRefused(Reason.OUT_OF_STORAGE, f"{capacity.max_installed} profiles are installed")


def _check_unit(request: _Request) -> None:
    if request.profile.unit not in request.wiring.capacity.units:
        detail = f"chargingRateUnit {request.profile.unit} is not supported"  # 2.0.1 K01.FR.26
        raise ProfileRefused(Reason.UNSUPPORTED_RATE_UNIT, detail)


def _check_phases(request: _Request) -> None:
    """2.x K01.FR.43 and 48: an EVSE that can't switch its phases uses all that are wired, or the one that is."""
    if request.profile.version is Version.V16 or request.profile.purpose is ProfilePurpose.LOCAL_GENERATION:
        return
    wiring = request.wiring.phases
    concerned = [wiring[request.evse]] if request.evse != STATION else list(wiring.values())
    for period in request.profile.periods:
        if period.number_phases is not None and any(period.number_phases < len(wired) for wired in concerned):
            detail = f"numberPhases {period.number_phases}: the EVSE can't be kept from using all that it has"
            raise ProfileRefused(Reason.INVALID_SCHEDULE, detail)
        if period.phase_to_use is not None and any(
            _GRID_NUMBER[wired[0]] != period.phase_to_use for wired in concerned
        ):
            detail = f"phaseToUse {period.phase_to_use}: the EVSE can't change over to it"
            raise ProfileRefused(Reason.INVALID_SCHEDULE, detail)


_CHECKS: tuple[Callable[[_Request], None], ...] = (
    _check_purpose,
    _check_transaction,
    _check_unit,
    _check_phases,
    _check_duplicate,
    _check_capacity,
)
