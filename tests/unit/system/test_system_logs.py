"""Log lines: their form, their level, and what of the libraries gets through."""

import io
import logging
from collections.abc import Iterator

import orjson
import pytest
import structlog

from edge.system.logs import LogFormat, LogLevel, configure


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A pipe whose reader has ended."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError("gone")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """The process's logging is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_where_nobody_looks() -> None:
    """Into a pipe or file: one JSON object a line, time stamps in UTC, by loggers made before the set-up too."""
    log = structlog.get_logger("early")
    out = io.StringIO()
    configure(stream=out)
    log.info("relay CP-01: OFFLINE -> DRAINING", station="CP-01")
    (line,) = out.getvalue().splitlines()
    fields = orjson.loads(line)
    assert (fields["event"], fields["level"], fields["station"]) == (
        "relay CP-01: OFFLINE -> DRAINING",
        "info",
        "CP-01",
    )
    assert fields["timestamp"].endswith("Z")


def test_human_lines_on_a_terminal() -> None:
    """On a terminal: text, not JSON."""
    out = Terminal()
    configure(stream=out)
    structlog.get_logger().warning("meter grid gives no reading")
    assert "meter grid gives no reading" in out.getvalue()
    assert not out.getvalue().startswith("{")


def test_form_can_be_chosen() -> None:
    """The form that was asked for wins over what the stream is."""
    out = Terminal()
    configure(form=LogFormat.JSON, stream=out)
    structlog.get_logger().info("x")
    assert orjson.loads(out.getvalue())["event"] == "x"


def test_level_is_the_least_severe_that_is_written() -> None:
    """What is below the level is left out."""
    out = io.StringIO()
    configure(level=LogLevel.WARNING, stream=out)
    structlog.get_logger().info("unseen")
    structlog.get_logger().warning("seen")
    assert [orjson.loads(line)["event"] for line in out.getvalue().splitlines()] == ["seen"]


def test_libraries_speak_through_the_same_lines() -> None:
    """Warnings of websockets and uvicorn come in the same form; pymodbus's repetitions of a lost meter don't come."""
    out = io.StringIO()
    configure(stream=out)
    logging.getLogger("websockets.server").warning("closing %s", "now")
    logging.getLogger("uvicorn.error").info("unseen")
    logging.getLogger("pymodbus.logging").error("unseen")
    (line,) = out.getvalue().splitlines()
    fields = orjson.loads(line)
    assert (fields["event"], fields["level"], fields["library"]) == ("closing now", "warning", "websockets.server")


def test_a_trace_is_one_json_line() -> None:
    """A fault of the program is logged with its trace, in one line."""
    out = io.StringIO()
    configure(stream=out)
    try:
        int("oops")
    except ValueError:
        structlog.get_logger().exception("a fault")
    (line,) = out.getvalue().splitlines()
    assert "ValueError: invalid literal" in orjson.loads(line)["exception"]


def test_a_reader_that_is_gone_stops_nothing() -> None:
    """A closed stderr costs the line, not the control loop."""
    configure(stream=Gone())
    structlog.get_logger().error("unheard")
    logging.getLogger("websockets").error("unheard")
