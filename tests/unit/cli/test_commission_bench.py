"""The gateway that `edge commission` runs, as it is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli.commission_bench import TRIES, answered
from edge.cli.control_socket import Answer
from edge.errors import ControllerUnreachable

GOOD = Answer(path=Path("edge.sock"), status=200, reason="OK", body=b"{}")


class Gateway:
    """Is silent so often, then answers."""

    def __init__(self, silent: int) -> None:
        self._silent: Iterator[int] = iter(range(silent))
        self.paused_s: list[float] = []

    def ask(self) -> Answer:
        if next(self._silent, None) is not None:
            raise ControllerUnreachable("no answer within 3 s")
        return GOOD


def test_a_gateway_that_is_slow_for_a_moment_is_asked_again() -> None:
    """The proofs of an hour were lost by one answer that came after more than three seconds."""
    gateway = Gateway(silent=TRIES - 1)
    assert answered(gateway.ask, goes_on=lambda: True, pause=gateway.paused_s.append) is GOOD
    assert len(gateway.paused_s) == TRIES - 1


@pytest.mark.parametrize(("silent", "goes_on", "pauses"), [(TRIES, True, TRIES - 1), (1, False, 0)])
def test_one_that_stays_silent_or_has_ended_is_told(silent: int, *, goes_on: bool, pauses: int) -> None:
    """Not for ever, and at once where there is nobody any more."""
    gateway = Gateway(silent=silent)
    with pytest.raises(ControllerUnreachable):
        answered(gateway.ask, goes_on=lambda: goes_on, pause=gateway.paused_s.append)
    assert len(gateway.paused_s) == pauses
