"""Free ports: two who look at the same time aren't given the same."""

import random
import subprocess
import sys

from simulators.ports import MARKS, free_endpoints

SEED = 47
LOOK = f"import random; random.seed({SEED}); from simulators.ports import free_endpoints; print(free_endpoints(4))"


def test_a_port_that_was_found_is_found_by_nobody_else() -> None:
    """Though nobody listens there yet: not in this process, and not in another that tries the same ones."""
    before = random.getstate()
    try:
        random.seed(SEED)
        found = free_endpoints(4)
        random.seed(SEED)
        again = free_endpoints(4)
    finally:
        random.setstate(before)
    elsewhere = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True).stdout
    assert not set(found) & set(again)
    assert not any(f"port={each.port})" in elsewhere for each in (*found, *again)), elsewhere


def test_who_asks_for_ever_is_always_given_some() -> None:
    """Old marks end: neither the ports nor the files of a process run out."""
    assert all(len({each.port for each in free_endpoints(8)}) == 8 for _ in range(MARKS))
