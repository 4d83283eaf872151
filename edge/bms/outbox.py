"""What waits to be published: bounded, the newest of each topic, never waited for by control."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable

from edge.bms.mqtt_topics import Message

MOST_ANSWERS = 256  # acknowledgements in waiting; older ones are dropped first


class Outbox:
    """Scalars and snapshots replace an older one of their topic, so there is never more than one of each; answers to
    commands each count, up to a bound, and go first.
    """

    def __init__(self) -> None:
        self._latest: OrderedDict[str, Message] = OrderedDict()
        self._answers: deque[Message] = deque(maxlen=MOST_ANSWERS)
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._latest) + len(self._answers)

    def put(self, messages: Iterable[Message]) -> None:
        """Queue states, each in place of an older one of its topic."""
        for message in messages:
            self._latest[message.topic] = message
        if self._latest:
            self._filled.set()

    def answer(self, message: Message) -> None:
        """Queue an answer to a command."""
        self._answers.append(message)
        self._filled.set()

    def clear(self) -> None:
        """Forget all: it is of a connection that is gone."""
        self._latest.clear()
        self._answers.clear()
        self._filled.clear()

    async def next(self) -> Message:
        """The next message to publish; waits for one."""
        while not self:
            self._filled.clear()
            await self._filled.wait()
        if self._answers:
            return self._answers.popleft()
        return self._latest.popitem(last=False)[1]
