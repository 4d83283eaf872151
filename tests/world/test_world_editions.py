"""Stations of OCPP 2.0.1 and 2.1 beside those of 1.6, in one world."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulators.errors import ScenarioError
from simulators.world.scenario import FaultSpec, WorldScenario
from simulators.world.scenario_file import load_world
from tests.world.worlds import SMALL, failed_oracles, played, small

EDITIONS = ("1.6", "2.0.1", "2.1")


def mixed(*, minutes: float = 12.0) -> WorldScenario:
    """Three posts, each of another edition."""
    scenario = small(minutes=minutes)
    posts = (replace(scenario.posts[0], count=1, first=1 + n, edition=each) for n, each in enumerate(EDITIONS))
    return replace(scenario, posts=tuple(posts))


def fault(number: int, *, target: str = "CP-2") -> FaultSpec:
    return FaultSpec(number=number, at_s=120.0, for_s=150.0, target=target)


def test_all_editions_charge_side_by_side() -> None:
    """Each transaction is in the cloud's books once, and the cars get what those of 1.6 get."""
    both, alone = played(mixed()).result, played().result
    assert both.verdicts == ()
    assert (both.transactions, both.transactions_lost, both.transactions_doubled) == (3, 0, 0)
    assert both.energy_wh == pytest.approx(alone.energy_wh, rel=0.05)


def test_posts_of_several_evses() -> None:
    """Cars at both EVSEs of each post charge at the same time, and after a restart each session is known on its own."""
    scenario = mixed(minutes=8.0)
    posts = tuple(replace(each, evses=2, fallback_a=0.0) for each in scenario.posts[1:])
    drivers = tuple(replace(each, per_day=4, phases=(1,)) for each in scenario.drivers)
    outcome = played(replace(scenario, posts=posts, drivers=drivers), faults=[fault(47)])
    assert outcome.result.verdicts == ()
    assert (outcome.result.sessions, outcome.result.transactions) == (4, 4)


# A session begins without the cloud; two stations are cut off; one is reset; the gateway is killed; the cloud sets a
# profile of 500 A, and clears ours; a station refuses its limits.
@pytest.mark.parametrize("number", [6, 14, 21, 23, 27, 28, 47])
def test_a_fault_has_its_outcome_at_a_station_of_2_x(number: int) -> None:
    """The same oracles judge."""
    outcome = played(mixed(), faults=[fault(number)])
    assert failed_oracles(outcome) == set()


def test_the_history_speaks_one_language() -> None:
    """Whoever reads or judges it needn't know which edition a station speaks."""
    history = played(mixed(minutes=3.0), keeps_history=True).history.decode()
    assert '"StartTransaction"' in history
    assert "TransactionEvent" not in history


def test_an_edition_that_is_none(tmp_path: Path) -> None:
    """Told with where, and with those that there are."""
    text = SMALL.read_text().replace('id = "CP-{}"', 'id = "CP-{}"\nocpp = "2.0"')
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=r"ocpp: must be one of 1\.6, 2\.0\.1, 2\.1, not '2\.0'"):
        load_world(str(file))
