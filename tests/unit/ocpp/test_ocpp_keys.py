"""Keys, their hashes, and the connections of one address."""

import base64

import pytest

from edge.ocpp import keys
from edge.ocpp.crowd import Crowd
from edge.ocpp.keys import Credentials
from edge.ocpp.tls import common_name
from edge.ocpp.upstream import address


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (keys.header("CP-01", b"\x00:\xff"), Credentials(user="CP-01", password=b"\x00:\xff")),
        ("basic " + base64.b64encode(b"a:b").decode(), Credentials(user="a", password=b"b")),
        ("Basic " + base64.b64encode(b"nocolon").decode(), None),
        ("Basic " + base64.b64encode(b"\xff:x").decode(), None),
        ("Basic", None),
        ("Basic !!!", None),
        ("Digest abc", None),
        (None, None),
    ],
)
def test_authorization_headers(header: str | None, expected: Credentials | None) -> None:
    """Only HTTP Basic; the password is bytes, and may have colons."""
    assert keys.basic(header) == expected


def test_a_hash_is_of_one_key_and_salted() -> None:
    """Two hashes of one key differ, both are it, and neither is another's."""
    key = b"sixteen bytes or more"
    first, second = keys.hashed(key), keys.hashed(key)
    assert first != second
    assert keys.is_hash(first)
    assert keys.matches(key, first)
    assert keys.matches(key, second)
    assert not keys.matches(key + b"x", first)
    assert not keys.matches(key, "secret")
    assert not keys.matches(b"", first)
    assert not keys.matches(b"x" * 10_000, first)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("00112233445566778899AABBCCDDEEFF\n", bytes.fromhex("00112233445566778899aabbccddeeff")),
        ("0011", b"0011"),  # too few digits for a key: text
        ("pass phrase of a station", b"pass phrase of a station"),
    ],
)
def test_how_a_key_is_written(written: str, expected: bytes) -> None:
    """Digits of sixteen bytes or more are those bytes."""
    assert keys.key_bytes(written) == expected


def test_a_crowd_is_bounded_by_address() -> None:
    """So many connections in all and so many in mid-handshake; what has gone makes room, others aren't counted."""
    crowd = Crowd(most=3, most_arriving=2)
    assert [crowd.arrives("a") for _ in range(3)] == [True, True, False]
    assert crowd.arrives("b")
    crowd.is_in("a")
    assert crowd.arrives("a")
    crowd.is_in("a")
    assert not crowd.arrives("a")
    crowd.leaves("a", arriving=True)
    assert crowd.arrives("a")


def test_common_names() -> None:
    """Of what the ssl module gives for a certificate; none where there is none."""
    subject = ((("organizationName", "O"),), (("commonName", "CP-01"),))
    assert common_name({"subject": subject}) == "CP-01"
    for certificate in (None, {}, {"subject": ()}, ""):
        assert common_name(certificate) is None


def test_the_clouds_address_by_path() -> None:
    """The whole path by which the station came, without a query."""
    assert address("wss://h/{path}", "x", "/a/b%2Fc/?q=1") == "wss://h/a/b%2Fc"
