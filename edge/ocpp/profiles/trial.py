"""Whether a station is told its limits in another form, because it has refused one in the usual form."""

from edge.domain.site import EvseKey

# So often the usual form must be refused, and the other accepted behind that, before no limit is told in the usual one
# any more: once is chance.
TIMES_TO_BELIEVE = 2


class Trial:
    """Of one station. What one of its EVSEs was refused is tried again on that one: what a neighbour accepts meanwhile
    in the other form proves nothing, and doesn't end the trial.
    """

    def __init__(self) -> None:
        self.on = False  # whether the next limit is told in the other form
        self._key: EvseKey | None = None  # where the usual form was refused last
        self._helped = 0  # times in a row that the other form was taken where the usual one was refused

    @property
    def is_believed(self) -> bool:
        """Whether the station is known to take the other form only."""
        return self._helped >= TIMES_TO_BELIEVE

    def accepted(self, key: EvseKey | None) -> None:
        """It has accepted a limit in the form that is told now."""
        if self.is_believed or (self.on and key != self._key):
            return
        self._helped = self._helped + 1 if self.on else 0
        self.on = self.is_believed

    def refused(self, key: EvseKey | None) -> bool:
        """It has refused one: the next is told in the other of the two. Once it is believed to take one only, a refusal
        has another reason. Whether the other form is tried now.
        """
        if self.is_believed:
            return False
        self.on, self._key = not self.on, key
        self._helped = self._helped if self.on else 0
        return self.on
