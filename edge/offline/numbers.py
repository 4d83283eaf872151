"""The numbers of messages, one row for the whole site, and the ids that are made of them."""

from datetime import UTC, datetime

from edge.offline.local_ids import local_id


class Numbers:
    """Goes on from the ``highest`` number that was ever given. ``secret``: see :func:`local_id`. ``since``: when the
    program has started, by its wall clock."""

    def __init__(self, highest: int, secret: bytes, since: datetime = datetime(1970, 1, 1, tzinfo=UTC)) -> None:
        self._highest = highest
        self._secret = secret
        self._run = f"{int(since.timestamp()):x}-{highest:x}"
        self._own = 0

    def next(self) -> int:
        """A number that was never given before."""
        self._highest += 1
        return self._highest

    def own_id(self) -> str:
        """The message id of a CALL of ours. One of an earlier run mustn't come again (OCPP-J 1.6 errata 3.7, 2.x part 4
        §4.1.4): a cloud that knows it may answer as it did then."""
        self._own += 1
        return f"edge-own-{self._run}-{self._own:x}"

    def local_id(self, seq: int) -> int:
        """The transaction id for the begin of this number."""
        return local_id(self._secret, seq)
