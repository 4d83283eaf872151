"""Keys of stations (HTTP Basic, RFC 7617), kept as salted hashes.

A key is bytes: at least 16, best random (OCPP 1.6 security whitepaper §3.1). It is written as text or in hexadecimal
digits; stations send the bytes, or the digits themselves (shiv3/ocpp-cp-simulator issue 260). Both are accepted.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_SCHEME = "pbkdf2-sha256"
# The keys are random, so a hash needs no more than to be slower than it is worth: 5 ms on a Raspberry Pi 4, and two
# hundred stations that come back at once keep one core busy for a second.
ITERATIONS = 10_000
_SALT_BYTES = 16
MIN_KEY_BYTES = 16  # whitepaper §3.1
MAX_KEY_BYTES = 64  # 40 in 2.x (BasicAuthPassword); some send their 40 bytes as 80 digits
_NEW_KEY_BYTES = 20
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,}")
_FORM = re.compile(r"pbkdf2-sha256\$([0-9]{1,8})\$([0-9a-f]{32})\$([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """User name and password of an Authorization header."""

    user: str
    password: bytes


def basic(header: str | None) -> Credentials | None:
    """Read an Authorization header; None when there is none, or none of HTTP Basic."""
    scheme, _, encoded = (header or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return Credentials(user=user.decode(), password=password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def header(user: str, password: bytes) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(user.encode() + b":" + password).decode()


def key_bytes(written: str) -> bytes:
    """The key that is written so: hexadecimal digits of 16 bytes or more are those bytes, all else is text."""
    text = written.strip().encode()
    return bytes.fromhex(text.decode()) if _HEX.fullmatch(text) else text


def new_key() -> bytes:
    """A new key: the 40 hexadecimal digits that every station takes (OCPP 1.6 security whitepaper §3.1)."""
    return secrets.token_bytes(_NEW_KEY_BYTES)


def hashed(key: bytes) -> str:
    """The form in which the site file has a key."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"{_SCHEME}${ITERATIONS}${salt.hex()}${_derive(key, salt, ITERATIONS).hex()}"


def is_hash(text: str) -> bool:
    """Whether this is what :func:`hashed` makes."""
    return _FORM.fullmatch(text) is not None


def matches(password: bytes, key_hash: str) -> bool:
    """Whether a station's password is the key, sent as bytes or as their digits. Takes milliseconds."""
    form = _FORM.fullmatch(key_hash)
    if form is None or not MIN_KEY_BYTES <= len(password) <= 2 * MAX_KEY_BYTES:
        return False
    iterations, salt, expected = int(form[1]), bytes.fromhex(form[2]), bytes.fromhex(form[3])
    sent = [password]
    if _HEX.fullmatch(password):
        sent.append(bytes.fromhex(password.decode()))
    return any(hmac.compare_digest(_derive(key, salt, iterations), expected) for key in sent)


def _derive(key: bytes, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", key, salt, iterations)
