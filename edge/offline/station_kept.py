"""What was kept of one station, out of what was kept of all: what its desk starts from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from edge.domain.journal import Boot, ConnectorStatus, Entry, EntryState, Transaction
from edge.domain.session import Session
from edge.offline.backlog import slip
from edge.offline.conduct import is_of_v2
from edge.offline.thinning import Slip


@dataclass(frozen=True, slots=True, kw_only=True)
class StationKept:
    """What was kept of one station. ``slips``: its pending messages with their attempts, in order. ``aside``: the
    numbers of those that were set aside, with their sizes; ``deferred``: of the pending ones that the cloud fails to
    take."""

    slips: tuple[tuple[Slip, int], ...] = ()
    aside: Mapping[int, int] = field(default_factory=dict)
    deferred: frozenset[int] = frozenset()
    transactions: tuple[Transaction, ...] = ()
    sessions: tuple[Session, ...] = ()
    boot: Boot | None = None
    statuses: tuple[ConnectorStatus, ...] = ()
    is_v2: bool = False  # what it spoke


def kept_of(
    station: str,
    *,
    entries: Iterable[Entry],
    sizes: Mapping[int, int],
    precious: frozenset[int],
    transactions: Iterable[Transaction],
    boots: Iterable[Boot],
    statuses: Iterable[ConnectorStatus],
    sessions: Iterable[Session] = (),
) -> StationKept:
    """What was kept of one station, out of what was kept of all. ``sizes`` and ``precious`` by the entries' numbers."""
    own = [entry for entry in entries if entry.station == station]
    boot = next((boot for boot in boots if boot.station == station), None)
    told = tuple(status for status in statuses if status.station == station)
    return StationKept(
        slips=tuple(
            (slip(entry, size=sizes[entry.seq], precious=entry.seq in precious), entry.attempts)
            for entry in own
            if entry.state is EntryState.PENDING
        ),
        aside={entry.seq: sizes[entry.seq] for entry in own if entry.state is EntryState.SET_ASIDE},
        deferred=frozenset(entry.seq for entry in own if entry.is_deferred),
        transactions=tuple(transaction for transaction in transactions if transaction.station == station),
        sessions=tuple(session for session in sessions if session.station == station),
        boot=boot,
        statuses=told,
        is_v2=_spoke_v2(own, boot, told),
    )


def _spoke_v2(entries: Sequence[Entry], boot: Boot | None, statuses: Iterable[ConnectorStatus]) -> bool:
    """Whether a station spoke 2.x, by the newest of its messages that tells; those of its boot and states otherwise."""
    for entry in reversed(entries):  # without their texts
        found = True if entry.order is not None else is_of_v2(entry.action.removesuffix("-Signed"))
        if found is not None:
            return found
    if boot is not None and boot.text is not None:
        return bool(is_of_v2("BootNotification", boot.text))
    return any(is_of_v2("StatusNotification", status.text) for status in statuses)
