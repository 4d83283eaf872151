"""A terminal of a booted machine, with somebody who types at it."""

import asyncio
import pty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.debian_machine import Machine
from tests.system.typist import Typist

CLEAN = ("env", "--chdir=/", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=dumb", "LC_ALL=C.UTF-8")


@asynccontextmanager
async def screen(machine: Machine, *command: str) -> AsyncIterator[Typist]:
    """``command`` as root of ``machine``, on a terminal of its own; killed at the end if it still runs."""
    master, slave = pty.openpty()
    enter = ("nsenter", f"--target={machine.pid}", "--all", "--root", "--wd=/", "--")
    process = await asyncio.create_subprocess_exec(
        *enter, *CLEAN, *command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    try:
        yield Typist(process, master)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
