"""Free ports: none is given twice before its owner listens on it."""

import random
import subprocess
import sys

import pytest

from simulators.ports import ATTEMPTS, HIGHEST, LOWEST, free_endpoints

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has sockets with abstract names")
ASKING = """
import random
from simulators.ports import free_endpoints
random.sample = lambda *_: {order}
print(free_endpoints(1)[0].port)
"""


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ports in the order in which everybody tries them."""
    tried = random.sample(range(LOWEST, HIGHEST), ATTEMPTS)
    monkeypatch.setattr(random, "sample", lambda *_: tried)
    return tried


def asked_elsewhere(order: list[int]) -> int:
    """The port that another process is given, which has ended."""
    done = subprocess.run(
        [sys.executable, "-c", ASKING.format(order=order)], capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


def test_nobody_is_given_a_port_that_was_just_given(order: list[int]) -> None:
    """Neither this process nor another: whose it is doesn't listen yet. (An API's port, taken by another test.)"""
    (first,), (second,) = free_endpoints(1), free_endpoints(1)
    assert len({first.port, second.port, asked_elsewhere(order)}) == 3


def test_a_process_that_ends_lets_go_of_its_ports(order: list[int]) -> None:
    elsewhere = asked_elsewhere(order)
    assert free_endpoints(1)[0].port == elsewhere


def test_only_the_latest_ports_are_kept_back(order: list[int]) -> None:
    first = free_endpoints(65)[0]
    assert first.port == order[0] == free_endpoints(1)[0].port
