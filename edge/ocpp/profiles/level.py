"""At which stack level a station is told its limits."""

# The only level that every station accepts. Used until the station has told its ChargeProfileMaxStackLevel: a refused
# limit is worse than one that a forgotten profile of the cloud outranks for a moment.
LOWEST = 0


class StackLevel:
    """That of one station: the highest that it has told (OCPP 1.6 §9.4.1, SmartChargingCtrlr.ProfileStackLevel of 2.x),
    so that nothing outranks ours. Some tell one that they refuse (ABB Terra AC: lbbrhzn/ocpp issue 1737): they are told
    the lowest.
    """

    def __init__(self) -> None:
        self._told = LOWEST
        self.is_lowest = False  # whatever the station has told

    @property
    def number(self) -> int:
        """That of the next limit."""
        return LOWEST if self.is_lowest else self._told

    def begin(self, *, lowest: bool) -> None:
        """Begin with the lowest, or with what the station tells."""
        self.is_lowest = lowest

    def allows(self, level: int | None) -> None:
        """The station has told its highest; None, and what is none, says nothing."""
        if level is not None and level >= LOWEST:
            self._told = level

    def refused(self) -> bool:
        """The station means its refusal, and no unit helps. Whether the same is to be told on the lowest level now;
        else that is given up, too."""
        self.is_lowest = not self.is_lowest and self._told > LOWEST
        return self.is_lowest
