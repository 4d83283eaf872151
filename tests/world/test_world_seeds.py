"""Seeds of random worlds that have failed: each stays, with as few of its faults as it needed."""

import os
from dataclasses import dataclass, replace

import pytest

from simulators.charger.spec import EDITION_16
from simulators.world.run import run_world, with_random_faults
from simulators.world.scenario import FaultSpec
from tests.world.worlds import played, small


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`was`: what was wrong. `minutes`: long enough to see it. `edition`: of OCPP, of all posts."""

    seed: int
    minutes: float = 14.0
    edition: str = EDITION_16
    faults: tuple[FaultSpec, ...]
    was: str


FOUND = (
    Found(
        seed=204,
        faults=(FaultSpec(number=14, at_s=59.6, for_s=335.9),),
        was="a session that began while its station was cut off was refused, because the cloud was dialled just then",
    ),
    Found(
        seed=203,
        faults=(FaultSpec(number=1, at_s=102.7, for_s=393.8),),
        was="drivers whose cards nobody knew while the cloud was away never showed them again",
    ),
    Found(  # later and longer there
        seed=210,
        minutes=4.0,
        faults=(FaultSpec(number=30, at_s=70.0, for_s=130.0), FaultSpec(number=30, at_s=90.0, for_s=40.0)),
        was="a meter with two faults was well when the first of them ended",
    ),
    Found(  # motorway-6, seed 1
        seed=44,
        minutes=10.0,
        faults=(FaultSpec(number=58, at_s=200.0, for_s=41.0),),
        was="of two cars with one card, which was blocked for a while, the driver of the other never showed it again",
    ),
    Found(
        seed=402,
        minutes=4.0,
        faults=(FaultSpec(number=57, at_s=13.0, for_s=160.0),),
        was="cars that came when the cloud wasn't trusted any more were to have charged before",
    ),
    Found(
        seed=727,
        minutes=6.0,
        faults=(FaultSpec(number=43, at_s=130.0, for_s=200.0), FaultSpec(number=17, at_s=170.0, for_s=60.0)),
        was="stations that booted while the gateway's clock was a day ahead got limits that began tomorrow: 32 A each",
    ),
    Found(
        seed=740,
        faults=(FaultSpec(number=14, at_s=93.8, for_s=220.0), FaultSpec(number=1, at_s=200.0, for_s=180.0)),
        was="a driver whom only the post had let in never came back when his card was refused without the cloud",
    ),
    Found(
        seed=806,
        minutes=6.0,
        faults=(FaultSpec(number=53, at_s=150.0, for_s=90.0), FaultSpec(number=47, at_s=158.0, for_s=60.0)),
        was="a gateway that was killed while it was being replaced was started twice",
    ),
    Found(  # controllers-2, seed 402
        seed=1,
        minutes=7.0,
        faults=(FaultSpec(number=26, at_s=240.0, for_s=45.0),),
        was="a station that still waited for the answer to a state that was lost was judged for the next",
    ),
    Found(
        seed=723,
        minutes=9.0,
        faults=(
            FaultSpec(number=20, at_s=200.0, for_s=300.0, target="CP-1"),
            FaultSpec(number=21, at_s=300.0, for_s=90.0, target="CP-1"),
        ),
        was="a station that was cut off forgot its limits before it could come back",
    ),
    Found(  # targeted seed 1336
        seed=1,
        minutes=11.0,
        faults=(
            FaultSpec(number=50, at_s=150.0, for_s=400.0),  # read-only
            FaultSpec(number=8, at_s=200.0, for_s=400.0),
            FaultSpec(number=47, at_s=330.0, for_s=30.0),
        ),
        was="a transaction whose number nobody but the cloud could know any more was to be ended by it",
    ),
    Found(  # 1659
        seed=11,
        minutes=6.4,
        faults=(FaultSpec(number=33, at_s=170.0, for_s=200.0),),
        was="cars were raised at the first reading of a meter that came back, by what the building had taken meanwhile",
    ),
    Found(
        seed=1,
        minutes=5.0,
        faults=(FaultSpec(number=51, at_s=150.0, for_s=150.0), FaultSpec(number=29, at_s=160.0, for_s=40.0)),
        was="what the cloud asked over an uplink that carried nothing was to be passed on",
    ),
    Found(
        seed=2,
        minutes=9.5,
        edition="2.0.1",
        faults=(
            FaultSpec(number=47, at_s=150.0, for_s=30.0),
            FaultSpec(number=22, at_s=190.0, for_s=340.0, target="CP-1"),
            FaultSpec(number=20, at_s=200.0, for_s=300.0, target="CP-1"),
        ),
        was="what a car took in a session of OCPP 2.0.1 that began while its station was cut off wasn't counted",
    ),
    Found(  # bakery-3, seed 4001
        seed=6,
        minutes=4.5,
        faults=(FaultSpec(number=40, at_s=151.0, for_s=60.0),),
        was="the judge of a limit looked at cars in the very seconds in which the building had stepped up",
    ),
    Found(  # apartment-40, seed 3003
        seed=4,
        minutes=7.5,
        faults=(FaultSpec(number=4, at_s=60.0, for_s=160.0), FaultSpec(number=4, at_s=120.0, for_s=200.0)),
        was="what stations said in the first of two outages was counted as said twice by the judge of the second",
    ),
    Found(  # nested-4, seed 3003
        seed=9,
        minutes=7.5,
        faults=(FaultSpec(number=12, at_s=60.0, for_s=120.0), FaultSpec(number=9, at_s=130.0, for_s=190.0)),
        was="a session that began when the cloud was away already was to have begun with it",
    ),
)


@pytest.mark.parametrize("found", FOUND, ids=lambda found: f"{found.seed}")
def test_a_seed_that_failed_passes(found: Found) -> None:
    """With the faults of its list that it took, every oracle holds."""
    scenario = small(minutes=found.minutes)
    scenario = replace(scenario, posts=tuple(replace(each, edition=found.edition) for each in scenario.posts))
    assert played(scenario, seed=found.seed, faults=found.faults).result.verdicts == ()


@pytest.mark.skipif(not os.environ.get("EDGE_LONG"), reason="`make soak` plays them whole")
@pytest.mark.parametrize("seed", [203, 204, 210])
def test_a_random_world_holds(seed: int) -> None:
    """Twelve faults an hour, whatever they are."""
    scenario = with_random_faults(small(minutes=50.0), per_h=12.0)
    assert run_world(scenario, seed=seed).result.verdicts == ()
