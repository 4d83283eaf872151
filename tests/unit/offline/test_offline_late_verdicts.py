"""A cloud that is slow: what it says of a card after its time is for the driver's next try."""

import pytest

from edge.offline.edition import Edition
from tests.unit.offline.offline_bench import Bench

SAYS_YES = {"status": "Accepted"}


def shown(bench: Bench) -> str:
    """The driver shows a card that nobody here knows."""
    if bench.edition is Edition.V16:
        return bench.call("Authorize", {"idTag": "NEW-1"})
    return bench.call("Authorize", {"idToken": {"idToken": "NEW-1", "type": "ISO14443"}})


def said(bench: Bench) -> str:
    """What the station was told of it."""
    info = bench.answered[2]["idTagInfo" if bench.edition is Edition.V16 else "idTokenInfo"]
    assert isinstance(info, dict)
    return str(info["status"])


def says(bench: Bench, status: str, identifier: str) -> None:
    """The cloud answers that."""
    name = "idTagInfo" if bench.edition is Edition.V16 else "idTokenInfo"
    bench.cloud_answers({name: {"status": status}}, identifier)


@pytest.mark.parametrize("edition", list(Edition))
def test_what_a_slow_cloud_says_of_a_card_holds_for_the_next_try(edition: Edition) -> None:
    """Else nobody whose card isn't known here ever charges at a station whose cloud takes 20 s to answer."""
    bench = Bench(edition)
    bench.cloud_comes()
    asked = shown(bench)
    bench.tick(16.0)
    assert said(bench) == "Invalid"
    says(bench, "Accepted", asked)
    shown(bench)
    bench.tick(16.0)
    assert said(bench) == "Accepted"


def test_a_late_refusal_of_a_card_that_was_let_in_is_known_the_next_time() -> None:
    """The cache said that it is good (OCPP 1.6 §3.5.1: it has the latest word)."""
    bench = Bench()
    bench.cloud_comes()
    says(bench, "Accepted", shown(bench))
    asked = shown(bench)
    bench.tick(16.0)
    assert said(bench) == "Accepted"
    says(bench, "Blocked", asked)
    bench.cloud_goes()
    shown(bench)
    assert said(bench) == "Blocked"


def test_a_late_error_says_nothing_of_a_card() -> None:
    """Nor is the station answered twice."""
    bench = Bench()
    bench.cloud_comes()
    asked = shown(bench)
    bench.tick(16.0)
    answers = len(bench.to_station)
    bench.cloud_refuses("InternalError", asked)
    assert len(bench.to_station) == answers
    bench.cloud_goes()
    shown(bench)
    assert said(bench) == "Invalid"


def test_what_is_said_late_of_the_card_of_a_begin_holds_too() -> None:
    """About that the gateway asks by itself, while the cloud is told of what was kept."""
    bench = Bench()
    bench.start()
    bench.cloud_comes()
    bench.times.now += 60.0
    bench.start(tag="NEW-1", connector=2)
    bench.cloud_answers({"transactionId": 1, "idTagInfo": SAYS_YES})
    assert bench.asked[2:] == ["Authorize", {"idTag": "NEW-1"}]
    asked = bench.asked[1]
    bench.tick(16.0)
    assert said(bench) == "Invalid"
    says(bench, "Accepted", asked)
    bench.cloud_goes()
    shown(bench)
    assert said(bench) == "Accepted"
