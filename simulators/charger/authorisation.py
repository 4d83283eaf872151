"""What the station knows of cards by itself: the local list and the cache (OCPP 1.6 §3.5). Pure."""

from dataclasses import dataclass
from enum import Enum, auto

from simulators.charger.frames import Payload
from simulators.charger.timestamp import parse_time


class Verdict(Enum):
    """What the station can say of a card without asking the CSMS."""

    ACCEPTED = auto()
    REFUSED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class TagInfo:
    """An IdTagInfo (§7.27)."""

    status: str
    expires_s: float | None

    def verdict(self, now_s: float) -> Verdict:
        """Accepted while it is not expired; anything else refuses."""
        expired = self.expires_s is not None and now_s >= self.expires_s
        return Verdict.ACCEPTED if self.status == "Accepted" and not expired else Verdict.REFUSED


def tag_info(raw: Payload) -> TagInfo:
    """An idTagInfo object as a value. Raises ValueError for a time that is none, KeyError without a status."""
    expiry = raw.get("expiryDate")
    return TagInfo(status=str(raw["status"]), expires_s=None if expiry is None else parse_time(expiry))


class CardMemory:
    """Local list before cache; a listed card never enters the cache (§3.5.3). Both outlive a reboot.

    Card numbers are case insensitive (CiString20Type).
    """

    def __init__(self) -> None:
        self.list_version = 0  # §6.17: 0 is an empty list
        self._list: dict[str, TagInfo] = {}
        self._cache: dict[str, TagInfo] = {}

    def verdict(self, id_tag: str, now_s: float, *, use_list: bool) -> Verdict:
        """What is known of the card at `now_s` in the station's clock."""
        key = id_tag.lower()
        info = (self._list.get(key) if use_list else None) or self._cache.get(key)
        return Verdict.UNKNOWN if info is None else info.verdict(now_s)

    def learn(self, id_tag: str, info: TagInfo) -> None:
        """Remember what the CSMS has just said (§3.5.1)."""
        if id_tag.lower() not in self._list:
            self._cache[id_tag.lower()] = info

    def forget(self) -> None:
        """ClearCache; the list stays."""
        self._cache.clear()

    def update_list(self, version: int, *, full: bool, entries: list[Payload], max_length: int) -> str:
        """SendLocalList: the status of §7.47. An entry without idTagInfo removes the card from the list.

        Raises ValueError for a time that is none.
        """
        if not full and version <= self.list_version:
            return "VersionMismatch"
        new = {} if full else dict(self._list)
        for entry in entries:
            info = entry.get("idTagInfo")
            if info is None:
                new.pop(entry["idTag"].lower(), None)
            else:
                new[entry["idTag"].lower()] = tag_info(info)
        if version <= 0 or len(new) > max_length:  # errata 3.52: -1 and 0 have a meaning of their own
            return "Failed"
        self._list = new
        self.list_version = version
        for id_tag in new:
            self._cache.pop(id_tag, None)
        return "Accepted"
