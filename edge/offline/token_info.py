"""Between OCPP's words for a token and the domain's, in both editions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from edge.domain.token import TokenInfo, TokenStatus
from edge.offline.edition import Edition
from edge.offline.message import mapping, moment, stamp, text, whole

_STATUSES = {status.value: status for status in TokenStatus}
# What 1.6 knows of them (§7.2); the others are Invalid there.
_V16 = frozenset(
    {TokenStatus.ACCEPTED, TokenStatus.BLOCKED, TokenStatus.EXPIRED, TokenStatus.INVALID, TokenStatus.CONCURRENT}
)
CONTRACT_KEY, CONTRACT_GOOD = "certificateStatus", "Accepted"  # 2.x part 2 §1.3
# A contract whose token is one of these is as good as cancelled; the others are of the moment (2.x C07.FR.13, 14).
_CANCELLED = frozenset({TokenStatus.BLOCKED, TokenStatus.EXPIRED, TokenStatus.INVALID, TokenStatus.UNKNOWN})
_EVSES_MOST = 64  # more than a station has
# A session that needs no token, or whose token the charger or the cloud makes up for it (2.x part 2 §3.43).
_NEEDS_NONE = frozenset({"NoAuthorization"})
_PAID = "DirectPayment"  # 2.1: the reference of a payment, which the bank has approved at the station's terminal (C18)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownToken:
    """The token in a request. ``text`` is empty where none is needed. ``contract``: it is that of a contract
    certificate (2.x C07). ``unchecked``: the station leaves that to the cloud to check
    (CentralContractValidationAllowed). ``paid``: a payment by which the station has let the driver in itself (2.1
    C18.FR.03); one about which it asks (C18.FR.04) isn't."""

    text: str
    needed: bool = True
    contract: bool = False
    unchecked: bool = False
    paid: bool = False


def token_in(edition: Edition, fields: Mapping[str, Any]) -> ShownToken | None:
    """The idTag or idToken of a request; None when there is none."""
    if not edition.is_v2:
        tag = text(fields.get("idTag"))
        return ShownToken(text=tag) if tag is not None else None
    token = mapping(fields.get("idToken"))
    if text(token.get("type")) in _NEEDS_NONE:
        return ShownToken(text="", needed=False)
    shown = text(token.get("idToken"))
    unchecked = text(fields.get("certificate")) is not None
    contract = unchecked or bool(fields.get("iso15118CertificateHashData"))
    paid = text(token.get("type")) == _PAID and "transactionInfo" in fields
    return ShownToken(text=shown, contract=contract, unchecked=unchecked, paid=paid) if shown is not None else None


def contract_status(shown: ShownToken, status: TokenStatus) -> str | None:
    """The certificateStatus that goes with a token's status; None for one without a contract (2.x C07.FR.13 to 17)."""
    if not shown.contract:
        return None
    if shown.unchecked:
        return "CertChainError"  # nobody has verified it
    return of_good_contract(status)


def of_good_contract(status: TokenStatus) -> str:
    """The certificateStatus where nothing is wrong with the certificate itself."""
    return "ContractCancelled" if status in _CANCELLED else CONTRACT_GOOD


def info_in(edition: Edition, fields: Mapping[str, Any]) -> TokenInfo | None:
    """The idTagInfo or idTokenInfo of an answer or of a list's entry; None when there is none."""
    found = mapping(fields.get("idTokenInfo" if edition.is_v2 else "idTagInfo"))
    status = _STATUSES.get(text(found.get("status")) or "")
    if status is None:
        return None
    if not edition.is_v2:
        return TokenInfo(
            status=status, expires_at=moment(found.get("expiryDate")), group=text(found.get("parentIdTag"))
        )
    group = mapping(found.get("groupIdToken"))
    message = mapping(found.get("personalMessage"))
    return TokenInfo(
        status=status,
        expires_at=moment(found.get("cacheExpiryDateTime")),
        group=text(group.get("idToken")),
        group_type=text(group.get("type")),
        language=text(found.get("language1")),
        language2=text(found.get("language2")),
        priority=whole(found.get("chargingPriority")),
        evses=_numbers(found.get("evseId")),
        message=orjson.dumps(message).decode() if message else None,
    )


def info_out(edition: Edition, info: TokenInfo) -> dict[str, Any]:
    """An idTagInfo or idTokenInfo for an answer."""
    if not edition.is_v2:
        status = info.status if info.status in _V16 else TokenStatus.INVALID
        found: dict[str, Any] = {"status": status.value}
        if info.expires_at is not None:
            found["expiryDate"] = stamp(info.expires_at)
        if info.group is not None:
            found["parentIdTag"] = info.group
        return found
    found = {"status": info.status.value}
    if info.expires_at is not None:
        found["cacheExpiryDateTime"] = stamp(info.expires_at)
    if info.group is not None:
        found["groupIdToken"] = {"idToken": info.group, "type": info.group_type or "Central"}
    if info.language is not None:
        found["language1"] = info.language
    if info.language2 is not None:
        found["language2"] = info.language2
    if info.priority is not None:
        found["chargingPriority"] = info.priority
    if info.evses:
        found["evseId"] = list(info.evses)
    if info.message is not None:
        found["personalMessage"] = orjson.loads(info.message)
    return found


def _numbers(found: object) -> tuple[int, ...]:
    each = [whole(number) for number in found[:_EVSES_MOST]] if isinstance(found, list) else []
    return tuple(number for number in each if number is not None)


def info_key(edition: Edition) -> str:
    """What an answer calls it."""
    return "idTokenInfo" if edition.is_v2 else "idTagInfo"
