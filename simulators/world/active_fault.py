"""What the world needs to know of a fault that was begun."""

from typing import Protocol


class ActiveFault(Protocol):
    """A fault that was begun. Implemented by :class:`simulators.world.faults.base.Fault`."""

    def matters(self, now: float) -> bool:
        """Whether it is under way, or was a moment ago."""

    def may_say(self, now: float) -> bool:
        """Whether what it `says` may be said now."""

    def grace_s(self, oracle: str) -> float:
        """How much longer that oracle has to be patient for its sake."""

    def unbinds(self, station: str, /) -> bool:
        """Whether no limit binds that station."""

    def hides_limit(self, station: str) -> bool:
        """Whether nobody but that station knows which limit it holds."""

    @property
    def says(self) -> tuple[str, ...]:
        """How the lines begin that the gateway logs as errors, and has to, for its sake."""
