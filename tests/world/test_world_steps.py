"""A building whose load steps while cars come up to what they were told."""

from dataclasses import replace
from pathlib import Path

from simulators.world.scenario_file import load_world
from tests.world.worlds import failed_oracles, played

STEPS = Path(__file__).parent / "steps.toml"
REACTION_S = 8.0  # the design's target, of cars that take up to 5 s to obey


def test_a_step_of_the_load_is_answered_before_the_cars_have_been_sampled() -> None:
    """Of what they were told some draw nothing yet, or never will: a cut of that takes nothing off the fuse. (It took
    14 s, and in the hours of other seeds up to 35.)
    """
    scenario = replace(load_world(str(STEPS)), for_s=240.0)
    outcome = played(scenario, seed=1)
    assert not failed_oracles(outcome)
    assert outcome.result.reactions_s is not None
    assert outcome.result.reactions_s[-1] <= REACTION_S
