"""A charging station of the world: the simulated one, whose cars draw in virtual time, and whose frames can be watched.

Between two changes of its offer every car draws the same, so the physics is advanced when something changes and
not at a fixed rate: exact, and cheap enough for a day of fifty stations.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from websockets.asyncio.client import ClientConnection

from simulators.charger import ChargingStation, ElectricVehicle, Obedience, StationSpec, TransactionAccount
from simulators.charger.configuration import Configuration
from simulators.charger.offers import Offers
from simulators.charger.profiles import Criteria
from simulators.charger.station import Action, Send
from simulators.interpreter import StationInterpreter
from simulators.phases import NO_AMPS, Amps3, on_grid_phases
from simulators.site import EvseSpec
from simulators.world.copper import Copper
from simulators.world.prompt import PromptClient

LONGEST_STEP_S: Final = 30.0  # a battery that fills: what a car wants falls by less than 1 % of its power in this time
# Answers to these change nothing of what a station offers, and they are most of what it hears.
TELLS_NOTHING: Final = frozenset({"MeterValues", "Heartbeat"})
ANSWERS: Final = "[3,"
INSTANT_S: Final = 0.002  # on either side of a moment at which an offer changes by itself


class Watcher(Protocol):
    """Hears every frame, and may change what arrives: that is how a test makes a peer that misbehaves."""

    def to_station(self, station: "WorldStation", text: str) -> Iterable[str]:
        """What the station's logic gets of a frame that has arrived."""

    def from_station(self, station: "WorldStation", text: str) -> Iterable[str]:
        """What goes onto the socket of a frame that it sends."""

    def drew(self, station: "WorldStation", evse: EvseSpec, grid_a: Amps3) -> None:
        """A car draws otherwise than before."""


class WorldStation(ChargingStation):
    """`wall_s` is true time on the scale of the epoch."""

    socket_class = PromptClient

    def __init__(
        self,
        spec: StationSpec,
        url: str,
        *,
        evses: Sequence[EvseSpec],
        wall_s: Callable[[], float],
        copper: Copper,
        watcher: Watcher,
        complain: Callable[[str], None],
    ) -> None:
        super().__init__(spec, url, now=wall_s, complain=complain)
        self.evses = tuple(evses)
        self._wall_s = wall_s
        self._copper = copper
        self._watcher = watcher
        self._settled_s = wall_s()
        self._shown: dict[int, Amps3] = {}
        self._physics: asyncio.TimerHandle | None = None
        self._begun_before: dict[int, int] = {}  # transactions of each connector, when its car came
        self._interpreter: StationInterpreter | None = None
        self.linked_at = 0.0  # when its connection was made, in the world's time
        if spec.is_v2:
            self._interpreter = StationInterpreter(
                spec.identity, transaction=self._number_under_way, runs=self._has_transaction
            )

    async def listen(self, socket: ClientConnection) -> None:
        assert isinstance(socket, PromptClient)  # noqa: S101 - it is of the class named above
        self.linked_at = asyncio.get_running_loop().time()
        await socket.deliver(self.hear if self._interpreter is None else self._interpreted)

    def _interpreted(self, arrived: str | bytes) -> None:
        """A text of OCPP 2.x has arrived."""
        text = arrived if isinstance(arrived, str) else arrived.decode()
        if self._interpreter is not None and isinstance(self._socket, PromptClient):
            heard, answer = self._interpreter.hears(text)
            if answer is not None:
                self._socket.say(answer)
            for each in heard:
                self.hear(each)

    def hear(self, arrived: str | bytes) -> None:
        text = arrived if isinstance(arrived, str) else arrived.decode()
        tells = self._core.outbound.under_way not in TELLS_NOTHING or text[:3] != ANSWERS
        if tells:
            self.settle()
        for each in self._watcher.to_station(self, text):
            super().hear(each)
        if tells:
            self.settle()  # the car notices a changed offer now

    def ticks(self) -> None:
        passed_s = self._passed_s()
        if self.charging():
            self._core.draw(passed_s, self._wall_s())
        self.show()
        self._plan_physics()

    def do(self, action: Action) -> None:
        if not isinstance(action, Send):
            super().do(action)
            return
        if not isinstance(self._socket, PromptClient):
            return
        if self._interpreter is None:
            for text in self._watcher.from_station(self, action.text):
                self._socket.say(text)
            return
        # Who judges hears in the words of 1.6 what it says; who lets it pass as it is lets it go in those of 2.x.
        read, said = self._interpreter.says(action.text)
        for text in self._watcher.from_station(self, read):
            goes = said if text == read else self._interpreter.says(text)[1]
            if goes is not None:
                self._socket.say(goes)

    def _number_under_way(self) -> int | None:
        transaction = self._core.outbound.transaction_under_way
        return None if transaction is None else transaction.transaction_id

    def _has_transaction(self, connector_id: int) -> bool:
        connector = self._core.sessions.connectors.get(connector_id)
        return connector is not None and connector.transaction is not None

    def arrive(self, connector_id: int, ev: ElectricVehicle, id_tag: str) -> None:
        """A car is plugged in."""
        self.settle()
        self._begun_before[connector_id] = self._begun(connector_id)
        self.plug_in(connector_id, ev, id_tag)
        self.settle()

    def leave(self, connector_id: int) -> None:
        """The car is unplugged."""
        self.settle()
        self.unplug(connector_id)
        self.settle()

    def holds_back(self, connector_id: int) -> bool:
        """Whether the car that is plugged in would go on, and is offered too little for that."""
        ev = self._core.sessions.connectors[connector_id].ev
        would = ev is not None and not ev.full and not ev.napping
        return would and ev is not None and self.offered_a(connector_id) < ev.min_a

    def refuses(self, connector_id: int) -> bool:
        """Whether the driver of the car that is plugged in sees that the card wasn't taken. Once it was, the driver
        is gone, and sees nothing of what becomes of the session.
        """
        connector = self._core.sessions.connectors[connector_id]
        let_in = self._begun(connector_id) > self._begun_before[connector_id]
        return connector.ev is not None and connector.pending is None and not let_in

    def has_ended(self, connector_id: int) -> bool:
        """Whether the session of the car that is plugged in is over, and the car isn't full."""
        connector = self._core.sessions.connectors[connector_id]
        began = self._begun(connector_id) > self._begun_before.get(connector_id, 0)
        return connector.ev is not None and not connector.ev.full and began and connector.transaction is None

    def session(self, connector_id: int) -> str | None:
        """The transaction that runs, as the station calls it; None: none, or none that was given a number yet."""
        transaction = self._core.sessions.connectors[connector_id].transaction
        if transaction is None or transaction.transaction_id is None:
            return None
        number = transaction.transaction_id
        return str(number) if self._interpreter is None else self._interpreter.name(number)

    @property
    def is_held_up(self) -> bool:
        """Whether what it has to say of its sessions waits behind what nobody has answered, or taken."""
        return self._core.outbound.is_held_up

    def given_up(self) -> tuple[TransactionAccount, ...]:
        """The transactions whose begin it has given up telling, as nobody answered."""
        return self._core.sessions.ledger.given_up()

    def told_a(self, connector_id: int) -> float:
        """As :meth:`offered_a`, by the profiles that it has accepted, whether it obeys them or not."""
        sessions = self._core.sessions
        offers = Offers(sessions.connectors, sessions.profiles, lambda: True)
        return offers.one_a(connector_id, self._now() + self.spec.clock_offset_s)

    def register_wh(self, connector_id: int) -> float:
        """What the connector's register shows."""
        return self._core.sessions.connectors[connector_id].register_wh

    def session_wh(self, connector_id: int) -> float | None:
        """What the session that runs has had, by the register at its begin; None: none runs."""
        if self._core.sessions.connectors[connector_id].transaction is None:
            return None
        of_this = (each for each in reversed(self.transactions()) if each.connector_id == connector_id)
        began = next(of_this, None)
        return None if began is None else self.register_wh(connector_id) - began.meter_start_wh

    def _begun(self, connector_id: int) -> int:
        return sum(1 for account in self.transactions() if account.connector_id == connector_id)

    def obey(self, obedience: Obedience) -> None:
        """From now on it does so with the profiles that it holds and those that come."""
        self._become(replace(self.spec, obedience=obedience))

    def count_from_1970(self) -> None:
        """Its clock was never set: it begins to count now, and takes no time from anybody."""
        self.spec = replace(self.spec, clock_offset_s=-self._wall_s())
        self._become(self.spec)

    def take_one_period(self, *, tells: bool = True) -> None:
        """It takes schedules of one period only; whether its configuration says so."""
        sessions = self._core.sessions
        sessions.profiles.size = replace(sessions.profiles.size, max_periods=1)
        if tells:
            sessions.configuration = Configuration(self.spec, sessions.profiles.size)

    def _become(self, spec: StationSpec) -> None:
        self.settle()
        self._core.spec = self._core.sessions.spec = spec
        self.settle()

    def would_free(self, criteria: Criteria) -> bool:
        """See :meth:`simulators.charger.profiles.ProfileStore.would_free`."""
        return self._core.sessions.profiles.would_free(criteria)

    def forget_profiles(self) -> None:
        """Its memory is lost: no limit holds any more."""
        self.settle()
        self._core.sessions.profiles.clear(Criteria())
        self.settle()

    def lose_power(self) -> None:
        """Its power fails for a moment: sessions end, and it boots."""
        self.settle()
        now_s = self._wall_s()
        self._core.restart_after("PowerLoss", now_s + self.spec.clock_offset_s)
        self.perform(self._core.tick(now_s))
        self.settle()

    @property
    def registered(self) -> bool:
        """Whether its last boot was accepted."""
        return self._core.registration.accepted

    def configure(self, key: str, value: str) -> None:
        """Its own configuration, as its maker or a technician has set it."""
        self._core.sessions.configuration.change(key, value)

    def say(self, text: str) -> None:
        """Send something that its logic wouldn't."""
        self.perform([Send(text=text)])

    def settle(self) -> None:
        """Bring the cars and the copper up to now, and plan the next moment at which that is needed."""
        passed_s = self._passed_s()
        if self.charging():
            self.step(passed_s)
        self.show()
        self._plan_physics()

    def _passed_s(self) -> float:
        """Since it was last asked."""
        before_s, self._settled_s = self._settled_s, self._wall_s()
        return max(0.0, self._settled_s - before_s)

    def show(self) -> None:
        """The copper carries what the cars draw."""
        for evse in self.evses:
            grid_a = on_grid_phases(self.draw_a(evse.evse_id), evse.rotation)
            if self._shown.get(evse.evse_id, NO_AMPS) != grid_a:
                self._shown[evse.evse_id] = grid_a
                self._copper.draw((evse.station, evse.evse_id), evse.circuit, grid_a)
                self._watcher.drew(self, evse, grid_a)

    def drawn_a(self, evse: EvseSpec) -> Amps3:
        """Of the grid's L1, L2, L3, now."""
        return on_grid_phases(self.draw_a(evse.evse_id), evse.rotation)

    def _plan_physics(self) -> None:
        if self._physics is not None:
            self._physics.cancel()
            self._physics = None
        if not self.charging():
            return
        soon_s = self.changes_soon_s(LONGEST_STEP_S)
        wait_s = LONGEST_STEP_S if soon_s is None else soon_s + INSTANT_S
        loop = asyncio.get_running_loop()
        if soon_s is not None and soon_s > INSTANT_S:
            # Once more just before, so that until then the car drew what it drew.
            wait_s = soon_s - INSTANT_S / 2
        self._physics = loop.call_later(wait_s, self.settle)

    def stop(self) -> None:
        """No more physics."""
        if self._physics is not None:
            self._physics.cancel()
