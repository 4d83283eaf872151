"""Whether the cloud's books agree with the stations' own accounts, transaction by transaction."""

from collections.abc import Iterable

from simulators.charger import TransactionAccount
from simulators.csms import CloudTransaction, Record


def confirmed(accounts: Iterable[TransactionAccount], record: Record) -> int:
    """How many of the stations' transactions the cloud holds once, with the same start and, if ended, the same end.

    Transaction ids aren't compared: the one that the station knows may be the gateway's own.
    """
    books = list(record.transactions.values())
    return sum(1 for account in accounts if sum(_same(account, booked) for booked in books) == 1)


def _same(account: TransactionAccount, booked: CloudTransaction) -> bool:
    start = booked.start
    return (
        start.identity == account.identity
        and start.connector_id == account.connector_id
        and start.id_tag == account.id_tag
        and start.started_at == account.started_at
        and start.meter_start_wh == account.meter_start_wh
        and booked.meter_stop_wh == account.meter_stop_wh
        and booked.stopped_at == account.stopped_at
    )
