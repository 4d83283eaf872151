"""A payment card at the station's own terminal (OCPP 2.1 C18): the bank has said yes, and the driver has paid."""

import pytest

from edge.domain.token import TokenStatus
from edge.offline.authorise import UnknownTokens
from edge.offline.edition import Edition
from edge.offline.settings import OfflineSettings
from tests.unit.offline.offline_bench import Bench

PAID = {"idToken": "psp-4711", "type": "DirectPayment"}
ACCEPTED = {"idTokenInfo": {"status": "Accepted"}}


@pytest.mark.parametrize("unknown", list(UnknownTokens))
@pytest.mark.parametrize("has_cloud", [True, False])
def test_a_paid_session_goes_on_without_the_cloud(unknown: UnknownTokens, has_cloud: bool) -> None:
    """The station has let the driver in by itself (C18.FR.03), for as much as was paid: Invalid would have it end the
    session, and the energy of a card that nobody knows is not its bound."""
    settings = OfflineSettings(drain_interval_s=0.0, has_cloud=has_cloud)
    bench = Bench(Edition.V21, unknown=unknown, settings=settings)
    bench.event("Started", 0, idToken=PAID)
    assert bench.answered[2] == ACCEPTED
    assert [each.verdict.accepted for each in bench.judged] == [True]
    bench.event("Updated", 1, idToken=PAID)
    assert bench.answered[2] == ACCEPTED
    bench.event("Ended", 2, idToken=PAID)
    assert bench.answered[2] == ACCEPTED


def test_a_paid_session_is_nobodys_to_judge_while_the_cloud_is_told_of_others() -> None:
    """It is answered at once, and delivered in its turn."""
    bench = Bench(Edition.V21)
    bench.event("Started", 0, tag="CARD-1")
    bench.cloud_comes()
    begun = bench.event("Started", 0, transaction="tx-2", idToken=PAID)
    assert bench.answered == [3, begun, ACCEPTED]


def test_a_paid_session_is_kept_for_a_cloud_that_fails_to_take_it() -> None:
    """As one of a card that is known."""
    bench = Bench(Edition.V21)
    bench.cloud_comes()
    bench.event("Started", 0, idToken=PAID)
    bench.cloud_refuses("InternalError")
    assert bench.answered[2] == ACCEPTED
    assert len(bench.disk.entries) == 1


@pytest.mark.parametrize("status", ["Blocked", "Invalid", "NoCredit"])
def test_what_the_cloud_has_said_of_a_payment_holds(status: str) -> None:
    """It may refuse one that the bank accepts."""
    bench = Bench(Edition.V21)
    bench.cloud_comes()
    bench.call("Authorize", {"idToken": PAID})
    bench.cloud_answers({"idTokenInfo": {"status": status}})
    bench.cloud_goes()
    bench.event("Started", 0, idToken=PAID)
    assert bench.answered[2] == {"idTokenInfo": {"status": status}}


def test_a_station_that_asks_leaves_it_to_the_cloud() -> None:
    """AuthorizeDirectPayment (C18.FR.04): the cloud may refuse, or want another tariff."""
    bench = Bench(Edition.V21)
    bench.call("Authorize", {"idToken": PAID})
    assert bench.answered[2]["idTokenInfo"]["status"] == TokenStatus.INVALID


def test_a_card_of_another_kind_of_that_number_is_a_card() -> None:
    """Of 2.0.1 there is no such type."""
    bench = Bench(Edition.V21)
    bench.event("Started", 0, idToken={**PAID, "type": "Central"})
    assert bench.answered[2]["idTokenInfo"]["status"] == TokenStatus.INVALID
