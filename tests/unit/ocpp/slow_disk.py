"""Somebody who stands in for a cloud, for tests of what the relay hands over to it."""

from typing import Any

from edge.ocpp.stand_in import Line


class SlowDisk:
    """Stands in, and lets nothing pass by itself: whoever tests says when the disk has it.

    ``evses``: what was kept, where each transaction runs. ``nobodys``: those to which nobody was let in. ``ended``:
    those whose end was told.
    """

    owed = 0
    speaks = "ocpp1.6"
    rests = True
    cloud_listens = True

    def __init__(self, **evses: int) -> None:
        self._evses = evses
        self.nobodys: set[str] = set()
        self.ended: set[str] = set()

    def attach(self, line: Line) -> None: ...
    def station_connected(self, subprotocol: str) -> None: ...
    def station_gone(self) -> None: ...
    def cloud_connected(self) -> None: ...
    def courier_connected(self, subprotocol: str) -> None: ...
    def cloud_lost(self) -> None: ...
    def tick(self) -> None: ...
    def station_calls(self, *call: Any, signed: bool) -> None: ...
    def reads(self, *call: Any) -> None: ...
    def cloud_answers(self, *answer: Any, **content: Any) -> None: ...

    def came_as(self, identifier: str) -> str:
        return f"up-{identifier}"

    def passes(self, *_call: Any, **_form: Any) -> bool:
        return False

    def passed(self, *_identifier: Any) -> bool:
        return False

    def to_station(self, *call: Any) -> str:
        return str(call[-1])

    def running_on(self, evse: int) -> str | None:
        return next((transaction for transaction, place in self._evses.items() if place == evse), None)

    def evse_of(self, transaction: str) -> int | None:
        return self._evses.get(transaction)

    def was_let_in(self, transaction: str) -> bool | None:
        return transaction not in self.nobodys if transaction in self._evses else None

    def has_ended(self, transaction: str) -> bool:
        return transaction in self.ended

    def began_at_wh(self, _transaction: str) -> float | None:
        return None

    wants_rules = False

    def allows(self, *_rules: Any) -> None: ...

    def list_answered(self, *_call: Any, **_answer: Any) -> None:
        return None
