"""A garbage collector that collects nothing, and tells what was wanted of it."""

from typing import Any

from edge.control.litter import ALL

DEFAULT = (700, 10, 10)


class FakeCollector:
    """Counts objects as :mod:`gc` does, and remembers what it was asked to walk through."""

    def __init__(self) -> None:
        self.thresholds = DEFAULT
        self.older = 0  # of the last generation
        self.beyond = 0  # reach
        self.walked: list[tuple[int, int]] = []  # the generation, and how many objects of the last one

    def collect(self, generation: int = ALL, /) -> int:
        self.walked.append((generation, self.older if generation == ALL else 0))
        return 0

    def freeze(self) -> None:
        self.beyond, self.older = self.beyond + self.older, 0

    def unfreeze(self) -> None:
        self.beyond, self.older = 0, self.beyond + self.older

    def get_objects(self, generation: int | None = None) -> list[Any]:
        assert generation == ALL
        return [None] * self.older

    def get_threshold(self) -> tuple[int, int, int]:
        return self.thresholds

    def set_threshold(self, threshold0: int, threshold1: int = 10, threshold2: int = 10, /) -> None:
        self.thresholds = (threshold0, threshold1, threshold2)
