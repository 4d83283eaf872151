"""The grid operator over MQTT: what a SHIP bridge and a VEN say, what follows, and what is proved."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.bms.eebus_lpc import LpcSettings
from edge.bms.facility import Facility
from edge.bms.grid import DimmedBy, GridSettings
from edge.bms.grid_operator import GridOperator
from edge.bms.mqtt_commands import LARGEST_EVENTS, Commands, Now, Outcome
from edge.bms.settings import Bounds, FacilitySettings, WritePolicy
from edge.domain.effective import Binding
from edge.domain.limit import LimitSource, LimitStated
from tests.unit.bms.bms_site import Hands, Taken, report, site
from tests.unit.bms.test_bms_openadr import event

GARAGE = site().circuits[1]


class House:
    """A grid operator's side with everything on, and its command topics."""

    def __init__(self, *, evidence: Path | None = None, lpc: bool = True) -> None:
        self.clock, self.taken = Hands(), Taken()
        settings = GridSettings(
            circuit="garage",
            limit_w=7560.0,
            evidence=evidence,
            lpc=LpcSettings(failsafe_w=4200.0) if lpc else None,
            openadr=True,
        )
        self.grid = GridOperator(settings, site="harbour-3", sink=self.taken, clock=self.clock, relay=None)
        self.commands = Commands(
            base="edge/x",
            circuit="main",
            policy=WritePolicy(writable=True, limit_timeout_s=60.0, fallback_a=20.0),
            bounds=Bounds(most_a=63.0, most_w=43470.0),
            grid=True,
            handlers=self.grid.handlers,
        )
        self.number = 0

    def say(self, topic: str, **fields: Any) -> Outcome:
        self.number += 1
        body = {"id": self.number, "ts": self.clock.wall().isoformat()} | fields
        now = Now(monotonic=self.clock.monotonic(), wall=self.clock.wall())
        outcome = self.commands.receive(f"edge/x/cmd/{topic}", json.dumps(body).encode(), retained=False, now=now)
        assert outcome is not None
        return outcome

    def tick(self) -> None:
        self.grid.tick(report(), 5000.0)
        self.clock.pass_s(1)

    @property
    def stated(self) -> list[float | None]:
        return [limit.limit_w for limit in self.taken.limits]


def test_a_bridge_limits_by_eebus() -> None:
    """From the start the failsafe value, before the first decision; a heartbeat and a limit at once; lost, the failsafe
    value again."""
    house = House()
    house.grid.start()
    assert house.stated == [4200.0]
    house.tick()
    assert house.stated == [4200.0]
    assert house.say("lpc", heartbeat=True, limit_w=9000).accepted
    assert house.taken.limits[-1] == LimitStated(
        source=LimitSource.GRID_EEBUS, circuit="garage", at=house.clock.now, limit_w=9000.0
    )
    house.clock.pass_s(119)
    house.tick()
    house.tick()
    assert house.stated == [4200.0, 9000.0, 4200.0]
    assert house.grid.report() == {"lpc_state": "failsafe"}


def test_a_limit_of_a_bridge_says_how_long_it_holds() -> None:
    """Also when only its end is another; over, or taken back, it limits nothing, and has no end."""
    house = House()
    house.grid.start()
    house.say("lpc", heartbeat=True, limit_w=9000, duration_s=60)
    began = house.clock.now
    house.clock.pass_s(30)
    house.say("lpc", heartbeat=True, limit_w=9000, duration_s=90)
    house.say("lpc", heartbeat=True, limit_w=9000)
    house.say("lpc", heartbeat=True, limit_w=9000, duration_s=10)
    told = len(house.taken.limits)
    house.clock.pass_s(9)
    house.tick()
    assert len(house.taken.limits) == told  # nothing new
    house.tick()
    ends = [limit.ends_at - began if limit.ends_at is not None else None for limit in house.taken.limits[1:]]
    assert ends == [60, 120, None, 40, None]
    assert house.stated == [4200.0, *[9000.0] * 4, None]


@pytest.mark.parametrize(
    "fields",
    [
        {"failsafe_w": 0, "limit_w": -1, "heartbeat": True},
        {"failsafe_w": 0, "limit_w": 5000},  # without a heartbeat
        {"failsafe_w": 0, "failsafe_s": 60, "heartbeat": True},
        {"failsafe_w": 0, "limit_w": 5000, "duration_s": -1, "heartbeat": True},
        {"failsafe_w": 0, "limit_w": 5000, "duration_s": "long", "heartbeat": True},
    ],
)
def test_what_is_refused_in_part_has_done_nothing(fields: dict[str, Any]) -> None:
    """Neither is the failsafe value another, nor has a heartbeat been heard."""
    house = House()
    assert not house.say("lpc", **fields).accepted
    assert not house.say("lpc", limit_w=9000).accepted  # there was no heartbeat
    house.tick()
    assert house.stated == [4200.0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "none of heartbeat"),
        ({"heartbeat": 1}, "neither true nor false"),
        ({"limit_w": "much"}, "no number"),
        ({"limit_w": 4200}, "no heartbeat"),
        ({"heartbeat": True, "limit_w": -1}, "no power"),
        ({"failsafe_s": 60}, "2 to 24 h"),
        ({"heartbeat": True, "active": False}, "limit_w is missing"),  # it takes nothing back
        ({"heartbeat": True, "duration_s": 900}, "limit_w is missing"),
    ],
)
def test_what_a_bridge_says_wrong_is_refused(fields: dict[str, Any], words: str) -> None:
    """With the reason; nothing is limited by it."""
    house = House()
    outcome = house.say("lpc", **fields)
    assert not outcome.accepted
    assert words in outcome.reason
    assert house.taken.limits == []


def test_a_ven_hands_in_its_events() -> None:
    """They limit when they hold; the next ones replace them; bad ones are refused and replace nothing."""
    house = House()
    assert house.say("openadr", events=[event(10)]).accepted
    house.tick()
    assert not house.say("openadr", events="all").accepted
    house.tick()
    assert house.say("openadr", events=[]).accepted
    house.tick()
    assert [each.limit_w for each in house.taken.limits if each.source is LimitSource.OPENADR] == [10_000.0, None]


def test_a_ven_hands_in_a_week_of_quarter_hours() -> None:
    """An event may have a thousand intervals; what no VEN has is refused as too long."""
    house = House()
    whole = event(10)
    whole["intervals"] = [{"id": number} | whole["intervals"][0] for number in range(7 * 96)]
    assert house.say("openadr", events=[whole]).accepted
    whole["intervals"][0]["payloads"][0]["comment"] = "x" * LARGEST_EVENTS
    assert house.say("openadr", events=[whole]).reason == f"longer than {LARGEST_EVENTS} bytes"


async def test_what_was_said_outlives_a_power_cut_before_the_next_tick(tmp_path: Path) -> None:
    """A bridge was told that it is carried out, and doesn't say it again. A flood is written with the ticks."""
    settings = GridSettings(
        circuit="garage",
        limit_w=7560.0,
        dimming_file=tmp_path / "dimming.json",
        lpc=LpcSettings(),
        lpc_file=tmp_path / "lpc.json",
        openadr=True,
        openadr_file=tmp_path / "events.json",
    )

    async def run(words: Callable[[GridOperator], None]) -> list[tuple[LimitSource, float | None]]:
        taken, clock = Taken(), Hands()
        operator = GridOperator(settings, site="x", sink=taken, clock=clock, relay=None)
        operator.start()
        operator.tick(report(), None)
        clock.pass_s(2.0)
        words(operator)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            await task  # the disk is quicker than the power
        return [(limit.source, limit.limit_w) for limit in taken.limits]

    await run(lambda operator: operator.dim(DimmedBy.MQTT, asked=True))
    assert (LimitSource.GRID, 7560.0) in await run(
        lambda operator: operator.handlers["cmd/lpc"]({"heartbeat": True, "limit_w": 8000.0}, 1002.0)
    )
    assert (LimitSource.GRID_EEBUS, 8000.0) in await run(
        lambda operator: operator.handlers["cmd/openadr"]({"events": [event(10)]}, 1002.0)
    )
    assert (LimitSource.OPENADR, 10_000.0) in await run(lambda operator: operator.dim(DimmedBy.MQTT, asked=False))
    file = tmp_path / "dimming.json"

    def flood(operator: GridOperator) -> None:
        operator.dim(DimmedBy.MQTT, asked=True)
        operator.dim(DimmedBy.MQTT, asked=False)

    await run(flood)
    assert b"mqtt" in file.read_bytes()  # the first of them


def test_the_lowest_of_all_that_the_grid_says_holds() -> None:
    """The contact's, EEBUS's and OpenADR's limits stand beside each other."""
    clock, taken = Hands(), Taken()
    settings = GridSettings(circuit="garage", limit_w=7560.0, lpc=LpcSettings(failsafe_w=4200.0), openadr=True)
    facility = Facility(site(), FacilitySettings(grid=settings), clock=clock, version="test", sink=taken)
    assert facility.attentive
    facility.publish(report())
    found = facility.limits.effective(GARAGE, clock.now)
    assert (found.limit_w, found.binding, found.source) == (4200.0, Binding.GRID, LimitSource.GRID_EEBUS)
    assert facility.report()["bms"] == {"lpc_state": "init"}


async def test_limits_over_eebus_are_proved(tmp_path: Path) -> None:
    """Begin and end, with the power that held and what was drawn."""
    house = House(evidence=tmp_path / "grid-events.csv")
    house.grid.start()
    house.tick()
    for limit_w in range(50):  # of many in one tick the last is proved
        house.say("lpc", heartbeat=True, limit_w=limit_w)
    house.say("lpc", heartbeat=True, limit_w=0, active=False)
    await house.grid.stop()
    rows = (tmp_path / "grid-events.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [row.split(",")[2:] for row in rows] == [
        ["begin", "eebus", "garage", "4200", "5000"],
        ["end", "eebus", "garage", "4200", "5000"],
    ]


async def test_a_limit_over_eebus_that_goes_on_over_a_restart_is_proved_once(tmp_path: Path) -> None:
    """Its begin is there already; what ended or changed meanwhile has its row when the gateway runs again."""
    file = tmp_path / "grid-events.csv"

    async def rows_of(house: House, **says: Any) -> list[list[str]]:
        """What one run has added."""
        before = len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 1
        house.grid.start()
        if says:
            assert house.say("lpc", heartbeat=True, **says).accepted
        house.tick()
        await house.grid.stop()
        return [row.split(",")[2:6] for row in file.read_text(encoding="utf-8").splitlines()[before:]]

    begun = ["begin", "eebus", "garage", "4200"]
    assert await rows_of(House(evidence=file)) == [begun]
    assert await rows_of(House(evidence=file)) == []
    assert await rows_of(House(evidence=file), limit_w=3000.4) == [["begin", "eebus", "garage", "3000"]]
    assert await rows_of(House(evidence=file)) == [begun]
    assert await rows_of(House(evidence=file, lpc=False)) == [["end", "eebus", "garage", "4200"]]
    assert await rows_of(House(evidence=file, lpc=False)) == []


def test_openadrs_limit_holds_when_its_events_are_answered() -> None:
    """As what comes over Modbus, EEBUS and cmd/limit does: not a cycle later."""
    house = House()
    house.tick()
    house.say("openadr", events=[event(3)])
    assert house.taken.limits[-1].limit_w == 3000.0


async def test_openadrs_events_outlive_a_restart(tmp_path: Path) -> None:
    """Their limit goes on without the VEN, from before the first decision; not where nobody can hand in others, nor
    from what can't be believed."""
    file = tmp_path / "store" / "events.json"
    settings = GridSettings(circuit="garage", limit_w=7560.0, openadr=True, openadr_file=file)

    async def stated(*heard: DimmedBy, events: object = None) -> list[float | None]:
        """The limits of one run."""
        taken, clock = Taken(), Hands()
        operator = GridOperator(settings, site="x", sink=taken, clock=clock, relay=None, heard=heard)
        operator.start()
        if events is not None:
            operator.handlers["cmd/openadr"]({"events": events}, clock.now)
        at_once = [limit.limit_w for limit in taken.limits]
        operator.tick(report(), None)
        assert [limit.limit_w for limit in taken.limits] == at_once
        await operator.stop()
        return [limit.limit_w for limit in taken.limits]

    assert await stated(DimmedBy.MQTT) == []
    assert await stated(DimmedBy.MQTT, events=[event(10)]) == [10_000.0]
    assert await stated(DimmedBy.MQTT) == [10_000.0]
    assert await stated(DimmedBy.MQTT, events=[]) == [10_000.0, None]
    assert await stated(DimmedBy.MQTT) == []
    await stated(DimmedBy.MQTT, events=[event(10)])
    assert await stated(DimmedBy.MODBUS) == []
    for damaged in (b'{"events": [1]}', b'{"events": 1}', b"[]", b"{}", b"\x00"):
        file.write_bytes(damaged)
        assert await stated(DimmedBy.MQTT) == []
