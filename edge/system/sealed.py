"""Bytes under a passphrase: encrypted and authenticated (AES-256-GCM), the key stretched by scrypt (RFC 7914)."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from edge.errors import SealBroken

_MAGIC = b"EDGESEAL1\n"
_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES = 16, 12, 32
_SCRYPT_N = 2**15  # 32 MiB and some 0.3 s on a Raspberry Pi 4: nothing for an owner, much for who tries them all
LEAST_PASSPHRASE = 10  # characters


def seal(content: bytes, passphrase: str) -> bytes:
    """The content as nobody can read it without the passphrase."""
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    return _MAGIC + salt + nonce + AESGCM(_key(passphrase, salt)).encrypt(nonce, content, _MAGIC)


def unseal(sealed: bytes, passphrase: str) -> bytes:
    """What was sealed.

    :raises SealBroken: another passphrase, or not the bytes that :func:`seal` gave.
    """
    body = sealed.removeprefix(_MAGIC)
    if body is sealed or len(body) < _SALT_BYTES + _NONCE_BYTES or not sealed.startswith(_MAGIC):
        raise SealBroken("this is no sealed file of the gateway")
    salt, nonce = body[:_SALT_BYTES], body[_SALT_BYTES : _SALT_BYTES + _NONCE_BYTES]
    try:
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, body[_SALT_BYTES + _NONCE_BYTES :], _MAGIC)
    except InvalidTag:
        raise SealBroken(
            "the passphrase is wrong, or the file was changed", remedy="try the passphrase again"
        ) from None


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=_SCRYPT_N, r=8, p=1).derive(passphrase.encode())
