"""``[offline]``: what holds while a station's cloud is away, and how what was kept is delivered."""

from typing import Annotated

from pydantic import Field

from edge.config.schema_site import Table


class OfflineTable(Table):
    """``[offline]``"""

    unknown_tokens: Annotated[
        str,
        Field(
            pattern="^(refuse|limit)$",
            description='"refuse", or "limit" to accept up to unknown_energy_wh',
            examples=["limit"],
        ),
    ] = "refuse"
    station_rules: Annotated[
        str,
        Field(
            pattern="^(ignore|follow)$",
            description='"ignore" what a station\'s configuration forbids without its cloud, or "follow" it',
            examples=["follow"],
        ),
    ] = "ignore"
    unknown_energy_wh: Annotated[
        float,
        Field(gt=0, le=1_000_000, description="an energy in Wh, above 0 and up to 1000000", examples=[5000]),
    ] = 5000.0
    refused_session: Annotated[
        str,
        Field(pattern="^(stop|zero|keep)$", description='"stop", "zero" or "keep"', examples=["stop"]),
    ] = "stop"
    answer_timeout_s: Annotated[
        float,
        Field(ge=2, le=60, description="how long the cloud may take to answer in s, 2 to 60", examples=[15]),
    ] = 15.0
    absent_after_s: Annotated[
        float,
        Field(ge=1, le=31_536_000, description="how long a station may be away in s, 1 to 31536000", examples=[900]),
    ] = 900.0
    attempts: Annotated[
        int,
        Field(ge=1, le=100, description="how often a message that the cloud refuses is tried, 1 to 100", examples=[3]),
    ] = 3
    retry_interval_s: Annotated[
        float,
        Field(ge=1, le=86_400, description="the wait before the second attempt in s, 1 to 86400", examples=[60]),
    ] = 60.0
    deliveries_per_s: Annotated[
        float,
        Field(ge=1, le=1000, description="how many kept messages the site delivers a second, 1 to 1000", examples=[20]),
    ] = 20.0
    station_backlog_mb: Annotated[
        float,
        Field(ge=1, le=1000, description="the room for one station's messages in MB, 1 to 1000", examples=[10]),
    ] = 10.0
    cache_days: Annotated[
        int,
        Field(ge=1, le=3650, description="how long the cloud's word on a token is believed in days", examples=[90]),
    ] = 90
    keep_days: Annotated[
        int,
        Field(ge=7, le=3650, description="how long what ended is kept in days, 7 to 3650", examples=[60]),
    ] = 60
    session_days: Annotated[
        int,
        Field(ge=1, le=3650, description="how long session records are kept in days, 1 to 3650", examples=[730]),
    ] = 730
