"""``edge token`` as the site's staff meet it: real processes, a real file."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from edge.storage.store import Store
from edge.storage.token_file import TokenFile
from tests.forked import as_text, forked
from tests.system.test_cli_check import SITE
from tests.unit.storage.storage_bench import put

CARD = "04A2B3C4"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site file whose storage is there."""
    folder = tmp_path / "storage"
    store = Store(folder, reserve_bytes=1)
    store.open()
    store.close()
    path = tmp_path / "site.toml"
    path.write_text(f'{SITE}\n[[class]]\nid = "staff"\nrank = 0\n[storage]\npath = "{folder}"\n')
    return path


def edge(site: Path, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``edge token``."""
    return as_text(forked("edge", "token", verb, *arguments, "--config", str(site)))


def test_a_token_is_added_listed_blocked_and_removed(site: Path) -> None:
    """Shown by its hash and its last two characters, never whole."""
    added = edge(
        site, "add", CARD, "--name", "Director", "--class", "staff", "--cost-centre", "4711",
        "--until", "2027-01-01", "--hours", "Mon-Fri 07:00-19:00; Sat 08:00-24:00",
        "--energy", "180 kWh", "--ready-by", "5:30",
    )  # fmt: skip
    assert (added.returncode, added.stderr) == (0, "")
    edge(site, "block", CARD.lower())
    (listed,) = json.loads(edge(site, "list", "--json").stdout)
    assert listed | {"token": "", "from": None} == {
        "token": "",
        "ends": "C4",
        "name": "Director",
        "blocked": True,
        "class": "staff",
        "cost centre": "4711",
        "from": None,
        "until": "2027-01-01T00:00:00+00:00",
        "hours": "Mon-Fri 07:00-19:00; Sat 08:00-24:00",
        "energy": "180kWh",
        "ready by": "05:30",
    }
    shown = edge(site, "list").stdout
    assert ", blocked, class staff," in shown
    assert ", energy 180kWh, ready by 05:30\n" in shown
    edge(site, "unblock", CARD)
    (listed,) = json.loads(edge(site, "list", "--json").stdout)
    assert (listed["blocked"], listed["energy"]) == (False, "180kWh")
    edge(site, "add", CARD, "--name", "Director")
    assert json.loads(edge(site, "list", "--json").stdout)[0]["energy"] is None, "what isn't given is gone"
    assert edge(site, "remove", CARD).returncode == 0
    assert json.loads(edge(site, "list", "--json").stdout) == []
    assert CARD.encode() not in b"".join(path.read_bytes() for path in (site.parent / "storage").iterdir())


SHOWN = {"station": "CP-01", "token": "ab" * 32, "ends": "C4", "at": "2026-11-23T04:00:00Z"}


@pytest.mark.parametrize(
    ("arguments", "report", "said"),
    [
        (("--shown", "CP-01", "--name", "Anna"), {}, "token abababab: added\n"),
        (("--shown", "CP-02"), {}, "no card that isn't the site's own was shown at CP-02 within 15 minutes; hold"),
        (("--shown", "CP-9"), {}, "the site has no station 'CP-9'; it has CP-01, CP-02\n"),
        (("--shown", "CP-01"), {"has_cloud": True}, "the site's cloud is told of cards, not the site; give the card's"),
        (("--shown", "CP-01", CARD), {}, "the card is given twice; give its number, or an option in place of that"),
        ((), {}, "no card is given; give its number, or an option in place of that (--help)\n"),
    ],
)
async def test_the_card_that_was_shown_last_is_added(
    site: Path, arguments: tuple[str, ...], report: dict[str, object], said: str
) -> None:
    """Its number is known to nobody; what is asked for in vain says what would be right."""
    told = {"has_cloud": False, "stations": [{"id": "CP-01"}, {"id": "CP-02"}], "cards_shown": [SHOWN]} | report

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(told).encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    socket = site.parent / "edge.sock"
    async with await asyncio.start_unix_server(answer, socket):
        ran = await asyncio.to_thread(edge, site, "add", *arguments, "--socket", str(socket))
    assert said in ran.stdout + ran.stderr
    rows = json.loads(edge(site, "list", "--json").stdout)
    assert [(row["ends"], row["name"]) for row in rows] == ([("C4", "Anna")] if ran.returncode == 0 else [])


def test_who_does_not_know_a_number_gives_the_listed_digits(site: Path) -> None:
    """A card that is lost can't be shown again, and must be blocked all the same."""
    assert edge(site, "add", CARD, "--name", "Anna").returncode == 0
    digits = json.loads(edge(site, "list", "--json").stdout)[0]["token"]
    assert edge(site, "block", "--listed", digits.upper()).stdout == f"token {digits}: blocked\n"
    assert edge(site, "unblock", "--listed", digits[:6]).stdout == f"token {digits}: no longer blocked\n"
    assert edge(site, "add", "--listed", digits, "--class", "staff").stdout == f"token {digits}: changed\n"
    refused = edge(site, "remove", "--listed", "x")
    assert refused.returncode == 2
    assert (
        refused.stderr == "edge: none of the site's tokens begins with x; edge token list shows eight digits of each\n"
    )
    assert edge(site, "block", CARD, "--listed", digits).returncode == 2
    (listed,) = json.loads(edge(site, "list", "--json").stdout)
    assert (listed["ends"], listed["blocked"], listed["class"]) == ("C4", False, "staff")
    assert edge(site, "remove", "--listed", digits).stdout == f"token {digits}: removed\n"


def test_many_are_imported_or_none(site: Path) -> None:
    """A fault names file and line."""
    table = site.parent / "tokens.csv"
    table.write_text("token,name,hours\n0102030405,One,\n0102030406,Two,Mon 25:00-26:00\n")
    refused = edge(site, "import", str(table))
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"edge: {table}:3: the hours 'Mon 25:00-26:00' can't be read; write ")
    assert json.loads(edge(site, "list", "--json").stdout) == []
    table.write_text("token,name,blocked,energy_kwh,ready_by\n0102030405,One,\n0102030406,Two,yes,180,05:30\n")
    assert edge(site, "import", str(table)).stdout == "2 tokens added or changed\n"
    found = json.loads(edge(site, "list", "--json").stdout)
    assert [own["blocked"] for own in found] == [False, True]
    assert [(own["energy"], own["ready by"]) for own in found] == [(None, None), ("180kWh", "05:30")]


def test_what_is_kept_of_one_person_is_printed_and_erased(site: Path) -> None:
    """Messages that the cloud hasn't had stay, and are counted."""
    store = Store(site.parent / "storage", reserve_bytes=1)
    store.open()
    store.commit([[put(1)]])
    connection = store.connection("journal")
    connection.execute("UPDATE entry SET text = ?", (f'[2,"1","StartTransaction",{{"idTag":"{CARD}"}}]',))
    store.close()
    edge(site, "add", CARD, "--name", "Jane Roe", "--energy", "12kWh", "--ready-by", "05:30")
    found = json.loads(edge(site, "export", CARD).stdout)
    assert found["site_token_need"][0]["energy_wanted_wh"] == 12_000
    assert found["site_token"][0]["name"] == "Jane Roe"
    assert [message["seq"] for message in found["messages_for_the_cloud"]] == [1]
    erased = edge(site, "erase", CARD)
    assert erased.stdout.endswith(": erased; messages for the cloud still name it, until they are delivered: 1\n")
    assert TokenFile(site.parent / "storage").all() == []
    files = [path for path in (site.parent / "storage").iterdir() if path.name.startswith("registry")]
    assert b"Jane Roe" not in b"".join(path.read_bytes() for path in files)


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (("add", " "), "edge: a token of 0 characters can't be one; give 1 to 255 printable ones\n", 2),
        (("add", CARD, "--class", "stuff"), "edge: the site has no class 'stuff'; its classes are: staff\n", 2),
        (("remove", CARD), "edge: the site has no such token; edge token list shows those it has\n", 2),
        (
            ("add", CARD, "--until", "soon"),
            "edge: --until is 'soon', no date; write 2026-12-31 or 2026-12-31T18:00\n",
            2,
        ),
        (
            ("add", CARD, "--energy", "12kWh"),
            "edge: --energy is given, and --ready-by isn't; give both, or neither\n",
            2,
        ),
        (("import", "/nowhere.csv"), "edge: /nowhere.csv can't be read ", 2),
    ],
)
def test_an_error_is_one_sentence(site: Path, arguments: tuple[str, ...], sentence: str, code: int) -> None:
    """What is wrong and what would be right; exit code 2."""
    result = edge(site, *arguments)
    assert result.returncode == code
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


def test_a_storage_that_isnt_there_is_told(site: Path) -> None:
    """Before the controller ever ran."""
    site.write_text(site.read_text().replace('/storage"', '/elsewhere"'))
    result = edge(site, "list")
    assert result.returncode == 1
    assert "elsewhere; start the controller once, or correct storage.path" in result.stderr
