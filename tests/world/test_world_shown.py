"""What the building is shown: each wrong value is seen by its oracle, over Modbus and over MQTT."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from edge.bms.mqtt_topics import Topics
from edge.bms.registers import Telemetry
from edge.bms.view import evse_views
from edge.domain.effective import BINDINGS, Binding
from edge.domain.limit import LimitSource, LimitStated
from simulators.world.scenario import FaultSpec
from tests.world.worlds import limited_twice, played


def _turned(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The report with these currents of each EVSE one phase further."""
    stations = [
        station
        | {"evses": [evse | {name: evse[name] and [*evse[name][1:], evse[name][0]]} for evse in station["evses"]]}
        for station in report.get("stations", ())
    ]
    return {**report, "stations": stations}


def _never_again(tick: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """Publishes the first image only."""

    def first(topics: Topics, image: Any, *, time: str | None) -> list[Any]:
        return tick(topics, image, time=time) if not topics._last else []

    return first


def _first_image() -> Callable[..., Telemetry]:
    """Serves the first complete image for ever."""
    kept: list[Telemetry] = []
    of = Telemetry.of

    def make(image: Any) -> Telemetry:
        if not kept and image.effective:
            kept.append(of(image))
        return kept[0] if kept else of(image)

    return make


DEFECTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "the cars' phases are turned": (
        lambda patch: patch.setattr(
            "edge.bms.image.evse_views", lambda report, site: evse_views(_turned(report, "draw_a"), site)
        ),
        "cp/CP-",
    ),
    "the power of an EVSE is its current": (
        lambda patch: patch.setattr("edge.bms.view.watts", lambda amps, _volts: sum(amps)),
        "power_w",
    ),
    "whose a limit is": (
        lambda patch: patch.setitem(BINDINGS, LimitSource.BMS_MODBUS, Binding.FUSE),
        "limit_reason",
    ),
    "a limit that isn't the lowest": (
        lambda patch: patch.setattr(LimitStated, "watts", lambda *_: None),
        "limit_w",
    ),
    "registers that stand still": (lambda patch: patch.setattr(Telemetry, "of", _first_image()), "over modbus"),
    "topics that stand still": (lambda patch: patch.setattr(Topics, "tick", _never_again(Topics.tick)), "over mqtt"),
}


def test_what_the_building_is_shown_is_so() -> None:
    """While it limits, and while it doesn't."""
    assert played(limited_twice()).result.verdicts == ()


@pytest.mark.parametrize("defect", DEFECTS)
def test_what_is_shown_and_isn_t_so_is_caught(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the simulated copper, cars and stations."""
    spoil, said = DEFECTS[defect]
    spoil(monkeypatch)
    verdicts = played(limited_twice()).result.verdicts
    assert any(each.oracle == "shown" and said in each.text for each in verdicts)


def test_energy_counts_from_a_begin_that_could_be_kept() -> None:
    """A session begins while the gateway's disk can't be written, and is restarted: since then nobody but its station
    knows what it has had before. (depot-50, seed 4006.)
    """
    scenario = replace(limited_twice(), for_s=930.0, limits=())
    faults = [
        FaultSpec(number=50, at_s=180.0, for_s=240.0, target="CP-1"),  # with this seed it is read-only
        FaultSpec(number=47, at_s=390.0, for_s=20.0),
    ]
    assert played(scenario, seed=2, faults=faults).result.verdicts == ()
