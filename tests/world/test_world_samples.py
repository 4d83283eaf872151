"""A cloud that wants samples seldom: with ``samples = "asked"`` it gets no more, and all else stays as it is."""

from dataclasses import replace

from simulators.world.scenario import FaultSpec
from simulators.world.watch import Ear
from simulators.world.world import World
from tests.world.worlds import failed_oracles, played, small


class Count(Ear):
    """How many samples the cloud got."""

    def __init__(self) -> None:
        self.samples = 0

    def cloud_got(self, identity: str, text: str) -> None:
        del identity
        self.samples += '"MeterValues"' in text and '"Sample.Periodic"' in text


def told(samples: str) -> int:
    """How many the cloud got, which was away for a while; nothing may go wrong."""
    scenario = replace(small(minutes=10.0), sample_interval_s=120)
    scenario = replace(scenario, site_head=scenario.site_head.replace("[ocpp]\n", f'[ocpp]\nsamples = "{samples}"\n'))
    count = Count()

    def meddle(world: World) -> None:
        world.frames.ears.append(count)

    away = FaultSpec(number=8, at_s=200.0, for_s=100.0)
    assert failed_oracles(played(scenario, meddle=meddle, faults=(away,))) == set()
    return count.samples


def test_a_cloud_gets_no_more_samples_than_it_asked_for() -> None:
    """What it had set is a twelfth of what control takes. The site is kept as with all of them, and each session
    reaches the cloud whole."""
    assert 0 < told("asked") * 6 < told("all")
