"""What a station gets wrong, by the schemas of its edition: told once and counted, never a reason to refuse.

Checking costs many times what is done with a frame otherwise; so of each action the first frames are checked, and then
one of many, and not while they are passed on but when there is time.
"""

import importlib.resources
import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]
from jsonschema.protocols import Validator  # type: ignore[import-untyped]
from jsonschema.validators import validator_for  # type: ignore[import-untyped]

from edge.ocpp.routing import FROM_CLOUD, FROM_STATION
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallResult, Send

FIRST = 3  # frames of each action that are all checked
THEN_EVERY = 100  # a station that samples every ten seconds is looked at every quarter of an hour
MOST_KINDS = 50  # kinds of violations that are told of one station
MOST_PER_FRAME = 5
LONGEST_WORD = 40  # of what stands where a word of a list should
MOST_DUE = 8  # frames of one station that wait to be looked at; more aren't

_PACKAGES = {Version.V16: "ocpp.v16", Version.V201: "ocpp.v201", Version.V21: "ocpp.v21"}


@dataclass(frozen=True, slots=True)
class _Kind:
    """What schema a message has to fit: a CALL's, or that of the answer to one."""

    version: Version
    action: str
    is_answer: bool


class Diagnosis:
    """Looks at the CALLs of one station, and at its answers."""

    def __init__(self) -> None:
        self._seen: dict[Version, Counter[str]] = {version: Counter() for version in Version}  # by schema
        self._due: deque[tuple[_Kind, str]] = deque()
        self._told: set[str] = set()

    def asks(self, frame: Call | Send, version: Version) -> None:
        """The station has sent this; a vendor's own and a signed one have no schema."""
        if frame.action in FROM_STATION[version]:
            self._note(frame.action, frame.text, version, is_answer=False)

    def answers(self, action: str, frame: CallResult, version: Version) -> None:
        """The station has answered a CALL of this action so."""
        if action in FROM_CLOUD[version]:
            self._note(action, frame.text, version, is_answer=True)

    def look(self) -> tuple[int, list[str]] | None:
        """Look at one message: how many violations are in it, and those that are news. None when nothing is due."""
        if not self._due:
            return None
        kind, text = self._due.popleft()
        try:
            payload = _exactly(text, 2 if kind.is_answer else 3)
        except (ValueError, RecursionError):
            return 0, []  # what can't be read at all is told elsewhere
        found = _violations(kind, payload)
        news = [sentence for sentence in found if sentence not in self._told]
        news = news[: MOST_KINDS - len(self._told)]
        self._told.update(news)
        return len(found), news

    def _note(self, action: str, text: str, version: Version, *, is_answer: bool) -> None:
        counts, schema = self._seen[version], f"{action}Response" if is_answer else action
        seen = counts[schema]
        counts[schema] = seen + 1
        if (seen < FIRST or seen % THEN_EVERY == 0) and len(self._due) < MOST_DUE:
            self._due.append((_Kind(version, action, is_answer), text))


def _exactly(text: str, place: int) -> Any:
    """The payload with numbers as they are written: 8.1 is a multiple of 0.1 (citrineos-core pull 959)."""
    message = json.loads(text, parse_float=Decimal)
    return message[place] if len(message) > place else {}


def _violations(kind: _Kind, payload: Any) -> list[str]:
    what = f"answer to {kind.action}" if kind.is_answer else kind.action
    sentences = []
    for error in _validator(kind).iter_errors(payload):
        place = ".".join("[]" if isinstance(part, int) else str(part) for part in error.absolute_path) or "payload"
        sentences.append(f"{what}: {place}: breaks {error.validator} ({_shown(error)})")
        if len(sentences) == MOST_PER_FRAME:
            break
    return sentences


def _shown(error: ValidationError) -> str:
    """The value where it is to be one of a list, else only its kind: it may be a driver's token."""
    value = error.instance
    if error.validator == "enum" and isinstance(value, str):
        return repr(value[:LONGEST_WORD])
    return {dict: "an object", list: "a list", str: "a text", bool: "true or false"}.get(type(value), "a number")


@lru_cache(maxsize=512)  # there are fewer actions than that, and two kinds of each
def _validator(kind: _Kind) -> Validator:
    folder = importlib.resources.files(_PACKAGES[kind.version]) / "schemas"
    if kind.is_answer:
        names: tuple[str, ...] = (f"{kind.action}Response.json",)
    else:
        names = (f"{kind.action}Request.json", f"{kind.action}.json")  # so in 2.x; so in 1.6, and in 2.1 what is a SEND
    file = next(folder / name for name in names if (folder / name).is_file())
    schema: Mapping[str, Any] = json.loads(file.read_text("utf-8-sig"), parse_float=Decimal)
    return validator_for(schema)(schema)
