"""What must outlive a crash: messages for the cloud, transactions and their ids, and what the cloud last said.

A :data:`Write` is a change as a value. The rules hand them out, the storage carries them out in order; each may be done
twice without harm, so that a rule that is not sure writes again.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from edge.domain.session import Session
from edge.domain.token import CachedToken, ListedToken, SiteToken, TokenHash


class EntryKind(StrEnum):
    """What a message is to the accounting; decides what may be dropped when room runs out."""

    BEGIN = "begin"  # StartTransaction, TransactionEvent Started: never dropped
    METER = "meter"  # MeterValues, TransactionEvent Updated: thinned
    END = "end"  # StopTransaction, TransactionEvent Ended: never dropped
    NOTICE = "notice"  # belongs to no transaction: dropped first

    @property
    def bounds_transaction(self) -> bool:
        """Whether it is the begin or the end of one."""
        return self in (EntryKind.BEGIN, EntryKind.END)


# How a signed value of the Open Charge Metering Format begins, whatever its station says of its format.
OCMF = "OCMF|"
# Triggers of the events of 2.x in the midst of a transaction that say who charges, and from when to when: Authorized,
# StopAuthorized, Deauthorized, RemoteStart and RemoteStop. Where the cable comes first no other event has the token.
_AUTHORIZATION = ('uthorized"', '"Remote')
# What is signed, or billed by: no meter value with one of these in it is ever dropped. ConnectorUnplugged ends what a
# car is charged for that stands at a station of 1.6 (OCA, "OCPP & California Pricing Requirements").
PRECIOUS = (
    *("SignedData", "signedMeterValue", "Transaction.Begin", "Transaction.End", OCMF, "ConnectorUnplugged"),
    *_AUTHORIZATION,
)

LOST = "Lost"  # an end that was never told, or may not have been; no reason of OCPP's either


class EntryState(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    SET_ASIDE = "set aside"  # the cloud refused it for good: kept for a person to see and resend


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message of a station that the cloud has not confirmed. ``text`` is the very frame."""

    seq: int  # site-wide, rises with time, never given twice
    station: str
    kind: EntryKind
    action: str
    message_id: str
    transaction: str | None  # 1.6: the id that the station was given, in decimal; 2.x: the station's own
    order: int | None  # 2.x: seqNo; None for a sample of a station that has counted anew
    text: str
    taken_at: datetime
    answered: bool  # the station has had our answer, or will, should it ask again: the cloud's is not for it
    attempts: int = 0
    state: EntryState = EntryState.PENDING
    reason: str | None = None  # why it was set aside or, of a pending one, deferred

    @property
    def is_deferred(self) -> bool:
        """Whether the cloud fails to take it: it is told again later, and those behind it go on."""
        return self.state is EntryState.PENDING and self.reason is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A transaction as the gateway accounts for it."""

    station: str
    key: str  # as in Entry.transaction
    connector: int | None
    began: str | None  # the fingerprint of its begin, to know the same one again; None when that was never seen
    cloud_id: int | None = None  # 1.6: what the cloud calls it
    answer: str | None = None  # the payload that the station got for its begin, JSON
    ended: str | None = None  # the fingerprint of its end, or LOST: then its end is one that wasn't here before
    seen: tuple[tuple[int, int], ...] = ()  # 2.x: the sequence numbers that were taken, as ranges
    meter_start_wh: int | None = None
    token: TokenHash | None = None  # what began it
    touched_at: datetime
    alone: bool = False  # it began while the site had no cloud: none is ever told of it


# What a cloud answers to a boot when it doesn't take the station in, or not yet (OCPP 1.6 §4.2, 2.x B02, B03).
PUT_OFF = frozenset({"Pending", "Rejected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """What a station and its cloud last said of the station's boot."""

    station: str
    text: str | None  # the station's newest BootNotification, the whole frame
    owed: bool  # the cloud has not had it
    status: str | None  # what the cloud answered last; None when it never did
    interval_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorStatus:
    """The newest StatusNotification of a connector, the whole frame. ``owed``: the cloud has not had it."""

    station: str
    connector: str  # 1.6: the connector; 2.x: evse/connector
    text: str
    owed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListVersion:
    """The version of a station's local list; 0 for an empty one (OCPP 1.6 §5.10)."""

    station: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PutEntry:
    """Keep this message, or its new state."""

    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class DropEntry:
    """The cloud has it, or it was thinned out."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PutTransaction:
    """Keep what is known of this transaction."""

    transaction: Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class DropTransaction:
    """Nobody will ask for this transaction any more, or it has another id now."""

    station: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBoot:
    """Keep this boot."""

    boot: Boot


@dataclass(frozen=True, slots=True, kw_only=True)
class PutStatus:
    """Keep this status."""

    status: ConnectorStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PutCached:
    """Keep what the cloud said of this token."""

    token: CachedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearCached:
    """Forget what the cloud said: of one token, or of all."""

    hash: TokenHash | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceList:
    """A station's whole local list, in place of what it was."""

    version: ListVersion
    tokens: tuple[ListedToken, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSiteToken:
    """Keep this token of the site's own."""

    token: SiteToken


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveSiteToken:
    """The site no longer knows this token."""

    hash: TokenHash


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSession:
    """Keep this session's record."""

    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class DropSession:
    """There was no such session."""

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetSessions:
    """Sessions that ended before this are of no more use (retention)."""

    before: datetime


JournalWrite: TypeAlias = (
    PutEntry | DropEntry | PutTransaction | DropTransaction | PutSession | DropSession | ForgetSessions
)
RegistryWrite: TypeAlias = PutBoot | PutStatus | PutCached | ClearCached | ReplaceList | PutSiteToken | RemoveSiteToken
Write: TypeAlias = JournalWrite | RegistryWrite
