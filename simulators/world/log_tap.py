"""The gateway's log, heard by the world."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog

WARNING: Final = 30  # logging's number for it: what is below is formed for nobody


@contextmanager
def gateway_log(heard: Callable[[str, str], None]) -> Iterator[None]:
    """The gateway's log goes to `heard` (its level, its line) as long as this lasts, from warnings upwards."""

    def take(_logger: object, level: str, event: Any) -> Any:
        fields = ", ".join(f"{key}={value}" for key, value in event.items() if key not in ("event", "exc_info"))
        cause = f" ({event['exc_info']!r})" if event.get("exc_info") else ""
        heard(level, f"{event.get('event')}{': ' if fields else ''}{fields}{cause}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[take], wrapper_class=structlog.make_filtering_bound_logger(WARNING))
    try:
        yield
    finally:
        structlog.configure(**before)
