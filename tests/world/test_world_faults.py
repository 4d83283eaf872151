"""The catalogue of faults: each alone, with every oracle."""

import os

import pytest

from simulators.world.faults import BY_NUMBER, CATALOGUE
from simulators.world.oracles import ORACLES
from simulators.world.scenario import FaultSpec
from tests.world.worlds import played, small

# Each takes some seconds: `make test` plays one of each room of the catalogue, `make soak` all.
FEW = (14, 22, 30, 47)
NUMBERS = sorted(BY_NUMBER) if os.environ.get("EDGE_LONG") else FEW


@pytest.mark.parametrize("number", NUMBERS)
def test_a_fault_has_its_outcome(number: int) -> None:
    """With this fault alone every oracle holds, and the outcome is the catalogue's."""
    scenario = small(minutes=20.0)
    result = played(scenario, seed=2, faults=[FaultSpec(number=number, at_s=400.0, for_s=200.0)]).result
    assert result.verdicts == ()
    assert result.transactions_lost == 0


def test_the_catalogue_is_described() -> None:
    """Every fault has its row and its outcome, and excuses only what there is."""
    names = {getattr(make, "name", "") for make in ORACLES}
    for kind in CATALOGUE:
        assert 1 <= kind.number <= 60
        assert kind.row
        assert kind.outcome
        assert set(kind.grace) <= names, kind.row
