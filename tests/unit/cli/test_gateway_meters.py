"""A meter as a running gateway's report tells it."""

import pytest

from edge.cli.gateway_meters import fact_of
from edge.domain.reading import MeterFailed, MeterReading, Quality
from edge.units import PhaseAmps

NOW = 1000.0


def test_all_that_the_report_tells() -> None:
    """With the age that the reading has, and what seems to be wired otherwise among the doubts."""
    part = {
        "id": "grid",
        "ok": True,
        "age_s": 1.5,
        "problem": None,
        "current_a": [1.0, -2.0, 3.0],
        "voltage_v": [230.0, None, 231.0],
        "phase_power_w": [230.0, None, 693.0],
        "power_w": 463.0,
        "frequency_hz": 50.0,
        "import_wh": 10.0,
        "export_wh": 1.0,
        "quality": "suspect",
        "doubts": ["no voltage on L2"],
        "wiring": ["L1 counts backwards"],
    }
    assert fact_of(part, NOW) == MeterReading(
        meter="grid",
        at=998.5,
        current_a=PhaseAmps(1.0, -2.0, 3.0),
        voltage_v=(230.0, None, 231.0),
        phase_power_w=(230.0, None, 693.0),
        power_w=463.0,
        frequency_hz=50.0,
        import_wh=10.0,
        export_wh=1.0,
        quality=Quality.SUSPECT,
        doubts=("no voltage on L2", "L1 counts backwards"),
    )


def test_a_gateway_of_another_version_may_tell_less() -> None:
    """What it doesn't tell isn't there."""
    fact = fact_of({"id": "grid", "ok": True, "age_s": 0.0, "current_a": [1.0, 2.0, 3.0]}, NOW)
    assert fact == MeterReading(meter="grid", at=NOW, current_a=PhaseAmps(1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"ok": False, "problem": "no answer", "current_a": [1.0, 2.0, 3.0]}, "no answer"),
        ({"ok": True, "problem": "no answer", "current_a": [1.0, 2.0, 3.0]}, "no answer"),  # of the last poll
        ({"ok": False, "problem": None}, "no reading"),
        ({"ok": True, "current_a": None, "power_w": None}, "no reading"),
    ],
)
def test_a_meter_that_is_lost_has_no_reading(part: dict[str, object], problem: str) -> None:
    """Whatever it showed last: the gateway doesn't go by it either."""
    assert fact_of(part | {"id": "grid"}, NOW) == MeterFailed(meter="grid", at=NOW, problem=problem)
