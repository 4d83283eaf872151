"""Whose addresses are: what the machine knows of them without asking anybody."""

import errno
import os
import subprocess
import sys

import pytest

from edge.errors import StartError
from edge.listening import is_own, listen_once_there

# A name space of its own with one address beside loopback's. 192.0.2.0/24 and 2001:db8::/32 are documentation's.
ALONE = """
ip link set lo up && ip address add 192.0.2.7/32 dev lo && ip -6 address add 2001:db8::7/128 dev lo nodad || exit 77
sysctl -qw net.ipv4.ip_nonlocal_bind=1 || exit 77
exec "$0" -c "$1"
"""
ASK = """
from edge.listening import is_own
print(*(is_own(host) for host in ("192.0.2.7", "192.0.2.8", "2001:db8::7", "2001:db8::8")))
"""


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("127.0.1.1", True), ("::1", True), ("localhost", False), ("csms.example.com", False)],
)
def test_loopback_is_own_and_a_name_is_not_asked_about(host: str, own: bool) -> None:
    """Of a name nothing is said: finding out would ask the network."""
    assert is_own(host) is own


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network")
def test_an_address_on_an_interface_is_own() -> None:
    """Of both families; another of the same network isn't, even where the kernel lets programs bind to any."""
    command = ["unshare", "--net", "sh", "-c", ALONE, sys.executable, ASK]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode in (1, 77) and done.stdout == "":
        pytest.skip(f"this container may not: {done.stderr.strip()}")
    assert done.stdout.split() == ["True", "False", "True", "False"], done.stderr


@pytest.mark.parametrize(
    "refusal",
    [
        OSError(errno.EADDRNOTAVAIL, "error while attempting to bind on address ('192.0.2.1', 0)"),
        OSError("could not bind on any address out of [('192.0.2.1', 0)]"),
    ],
    ids=["before Python 3.13", "since"],
)
def test_an_address_of_no_network_is_waited_for_whatever_asyncio_says(refusal: OSError) -> None:
    """Since Python 3.13 its error has no number."""
    listen_once_there("the building's Modbus address", "192.0.2.1", 0, refusal, key="[bms.modbus] listen").close()
    told = StartError.unlistenable("the stations' address", "192.0.2.1", 9000, refusal, key="[ocpp] listen")
    assert "(no network that is up has that address)" in str(told)
