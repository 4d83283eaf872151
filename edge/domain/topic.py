"""Where a quantity stands in the messages of an MQTT topic."""

import re
from dataclasses import dataclass
from typing import Final

JsonPath = tuple[str | int, ...]

_STEP: Final = re.compile(
    r"""\.?(?P<name>[^\s.\[\]'"$]+)  # .name, and name at the beginning
    |\[(?P<index>[0-9]{1,6})\]
    |\['(?P<quoted>[^']+)'\]
    |\["(?P<double>[^"]+)"\]""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicValue:
    """A quantity of a message: the number at ``path`` times ``scale`` is in the unit that the quantity's name ends
    with. An empty path is the message itself.
    """

    quantity: str
    path: JsonPath
    scale: float = 1.0


def parse_json_path(text: str) -> JsonPath:
    """``phases[0].current``, ``$.total['power W']``; ``$`` alone is the message itself.

    :raises ValueError: whose text completes "it ...".
    """
    rest = text.removeprefix("$")
    if not text:
        raise ValueError("is empty")
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        is_bare = match is not None and match["name"] is not None and rest[at] != "."
        if match is None or (is_bare and (steps or text.startswith("$"))):
            raise ValueError(f"can't be read from '{rest[at : at + 20]}' on")
        name = match["name"] or match["quoted"] or match["double"]
        steps.append(name if name is not None else int(match["index"]))
        at = match.end()
    return tuple(steps)
