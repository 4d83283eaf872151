"""Whose the gateway is. There is no default credential: the first who sets it up chooses a passphrase, which from then
on opens the key that signs for the site. Who forgot it must come to the gateway (:func:`reset_by_presence`)."""

import base64
import contextlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.errors import ClaimError, SealBroken, way_to_write
from edge.system.sealed import LEAST_PASSPHRASE, seal, unseal
from edge.whole_file import DISK, Files, write_whole

FILE = "claim.json"
RESET_FILE = "edge-reset"  # put onto the SD card's boot partition: only who holds the card can
_RESET_NAMES = (RESET_FILE, f"{RESET_FILE}.txt")  # what Windows' editor appends, and doesn't show
BOOT_FOLDERS = (Path("/boot/firmware"), Path("/boot"))
_RESET_SEEN = "claim-reset-seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The owner's key pair; the private half is sealed with the passphrase."""

    public_key: bytes
    sealed_key: bytes

    def opens(self, passphrase: str) -> bool:
        """Whether it is the owner's passphrase."""
        try:
            unseal(self.sealed_key, passphrase)
        except SealBroken:
            return False
        return True

    def sign(self, content: bytes, passphrase: str) -> bytes:
        """The Ed25519 signature (RFC 8032) of the content.

        :raises ClaimError: the passphrase is wrong.
        """
        try:
            key = Ed25519PrivateKey.from_private_bytes(unseal(self.sealed_key, passphrase))
        except SealBroken as exc:
            raise ClaimError("this is not the passphrase of this gateway's owner") from exc
        return key.sign(content)


def is_signed(content: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether the signature is of that content and by that key."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def read_claim(folder: Path) -> Claim | None:
    """The claim that is kept in the folder; None of a gateway that nobody has claimed.

    :raises ClaimError: the file can't be read.
    """
    try:
        fields = json.loads((folder / FILE).read_text(encoding="ascii"))
        return Claim(
            public_key=base64.b64decode(fields["public_key"]), sealed_key=base64.b64decode(fields["sealed_key"])
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ClaimError(
            f"{folder / FILE} can't be read ({getattr(exc, 'strerror', None) or 'it is damaged'})",
            remedy="run this as root (sudo); a damaged claim is reset at the gateway, see docs/installer.md",
        ) from exc


def make_claim(folder: Path, passphrase: str) -> Claim:
    """Claim the gateway.

    :raises ClaimError: it is claimed already, the passphrase is short, or the folder can't be written to.
    """
    if read_claim(folder) is not None:
        raise ClaimError("this gateway has an owner already", remedy="reset its claim at the gateway first")
    if len(passphrase) < LEAST_PASSPHRASE:
        raise ClaimError(f"the passphrase has fewer than {LEAST_PASSPHRASE} characters")
    key = Ed25519PrivateKey.generate()
    claim = Claim(public_key=key.public_key().public_bytes_raw(), sealed_key=seal(key.private_bytes_raw(), passphrase))
    fields = {name: base64.b64encode(getattr(claim, name)).decode() for name in ("public_key", "sealed_key")}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _put_whole(folder / FILE, json.dumps(fields))
    except FileExistsError as exc:
        raise ClaimError("somebody else has just claimed this gateway") from exc
    except OSError as exc:
        raise ClaimError(
            f"{folder / FILE} can't be written ({exc.strerror})",
            remedy=way_to_write(exc, otherwise="run this as root (sudo)"),
        ) from exc
    return claim


def _put_whole(file: Path, text: str) -> None:
    """Make the file, on the disk before anybody sees it: half a claim would be a damaged one, and lock everybody out.

    :raises FileExistsError: it is there already.
    """
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # its mode is 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, file)
    finally:
        Path(draft).unlink()
    names = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(names)
    finally:
        os.close(names)


def reset_by_presence(folder: Path, boot_folders: Sequence[Path] = BOOT_FOLDERS, *, files: Files = DISK) -> bool:
    """Forget the claim if somebody has put :data:`RESET_FILE` onto the boot partition; whether that was so.

    The file is taken away; where the partition is read-only it counts once, by its time.
    """
    for file in (boot / name for boot in boot_folders for name in _RESET_NAMES):
        try:
            stamp = str(file.stat().st_mtime_ns)
        except OSError:
            continue
        seen = folder / _RESET_SEEN
        if seen.exists() and seen.read_text(encoding="ascii") == stamp:
            continue
        # A power cut afterwards neither brings the claim back nor has the file count again, against the next owner.
        (folder / FILE).unlink(missing_ok=True)
        try:
            file.unlink()
            with contextlib.suppress(OSError):  # a file system that can't
                files.sync(file.parent)
        except OSError:
            write_whole(seen, stamp.encode("ascii"), files)
        if folder.exists():
            files.sync(folder)
        return True
    return False
