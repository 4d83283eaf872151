"""The small parts: splicing, local ids, thinning, the breaker, hashing, the local list."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.domain.journal import ClearCached, EntryKind, PutCached, ReplaceList, Write
from edge.domain.token import TokenInfo, TokenStatus
from edge.offline import local_list
from edge.offline.authorise import OF_THE_MOMENT, Policy
from edge.offline.breaker import Breaker, BreakerState
from edge.offline.edition import Edition
from edge.offline.hashing import TokenHasher, hint, shown
from edge.offline.local_ids import local_id
from edge.offline.message import Request
from edge.offline.pace import Pace
from edge.offline.splice import MEMBERS_MOST, NotFound, replace_value, set_member
from edge.offline.thinning import Slip, to_drop
from edge.offline.token_book import TokenBook
from edge.offline.token_info import ShownToken, info_in, info_out
from tests.unit.offline.offline_bench import HASHER, NOON

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=3), JSON), st.text(max_size=3), st.integers())
def test_a_spliced_value_is_the_only_change(payload: dict[str, object], name: str, value: int) -> None:
    """Whatever else stands there, however it is spaced."""
    payload = {**payload, name: 7}
    for separators in ((",", ":"), (" , ", " : ")):
        text = json.dumps([2, "x", "A", payload], separators=separators)
        spliced = replace_value(text, (3, name), str(value))
        assert json.loads(spliced) == [2, "x", "A", {**payload, name: value}]
        assert replace_value(spliced, (3, name), "7") == text


@given(st.dictionaries(st.text(max_size=3), JSON))
def test_a_member_is_added_or_replaced(payload: dict[str, object]) -> None:
    """The rest keeps its bytes."""
    text = json.dumps([2, "x", "A", payload])
    assert json.loads(set_member(text, (3,), "offline", "true"))[3] == {**payload, "offline": True}


@given(st.text() | JSON.map(json.dumps))
def test_what_isnt_there_is_said_so(text: str) -> None:
    """Never another error, whatever the text is."""
    with pytest.raises(NotFound):
        replace_value(text, (9, "absent"), "1")


def test_of_a_name_that_is_there_twice_the_last_counts() -> None:
    """As for the parsers of our peers."""
    assert replace_value('{"a":1,"a":2}', ("a",), "3") == '{"a":1,"a":3}'


def test_no_more_members_are_looked_through_than_messages_have() -> None:
    """Of 300,000 that would take seconds, each time that such a message is sent."""
    members = ",".join(f'"{n}":0' for n in range(MEMBERS_MOST - 1))
    assert replace_value(f'{{{members},"a":1}}', ("a",), "2") == f'{{{members},"a":2}}'
    for more in (f'{{{members},"a":1,"b":1}}', f'{{{members},"b":1,"a":1}}'):
        with pytest.raises(NotFound):
            replace_value(more, ("a",), "2")
        with pytest.raises(NotFound):
            set_member(more, (), "a", "2")
        with pytest.raises(NotFound):
            set_member(more, (), "c", "2")


@given(st.binary(min_size=16, max_size=16), st.sets(st.integers(0, 2**30 - 1), max_size=50))
def test_local_ids_are_positive_and_never_the_same(secret: bytes, numbers: set[int]) -> None:
    """A permutation: as many ids as numbers, all in the upper half of the positive 32-bit numbers."""
    ids = {local_id(secret, number) for number in numbers}
    assert len(ids) == len(numbers)
    assert all(2**30 <= found < 2**31 for found in ids)


def test_local_ids_dont_count_up() -> None:
    """They look random."""
    ids = [local_id(b"s" * 16, number) for number in range(100)]
    assert ids != sorted(ids)


def slip(seq: int, kind: EntryKind, transaction: str | None = "t", *, precious: bool = False) -> Slip:
    return Slip(seq=seq, kind=kind, transaction=transaction, order=None, size=10, precious=precious, taken_at=NOON)


def test_notices_go_first_then_every_second_meter_value_never_a_begin_or_an_end() -> None:
    """The order of dropping."""
    row = [slip(1, EntryKind.BEGIN), *(slip(n, EntryKind.METER) for n in range(2, 11)), slip(11, EntryKind.END)]
    row += [slip(12, EntryKind.NOTICE, None), slip(13, EntryKind.METER, precious=True)]
    assert to_drop(row, 130) == []
    assert to_drop(row, 120) == [12]
    assert to_drop(row, 110) == [12, 3, 5, 7, 9]
    left = {s.seq for s in row} - set(to_drop(row, 0))
    assert left == {1, 2, 10, 11, 13}


def state(breaker: Breaker) -> BreakerState:
    """How it stands now."""
    return breaker.state


def test_the_breaker_opens_tries_and_waits_longer() -> None:
    """Two timeouts; 30 s, then 60 s; any answer closes it."""
    breaker = Breaker()
    breaker.timed_out(0.0)
    assert state(breaker) is BreakerState.CLOSED
    breaker.timed_out(1.0)
    assert state(breaker) is BreakerState.OPEN
    breaker.tick(30.9)
    assert state(breaker) is BreakerState.OPEN
    breaker.tick(31.0)
    assert state(breaker) is BreakerState.PROBING
    breaker.timed_out(40.0)
    breaker.tick(99.0)
    assert state(breaker) is BreakerState.OPEN
    breaker.tick(100.0)
    breaker.answered()
    assert state(breaker) is BreakerState.CLOSED


def test_the_pace_gives_turns_without_bursts() -> None:
    """One each interval, in the order of asking."""
    pace = Pace(0.5)
    assert [pace.slot(0.0), pace.slot(0.0), pace.slot(0.1), pace.slot(9.0), pace.slot(9.0)] == [0, 0.5, 1.0, 9.0, 9.5]


def test_hashes_need_the_key_and_ignore_case() -> None:
    """Another site's database says nothing about this one's cards; logs show eight digits."""
    other = TokenHasher(b"o" * 32)
    assert HASHER.hash("AbC ") == HASHER.hash("abc")
    assert other.hash("abc") != HASHER.hash("abc")
    assert len(shown(HASHER.hash("abc"))) == len("token ") + 8
    assert (hint("04A2B3C4"), hint("1234")) == ("C4", "")
    with pytest.raises(ValueError, match="32 are needed"):
        TokenHasher(b"short")


@pytest.mark.parametrize("edition", Edition)
def test_what_a_cloud_says_of_a_token_is_said_again(edition: Edition) -> None:
    """Expiry, group, languages, priority, EVSEs and personal message are kept."""
    said = (
        {
            "status": "Accepted",
            "cacheExpiryDateTime": "2026-06-02T12:00:00.000Z",
            "groupIdToken": {"idToken": "G", "type": "Central"},
            "language1": "da",
            "language2": "de",
            "chargingPriority": -3,
            "evseId": [1, 3],
            "personalMessage": {"format": "UTF8", "content": "Hej"},
        }
        if edition.is_v2
        else {"status": "Accepted", "expiryDate": "2026-06-02T12:00:00.000Z", "parentIdTag": "G"}
    )
    found = info_in(edition, {"idTokenInfo" if edition.is_v2 else "idTagInfo": said})
    assert found is not None
    assert info_out(edition, found) == said


def test_the_evses_of_another_station_mean_nothing_here() -> None:
    """The cache is one for the whole site; a list is its station's own."""
    book = TokenBook(HASHER, Policy(timezone=UTC))
    (write,) = book.learn("CP", ShownToken(text="a"), TokenInfo(status=TokenStatus.ACCEPTED, evses=(2,)), NOON)
    assert isinstance(write, PutCached)
    assert write.token.info.evses_of == "CP"
    there, elsewhere = (book.judge(station, ShownToken(text="a"), NOON).verdict for station in ("CP", "CP-2"))
    assert (there.info.evses, elsewhere.info.evses) == ((2,), ())
    assert elsewhere.accepted
    book.replace_list("CP-2", 1, {HASHER.hash("a"): TokenInfo(status=TokenStatus.ACCEPTED, evses=(4,))})
    assert book.judge("CP-2", ShownToken(text="a"), NOON).verdict.info.evses == (4,)


def test_the_cache_forgets_invalid_tokens_first() -> None:
    """OCPP 1.6 §3.5.1, and what is written to the flash: an answer that is known already isn't."""
    book = TokenBook(HASHER, Policy(timezone=UTC))
    good = TokenInfo(status=TokenStatus.ACCEPTED)
    assert len(book.learn("CP", ShownToken(text="a"), good, NOON)) == 1
    assert book.learn("CP", ShownToken(text="A"), good, NOON) == []
    assert len(book.clear_cache()) == 1
    assert len(book.learn("CP", ShownToken(text="a"), good, NOON)) == 1


def cached(*tokens: str) -> TokenBook:
    """A book whose cache has these."""
    book = TokenBook(HASHER, Policy(timezone=UTC))
    for each in tokens:
        book.learn("CP", ShownToken(text=each), TokenInfo(status=TokenStatus.ACCEPTED), NOON)
    return book


def lets_in(book: TokenBook, token: str) -> bool:
    """Whether it may charge without the cloud."""
    return book.judge("CP", ShownToken(text=token), NOON).verdict.accepted


@pytest.mark.parametrize("status", sorted(OF_THE_MOMENT))
def test_what_a_cloud_says_of_the_moment_takes_no_acceptance_away(status: TokenStatus) -> None:
    """A card that ends its session is asked about while that runs, and the cloud says ConcurrentTx: its driver is let
    in without the cloud afterwards as before. One that was refused isn't known to be refused any more."""
    book = cached("a")
    book.learn("CP", ShownToken(text="b"), TokenInfo(status=TokenStatus.BLOCKED), NOON)
    moment = TokenInfo(status=status)
    assert book.learn("CP", ShownToken(text="a"), moment, NOON) == []
    assert book.learn("CP", ShownToken(text="b"), moment, NOON) == [ClearCached(hash=HASHER.hash("b"))]
    assert book.learn("CP", ShownToken(text="c"), moment, NOON) == []
    assert [lets_in(book, each) for each in "abc"] == [True, False, False]
    assert book.judge("CP", ShownToken(text="b"), NOON).verdict.info.status is TokenStatus.INVALID


def test_whom_the_cloud_has_started_is_let_in_when_he_plugs_in() -> None:
    """A driver starts by an app, and plugs in a minute later: should the cloud have gone by then, he isn't refused. At
    that station, for a quarter of an hour, and unless the cloud says otherwise in between."""
    book = cached("good")
    app = ShownToken(text="APP-1")

    def good(text: str = "app-1", station: str = "CP", minutes: float = 1.0) -> bool:
        return book.judge(station, ShownToken(text=text), NOON + timedelta(minutes=minutes)).verdict.accepted

    assert not good()
    book.asked_to_start("CP", app, NOON)
    book.asked_to_start("CP", ShownToken(text="", needed=False), NOON)
    assert [good(), good(minutes=14.9), good(minutes=15), good(station="CP-2")] == [True, True, False, False]
    book.replace_list("CP", 3, {HASHER.hash("APP-1"): TokenInfo(status=TokenStatus.BLOCKED)})
    assert not good()
    book.replace_list("CP", 4, {})
    book.learn("CP", app, TokenInfo(status=TokenStatus.INVALID), NOON)
    assert not good()
    book.asked_to_start("CP", app, NOON)
    assert good(), "the newer word"
    book.forget("APP-1")
    assert not good()
    book.asked_to_start("CP", app, NOON)
    book.clear_cache()
    assert not good()


def test_for_whom_the_cloud_has_reserved_it_begins_without_it() -> None:
    """At that station, until the reservation is over or cancelled, and unless the cloud says otherwise of the card."""
    book = cached("good")
    app = ShownToken(text="APP-1")

    def good(station: str = "CP", minutes: float = 1.0) -> bool:
        return book.judge(station, app, NOON + timedelta(minutes=minutes)).verdict.accepted

    def reserves(number: int = 5, minutes: float = 60.0) -> None:
        book.reserved("CP", app, number, NOON + timedelta(minutes=minutes), NOON)

    assert not good()
    reserves()
    assert [good(), good(minutes=59), good(minutes=60), good(station="CP-2")] == [True, True, False, False]
    book.cancelled("CP", 6)
    book.cancelled("CP-2", 5)
    assert good()
    book.cancelled("CP", 5)
    assert not good()
    reserves(minutes=-1)
    assert not good()
    reserves()
    book.asked_to_start("CP", app, NOON)
    assert good(minutes=30)
    book.learn("CP", app, TokenInfo(status=TokenStatus.INVALID), NOON)
    assert not good()
    reserves()
    book.forget("APP-1")
    assert not good()
    reserves(7, minutes=10**7)
    assert good(minutes=60 * 24 * 80)
    assert not good(minutes=60 * 24 * 91)  # as long as what the cache says
    book.clear_cache()
    assert not good()
    book.reserved("CP", ShownToken(text="", needed=False), 5, NOON + timedelta(hours=1), NOON)


def test_a_reservation_of_the_same_number_replaces_the_one_before() -> None:
    """OCPP 1.6 §5.13, 2.x H01: the cloud has given the place to another card, at that station alone."""
    book, until = cached("good"), NOON + timedelta(hours=1)
    for station, tag in (("CP", "APP-1"), ("CP-2", "APP-1"), ("CP", "APP-2")):
        book.reserved(station, ShownToken(text=tag), 5, until, NOON)

    def good(station: str, tag: str) -> bool:
        return book.judge(station, ShownToken(text=tag), NOON).verdict.accepted

    assert [good("CP", "APP-1"), good("CP", "APP-2"), good("CP-2", "APP-1")] == [False, True, True]


def send(version: int, kind: str, *tags: tuple[str, str | None]) -> Request:
    """A SendLocalList of 1.6."""
    entries = [{"idTag": tag} | ({"idTagInfo": {"status": status}} if status else {}) for tag, status in tags]
    payload = {"listVersion": version, "updateType": kind, "localAuthorizationList": entries}
    return Request(id="1", action="SendLocalList", payload=payload, text="")


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        ({"status": "Accepted"}, None, None),
        ({"status": "Rejected"}, None, None),
        (None, "NotImplemented", {"status": "Accepted"}),
        (None, "InternalError", None),
    ],
)
def test_the_cache_is_cleared_whatever_the_station_has(
    answer: dict[str, str] | None, error: str | None, told: dict[str, str] | None
) -> None:
    """A station without a cache of its own says that it is none; the gateway's is cleared all the same."""
    book = cached("a")
    request = Request(id="1", action="ClearCache", payload={}, text="")
    found = local_list.settle(book, "CP", Edition.V201, request, answer, error)
    assert (found.payload, found.writes, lets_in(book, "a")) == (told, (ClearCached(hash=None),), False)


def test_a_customer_whom_the_cloud_clears_is_forgotten() -> None:
    """2.x N10: of this token the cache says nothing any more; the local list stays the cloud's to change."""
    book = cached("a", "b")
    local_list.settle(book, "CP", Edition.V16, send(3, "Full", ("c", "Accepted")), {"status": "Accepted"}, None)

    def asks(token: str, *, status: str = "Accepted", clear: bool = True) -> tuple[Write, ...]:
        shown = {"idToken": token, "type": "Central"}
        payload = {"requestId": 1, "report": True, "clear": clear, "idToken": shown}
        request = Request(id="1", action="CustomerInformation", payload=payload, text="")
        found = local_list.settle(book, "CP", Edition.V201, request, {"status": status}, None)
        assert found.payload is None
        return found.writes

    assert asks("A", clear=False) == asks("a", status="Rejected") == ()
    assert asks("A") == (ClearCached(hash=HASHER.hash("a")),)
    assert asks("a") == asks("c") == ()
    assert [lets_in(book, each) for each in "abc"] == [False, True, True]
    odd = Request(id="1", action="CustomerInformation", payload={"clear": True, "idToken": [7]}, text="")
    assert local_list.settle(book, "CP", Edition.V201, odd, {"status": "Accepted"}, None).writes == ()


def test_the_local_list_follows_the_stations_answer() -> None:
    """Full, differential with a deletion; what the station refuses isn't learned."""
    book = TokenBook(HASHER, Policy(timezone=UTC))

    def settle(request: Request, status: str) -> local_list.ListAnswer:
        return local_list.settle(book, "CP", Edition.V16, request, {"status": status}, None)

    first = settle(send(3, "Full", ("a", "Accepted"), ("b", "Blocked")), "Accepted")
    assert first.payload is None
    assert isinstance(first.writes[0], ReplaceList)
    settle(send(4, "Differential", ("a", None), ("c", "Accepted")), "Accepted")
    settle(send(9, "Full"), "Failed")
    assert book.list_version("CP") == 4
    assert set(book.listed("CP")) == {book.hash("b"), book.hash("c")}


@pytest.mark.parametrize(("answer", "left"), [("Accepted", set()), ("Failed", {"a"}), ("NotSupported", {"a"})])
def test_a_list_that_is_emptied_by_version_0(answer: str, left: set[str]) -> None:
    """The version of an empty list: a station that takes it has none of these cards any more, and so the gateway."""
    book = TokenBook(HASHER, Policy(timezone=UTC))
    book.replace_list("CP", 3, {HASHER.hash("a"): TokenInfo(status=TokenStatus.ACCEPTED)})
    local_list.settle(book, "CP", Edition.V16, send(0, "Full"), {"status": answer}, None)
    assert book.listed("CP").keys() == {HASHER.hash(each) for each in left}
    asked = Request(id="1", action="GetLocalListVersion", payload={}, text="")
    if answer == "Accepted":
        assert local_list.settle(book, "CP", Edition.V16, asked, {"listVersion": 0}, None).payload is None


def test_the_gateway_has_the_list_of_a_station_that_has_none() -> None:
    """NotSupported: the cloud is answered by the gateway, consistently."""
    book = TokenBook(HASHER, Policy(timezone=UTC))
    asked = Request(id="1", action="GetLocalListVersion", payload={}, text="")

    def version() -> object:
        return local_list.settle(book, "CP", Edition.V16, asked, {"listVersion": -1}, None).payload

    assert version() == {"listVersion": 0}
    sent = local_list.settle(book, "CP", Edition.V16, send(3, "Full", ("a", "Accepted")), None, "NotSupported")
    assert sent.payload == {"status": "Accepted"}
    assert version() == {"listVersion": 3}
    stale = local_list.settle(book, "CP", Edition.V16, send(3, "Differential", ("a", None)), None, "NotSupported")
    assert stale.payload == {"status": "VersionMismatch"}


def test_changes_of_a_list_that_the_gateway_hasnt_seen_are_not_the_list() -> None:
    """They count, and the cloud is still to send it whole: else what the station refuses would be let in offline."""
    book = TokenBook(HASHER, Policy(timezone=UTC))
    asked = Request(id="1", action="GetLocalListVersion", payload={}, text="")
    for version, token in ((8, "a"), (9, "b")):
        local_list.settle(
            book, "CP", Edition.V16, send(version, "Differential", (token, "Blocked")), {"status": "Accepted"}, None
        )
        answer = local_list.settle(book, "CP", Edition.V16, asked, {"listVersion": version}, None)
        assert answer.payload == {"listVersion": 0}
    assert book.listed("CP").keys() == {HASHER.hash("a"), HASHER.hash("b")}
    local_list.settle(book, "CP", Edition.V16, send(10, "Full", ("a", "Blocked")), {"status": "Accepted"}, None)
    assert local_list.settle(book, "CP", Edition.V16, asked, {"listVersion": 10}, None).payload is None


def test_a_list_that_the_gateway_hasnt_seen_is_asked_for_whole() -> None:
    """The station's version and ours differ: 0 makes the cloud send it again, to both."""
    book = TokenBook(HASHER, Policy(timezone=UTC))
    asked = Request(id="1", action="GetLocalListVersion", payload={}, text="")
    answer = local_list.settle(book, "CP", Edition.V201, asked, {"versionNumber": 7}, None)
    assert answer.payload == {"versionNumber": 0}


def test_what_was_learned_before_the_clock_was_set_is_believed() -> None:
    """A gateway that began in 1970 and has the time later: the card was shown a minute ago, not half a century. It is
    given an age by the first day that has passed, and is forgotten by that."""
    book = TokenBook(HASHER, Policy(timezone=UTC))
    unset = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
    card = ShownToken(text="a")
    book.learn("CP", card, TokenInfo(status=TokenStatus.ACCEPTED), unset)
    assert book.judge("CP", card, unset).verdict.accepted
    assert book.judge("CP", card, NOON).verdict.accepted
    (write,) = book.expire(NOON)
    assert isinstance(write, PutCached)
    assert write.token.learned_at == NOON
    assert book.judge("CP", card, NOON + timedelta(days=89)).verdict.accepted
    assert not book.judge("CP", card, NOON + timedelta(days=90)).verdict.accepted
    assert book.expire(NOON + timedelta(days=90)) == [ClearCached(hash=HASHER.hash("a"))]
