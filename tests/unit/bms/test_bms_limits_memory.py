"""What the BMS demanded over a restart: it holds for as long as it would have, and then the fallback does."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from edge.bms.eco import BmsMode, EcoMode
from edge.bms.facility import Facility
from edge.bms.limits_memory import AT_ONCE, BETWEEN_S, RENEWED_S, Demanded, LimitsFile
from edge.bms.mqtt_client import Conversation
from edge.bms.outbox import Outbox
from edge.bms.settings import FacilitySettings, ModbusSettings, MqttSettings, WritePolicy
from edge.chance import Chance
from edge.domain.effective import Binding
from edge.domain.limit import LimitSource
from tests.unit.bms.bms_site import Hands, Taken, site

MODBUS = LimitSource.BMS_MODBUS
HEARTBEAT, LIMIT_A, VALID, FALLBACK, MODE = 1, 4, 5, 6, 7
TIMEOUT_S = 60.0


class NoBroker:
    """Implements :class:`edge.bms.mqtt_client.Link`."""

    connected, dropped = False, 0

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class House:
    """A gateway with its disk, that is started anew."""

    def __init__(self, file: Path, *, fallback_writable: bool = False) -> None:
        self.clock, self.file = Hands(), file
        self.policy = WritePolicy(
            writable=True, limit_timeout_s=TIMEOUT_S, fallback_a=20.0, fallback_writable=fallback_writable
        )
        self.shows_surplus = True
        self.commands = 0

    async def start(self) -> None:
        self.facility = Facility(
            site(),
            FacilitySettings(
                modbus=ModbusSettings(host="127.0.0.1", port=0, policy=self.policy),
                mqtt=MqttSettings(host="127.0.0.1", port=1883, tls=False, policy=self.policy),
                limits_file=self.file,
            ),
            clock=self.clock,
            version="test",
            sink=Taken(),
            eco=EcoMode(possible=self.shows_surplus),
            mqtt_link=self._link,
        )
        await self.facility.start()

    def _link(
        self,
        settings: MqttSettings,  # noqa: ARG002 - of a MakeLink
        *,
        identifier: str,  # noqa: ARG002
        outbox: Outbox,  # noqa: ARG002
        conversation: Conversation,
        chance: Chance,  # noqa: ARG002
    ) -> NoBroker:
        self.conversation = conversation
        return NoBroker()

    async def restart(self, *, down_s: float = 0.0) -> None:
        await self.facility.stop()
        self.clock.pass_s(down_s)
        await self.start()

    def write(self, register: int, *values: int) -> None:
        assert self.facility._block is not None
        self.facility._block.write_holding(register, values)

    def read(self, register: int) -> int:
        assert self.facility._block is not None
        return self.facility._block.read_holding(register, 1)[0]

    def command(self, topic: str, **body: object) -> None:
        self.commands += 1
        message = {"id": self.commands, "ts": self.clock.wall().isoformat()} | body
        self.conversation.receive(f"edge/{site().id}/{topic}", orjson.dumps(message), retained=False)

    def effective(self) -> tuple[float, Binding]:
        found = self.facility.limits.effective(site().circuits[0], self.clock.monotonic())
        return found.limit_a, found.binding


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "store" / "bms-limits.json")


def by_modbus(house: House) -> None:
    house.write(LIMIT_A, 100)


def by_mqtt(house: House) -> None:
    house.command("cmd/limit", max_a=10)


@pytest.mark.parametrize("demand", [by_modbus, by_mqtt])
async def test_a_limit_outlives_a_restart_and_ends_when_it_would_have(
    house: House, demand: Callable[[House], None]
) -> None:
    """The time that nobody ran counts, less what a renewal that isn't written down may have added."""
    await house.start()
    demand(house)
    await house.restart(down_s=TIMEOUT_S - 10)
    assert house.effective() == (10.0, Binding.BMS)
    house.clock.pass_s(10 + RENEWED_S - 0.1)
    assert house.effective() == (10.0, Binding.BMS)
    house.clock.pass_s(0.2)
    assert house.effective() == (20.0, Binding.FALLBACK)
    await house.facility.stop()


@pytest.mark.parametrize("demand", [by_modbus, by_mqtt])
async def test_a_limit_outlives_a_power_cut_before_the_next_tick(house: House, demand: Callable[[House], None]) -> None:
    """It was answered as taken."""
    await house.start()
    demand(house)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        await task  # the disk is quicker than the power
    gone = house.facility
    await house.start()
    assert house.effective() == (10.0, Binding.BMS)
    await gone.stop()
    await house.facility.stop()


@pytest.mark.parametrize("demand", [by_modbus, by_mqtt])
async def test_a_limit_that_ended_meanwhile_has_fallen_back(house: House, demand: Callable[[House], None]) -> None:
    """At once: a BMS that was silent for longer than its limit holds is."""
    await house.start()
    demand(house)
    await house.restart(down_s=TIMEOUT_S + RENEWED_S)
    assert house.effective() == (20.0, Binding.FALLBACK)
    await house.facility.stop()


async def test_a_heartbeat_renews_what_was_written_before_the_restart(house: House) -> None:
    """And not "no limit" for ever, which is what a gateway without memory would take its registers for."""
    await house.start()
    house.write(VALID, 90)
    house.write(LIMIT_A, 100)
    await house.restart()
    assert (house.read(LIMIT_A), house.read(VALID)) == (100, 90)
    house.clock.pass_s(80)
    house.write(HEARTBEAT, 7)
    house.clock.pass_s(89)
    assert house.effective() == (10.0, Binding.BMS)
    house.clock.pass_s(2)
    house.write(HEARTBEAT, 8)
    assert house.effective() == (20.0, Binding.FALLBACK)
    await house.facility.stop()


async def test_pause_and_eco_outlive_a_restart(house: House) -> None:
    """Each for its time."""
    await house.start()
    house.write(MODE, 1)
    house.command("cmd/mode", mode="eco", valid_s=600)
    await house.restart(down_s=5)
    assert house.effective() == (0.0, Binding.BMS)
    report = house.facility.report()["bms"]
    assert (report["mode"], report["eco_remaining_s"]) == ("pause", 600.0)
    house.clock.pass_s(600)
    report = house.facility.report()["bms"]
    assert (report["mode"], report["eco_remaining_s"]) == ("auto", None)
    await house.facility.stop()


async def test_eco_is_auto_where_the_meter_was_taken_away(house: House) -> None:
    """The site file has changed over the restart."""
    await house.start()
    house.write(MODE, 2)
    house.shows_surplus = False
    await house.restart()
    assert house.facility.report()["bms"]["mode"] == BmsMode.AUTO
    await house.facility.stop()


async def test_a_lowered_fallback_stays_lowered(tmp_path: Path) -> None:
    """Unless the installer has forbidden it since."""
    house = House(tmp_path / "limits.json", fallback_writable=True)
    await house.start()
    house.write(FALLBACK, 80)
    await house.restart(down_s=TIMEOUT_S + RENEWED_S)
    assert house.effective() == (8.0, Binding.FALLBACK)
    house.policy = WritePolicy(writable=True, limit_timeout_s=TIMEOUT_S, fallback_a=20.0)
    await house.restart()
    assert house.effective() == (20.0, Binding.FALLBACK)
    await house.facility.stop()


async def test_a_fallback_that_nobody_has_lowered_is_the_site_file_s(tmp_path: Path) -> None:
    """Also where the installer raises it later, and where the BMS has taken its lowering back."""
    house = House(tmp_path / "limits.json", fallback_writable=True)
    await house.start()
    house.policy = replace(house.policy, fallback_a=25.0)
    await house.restart(down_s=TIMEOUT_S + RENEWED_S)
    assert house.effective() == (25.0, Binding.FALLBACK)
    house.write(FALLBACK, 80)
    house.write(FALLBACK, 250)
    house.policy = replace(house.policy, fallback_a=30.0)
    await house.restart(down_s=TIMEOUT_S + RENEWED_S)
    assert (house.effective(), house.read(FALLBACK)) == ((30.0, Binding.FALLBACK), 300)
    await house.facility.stop()


async def test_who_was_silent_is_so_after_a_restart(house: House) -> None:
    """A gateway that is restarted again and again grants no new grace each time."""
    await house.start()
    await house.restart(down_s=TIMEOUT_S + RENEWED_S)
    assert house.effective() == (20.0, Binding.FALLBACK)
    await house.facility.stop()


async def test_a_new_gateway_waits_for_its_bms(house: House) -> None:
    """There is nothing that it could have forgotten."""
    await house.start()
    assert house.effective()[1] is Binding.FUSE
    house.clock.pass_s(TIMEOUT_S)
    assert house.effective() == (20.0, Binding.FALLBACK)
    await house.facility.stop()


async def test_without_a_clock_the_limit_holds_for_the_rest_of_its_time(house: House) -> None:
    """How long nobody ran isn't known."""
    await house.start()
    by_modbus(house)
    house.clock.pass_s(20)
    await house.facility.stop()
    house.clock.pass_s(1e6)
    house.clock.trusted = False
    await house.start()
    assert house.effective() == (10.0, Binding.BMS)
    house.clock.pass_s(TIMEOUT_S - 20)
    assert house.effective() == (20.0, Binding.FALLBACK)
    await house.facility.stop()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"wall_s": null, "bms_modbus": {"left_s": -1}}',
        '{"wall_s": null, "bms_mqtt": 7}',
    ],
)
async def test_what_cannot_be_believed_is_silence(house: House, text: str) -> None:
    """The fallback holds until the BMS is heard: what it had demanded isn't known."""
    house.file.parent.mkdir()
    house.file.write_text(text)
    await house.start()
    assert house.effective() == (20.0, Binding.FALLBACK)
    await house.facility.stop()


class Pen(LimitsFile):
    """Counts what it writes, on a clock set by hand."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.clock = Hands()
        self.written: list[Demanded] = []

    def says(self, demanded: Demanded, *, after_s: float) -> int:
        self.clock.pass_s(after_s)
        self.keep({MODBUS: demanded}, self.clock)
        return len(self.written)

    def _write(self, demanded: object, clock: object) -> None:
        assert isinstance(demanded, dict)
        self.written.append(demanded[MODBUS])
        super()._write(demanded, clock)  # type: ignore[arg-type] # of a mapping as above


async def test_a_clock_that_is_set_makes_no_limit_old(tmp_path: Path) -> None:
    """What was written hours behind is written again by the right time; a start after that goes on with the limit."""
    pen = Pen(tmp_path / "limits.json")
    limit = Demanded(left_s=3600.0, limit_a=10.0)
    pen.says(limit, after_s=0)
    pen.clock.at += timedelta(hours=6)
    pen.says(replace(limit, left_s=3600.0 - BETWEEN_S), after_s=BETWEEN_S)
    await pen._writing.done()
    (found,) = LimitsFile(tmp_path / "limits.json").read(pen.clock).values()
    assert found.left_s == 3600.0 - BETWEEN_S


async def test_what_is_demanded_anew_is_written_at_once(tmp_path: Path) -> None:
    """Also a second after the last writing: a start in between would go on with what was demanded before, and a
    heartbeat would renew that.
    """
    pen = Pen(tmp_path / "limits.json")
    pen.says(Demanded(left_s=60.0), after_s=0)
    assert pen.says(Demanded(left_s=60.0, limit_a=10.0), after_s=1) == 2
    assert pen.says(Demanded(left_s=60.0, limit_a=8.0), after_s=1) == 3


async def test_a_bms_that_renews_each_second_does_not_wear_the_card(tmp_path: Path) -> None:
    """A renewal is written when it adds much, of other limits some at once and then one each ten seconds, the end of it
    all once.
    """
    pen = Pen(tmp_path / "limits.json")
    limit = Demanded(left_s=60.0, limit_a=10.0)
    assert pen.says(limit, after_s=0) == 1
    for _ in range(300):
        pen.says(limit, after_s=1)
    assert len(pen.written) == 1 + 300 // RENEWED_S
    for number in range(100):
        pen.says(Demanded(left_s=60.0, limit_a=float(number)), after_s=1)
    assert len(pen.written) <= 11 + AT_ONCE + 100 // BETWEEN_S
    before = len(pen.written)
    for _ in range(100):
        pen.says(Demanded(left_s=0.0, limit_a=99.0), after_s=1)
    assert len(pen.written) - before <= 2
    assert pen.written[-1] == Demanded(left_s=0.0, limit_a=99.0)
    await pen.close({MODBUS: limit}, pen.clock)
    assert LimitsFile(tmp_path / "limits.json").read(pen.clock) == {MODBUS: limit}
