"""What an oracle is: it looks at the world now and then, hears the frames, and says in a sentence what it has seen."""

from dataclasses import dataclass
from typing import ClassVar, Final

from simulators.world.watch import Ear
from simulators.world.world import World

SENTENCES_KEPT: Final = 5  # of each oracle: the first ones tell where it began


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Something that must not be."""

    oracle: str
    at_s: float
    text: str

    def __str__(self) -> str:
        return f"{self.at_s:9.1f} s  {self.oracle}: {self.text}"


class Oracle(Ear):
    """`name` is what faults excuse it by; `every_s` how often it looks."""

    name: ClassVar[str]
    promise: ClassVar[str]  # what it holds the gateway to
    every_s: ClassVar[float] = 1.0

    def __init__(self, world: World) -> None:
        self.world = world
        self.verdicts: list[Verdict] = []
        self.failures = 0
        self._looks_at = 0.0

    def due(self, now: float) -> bool:
        """Whether it is time to look again."""
        if now < self._looks_at:
            return False
        self._looks_at = now + self.every_s
        return True

    def look(self) -> None:
        """Now and then."""

    def close(self) -> None:
        """After the run, before the world ends."""

    def fail(self, text: str) -> None:
        """Something must not be."""
        self.failures += 1
        if len(self.verdicts) < SENTENCES_KEPT:
            self.verdicts.append(Verdict(oracle=self.name, at_s=self.world.now(), text=text))
            self.world.history.add("oracle", f"{self.name}: {text}")

    @property
    def grace_s(self) -> float:
        """By how much the faults of now and of a moment ago stretch its patience; infinite: it doesn't judge."""
        return self.world.grace_s(self.name)
