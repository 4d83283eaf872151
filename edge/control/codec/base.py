"""What every codec offers, and what they have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, TypeAlias

Json: TypeAlias = Any  # what the json module writes and reads


class Same(Enum):
    """Says that nothing changed."""

    SAME = "same"


SAME = Same.SAME


class Unfit(ValueError):
    """JSON that is no value of the type. ``problem`` is said of ``path``, the way to it from the top."""

    def __init__(self, problem: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(f"{'.'.join(path) or 'the value'} {problem}")
        self.problem = problem
        self.path = path


class Codec(ABC):
    """Writes and reads the values of one type."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def accepts(self, value: object) -> bool:
        """Whether the value is one of this type, looking at its outermost layer only."""

    @abstractmethod
    def encode(self, value: Any) -> Json:
        """The whole value.

        :raises TypeError: it isn't of this type.
        """

    @abstractmethod
    def decode(self, tree: Json) -> Any:
        """The value from its whole.

        :raises Unfit: it isn't one.
        """

    def delta(self, before: Any, value: Any) -> Json | Same:
        """What changed since ``before``."""
        return SAME if before == value else self.encode(value)

    def patched(self, before: Any, tree: Json) -> Any:  # noqa: ARG002 - those that are written whole don't need it
        """``before`` with the change.

        :raises Unfit: it isn't a change of it.
        """
        return self.decode(tree)


def at(step: str, read: Callable[..., Any], *arguments: Any) -> Any:
    """What ``read`` gives; what it finds unfit is so one step further down."""
    try:
        return read(*arguments)
    except Unfit as unfit:
        raise Unfit(unfit.problem, (step, *unfit.path)) from None


def array(tree: Json) -> list[Json]:
    """The tree, which must be an array."""
    if not isinstance(tree, list):
        raise Unfit("is no array")
    return tree


def place(step: str, length: int) -> int:
    """The place in a sequence of ``length`` that a change names."""
    if not (step.isascii() and step.isdigit() and len(step) <= 9 and int(step) < length):
        raise Unfit(f"has no place {step[:20]!r}")
    return int(step)


def changes(items: Iterable[tuple[Codec, Any, Any]]) -> Json | Same:
    """What changed in a sequence of (codec, before, now), by place."""
    found = {}
    for number, (codec, before, now) in enumerate(items):
        if before is not now:
            change = codec.delta(before, now)
            if change is not SAME:
                found[str(number)] = change
    return found or SAME
