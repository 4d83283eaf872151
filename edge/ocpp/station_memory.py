"""What is known of a station whichever edition of OCPP it speaks at the moment."""

from datetime import datetime
from typing import Protocol

from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import EvseKey, Station
from edge.domain.station import LimitsTaken, StationOnline
from edge.ocpp.actions import Outbox
from edge.ocpp.arbiter import OwnCall
from edge.ocpp.dossier import Description, Dossier, Taken
from edge.ocpp.fields import fields
from edge.ocpp.hearsay import Hearsay
from edge.ocpp.profiles.foreign import InTheWay
from edge.ocpp.profiles.form import Form, Length
from edge.ocpp.profiles.ladder import Ladder
from edge.ocpp.profiles.level import StackLevel
from edge.ocpp.profiles.model import RateUnit
from edge.ocpp.profiles.units import Units
from edge.ocpp.profiles.writer import has_tenths, is_long, lower_a
from edge.ocpp.quirk_records import Quirks, quirks_of
from edge.ocpp.station_clock import StationClock, parse_timestamp
from edge.ocpp.sums import Limits, Sums
from edge.ocpp.transactions import Transactions
from edge.ocpp.wire import CallError, CallResult
from edge.units import Amps, Seconds, WattHours


class SessionsKept(Protocol):
    """What was kept of a station's sessions; a part of :class:`edge.ocpp.stand_in.StandIn`."""

    def evse_of(self, transaction: str) -> int | None: ...
    def running_on(self, evse: int) -> str | None: ...
    def began_at_wh(self, transaction: str) -> WattHours | None: ...
    def was_let_in(self, transaction: str) -> bool | None: ...
    def has_ended(self, transaction: str) -> bool: ...


class StationMemory:
    """Outlives the station's connections, and a change of its edition between two; the dossier the program too.

    ``quirks`` are those of its like. ``ladder``, ``units`` and ``length`` say how it is told its limits: as it was
    found to take them, else as its quirks say, else as every station should. ``key_is_checked``: see
    :class:`edge.ocpp.guard.Guard`. ``sessions``: who knows what it told of them before our start.
    """

    def __init__(
        self,
        station: Station,
        dossier: Dossier,
        *,
        key_is_checked: bool = True,
        hearsay: Hearsay | None = None,
        sessions: SessionsKept | None = None,
    ) -> None:
        self.station = station.id
        self._sessions = sessions
        self.key_is_checked = key_is_checked
        self.dossier = dossier
        self.quirks = Quirks()
        self._records: tuple[str, ...] = ()  # which say so
        self._told: tuple[str, ...] = ()  # in the log
        self.ladder = Ladder(station)
        self.units = Units()
        self.length = Length()
        self.level = StackLevel()
        self.in_the_way = InTheWay()
        self._means_it = False  # that it takes no limit as it was told last, in whichever unit
        self.questions: list[OwnCall] = []  # that what it said has raised
        self.clock = StationClock(hearsay, counts_from_1970=dossier.counts_from_1970)
        self.transactions = Transactions()
        self.limits = Limits()
        self.sums = Sums(self.limits)
        if dossier.description is not None:
            self._look_up(dossier.description)
        self._begin()

    def began_at_wh(self, transaction: str) -> WattHours | None:
        """See :meth:`edge.ocpp.stand_in.StandIn.began_at_wh`."""
        return self._sessions.began_at_wh(transaction) if self._sessions is not None else None

    def was_let_in(self, transaction: str) -> bool | None:
        """See :meth:`edge.ocpp.stand_in.StandIn.was_let_in`."""
        return self._sessions.was_let_in(transaction) if self._sessions is not None else None

    def evse_of(self, transaction: str) -> int | None:
        """See :meth:`edge.ocpp.stand_in.StandIn.evse_of`."""
        return self._sessions.evse_of(transaction) if self._sessions is not None else None

    def running_on(self, evse: int) -> str | None:
        """See :meth:`edge.ocpp.stand_in.StandIn.running_on`."""
        return self._sessions.running_on(evse) if self._sessions is not None else None

    def has_ended(self, transaction: str) -> bool:
        """See :meth:`edge.ocpp.stand_in.StandIn.has_ended`."""
        return self._sessions is not None and self._sessions.has_ended(transaction)

    def describe(self, description: Description, outbox: Outbox, now: Seconds) -> None:
        """The station has booted, and said what it is. How another one took its limits says nothing of this one."""
        self.length.forget_defaults()
        if description == self.dossier.description:
            return
        self.dossier.describe(description)
        self._look_up(description)
        self.tell_quirks(outbox)
        had_one_limit = self.ladder.rung.one_limit
        self._begin()
        if self.ladder.rung.one_limit is not had_one_limit:
            outbox.report(self.limits_taken(now))

    def tell_quirks(self, outbox: Outbox) -> None:
        """Say in the log which records are about the station, once."""
        if self._records and self._records != self._told:
            outbox.note("info", "station has quirks", records=", ".join(self._records))
        self._told = self._records

    def keep_clock(self) -> None:
        """Remember of its clock what is to be known after a restart."""
        if self.clock.counts_from_1970 is not self.dossier.counts_from_1970:
            self.dossier.counts_from_1970 = self.clock.counts_from_1970
            self.dossier.keep()

    def cloud_says(self, answer: CallResult | CallError, now: Seconds) -> None:
        """The cloud has answered the station: with its time, maybe."""
        told = parse_timestamp(fields(answer.payload).get("currentTime")) if isinstance(answer, CallResult) else None
        if told is not None:
            self.clock.hearsay.says(self, told, now)

    def form(self, key: EvseKey) -> Form:
        """That of the next limit of an EVSE."""
        return Form(
            rung=self.ladder.rung,
            whole=self.units.whole_amperes,
            single=self.length.single,
            has_default=self.length.has_default(key),
        )

    @property
    def way(self) -> str:
        """How it is told its limits, in words."""
        return f"{self.ladder.rung.value}{', on the lowest stack level' if self.level.is_lowest else ''}"

    def lower_a(self, command: LimitCommand, start: datetime | None) -> Amps | None:
        """What the station is told in A per phase where that is less than the limit, None where it isn't; ``start`` as
        in :func:`edge.ocpp.profiles.writer.request`."""
        in_watts = self.units.unit is RateUnit.WATTS
        return lower_a(command, start=start, form=self.form(command.key), in_watts=in_watts)

    def limit_accepted(self, command: LimitCommand, now: Seconds) -> list[LimitsTaken]:
        """The station has taken a limit as it was told: so it is told from the beginning after a restart. What is to be
        said of how the next ones are told, where that changes."""
        self._means_it = False
        self._taken_in.setdefault(command.purpose, set()).add(self.units.unit)
        self.units.accepted(tenths=has_tenths(command), key=command.key)
        self.length.accepted(is_long=is_long(command), key=command.key)
        if command.purpose is Purpose.IDLE:
            self.length.default_taken(command.key)
        binds = command.purpose is Purpose.SESSION or self.ladder.rung.one_limit
        if binds or self.transactions.on(command.key) is None:
            self.limits.accepted(command.key, command.limit_a, now)
        taken = Taken(rung=self.ladder.rung, unit=self.units.unit, lowest=self.level.is_lowest)
        if taken != self.dossier.taken:
            self.dossier.taken = taken
            self.dossier.keep()
        self.ladder.accepted(command.purpose, lessened=self.length.single and is_long(command))
        return [] if self.ladder.rung is taken.rung else [self.limits_taken(now)]

    def limit_refused(self, command: LimitCommand) -> bool:
        """The station has refused a limit; whether it is to be told all of them in another way from now on: in one
        period, where tenths and units were no reason, then on the lowest stack level, and then by another rung."""
        if self.ladder.tries_again:
            return self.ladder.refused()
        told_whole = self.units.whole_amperes
        is_known = self._takes_idle_alone(command)
        refused = self.units.refused(tenths=has_tenths(command), key=command.key, is_known=is_known)
        self._means_it = refused or self._means_it
        tries_one = False
        if told_whole or not self.units.whole_amperes:  # else that is tried first
            tries_one = self.length.refused(is_long=is_long(command), key=command.key)
        if not self._means_it or tries_one:
            return self._means_it
        self._means_it = False
        if self.level.refused():
            return True
        another = self.ladder.refused()
        if self.ladder.is_at_its_foot:
            self.units.use_spare()
        return another

    def _takes_idle_alone(self, command: LimitCommand) -> bool:
        """Whether this is a session's, of which the station has taken none yet, where it has taken what an idle EVSE is
        told in the same unit: it can't be for the unit that it refuses it."""
        told_apart = command.purpose is Purpose.SESSION and not self.ladder.rung.one_limit
        none_yet = Purpose.SESSION not in self._taken_in
        return told_apart and none_yet and self.units.unit in self._taken_in.get(Purpose.IDLE, ())

    def came_online(self, now: Seconds) -> StationOnline:
        """Its socket is up; a station that comes back needn't say again what it is."""
        self.in_the_way.forget()
        self.length.forget_defaults()
        known = self.dossier.description
        if known is None:
            return StationOnline(station=self.station, at=now)
        return StationOnline(station=self.station, at=now, vendor=known.vendor, model=known.model)

    def limits_taken(self, now: Seconds) -> LimitsTaken:
        """How the station takes its limits."""
        return LimitsTaken(station=self.station, at=now, one_limit=self.ladder.rung.one_limit)

    def _look_up(self, description: Description) -> None:
        self.quirks, self._records = quirks_of(description.vendor, description.model, description.firmware)

    def _begin(self) -> None:
        self._taken_in: dict[Purpose, set[RateUnit]] = {}  # of which purpose it has taken limits, in which units
        taken = self.dossier.taken
        self.ladder.begin(taken.rung if taken is not None else self.quirks.limits_by)
        self.units.begin(taken.unit if taken is not None else None)
        self.level.begin(lowest=taken is not None and taken.lowest)
