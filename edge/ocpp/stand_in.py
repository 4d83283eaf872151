"""The port behind which somebody stands in for a station's cloud while that is away, or where there is none.

The relay hands every CALL of the station over, and every answer of the cloud, but for those that just pass; what is to
be sent comes back through the :class:`Line`, at once or when it is on the disk.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from edge.domain.token import LocalRules
from edge.units import WattHours


class Line(Protocol):
    """One station's sockets, as whoever stands in needs them. None of these blocks or fails."""

    def to_station(self, text: str) -> None:
        """Send the station an answer to one of its CALLs."""

    def to_cloud(self, identifier: str, text: str) -> None:
        """Send the cloud a CALL, whose message id is ``identifier``."""

    def end_session(self, transaction: str) -> None:
        """Ask the station to end a transaction, by the id that it knows."""

    def time_said(self) -> datetime | None:
        """What time it is, as far as clouds, the station or others have said; None where nobody has."""


class StandIn(Protocol):
    """Who stands in for one station's cloud. None of these blocks or fails."""

    def attach(self, line: Line) -> None:
        """From now on this line leads to station and cloud."""

    def station_connected(self, subprotocol: str) -> None:
        """The station is there, and speaks this edition. Its cloud, if the site has one, is dialled: one of the two
        below follows."""

    def station_gone(self) -> None:
        """It is gone, and its cloud connection with it."""

    def cloud_connected(self) -> None:
        """The station's upstream connection is up."""

    @property
    def owed(self) -> int:
        """How many messages are kept for the cloud, and can be delivered by a connection to it."""

    @property
    def speaks(self) -> str:
        """The edition of these messages, by its subprotocol."""

    def courier_connected(self, subprotocol: str) -> None:
        """The cloud was dialled for a station that stays away: what is owed can be delivered."""

    def cloud_lost(self) -> None:
        """It is lost, or an attempt to have it has failed."""

    def passes(self, identifier: str, action: str, payload: Any, text: str, *, signed: bool) -> bool:
        """Whether this CALL of the station just goes to the cloud: nothing of it has to be on the disk, and nothing is
        learned from its answer.

        Where it does, it counts as sent, and isn't handed over. The arguments are those of :meth:`station_calls`.
        """

    def passed(self, identifier: str) -> bool:
        """Whether the cloud's answer to this CALL just goes to the station. Where it does, it isn't handed over."""

    def station_calls(self, identifier: str, action: str, payload: Any, text: str, *, signed: bool) -> None:
        """The station makes a CALL. ``action`` and ``payload`` are those of the plain message, ``text`` the frame."""

    def reads(self, action: str, payload: Any, text: str) -> None:
        """The station has made a CALL that its cloud doesn't get, and been answered: it may tell of a session."""

    def cloud_answers(
        self, identifier: str, text: str, *, payload: Any = None, error: tuple[str, str] | None = None
    ) -> None:
        """The cloud answers: with ``payload``, or with the code and the description of ``error``."""

    def came_as(self, identifier: str) -> str:
        """Under which id the cloud gave the answer that the station got under this one: what it complains of (2.1
        CALLRESULTERROR)."""

    @property
    def cloud_listens(self) -> bool:
        """Whether the cloud has heard of the station's boot, and taken it in, as far as is known."""

    @property
    def rests(self) -> bool:
        """Whether :meth:`tick` has nothing to do for now."""

    def tick(self) -> None:
        """Time passes. To be called about twice a second while it doesn't rest. Whether it does is to be asked every
        ten seconds: it may have got work that neither station nor cloud has brought.
        """

    def to_station(self, identifier: str, action: str, payload: Any, text: str) -> str:
        """The text of a CALL of the cloud as the station is to get it: with the transaction's id that it knows."""

    def evse_of(self, transaction: str) -> int | None:
        """The EVSE (connector) on which a transaction runs that the station has told of, before a restart of ours too;
        None where that isn't known."""

    def began_at_wh(self, transaction: str) -> WattHours | None:
        """The register of its EVSE at the begin of a transaction that runs, likewise."""

    def was_let_in(self, transaction: str) -> bool | None:
        """Whether a token was shown for a transaction that runs, or anything drawn in it, likewise; None where its
        begin wasn't heard."""

    def running_on(self, evse: int) -> str | None:
        """The transaction that the station has begun there, been answered, and not ended, before a restart of ours too,
        by the id that it knows; None where none is known."""

    def has_ended(self, transaction: str) -> bool:
        """Whether the station has told the end of this transaction, likewise."""

    @property
    def wants_rules(self) -> bool:
        """Whether what a station's configuration lets be judged without its cloud binds here."""

    def allows(self, rules: LocalRules) -> None:
        """The station's configuration lets so much be judged without its cloud."""

    def list_answered(
        self, action: str, payload: Any, *, answer: Any = None, error: str | None = None
    ) -> Mapping[str, Any] | None:
        """The station has answered a CALL of the cloud about its local list, its cache, a customer, or what it hasn't
        delivered, one to start a transaction, or about a reservation: with the payload ``answer`` or the code
        ``error``. What the cloud is to be told in its place; None to pass it on."""


StandIns: TypeAlias = Callable[[str], StandIn | None]  # for the identity of a station; None where nobody stands in
