"""The numbers of messages, one row for the whole site, and the transaction ids that are made of them."""

from edge.offline.local_ids import local_id


class Numbers:
    """Goes on from the ``highest`` number that was ever given. ``secret``: see :func:`local_id`."""

    def __init__(self, highest: int, secret: bytes) -> None:
        self._highest = highest
        self._secret = secret

    def next(self) -> int:
        """A number that was never given before."""
        self._highest += 1
        return self._highest

    def local_id(self, seq: int) -> int:
        """The transaction id for the begin of this number."""
        return local_id(self._secret, seq)
