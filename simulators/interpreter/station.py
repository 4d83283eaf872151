"""A station's interpreter: its logic speaks OCPP 1.6, its socket OCPP 2.x."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from simulators.interpreter.commands import COMMANDS, Command, Names
from simulators.interpreter.reading import Reading, answer_16
from simulators.interpreter.telling import Telling
from simulators.interpreter.words import ERROR_CODES, Payload, frame_text

NO_NUMBER: Final = -2  # of a transaction that isn't this station's
ACCEPTED: Final[Payload] = {"idTagInfo": {"status": "Accepted"}}  # an event may be answered without a word of its token


@dataclass(slots=True, kw_only=True)
class _Asked:
    """A CALL of the other side, and what the station's logic has answered of it."""

    command: Command
    payload: Payload
    parts: int
    answers: list[Payload] = field(default_factory=list)


class StationInterpreter:
    """`transaction` is the number of the transaction that the message under way belongs to; `runs` says whether one
    runs at a connector.
    """

    def __init__(self, identity: str, *, transaction: Callable[[], int | None], runs: Callable[[int], bool]) -> None:
        self._prefix = f"{identity}-"
        self._transaction = transaction
        self._runs = runs
        self._names = Names(number=self._number, name=self._name)
        self._telling = Telling(self._name)
        self._reading = Reading(self._number)
        self._said: dict[str, tuple[str, int | None]] = {}  # the CALL under way: its action in 2.x
        self._asked: dict[str, _Asked] = {}

    def linked(self, clock_s: float) -> None:
        """There is a new connection, at this moment of the station's clock."""
        self._said.clear()
        self._asked.clear()
        self._telling.linked(datetime.fromtimestamp(clock_s, UTC))

    def says(self, text: str) -> tuple[str, str | None]:
        """What a text of the logic is to those who read 1.6, and what goes onto the socket; None: nothing yet.

        What is neither a CALL nor an answer goes as it is.
        """
        match _parsed(text):
            case [2, str(call_id), str(action), dict(payload)]:
                number = self._transaction()
                try:
                    action_2, payload_2 = self._telling.call(action, payload, number)
                    read = self._reading.call(action_2, payload_2)
                except (KeyError, TypeError, ValueError):
                    return text, text  # not what its logic would say
                self._said = {call_id: (action_2, number if action == "StartTransaction" else None)}
                return frame_text([2, call_id, *read]) if read else text, frame_text([2, call_id, action_2, payload_2])
            case [3, str(call_id), dict(payload)]:
                return text, self._answers(call_id, payload)
            case [4, str(call_id), str(code), str(description), *_]:
                whole, _, _ = call_id.partition("/")
                self._asked.pop(whole, None)
                return text, frame_text([4, whole, ERROR_CODES.get(code, code), description, {}])
        return text, text

    def name(self, number: int) -> str:
        """What the transaction of that number is called in 2.x."""
        return self._name(number)

    def _answers(self, call_id: str, payload: Payload) -> str | None:
        whole, _, _ = call_id.partition("/")
        asked = self._asked.get(whole)
        if asked is None:
            return None
        asked.answers.append(payload)
        if len(asked.answers) < asked.parts:
            return None
        del self._asked[whole]
        return frame_text([3, whole, asked.command.answers(asked.payload, asked.answers)])

    def hears(self, text: str) -> tuple[list[str], str | None]:
        """What the logic hears of a text from the socket, and what is answered at once."""
        match _parsed(text):
            case [3, str(call_id), dict(payload)]:
                action, number = self._said.pop(call_id, ("", None))
                answer = answer_16(action, payload)
                if number is not None:
                    answer = {**ACCEPTED, **answer, "transactionId": number}
                return [frame_text([3, call_id, answer])], None
            case [2, str(call_id), str(action), dict(payload)]:
                return self._is_asked(call_id, action, payload)
        return [text], None

    def _is_asked(self, call_id: str, action: str, payload: Payload) -> tuple[list[str], str | None]:
        command = COMMANDS.get(action)
        if command is None:
            return [], frame_text([4, call_id, "NotImplemented", f"{action} isn't known here", {}])
        place = payload.get("evse", {})
        runs_not = payload.get("requestedMessage") == "TransactionEvent" and not self._runs(place["id"])
        if runs_not or place.get("connectorId", 1) != 1:  # each EVSE has one connector
            return [], frame_text([3, call_id, {"status": "Rejected"}])
        asks = command.asks(payload, self._names)
        self._asked[call_id] = _Asked(command=command, payload=payload, parts=len(asks))
        one = len(asks) == 1
        ids = [call_id if one else f"{call_id}/{part}" for part in range(len(asks))]
        return [frame_text([2, each, command.name_16, ask]) for each, ask in zip(ids, asks, strict=True)], None

    def _number(self, name: str) -> int:
        number = name.removeprefix(self._prefix)
        return int(number) if number.isdecimal() else NO_NUMBER

    def _name(self, number: int) -> str:
        return f"{self._prefix}{number}"


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
