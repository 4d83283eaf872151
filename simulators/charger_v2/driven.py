"""A 2.x station that dials, comes back, and keeps what it could not say: what the fleet drives."""

import asyncio
import logging
import random
import ssl
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

from websockets.exceptions import WebSocketException

from simulators.charger import Counters, ElectricVehicle, StationSpec, TransactionAccount
from simulators.charger_v2.station import EvseV2, StationV2

FIRST_BACK_OFF_S: Final = 0.5
LONGEST_BACK_OFF_S: Final = 15.0

logger = logging.getLogger(__name__)
Complain = Callable[[str], None]


class LinkLost(Exception):
    """The socket closed while an answer was waited for."""


class DrivenStationV2:
    """Implements :class:`simulators.fleet.Station`. Transactions go on without a link; their events are told later,
    with their own times and marked as offline (E04)."""

    def __init__(
        self,
        spec: StationSpec,
        url: str,
        edition: str,
        *,
        tls: ssl.SSLContext | None = None,
        complain: Complain | None = None,
    ) -> None:
        self._spec = spec
        self._base = url.rpartition("/")[0]
        self._tls = tls
        self._complain = complain if complain is not None else self._warn
        self.connected = False
        evses = [EvseV2(each.connector_id, each.max_a, phases=each.phases) for each in spec.connectors]
        self._core = StationV2(spec.identity, evses, edition, quirks=spec.quirks, password=spec.password)
        self._core.variables["SampledDataCtrlr", "TxUpdatedInterval"] = str(spec.sample_interval_s)
        self._untold: deque[tuple[str, dict[str, Any]]] = deque()
        self._touched = asyncio.Event()
        self._accounts: dict[str, TransactionAccount] = {}
        self._counters = Counters()
        self._jitter = random.Random(spec.identity)

    @property
    def counters(self) -> Counters:
        """What has happened so far."""
        self._counters.profiles_received = self._core.profiles_received
        self._counters.profiles_accepted = self._core.profiles_accepted
        return self._counters

    def transactions(self) -> Sequence[TransactionAccount]:
        """The station's own account of every transaction, the oldest first."""
        return tuple(self._accounts.values())

    async def run(self) -> None:
        """Connect, serve, reconnect, until cancelled."""
        pause_s, complained = FIRST_BACK_OFF_S, False
        try:
            while True:
                try:
                    await _unless_lost(self._core.connect(self._base, tls=self._tls))
                    self.connected, pause_s, complained = True, FIRST_BACK_OFF_S, False
                    await self._serve()
                except LinkLost:
                    pass
                except (OSError, TimeoutError, WebSocketException) as error:
                    if not complained:
                        self._complain(str(error))
                    complained = True
                self.connected = False
                await asyncio.sleep(pause_s + self._jitter.random())
                pause_s = min(2 * pause_s, LONGEST_BACK_OFF_S)
        finally:
            await self._core.disconnect()

    def plug_in(self, connector_id: int, ev: ElectricVehicle, id_tag: str) -> None:
        """A car arrives, its driver presents a card."""
        evse = self._core.evse(connector_id)
        if evse.car is not None:
            raise ValueError(f"a car is plugged in at {self._spec.identity}/{connector_id} already")
        transaction = self._core.begin(evse, ev)
        self._accounts[transaction] = TransactionAccount(
            identity=self._spec.identity,
            connector_id=connector_id,
            id_tag=id_tag,
            started_at=self._core.stamp(),
            meter_start_wh=int(evse.energy_wh),
        )
        self._counters.transactions_started += 1
        self._tell("StatusNotification", self._core.status_of(evse))
        event = self._core.event(evse, "Started", "CablePluggedIn")
        self._tell("TransactionEvent", event | {"idToken": {"idToken": id_tag, "type": "ISO14443"}})

    def unplug(self, connector_id: int) -> None:
        """The driver ends the session and leaves."""
        evse = self._core.evse(connector_id)
        transaction = evse.transaction
        if transaction is None:
            return
        event = self._core.event(evse, "Ended", "EVDeparted")
        self._accounts[transaction] = replace(
            self._accounts[transaction], stopped_at=self._core.stamp(), meter_stop_wh=int(evse.energy_wh)
        )
        self._counters.transactions_stopped += 1
        self._core.end(evse)
        self._tell("TransactionEvent", event)
        self._tell("StatusNotification", self._core.status_of(evse))

    def step(self, dt_s: float) -> None:
        """Time passes for the cars; samples are told when they are due, and only while there is a link."""
        for evse in self._core.advance(dt_s):
            if self.connected:
                self._tell("TransactionEvent", self._core.event(evse, "Updated", "MeterValuePeriodic"))

    def draw_a(self, connector_id: int) -> tuple[float, float, float]:
        """The true draw on the EVSE's own L1, L2, L3."""
        evse = self._core.evse(connector_id)
        return evse.car.phase_draw_a(evse.phases) if evse.car is not None else (0.0, 0.0, 0.0)

    def offered_a(self, connector_id: int) -> float:
        """What it offers per phase now."""
        return self._core.offer_a(self._core.evse(connector_id))

    def wanted_a(self, connector_id: int) -> float:
        """What the car would draw per phase if only the EVSE's maximum limited it."""
        evse = self._core.evse(connector_id)
        return min(evse.max_a, evse.car.wanted_a) if evse.car is not None else 0.0

    def status(self, connector_id: int) -> str:
        """Its state, in the words of the fleet."""
        evse = self._core.evse(connector_id)
        if evse.car is None:
            return "Available"
        return "Charging" if evse.car.draw_a > 0 else "SuspendedEVSE"

    def energy_wh(self) -> float:
        """Delivered by all EVSEs."""
        return sum(evse.energy_wh for evse in self._core.evses)

    def _tell(self, action: str, payload: dict[str, Any]) -> None:
        if not self.connected and action == "TransactionEvent":
            payload = payload | {"offline": True}
        self._untold.append((action, payload))
        self._touched.set()

    async def _serve(self) -> None:
        """Tell what there is to tell, in order, until the link is lost."""
        while True:
            while self._untold:
                action, payload = self._untold[0]
                await _unless_lost(self._core.call(action, payload))
                self._untold.popleft()
                if action == "TransactionEvent":
                    self._counters.transactions_confirmed += payload["eventType"] == "Started"
                    self._counters.stops_confirmed += payload["eventType"] == "Ended"
            self._touched.clear()
            waits = asyncio.create_task(self._touched.wait())
            await asyncio.wait([waits, self._core.reader], return_when=asyncio.FIRST_COMPLETED)
            waits.cancel()
            if self._core.reader.done():
                raise LinkLost

    def _warn(self, trouble: str) -> None:
        logger.warning("%s: no connection: %s", self._spec.identity, trouble)


async def _unless_lost(work: Coroutine[Any, Any, object]) -> None:
    """Do what waits for answers. Raises LinkLost when the link was lost instead."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    finally:
        task.cancel()
    if task.cancelled():
        raise LinkLost
    task.result()
