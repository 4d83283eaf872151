"""The rules of the opening handshake, without sockets."""

import pytest
from websockets.datastructures import Headers

from edge.ocpp import handshake
from edge.ocpp.timings import LinkTimings
from edge.ocpp.upstream import address, pause_s
from edge.ocpp.versions import Version


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("/CP-01", "CP-01"),
        ("/ocpp/CP-01", "CP-01"),
        ("/a/b/c/CP-01/", "CP-01"),
        ("/CP-01//", "CP-01"),
        ("/CP-01?token=1/2", "CP-01"),
        ("/CP%2001", "CP 01"),
        ("/a%2Fb", "a/b"),
        ("/%C3%85rhus", "Århus"),
        ("/", None),
        ("", None),
        ("/?x", None),
        ("/%00", None),
        ("/%0aLOG", None),
        ("/" + "x" * 48, "x" * 48),
        ("/" + "x" * 49, None),
    ],
)
def test_the_identity_is_the_last_segment(path: str, identity: str | None) -> None:
    """Percent-decoded, trailing slashes and what stands before don't matter; nothing unprintable."""
    assert handshake.identity_of(path) == identity


@pytest.mark.parametrize(
    ("path", "place", "why"),
    [
        ("/", None, "no station identity in the path"),
        ("/ocpp/", "/ocpp/{station}/", "the path isn't /ocpp/{station}/"),
        ("/CP-01", "/ocpp/{station}", "the path isn't /ocpp/{station}"),
        ("/ocpp//x", "/ocpp/{station}/x", "no station identity in the path"),
        ("/" + "%41" * 49, None, "the station identity in the path has 49 characters, more than 48"),
        ("/%0aLOG", None, "the station identity in the path has a character that can't be printed"),
    ],
)
def test_why_a_path_has_no_identity(path: str, place: str | None, why: str) -> None:
    """What is told is what is wrong: a long identity is there."""
    assert handshake.identity_of(path, place) is None
    assert handshake.why_none(path, place) == why


@pytest.mark.parametrize(
    ("values", "versions", "spelled"),
    [
        (["ocpp1.6"], [Version.V16], "ocpp1.6"),
        (["OCPP1.6"], [Version.V16], "OCPP1.6"),
        (["ocpp2.1, ocpp2.0.1, ocpp1.6"], [Version.V21, Version.V201, Version.V16], "ocpp2.1"),
        (["ocpp2.0", "Ocpp1.6", "ocpp2.0.1"], [Version.V16, Version.V201], "Ocpp1.6"),
        (["ocpp1.6", "OCPP1.6"], [Version.V16], "ocpp1.6"),
        ([], [Version.V16], None),
        ([""], [Version.V16], None),
        (["ocpp2.0"], [], None),
        (["ocpp1.5,soap"], [], None),
        (["ocpp1.6j"], [], None),
    ],
)
def test_what_the_station_offers(values: list[str], versions: list[Version], spelled: str | None) -> None:
    """Its own order and spelling, whatever the case and however many headers; nothing offered is 1.6."""
    offer = handshake.offer_in(Headers([("Sec-WebSocket-Protocol", value) for value in values]))
    assert list(offer.versions) == versions
    assert (offer.spelling(versions[0]) if versions else None) == spelled


@pytest.mark.parametrize(
    ("connection", "changed"), [(None, True), ("keep-alive", True), ("Upgrade", False), ("keep-alive, upgrade", False)]
)
def test_a_missing_connection_header_is_supplied(connection: str | None, changed: bool) -> None:
    """But only for a request that wants to be upgraded."""
    headers = Headers([("Upgrade", "websocket")] + ([("Connection", connection)] if connection else []))
    assert handshake.tolerate(headers) is changed
    assert "upgrade" in headers["Connection"].lower()
    plain = Headers([("Host", "x")])
    assert not handshake.tolerate(plain)
    assert "Connection" not in plain


def test_the_clouds_address() -> None:
    """The identity is percent-encoded, slashes too."""
    assert address("ws://h:1/ocpp/{station}", "a/b å") == "ws://h:1/ocpp/a%2Fb%20%C3%A5"


def test_the_pause_before_dialling_doubles() -> None:
    """From 0.5 s to 15 s, spread over its upper half."""
    timings = LinkTimings()
    assert [pause_s(n, timings, lambda: 1.0) for n in (0, 1, 2, 3, 4, 5, 99, 10**6)] == [0.5, 1, 2, 4, 8, 15, 15, 15]
    assert [pause_s(n, timings, lambda: 0.0) for n in (0, 5)] == [0.25, 7.5]
