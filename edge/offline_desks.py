"""Desks as the site file wants them, with what was kept: part of joining the rooms."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from edge.config import Configuration
from edge.domain.journal import Entry
from edge.offline.authorise import Policy, UnknownTokens
from edge.offline.desk import Desk
from edge.offline.edition import Edition
from edge.offline.numbers import Numbers
from edge.offline.pace import Pace
from edge.offline.settings import OfflineSettings, RefusedSession
from edge.offline.station import StationBook
from edge.offline.station_kept import kept_of
from edge.offline.token_book import TokenBook
from edge.offline.witness import Witness
from edge.storage.reading import Kept

log = structlog.get_logger(__name__)

TRANSPARENT = "transparent"


def desks(configuration: Configuration, found: Kept, tokens: TokenBook, wall: datetime) -> Iterator[Desk | Witness]:
    """One for each station of the site: a desk, or a witness where the station is dropped with its cloud."""
    settings = offline_settings(configuration)
    numbers = Numbers(found.highest, found.secret, wall)
    pace = Pace(settings.drain_interval_s)
    edition = Edition.V16  # until the station says what it speaks
    entries: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in found.entries:  # once, and not for each station
        entries[entry.station].append(entry)
    for station in configuration.stations:
        kept = kept_of(
            station.id,
            entries=entries[station.id],
            sizes=found.sizes,
            precious=found.precious,
            transactions=found.transactions,
            sessions=found.sessions,
            boots=found.boots,
            statuses=found.statuses,
        )
        transparent = (station.mode or configuration.ocpp.mode) == TRANSPARENT
        if transparent and kept.slips:  # it was autonomous before: that is delivered first
            log.warning("what was kept is delivered before the station is transparent", station=station.id)
        runs_alone = any(each.alone and each.ended is None for each in kept.transactions)  # its end is for no cloud
        book = StationBook.opened(station.id, edition, tokens=tokens, numbers=numbers, settings=settings, kept=kept)
        yield Witness(book) if transparent and not (kept.slips or runs_alone) else Desk(book, pace)


def newest_moment(found: Kept) -> datetime:
    """The newest time that the gateway has noted with what is kept; 1970 where that is nothing."""
    kept = (*(each.taken_at for each in found.entries), *(each.touched_at for each in found.transactions))
    return max(kept, default=datetime.fromtimestamp(0, UTC))


def policy(configuration: Configuration) -> Policy:
    """Who may charge."""
    table = configuration.offline
    return Policy(
        timezone=ZoneInfo(configuration.site.timezone),
        unknown=UnknownTokens(table.unknown_tokens),
        energy_limit_wh=table.unknown_energy_wh,
        cache_life=timedelta(days=table.cache_days),
        has_cloud=configuration.ocpp.has_cloud,
        follows_stations=table.station_rules == "follow",
    )


def offline_settings(configuration: Configuration) -> OfflineSettings:
    """How the time without a cloud is dealt with."""
    table = configuration.offline
    return OfflineSettings(
        has_cloud=configuration.ocpp.has_cloud,
        answer_timeout_s=table.answer_timeout_s,
        attempts=table.attempts,
        retry_interval_s=table.retry_interval_s,
        refused_session=RefusedSession(table.refused_session),
        backlog_characters=int(table.station_backlog_mb * 1_000_000),
        drain_interval_s=1.0 / table.deliveries_per_s,
        kept=timedelta(days=table.keep_days),
    )
