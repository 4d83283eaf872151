"""The claim, what is sealed, and what the machine knows of its network."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import ClaimError, SealBroken
from edge.system.claim import FILE, RESET_FILE, is_signed, make_claim, read_claim, reset_by_presence
from edge.system.network import address_for_stations, mac_of, own_address, reachable
from edge.system.sealed import seal, unseal
from edge.whole_file import SystemFiles

PASSPHRASE = "cold garage at seven"
# A disk that takes 100 bytes of a file and no more: in a process of its own, as the limit is the process's.
CLAIM_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from edge.errors import ClaimError
from edge.system.claim import make_claim
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    make_claim(Path(sys.argv[1]), sys.argv[2])
except ClaimError as error:
    print(error)
"""
ARP = """IP address       HW type     Flags       HW address            Mask     Device
192.168.10.11    0x1         0x2         02:00:00:00:00:01     *        eth1
192.168.10.12    0x1         0x0         00:00:00:00:00:00     *        eth1
"""


def test_what_is_sealed_opens_with_its_passphrase_only() -> None:
    """Each seal is another; a changed byte, another passphrase, another file: refused."""
    sealed = seal(b"site", PASSPHRASE)
    assert unseal(sealed, PASSPHRASE) == b"site"
    assert seal(b"site", PASSPHRASE) != sealed
    assert b"site" not in sealed
    for broken in (sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:20], b"", b"PK\3\4" + sealed):
        with pytest.raises(SealBroken):
            unseal(broken, PASSPHRASE)
    with pytest.raises(SealBroken):
        unseal(sealed, PASSPHRASE + " ")


def test_the_first_owner_stays_the_owner(tmp_path: Path) -> None:
    """Nobody claims a second time; short passphrases are refused; the file is the owner's alone."""
    with pytest.raises(ClaimError, match="fewer than 10"):
        make_claim(tmp_path, "password")
    assert read_claim(tmp_path) is None
    claim = make_claim(tmp_path, PASSPHRASE)
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    with pytest.raises(ClaimError, match="has an owner already"):
        make_claim(tmp_path, PASSPHRASE)
    assert read_claim(tmp_path) == claim
    assert claim.opens(PASSPHRASE)
    assert not claim.opens("cold garage at eight")


def test_only_the_owner_signs(tmp_path: Path) -> None:
    """The signature is of that content and that key."""
    claim = make_claim(tmp_path, PASSPHRASE)
    signature = claim.sign(b"document", PASSPHRASE)
    assert is_signed(b"document", signature, claim.public_key)
    assert not is_signed(b"another", signature, claim.public_key)
    with pytest.raises(ClaimError):
        claim.sign(b"document", "cold garage at eight")


def test_a_damaged_claim_is_told(tmp_path: Path) -> None:
    """It neither opens nor counts as none: that would let the next one in."""
    (tmp_path / FILE).write_text("{", encoding="ascii")
    with pytest.raises(ClaimError, match="is damaged"):
        read_claim(tmp_path)


def test_a_claim_on_a_full_disk_is_none(tmp_path: Path) -> None:
    """What can't be written whole isn't there: with room again the gateway can be claimed, and nobody is locked out."""
    command = [sys.executable, "-c", CLAIM_ON_A_FULL_DISK, str(tmp_path), PASSPHRASE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{tmp_path / FILE} can't be written (File too large); make room" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert make_claim(tmp_path, PASSPHRASE).opens(PASSPHRASE)


def test_presence_counts_once_on_a_read_only_partition(tmp_path: Path) -> None:
    """Where the file can't be taken away it is remembered by its time; a new one counts again."""
    state = tmp_path / "state"

    class Stuck(type(tmp_path)):  # type: ignore[misc]
        def unlink(self, missing_ok: bool = False) -> None:
            if self.name == RESET_FILE:
                raise PermissionError
            super().unlink(missing_ok)

    boot = Stuck(tmp_path)
    make_claim(state, PASSPHRASE)
    (boot / RESET_FILE).touch()
    assert reset_by_presence(state, [boot])
    assert read_claim(state) is None
    make_claim(state, PASSPHRASE)
    assert not reset_by_presence(state, [boot])
    assert read_claim(state) is not None


def test_a_reset_outlasts_a_power_cut(tmp_path: Path) -> None:
    """Neither does the claim come back, nor counts the file again, against the next owner."""
    state, boot = tmp_path / "state", tmp_path / "boot"
    synced: list[str] = []

    class Noting(SystemFiles):
        def sync(self, place: Path) -> None:
            synced.append(place.name)
            super().sync(place)

    class Stuck(type(tmp_path)):  # type: ignore[misc]
        def unlink(self, missing_ok: bool = False) -> None:
            if self.name == RESET_FILE:
                raise PermissionError
            super().unlink(missing_ok)

    boot.mkdir()
    make_claim(state, PASSPHRASE)
    (boot / RESET_FILE).touch()
    assert reset_by_presence(state, [Stuck(boot)], files=Noting())
    assert synced == ["claim-reset-seen.new", "state", "state"]
    synced.clear()
    (boot / RESET_FILE).write_text("again")
    assert reset_by_presence(state, [boot], files=Noting())
    assert synced == ["boot", "state"]


def test_whose_hardware_is_behind_an_address(tmp_path: Path) -> None:
    """As the machine's table of neighbours has it; one that didn't answer has none."""
    table = tmp_path / "arp"
    table.write_text(ARP, encoding="ascii")
    assert mac_of("192.168.10.11", table) == "02:00:00:00:00:01"
    assert mac_of("192.168.10.12", table) is None
    assert mac_of("192.168.10.1", table) is None
    assert mac_of("192.168.10.11", tmp_path / "none") is None


def test_where_stations_find_the_gateway() -> None:
    """At its address on the charger LAN where it has one; else where the building's network finds it."""
    assert address_for_stations("127.0.0.77") == "127.0.0.77"
    assert address_for_stations("192.0.2.77") == own_address()


def test_a_wildcard_is_no_address_to_dial() -> None:
    """What listens everywhere is reached at the machine's own address; any other stays."""
    assert reachable("192.168.10.1") == "192.168.10.1"
    assert reachable("0.0.0.0", "192.0.2.77") == own_address()
    assert reachable("0.0.0.0", "127.0.0.77") == "127.0.0.77", "the building's is closed to chargers"
