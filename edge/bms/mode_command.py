"""The command ``cmd/mode``: the building asks over MQTT for mode eco, or takes that back."""

from collections.abc import Mapping
from typing import Any

from edge.bms.eco import BmsMode, EcoMode
from edge.bms.mqtt_commands import Rejected, holds_for
from edge.domain.limit import LimitSource
from edge.units import Seconds

TOPIC = "cmd/mode"  # below edge/<site id>
UNMEASURED = "eco needs a meter at the grid connection that tells which way the power flows"


class ModeCommand:
    """Carries out ``cmd/mode``: ``{"mode": "eco", "valid_s": 60}``. ``timeout_s`` holds where it names no time."""

    def __init__(self, eco: EcoMode, *, timeout_s: Seconds) -> None:
        self._eco = eco
        self._timeout_s = timeout_s

    def __call__(self, document: Mapping[str, Any], now: Seconds) -> None:
        """:raises Rejected: with the reason."""
        mode = document.get("mode")
        if mode == BmsMode.PAUSE:
            raise Rejected("pause is cmd/limit with max_a 0")
        if mode not in (BmsMode.AUTO, BmsMode.ECO):
            raise Rejected("mode is missing: auto or eco")
        valid_s = holds_for(document, self._timeout_s)
        if mode == BmsMode.AUTO:
            self._eco.take_back(LimitSource.BMS_MQTT)
        elif not self._eco.possible:
            raise Rejected(UNMEASURED)
        else:
            self._eco.ask(LimitSource.BMS_MQTT, until=now + valid_s)
