"""Loading modules, which a small computer takes seconds for."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def no_litter() -> Iterator[None]:
    """What is loaded stays: nobody looks for garbage in it meanwhile, which would be a sixth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
