"""Addresses of the site file."""

import pytest

from edge.config.addresses import check_upstream, host_port


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("[::1]:9000", ("::1", 9000)),
        ("gateway.local:1", ("gateway.local", 1)),
        ("0.0.0.0:65535", ("0.0.0.0", 65535)),
    ],
)
def test_host_and_port(text: str, parts: tuple[str, int]) -> None:
    """A listen address is taken apart, and shown again as it was written."""
    assert host_port(text) == parts
    assert str(host_port(text)) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("127.0.0.1", "has no port"),
        (":9000", "has no host before its colon"),
        ("x:0", "has the port '0'"),
        ("x:65536", "has the port '65536'"),
        ("x:+90", "has the port '\\+90'"),
        ("x:٩٠", "has the port"),
        ("::1:9000", "without brackets"),
        ("[::g]:9000", "no IPv6 address in its brackets"),
        ("a b:9000", "neither a name nor an address"),
        (f"{'a.' * 126}aa:1", "neither a name nor an address"),
        (f"{'a' * 64}:1", "neither a name nor an address"),
    ],
)
def test_bad_host_and_port(text: str, problem: str) -> None:
    """What is wrong with a listen address is said."""
    with pytest.raises(ValueError, match=problem):
        host_port(text)


@pytest.mark.parametrize(
    "text", ["ws://cloud/{station}", "wss://cloud:8443/ocpp/{station}/v16", "ws://[::1]/?id={station}"]
)
def test_upstream(text: str) -> None:
    """A WebSocket address with a place for the identity is accepted."""
    check_upstream(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cloud/{station}", "has no host"),
        ("https://cloud/{station}", "begins with https:"),
        ("ws://cloud", "has no {station}"),
        ("ws://{station}.cloud/", "neither a name nor an address"),
        (f"ws://{'a' * 64}.cloud/{{station}}", "neither a name nor an address"),
        ("ws://cloud/{station}/{id}", "has braces other than"),
        ("ws://cloud/{station}#x", "has a fragment"),
        ("ws://cloud:99999/{station}", "is no address"),
        ("ws://cloud:0/{station}", "has the port 0"),
        ("ws://cl oud/{station}", "a blank or a control"),
        ("ws://[cloud/{station}", "is no address"),
    ],
)
def test_bad_upstream(text: str, problem: str) -> None:
    """What is wrong with the cloud's address is said."""
    with pytest.raises(ValueError, match=problem):
        check_upstream(text)
