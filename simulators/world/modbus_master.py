"""The building's Modbus master in the world: writes registers, and hears whether they were taken."""

import asyncio
import struct
from collections.abc import Sequence
from typing import Final, Self

from simulators.site import Endpoint

MASTER: Final = "bms"
LIMIT_W: Final = 2  # bms_limit_w, two registers
LIMIT_A: Final = 4  # bms_limit_a in tenths; bms_valid_s is the register after it
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
        self._number = (self._number + 1) % 0x10000
        body = struct.pack(f">BHHB{len(values)}H", WRITE_MULTIPLE, register, len(values), 2 * len(values), *values)
        self._writer.write(HEADER.pack(self._number, 0, len(body) + 1, 1) + body)
        async with asyncio.timeout(ANSWER_S):
            _, _, length, _ = HEADER.unpack(await self._reader.readexactly(HEADER.size))
            answer = await self._reader.readexactly(length - 1)
        return answer[0] & ERROR == 0

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
