"""Which language a browser asks for."""

from edge.language import LANGUAGES


def wanted_language(accepted: str) -> str:
    """The language of ours that comes first in an ``Accept-Language`` (RFC 9110 §12.5.4; ``de-AT`` is ``de``); English
    where it has none, or is no such list.
    """
    wanted: dict[str, float] = {}
    for each in accepted.split(","):
        tag, _, weight = each.partition(";")
        language = tag.strip().partition("-")[0].lower()
        if language in LANGUAGES:
            wanted[language] = max(wanted.get(language, 0.0), _weight(weight))
    first = max(wanted, key=lambda language: wanted[language], default=LANGUAGES[0])  # of equals the first
    return first if wanted.get(first, 0.0) > 0 else LANGUAGES[0]


def _weight(parameter: str) -> float:
    """Of ``q=0.8``; 1 where nothing is said, 0 of what can't be one."""
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
