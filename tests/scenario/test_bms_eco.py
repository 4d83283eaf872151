"""Mode eco in the control loop, in virtual time: one car, the sun, and a BMS that commands over MQTT."""

from collections.abc import Callable
from typing import Any

import orjson

from edge.bms.eco import EcoMode
from edge.bms.facility import Facility
from edge.bms.mode_command import UNMEASURED
from edge.bms.mqtt_client import Conversation
from edge.bms.outbox import Outbox
from edge.bms.settings import FacilitySettings, MqttSettings, WritePolicy
from edge.bms.surplus import SurplusSettings
from edge.bms.surplus_watch import SurplusWatch
from edge.chance import Chance
from edge.control import report
from edge.domain.setpoint import Reason
from edge.domain.station import DrawSampled
from edge.units import Amps, PhaseAmps
from tests.site_builders import key
from tests.unit.control.loop_rig import Rig, in_virtual_time

START_S, STOP_S, TIMEOUT_S, FALLBACK_A = 20, 30, 60, 32.0
NIGHT_A, SUN_A = 5.0, -12.0  # per phase at the grid connection while the car draws nothing


class Wire:
    """Implements :class:`edge.bms.mqtt_client.Link` without a broker."""

    connected, dropped = True, 0

    def __init__(self, outbox: Outbox, conversation: Conversation) -> None:
        self.outbox, self.conversation = outbox, conversation

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class Roof(Rig):
    """A loop with one car that takes all it is allowed; ``acts`` are done after the tick of their number, from 1."""

    def __init__(self, *, shows_surplus: bool = True) -> None:
        super().__init__()
        eco = EcoMode(possible=shows_surplus)
        policy = WritePolicy(writable=True, limit_timeout_s=TIMEOUT_S, fallback_a=FALLBACK_A)
        self.facility = Facility(
            self.board.site,
            FacilitySettings(mqtt=MqttSettings(host="127.0.0.1", port=1883, tls=False, policy=policy)),
            clock=self.clock,
            version="test",
            sink=self.board,
            watches=[
                SurplusWatch(
                    self.board.site,
                    SurplusSettings(start_s=START_S, stop_s=STOP_S),
                    eco=eco,
                    battery=None,
                    battery_counts=False,
                    sink=self.board,
                )
            ],
            eco=eco,
            mqtt_link=self._broker,
        )
        self.base = f"edge/{self.board.site.id}"
        self.house_a: Amps = NIGHT_A
        self.seen: list[dict[str, Any]] = []
        self.acts: dict[int, Callable[[], None]] = {}
        self.on_publish = self._live

    def _live(self, number: int) -> None:
        told = dict(report.status(self.board, *self.published[-1], self.vitals.pulse)) | self.facility.report()
        self.seen.append(told)
        draw_a = self.published[-1][1].setpoint(0).limit_a or 0.0
        self.meter_shows_a = self.house_a + draw_a
        self.board.take(DrawSampled(key=key(1), at=self.clock.monotonic(), current_a=PhaseAmps.same(draw_a)))
        self.facility.publish(told)
        if number in self.acts:
            self.acts[number]()

    def _broker(
        self,
        settings: MqttSettings,  # noqa: ARG002 - of a MakeLink
        *,
        identifier: str,  # noqa: ARG002
        outbox: Outbox,
        conversation: Conversation,
        chance: Chance,  # noqa: ARG002
    ) -> "Wire":
        self.wire = Wire(outbox, conversation)
        return self.wire

    def ask(self, mode: str) -> None:
        now = self.clock.wall().isoformat()
        body = orjson.dumps({"id": f"{mode} {now}", "ts": now, "mode": mode})
        self.wire.conversation.receive(f"{self.base}/cmd/mode", body, retained=False)

    def shine(self, house_a: Amps) -> None:
        self.house_a = house_a

    def at(self, tick: int) -> tuple[str, str]:
        """Mode, and the EVSE's sentence."""
        found = self.seen[tick - 1]
        return found["bms"]["mode"], found["stations"][0]["evses"][0]["text"]


@in_virtual_time
async def test_a_car_in_eco_waits_for_surplus_and_follows_it() -> None:
    """It stops when the sun didn't come in time, is told why, begins with the sun, and follows it."""
    roof = Roof()
    roof.car_arrives()
    roof.acts = {
        40: lambda: roof.ask("eco"),
        79: lambda: roof.ask("eco"),
        80: lambda: roof.shine(SUN_A),
        130: lambda: roof.ask("eco"),
        150: lambda: roof.shine(-8.0),
    }
    await roof.run_for(170)
    assert roof.at(40) == ("auto", "27.0 A: main L1 is full (32.0 of 32 A)")
    mode, text = roof.at(60)
    assert (mode, text) == ("eco", "6.0 A: eco mode: goes by the sun's surplus (6.0 A)")
    assert roof.at(79) == ("eco", "0.0 A: eco mode: waits for surplus")
    assert roof.at(98)[1] == "0.0 A: eco mode: waits for surplus"
    assert roof.at(149)[1] == "12.0 A: eco mode: goes by the sun's surplus (12.0 A)"
    assert roof.at(169)[1] == "8.0 A: eco mode: goes by the sun's surplus (8.0 A)"


@in_virtual_time
async def test_a_bms_that_falls_silent_loses_its_mode() -> None:
    """After its time the car charges under the fallback again, and the mode reads auto."""
    roof = Roof()
    roof.car_arrives()
    roof.acts = {10: lambda: roof.ask("eco")}
    await roof.run_for(10 + TIMEOUT_S + 60)
    assert roof.at(10 + TIMEOUT_S - 1) == ("eco", "0.0 A: eco mode: waits for surplus")
    assert roof.at(10 + TIMEOUT_S + 2)[0] == "auto"
    last = roof.seen[-1]["stations"][0]["evses"][0]
    assert last["limit_a"] > 20
    assert last["reason"] not in (Reason.ECO, Reason.ECO_WAITS)


@in_virtual_time
async def test_auto_lets_all_go_at_once() -> None:
    """In the tick after the one that follows the write."""
    roof = Roof()
    roof.car_arrives()
    roof.acts = {5: lambda: roof.ask("eco"), 50: lambda: roof.ask("auto")}
    await roof.run_for(130)
    assert roof.at(50)[1] == "0.0 A: eco mode: waits for surplus"
    assert (roof.at(52)[0], "eco" in roof.at(52)[1]) == ("auto", False)
    assert roof.seen[-1]["stations"][0]["evses"][0]["limit_a"] > 6


@in_virtual_time
async def test_eco_is_refused_where_nothing_shows_surplus() -> None:
    """The answer says why, and the car charges on."""
    roof = Roof(shows_surplus=False)
    roof.car_arrives()
    roof.acts = {40: lambda: roof.ask("eco")}
    await roof.run_for(60)
    answer = await roof.wire.outbox.next()
    told = orjson.loads(answer.payload)
    assert (answer.topic, told["accepted"], told["reason"]) == (f"{roof.base}/cmd/mode/ack", False, UNMEASURED)
    assert roof.at(59) == ("auto", "27.0 A: main L1 is full (32.0 of 32 A)")
