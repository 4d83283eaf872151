"""What holds for every test."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# The same examples in each run, however slow the machine is just now; new ones in the long run only.
settings.register_profile(
    "edge",
    deadline=None,
    derandomize="EDGE_LONG" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("edge")


# Who runs this in the background of a script has Ctrl-C ignored, and so would have every program that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for minutes is for `make system-test`."""
    if "EDGE_SYSTEM" not in os.environ:
        for item in items:
            if item.get_closest_marker("minutes"):
                item.add_marker(pytest.mark.skip(reason="waits for minutes: make system-test"))
