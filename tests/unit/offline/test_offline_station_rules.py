"""Stations whose configuration lets list or cache let nobody in without the cloud (LocalAuthorizeOffline and so on)."""

from dataclasses import replace
from datetime import UTC, timedelta
from itertools import product

import pytest

from edge.domain.token import Basis, LocalRules, TokenInfo, TokenStatus
from edge.offline.authorise import Known, Policy, UnknownTokens, verdict
from edge.offline.edition import Edition
from edge.offline.token_book import TokenBook
from tests.unit.offline.offline_bench import HASHER, NOON, STATION, Bench, token

GOOD, BLOCKED = TokenInfo(status=TokenStatus.ACCEPTED), TokenInfo(status=TokenStatus.BLOCKED)
OVER = TokenInfo(status=TokenStatus.ACCEPTED, expires_at=NOON - timedelta(hours=1))
NEVER = LocalRules(offline=False)
ACCEPTED = {"status": "Accepted"}
DRIVER = "DRIVER-7"  # a card that the cloud knows


RULES = [LocalRules(offline=o, cache=c, listed=li) for o, c, li in product((True, False), repeat=3)]


@pytest.mark.parametrize("rules", RULES)
def test_list_and_cache_let_in_as_the_station_allows(rules: LocalRules) -> None:
    """OCPP 1.6 §3.5, 2.x C12, C13; what they refuse they refuse all the same."""
    policy = Policy(timezone=UTC, follows_stations=True)

    def basis(listed: TokenInfo | None = None, cached: TokenInfo | None = None) -> tuple[bool, Basis]:
        found = verdict(Known(listed=listed, cached=cached, cached_at=NOON, rules=rules), policy, NOON)
        return found.accepted, found.basis

    by_list, by_cache = rules.offline and rules.listed, rules.offline and rules.cache
    assert basis(listed=GOOD) == ((True, Basis.LIST) if by_list else (False, Basis.POLICY))
    assert basis(cached=GOOD) == ((True, Basis.CACHE) if by_cache else (False, Basis.POLICY))
    assert basis(cached=OVER) == (False, Basis.CACHE)
    assert basis(listed=BLOCKED) == (False, Basis.LIST)
    assert basis(cached=BLOCKED) == (False, Basis.CACHE)


def test_the_cloud_and_the_site_are_bound_by_no_station() -> None:
    """The cloud's own word, the site's cards, what the site file lets strangers take; nor a site without a cloud, or
    one that doesn't want to follow."""
    policy, known = Policy(timezone=UTC, follows_stations=True), Known(cached=GOOD, cached_at=NOON, rules=NEVER)
    assert verdict(replace(known, cloud=GOOD), policy, NOON).basis is Basis.CLOUD
    assert verdict(replace(known, own=token(DRIVER)), policy, NOON).basis is Basis.SITE
    limited = verdict(known, replace(policy, unknown=UnknownTokens.LIMIT), NOON)
    assert limited.accepted
    assert limited.energy_limit_wh is not None
    assert verdict(known, replace(policy, follows_stations=False), NOON).basis is Basis.CACHE
    alone = replace(policy, has_cloud=False)
    assert verdict(Known(listed=GOOD, rules=NEVER), alone, NOON).basis is Basis.LIST


def bench(edition: Edition = Edition.V16) -> Bench:
    """A desk whose cloud is there, at a station that lets nobody in without it."""
    found = Bench(edition, own=(token("CARD-1"),))
    found.tokens.bind(STATION, NEVER)
    found.cloud_comes()
    return found


def authorise(bench: Bench, card: str = DRIVER) -> str:
    """A card is shown; what the station is told of it, by the cloud or without."""
    asked = len(bench.to_cloud)
    shown = {"idToken": {"idToken": card, "type": "ISO14443"}} if bench.edition.is_v2 else {"idTag": card}
    bench.call("Authorize", shown)
    name = "idTokenInfo" if bench.edition.is_v2 else "idTagInfo"
    if len(bench.to_cloud) > asked:
        bench.cloud_answers({name: ACCEPTED})
    return str(bench.answered[2][name]["status"])


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V201])
def test_a_driver_whom_the_cloud_knows_waits_for_it(edition: Edition) -> None:
    """The log says why; the site's own cards are the site's to let in."""
    site = bench(edition)
    assert authorise(site) == "Accepted"
    site.cloud_goes()
    site.tick(1000.0)
    assert authorise(site) == "Invalid"
    assert "configuration" in str(site.notes[-1].fields["reason"])
    assert authorise(site, "CARD-1") == "Accepted"


@pytest.mark.parametrize("heard", ["before", "after"])
def test_who_was_let_in_by_the_cloud_begins_though_it_is_gone(heard: str) -> None:
    """It has said so of this very session: within a quarter of an hour, whenever the station has told its rules."""
    site = bench()
    if heard == "after":
        site.tokens.bind(STATION, LocalRules())
    authorise(site)
    site.tokens.bind(STATION, NEVER)
    site.cloud_goes()
    site.tick(60.0)
    site.start(tag=DRIVER)
    assert site.answered[2]["idTagInfo"] == ACCEPTED
    assert [judged.verdict.accepted for judged in site.judged] == [True]


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V201])
def test_who_charges_ends_the_session_with_the_card_that_began_it(edition: Edition) -> None:
    """Some stations ask for that, too; nobody is locked to a post until the cloud is back. It begins nothing anew."""
    site = bench(edition)
    authorise(site)
    if edition.is_v2:
        site.event("Started", 0, DRIVER)
        site.cloud_answers({"idTokenInfo": ACCEPTED})
    else:
        site.start(tag=DRIVER)
        site.cloud_answers({"transactionId": 5, "idTagInfo": ACCEPTED})
    site.cloud_goes()
    site.tick(4000.0)
    assert authorise(site) == "Accepted"
    if edition.is_v2:
        site.event("Ended", 1, DRIVER)
        assert site.answered[2]["idTokenInfo"] == ACCEPTED
    else:
        stamp = site.times.wall.isoformat()
        end = {"transactionId": 5, "idTag": DRIVER, "meterStop": 200, "timestamp": stamp}
        site.call("StopTransaction", end)
        assert site.answered[2]["idTagInfo"] == ACCEPTED
    assert not site.ended
    assert authorise(site) == "Invalid"


def test_a_fault_of_the_clouds_is_the_stations_answer() -> None:
    """Nobody but the cloud may judge there."""
    site = bench()
    authorise(site)
    site.tick(1000.0)
    identifier = site.call("Authorize", {"idTag": DRIVER})
    site.cloud_refuses()
    assert site.answered[:3] == [4, identifier, "InternalError"]


def test_a_session_that_runs_keeps_its_class_when_tokens_change() -> None:
    """It is no new one."""
    site = bench()
    authorise(site)
    site.start(tag=DRIVER)
    site.cloud_answers({"transactionId": 5, "idTagInfo": ACCEPTED})
    site.cloud_goes()
    site.tick(4000.0)
    told = len(site.judged)
    site.do(site.desk.recheck(site.times.wall))
    assert [judged.verdict.accepted for judged in site.judged[told:]] == [True]
    assert site.ended == []


@pytest.mark.parametrize("rules", RULES)
def test_the_status_names_whom_a_station_lets_in(rules: LocalRules) -> None:
    """Where it binds, and isn't everybody."""
    tokens = TokenBook(HASHER, Policy(timezone=UTC, follows_stations=True))
    tokens.bind(STATION, rules)
    by = {name for name, allowed in (("list", rules.listed), ("cache", rules.cache)) if allowed and rules.offline}
    assert tokens.lets_in(STATION) == (None if len(by) == 2 else by.pop() if by else "own")
    assert tokens.lets_in("ANOTHER") is None
    ignoring = TokenBook(HASHER, Policy(timezone=UTC))
    ignoring.bind(STATION, rules)
    assert ignoring.lets_in(STATION) is None
