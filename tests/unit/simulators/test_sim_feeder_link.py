"""The datagrams of the feeder link, and how long what they said holds."""

import pytest

from simulators.feeder import EvseDraw
from simulators.feeder_link import EVSES_A_DATAGRAM, SILENT_S, FeederReceiver, LinkFormatError, decode, encode

ADDRESS = ("127.0.0.1", 40000)


def some_draw(station: str = "CP-01", amps: float = 8.0, offered_a: float | None = 8.0) -> EvseDraw:
    """One EVSE that draws `amps` on its own L1."""
    return EvseDraw(station=station, evse_id=1, draw_a=(amps, 0.0, 0.0), wanted_a=(16.0, 0.0, 0.0), offered_a=offered_a)


def test_draws_survive_the_link() -> None:
    """What is encoded is decoded unchanged, an absent limit included."""
    draws = (some_draw(), some_draw("CP-02", 6.25, None))
    (datagram,) = encode(draws)
    assert decode(datagram) == draws


def test_many_evses_take_several_datagrams() -> None:
    """Each stays well below UDP's limit, and together they carry all."""
    draws = tuple(some_draw(f"CP-{number:04}") for number in range(2 * EVSES_A_DATAGRAM + 1))
    datagrams = encode(draws)
    assert len(datagrams) == 3
    assert all(len(datagram) < 60_000 for datagram in datagrams)
    assert tuple(draw for datagram in datagrams for draw in decode(datagram)) == draws


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"hello",
        b"[]",
        b"{}",
        b'{"feeder": 2, "evses": []}',
        b'{"feeder": 1, "evses": [{}]}',
        b'{"feeder": 1, "evses": [{"station": "A", "evse": 1, "draw_a": [1], "wanted_a": [1], "offered_a": 1}]}',
        b'{"feeder": 1, "evses": 7}',
    ],
)
def test_what_is_not_the_links_is_refused(datagram: bytes) -> None:
    """Garbage, other versions and short lists raise the one error, and the receiver counts and drops them."""
    with pytest.raises(LinkFormatError):
        decode(datagram)
    receiver = FeederReceiver(lambda: 0.0)
    receiver.datagram_received(datagram, ADDRESS)
    assert receiver.refused == 1
    assert receiver.draws() == ()


def test_who_falls_silent_draws_nothing() -> None:
    """Each EVSE holds for SILENT_S after its last word, whoever else still speaks."""
    now = [100.0]
    receiver = FeederReceiver(lambda: now[0])
    receiver.datagram_received(encode([some_draw("A"), some_draw("B")])[0], ADDRESS)
    now[0] += SILENT_S
    assert {draw.station for draw in receiver.draws()} == {"A", "B"}
    receiver.datagram_received(encode([some_draw("B", 7.0)])[0], ADDRESS)
    now[0] += 0.01
    assert receiver.draws() == (some_draw("B", 7.0),)
