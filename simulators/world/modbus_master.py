"""The building's Modbus master in the world: writes registers, hears whether they were taken, and reads."""

import asyncio
import struct
from collections.abc import Sequence
from typing import Final, Self

from simulators.site import Endpoint

MASTER: Final = "bms"
LIMIT_W: Final = 2  # bms_limit_w, two registers
LIMIT_A: Final = 4  # bms_limit_a in tenths; bms_valid_s is the register after it
READ_INPUT: Final = 4
WRITE_COIL: Final = 5
WRITE_MULTIPLE: Final = 16
ERROR: Final = 0x80
ANSWER_S: Final = 5.0
HEADER: Final = struct.Struct(">HHHB")  # transaction, protocol, length, unit (Modbus Messaging on TCP/IP V1.0b §3.1.3)


class Master:
    """One connection; of the machine whose code runs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0

    @classmethod
    async def dial(cls, server: Endpoint) -> Self:
        """:raises OSError: nobody listens there."""
        return cls(*await asyncio.open_connection(server.host, server.port))

    async def write(self, register: int, values: Sequence[int]) -> bool:
        """Whether the server has taken them all.

        :raises OSError, TimeoutError, EOFError: the connection or the server is gone.
        """
        answer = await self._ask(
            struct.pack(f">BHHB{len(values)}H", WRITE_MULTIPLE, register, len(values), 2 * len(values), *values)
        )
        return answer[0] & ERROR == 0

    async def write_coil(self, coil: int, on: bool) -> bool:
        """As :meth:`write`, of a coil."""
        answer = await self._ask(struct.pack(">BHH", WRITE_COIL, coil, 0xFF00 if on else 0))
        return answer[0] & ERROR == 0

    async def read(self, register: int, count: int) -> tuple[int, ...] | None:
        """Input registers; None: the server has refused.

        :raises OSError, TimeoutError, EOFError: the connection or the server is gone.
        """
        answer = await self._ask(struct.pack(">BHH", READ_INPUT, register, count))
        return None if answer[0] & ERROR else struct.unpack(f">{count}H", answer[2:])

    async def _ask(self, body: bytes) -> bytes:
        self._number = (self._number + 1) % 0x10000
        self._writer.write(HEADER.pack(self._number, 0, len(body) + 1, 1) + body)
        async with asyncio.timeout(ANSWER_S):
            _, _, length, _ = HEADER.unpack(await self._reader.readexactly(HEADER.size))
            return await self._reader.readexactly(length - 1)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
