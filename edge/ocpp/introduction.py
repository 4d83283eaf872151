"""When a station that has connected is asked what the control needs to know of it. Sans-I/O."""

from edge.units import Seconds

# A station that has just started sends its BootNotification first and listens to nobody before the answer (OCPP 1.6
# §4.2); one that merely reconnects may say nothing for minutes.
BOOT_GRACE_S = 1.0  # so long our questions wait for a boot,
BOOT_ANSWER_S = 10.0  # and so long for the boot's answer

_BOOT = "BootNotification"


class Introduction:
    """That of one station: once for each of its connections."""

    def __init__(self) -> None:
        self._due_at: Seconds | None = None

    @property
    def is_ahead(self) -> bool:
        """Whether it has yet to take place."""
        return self._due_at is not None

    def begins(self, now: Seconds) -> None:
        """The station is there."""
        self._due_at = now + BOOT_GRACE_S

    def is_void(self) -> None:
        """The station is gone, or is asked nothing."""
        self._due_at = None

    def called(self, action: str, now: Seconds) -> None:
        """The station makes a CALL: who talks of something else than its boot isn't booting."""
        if self._due_at is not None:
            self._due_at = now + BOOT_ANSWER_S if action == _BOOT else now

    def answered(self, action: str, now: Seconds) -> None:
        """The station is answered: after its boot it listens, as soon as it has taken that in."""
        if self._due_at is not None and action == _BOOT:
            self._due_at = now

    def takes_place(self, now: Seconds) -> bool:
        """Whether it is time; if so, this was it."""
        if self._due_at is None or now < self._due_at:
            return False
        self._due_at = None
        return True
