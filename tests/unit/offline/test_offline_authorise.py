"""The decision table of authorisation, complete."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from edge.domain.token import Basis, Hours, SiteToken, TokenInfo, TokenNeed, TokenStatus
from edge.offline.authorise import CACHE_LIFE, Known, Policy, UnknownTokens, verdict

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
S = TokenStatus
WEEK = frozenset(range(7))
NEED = TokenNeed(energy_wanted_wh=180_000.0, ready_by=time(5, 30))
OWN = SiteToken(hash="h", hint="01", class_id="staff", cost_centre="c", need=NEED)


def info(status: TokenStatus, expires: timedelta | None = None) -> TokenInfo:
    """What a cloud may have said."""
    return TokenInfo(status=status, expires_at=None if expires is None else NOW + expires)


SAID = {
    "none": None,
    "accepted": info(S.ACCEPTED),
    "accepted, expires later": info(S.ACCEPTED, HOUR),
    "accepted, expired": info(S.ACCEPTED, -HOUR),
    "blocked": info(S.BLOCKED),
    "expired": info(S.EXPIRED),
    "invalid": info(S.INVALID),
    "concurrent": info(S.CONCURRENT),
}
OWNS = {
    "none": None,
    "good": OWN,
    "blocked": SiteToken(hash="h", hint="01", blocked=True),
    "not yet": SiteToken(hash="h", hint="01", valid_from=NOW + HOUR),
    "over": SiteToken(hash="h", hint="01", valid_until=NOW - HOUR),
    "in hours": SiteToken(hash="h", hint="01", hours=(Hours(days=WEEK, since=time(6), until=time(18)),)),
    "outside hours": SiteToken(hash="h", hint="01", hours=(Hours(days=WEEK, since=time(0), until=time(6)),)),
}
CLOUDS = {"away": None, "accepts": info(S.ACCEPTED), "refuses": info(S.INVALID)}
POLICIES = (UnknownTokens.REFUSE, UnknownTokens.LIMIT)
GOOD = {"accepted", "accepted, expires later"}
HELPS = {"good", "in hours"}

# Own tokens, cloud, list, cache, policy (None: any) -> status and basis. The first row that fits is expected.
ANY = None
Row = tuple[set[str] | None, set[str] | None, set[str] | None, set[str] | None, UnknownTokens | None, S, Basis]
EXPECTED: tuple[Row, ...] = (
    ({"blocked"}, ANY, ANY, ANY, ANY, S.BLOCKED, Basis.SITE),
    ({"not yet"}, ANY, ANY, ANY, ANY, S.INVALID, Basis.SITE),
    ({"over"}, ANY, ANY, ANY, ANY, S.EXPIRED, Basis.SITE),
    ({"outside hours"}, ANY, ANY, ANY, ANY, S.INVALID, Basis.SITE),
    (ANY, {"accepts"}, ANY, ANY, ANY, S.ACCEPTED, Basis.CLOUD),
    (ANY, {"refuses"}, ANY, ANY, ANY, S.INVALID, Basis.CLOUD),
    (ANY, ANY, GOOD, ANY, ANY, S.ACCEPTED, Basis.LIST),
    (ANY, ANY, {"accepted, expired", "expired"}, ANY, ANY, S.EXPIRED, Basis.LIST),
    (ANY, ANY, {"blocked"}, ANY, ANY, S.BLOCKED, Basis.LIST),
    (ANY, ANY, {"invalid"}, ANY, ANY, S.INVALID, Basis.LIST),
    (ANY, ANY, {"concurrent"}, ANY, ANY, S.CONCURRENT, Basis.LIST),
    (ANY, ANY, ANY, {"blocked"}, ANY, S.BLOCKED, Basis.CACHE),
    (HELPS, ANY, ANY, {"accepted, expired"}, ANY, S.ACCEPTED, Basis.SITE),  # a cloud may say so of each within the hour
    (ANY, ANY, ANY, {"accepted, expired", "expired"}, ANY, S.EXPIRED, Basis.CACHE),
    (HELPS, ANY, ANY, ANY, ANY, S.ACCEPTED, Basis.SITE),
    (ANY, ANY, ANY, GOOD, ANY, S.ACCEPTED, Basis.CACHE),
    (ANY, ANY, ANY, {"invalid"}, ANY, S.INVALID, Basis.CACHE),
    (ANY, ANY, ANY, ANY, UnknownTokens.REFUSE, S.INVALID, Basis.POLICY),
    (ANY, ANY, ANY, ANY, UnknownTokens.LIMIT, S.ACCEPTED, Basis.POLICY),
)


def test_every_combination_has_its_expected_answer() -> None:
    """7 x 3 x 8 x 8 x 2 combinations; and every row of the expectation is met by some."""
    used: Counter[int] = Counter()
    for own, cloud, listed, cached, policy in product(OWNS, CLOUDS, SAID, SAID, POLICIES):
        number, row = next(
            (n, row)
            for n, row in enumerate(EXPECTED)
            if all(
                allowed is None or value in allowed
                for allowed, value in zip(row[:4], (own, cloud, listed, cached), strict=True)
            )
            and row[4] in (None, policy)
        )
        used[number] += 1
        known = Known(
            own=OWNS[own], listed=SAID[listed], cached=SAID[cached], cached_at=NOW - HOUR, cloud=CLOUDS[cloud]
        )
        found = verdict(known, Policy(timezone=UTC, unknown=policy), NOW)
        assert (found.info.status, found.basis) == row[5:], (own, cloud, listed, cached, policy)
        limited = found.basis is Basis.POLICY and found.accepted
        assert (found.energy_limit_wh is not None) == limited
        assert (found.class_id == "staff") == (own == "good" and found.accepted)
        assert found.need == (NEED if found.class_id == "staff" else None)
    assert sum(used.values()) == 7 * 3 * 8 * 8 * 2
    assert set(used) == set(range(len(EXPECTED)))


def test_a_card_of_the_sites_own_keeps_its_group() -> None:
    """What a station compares when another card is shown to end the session: as the cloud has told it, though its word
    has run out."""
    cached = TokenInfo(status=S.ACCEPTED, expires_at=NOW - HOUR, group="FAMILY", group_type="Central")
    found = verdict(Known(own=OWN, cached=cached, cached_at=NOW), Policy(timezone=UTC), NOW)
    assert (found.basis, found.info) == (Basis.SITE, TokenInfo(status=S.ACCEPTED, group="FAMILY", group_type="Central"))


def test_an_acceptance_without_expiry_ages() -> None:
    """AuthCacheLifeTime; a refusal doesn't turn into an acceptance by its age."""
    policy = Policy(timezone=UTC, unknown=UnknownTokens.LIMIT)
    for status, basis in ((S.ACCEPTED, Basis.POLICY), (S.BLOCKED, Basis.CACHE)):
        known = Known(cached=info(status), cached_at=NOW - CACHE_LIFE)
        assert verdict(known, policy, NOW).basis is basis


@pytest.mark.parametrize(
    ("moment", "good"),
    [
        ("2026-06-01T20:00:00+00:00", True),  # Monday 22:00 there
        ("2026-06-02T03:59:00+00:00", True),  # Tuesday 05:59, of Monday's night
        ("2026-06-02T04:00:00+00:00", False),  # 06:00
        ("2026-06-02T20:00:00+00:00", False),  # Tuesday's night isn't allowed
        ("2026-06-01T03:00:00+00:00", False),  # the night before Monday
    ],
)
def test_weekly_hours_are_the_sites_and_may_pass_midnight(moment: str, good: bool) -> None:
    """Local time; the night from Monday to Tuesday is Monday's."""
    own = SiteToken(hash="h", hint="", hours=(Hours(days=frozenset({0}), since=time(22), until=time(6)),))
    policy = Policy(timezone=ZoneInfo("Europe/Copenhagen"))
    assert verdict(Known(own=own), policy, datetime.fromisoformat(moment)).accepted is good


@pytest.mark.parametrize("own", ["not yet", "over", "outside hours"])
def test_a_clock_that_isnt_set_refuses_nobody_by_the_time(own: str) -> None:
    """Fault 44: a gateway that wakes up in 1970 ends no session and refuses no badge for that; a block holds."""
    woken = datetime(1970, 1, 1, 1, tzinfo=UTC)
    policy = Policy(timezone=UTC)
    assert verdict(Known(own=OWNS[own]), policy, woken).accepted
    assert verdict(Known(own=OWNS["blocked"]), policy, woken).info.status is S.BLOCKED
    assert verdict(Known(listed=info(S.ACCEPTED, -HOUR)), policy, woken).accepted
