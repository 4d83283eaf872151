"""What stations are answered and hold: a gateway that answers otherwise than the cloud, or tells another limit than it
knows of, is seen.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from simulators.world.scenario import FaultSpec
from simulators.world.watch import Tamper
from tests.world.worlds import failed_oracles, is_caught, played, small


class Changed(Tamper):
    """Each frame to a station that begins so, with what it says changed."""

    def __init__(self, begins: str, was: str, becomes: str) -> None:
        self._begins, self._was, self._becomes = begins, re.compile(was), becomes

    def to_station(self, _identity: str, text: str) -> Iterable[str]:
        return (self._was.sub(self._becomes, text, count=1) if text.startswith(self._begins) else text,)


DEFECTS: dict[str, Tamper] = {
    "an answer under another number": Changed("[3,", r'^\[3,"', r'[3,"0'),
    "a time of another zone": Changed("[3,", r"(\d\d)(:\d\d:\d\d(?:\.\d+)?Z)", r"23\2"),
    "how often a heartbeat is due": Changed("[3,", r'"interval":\d+', '"interval":7'),
    "whether a card may charge": Changed("[3,", r'"status":"Accepted"\}\}', '"status":"Blocked"}}'),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_another_answer_than_the_clouds_is_caught(defect: str) -> None:
    """Though all else may be well."""
    assert is_caught("answers", small(minutes=3.0), tamper=DEFECTS[defect], drain_s=10.0)


def test_a_time_that_is_wrong_is_caught_without_the_clouds_words() -> None:
    """Of a 2.x station, whose answers an interpreter has changed."""
    scenario = small(minutes=3.0)
    posts = tuple(replace(each, edition="2.0.1") for each in scenario.posts)
    wrong = DEFECTS["a time of another zone"]
    sound, defective = (
        failed_oracles(played(replace(scenario, posts=posts), tamper=each, drain_s=10.0)) for each in (None, wrong)
    )
    assert (sound, "answers" in defective) == (set(), True)


def test_answers_that_come_late_or_again_are_those_of_the_cloud() -> None:
    """The uplink is slow, breaks and comes back while a driver plugs in, and a station resends."""
    faults = [FaultSpec(number=number, at_s=at_s, for_s=60.0) for number, at_s in ((5, 140.0), (7, 220.0), (10, 300.0))]
    assert failed_oracles(played(small(minutes=8.0), faults=faults)) == set()


def test_a_limit_that_is_told_in_another_unit_is_caught() -> None:
    """Amperes that are called watts: all cars stand, and the report says that they are offered what there is."""
    defect = Changed("[2,", '"chargingRateUnit":"A"', '"chargingRateUnit":"W"')
    assert is_caught("why", small(minutes=7.0), tamper=defect, drain_s=10.0)
