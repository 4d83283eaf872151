"""The building's side of the gateway, joined: every tick's image out, limits in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge.bms.demand_watch import DemandWatch
from edge.bms.eco import BmsMode, EcoMode
from edge.bms.grid import DimmedBy
from edge.bms.grid_operator import GridOperator
from edge.bms.home_assistant import Discovery
from edge.bms.image import image
from edge.bms.limits_memory import Demanded, LimitsFile
from edge.bms.modbus_control import ControlBlock
from edge.bms.modbus_server import ModbusServer
from edge.bms.mode_command import TOPIC as MODE_TOPIC
from edge.bms.mode_command import ModeCommand
from edge.bms.mqtt_client import Link, MakeLink, MqttClient
from edge.bms.mqtt_commands import Commands, Now
from edge.bms.mqtt_conversation import MqttConversation
from edge.bms.mqtt_topics import Topics
from edge.bms.outbox import Outbox
from edge.bms.registers import Telemetry
from edge.bms.relay_contact import ContactInput, GpioContact
from edge.bms.settings import Bounds, FacilitySettings, ModbusSettings, MqttSettings
from edge.bms.stated import StatedLimits
from edge.bms.view import charging_w
from edge.bms.watches import Watch
from edge.chance import Chance, SystemChance
from edge.clock import Clock
from edge.control.ports import LimitSink
from edge.domain.effective import effective_report
from edge.domain.limit import LimitSource, LimitStated
from edge.domain.site import Circuit, Site
from edge.units import PhaseAmps, watts


class Facility:
    """Everything that the site file sets up of it: none of it is there unless it is asked for. ``relay`` is the grid
    operator's contact, where the settings name one; ``mqtt_link`` makes the way to the broker. ``eco`` is what the
    surplus's watch keeps to; None where there is none.

    The control loop calls :meth:`report` and :meth:`publish` once a tick; neither waits.
    """

    def __init__(
        self,
        site: Site,
        settings: FacilitySettings,
        *,
        clock: Clock,
        version: str,
        sink: LimitSink,
        watches: Sequence[Watch] = (),
        eco: EcoMode | None = None,
        relay: ContactInput | None = None,
        chance: Chance | None = None,
        mqtt_link: MakeLink = MqttClient,
    ) -> None:
        self._site = site
        self._clock = clock
        self._version = version
        self._limits = StatedLimits(site, sink)
        self._root = next(circuit for circuit in site.circuits if circuit.parent is None)
        self._watches = watches
        self._windows = [watch for watch in watches if isinstance(watch, DemandWatch)]
        self._eco = eco if eco is not None else EcoMode(possible=False)
        self._grid: GridOperator | None = None
        if settings.grid is not None:
            self._grid = GridOperator(
                settings.grid, site=site.id, sink=self._limits, clock=clock, relay=relay, heard=_who_may_dim(settings)
            )
        self._memory = LimitsFile(settings.limits_file) if settings.limits_file is not None else None
        self._demands = _Demands(self._limits, self._keep)
        self._hears = False  # what it had demanded before the start is there, and may be written anew
        self._block: ControlBlock | None = None
        self._conversation: MqttConversation | None = None
        self._modbus: ModbusServer | None = None
        self._mqtt: Link | None = None
        if settings.modbus is not None:
            self._block = self._control_block(settings.modbus)
            self._modbus = ModbusServer(settings.modbus, self._block)
        if settings.mqtt is not None:
            outbox = Outbox()
            self._conversation = self._talk(settings.mqtt, outbox)
            self._mqtt = mqtt_link(
                settings.mqtt,
                identifier=f"edge-{site.id}",
                outbox=outbox,
                conversation=self._conversation,
                chance=chance if chance is not None else SystemChance(),
            )

    @property
    def limits(self) -> StatedLimits:
        """Where limits are handed in, and asked for."""
        return self._limits

    @property
    def modbus_port(self) -> int | None:
        """The port of the Modbus server, None where there is none."""
        return self._modbus.port if self._modbus is not None else None

    @property
    def attentive(self) -> bool:
        """Whether anybody wants to see each tick."""
        return any((self._block, self._conversation, self._watches, self._grid is not None and self._grid.attentive))

    async def start(self) -> None:
        """Listen and dial; the time of those who may limit and are silent begins.

        :raises StartError: an address is in use.
        """
        if self._grid is not None:
            self._grid.start()
        before = self._memory.read(self._clock) if self._memory is not None else {}
        if self._block is not None:
            dimmed = self._grid is not None and self._grid.asks(DimmedBy.MODBUS)
            self._block.start(dimmed=dimmed, before=before.get(LimitSource.BMS_MODBUS))
        if self._conversation is not None:
            self._hear_again(self._conversation, before.get(LimitSource.BMS_MQTT))
        self._hears = True
        if self._modbus is not None:
            await self._modbus.start()
        if self._mqtt is not None:
            await self._mqtt.start()

    async def stop(self) -> None:
        if self._mqtt is not None:
            await self._mqtt.stop()
        if self._modbus is not None:
            await self._modbus.stop()
        if self._memory is not None:
            await self._memory.close(self._demanded(), self._clock)
        if self._grid is not None:
            await self._grid.stop()
        for window in self._windows:
            await window.close()

    def report(self) -> dict[str, Any]:
        """What the status report says of the building's interface."""
        interface: dict[str, Any] = {}
        if self._block is not None or self._mqtt is not None:
            interface |= self._mode()
        if self._block is not None:
            interface["modbus"] = self._block.values
        if self._mqtt is not None:
            interface["mqtt"] = {"connected": self._mqtt.connected, "dropped": self._mqtt.dropped}
        if self._grid is not None:
            interface |= self._grid.report()
        if self._windows:
            interface["demand"] = [window.report() for window in self._windows]
        return {"bms": interface}

    def publish(self, report: Mapping[str, Any]) -> None:
        """A tick is complete, and ``report`` is of it: show it, and judge what limits follow from it."""
        if self._block is not None:
            self._block.show(lambda: Telemetry.of(image(report, self._site)))
        if self._conversation is not None:
            self._conversation.publish(image(report, self._site))
        self._keep()
        if self._grid is not None:
            drawn_w = charging_w(report, self._site, self._grid.circuit) if self._grid.proves else None
            self._grid.tick(report, drawn_w)
        for watch in self._watches:
            limit = watch.observe(report, self._clock)
            if limit is not None:
                self._limits.take(limit)

    def _hear_again(self, conversation: MqttConversation, before: Demanded | None) -> None:
        """What the building had demanded over MQTT holds on."""
        conversation.start(before)
        if before is not None and before.eco_left_s > 0 and self._eco.possible:
            self._eco.ask(LimitSource.BMS_MQTT, until=self._clock.monotonic() + before.eco_left_s)

    def _keep(self) -> None:
        """Have written down what the building demands."""
        if self._memory is not None and self._hears:
            self._memory.keep(self._demanded(), self._clock)

    def _demanded(self) -> dict[LimitSource, Demanded]:
        """What the building demands now, by each way on which it may."""
        found: dict[LimitSource, Demanded] = {}
        now = self._clock.monotonic()
        if self._block is not None and (written := self._block.demanded) is not None:
            found[LimitSource.BMS_MODBUS] = written
        said = self._limits.newest(LimitSource.BMS_MQTT, self._root.id)
        if said is not None and said.ends_at is not None:
            found[LimitSource.BMS_MQTT] = Demanded(
                left_s=max(said.ends_at - now, 0.0),
                limit_a=said.limit_a,
                limit_w=said.limit_w,
                eco_left_s=self._eco.left_s(LimitSource.BMS_MQTT, now),
            )
        return found

    def _mode(self) -> dict[str, Any]:
        """The building's mode that holds; a pause comes before eco."""
        eco_s = self._eco.remaining_s(self._clock.monotonic())
        mode = BmsMode.ECO if eco_s is not None else BmsMode.AUTO
        if self._block is not None and self._block.pauses:
            mode = BmsMode.PAUSE
        return {"mode": mode.value, "eco_remaining_s": round(eco_s, 1) if eco_s is not None else None}

    def _control_block(self, settings: ModbusSettings) -> ControlBlock:
        def dim(asked: bool) -> None:
            self._dim(DimmedBy.MODBUS, asked)

        return ControlBlock(
            circuit=self._root.id,
            policy=settings.policy,
            bounds=self._bounds(self._root),
            sink=self._demands,
            now=self._clock.monotonic,
            eco=self._eco,
            dim=dim if self._grid is not None else None,
        )

    def _talk(self, settings: MqttSettings, outbox: Outbox) -> MqttConversation:
        topics = Topics(self._site.id)
        handlers = {MODE_TOPIC: ModeCommand(self._eco, timeout_s=settings.policy.limit_timeout_s)}
        commands = Commands(
            base=topics.base,
            circuit=self._root.id,
            policy=settings.policy,
            bounds=self._bounds(self._root),
            grid=self._grid is not None,
            handlers=handlers | dict(self._grid.handlers if self._grid is not None else {}),
        )
        discovery = Discovery(
            site=self._site,
            base=topics.base,
            prefix=settings.discovery_prefix,
            version=self._version,
            most_a=self._root.rating_a if settings.policy.writable else None,
            eco=settings.policy.writable and self._eco.possible,
        )
        return MqttConversation(
            topics=topics,
            commands=commands,
            discovery=discovery if settings.discovery else None,
            outbox=outbox,
            sink=self._demands,
            now=self._now,
            effective=self._effective,
            dim=lambda asked: self._dim(DimmedBy.MQTT, asked),
        )

    def _dim(self, by: DimmedBy, asked: bool) -> None:
        if self._grid is not None:
            self._grid.dim(by, asked=asked)

    def _bounds(self, circuit: Circuit) -> Bounds:
        most_a = circuit.fuse_a
        return Bounds(most_a=most_a, most_w=watts(PhaseAmps.same(most_a), self._site.nominal_voltage_v))

    def _now(self) -> Now:
        trusted = self._clock.wall_is_trusted()
        return Now(monotonic=self._clock.monotonic(), wall=self._clock.wall() if trusted else None)

    def _effective(self) -> Mapping[str, Any]:
        return effective_report(self._limits.effective(self._root, self._clock.monotonic()))


class _Demands:
    """Implements :class:`edge.control.ports.LimitSink`: hands on what the building demands, and has it written down, so
    that a power cut before the next tick takes nothing back that was answered.
    """

    def __init__(self, sink: LimitSink, keep: Callable[[], None]) -> None:
        self._sink = sink
        self._keep = keep

    def take(self, fact: LimitStated) -> None:
        self._sink.take(fact)
        self._keep()


def _who_may_dim(settings: FacilitySettings) -> frozenset[DimmedBy]:
    ways = {DimmedBy.MODBUS: settings.modbus, DimmedBy.MQTT: settings.mqtt}
    return frozenset(by for by, way in ways.items() if way is not None and way.policy.writable) | {DimmedBy.CONTACT}


def relay_of(settings: FacilitySettings) -> GpioContact | None:
    """The pin that the settings name, None where there is none."""
    grid = settings.grid
    return GpioContact(grid.contact) if grid is not None and grid.contact is not None else None
