"""Transaction ids that the gateway gives in the cloud's place (OCPP 1.6): positive, as if random, never given twice."""

from hashlib import blake2s

_BITS = 15  # of each half
_MASK = (1 << _BITS) - 1
_ROUNDS = 4  # a Luby-Rackoff permutation needs no more
# Clouds count from 1 up: in the upper half of the positive 32-bit numbers ours seldom meet theirs.
_BASE = 1 << 30


def local_id(secret: bytes, number: int) -> int:
    """The id for the entry of this number: 2**30 to 2**31 - 1.

    It permutes the numbers, so that two entries have never the same one, for as long as there are fewer than 2**30.
    """
    left, right = (number >> _BITS) & _MASK, number & _MASK
    for turn in range(_ROUNDS):
        digest = blake2s(bytes([turn]) + right.to_bytes(2, "big"), key=secret, digest_size=4).digest()
        left, right = right, left ^ (int.from_bytes(digest, "big") & _MASK)
    return _BASE | left << _BITS | right
