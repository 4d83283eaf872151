"""Tokens without their text: a keyed hash to know them again, and what a log may show of them."""

import hmac
from hashlib import sha256

from edge.domain.token import TokenHash

KEY_BYTES = 32
_SHOWN = 8  # hexadecimal digits in a log: enough to tell a site's tokens apart, too few to find a card


class TokenHasher:
    """Hashes with one site's key, so that a copied database can't be searched with a list of card numbers."""

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"a key of {len(key)} bytes where {KEY_BYTES} are needed")
        self._key = key

    def hash(self, text: str) -> TokenHash:
        """The hash of a token; case doesn't matter (OCPP 1.6 §7.1 CiString, 2.x identifierString)."""
        return hmac.new(self._key, text.strip().casefold().encode("utf-8", "surrogatepass"), sha256).hexdigest()


def shown(token: TokenHash) -> str:
    """What a log says of a token: ``token 3fa2c1d0``."""
    return f"token {token[:_SHOWN]}"


def hint(text: str) -> str:
    """The last two characters of a token, for the staff to know it by; nothing of a short one."""
    return text.strip()[-2:] if len(text.strip()) >= 6 else ""
