"""What a release on probation must have back."""

from typing import Any

import pytest

from edge.system.attendance import Attendance, Probation

BEFORE = Attendance(controls=True, meters=frozenset({"grid"}), stations=frozenset({"CP-1", "CP-2"}))


def _report(
    ticks: int, *, fresh: bool = True, connected: tuple[str, ...] = ("CP-1", "CP-2"), state: str = "NORMAL"
) -> dict[str, Any]:
    return {
        "control": {"state": state, "ticks": ticks},
        "meters": [{"id": "grid", "ok": fresh}, {"id": "roof", "ok": False}],
        "stations": [{"id": each, "connected": each in connected} for each in ("CP-1", "CP-2", "CP-3")],
    }


def test_who_is_there_is_remembered() -> None:
    """Fresh meters and connected stations are, also through the file; who was away before isn't asked for after."""
    assert Attendance.of(_report(1)) == BEFORE
    assert Attendance.from_json(BEFORE.to_json()) == BEFORE


def test_all_must_stay_for_some_ticks() -> None:
    """Being back for one tick isn't enough: ticks count from when all were there."""
    probation = Probation(BEFORE, ticks_wanted=3)
    assert probation.missing(_report(10)) == ["0 of 3 ticks with all there"]
    assert probation.missing(_report(12)) == ["2 of 3 ticks with all there"]
    assert probation.missing(_report(13)) == []


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (None, "the control loop completes no tick"),
        (_report(0, state="STARTING"), "the control loop completes no tick"),
        (_report(12, fresh=False), "meter grid gives no fresh reading"),
        (_report(12, connected=("CP-1",)), "station CP-2 isn't back"),
    ],
)
def test_what_is_missing_is_named_and_ends_the_count(report: dict[str, Any] | None, told: str) -> None:
    """A program that is gone, a stale meter, a station that is away: each is told, and counting begins anew."""
    probation = Probation(BEFORE, ticks_wanted=3)
    probation.missing(_report(10))
    assert told in probation.missing(report)
    assert probation.missing(_report(20)) == ["0 of 3 ticks with all there"]


def test_a_program_that_begins_anew_does_not_pass() -> None:
    """Crashing and restarting, it has never as many ticks in a row as are wanted."""
    probation = Probation(BEFORE, ticks_wanted=3)
    probation.missing(_report(10))
    assert probation.missing(_report(2)) == ["0 of 3 ticks with all there"]


def test_a_gateway_that_is_not_set_up_has_nothing_to_lose() -> None:
    """Where nothing was controlled before the update, its release is kept once the machine is up."""
    assert Probation(Attendance.of(None)).missing(None) == []
