"""``edge journal``: what was set aside is seen, and sent again."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from edge.domain.journal import EntryState, PutEntry
from edge.storage.reading import entries
from edge.storage.store import Store
from edge.storage.sums import DAMAGED
from tests.forked import as_text, forked
from tests.system.test_cli_check import SITE
from tests.unit.storage.storage_bench import entry, put


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with one message set aside and one on its way."""
    folder = tmp_path / "storage"
    store = Store(folder, reserve_bytes=1)
    store.open()
    aside = replace(entry(1), state=EntryState.SET_ASIDE, attempts=3, reason="answered InternalError")
    store.commit([[PutEntry(entry=aside), put(2)]])
    store.close()
    path = tmp_path / "site.toml"
    path.write_text(f'{SITE}\n[storage]\npath = "{folder}"\n')
    return path


def edge(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``edge journal``."""
    return as_text(forked("edge", "journal", *arguments, "--config", str(site)))


def test_what_was_set_aside_is_shown_with_its_reason(site: Path) -> None:
    """Number, station, action, time and reason."""
    assert edge(site, "list").stdout == (
        "1: CP-1, StartTransaction of 2026-06-01 12:00 UTC: answered InternalError\n1 set aside, 1 on their way\n"
    )
    assert json.loads(edge(site, "list", "--json").stdout)["set_aside"][0]["number"] == 1


def test_it_is_sent_again_on_demand_and_only_what_was_set_aside(site: Path) -> None:
    """All or none."""
    refused = edge(site, "resend", "1", "2")
    assert refused.returncode == 2
    assert refused.stderr == "edge: no message 2 was set aside; edge journal list shows those that were\n"
    assert edge(site, "resend", "1").stdout == "1 to be sent again\n"
    store = Store(site.parent / "storage", reserve_bytes=1)
    store.open()
    assert [(e.seq, e.state, e.attempts) for e in entries(store)] == [
        (1, EntryState.PENDING, 0),
        (2, EntryState.PENDING, 0),
    ]
    store.close()


def test_all_that_was_set_aside_is_sent_again(site: Path) -> None:
    """A begin and what depends on it are set aside together; without numbers nothing is done by mistake."""
    store = Store(site.parent / "storage", reserve_bytes=1)
    store.open()
    store.commit([[PutEntry(entry=replace(entry(3), state=EntryState.SET_ASIDE, attempts=3, reason="no id"))]])
    store.close()
    assert edge(site, "resend").stderr == "edge: which messages?; give their numbers, or --all\n"
    assert edge(site, "resend", "1", "--all").returncode == 2
    assert edge(site, "resend", "--all").stdout == "2 to be sent again\n"
    assert edge(site, "list").stdout == "0 set aside, 3 on their way\n"


def test_a_damaged_message_is_shown_and_stays(site: Path) -> None:
    """Its bytes have changed on the disk: it isn't what its station said, and all the others are sent again."""
    store = Store(site.parent / "storage", reserve_bytes=1)
    store.open()
    store.connection("journal").execute("UPDATE entry SET text = replace(text, ':2', ':3') WHERE seq = 2")
    store.close()
    shown = edge(site, "list").stdout.splitlines()[1]
    assert shown == f"2: CP-2, StartTransaction of 2026-06-01 12:00 UTC: {DAMAGED}"
    assert edge(site, "resend", "--all").stdout == (
        "1 to be sent again\n1 stay: their bytes have changed on the disk (edge journal list)\n"
    )
    refused = edge(site, "resend", "2")
    assert refused.returncode == 1
    assert refused.stderr == (
        "edge: message 2 isn't what its station said: its bytes have changed on the disk; "
        "correct its session at the cloud (edge report sessions), and replace the card\n"
    )


def test_what_is_deferred_is_shown_and_can_be_sent_at_once(site: Path) -> None:
    """The cloud fails to take it: it is on its way, and no person has to do anything."""
    store = Store(site.parent / "storage", reserve_bytes=1)
    store.open()
    store.commit([[PutEntry(entry=replace(entry(2), attempts=3, reason="answered GenericError"))]])
    store.close()
    assert edge(site, "list").stdout.splitlines()[1:] == [
        "2: CP-2, StartTransaction of 2026-06-01 12:00 UTC: answered GenericError; it is sent again by itself",
        "1 set aside, 1 on their way (1 of them deferred)",
    ]
    assert [each["number"] for each in json.loads(edge(site, "list", "--json").stdout)["deferred"]] == [2]
    assert edge(site, "resend", "2").stdout == "1 to be sent again\n"
    assert edge(site, "list").stdout.splitlines()[1:] == ["1 set aside, 1 on their way"]
