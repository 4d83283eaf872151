"""The gateway as a subprocess: started on a rewritten site file, asked for its status, stopped by its own pid."""

import asyncio
import http.client
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import orjson
import tomlkit

from simulators.demo.leash import command_on_leash
from simulators.errors import PeerError
from simulators.site import Endpoint

PACKAGE_ROOT: Final = Path(__file__).parents[2]
RUN_COMMAND: Final = (sys.executable, "-m", "edge", "run")
START_TIMEOUT_S: Final = 20.0  # a cold start of Python on a small board, many times over
STATUS_TIMEOUT_S: Final = 2.0
POLL_S: Final = 0.1
STOP_TIMEOUT_S: Final = 3.0  # it promises to stop within 2 s
LOG_TAIL_LINES: Final = 12
STATUS_PATH: Final = "/api/v1/status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the parts of one run meet."""

    gateway: Endpoint
    cloud: Endpoint
    meter: Endpoint
    api: Endpoint


def rewrite_site(source: Path, target: Path, *, addresses: Addresses) -> None:
    """Copy a site file, everything in it kept but the addresses, and where the gateway keeps what it must remember."""
    document: Any = tomlkit.parse(source.read_text(encoding="utf-8"))
    document["ocpp"]["listen"] = str(addresses.gateway)
    document["ocpp"]["upstream"] = f"ws://{addresses.cloud}/{{station}}"
    document["meter"][0]["connection"] = f"tcp://{addresses.meter}"
    document["api"]["listen"] = str(addresses.api)
    document.setdefault("storage", tomlkit.table())["path"] = str(target.parent / "storage")
    target.write_text(tomlkit.dumps(document), encoding="utf-8")


class Gateway:
    """One `edge run` in a process of its own that dies with this one; its output goes to a log in the run's folder."""

    def __init__(
        self,
        *,
        folder: Path,
        site_file: Path,
        api: Endpoint,
        command: Sequence[str] = RUN_COMMAND,
        start_timeout_s: float = START_TIMEOUT_S,
        stop_timeout_s: float = STOP_TIMEOUT_S,
    ) -> None:
        """`command` is what runs a gateway; `--config` and the site file are added to it."""
        self._folder = folder
        self._site_file = site_file
        self._api = api
        self._command = command
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._log = folder / "gateway.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Self:
        """Start the process; it isn't ready yet."""
        search = [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(part for part in search if part),
            "EDGE_SOCKET": str(self._folder / "edge.sock"),
        }
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command_on_leash((*self._command, "--config", str(self._site_file))),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # so that the terminal's Ctrl-C reaches only us, and we stop it in order
            )
        return self

    async def ready(self, stop: asyncio.Event) -> None:
        """Wait for the first status, or for `stop`.

        Raises PeerError if the process dies or says nothing for its start timeout.
        """
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + self._start_timeout_s
        while loop.time() < give_up_s:
            self.check()
            if stop.is_set() or await self.status() is not None:
                return
            await asyncio.sleep(POLL_S)
        raise self.error(f"the gateway didn't answer on http://{self._api} within {self._start_timeout_s:g} s")

    def check(self) -> None:
        """Raise PeerError if the process has ended."""
        if self._process is None or self._process.returncode is not None:
            code = "" if self._process is None else f" with exit code {self._process.returncode}"
            raise self.error(f"the gateway stopped{code}")

    async def status(self) -> dict[str, Any] | None:
        """The status the gateway gives now; None if it gives none."""
        return await asyncio.to_thread(_fetch, self._api)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL if that doesn't end it within its stop timeout."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), self._stop_timeout_s)
        except TimeoutError:
            process.kill()
            await process.wait()

    def error(self, what: str) -> PeerError:
        """An error about the gateway, with the tail of its log; the caller raises it."""
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        tail = "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:])
        return PeerError(f"{what}; the end of its log:\n{tail}" if tail else f"{what}, and its log is empty")


def _fetch(api: Endpoint) -> dict[str, Any] | None:
    connection = http.client.HTTPConnection(api.host, api.port, timeout=STATUS_TIMEOUT_S)
    try:
        connection.request("GET", STATUS_PATH)
        response = connection.getresponse()
        body = response.read()
        if response.status != http.client.OK:
            return None
        status = orjson.loads(body)
    except (OSError, http.client.HTTPException, orjson.JSONDecodeError):
        return None
    else:
        return status if isinstance(status, dict) else None
    finally:
        connection.close()
