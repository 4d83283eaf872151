"""``edge status`` against a control socket: the real process, an API with a report of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from edge.web.app import make_app
from edge.web.server import ApiServer
from simulators.ports import free_endpoints
from tests.fake_needs import FakeNeeds
from tests.forked import as_text, forked
from tests.system.typist import at_terminal

REPORT: dict[str, Any] = {
    "version": "0.1.0",
    "site": "harbour-3",
    "mode": "control",
    "time": "2026-06-01T12:00:00.000Z",
    "local_time": "2026-06-01T14:00:00+02:00",
    "timezone": "Europe/Copenhagen",
    "uptime_s": 12.5,
    "control": {"ticks": 12, "missed_ticks": 1, "period_s": 1.0, "last_tick_s": 0.004, "state": "METER_STALE"},
    "meters": [
        {
            "id": "grid",
            "age_s": None,
            "ok": False,
            "problem": "no answer within 0.5 s",
            "current_a": None,
            "voltage_v": None,
            "power_w": None,
        },
    ],
    "circuits": [
        {
            "id": "main",
            "parent": None,
            "fuse_a": 63.0,
            "rating_a": 61.0,
            "measured_a": [10.0, 62.5, 12.0],
            "measured_age_s": 0.4,
            "measured_stale": False,
            "draw_a": [6.0, 5.8, 6.0],
            "background_a": [4.0, 0.0, 1.0],
            "headroom_a": [51.0, 61.0, 49.0],
            "exposure_a": [6.0, 6.0, 6.0],
        },
        {
            "id": "garage",
            "parent": "main",
            "fuse_a": 40.0,
            "rating_a": 40.0,
            "measured_a": None,
            "measured_age_s": None,
            "measured_stale": False,
            "draw_a": [6.0, 5.8, 6.0],
            "background_a": [0.0, 0.0, 0.0],
            "headroom_a": [34.0, 34.0, 34.0],
            "exposure_a": [6.0, 6.0, 6.0],
        },
    ],
    "stations": [
        {
            "id": "CP-\x1b[31m01[red]",
            "connected": True,
            "cloud_connected": False,
            "vendor": None,
            "model": None,
            "evses": [
                {
                    "id": 1,
                    "status": "Charging",
                    "transaction_id": "7",
                    "limit_a": 6.0,
                    "accepted_a": 6.0,
                    "exposure_a": 6.0,
                    "draw_a": [5.9, 5.8, 6.0],
                    "phases": ["L2", "L3", "L1"],
                    "phases_in_use": ["L2", "L3", "L1"],
                    "need": None,
                    "reason": "METER_STALE",
                    "text": "6.0 A: meter grid gives no reading: safe current",
                },
                {
                    "id": 2,
                    "status": "Available",
                    "transaction_id": None,
                    "limit_a": None,
                    "accepted_a": None,
                    "exposure_a": 32.0,
                    "draw_a": None,
                    "phases": ["L1"],
                    "phases_in_use": ["L1"],
                    "need": None,
                    "reason": "STATION_OFFLINE",
                    "text": "the station can't be reached",
                },
            ],
        }
    ],
    "waiting_stations": [
        {"id": "CP-99", "address": "10.0.0.9", "vendor": "ACME", "model": None, "serial": None, "since": None}
    ],
}

STARTING: dict[str, Any] = {
    "version": "0.1.0",
    "site": "harbour-3",
    "time": "2026-06-01T12:00:00.000Z",
    "local_time": "2026-06-01T14:00:00+02:00",
    "timezone": "Europe/Copenhagen",
    "uptime_s": 0.1,
    "control": {"state": "STARTING"},
    "waiting_stations": [],
}


class Controller:
    """The API on a control socket, without a controller behind it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.report: Mapping[str, Any] = REPORT


def changed(**tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The report with keys of some elements of its tables replaced."""
    return REPORT | {
        table: [element | elements.get(element["id"], {}) for element in REPORT[table]]
        for table, elements in tables.items()
    }


@pytest.fixture
async def controller(tmp_path: Path) -> AsyncIterator[Controller]:
    served = Controller(tmp_path / "edge.sock")
    app = make_app(status=lambda: served.report, healthy=lambda: True, needs=FakeNeeds())
    server = ApiServer(app, listen=("127.0.0.1", free_endpoints(1)[0].port), socket=served.path)
    await server.start()
    yield served
    await server.stop()


class Outcome(NamedTuple):
    code: int | None
    out: str
    err: str


async def status(path: Path, *arguments: str) -> Outcome:
    """``edge status`` with EDGE_SOCKET set to ``path``."""
    return await edge(path, "status", *arguments)


async def edge(path: Path, *arguments: str, **more: str) -> Outcome:
    """Any verb in the same way, with ``more`` in its environment."""
    environment = {"EDGE_SOCKET": str(path), "PATH": "/usr/bin:/bin"} | more
    ended = as_text(await asyncio.to_thread(forked, "edge", *arguments, env=environment))
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


async def test_status_as_json_is_the_api_s_answer(controller: Controller) -> None:
    """--json prints the very report of GET /api/v1/status."""
    shown = await status(controller.path, "--json")
    assert (shown.code, shown.err) == (0, "")
    assert orjson.loads(shown.out) == REPORT


async def test_status_for_people(controller: Controller) -> None:
    """Circuits with current against rating, EVSEs with limit, draw and the sentence; lost meters; who waits."""
    shown = await status(controller.path)
    assert (shown.code, shown.err) == (0, "")
    for words in (
        "harbour-3: METER_STALE, mode control, up 12 s, 12 ticks (1 missed), 14:00:00 at the site, version 0.1.0",
        "62.5 / 61",
        "≤ 6.0 / 40",
        "meter grid: no answer within 0.5 s",
        "5.9 5.8 6.0",
        "6.0 A: meter grid gives no reading: safe current",
        "the station can't be reached",
        "waiting to be let in: CP-99 from 10.0.0.9 ACME",
    ):
        assert words in shown.out


GERMAN = (
    "harbour-3: Zähler ausgefallen (METER_STALE), Modus control, läuft seit 12 s, 12 Takte (1 versäumt)",
    "62,5 / 61",
    "L2 ist überlastet: 62,5 von 61 A",
    "5,9 5,8 6,0",
    "6,0 A: Zähler grid gibt keine Messung: sicherer Strom",
    "wartet auf Aufnahme: CP-99 von 10.0.0.9 ACME",
)


async def test_status_speaks_the_language_of_the_set_up(controller: Controller, tmp_path: Path) -> None:
    """By the rule of set-up and doctor: the one that is asked for, that of the set-up, the terminal's, English."""
    (station,) = REPORT["stations"]
    sentence = {"name": "METER_STALE", "shown_a": 6.0, "values": {"meter": "grid"}}
    first = station["evses"][0] | {"sentence": sentence}
    controller.report = REPORT | {"stations": [station | {"evses": [first]}]}
    (tmp_path / "language").write_text("de\n")
    of_state = ("status", "--state", str(tmp_path))
    for arguments, locale in (
        (("status", "--language", "de"), {"LANG": "da_DK.UTF-8"}),
        (of_state, {"LC_ALL": "nl_NL.UTF-8"}),
        (("status",), {"LANG": "de_AT.UTF-8"}),
    ):
        shown = await edge(controller.path, *arguments, **locale)
        assert (shown.code, shown.err) == (0, "")
        assert [words for words in GERMAN if words not in shown.out] == []
    english = await edge(controller.path, *of_state, "--language", "en", LANG="de_DE.UTF-8")
    assert "6.0 A: meter grid gives no reading: safe current" in english.out
    programs = await edge(controller.path, *of_state, "--json")
    assert orjson.loads(programs.out) == controller.report  # theirs is one
    nobody = await edge(controller.path, "status", "--language", "fr")
    assert (nobody.code, nobody.out) == (2, "")
    assert "--language is none of en, da, nl, de" in nobody.err


async def test_one_station_of_many(controller: Controller) -> None:
    """On a large site the one that is asked for had scrolled away; of one that isn't there it is told why."""
    first = REPORT["stations"][0]
    away = first | {"id": "CP-07", "connected": False}
    turned = {"station": "CP-07", "at": "2026-06-01T11:59:00Z", "why": "a wrong key", "address": "10.0.0.7", "times": 1}
    controller.report = REPORT | {"stations": [first | {"id": "CP-06"}, away], "refused_handshakes": [turned]}
    shown = await status(controller.path, "CP-07")
    assert (shown.code, shown.err) == (0, "")
    assert "CP-07 isn't connected: waiting for it to dial; it was turned away at 2026-06-01T11:59:00Z: a wrong key" in (
        " ".join(shown.out.split())
    )
    assert "62.5 / 61" in shown.out
    assert not {"CP-06", "CP-99"} & set(shown.out.split())
    told = orjson.loads((await status(controller.path, "CP-06", "CP-99", "--json")).out)
    assert [each["id"] for table in ("stations", "waiting_stations") for each in told[table]] == ["CP-06", "CP-99"]
    nobody = await status(controller.path, "CP-08")
    assert (nobody.code, nobody.err) == (
        2,
        "edge: there is no station 'CP-08'; edge status alone shows those that there are\n",
    )


@pytest.mark.parametrize("columns", ["40", "80"])
async def test_a_narrow_terminal_has_each_reason_whole(controller: Controller, columns: str) -> None:
    """Below its EVSE, broken between words at most: beside the table it was a column of a few letters."""
    controller.report = changed(stations={"CP-\x1b[31m01[red]": {"id": "CP-01"}})
    async with at_terminal("status", "--socket", str(controller.path), environment={"COLUMNS": columns}) as typist:
        assert await typist.ends() == 0
    shown = " ".join(typist.shown.split())
    if columns == "40":  # of a circuit, too: the table showed "12…" in place of a current
        assert "main: fed by -, L1 10.0 / 61, L2 62.5 / 61, L3 12.0 / 61, remark L2 is overloaded: 62.5" in shown
    assert "…" not in shown
    assert "CP-01/1: link up, cloud down, status Charging, limit A 6.0, draw A 5.9 5.8 6.0" in shown
    assert "6.0 A: meter grid gives no reading: safe current CP-01/2: link up" in shown


async def test_what_a_stranger_calls_himself_is_told_as_it_is(controller: Controller) -> None:
    """Taken for markup, `[/x]` ended the list of stations, and with it what an installer sees of who waits."""
    controller.report = changed(stations={"CP-\x1b[31m01[red]": {"vendor": "[bold]", "model": "[/x]"}}) | {
        "waiting_stations": [
            {
                "id": "[/CP-99]",
                "address": "10.0.0.9",
                "vendor": "A\x1b[31mB",
                "model": None,
                "serial": None,
                "since": None,
            }
        ],
    }
    shown = await edge(controller.path, "station", "list")
    assert (shown.code, shown.err) == (0, "")
    assert all(words in shown.out for words in ("[bold]", "[/x]", "[/CP-99]", "A?[31mB"))


async def test_a_sign_that_the_terminal_has_not_is_a_question_mark(controller: Controller) -> None:
    """In an 8-bit locale the rest is told all the same: it was a fault of the program."""
    locale = {"PYTHONIOENCODING": "latin-1", "COLUMNS": "160"}
    async with at_terminal("status", "--socket", str(controller.path), environment=locale) as typist:
        assert await typist.ends() == 0
    assert "? 6.0 / 40" in typist.shown


async def test_few_phases_and_needs_have_their_columns(controller: Controller) -> None:
    """Only where there are some: the grid phases that a car uses, what it still wants and until when."""
    assert "uses" not in (plain := await status(controller.path)).out
    assert "needs" not in plain.out
    (station,) = REPORT["stations"]
    first, second = station["evses"]
    few = first | {"phases_in_use": ["L3"], "need": {"energy_wanted_wh": 8200.0, "time_left_s": 9000.0}}
    late = second | {"need": {"energy_wanted_wh": 100.0, "time_left_s": -1.0}}
    controller.report = REPORT | {"stations": [station | {"evses": [few, late]}]}
    cells = [[cell.strip() for cell in line.split("│")] for line in (await status(controller.path)).out.splitlines()]
    assert any({"L3", "8.2 kWh in 2 h"} <= set(row) for row in cells)
    assert any({"-", "0.1 kWh by now"} <= set(row) for row in cells)


@pytest.mark.parametrize("state", ["NORMAL", "METER_LATE", "METER_STALE", "RECOVERING"])
async def test_the_state_of_control_is_in_the_headline(controller: Controller, state: str) -> None:
    """How far the site can be controlled, in the first line."""
    controller.report = REPORT | {"control": REPORT["control"] | {"state": state}}
    assert (await status(controller.path)).out.startswith(f"harbour-3: {state}, mode control")


async def test_an_overloaded_circuit_is_marked(controller: Controller) -> None:
    """In words, not by its colour alone: by its meter, or where it has none by what its chargers report."""
    controller.report = changed(circuits={"garage": {"draw_a": [12.0, 12.0, 41.5]}})
    shown = await status(controller.path)
    assert "L2 is overloaded: 62.5 of 61 A" in shown.out
    assert "L3 is overloaded: 41.5 of 40 A" in shown.out
    assert "L1 is overloaded" not in shown.out


async def test_no_column_is_empty(controller: Controller) -> None:
    """Where nothing needs a remark there is no column for it."""
    controller.report = changed(circuits={"main": {"measured_a": [10.0, 11.0, 12.0]}})
    lines = (await status(controller.path)).out.splitlines()
    heading = next(line for line in lines if "fed by" in line)
    assert [cell.strip() for cell in heading.split("┃")] == ["", "circuit", "fed by", "L1", "L2", "L3", ""]


async def test_a_lost_meter_s_currents_are_marked_as_old(controller: Controller) -> None:
    """With their age; and what was above the rating then isn't told as if it were so now."""
    controller.report = changed(
        circuits={"main": {"measured_age_s": 42.4, "measured_stale": True}}, meters={"grid": {"age_s": 425.0}}
    )
    shown = await status(controller.path)
    assert "reading 42 s old" in shown.out
    assert "meter grid: no answer within 0.5 s; its last reading is 7 min old" in shown.out
    assert "overloaded" not in shown.out


async def test_a_draw_that_is_too_old_is_told_with_its_age(controller: Controller) -> None:
    """What a station last said before it fell silent isn't shown as if it flowed now."""
    (station,) = REPORT["stations"]
    first, second = station["evses"]
    old = first | {"draw_age_s": 425.0, "draw_stale": True}
    fresh = second | {"draw_a": [3.0, 0.0, 0.0], "draw_age_s": 42.0, "draw_stale": False}
    controller.report = REPORT | {"stations": [station | {"evses": [old, fresh]}]}
    cells = [[cell.strip() for cell in line.split("│")] for line in (await status(controller.path)).out.splitlines()]
    assert any("5.9 5.8 6.0, 7 min ago" in row for row in cells)
    assert any("3.0 0.0 0.0" in row for row in cells)


async def test_the_doctor_tells_the_address_as_it_is_typed(controller: Controller, tmp_path: Path) -> None:
    """Of a station that is away, with its identity in it; and what keeps its meter in the language of who reads it."""
    away = REPORT["stations"][0] | {"id": "CP 07/ö", "connected": False}
    controller.report = REPORT | {"stations": [away], "station_urls": ["ws://10.77.0.1:9000/{station}"]}
    told = ("doctor", "--config", str(tmp_path / "none.toml"), "--state", str(tmp_path), "--language", "de")
    shown = await edge(controller.path, *told)
    assert (shown.code, shown.err) == (1, "")
    assert "ws://10.77.0.1:9000/CP%2007%2F%C3%B6 mit ihrer eigenen Kennung" in shown.out
    assert "{station}" not in shown.out
    assert "Zähler grid: keine Antwort binnen 0,5 s; geladen wird mit den sicheren Strömen" in shown.out


async def test_why_a_cloud_cannot_be_had_is_told(controller: Controller) -> None:
    """Once for all stations of the same cause; by the trace of a station, and by the doctor: which differs with whether
    any station has its cloud."""
    (station,) = REPORT["stations"]
    lost = [
        station | {"id": f"CP-{number:02}", "cloud_problem": "no answer within 10 s" if number > 1 else "HTTP 401"}
        for number in range(1, 8)
    ]
    controller.report = REPORT | {"stations": lost}
    out = (await status(controller.path)).out
    assert "no cloud for CP-01: HTTP 401\n" in out
    assert "no cloud for CP-02, CP-03, CP-04 and 3 more: no answer within 10 s\n" in out
    told = (await edge(controller.path, "doctor")).out
    assert "no station reaches the cloud: no answer within 10 s\n" in told
    controller.report = REPORT | {"stations": [*lost[:2], station | {"id": "CP-08", "cloud_connected": True}]}
    assert "no cloud for CP-01: HTTP 401\n" in (await status(controller.path)).out
    told = (await edge(controller.path, "doctor")).out
    assert "station CP-02 doesn't reach its cloud: no answer within 10 s\n" in told
    assert "no station reaches the cloud" not in told


async def test_observing_says_what_would_be(controller: Controller) -> None:
    """No limit is shown as if it had been commanded."""
    controller.report = REPORT | {"mode": "observe"}
    shown = await status(controller.path)
    assert "would be A" in shown.out
    assert "nothing is commanded" in shown.out
    assert "limit A" not in shown.out


async def test_names_steer_no_terminal(controller: Controller) -> None:
    """Escape sequences and markup in a station's name are shown, not obeyed."""
    shown = await status(controller.path)
    assert "CP-�[31m01[red]" in shown.out
    assert "\x1b" not in shown.out


async def test_a_controller_that_starts_is_shown(controller: Controller) -> None:
    """Before its first tick the controller answers all the same."""
    controller.report = STARTING
    shown = await status(controller.path)
    assert shown.code == 0
    assert "harbour-3: STARTING" in shown.out


async def test_no_controller_is_one_sentence(tmp_path: Path) -> None:
    """Nothing there, or something that isn't a controller: exit code 1, one line on stderr."""
    missing = await status(tmp_path / "none.sock")
    assert missing.code == 1
    assert missing.err.startswith("edge: no controller answers (")
    assert missing.err.count("\n") == 1


async def test_what_is_no_controller_is_told(tmp_path: Path) -> None:
    """Another program on the socket that talks something else is told so."""

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        writer.close()

    server = await asyncio.start_unix_server(babble, tmp_path / "edge.sock")
    async with server:
        shown = await status(tmp_path / "edge.sock")
    assert shown.code == 1
    assert "edge: no controller answers (" in shown.err
    assert shown.err.count("\n") == 1


STORAGE: dict[str, Any] = {
    "state": "GOOD",
    "folder": "/var/lib/edge-controller",
    "problem": None,
    "free_bytes": 12_100_000_000,
    "reserve_held": True,
    "journal_bytes": 400_000,
    "checked_at": "2026-06-01T09:30:00Z",
    "healed": [],
    "set_aside_files": [],
    "pending": 3,
    "oldest_pending_at": "2026-06-01T10:00:00Z",
    "oldest_pending_s": 7200,
    "oldest_pending_station": "CP-07",
    "deferred": 0,
    "set_aside": 0,
    "flooded_by": [],
    "left_behind": {},
}


@pytest.mark.parametrize(
    ("changes", "words", "troubles"),
    [
        (
            {},
            (
                "storage: 3 messages for the cloud, the oldest since 2 h (CP-07); journal 0.4 MB; 12.1 GB free; "
                "checked 2026-06-01 09:30 UTC\n"
            ),
            [],
        ),
        (
            {"oldest_pending_s": 90_000},
            "the oldest since 25 h (CP-07)",
            ["a message of CP-07 has waited for the cloud for 25 h"],
        ),
        (
            {"set_aside": 2, "left_behind": {"CP-09": 4}, "set_aside_files": ["journal.db.damaged-1"]},
            "2 not sent any more (edge journal list); 4 of stations that are no longer here; ",
            [
                "/var/lib/edge-controller/journal.db.damaged-1 was damaged; what could be read of it is in use",
                "messages aren't sent to the cloud any more: 2 of them",
                "messages for the cloud are of CP-09, which the site no longer has: 4",
            ],
        ),
        (
            {"flooded_by": ["CP-05"]},
            "no more transactions are taken of CP-05, more than a station can have",
            ["CP-05 tells more transactions than a station can have: no more of them are taken for now"],
        ),
        (
            {"deferred": 2},
            "CP-07); 2 of them the cloud fails to take: sent again later (edge journal list); journal",
            ["the cloud fails to take messages: 2, which are sent again by themselves"],
        ),
        (
            {"state": "FULL", "problem": "disk full, the reserve is used up"},
            "storage: disk full, the reserve is used up; 3 messages",
            ["/var/lib/edge-controller: disk full, the reserve is used up; stations keep their messages"],
        ),
    ],
)
async def test_how_the_storage_fares(
    controller: Controller, changes: dict[str, Any], words: str, troubles: list[str]
) -> None:
    """What waits for the cloud and since when, room, damage: a line of the status, and the doctor's remedies."""
    controller.report = REPORT | {"storage": STORAGE | changes}
    assert words in (await status(controller.path)).out
    told = await edge(controller.path, "doctor")
    assert [each in told.out for each in troubles] == [True] * len(troubles)
    assert ("CP-07" in told.out) is ("25 h" in words)


async def test_a_site_without_a_cloud_misses_none(controller: Controller) -> None:
    """No column, no line and no trouble is of a cloud; what is kept for one that was there before is told."""
    (station,) = REPORT["stations"]
    alone = REPORT | {"has_cloud": False, "stations": [station | {"cloud_connected": False}]}
    controller.report = alone | {"storage": STORAGE | {"pending": 0, "oldest_pending_s": None}}
    out = (await status(controller.path)).out
    assert ", no cloud\n" in out
    assert out.count("cloud") == 1
    assert "cloud" not in (await edge(controller.path, "doctor")).out
    card = {"station": "CP-01", "token": "ab" * 32, "ends": "C4", "at": "2026-11-23T04:00:00Z"}
    controller.report = alone | {"cards_shown": [card]}
    line = "a card (..C4) that isn't the site's own was shown at CP-01: edge token add --shown CP-01\n"
    assert line in (await status(controller.path)).out
    controller.report = alone | {"storage": STORAGE | {"oldest_pending_s": 90_000, "set_aside": 2}}
    assert (
        "3 messages for a cloud that the site no longer has, the oldest since 25 h"
        in (await status(controller.path)).out
    )
    told = (await edge(controller.path, "doctor")).out
    assert "messages are kept for a cloud that the site no longer has: 5\n" in told
    assert told.count("cloud") == 1


@pytest.mark.parametrize("eco_s", [41.0, None])
async def test_mode_eco_is_told(controller: Controller, eco_s: float | None) -> None:
    """And for how long it still holds."""
    controller.report = REPORT | {"bms": {"mode": "auto" if eco_s is None else "eco", "eco_remaining_s": eco_s}}
    line = "eco mode: all cars charge on the sun's surplus alone, for 41 s more"
    assert (line in (await status(controller.path)).out) is (eco_s is not None)


@pytest.mark.parametrize(
    ("state", "days", "line", "trouble"),
    [
        ("GOOD", 300.0, None, None),
        ("EXPIRING", 12.34, "expires in 12.3 days", "the certificate that stations see expires; days left: 12"),
        ("EXPIRED", -2.0, "expired 2.0 days ago", "the certificate that stations see expired at 2026-06-13T12:00:00Z"),
    ],
)
async def test_a_certificate_that_expires_is_told(
    controller: Controller, state: str, days: float, line: str | None, trouble: str | None
) -> None:
    """Fault 57: in the status, by the doctor with a remedy, and nothing of one that is good."""
    controller.report = REPORT | {
        "certificates": [
            {
                "use": "stations",
                "place": "/etc/edge/server.pem",
                "state": state,
                "expires_at": "2026-06-13T12:00:00Z",
                "days_left": days,
                "problem": None,
            }
        ]
    }
    out, told = (await status(controller.path)).out, (await edge(controller.path, "doctor")).out
    assert ("/etc/edge/server.pem" in out) is (line is not None)
    if line is not None:
        assert f"certificate /etc/edge/server.pem (stations) {line}" in out
    assert ("/etc/edge/server.pem" in told) is (trouble is not None)
    if trouble is not None:
        assert (
            f"/etc/edge/server.pem: {trouble}\n   -> have it renewed and put the new one in its place; it is taken over"
            in told
        )


@pytest.mark.parametrize("connected", [True, False, None])
async def test_a_broker_out_of_reach_is_told(controller: Controller, connected: bool | None) -> None:
    """The building neither sees the gateway nor limits it then; its fallback may hold, and only the log said why."""
    mqtt = {} if connected is None else {"mqtt": {"connected": connected, "dropped": 0}}
    controller.report = REPORT | {"bms": mqtt}
    told = (await edge(controller.path, "doctor")).out
    assert ("the MQTT broker of the building is out of reach\n   -> check [bms.mqtt]" in told) is (connected is False)


async def test_many_with_one_trouble_are_told_as_one(controller: Controller) -> None:
    """A switch without supply was a page of stations, each to be looked at; so was a cloud's one refusal."""
    (station,) = REPORT["stations"]
    names = [f"CP-{number:02}" for number in range(1, 9)]
    there = station | {"id": "CP-99", "cloud_connected": True}
    refused = [{"station": "CP-08", "address": "10.0.0.8", "why": "another key", "at": "now", "times": 1}]
    controller.report = REPORT | {
        "stations": [*({**station, "id": name, "connected": False} for name in names), there],
        "refused_handshakes": refused,
    }
    told = (await edge(controller.path, "doctor")).out
    said = "7 stations aren't connected: CP-01, CP-02, CP-03, CP-04, CP-05, CP-06, ...\n   -> check what they share"
    assert said in told
    assert "station CP-01 isn't connected" not in told
    assert "station CP-08 isn't connected; last turned away: another key\n" in told
    lost = [{**station, "id": name, "connected": True, "cloud_connected": False} for name in names]
    causes = ["HTTP 401"] * 5 + ["no answer within 10 s"] * 3
    lost = [each | {"cloud_problem": why} for each, why in zip(lost, causes, strict=True)]
    controller.report = REPORT | {"stations": [*lost, there]}
    told = (await edge(controller.path, "doctor")).out
    assert "5 stations don't reach their cloud: HTTP 401 (CP-01, CP-02, CP-03, CP-04, CP-05)\n   -> check" in told
    assert "station CP-01 doesn't" not in told
    assert "station CP-07 doesn't reach its cloud: no answer within 10 s\n" in told


@pytest.mark.parametrize("reason", ["fallback", "bms", "fuse"])
async def test_a_silent_building_that_holds_the_cars_down_is_told(controller: Controller, reason: str) -> None:
    """Its fallback is the cause of slow cars, of which nothing said what to do; a limit that it states is none."""
    source = None if reason == "fuse" else "bms_mqtt"
    effective = {"circuit": "main", "limit_a": 20.0, "limit_w": None, "reason": reason, "source": source}
    controller.report = REPORT | {"limits": {"effective": [effective], "stated": []}}
    told = (await edge(controller.path, "doctor")).out
    said = "the building says no limit at present ([bms.mqtt]): its fallback of 20 A per phase holds at main\n   -> "
    assert (said in told) is (reason == "fallback")


@pytest.mark.parametrize("state", ["METER_STALE", "METER_LATE", "NORMAL"])
async def test_a_lost_meter_costs_current_only_where_a_circuit_rests_on_it(controller: Controller, state: str) -> None:
    """One of the sun's that is only shown, or one that is late, lowers no charging."""
    meter = REPORT["meters"][0] | {"id": "pv", "ok": False, "problem": "no answer"}
    controller.report = REPORT | {"meters": [meter], "control": REPORT["control"] | {"state": state}}
    told = (await edge(controller.path, "doctor")).out
    assert "meter pv" in told
    assert ": no answer" in told
    assert ("charging is at its safe currents" in told) is (state == "METER_STALE")


async def test_a_storage_that_cannot_be_used_is_told(controller: Controller) -> None:
    """Nobody stands in for the cloud then, which no figure would show."""
    problem = "/nowhere/journal.db can't be opened"
    controller.report = REPORT | {
        "meters": [],
        "storage": {"state": "UNUSABLE", "folder": "/nowhere", "problem": problem},
    }
    assert f"storage: nothing can be kept: {problem}" in (await status(controller.path)).out
    told = await edge(controller.path, "doctor")
    assert "nothing can be kept, stations get no answers while their cloud is away" in told.out
    assert "   -> put /nowhere right, then sudo systemctl restart edge-controller" in told.out
    controller.report = controller.report | {"has_cloud": False}
    told = await edge(controller.path, "doctor")
    assert f"nothing can be kept, stations get no answers: {problem}" in told.out
