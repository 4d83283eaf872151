"""Cars that live on the sun's surplus: each defect of that is seen by its oracle."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from edge.bms.sun_draws import SunDraws
from edge.bms.surplus import SurplusState, advanced
from edge.domain.site import EvseKey
from edge.units import Amps, Seconds, Volts, Watts
from simulators.world.building import HOURS, LoadSpec, Recorded
from simulators.world.scenario import WorldScenario
from simulators.world.world import World
from tests.world.worlds import failed_oracles, is_caught, played, small

SUN = """
[[class]]
id = "sun"
rank = 0
surplus = true
[surplus]
start_s = 30
stop_s = 60
"""


def sunny() -> WorldScenario:
    """Three cars under a roof that gives 22 A; for ten minutes a cloud leaves 5, which carry none of them."""
    scenario = small(minutes=28.0)
    posts = tuple(replace(each, class_id="sun", fallback_a=0.0) for each in scenario.posts)
    drivers = tuple(replace(each, stay_h=(0.9, 0.95), energy_wh=(4e4, 5e4)) for each in scenario.drivers)
    rows = tuple((at_s, (amps, amps, amps)) for at_s, amps in ((0.0, -22.0), (600.0, -5.0), (1200.0, -22.0)))
    loads = (
        LoadSpec(circuit="main", hourly_a=(2.0,) * HOURS, noise_a=0.2),
        Recorded(circuit="main", rows=rows, lasts_s=1e5),
    )
    return replace(scenario, posts=posts, drivers=drivers, loads=loads, site_head=scenario.site_head + SUN)


def _with(change: Callable[[Mapping[EvseKey, Amps]], Mapping[EvseKey, Amps]], **fixed: Any) -> Callable[..., Any]:
    """The surplus mode with other caps, or with something that it doesn't look at."""

    def step(state: SurplusState, settings: Any, **given: Any) -> tuple[SurplusState, Mapping[EvseKey, Amps]]:
        state, caps = advanced(state, settings, **(given | fixed))
        return state, change(caps)

    return step


def _more(caps: Mapping[EvseKey, Amps]) -> Mapping[EvseKey, Amps]:
    return {key: amps and amps + 4.0 for key, amps in caps.items()}


def _least(caps: Mapping[EvseKey, Amps]) -> Mapping[EvseKey, Amps]:
    return {key: max(amps, 6.0) for key, amps in caps.items()}


def _one_only(caps: Mapping[EvseKey, Amps]) -> Mapping[EvseKey, Amps]:
    return {key: min(amps, 6.0) if number == 0 else 0.0 for number, (key, amps) in enumerate(caps.items())}


DEFECTS: dict[str, Callable[..., Any]] = {
    "more than there is": _with(_more),
    "from the grid under a cloud": _with(_least),
    "given away": _with(_one_only),
    "the meter says nothing": _with(dict, available_w=1e5),
}


def test_the_suns_surplus_is_shared() -> None:
    """They charge on it, stop under the cloud, and begin anew; and what each draws stands still while the sun does."""
    result = played(sunny()).result
    assert result.verdicts == ()
    assert 1.5 <= result.starts_per_session <= 3.0
    assert result.profiles_per_station_day < 2400  # a lease is renewed 1,440 times a day


def test_what_is_safe_needs_no_sun() -> None:
    """``idle = "safe"``: under the cloud each keeps its 6 A, which would have to be kept free for it all the same."""
    scenario = sunny()
    head = scenario.site_head.replace("[control]", '[control]\nidle = "safe"')
    posts = tuple(replace(each, fallback_a=6.0) for each in scenario.posts)
    result = played(replace(scenario, site_head=head, posts=posts)).result
    assert result.verdicts == ()
    assert result.starts_per_session == 1.0


@pytest.mark.parametrize("defect", DEFECTS)
def test_surplus_that_is_not_kept_to_is_caught(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what flows at the connection."""
    monkeypatch.setattr("edge.bms.surplus_watch.advanced", DEFECTS[defect])
    assert is_caught("sun", sunny())


def _as_sampled(
    _draws: SunDraws, _key: EvseKey, part: Mapping[str, Any], volts: Volts, _now: Seconds
) -> tuple[Watts, Watts]:
    """What a car drew when it was sampled, which the meter is seconds ahead of."""
    watts = volts * sum(part["draw_a"] or (0.0,))
    return watts, watts


def test_limits_that_chase_themselves_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each raise hides as much of the sun, until the car that took it is sampled, and each cut shows more than there
    is: nothing else says so, as no car takes too much for long."""
    monkeypatch.setattr(SunDraws, "bounds_w", _as_sampled)
    assert is_caught("steady", sunny())


def _flickering(at_s: float, for_s: float, every_s: float) -> Callable[[World], None]:
    """The load on the connection goes up and down by 8 A; it ends where it was."""

    def meddle(world: World) -> None:
        times = int(for_s / every_s / 2.0)
        for number in range(times):
            for later_s, amps in ((0.0, 8.0), (every_s, 0.0)):
                loaded = partial(world.load, "saw", "main", (amps,) * 3)
                asyncio.get_running_loop().call_at(at_s + 2.0 * number * every_s + later_s, loaded)

    return meddle


def test_limits_that_follow_a_load_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """They go up and down as often; and as soon as the load stands still they may not."""
    meddle = _flickering(200.0, 400.0, 20.0)
    assert failed_oracles(played(replace(sunny(), for_s=660.0), meddle=meddle, drain_s=10.0)) == set()
    monkeypatch.setattr(SunDraws, "bounds_w", _as_sampled)
    assert is_caught("steady", sunny(), meddle=_flickering(100.0, 200.0, 20.0))
