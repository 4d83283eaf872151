"""Why somebody can't be had, as the set-up says it."""

import errno
import socket
from contextlib import closing
from pathlib import Path

import pytest

from edge.cli.setup_causes import cause
from edge.cli.setup_probes import Probes
from edge.cli.terminal import Loop
from edge.language import LANGUAGES, Said, Speaker
from edge.setup.steps import Failure, TryBroker, TryCloud, TryListen


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "cause.refused"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "cause.no_way"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "cause.no_way"),
        (TimeoutError("timed out"), "cause.silent"),
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), "cause.silent"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "cause.no_name"),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), "cause.not_ours"),
        (PermissionError(errno.EACCES, "Permission denied"), "cause.forbidden"),
    ],
)
def test_what_the_system_refuses_is_said_in_each_language(refusal: OSError, text: str) -> None:
    """With what to look at, and none of the system's English."""
    assert cause(refusal) == Said(text)
    said = [Speaker(language).say("cloud.away", {"url": "ws://x", "problem": cause(refusal)}) for language in LANGUAGES]
    assert len(set(said)) == len(LANGUAGES)
    assert not any(str(refusal.strerror) in each for each in said)


def test_what_no_text_says_is_told_as_the_system_names_it() -> None:
    """Better than nothing."""
    assert cause(OSError(errno.EIO, "Input/output error")) == "Input/output error"
    assert cause(OSError()) == "OSError"


def test_a_cloud_a_broker_and_an_address_of_nobody(tmp_path: Path) -> None:
    """Their probes find the same cause: a port at which nobody listens, an address that isn't the machine's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with closing(Loop()) as loop:
            probes = Probes(loop, file=None, config=tmp_path / "site.toml")
            cloud = TryCloud(upstream=f"ws://127.0.0.1:{port}/{{station}}", station="CP-01")
            assert probes.answer(cloud) == Failure(problem=Said("cause.refused"))
            assert probes.answer(TryBroker(broker=f"mqtt://127.0.0.1:{port}")) == Failure(problem=Said("cause.refused"))
            assert probes.answer(TryListen(listen="192.0.2.7:5502")) == Failure(problem=Said("cause.not_ours"))
