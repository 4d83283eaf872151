"""The cloud's interpreter for one station: its books are kept in OCPP 1.6, its socket speaks OCPP 2.x."""

from typing import Final

import orjson

from simulators.interpreter.commands import REQUESTS, Names, Request
from simulators.interpreter.reading import Reading, answer
from simulators.interpreter.words import ERROR_CODES, frame_text

UNBOOKED: Final = 0  # a transaction whose begin never came


class CloudInterpreter:
    """Lives as long as the cloud: a transaction keeps its number over connections."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._reading = Reading(self._number)
        self._heard: dict[str, tuple[str, str | None]] = {}  # the CALLs that wait for an answer: action, transaction
        self._asked: dict[str, Request] = {}
        self._names = Names(number=self._number, name=self._name)

    def hears(self, text: str) -> str:
        """A text from the socket, in the words of 1.6; what 1.6 doesn't have stays as it is."""
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        match frame:
            case [2, str(call_id), str(action), dict(payload)]:
                read = self._reading.call(action, payload)
                if read is None:
                    return text
                begins = payload["transactionInfo"]["transactionId"] if read[0] == "StartTransaction" else None
                self._heard[call_id] = action, begins
                return frame_text([2, call_id, *read])
            case [3, str(call_id), dict(payload)] if call_id in self._asked:
                return frame_text([3, call_id, self._asked.pop(call_id).answers(payload)])
        return text

    def says(self, text: str) -> str:
        """A text of the books, in the words of 2.x."""
        match orjson.loads(text):
            case [3, str(call_id), dict(payload)]:
                action, begins = self._heard.pop(call_id, ("", None))
                if begins is not None:
                    self._numbers[begins] = payload["transactionId"]
                return frame_text([3, call_id, answer(action, payload)])
            case [4, str(call_id), str(code), str(description), dict(details)]:
                self._heard.pop(call_id, None)
                return frame_text([4, call_id, ERROR_CODES.get(code, code), description, details])
            case [2, str(call_id), str(action), dict(payload)]:
                request = REQUESTS[action]
                self._asked[call_id] = request
                return frame_text([2, call_id, request.name, request.asks(payload, self._names)])
        return text

    def _number(self, name: str) -> int:
        return self._numbers.get(name, UNBOOKED)

    def _name(self, number: int) -> str:
        return next((name for name, known in self._numbers.items() if known == number), "")
