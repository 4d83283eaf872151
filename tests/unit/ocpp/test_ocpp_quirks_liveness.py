"""Whether a station is still there, in virtual time."""

import asyncio

import pytest

from edge.ocpp.liveness import Liveness
from edge.ocpp.quirk_records import Quirks
from edge.ocpp.timings import LinkTimings
from edge.units import Seconds
from tests import virtual_time
from tests.virtual_time import VirtualClock

TIMINGS = LinkTimings(ping_every_s=20.0, silence_s=180.0, takeover_ping_s=3.0)


class Socket:
    """A station that answers pings after ``answers_s``, or never."""

    def __init__(self, answers_s: Seconds | None) -> None:
        self._answers_s = answers_s
        self.paused = False
        self.pings = 0
        self.pongs = 0

    async def ping(self) -> asyncio.Future[float]:
        """See :class:`edge.ocpp.liveness.Pinged`."""
        self.pings += 1
        loop = asyncio.get_running_loop()
        pong: asyncio.Future[float] = loop.create_future()
        if self._answers_s is not None:
            loop.call_later(self._answers_s, pong.set_result, self._answers_s)
        return pong

    async def pong(self) -> None:
        """See :class:`edge.ocpp.liveness.Pinged`."""
        self.pongs += 1


def watched(socket: Socket, quirks: Quirks, talks_every_s: Seconds | None, talks_until_s: Seconds) -> Seconds | None:
    """When the link ends within an hour; None when it doesn't."""

    async def main() -> Seconds | None:
        clock = VirtualClock()
        liveness = Liveness(clock, TIMINGS)
        liveness.quirks = quirks
        liveness.heard(clock.monotonic())

        async def talk() -> None:
            while talks_every_s is not None and clock.monotonic() < talks_until_s:
                await asyncio.sleep(talks_every_s)
                liveness.heard(clock.monotonic())

        talking = asyncio.create_task(talk())
        try:
            why = await asyncio.wait_for(liveness.watch(socket), 3600.0)
        except TimeoutError:
            return None
        finally:
            talking.cancel()
        assert why.startswith("nothing was heard for")
        return clock.monotonic()

    return virtual_time.run(main())


def test_a_full_socket_gets_no_ping_and_ends_by_its_silence() -> None:
    """A ping would wait behind what the station doesn't read."""
    socket = Socket(0.1)
    socket.paused = True
    assert watched(socket, Quirks(), None, 0.0) == 200.0
    assert (socket.pings, socket.pongs) == (0, 0)


@pytest.mark.parametrize(
    ("answers_s", "talks_every_s", "talks_until_s", "ends_s"),
    [
        (0.1, None, 0.0, None),  # silent, but a pong is a sign of life
        (None, 170.0, 3600.0, None),  # answers no ping (lbbrhzn/ocpp issue 211) and talks now and then
        (None, 170.0, 1000.0, 1200.0),  # the first look after three minutes without a word at 1020 s
        (None, None, 0.0, 200.0),
    ],
)
def test_only_silence_ends_a_link(
    answers_s: float | None, talks_every_s: float | None, talks_until_s: float, ends_s: float | None
) -> None:
    """A frame or a pong is a sign of life, and neither need come."""
    ended = watched(Socket(answers_s), Quirks(), talks_every_s, talks_until_s)
    assert ended == (None if ends_s is None else pytest.approx(ends_s, abs=TIMINGS.ping_every_s))


def test_who_answers_no_ping_gets_one_only() -> None:
    """Afterwards the connection is kept alive by pongs, which nothing answers: four between two words of its own."""
    socket = Socket(None)
    watched(socket, Quirks(), 100.0, 3600.0)
    assert (socket.pings, socket.pongs) == (1, 143)


@pytest.mark.parametrize("answers_s", [0.1, None])
def test_who_talks_is_not_asked(answers_s: float | None) -> None:
    """Meter values each ten seconds show that it is there, and keep the connection alive."""
    socket = Socket(answers_s)
    assert watched(socket, Quirks(), 10.0, 3600.0) is None
    assert (socket.pings, socket.pongs) == (0, 0)


@pytest.mark.parametrize(("quirks", "pinged"), [(Quirks(), True), (Quirks(ping=False), False)])
def test_quirk_5_no_pings(quirks: Quirks, pinged: bool) -> None:
    """EN+ knows no ping (lbbrhzn/ocpp issue 211): it gets none, and no pong either."""
    socket = Socket(0.1)
    watched(socket, quirks, 60.0, 3600.0)
    assert (socket.pings + socket.pongs > 0) is pinged


def test_quirk_6_long_silence() -> None:
    """Mennekes says nothing for long (evcc pull 33099), and isn't cut off for that."""
    ends_s = watched(Socket(None), Quirks(silence_s=1800.0), None, 0.0)
    assert ends_s == pytest.approx(1800.0, abs=2 * TIMINGS.ping_every_s)


@pytest.mark.parametrize(("answers_s", "alive"), [(2.5, True), (3.5, False), (None, False)])
def test_who_answers_a_ping_in_time_is_alive(answers_s: float | None, alive: bool) -> None:
    """A live station on a slow mobile link answers in two seconds."""

    async def main() -> bool:
        return await Liveness(VirtualClock(), TIMINGS).answers_ping(Socket(answers_s))

    assert virtual_time.run(main()) is alive
