"""The station's own CALLs: one outstanding at a time, transaction messages strictly in order and retried. Pure.

OCPP 1.6 §3.7 and §3.7.1, OCPP-J 1.6 §4.1.1.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simulators.charger.frames import Payload, call_text
from simulators.charger.transaction import LOST_ID, Transaction

Writer = Callable[[str, Payload], Payload]


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """A CALL that waits or is under way. With a transaction it is a transaction-related message."""

    action: str
    payload: Payload
    connector_id: int = 0
    transaction: Transaction | None = None
    triggered: bool = False  # asked for by TriggerMessage
    number: int = 0  # order of creation
    backlog: bool = False  # has waited while offline: it gives way to messages that aren't transaction-related
    failures: int = 0
    not_before_s: float = 0.0

    def full_payload(self) -> Payload:
        """The payload with the transaction id, as far as it is known at this moment."""
        if self.transaction is None or self.action == "StartTransaction":
            return self.payload
        return {**self.payload, "transactionId": self.transaction.transaction_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule:
    """TransactionMessageAttempts and TransactionMessageRetryInterval."""

    attempts: int
    interval_s: float


class Outbound:
    """Two queues and the one CALL under way."""

    def __init__(self, *, call_timeout_s: float, writes: Writer = lambda _action, payload: payload) -> None:
        """``writes`` turns a payload that is right into what the station makes of it."""
        self._writes = writes
        self._call_timeout_s = call_timeout_s
        self._ordinary: deque[Message] = deque()
        self._transactional: deque[Message] = deque()
        self._under_way: tuple[str, Message, float] | None = None  # message id, message, deadline
        self._created = 0
        self._sent = 0
        self.online = False

    @property
    def under_way(self) -> str | None:
        """The action of the CALL that waits for its answer."""
        return None if self._under_way is None else self._under_way[1].action

    @property
    def transaction_under_way(self) -> Transaction | None:
        """What that CALL belongs to."""
        return None if self._under_way is None else self._under_way[1].transaction

    @property
    def drained(self) -> bool:
        """No transaction message waits or is under way."""
        return not self._transactional

    @property
    def is_held_up(self) -> bool:
        """Whether what waits is behind a begin that isn't answered, or a message that was refused."""
        head = self._transactional[0] if self._transactional else None
        return head is not None and (head.failures > 0 or head.action == "StartTransaction")

    def add(self, message: Message) -> None:
        """Queue a message behind those of its kind."""
        self._created += 1
        message.number = self._created
        if message.transaction is None:
            self._ordinary.append(message)
        else:
            message.backlog = not self.online
            self._transactional.append(message)

    def send_next(self, now: float, may_send: Callable[[Message], bool]) -> str | None:
        """The text of the next CALL to send now, or None."""
        if not self.online or self._under_way is not None or not (self._ordinary or self._transactional):
            return None
        message = self._choose(now, may_send)
        if message is None:
            return None
        if message.transaction is None:
            self._ordinary.remove(message)
        self._sent += 1
        message_id = str(self._sent)
        self._under_way = (message_id, message, now + self._call_timeout_s)
        return call_text(message_id, message.action, self._writes(message.action, message.full_payload()))

    def _choose(self, now: float, may_send: Callable[[Message], bool]) -> Message | None:
        ordinary = next((each for each in self._ordinary if may_send(each)), None)
        head = self._transactional[0] if self._transactional else None
        if head is None or head.not_before_s > now or not may_send(head):
            return ordinary
        if ordinary is None:
            return head
        gives_way = head.backlog or head.failures > 0 or head.number > ordinary.number
        return ordinary if gives_way else head

    def answered(self, message_id: str) -> Message | None:
        """The message that this CALLRESULT or CALLERROR answers, no longer under way; None: nobody waits for it.

        A transaction message stays at the head until `delivered` or `failed`.
        """
        if self._under_way is None or self._under_way[0] != message_id:
            return None
        message = self._under_way[1]
        self._under_way = None
        return message

    def timed_out(self, now: float) -> Message | None:
        """The message under way if its answer is overdue; it is under way no longer."""
        if self._under_way is None or now < self._under_way[2]:
            return None
        return self.answered(self._under_way[0])

    def delivered(self, message: Message) -> None:
        """The CSMS has processed this transaction message."""
        self._transactional.remove(message)

    def failed(self, message: Message, now: float, rule: RetryRule) -> None:
        """The CSMS failed to process this transaction message: again later, or given up (§3.7.1).

        A StartTransaction given up leaves its transaction with the id -1 (errata 3.18), if it had none before.
        """
        message.failures += 1
        message.not_before_s = now + rule.interval_s * message.failures
        if message.failures >= rule.attempts:
            self._transactional.remove(message)
            transaction = message.transaction
            if message.action == "StartTransaction" and transaction is not None and transaction.transaction_id is None:
                transaction.transaction_id = LOST_ID

    def link_up(self) -> None:
        """The socket is open."""
        self.online = True

    def link_down(self) -> list[Message]:
        """The socket is gone. Transaction messages wait, the one under way too, without that counting as a failure;
        the others are dropped and returned."""
        self.online = False
        dropped = list(self._ordinary)
        self._ordinary.clear()
        if self._under_way is not None and self._under_way[1].transaction is None:
            dropped.insert(0, self._under_way[1])
        self._under_way = None
        for message in self._transactional:
            message.backlog = True
        return dropped

    def next_due(self, now: float) -> float | None:
        """When `timed_out` or `send_next` must be asked again; None: not by time alone."""
        if self._under_way is not None:
            return self._under_way[2]
        if self.online and self._transactional and self._transactional[0].not_before_s > now:
            return self._transactional[0].not_before_s
        return None
