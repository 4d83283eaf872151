"""GetTransactionStatus (2.x E14): the cloud is told of what waits in the journal as of the station's own."""

import pytest

from edge.offline.delivery import transaction_status
from edge.offline.edition import Edition
from edge.offline.message import Request
from tests.unit.offline.offline_bench import Bench

NOTHING = {"ongoingIndicator": False, "messagesInQueue": False}


def asked(bench: Bench, transaction: str | None) -> object:
    """What the cloud is told in place of the station's answer that it has nothing; None: that answer."""
    payload = {} if transaction is None else {"transactionId": transaction}
    request = Request(id="g", action="GetTransactionStatus", payload=payload, text="")
    return transaction_status(bench.desk.book, request, NOTHING)


@pytest.mark.parametrize("edition", [Edition.V201, Edition.V21])
def test_messages_that_wait_here_are_told(edition: Edition) -> None:
    """Of the transaction, or of any; until the cloud has had them."""
    bench = Bench(edition)
    assert asked(bench, None) is None
    bench.event("Started", 0, "CARD-1")
    bench.event("Ended", 1)
    told = NOTHING | {"messagesInQueue": True}
    assert (asked(bench, "tx-1"), asked(bench, None), asked(bench, "tx-2")) == (told, told, None)
    bench.cloud_comes()
    bench.cloud_answers({})
    assert asked(bench, "tx-1") == told
    bench.cloud_answers({})
    assert (asked(bench, "tx-1"), asked(bench, None)) == (None, None)
