"""Whether the cloud's books agree with the stations' own accounts, transaction by transaction."""

from collections.abc import Collection, Container, Iterable

from simulators.charger import TransactionAccount
from simulators.csms import CloudTransaction, Record, StartKey


def confirmed(accounts: Iterable[TransactionAccount], record: Record, *, made_anew: Container[StartKey] = ()) -> int:
    """How many of the stations' transactions the cloud holds once, with the same start and, if ended, the same end.

    Transaction ids aren't compared: the one that the station knows may be the gateway's own. Of a start that the
    gateway has made anew, because nobody had kept the station's, time and register may be later.
    """
    books = list(record.transactions.values())
    return sum(1 for account in accounts if sum(_same(account, booked, made_anew) for booked in books) == 1)


def lost_and_doubled(
    accounts: Collection[TransactionAccount], record: Record, *, made_anew: Container[StartKey] = ()
) -> tuple[int, int]:
    """How many of the stations' transactions the cloud doesn't hold as they were, and how many of its own are more than
    one of a station's, or none's.
    """
    books = list(record.transactions.values())
    kept = sum(any(_same(account, booked, made_anew) for booked in books) for account in accounts)
    firsts = (
        next((each.transaction_id for each in books if _same_start(account, each, made_anew)), None)
        for account in accounts
    )
    return len(accounts) - kept, len(books) - len(set(firsts) - {None})


def _same(account: TransactionAccount, booked: CloudTransaction, made_anew: Container[StartKey]) -> bool:
    ends_alike = (booked.meter_stop_wh, booked.stopped_at) == (account.meter_stop_wh, account.stopped_at)
    return ends_alike and _same_start(account, booked, made_anew)


def _same_start(account: TransactionAccount, booked: CloudTransaction, made_anew: Container[StartKey]) -> bool:
    start = booked.start
    return _starts_alike(account, start) or (start in made_anew and began_in(account, start))


def start_of(account: TransactionAccount) -> StartKey:
    """The begin that its station told."""
    return StartKey(
        identity=account.identity,
        connector_id=account.connector_id,
        id_tag=account.id_tag,
        started_at=account.started_at,
        meter_start_wh=account.meter_start_wh,
    )


def _starts_alike(account: TransactionAccount, start: StartKey) -> bool:
    return began_in(account, start) and (start.started_at, start.meter_start_wh) == (
        account.started_at,
        account.meter_start_wh,
    )


def began_in(account: TransactionAccount, start: StartKey) -> bool:
    """Whether the start is of that card at that connector, in the course of the transaction."""
    ended_at = account.stopped_at or start.started_at
    most_wh = start.meter_start_wh if account.meter_stop_wh is None else account.meter_stop_wh
    return (
        (start.identity, start.connector_id, start.id_tag) == (account.identity, account.connector_id, account.id_tag)
        and account.started_at <= start.started_at <= ended_at
        and account.meter_start_wh <= start.meter_start_wh <= most_wh
    )
