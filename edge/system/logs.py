"""Logs: for a person on a terminal, JSON lines otherwise; to stderr, time stamps in UTC."""

import contextlib
import io
import logging
import sys
from collections.abc import MutableMapping, Sequence
from enum import StrEnum
from typing import Any, TextIO, cast

import structlog
from structlog.typing import Processor


class LogFormat(StrEnum):
    """How a line looks."""

    AUTO = "auto"  # human on a terminal, else JSON
    HUMAN = "human"
    JSON = "json"


class LogLevel(StrEnum):
    """The least severe line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


# What the libraries may say, through the same lines. pymodbus repeats a lost meter with every poll, which we log once.
_LIBRARIES = {
    "": logging.WARNING,
    "websockets": logging.WARNING,
    "uvicorn": logging.WARNING,
    "pymodbus": logging.CRITICAL,
}


class _Unfailing(io.TextIOBase):
    """A stream whose reader may go away (a closed pipe, a full disk) without stopping what is being logged about."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def configure(
    *, form: LogFormat = LogFormat.AUTO, level: LogLevel = LogLevel.INFO, stream: TextIO | None = None
) -> None:
    """Set up structlog and the libraries' logging for the whole process; ``stream`` is stderr unless given."""
    target = sys.stderr if stream is None else stream
    out = _Unfailing(target)
    is_human = form is LogFormat.HUMAN or (form is LogFormat.AUTO and target.isatty())
    shared: Sequence[Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    final = _human(colors=target.isatty()) if is_human else _json()
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, out)),
        cache_logger_on_first_use=False,  # a logger made before this call must follow it too
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_library],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name, least in _LIBRARIES.items():
        logging.getLogger(name).setLevel(least)


def _human(*, colors: bool) -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=colors,
            pad_event_to=0,
            # Plain traces: the framed ones print every local variable, secrets too.
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]


def _json() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]


def _name_library(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The library's logger beside what it said."""
    event["library"] = event["_record"].name
    return event
