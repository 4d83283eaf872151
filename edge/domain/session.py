"""A charging session as it is accounted for: one record from its begin to its end."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from edge.domain.token import TokenHash

QUARTER_S = 900  # the period that grid and tariff count in


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarterHour:
    """What was delivered in one quarter of an hour, which begins at ``since`` (UTC)."""

    since: datetime
    energy_wh: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """``id`` is site-wide and never given twice. Times are the station's own, in UTC.

    ``energy_wh`` is what the register rose by; the quarter-hours add up to it exactly. ``internal``: begun with one of
    the site's own tokens. ``signed``: the ids of the messages that carried signed values.
    """

    id: int
    station: str
    evse: int | None
    transaction: str  # as the station calls it
    token: TokenHash | None
    hint: str = ""  # the token's last two characters
    class_id: str | None = None
    cost_centre: str | None = None
    internal: bool = False
    began_at: datetime
    ended_at: datetime | None = None
    end_reason: str | None = None
    register_begin_wh: Decimal | None = None
    register_wh: Decimal | None = None  # the newest
    register_at: datetime | None = None
    energy_wh: Decimal = Decimal(0)
    quarters: tuple[QuarterHour, ...] = ()
    signed: tuple[str, ...] = ()
    energy_limit_wh: Decimal | None = None  # it was let in up to so much
