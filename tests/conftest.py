"""What holds for every test."""

import os

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
