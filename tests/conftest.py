"""What holds for every test."""

import gc
import os
import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings
from structlog.dev import ConsoleRenderer, plain_traceback

# The same examples in each run, however slow the machine is just now; new ones in the long run only.
settings.register_profile(
    "edge",
    deadline=None,
    derandomize="EDGE_LONG" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("edge")


# As the gateway's own for people: the framed traces that are the default, coloured and with every variable, take a
# quarter of a second of a core each.
structlog.configure(
    processors=[structlog.processors.add_log_level, ConsoleRenderer(exception_formatter=plain_traceback)]
)

# The modules of all tests stay: nobody looks for garbage in them, not while they are loaded and not in each test.
gc.disable()


def pytest_collection_finish() -> None:
    """They are loaded."""
    gc.freeze()
    gc.enable()


# Who runs this in the background of a script has Ctrl-C ignored, and so would have every program that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """How a test has the log written doesn't outlive it: a command's level would hide the lines of the next test."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


PROCESSES = "tests/system/"

# Unset in make test; "short" in make system-test-short, anything else in make system-test.
SYSTEM = os.environ.get("EDGE_SYSTEM")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for minutes is for `make system-test`, and the longest of it not for CI's short run.

    Real processes come first: a test that waits a minute for them holds nobody up as long as there are others; as one
    of the last it does.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(PROCESSES))
    for item in items:
        if SYSTEM is None and item.get_closest_marker("minutes"):
            item.add_marker(pytest.mark.skip(reason="waits for minutes: make system-test"))
        if SYSTEM == "short" and item.get_closest_marker("whole"):
            item.add_marker(pytest.mark.skip(reason="CI's twenty minutes have no time for it: make system-test"))
