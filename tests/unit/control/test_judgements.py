"""What the authorisation said of transactions, remembered while it may matter."""

from edge.control.judgements import JUDGED_PER_EVSE, Judgements
from edge.domain.station import SessionJudged


def judged(transaction: str, *, barred: bool = False, station: str = "A") -> SessionJudged:
    return SessionJudged(station=station, transaction_id=transaction, barred=barred, at=0.0)


def test_the_last_word_counts() -> None:
    """A token that is blocked in mid-session replaces what was said at its start."""
    judgements = Judgements(for_evses=1)
    judgements.take(judged("1"))
    judgements.take(judged("1", barred=True))
    assert judgements.of("A", "1") == judged("1", barred=True)


def test_nothing_is_said_of_no_transaction_nor_of_another_stations() -> None:
    """Ids of 1.6 are the cloud's, those of 2.x the station's own: two stations may well use the same."""
    judgements = Judgements(for_evses=1)
    judgements.take(judged("1"))
    assert judgements.of("A", None) is None
    assert judgements.of("B", "1") is None


def test_the_oldest_is_forgotten_first() -> None:
    """A station that tells of ever new transactions doesn't fill the memory; saying it again keeps one fresh."""
    judgements = Judgements(for_evses=1)
    for number in range(JUDGED_PER_EVSE):
        judgements.take(judged(str(number)))
    judgements.take(judged("0"))
    judgements.take(judged("new"))
    assert judgements.of("A", "0") is not None
    assert judgements.of("A", "1") is None
