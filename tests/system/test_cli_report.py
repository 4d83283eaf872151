"""``edge report sessions`` as the site's staff meet it: a real process, a real file."""

import csv
import io
import json
import subprocess
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edge.domain.journal import PutSession, PutSiteToken
from edge.domain.session import QuarterHour, Session
from edge.domain.token import SiteToken
from edge.storage.history import HistoryRow
from edge.storage.session_file import METER_TOPIC
from edge.storage.store import Store
from tests.forked import as_text, forked
from tests.system.test_cli_check import SITE

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def session(number: int, wh: str, **changes: Any) -> PutSession:
    """An ended session."""
    begun = changes.pop("began_at", NOON)
    fields: dict[str, Any] = {
        "id": number, "station": "CP-01", "evse": 1, "transaction": str(number), "token": None, "began_at": begun,
        "ended_at": begun + timedelta(hours=1), "end_reason": "Local", "energy_wh": Decimal(wh),
        "quarters": (QuarterHour(since=begun, energy_wh=Decimal(wh)),),
    }  # fmt: skip
    return PutSession(session=Session(**(fields | changes)))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with three sessions, one of them of the site's own token, and a meter that was read twice."""
    folder = tmp_path / "storage"
    store = Store(folder, reserve_bytes=1)
    store.open()
    store.commit(
        [
            [
                session(1, "1000.1", token="a" * 64, internal=True, class_id="staff", cost_centre="=1+1"),
                session(2, "2000.2"),
                session(3, "3000.3", began_at=NOON + timedelta(days=1)),
                PutSiteToken(token=SiteToken(hash="a" * 64, hint="01", name="+Director")),
            ]
        ]
    )
    store.add_history(
        [
            HistoryRow(at=NOON + timedelta(hours=hours), topic=METER_TOPIC + "grid", body=f'{{"import_wh": {wh}}}')
            for hours, wh in ((0, 5000), (24, 17001.2))
        ]
    )
    store.close()
    path = tmp_path / "site.toml"
    path.write_text(f'{SITE}\n[storage]\npath = "{folder}"\n')
    return path


def report(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``edge report sessions``."""
    return as_text(forked("edge", "report", "sessions", "--config", str(site), *arguments))


def test_sums_are_exact_and_split_into_internal_and_public(site: Path) -> None:
    """By class, with CO2 by a stated factor and the part of the building's consumption."""
    found = json.loads(report(site, "--by", "class", "--format", "json", "--co2", "380").stdout)
    assert [(row["class"], row["energy_kwh"]) for row in found["sessions"]] == [
        ("(none)", "5.0005"),
        ("staff", "1.0001"),
    ]
    total = found["total"]
    assert (total["energy_kwh"], total["internal_kwh"], total["public_kwh"]) == ("6.0006", "1.0001", "5.0005")
    assert (total["co2_kg"], total["co2_g_per_kwh"]) == ("2.280228", "380")
    assert (total["building_kwh"], total["charged_meanwhile_kwh"], total["share_percent"]) == (
        "12.0012", "3.0003", "25"
    )  # fmt: skip


def test_the_buildings_part_is_of_the_same_quarter_hours(site: Path) -> None:
    """A register is noted some moment after its quarter of an hour has begun: that one counts from it on, and the last
    one doesn't. A meter that is replaced begins anew, and what it had counted before isn't taken for that.
    """
    store = Store(site.parent / "storage", reserve_bytes=1)
    store.open()
    late = timedelta(days=7, seconds=0.6)
    store.commit(
        [
            [
                session(4, "600", began_at=NOON + timedelta(days=7)),
                session(5, "900", began_at=NOON + timedelta(days=7, minutes=15)),
                session(6, "70", began_at=NOON + timedelta(days=7, minutes=30)),
            ]
        ]
    )
    for minutes, wh in ((0, 90_000.25), (15, 91_000.25), (30, 100), (45, 240)):
        at = NOON + late + timedelta(minutes=minutes)
        store.add_history([HistoryRow(at=at, topic=METER_TOPIC + "grid", body=f'{{"import_wh": {wh}}}')])
    store.close()
    begin = (NOON + timedelta(days=7)).isoformat()
    total = json.loads(report(site, "--from", begin, "--format", "json").stdout)["total"]
    assert (total["building_kwh"], total["charged_meanwhile_kwh"], total["share_percent"]) == ("1.14", "0.67", "58.8")


@pytest.mark.parametrize("co2", ["inf", "nan", "1e308", "-1"])
def test_a_factor_that_no_grid_has_is_refused(site: Path, co2: str) -> None:
    """Exit code 2, and no fault of this program."""
    result = report(site, "--co2", co2)
    assert (result.returncode, result.stdout) == (2, "")
    assert "--co2" in result.stderr


def test_a_period_and_a_table_for_people(site: Path) -> None:
    """Days of the site's time; the last line is the total."""
    lines = report(site, "--from", "2026-06-01", "--to", "2026-06-02", "--by", "day").stdout.splitlines()
    assert lines[1].split() == ["2026-06-01", "2", "3.0003", "1.0001", "2.0002"]
    assert lines[-1].startswith("sessions 2, energy kwh 3.0003, internal kwh 1.0001, public kwh 2.0002")


def test_csv_is_no_formula(site: Path) -> None:
    """A cost centre or a name that a spreadsheet would run is a text."""
    rows = list(csv.DictReader(io.StringIO(report(site, "--format", "csv").stdout)))
    assert (rows[0]["token"], rows[0]["cost_centre"], rows[0]["energy_kwh"]) == ("'+Director", "'=1+1", "1.0001")
    assert [row["kind"] for row in rows] == ["internal", "public", "public"]


def test_a_date_that_is_none_is_one_sentence(site: Path) -> None:
    """Exit code 2, what is wrong and what would be right."""
    result = report(site, "--from", "yesterday")
    assert (result.returncode, result.stdout) == (2, "")
    assert "--from is 'yesterday', no date; write 2026-12-31" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("--by", "day"), ("--co2", "380"), ("--by", "class", "--co2", "380")])
def test_csv_of_a_month_without_sessions_has_its_head_line(site: Path, arguments: tuple[str, ...]) -> None:
    """A script reads it by the names of its columns, whatever the month."""
    some = report(site, "--format", "csv", *arguments).stdout.splitlines()
    none = report(site, "--format", "csv", "--from", "2027-01-01", *arguments).stdout.splitlines()
    assert (len(some) > 1, none) == (True, some[:1])


@pytest.mark.parametrize("until", ["2026-06-01", "2026-05-01"])
def test_a_period_that_ends_before_it_begins_is_refused(site: Path, until: str) -> None:
    """It was no sessions at all, as in a month without any."""
    result = report(site, "--from", "2026-06-01", "--to", until)
    assert (result.returncode, result.stdout) == (2, "")
    assert f"--to is '{until}', not after --from" in result.stderr
