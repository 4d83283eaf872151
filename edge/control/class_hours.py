"""What the calendar says of the classes, applied to each session: its rank now, and what it may still draw."""

from dataclasses import dataclass, replace

from edge.control.records import EvseRecord
from edge.domain.opening import AtClose, ClassHour
from edge.domain.site import Priority
from edge.units import Amps, Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """The newest word on a class, and since when it has been closed without a break."""

    hour: ClassHour
    closed_since: Seconds | None


class ClassHours:
    """The newest word on each class. A class of which nothing was said is open, at its own rank."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def take(self, hour: ClassHour) -> None:
        """Remember it in place of the last one of its class."""
        before = self._kept.get(hour.class_id)
        since = before.closed_since if before is not None and before.closed_since is not None else hour.at
        closed_since = since if hour.closed is not None else None
        self._kept[hour.class_id] = _Kept(hour=hour, closed_since=closed_since)

    def priority(self, record: EvseRecord, judged: Priority | None) -> Priority | None:
        """That of the session, or of the idle EVSE; ``judged`` is that of its token. None: the EVSE's own."""
        evse = record.evse
        kept = self._of(record, judged)
        if kept is None or kept.hour.rank is None:
            return judged
        own = judged or Priority(rank=evse.rank, weight=evse.weight, guaranteed=evse.guaranteed, class_id=evse.class_id)
        return replace(own, rank=kept.hour.rank)

    def allowed_a(self, record: EvseRecord, judged: Priority | None) -> Amps | None:
        """What the hours leave the session per phase; None for as much as there is.

        One that was running when we first heard of it counts as begun within them: nobody is stopped by our restart.
        """
        kept = self._of(record, judged)
        if kept is None or kept.closed_since is None or record.transaction_id is None:
            return None
        began_within = not record.observed_start or (
            record.began_at is not None and record.began_at < kept.closed_since
        )
        if not began_within or kept.hour.closed is AtClose.REFUSE:
            return 0.0
        return record.evse.min_a if kept.hour.closed is AtClose.REDUCE else None

    def _of(self, record: EvseRecord, judged: Priority | None) -> _Kept | None:
        class_id = judged.class_id if judged is not None else record.evse.class_id
        return self._kept.get(class_id) if class_id is not None else None
