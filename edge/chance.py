"""The chance port. Nothing else in the program asks for randomness, so that a simulated site can repeat itself.

What keeps peers apart (jitter, message ids) comes from here; the libraries' own (the masks of WebSocket frames)
doesn't.
"""

import random
import secrets
from typing import Protocol


class Chance(Protocol):
    """Where randomness comes from."""

    def fraction(self) -> float:
        """A number spread evenly over 0 to 1, 1 excluded."""

    def token(self, size: int) -> str:
        """``size`` bytes as hexadecimal digits, which nobody can guess."""


class SystemChance:
    """The operating system's randomness."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def fraction(self) -> float:
        return self._random.random()

    def token(self, size: int) -> str:
        return secrets.token_hex(size)
