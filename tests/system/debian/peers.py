"""The peers of a gateway elsewhere: :mod:`proof_site` as a process, which is told what to do."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.debian_machine import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """``addresses``: where meter and cloud are, and where the stations expect the gateway."""

    process: subprocess.Popen[str]
    addresses: dict[str, str]

    def do(self, order: str) -> None:
        """Something on site; done when this returns."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def port(self, name: str) -> int:
        """Of one of the addresses."""
        return int(self.addresses[name].rpartition(":")[2])


@contextmanager
def peers(*enter: str, gateway: str | None = None) -> Iterator[Peers]:
    """A meter and a cloud, by ``enter`` in another name space; they end with the context.

    The stations expect the gateway at ``gateway``, a host and port; else beside them.
    """
    command = [*enter, sys.executable, "-m", "tests.system.debian.proof_site", *((gateway,) if gateway else ())]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Peers(process=process, addresses=json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(20)
