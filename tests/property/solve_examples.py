"""How many random problems the solver's properties look at.

``PROPERTY_TIMES=20`` in the environment makes it 20 times as many: tens of thousands in all, some minutes.
"""

import os

from hypothesis import settings

TIMES = int(os.environ.get("PROPERTY_TIMES", "1"))


def examples(count: int) -> settings:
    """So many (or so many times as many), the same in every run."""
    return settings(max_examples=count * TIMES)
