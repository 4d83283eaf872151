"""How many periods of a schedule a station takes."""

import pytest

from edge.domain.site import EvseKey
from edge.ocpp.profiles.form import Length
from tests.unit.ocpp.ocpp_bench import Bench, evse, limit, result


@pytest.mark.parametrize(
    ("value", "single"),
    [("1", True), (1, True), ("2", False), ("24", False), ("0", False), ("many", False), ([], False)],
)
def test_what_a_station_tells(value: object, single: bool) -> None:
    """Two suffice; what is no number that could be meant says nothing."""
    length = Length()
    length.allows(value)
    assert length.single is single


def test_a_station_that_refuses_two_periods() -> None:
    """The same limit is told in one the next time; when that has helped twice, no limit is told in two any more."""
    bench, told = Bench(evse()), []
    bench.connect()
    for number, limit_a in enumerate((6.0, 0.0, 0.0, 16.0, 16.0, 6.0, 10.0, 0.0)):
        identifier, _, payload = bench.write(limit(number, limit_a=limit_a)).own_call
        periods = payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
        told.append(len(periods))
        bench.station_says(result(identifier, {"status": "Accepted" if len(periods) == 1 else "Rejected"}))
    assert told == [1, 2, 1, 2, 1, 1, 1, 1]


def test_a_refusal_by_chance_costs_no_period() -> None:
    """What is taken in one behind it proves nothing as long as two are taken as well. Nor does a refusal of both."""
    length, seen = Length(), []
    for _ in range(5):
        length.refused(is_long=True)
        seen.append(length.single)
        length.accepted(is_long=True)
        seen.append(length.single)
        length.accepted(is_long=True)
    assert seen == [True, False] * 5
    length.refused(is_long=True)
    length.refused(is_long=True)
    assert not length.single


def test_a_neighbour_does_not_end_the_trial() -> None:
    """Of two EVSEs of a station that takes one period the one whose limit was refused is told it in one, whatever the
    other was told in between: else the first would be refused for minutes, and all that it can give be kept free.
    """
    one, other = EvseKey(station="CP-1", evse=1), EvseKey(station="CP-1", evse=2)
    length = Length()
    for _ in range(2):
        length.refused(is_long=True, key=one)
        length.accepted(is_long=True, key=other)
        assert length.single
        length.accepted(is_long=True, key=one)
    assert length.single


def test_what_is_told_holds_whatever_is_refused() -> None:
    """A station that takes one period may refuse a limit for another reason."""
    length = Length()
    length.allows("1")
    for _ in range(5):
        length.refused(is_long=True)
        assert length.single
