"""``python -m edge ...`` and ``python -m simulators ...`` as processes that are forked from one that has them loaded.

Each is a process of its own, with its own streams, environment, folder and end; what is saved is the time in which it
would load the house anew: a third of a second of a core, hundreds of times, and a whole one for a gateway. What is
about the start itself, or about terminals, starts Python: ``tests/system/test_cli_starts.py`` does so with each verb.
"""

import asyncio
import atexit
import contextlib
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
TIMEOUT_S: Final = 120.0  # on a machine that does much else
# As long as a request and an answer may be; arguments are short.
_LONGEST: Final = 100_000
# What these load only once they are at work.
_LATE: Final = {
    "allocate": ("edge.allocation.solve", "edge.cli.allocation_file"),
    "replay": ("edge.control.replay", "edge.control.segments"),
    "run": ("edge.daemon", "edge.storage.schema", "numpy.ma", "pydantic.v1", "uvicorn.lifespan.off"),
}
_one_at_a_time: Final = threading.Lock()


def forked(
    module: str,
    *words: str,
    stdin: bytes = b"",
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """What became of ``python -W error -m module words...``; ``env`` in place of the environment of the tests.

    :raises subprocess.TimeoutExpired: it hasn't ended within `TIMEOUT_S`; it is killed.
    """
    request = {"module": module, "words": words, "cwd": str(cwd), "env": dict(os.environ if env is None else env)}
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        with _one_at_a_time:
            code = _asked(request, [each.fileno() for each in (given, out, err)])
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess([module, *words], code, out.read(), err.read())


class Started:
    """A process that was forked and goes on, until it is told to end."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)  # no other process, should that number be given anew

    def send(self, number: signal.Signals) -> None:
        """Nothing happens where it has ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    async def wait(self) -> None:
        """Until it has ended; to be waited for once."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._handle, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._handle)
            os.close(self._handle)


def started(module: str, *words: str, log: Path = Path(os.devnull), env: Mapping[str, str] | None = None) -> Started:
    """``python -W error -m module words...``; what it says is added to ``log``."""
    given = dict(os.environ if env is None else env)
    request = {"module": module, "words": words, "cwd": str(ROOT), "env": given, "goes_on": True}
    with Path(os.devnull).open("rb") as nothing, log.open("ab") as said, _one_at_a_time:
        return Started(_asked(request, [nothing.fileno(), said.fileno(), said.fileno()]))


def as_text(ended: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[str]:
    """The same, decoded as a terminal does."""
    return subprocess.CompletedProcess(ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def _asked(request: Mapping[str, object], streams: list[int]) -> int:
    server, door = _server()
    socket.send_fds(door, [json.dumps(request).encode()], streams)
    try:
        code = door.recv(_LONGEST)
    except TimeoutError:
        _server.cache_clear()
        _end(server, door)
        raise subprocess.TimeoutExpired(f"{request['module']} {request['words']}", TIMEOUT_S) from None
    assert code, f"{request} can't even be loaded: see what was said on stderr"
    return int(code)


@cache
def _server() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The process that has all loaded, and where it is asked; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.forked", str(theirs.fileno())],
            cwd=ROOT,
            # A process with threads isn't forked.
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    ours.settimeout(TIMEOUT_S)
    atexit.register(_end, process, ours)
    return process, ours


def _end(server: subprocess.Popen[bytes], door: socket.socket) -> None:
    door.close()
    with contextlib.suppress(ProcessLookupError):  # it, and what it has forked
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def _bury() -> None:
    """Those that went on, and have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _serve(door: socket.socket) -> str:
    """Fork for each request; returns in each child, as what was asked for, with the module that it is to run."""
    while True:
        message, streams, _, _ = socket.recv_fds(door, _LONGEST, 3)
        if not message:
            sys.exit()
        request = json.loads(message)
        _bury()
        # What the verb needs is loaded once; it stays, and nobody looks for garbage in it.
        import_module(f"{request['module']}.cli.main").application(request["words"])
        for name in _LATE.get(request["words"][0], ()) if request["words"] else ():
            import_module(name)
        gc.freeze()
        if (child := os.fork()) == 0:
            break
        for each in streams:
            os.close(each)
        if request.get("goes_on"):
            door.send(str(child).encode())
            continue
        _, status = os.waitpid(child, 0)
        door.send(str(os.waitstatus_to_exitcode(status)).encode())
    door.close()
    for standard, each in enumerate(streams):
        os.dup2(each, standard)
        os.close(each)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    module = str(request["module"])
    sys.argv = [module, *request["words"]]
    return module


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as given_door:
        MODULE = _serve(given_door)
    runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
