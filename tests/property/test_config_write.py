"""Writing the site file: what is written is read back, what stood there stays, comments above all."""

import os
import re
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.write import fresh, merged, save, updated
from edge.errors import SiteFileUnwritable

Drawn: TypeAlias = st.SearchStrategy[Any]
NAMES: Drawn = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\x7f\u2028\u2029"),
    min_size=1,
    max_size=12,
)
AMPS: Drawn = st.one_of(st.integers(1, 630), st.floats(0.1, 630, allow_nan=False).map(lambda value: round(value, 2)))
PHASES: Drawn = st.sampled_from([["L1"], ["L2", "L3", "L1"], ["L1", "L2", "L3"]])
EVSE: Drawn = st.fixed_dictionaries(
    {"id": st.integers(1, 3), "phases": PHASES, "max_a": AMPS}, optional={"fallback_a": AMPS}
)
STATION: Drawn = st.fixed_dictionaries(
    {"id": NAMES, "circuit": NAMES, "evse": st.lists(EVSE, min_size=1, max_size=3, unique_by=lambda each: each["id"])}
)
CIRCUIT: Drawn = st.fixed_dictionaries({"id": NAMES, "fuse_a": AMPS}, optional={"parent": NAMES, "margin_a": AMPS})
DOCUMENT: Drawn = st.fixed_dictionaries(
    {
        "site": st.fixed_dictionaries({"id": NAMES}),
        "circuit": st.lists(CIRCUIT, min_size=1, max_size=4, unique_by=lambda each: each["id"]),
        "ocpp": st.fixed_dictionaries({"upstream": NAMES}, optional={"security_profile": st.integers(0, 3)}),
    },
    optional={
        "control": st.fixed_dictionaries({"mode": st.sampled_from(["control", "observe"])}, optional={"lease_s": AMPS}),
        "station": st.lists(STATION, min_size=1, max_size=4, unique_by=lambda each: each["id"]),
        "bms": st.fixed_dictionaries({"mqtt": st.fixed_dictionaries({"broker": NAMES})}),
    },
)
# Some EVSEs may be gone from what is wanted; a new one in a station that is there can't be put in, and is refused.
MARK = "# by hand "


def commented(text: str) -> str:
    """The file as its author leaves it: a comment behind each line."""
    lines = text.split("\n")
    return "\n".join(
        f"{line} {MARK}{number}" if line and not line.startswith("#") else line for number, line in enumerate(lines)
    )


@settings(max_examples=60, deadline=None)
@given(DOCUMENT)
def test_what_is_written_is_read_back(document: dict[str, Any]) -> None:
    """Whatever the names have in them."""
    assert tomli.loads(fresh(document)) == document


@settings(max_examples=60, deadline=None)
@given(DOCUMENT, DOCUMENT)
def test_a_change_keeps_every_comment(before: dict[str, Any], wanted: dict[str, Any]) -> None:
    """The new file says what was wanted and else what it said; no comment is lost, and none doubled."""
    text = commented(fresh(before))
    try:
        changed = updated(text, wanted)
    except SiteFileUnwritable:
        assert tomli.loads(text)  # refused: a station that is there would get an EVSE more
        return
    assert tomli.loads(changed) == merged(tomli.loads(text), wanted)
    marks = re.compile(re.escape(MARK) + "[0-9]+")
    assert sorted(marks.findall(changed)) == sorted(marks.findall(text))
    assert updated(changed, wanted) == changed


def test_the_mode_changes_in_its_place() -> None:
    """One word of the file, nothing else."""
    text = '# mine\n[control]   # loop\nmode = "observe" # for now\n\n[site]\nid = "x"\n'
    assert updated(text, {"control": {"mode": "control"}}) == text.replace("observe", "control")


@pytest.mark.parametrize("text", ["x =", "station = 3", 'station = [{ id = "a" }]'])
def test_what_cannot_be_changed_is_refused(text: str) -> None:
    """No TOML, another form, tables written inline: one sentence, no guess."""
    with pytest.raises(SiteFileUnwritable):
        updated(text, {"station": [{"id": "b", "circuit": "main"}]})


def test_a_saved_file_outlasts_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was signed over stays so: the new text is on the disk before it has its name, and then the name."""
    path = tmp_path / "site.toml"
    save(path, "old")
    synced: list[tuple[Path, str, str]] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((place, "" if place.is_dir() else place.read_text(), path.read_text()))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    save(path, "new")
    [(draft, *before), folder] = synced
    assert (draft.parent, before) == (tmp_path, ["new", "old"])
    assert folder == (tmp_path, "", "new")


@pytest.mark.parametrize("target", ["folder", "device", "pipe"])
def test_what_is_no_file_is_not_replaced_by_one(target: str, tmp_path: Path) -> None:
    """`edge backup /dev/stdout` as root took the device away from the whole machine."""
    place = tmp_path / target
    match target:
        case "folder":
            place.mkdir()
        case "device":
            place.symlink_to("/dev/full")
        case "pipe":
            os.mkfifo(place)
    with pytest.raises(SiteFileUnwritable, match=f"{place} is (a folder; name a file in it|no file; name one)"):
        save(place, "new")
    assert not place.is_file()
    assert [each.name for each in tmp_path.iterdir()] == [target]


def test_a_link_stays_and_leads_to_the_new_text(tmp_path: Path) -> None:
    """The site file of a machine whose settings are kept elsewhere."""
    file, link = tmp_path / "kept" / "site.toml", tmp_path / "site.toml"
    link.symlink_to(file)
    for text in ("first", "second"):
        save(link, text)
        assert (file.read_text(), link.is_symlink()) == (text, True)
