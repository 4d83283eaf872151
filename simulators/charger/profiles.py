"""The charging profiles installed in a station, and the limit that they make together (OCPP 1.6 §3.13, §5.16).

How they combine, at any moment:

- within a purpose the profile with the highest stack level that says something then (valid, begun, not over);
- TxProfile before TxDefaultProfile; where no TxProfile says something, the TxDefaultProfile does (§5.16.4: a
  profile that is over is as if it were not there);
- a TxDefaultProfile of the connector before one of connector 0 (§3.13.1: replaced for that connector);
- the lower of that and the ChargePointMaxProfile (§3.13.3);
- no profile: no limit.

Pure: moments come in as seconds since the epoch in the station's own clock.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from simulators.charger.profile import ChargingProfile, Purpose, UnacceptableProfile

HORIZON_S = 3600.0  # so far ahead is looked for the next edge
ROUNDING_S = 1e-6  # of sums of times since the epoch: so much before an edge is looked closely


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """What the station has room for (configuration keys of OCPP 1.6 §9.4)."""

    max_stack_level: int = 9  # ChargeProfileMaxStackLevel: 0 to 9
    max_periods: int = 24  # ChargingScheduleMaxPeriods
    max_installed: int = 20  # MaxChargingProfilesInstalled


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTransaction:
    """The transaction on a connector; its id is None until StartTransaction.conf has given one."""

    transaction_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """ClearChargingProfile.req: all that match every field given; no field: all. With an id the rest is ignored."""

    profile_id: int | None = None
    connector_id: int | None = None
    purpose: Purpose | None = None
    stack_level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of a composite schedule: from `start_s` after its beginning on, `limit_a` per phase (None: no limit)."""

    start_s: float
    limit_a: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Installed:
    connector_id: int
    profile: ChargingProfile
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a session is told at every moment of [from_s, until_s), where a Relative schedule counts from `since_s`."""

    since_s: float
    from_s: float
    until_s: float
    limit_a: float | None
    phases: int | None


class ProfileStore:
    """The installed profiles of one station. They outlive a reboot (errata 3.37): nothing but `clear`, a replacement
    and a transaction's end removes one."""

    def __init__(self, *, size: StoreSize, nominal_voltage_v: float) -> None:
        self.size = size
        self._nominal_voltage_v = nominal_voltage_v
        self._installed: list[_Installed] = []  # highest stack level first
        self._by_owner: dict[tuple[Purpose, int], list[_Installed]] = {}  # the same, by purpose and connector
        self._told: dict[int, _Told] = {}  # each connector's session, as last looked at
        self.limit_the_station = False  # whether there is a ChargePointMaxProfile

    def __len__(self) -> int:
        return len(self._installed)

    def check(self, connector_id: int, profile: ChargingProfile, transaction: RunningTransaction | None) -> None:
        """Raise UnacceptableProfile if `install` would."""
        if not 0 <= profile.stack_level <= self.size.max_stack_level:
            raise UnacceptableProfile(f"stackLevel {profile.stack_level} is not 0 to {self.size.max_stack_level}")
        if len(profile.periods) > self.size.max_periods:
            raise UnacceptableProfile(f"{len(profile.periods)} periods, at most {self.size.max_periods}")
        if profile.purpose is Purpose.CHARGE_POINT_MAX and connector_id != 0:
            raise UnacceptableProfile("a ChargePointMaxProfile belongs to connector 0")
        if profile.purpose is Purpose.TX:
            self._check_transaction(connector_id, profile, transaction)
        if len(self._without_replaced(connector_id, profile)) >= self.size.max_installed:
            raise UnacceptableProfile(f"{self.size.max_installed} profiles are installed, there is no room")

    @staticmethod
    def _check_transaction(connector_id: int, profile: ChargingProfile, transaction: RunningTransaction | None) -> None:
        if connector_id == 0:
            raise UnacceptableProfile("a TxProfile belongs to a connector above 0")
        if transaction is None:
            raise UnacceptableProfile(f"connector {connector_id} has no transaction that a TxProfile could apply to")
        if profile.transaction_id is not None and profile.transaction_id != transaction.transaction_id:
            raise UnacceptableProfile(
                f"transaction {profile.transaction_id} is not the one on connector {connector_id}"
            )

    def install(
        self,
        connector_id: int,
        profile: ChargingProfile,
        *,
        transaction: RunningTransaction | None,
        now_s: float,
    ) -> None:
        """Add the profile, or replace the one with its id, and the one with its purpose and stack level on that
        connector (§3.13.2, §5.16.3).

        Raises UnacceptableProfile and leaves all as it was.
        """
        self.check(connector_id, profile, transaction)
        kept = self._without_replaced(connector_id, profile)
        kept.append(_Installed(connector_id=connector_id, profile=profile, since_s=now_s))
        self._keep(sorted(kept, key=lambda each: -each.profile.stack_level))

    def _without_replaced(self, connector_id: int, profile: ChargingProfile) -> list[_Installed]:
        slot = (profile.purpose, profile.stack_level, connector_id)
        return [
            each
            for each in self._installed
            if each.profile.profile_id != profile.profile_id
            and (each.profile.purpose, each.profile.stack_level, each.connector_id) != slot
        ]

    def clear(self, criteria: Criteria) -> bool:
        """Remove what matches (errata 3.25, 3.26); whether there was something."""
        before = len(self._installed)
        self._keep([each for each in self._installed if not _matches(each, criteria)])
        return len(self._installed) < before

    def would_free(self, criteria: Criteria) -> bool:
        """Whether without what matches nothing would bind its connector any more, with a session and without."""
        others = [each for each in self._installed if not _matches(each, criteria)]
        lasting = {each.connector_id for each in others if each.profile.purpose is not Purpose.TX}
        gone = (each for each in self._installed if _matches(each, criteria))
        return any(lasting.isdisjoint((0, each.connector_id)) for each in gone)

    def end_transaction(self, connector_id: int) -> None:
        """Drop the TxProfiles of the connector (§3.13.1)."""
        self._keep(
            [
                each
                for each in self._installed
                if each.connector_id != connector_id or each.profile.purpose is not Purpose.TX
            ]
        )

    def session_limit_a(self, connector_id: int, at_s: float, charging_since_s: float) -> float | None:
        """What TxProfile or TxDefaultProfile allow the connector, in A per phase; None: no limit.

        `charging_since_s` is when the transaction began; Relative schedules count from there.
        """
        return self._session(connector_id, at_s, charging_since_s).limit_a

    def session_phases(self, connector_id: int, at_s: float, charging_since_s: float) -> int | None:
        """numberPhases of the profile that `session_limit_a` follows; None where there is none."""
        return self._session(connector_id, at_s, charging_since_s).phases

    def next_edge_s(self, connector_id: int, at_s: float, charging_since_s: float) -> float:
        """A moment until which the connector's limit doesn't change, nor the station's: the next edge, or an hour."""
        return self._session(connector_id, at_s, charging_since_s).until_s + ROUNDING_S

    def _session(self, connector_id: int, at_s: float, charging_since_s: float) -> _Told:
        """What is told the session now: looked up anew when something is installed or gone, or an edge has come."""
        told = self._told.get(connector_id)
        if told is not None and told.since_s == charging_since_s and told.from_s <= at_s < told.until_s:
            return told
        profile = self._session_profile(connector_id, at_s, charging_since_s)
        period = None if profile is None else profile.period_at(at_s, charging_since_s)
        horizon_s = at_s + HORIZON_S
        edges = self.edges((connector_id,), at_s, horizon_s, lambda _: charging_since_s)
        told = self._told[connector_id] = _Told(
            since_s=charging_since_s,
            from_s=at_s,
            until_s=min(edges, default=horizon_s) - ROUNDING_S,
            limit_a=None if profile is None else profile.limit_a(at_s, charging_since_s, self._nominal_voltage_v),
            phases=None if period is None else period.phases,
        )
        return told

    def _session_profile(self, connector_id: int, at_s: float, charging_since_s: float) -> ChargingProfile | None:
        for purpose, owner in (
            (Purpose.TX, connector_id),
            (Purpose.TX_DEFAULT, connector_id),
            (Purpose.TX_DEFAULT, 0),
        ):
            for each in self._of(purpose, owner):
                if each.profile.period_at(at_s, charging_since_s) is not None:
                    return each.profile
        return None

    def station_limit_a(self, at_s: float) -> float | None:
        """What the ChargePointMaxProfile allows all connectors together, in A per phase; None: no limit.

        Its Relative schedules count from when they were installed.
        """
        for each in self._of(Purpose.CHARGE_POINT_MAX, 0):
            limit_a = each.profile.limit_a(at_s, each.since_s, self._nominal_voltage_v)
            if limit_a is not None:
                return limit_a
        return None

    def limit_a(self, connector_id: int, at_s: float, charging_since_s: float) -> float | None:
        """The connector's composite limit (§3.13.3), in A per phase; None: no limit."""
        return lower_a(self.session_limit_a(connector_id, at_s, charging_since_s), self.station_limit_a(at_s))

    def edges(
        self, connector_ids: Iterable[int], from_s: float, to_s: float, charging_since_s: Callable[[int], float]
    ) -> set[float]:
        """Every moment in (from_s, to_s) at which a limit of these connectors, or the station's, may change."""
        moments: set[float] = set()
        for connector_id in connector_ids:
            for each in self._installed:
                if each.connector_id in (0, connector_id):
                    station_wide = each.profile.purpose is Purpose.CHARGE_POINT_MAX
                    anchor_s = each.since_s if station_wide else charging_since_s(connector_id)
                    moments.update(each.profile.edges(from_s, to_s, anchor_s))
        return moments

    def composite(
        self, connector_id: int, from_s: float, duration_s: int, charging_since_s: float
    ) -> tuple[Segment, ...]:
        """The connector's composite limit over [from_s, from_s + duration_s), in as few segments as it has."""
        to_s = from_s + duration_s
        return piecewise(
            lambda at_s: self.limit_a(connector_id, at_s, charging_since_s),
            self.edges((connector_id,), from_s, to_s, lambda _: charging_since_s),
            from_s,
            to_s,
        )

    def _keep(self, installed: list[_Installed]) -> None:
        self._installed = installed
        self._told.clear()
        self._by_owner = {}
        for each in installed:
            self._by_owner.setdefault((each.profile.purpose, each.connector_id), []).append(each)
        self.limit_the_station = (Purpose.CHARGE_POINT_MAX, 0) in self._by_owner

    def _of(self, purpose: Purpose, connector_id: int) -> Iterable[_Installed]:
        return self._by_owner.get((purpose, connector_id), ())


def _matches(installed: _Installed, criteria: Criteria) -> bool:
    profile = installed.profile
    if criteria.profile_id is not None:
        return profile.profile_id == criteria.profile_id
    wanted_and_found = (
        (criteria.connector_id, installed.connector_id),
        (criteria.purpose, profile.purpose),
        (criteria.stack_level, profile.stack_level),
    )
    return all(wanted is None or wanted == found for wanted, found in wanted_and_found)


def lower_a(first: float | None, second: float | None) -> float | None:
    """The lower of two limits, where None is no limit."""
    if first is None:
        return second
    return first if second is None else min(first, second)


def piecewise(
    limit_at: Callable[[float], float | None], edges: Iterable[float], from_s: float, to_s: float
) -> tuple[Segment, ...]:
    """The function as segments over [from_s, to_s); `edges` are all moments at which it may change.

    It is read in the middle of each piece, where no rounding of an edge can put it on the wrong side.
    """
    starts = [from_s, *sorted(edges)]
    segments: list[Segment] = []
    for start_s, end_s in zip(starts, [*starts[1:], to_s], strict=True):
        limit_a = limit_at((start_s + end_s) / 2)
        if not segments or segments[-1].limit_a != limit_a:
            segments.append(Segment(start_s=start_s - from_s, limit_a=limit_a))
    return tuple(segments)
