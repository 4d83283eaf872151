"""Public holidays, by the package of that name: they come in local dates, one set a year."""

from collections.abc import Container
from datetime import date


def public_holidays(place: str) -> Container[date]:
    """The public holidays of ``place``, a country or a part of it: ``DE``, ``DE-BY`` (ISO 3166).

    :raises ValueError: they aren't known.
    """
    import holidays  # here, since most sites name none, and a start shouldn't wait for them

    country, _, part = place.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError as exc:
        raise ValueError(f"no holidays of {place}") from exc
