"""``edge allocate FILE|-``: what-if on paper, the allocator without a site."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
import typer

from edge.domain.site import EvseKey
from edge.errors import ProblemUnusable

STANDARD_INPUT = "-"
# Ten thousand EVSEs with all their fields are 4 MB. What is far longer is no problem, and is not to fill the memory.
MOST_BYTES = 64_000_000


def allocate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The problem in JSON; - reads standard input.")],
    lines: Annotated[
        bool,
        typer.Option(
            "--lines",
            help="One problem per line in, one answer per line out; stops at the first line that is no problem.",
        ),
    ] = False,
) -> None:
    """Share the current of a site on paper. A problem in JSON in, setpoints with their reasons out."""
    with _opened(file) as (name, stream):
        if lines:
            _each_line(name, stream)
        else:
            typer.echo(_answer(_bounded(stream.read, name), name))


def _each_line(name: str, stream: BinaryIO) -> None:
    """Empty lines have no answer. Each answer is out before the next line is read."""
    number = 1
    while line := _bounded(stream.readline, f"{name}:{number}"):
        if line.strip():
            typer.echo(_answer(line.rstrip(b"\r\n"), f"{name}:{number}"))
        number += 1


def _bounded(read: Callable[[int], bytes], name: str) -> bytes:
    """What ``read`` gives.

    :raises ProblemUnusable: it can't be read, or is too long.
    """
    try:
        text = read(MOST_BYTES + 1)
    except OSError as exc:
        raise _unreadable(name, exc) from exc
    if len(text) > MOST_BYTES:
        raise ProblemUnusable(f"{name}: is no problem: none is longer than {MOST_BYTES // 1_000_000} MB")
    return text


def _unreadable(name: str, exc: Exception) -> ProblemUnusable:
    reason = exc.strerror if isinstance(exc, OSError) else exc
    return ProblemUnusable(f"{name}: can't be read ({reason})")


@contextmanager
def _opened(file: str) -> Iterator[tuple[str, BinaryIO]]:
    """The input, and what to call it in an error.

    :raises ProblemUnusable: it can't be read.
    """
    if file == STANDARD_INPUT:
        yield "standard input", sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - closed below; here only what opening raises is translated
    except (OSError, ValueError) as exc:
        raise _unreadable(file, exc) from exc
    with stream:
        yield file, stream


def _answer(text: bytes, name: str) -> bytes:
    """The answer to the problem in ``text``, as JSON on one line.

    :raises ProblemUnusable: with ``name`` before its sentence.
    """
    # Here, so that no other verb waits for them.
    from edge.allocation.solve import solve
    from edge.cli.allocation_file import parse

    try:
        problem = parse(text)
    except ProblemUnusable as error:
        raise ProblemUnusable(f"{name}: {error.what}", remedy=error.remedy) from error
    solution = solve(problem)
    setpoints = []
    for number, outlet in enumerate(problem.wiring.outlets):
        # On paper an EVSE has no station; its id stands for both.
        setpoint = solution.setpoint(number, EvseKey(station=outlet.id, evse=1))
        setpoints.append(
            {"id": outlet.id, "limit_a": setpoint.limit_a, "reason": setpoint.reason, "text": setpoint.text}
        )
    names = [branch.id for branch in problem.wiring.branches]
    headroom_a = dict(zip(names, solution.headroom_a, strict=True))
    return orjson.dumps({"setpoints": setpoints, "headroom_a": headroom_a})
