"""Whether a recorded decision would be made again, and if not, where it first differs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from edge.allocation.decide import decide
from edge.control.recording import Tick

_MOST_SHOWN = 120  # characters of a value in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where a decision first differs: ``path`` as in ``setpoints[3].limit_a``, and both values as text.

    ``about`` names the EVSE (``CP-03/1``) where the path leads through one of several.
    """

    path: str
    recorded: str
    now: str
    about: str | None = None

    @property
    def text(self) -> str:
        """``setpoints[3].limit_a: recorded 8.4, now 8.3 (CP-03/1)``."""
        about = f" ({self.about})" if self.about is not None else ""
        return f"{self.path}: recorded {self.recorded}, now {self.now}{about}"


def replay(tick: Tick) -> Difference | None:
    """Decide again; None if the outcome is equal."""
    try:
        decision = decide(tick.snapshot, tick.memory).outcome
    except Exception as exc:  # whatever goes wrong now and didn't then is a difference
        return Difference(path="decision", recorded="made", now=f"fails with {_shown(exc)}")
    return first_difference(tick.decision, decision)


def first_difference(recorded: object, now: object) -> Difference | None:
    """The first place where two values differ, in the order of their fields; None where there is none.

    NaN counts as equal to NaN.
    """
    return next(_differences("", None, recorded, now), None)


def _differences(path: str, about: str | None, recorded: Any, now: Any) -> Iterator[Difference]:
    if recorded is now:
        return
    if isinstance(recorded, np.ndarray) or isinstance(now, np.ndarray):
        yield from _array_differences(path, about, recorded, now)
    elif is_dataclass(recorded) and type(recorded) is type(now):
        for name in (field.name for field in fields(recorded) if field.compare):
            step = f"{path}.{name}" if path else name
            yield from _differences(step, about, getattr(recorded, name), getattr(now, name))
    elif isinstance(recorded, tuple) and isinstance(now, tuple) and len(recorded) == len(now):
        for number, (was, item) in enumerate(zip(recorded, now, strict=True)):
            key = getattr(was, "key", None)
            yield from _differences(f"{path}[{number}]", about if key is None else str(key), was, item)
    elif isinstance(recorded, Mapping) and isinstance(now, Mapping):
        for key in [*recorded, *(key for key in now if key not in recorded)]:
            step = f"{path}[{key}]"
            if key in recorded and key in now:
                yield from _differences(step, about, recorded[key], now[key])
            else:
                was, item = (_shown(side[key]) if key in side else "absent" for side in (recorded, now))
                yield Difference(path=step, recorded=was, now=item, about=about)
    elif type(recorded) is not type(now) or (recorded != now and not (recorded != recorded and now != now)):
        # NaN alone differs from itself.
        yield Difference(path=path, recorded=_shown(recorded), now=_shown(now), about=about)


def _array_differences(path: str, about: str | None, recorded: Any, now: Any) -> Iterator[Difference]:
    """Value by value where both are arrays of one shape."""
    if type(recorded) is not type(now) or recorded.shape != now.shape:
        yield Difference(path=path, recorded=_shown(recorded), now=_shown(now), about=about)
        return
    for place in np.argwhere(~((recorded == now) | (np.isnan(recorded) & np.isnan(now)))).tolist():
        step = path + "".join(f"[{index}]" for index in place)
        was, item = float(recorded[tuple(place)]), float(now[tuple(place)])
        yield Difference(path=step, recorded=_shown(was), now=_shown(item), about=about)


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
