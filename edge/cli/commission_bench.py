"""The bench of ``edge commission``: a gateway of its own in control mode, and the grid meter read without it."""

import contextlib
import ctypes
import http
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from edge.cli.control_socket import Answer, ask
from edge.cli.meter_choice import Choice
from edge.cli.meter_read import sampled
from edge.cli.terminal import Loop
from edge.commission.observed import Observation
from edge.config import Configuration
from edge.config.locate import locate
from edge.config.write import beside, updated
from edge.domain.reading import MeterReading
from edge.domain.site import EvseKey
from edge.errors import ControllerUnreachable, StartError
from edge.metering.user_map import families_of
from edge.ownership import account_of
from edge.storage.lock import locked
from edge.units import Amps, PhaseAmps, Seconds

START_S: Seconds = 60.0  # a small board, cold
STOP_S: Seconds = 5.0
SAMPLES, SAMPLE_EVERY_S = 5, 0.5
TRIES, PAUSE_S = 5, 1.0  # an answer may be three seconds late each time: a full disk's cache, a cold card
STATUS = "/api/v1/status"
STOP_FIRST = "stop the service first: sudo systemctl stop edge-controller"
_KEPT = ("serial", "mac", "firmware")


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # prctl(2)


def _ends_with_us() -> None:
    """In the new process: it is told to end when whoever commissions is killed, and can't stop it any more."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _program() -> list[str]:
    """How this program is started: by the starter it was started with (the package's knows where its modules are)."""
    starter = Path(sys.argv[0])
    if starter.name == "edge" and os.access(starter, os.X_OK):
        return [str(starter.resolve())]
    return [sys.executable, "-m", "edge"]


def answered(asked: Callable[[], Answer], *, goes_on: Callable[[], bool], pause: Callable[[Seconds], None]) -> Answer:
    """The answer of a gateway that may be slow for a moment: an hour of proofs isn't lost by it.

    :raises ControllerUnreachable: it has ended, or is silent for longer.
    """
    for _ in range(TRIES - 1):
        try:
            return asked()
        except ControllerUnreachable:
            if not goes_on():
                raise
            pause(PAUSE_S)
    return asked()


class Bench:
    """Starts and stops `edge run` on a copy of the site file in mode control."""

    def __init__(self, configuration: Configuration, loop: Loop, *, meter: str | None) -> None:
        self._configuration = configuration
        self._loop = loop
        self._meter = meter
        self._held = contextlib.ExitStack()
        text = updated(configuration.path.read_text(encoding="utf-8"), {"control": {"mode": "control"}})
        self._file = self._held.enter_context(beside(configuration.path.resolve(), text))
        # As the service's own account, which must be able to read and write afterwards what this run has written.
        self._account = account_of(Path(configuration.storage.path))
        if self._account is not None:
            os.chown(self._file, self._account.user, self._account.group)
        self._run = tempfile.TemporaryDirectory(prefix="edge-commission-")
        if self._account is not None:
            os.chown(self._run.name, self._account.user, self._account.group)
        self._socket = Path(self._run.name) / "edge.sock"
        self._log = Path(self._run.name) / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._known: dict[str, dict[str, Any]] = {}

    def start(self) -> None:
        """Start it, and wait for its first tick.

        :raises StartError: it doesn't come up, or another has its storage folder.
        """
        self._hold()
        lent = [] if self._lock is None else [self._lock]
        account: dict[str, Any] = {} if self._account is None else asdict(self._account)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    *(*_program(), "run", "--config", str(self._file), "--socket", str(self._socket)),
                    *(word for each in lent for word in ("--lock", str(each))),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the commissioning, which stops it in order
                pass_fds=lent,
                preexec_fn=_ends_with_us,  # noqa: PLW1509 - one call that takes no lock
                **account,
            )
        give_up = time.monotonic() + START_S
        while time.monotonic() < give_up:
            if self._process.poll() is not None:
                said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                raise StartError(
                    f"the gateway doesn't start: {said[-1][:300] if said else 'it says nothing'}",
                    remedy=STOP_FIRST,
                )
            with contextlib.suppress(ControllerUnreachable, ValueError, KeyError):
                if _report(ask([self._socket], "GET", STATUS))["control"]["state"] != "STARTING":
                    return
            time.sleep(0.3)
        raise StartError(f"the gateway completes no tick within {START_S:g} s", remedy="see edge doctor")

    def _hold(self) -> None:
        """Nobody else's gateway may start while this one is stopped: it would control what is to be seen alone."""
        if self._lock is None:
            try:
                self._lock = self._held.enter_context(locked(Path(self._configuration.storage.path)))
            except StartError as exc:
                raise StartError(f"the gateway doesn't start: {exc.what}", remedy=STOP_FIRST) from exc

    def stop(self) -> None:
        """Take it away as a power failure does: nothing is said to the stations."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(STOP_S)

    def close(self) -> None:
        """Stop it in order, and leave nothing behind."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._held.close()
        self._run.cleanup()

    def observe(self, after_s: Seconds) -> Observation:
        """The status report, after a wait."""
        time.sleep(after_s)
        report = _report(self._answered("GET", STATUS))
        for each in report.get("waiting_stations", ()):
            self._known[each["id"]] = {key: each.get(key) for key in _KEPT}
        return Observation(at=time.monotonic(), report=report, meter=self._meter)

    def try_limit(self, key: EvseKey, limit_a: Amps, for_s: Seconds) -> None:
        """Limit an EVSE for a while.

        :raises ControllerUnreachable: the gateway doesn't take it.
        """
        resource = f"/api/v1/stations/{quote(key.station, safe='')}/evses/{key.evse}/trial"
        answer = self._answered("PUT", resource, orjson.dumps({"limit_a": limit_a, "for_s": for_s}))
        if answer.status != http.HTTPStatus.NO_CONTENT:
            raise ControllerUnreachable(f"the gateway doesn't take a trial limit ({answer.status} {answer.reason})")

    def read_meter(self, after_s: Seconds) -> PhaseAmps | None:
        """What the grid meter shows without the gateway; None for no reading."""
        time.sleep(after_s)
        site = self._configuration.site
        meters = tuple(each for each in site.meters if each.id == self._meter)
        choice = Choice(meters=meters, families=families_of(meters, locate=locate), ratings={})
        facts = self._loop.run(sampled(choice, SAMPLES, SAMPLE_EVERY_S, lambda _: None))
        fact = facts.get(self._meter or "")
        return fact.current_a if isinstance(fact, MeterReading) else None

    def known_stations(self) -> dict[str, dict[str, Any]]:
        """What the waiting list has told of stations."""
        return self._known

    def _answered(self, method: str, resource: str, body: bytes | None = None) -> Answer:
        return answered(lambda: ask([self._socket], method, resource, body), goes_on=self._runs, pause=time.sleep)

    def _runs(self) -> bool:
        return self._process is not None and self._process.poll() is None


def _report(answer: Answer) -> dict[str, Any]:
    return dict(orjson.loads(answer.body))
