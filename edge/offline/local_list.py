"""The local authorisation list: learned from the cloud's SendLocalList, and answered consistently. And what the cloud
wants forgotten of tokens.

The station gets the cloud's messages as they are. What the gateway keeps follows the station's answer; where the
station has no list, the gateway has it in its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.domain.journal import Write
from edge.domain.token import TokenHash, TokenInfo
from edge.offline.edition import Edition
from edge.offline.message import Request, mapping, moment, text, whole
from edge.offline.token_book import TokenBook
from edge.offline.token_info import info_in, token_in

# What a station without a list answers: OCPP 1.6 §5.10 (version), §7.44 (status), OCPP-J §4.2.3 (CALLERROR).
_NO_LIST_VERSION = -1
_UNSEEN = 0  # the version under which a list is kept of which only changes were seen: the cloud is to send it whole
_NO_LIST_STATUS = "NotSupported"
_NO_LIST_ERRORS = frozenset({"NotSupported", "NotImplemented"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAnswer:
    """What the cloud is to be answered; None for the station's own answer as it is. Then the writes to keep."""

    payload: Mapping[str, Any] | None = None
    writes: tuple[Write, ...] = ()


def settle(
    book: TokenBook,
    station: str,
    edition: Edition,
    request: Request,
    answer: Mapping[str, Any] | None,
    error: str | None,
) -> ListAnswer:
    """What follows from the station's answer to SendLocalList, GetLocalListVersion, ClearCache or CustomerInformation.

    ``answer`` is the payload of its CALLRESULT, or ``error`` the code of its CALLERROR.
    """
    found = mapping(answer)
    match request.action:
        case "SendLocalList":
            return _sent(book, station, edition, request.fields, text(found.get("status")), error)
        case "GetLocalListVersion":
            return _version(book, station, edition, found, error)
        case "ClearCache":
            # A station without a cache says Rejected (2.x C11.FR.04); the gateway has one, whatever the station has.
            instead = {"status": "Accepted"} if error in _NO_LIST_ERRORS else None
            return ListAnswer(payload=instead, writes=tuple(book.clear_cache()))
        case "CustomerInformation" if found.get("status") == "Accepted" or error in _NO_LIST_ERRORS:
            return ListAnswer(writes=_forgotten(book, request.fields))
        case _:
            return ListAnswer()


def reserve(book: TokenBook, station: str, edition: Edition, request: Request, wall: datetime) -> None:
    """The station has accepted a ReserveNow (OCPP 1.6 §5.13, 2.x H01) or a CancelReservation."""
    fields = request.fields
    if request.action == "CancelReservation":
        book.cancelled(station, whole(fields.get("reservationId")))
        return
    until = moment(fields.get("expiryDateTime" if edition.is_v2 else "expiryDate"))
    shown, number = token_in(edition, fields), whole(fields.get("id" if edition.is_v2 else "reservationId"))
    if shown is not None and until is not None:
        book.reserved(station, shown, number, until, wall)


def _sent(
    book: TokenBook, station: str, edition: Edition, fields: Mapping[str, Any], status: str | None, error: str | None
) -> ListAnswer:
    instead = status == _NO_LIST_STATUS or error in _NO_LIST_ERRORS
    if status != "Accepted" and not instead:
        return ListAnswer()
    version = whole(fields.get("versionNumber" if edition.is_v2 else "listVersion"))
    entries = _entries(book, edition, fields.get("localAuthorizationList"))
    differs = fields.get("updateType") == "Differential"
    # 0 is the version of an empty list (1.6 §5.10): some clouds empty a station's with it, which takes it so.
    empties = version == 0 and not (differs or instead or entries)
    if version is None or entries is None or (version <= 0 and not empties):
        return ListAnswer(payload={"status": "Failed"} if instead else None)
    before = book.list_version(station) or _UNSEEN
    if differs:
        if instead and version <= before:
            return ListAnswer(payload={"status": "VersionMismatch"})
        merged = book.listed(station)
        for token, info in entries.items():
            if info is None:
                merged.pop(token, None)
            else:
                merged[token] = info
        if before == _UNSEEN and not instead:
            version = _UNSEEN
    else:
        merged = {token: info for token, info in entries.items() if info is not None}
    writes = tuple(book.replace_list(station, version, merged))
    return ListAnswer(payload={"status": "Accepted"} if instead else None, writes=writes)


def _version(
    book: TokenBook, station: str, edition: Edition, answer: Mapping[str, Any], error: str | None
) -> ListAnswer:
    name = "versionNumber" if edition.is_v2 else "listVersion"
    ours = book.list_version(station) or _UNSEEN
    theirs = whole(answer.get(name))
    if theirs == _NO_LIST_VERSION or error in _NO_LIST_ERRORS:
        return ListAnswer(payload={name: ours})
    if theirs is None or theirs == ours:
        return ListAnswer()
    # The station has a list that we haven't seen: this makes the cloud send it whole, to both of us.
    return ListAnswer(payload={name: _UNSEEN})


def _forgotten(book: TokenBook, fields: Mapping[str, Any]) -> tuple[Write, ...]:
    """All that is kept of a customer is to go but for the local list, which the cloud changes by itself (2.x
    N10.FR.02, FR.03). Of those who are named otherwise than by a token nothing is kept."""
    token = text(mapping(fields.get("idToken")).get("idToken"))
    return tuple(book.forget(token)) if fields.get("clear") is True and token is not None else ()


def _entries(book: TokenBook, edition: Edition, value: object) -> dict[TokenHash, TokenInfo | None] | None:
    """The entries by token, None for one to be deleted; None in all for a list that can't be read."""
    found: dict[TokenHash, TokenInfo | None] = {}
    if value is None:
        return found
    if not isinstance(value, list):
        return None
    for element in value:
        entry = mapping(element)
        token = text(mapping(entry.get("idToken")).get("idToken")) if edition.is_v2 else text(entry.get("idTag"))
        if token is None:
            return None
        found[book.hash(token)] = info_in(edition, entry)
    return found
