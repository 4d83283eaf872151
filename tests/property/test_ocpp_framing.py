"""Whatever is read, in whatever pieces: a socket of ours hears and answers what the library's own does."""

import asyncio
import contextlib
import itertools
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from edge.ocpp import framing
from edge.ocpp.sockets import MOST_CONTROLS, Receiving
from simulators.world.prompt import Prompt

MAX_SIZE = 300  # bytes of a message
PATIENCE = 20  # turns of the loop; what comes after a text that isn't UTF-8 nobody reads any more

PAYLOADS = st.one_of(
    st.text(max_size=20).map(str.encode),
    st.binary(max_size=20),
    st.sampled_from([b"x" * size for size in (0, 1, 124, 125, 126, 127, MAX_SIZE, MAX_SIZE + 1, 70_000)]),
)
DATA = st.builds(
    Frame, st.sampled_from([Opcode.TEXT, Opcode.TEXT, Opcode.BINARY, Opcode.CONT]), PAYLOADS, st.booleans()
)
CONTROL = st.builds(
    Frame, st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE]), st.sampled_from([b"", b"\x03\xe8bye", b"\xff"])
)
TEXTS = st.builds(Frame, st.just(Opcode.TEXT), st.text(max_size=200).map(str.encode))


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_cut = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Never full."""

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """The peer may know."""

    def pause_reading(self) -> None:
        """What is to be read has been."""

    def resume_reading(self) -> None:
        """See above."""

    def abort(self) -> None:
        self.is_cut = True


def protocol(side: Side) -> Protocol:
    """After the handshake."""
    return Protocol(side, state=OPEN, max_size=MAX_SIZE)


async def heard(connection: Connection, pieces: list[bytes]) -> tuple[list[str | bytes], bytes, Any]:
    """What a connection that is given these pieces hands over, what it writes, and how it closes."""
    wire, messages = Wire(), list[str | bytes]()
    connection.connection_made(wire)

    def take(message: str | bytes) -> float:
        messages.append(message)
        return 0.0

    async def read() -> None:
        if isinstance(connection, Receiving):
            await connection.deliver(take)
        else:
            while True:
                messages.append(await connection.recv())

    reading = asyncio.create_task(read())
    for piece in pieces:
        await asyncio.sleep(0)
        connection.data_received(piece)
    left, idle = len(connection.recv_messages.frames), 0
    while left and idle < PATIENCE and not reading.done():
        await asyncio.sleep(0)
        before, left = left, len(connection.recv_messages.frames)
        idle = idle + 1 if left == before else 0
    await asyncio.sleep(0)
    connection.connection_lost(None)
    with contextlib.suppress(ConnectionClosed):
        await reading
    return messages, wire.written, (connection.protocol.close_sent, connection.protocol.close_rcvd)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces."""
    borders = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in itertools.pairwise(borders)]


@given(
    side=st.sampled_from(Side),
    frames=st.lists(st.one_of(TEXTS, TEXTS, DATA, CONTROL), max_size=12),
    places=st.lists(st.integers(0, 5000), max_size=8),
    foul=st.one_of(st.none(), st.binary(max_size=4)),
)
@example(side=Side.SERVER, frames=[Frame(Opcode.TEXT, b"\xff")], places=[], foul=None)
@example(side=Side.SERVER, frames=[Frame(Opcode.TEXT, b"\xff"), Frame(Opcode.TEXT, b"")], places=[], foul=None)
@example(side=Side.CLIENT, frames=[Frame(Opcode.TEXT, b"x" * (MAX_SIZE + 1))], places=[3, 9], foul=None)
def test_a_socket_hears_what_the_library_hears(
    side: Side, frames: list[Frame], places: list[int], foul: bytes | None
) -> None:
    """Messages, answers to pings, and the close with its code, of sound frames and of unsound ones."""
    data = b"".join(frame.serialize(mask=side is Side.SERVER) for frame in frames) + (foul or b"")
    pieces = cut(data, places)

    async def both() -> tuple[Any, Any]:
        return await heard(Receiving(protocol(side)), pieces), await heard(Connection(protocol(side)), pieces)

    ours, theirs = asyncio.run(both())
    assert ours[0] == theirs[0]
    assert ours[2] == theirs[2]
    if side is Side.SERVER:  # a client's bytes are masked at random
        assert ours[1] == theirs[1]


@given(
    side=st.sampled_from(Side),
    frames=st.lists(
        st.one_of(
            st.builds(Frame, st.sampled_from([Opcode.TEXT, Opcode.BINARY]), st.binary(max_size=MAX_SIZE)),
            st.builds(Frame, st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125)),
        ),
        max_size=12,
    ),
    places=st.lists(st.integers(0, 5000), max_size=8),
)
def test_a_wire_passes_whatever_it_hears(side: Side, frames: list[Frame], places: list[int]) -> None:
    """Each message as the kind that it is, and pings and pongs to the other end, which alone answers."""
    data = b"".join(frame.serialize(mask=side is Side.SERVER) for frame in frames)

    async def passed() -> tuple[list[str | bytes], bytes, bytes]:
        connection, partner, other = Receiving(protocol(side)), Receiving(protocol(Side.SERVER)), Wire()
        connection.is_wire, connection.partner = True, partner
        partner.connection_made(other)
        messages, answers, _ = await heard(connection, cut(data, places))
        return messages, answers, other.written

    messages, answers, onward = asyncio.run(passed())
    said = [frame for frame in frames if frame.opcode in (Opcode.TEXT, Opcode.BINARY)]
    assert [
        message.encode(errors="surrogateescape") if isinstance(message, str) else message for message in messages
    ] == [frame.data for frame in said]
    assert [isinstance(message, str) for message in messages] == [frame.opcode is Opcode.TEXT for frame in said]
    assert answers == b""
    assert onward == b"".join(frame.serialize(mask=False) for frame in frames if frame not in said)


@pytest.mark.parametrize("is_wire", [False, True])
async def test_who_reads_no_pongs_is_cut_off_after_so_many(*, is_wire: bool) -> None:
    """Or its partner, to which the pings go on. Who reads again begins anew."""
    connection, unread = Receiving(protocol(Side.SERVER), is_wire=is_wire), Wire()
    connection.connection_made(Wire() if is_wire else unread)
    peer = connection
    if is_wire:
        peer = connection.partner = Receiving(protocol(Side.SERVER))
        peer.connection_made(unread)

    async def ping(times: int) -> None:
        for _ in range(times):
            connection.data_received(Frame(Opcode.PING, b"?").serialize(mask=True))
            await asyncio.sleep(0)

    await ping(MOST_CONTROLS + 1)
    for again in (False, True):
        peer.pause_writing()
        await ping(MOST_CONTROLS)
        assert not unread.is_cut
        if not again:
            peer.resume_writing()
            await ping(1)
    await ping(1)
    assert unread.is_cut
    connection.connection_lost(None)


@given(side=st.sampled_from(Side), pings=st.integers(1, 5), answered=st.integers(0, 4), unknown=st.binary(max_size=4))
def test_a_ping_of_ours_is_sound_and_its_pong_is_known(side: Side, pings: int, answered: int, unknown: bytes) -> None:
    """A pong answers its ping and those before it; one that answers none is let pass."""

    async def pinged() -> tuple[list[bool], list[Frame]]:
        connection, wire = Receiving(protocol(side)), Wire()
        connection.connection_made(wire)
        pongs = [await connection.ping() for _ in range(pings)]
        peer = Protocol(Side.CLIENT if side is Side.SERVER else Side.SERVER, state=OPEN)
        peer.receive_data(wire.written)
        said = [event for event in peer.events_received() if isinstance(event, Frame)]
        for carried in (unknown, bytes(said[answered % pings].data)):
            if carried == unknown and any(frame.data == unknown for frame in said):
                continue
            connection.data_received(Frame(Opcode.PONG, carried).serialize(mask=side is Side.SERVER))
        done = [asyncio.ensure_future(pong).done() for pong in pongs]
        connection.connection_lost(None)
        return done, said

    done, said = asyncio.run(pinged())
    assert [frame.opcode for frame in said] == [Opcode.PING] * pings
    assert done == [number <= answered % pings for number in range(pings)]


@given(side=st.sampled_from(Side), frames=st.lists(st.one_of(TEXTS, DATA, CONTROL), max_size=12))
@example(side=Side.SERVER, frames=[Frame(Opcode.TEXT, b"x" * (MAX_SIZE + 1))])
def test_a_peer_of_the_world_hears_what_the_library_hears(side: Side, frames: list[Frame]) -> None:
    """Frame by frame, as the world's network brings them."""
    pieces = [frame.serialize(mask=side is Side.SERVER) for frame in frames]

    async def both() -> tuple[Any, Any]:
        return await heard(Prompt(protocol(side)), pieces), await heard(Connection(protocol(side)), pieces)

    ours, theirs = asyncio.run(both())
    assert (ours[0], ours[2]) == (theirs[0], theirs[2])
    assert len(ours[1]) == len(theirs[1])
    if side is Side.SERVER:  # a client's bytes are masked at random
        assert ours[1] == theirs[1]


@given(text=st.one_of(st.text(max_size=50), st.sampled_from([125, 126, 65535, 65536]).map(lambda size: "x" * size)))
def test_a_written_frame_is_what_the_library_writes(text: str) -> None:
    """Of each length, masked and not."""
    frame, key = Frame(Opcode.TEXT, text.encode()), framing.MaskingKeys().next()
    assert framing.written(framing.WHOLE_TEXT, text.encode(), None) == frame.serialize(mask=False)
    masked = framing.written(framing.WHOLE_TEXT, text.encode(), key)
    found = framing.head(masked, 0)
    assert found is not None
    assert (found.masked, found.ends) == (True, len(masked))
    assert framing.payload(masked, found) == text.encode()
    assert len(masked) == len(frame.serialize(mask=True))


def test_no_masking_key_comes_twice() -> None:
    """Also where the stock is renewed."""
    keys = framing.MaskingKeys()
    drawn = [keys.next() for _ in range(3000)]
    assert {len(key) for key in drawn} == {4}
    assert len(set(drawn)) > 2990  # two of 2^32 may be the same
