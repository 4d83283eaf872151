"""What all profiles of a station allow together, at a moment (OCPP 1.6 §3.13.3, 2.0.1 part 2 K §3.5, 2.1 §3.6).

The lower of the station's maximum and of what the session is allowed; the latter is said by the PriorityCharging
profile while the driver has priority (2.1), else by the TxProfile, else by the TxDefaultProfile. Within a purpose the
highest stack level that says something at that moment wins: a profile that isn't valid, hasn't begun or is over is as
if it weren't there (1.6 §5.16.4, 2.0.1 K02.FR.08). LocalGeneration comes on top (2.1 K08.FR.04).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.ocpp.profiles.admission import Wiring
from edge.ocpp.profiles.model import Moment, ProfilePurpose, RateUnit, SchedulePeriod
from edge.ocpp.profiles.store import STATION, Installed, ProfileStore
from edge.ocpp.versions import Version
from edge.units import Amps, Volts, Watts


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudAllowance:
    """What the cloud allows now, in A per phase (None: as much as there is), and the moment until which that holds.

    ``until`` is the next moment at which a profile may say something else, None when there is none.
    """

    limit_a: Amps | None
    until: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationMaximum:
    """What the station's maximum is now, in the unit that the cloud has set it in; both None: there is none.

    ``limit_a`` is per phase, ``limit_w`` of all phases together.
    """

    limit_a: Amps | None = None
    limit_w: Watts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The composite at a moment: ``limit_a`` per phase or None, on ``phases``, the fewest of all (2.1 §3.8)."""

    limit_a: Amps | None
    phases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    """What one profile says."""

    period: SchedulePeriod
    unit: RateUnit

    def limit_a(self, nominal_voltage_v: Volts) -> Amps | None:
        return self.period.limit_a(self.unit, nominal_voltage_v)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Reads a store. ``session_since`` is when the session of an EVSE without a transaction is taken to have begun:
    GetCompositeSchedule asks as if one did now (2.0.1 K08.FR.06). None: at the very moment that is asked for."""

    store: ProfileStore
    wiring: Wiring
    version: Version
    session_since: Moment | None = None

    def verdict(self, evse: int, at: Moment) -> Verdict:
        """The composite of the EVSE, or of the station as a whole (:data:`STATION`): then its maximum alone."""
        words = [self._first(self._of(ProfilePurpose.STATION_MAX, STATION), at)]
        if evse != STATION:
            words.append(self._session_word(evse, at))
        spoken = [word for word in words if word is not None]
        volts = self.wiring.nominal_voltage_v
        limits = [limit for word in spoken if (limit := word.limit_a(volts)) is not None]
        phases = min((word.period.phases for word in spoken), default=3)
        if not limits:
            return Verdict(limit_a=None, phases=phases)
        return Verdict(limit_a=min(limits) + self._generation_a(evse, at), phases=phases)

    def maximum(self, at: Moment) -> StationMaximum:
        """The station's maximum, whose watts are watts: what has them all behind one meter needs no nominal voltage.

        Watts with limits of their own for the phases bind each phase, so they are told in amperes (2.1 K01.FR.50).
        """
        word = self._first(self._of(ProfilePurpose.STATION_MAX, STATION), at)
        if word is None:
            return StationMaximum()
        if word.unit is RateUnit.WATTS and not word.period.has_limits_of_phases:
            return StationMaximum(limit_w=word.period.limit)
        return StationMaximum(limit_a=word.limit_a(self.wiring.nominal_voltage_v))

    def allowance(self, evse: int, at: Moment) -> CloudAllowance:
        """What the cloud allows the EVSE (or the station as a whole) now, and until when."""
        edges = (each for installed in self._concerned(evse) for each in self._next_edges(installed, evse, at))
        return CloudAllowance(limit_a=self.verdict(evse, at).limit_a, until=min(edges, default=None))

    def edges(self, evse: int, after: Moment, until: Moment) -> Iterator[Moment]:
        """Every moment between the two at which the composite may change; unordered, repeats possible."""
        for installed in self._concerned(evse):
            yield from installed.profile.edges(after, until, self._anchor(installed, evse, after))
            yield from (edge for edge in self._offline_edges(installed) if after < edge < until)

    def _session_word(self, evse: int, at: Moment) -> _Word | None:
        running = self.store.on(evse)
        ladder: list[Sequence[Installed]] = []
        if running is not None and running.priority:
            ladder.append(self._of(ProfilePurpose.PRIORITY, evse, STATION))
        if running is not None:
            ladder.append(self._of(ProfilePurpose.TX, evse))
        if self.version is Version.V16:
            # 1.6 §3.13.1: for its connector, a TxDefaultProfile of that connector replaces those of connector 0.
            ladder += [self._of(ProfilePurpose.TX_DEFAULT, evse), self._of(ProfilePurpose.TX_DEFAULT, STATION)]
        else:
            ladder.append(self._of(ProfilePurpose.TX_DEFAULT, evse, STATION))
        return next((word for rung in ladder if (word := self._first(rung, at, evse)) is not None), None)

    def _generation_a(self, evse: int, at: Moment) -> Amps:
        word = self._first(self._of(ProfilePurpose.LOCAL_GENERATION, evse, STATION), at, evse)
        limit_a = None if word is None else word.limit_a(self.wiring.nominal_voltage_v)
        return 0.0 if limit_a is None else limit_a

    def _of(self, purpose: ProfilePurpose, *evses: int) -> Sequence[Installed]:
        """The profiles of one purpose there, highest stack level first; of equals the EVSE's own before the station's,
        then the newest."""
        found = [each for each in self.store.installed if each.profile.purpose is purpose and each.evse in evses]
        return sorted(
            found, key=lambda each: (each.profile.stack_level, each.evse != STATION, each.since), reverse=True
        )

    def _first(self, ranked: Sequence[Installed], at: Moment, evse: int = STATION) -> _Word | None:
        for each in ranked:
            if self.store.holds(each.profile, at):
                period = each.profile.period_at(at, self._anchor(each, evse, at))
                if period is not None:
                    return _Word(period=period, unit=each.profile.unit)
        return None

    def _anchor(self, installed: Installed, evse: int, at: Moment) -> Moment:
        """From when a schedule without a start of its own counts: from when the transaction was ready to charge (2.1
        K01.FR.42), which is at this moment where it isn't yet; or, for what limits no transaction, from when it was
        set."""
        if installed.profile.purpose in (ProfilePurpose.STATION_MAX, ProfilePurpose.LOCAL_GENERATION):
            return installed.since
        running = self.store.on(evse)
        if running is not None and running.is_ready:
            return running.since
        return at if self.session_since is None else self.session_since

    def _concerned(self, evse: int) -> Iterator[Installed]:
        return (each for each in self.store.installed if each.evse in (evse, STATION))

    def _next_edges(self, installed: Installed, evse: int, at: Moment) -> Iterator[Moment]:
        edge = installed.profile.next_edge(at, self._anchor(installed, evse, at))
        if edge is not None:
            yield edge
        yield from (edge for edge in self._offline_edges(installed) if edge > at)

    def _offline_edges(self, installed: Installed) -> Iterator[Moment]:
        limit_s = installed.profile.max_offline_s
        if limit_s is not None and self.store.offline_since is not None:
            yield self.store.offline_since + limit_s
