"""A current without phase: of each phase, or of all together."""

from typing import Any

import pytest

from edge.domain.setpoint import Purpose
from edge.domain.station import DrawSampled
from edge.ocpp.versions import Version
from edge.units import PhaseAmps
from tests.unit.ocpp.ocpp_bench import Bench, call, evse, limit, result, stamp

VOLTS = 230.0


class Meter(Bench):
    """A station with a session, whose samples tell one current and one power."""

    def __init__(self, *, phases: int = 3, version: Version = Version.V16) -> None:
        super().__init__(evse(phases=evse().phases[:phases]), version=version)
        self.connect()
        self.told(0.0, Purpose.IDLE)
        self.now += 600.0
        if version is Version.V16:
            start = {"connectorId": 1, "idTag": "X", "meterStart": 0, "timestamp": stamp(self.wall)}
            self.station_says(call("s", "StartTransaction", start))
            self.cloud_says(result("s", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}))
        else:
            event = {"eventType": "Started", "timestamp": stamp(self.wall), "triggerReason": "Authorized", "seqNo": 0}
            info = {"transactionId": "7", "chargingState": "Charging"}
            place = {"id": 1, "connectorId": 1}
            self.station_says(call("s", "TransactionEvent", {**event, "transactionInfo": info, "evse": place}))
            self.cloud_says(result("s"))

    def told(self, limit_a: float, purpose: Purpose = Purpose.SESSION) -> None:
        """A limit that it accepts."""
        identifier, _, _ = self.write(limit(limit_a=limit_a, purpose=purpose, transaction_id="7")).own_call
        self.station_says(result(identifier, {"status": "Accepted"}))

    def shows(self, current_a: float, power_w: float | None, after_s: float = 10.0) -> tuple[PhaseAmps, bool]:
        """What is believed of a sample: its draw, and whether it is spread."""
        self.now += after_s
        one, all_ = {"value": str(current_a)}, {"value": str(power_w)}
        samples: list[dict[str, Any]] = [{**one, "measurand": "Current.Import"}]
        if power_w is not None:
            samples.append({**all_, "measurand": "Power.Active.Import"})
        if self.version is not Version.V16:
            samples = [{**each, "value": float(each["value"])} for each in samples]
        values = [{"timestamp": stamp(self.wall), "sampledValue": samples}]
        place = "connectorId" if self.version is Version.V16 else "evseId"
        step = self.station_says(call("m", "MeterValues", {place: 1, "meterValue": values}))
        self.cloud_says(result("m"))
        (fact,) = (fact for fact in step.facts if isinstance(fact, DrawSampled))
        return fact.current_a, fact.spread


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
@pytest.mark.parametrize("phases", [2, 3])
def test_a_sum_is_known_by_following_its_limit(phases: int, version: Version) -> None:
    """As many times the limit as there are phases, twice: from then on it is divided, as a power alone is."""
    meter = Meter(phases=phases, version=version)
    meter.told(6.0)
    wired = evse().phases[:phases]
    total_a = 5.9 * phases
    assert meter.shows(total_a, total_a * VOLTS) == (PhaseAmps.on(wired, total_a), False)
    found, spread = meter.shows(total_a, total_a * VOLTS)
    assert max(found) == pytest.approx(5.9)
    assert spread
    meter.told(16.0)
    found, _ = meter.shows(15.8 * phases, 15.8 * phases * VOLTS)
    assert max(found) == pytest.approx(15.8)
    assert meter.shows(15.8, None) == (PhaseAmps.on(wired, 15.8), False)  # without a power it may be either


@pytest.mark.parametrize("current_a", [6.0, 5.2, 10.0, 13.0, 16.0, 20.0, 32.0])
def test_a_car_of_one_phase_counts_with_what_it_draws(current_a: float) -> None:
    """It obeys, or it ignores its 6 A: by its power alone it could be the sum of three phases."""
    meter = Meter()
    meter.told(6.0)
    for _ in range(10):
        assert meter.shows(current_a, current_a * VOLTS) == (PhaseAmps.same(current_a), False)


def test_what_each_phase_carries_is_no_sum() -> None:
    """The power tells so; whatever was believed before is over."""
    meter = Meter()
    meter.told(6.0)
    for _ in range(3):
        meter.shows(18.0, 18.0 * VOLTS)
    assert meter.shows(6.0, 3 * 6.0 * VOLTS) == (PhaseAmps.same(6.0), False)
    assert meter.shows(18.0, 18.0 * VOLTS) == (PhaseAmps.same(18.0), False)


@pytest.mark.parametrize("lowered_from_a", [18.0, 17.5])
def test_a_car_that_comes_down_late_shows_no_sum(lowered_from_a: float) -> None:
    """18 A of one phase are three times 6 A, but were allowed until a moment ago."""
    meter = Meter()
    meter.told(lowered_from_a)
    meter.now += 300.0
    meter.told(6.0)
    for _ in range(4):
        assert meter.shows(18.0, 18.0 * VOLTS) == (PhaseAmps.same(18.0), False)


def test_standby_under_no_limit_shows_no_sum() -> None:
    """What a stopped car and its charger take is a multiple of nothing."""
    meter = Meter()
    meter.told(0.0)
    for _ in range(5):
        meter.shows(1.0, 230.0)
    meter.told(6.0)
    assert meter.shows(20.0, 20.0 * VOLTS) == (PhaseAmps.same(20.0), False)


def test_two_samples_of_one_moment_are_one() -> None:
    """A repeated message shows nothing new."""
    meter = Meter()
    meter.told(6.0)
    meter.shows(18.0, 18.0 * VOLTS)
    assert meter.shows(18.0, 18.0 * VOLTS, after_s=1.0) == (PhaseAmps.same(18.0), False)


def test_three_currents_without_phase_count_as_the_largest_on_each() -> None:
    """Which phase each is of nobody says."""
    meter = Meter()
    meter.told(16.0)
    meter.now += 10.0
    currents = [{"value": value, "measurand": "Current.Import"} for value in ("16", "15.9", "15.7")]
    power = {"value": "10900", "measurand": "Power.Active.Import"}
    values = [{"timestamp": stamp(meter.wall), "sampledValue": [*currents, power]}]
    step = meter.station_says(call("m", "MeterValues", {"connectorId": 1, "meterValue": values}))
    (fact,) = (fact for fact in step.facts if isinstance(fact, DrawSampled))
    assert (fact.current_a, fact.spread) == (PhaseAmps.same(16.0), False)
