"""When a station that has connected is asked what the control needs to know of it. Sans-I/O."""

from edge.domain.journal import PUT_OFF
from edge.units import Seconds

# A station that has just started sends its BootNotification first and listens to nobody before the answer (OCPP 1.6
# §4.2); one that merely reconnects may say nothing for minutes.
BOOT_GRACE_S = 1.0  # so long our questions wait for a boot,
BOOT_ANSWER_S = 10.0  # and so long for the boot's answer

_BOOT = "BootNotification"
_ACCEPTED = "Accepted"


class Introduction:
    """That of one station: once for each of its connections, and once more when its cloud takes it in after all. Before
    that it need not have listened: one that was Rejected answers nobody (OCPP 1.6 §4.2, 2.x B03)."""

    def __init__(self) -> None:
        self._due_at: Seconds | None = None
        self._begun = False  # the station is there, and is asked at all
        self._put_off = False  # its cloud hasn't taken it in

    @property
    def is_ahead(self) -> bool:
        """Whether it has yet to take place."""
        return self._due_at is not None

    @property
    def lets_talk(self) -> bool:
        """Whether the station may say anything: where it boots that comes first, and until its cloud has taken it in
        nothing else does (2.x B01.FR.08, B02.FR.02)."""
        return not (self.is_ahead or self._put_off)

    def begins(self, now: Seconds) -> None:
        """The station is there."""
        self._due_at, self._begun, self._put_off = now + BOOT_GRACE_S, True, False

    def is_void(self) -> None:
        """The station is gone."""
        self._due_at, self._begun = None, False

    def called(self, action: str, now: Seconds) -> None:
        """The station makes a CALL: who talks of something else than its boot isn't booting."""
        if self._due_at is not None:
            self._due_at = now + BOOT_ANSWER_S if action == _BOOT else now

    def answered(self, action: str, status: str | None, now: Seconds) -> None:
        """The station is answered, with this status: after its boot it listens, as soon as it has taken that in."""
        if action != _BOOT or not self._begun:
            return
        if self._due_at is not None or (self._put_off and status == _ACCEPTED):
            self._due_at = now
        self._put_off = status in PUT_OFF

    def takes_place(self, now: Seconds) -> bool:
        """Whether it is time; if so, this was it."""
        if self._due_at is None or now < self._due_at:
            return False
        self._due_at = None
        return True
