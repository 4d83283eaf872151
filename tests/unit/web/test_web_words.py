"""What the page and ``edge status`` say in each language: the same figures, with their units."""

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.domain.limit import LimitSource
from edge.domain.setpoint import BALANCE_SENTENCES, NAMED, POWER_SENTENCES, Reason, Setpoint
from edge.domain.site import EvseKey
from edge.language import LANGUAGES, Speaker
from edge.units import Phase
from edge.web import words
from edge.web.said import Report
from tests.unit.web.test_web_app import REPORT

ENGLISH = Speaker("en")
OTHERS = [each for each in LANGUAGES if each != "en"]
FIGURE = re.compile(r"-?\d+(?:[.,]\d+)?(?: (?:A|W|kWh|MB|GB|s|min|h|d)\b)?")
STORAGE = {
    "state": "RESERVE",
    "folder": "/var/lib/edge-controller",
    "problem": "the disk is full",
    "free_bytes": 12_345_678,
    "journal_bytes": 2_345_678,
    "checked_at": "2026-06-01T11:00:00Z",
    "healed": [],
    "set_aside_files": ["journal.db.damaged"],
    "pending": 17,
    "oldest_pending_s": 7300.0,
    "oldest_pending_station": "CP-07",
    "deferred": 3,
    "set_aside": 2,
    "flooded_by": ["CP-04"],
    "left_behind": {"CP-05": 9},
}
LIMIT = {"circuit": "main", "limit_a": 20.25, "limit_w": 13_972.5, "source": "bms_modbus", "remaining_s": 41.4}
CERTIFICATE = {"place": "/etc/edge/tls/a.pem", "use": "stations", "problem": None}
# All that can be said at once.
ALL: dict[str, Any] = REPORT | {
    "control": {**REPORT["control"], "state": "RECOVERING"},
    "limits": {"effective": [LIMIT | {"reason": "fallback"}, LIMIT | {"reason": "bms", "remaining_s": None}]},
    "bms": {"eco_remaining_s": 600.0},
    "meters": [REPORT["meters"][0] | {"ok": False, "age_s": 130.0}, *REPORT["meters"]],
    "cards_shown": [{"station": "CP-01", "ends": "C4"}, {"station": "CP-02", "ends": ""}],
    "storage": STORAGE,
    "certificates": [
        CERTIFICATE | {"state": "EXPIRING", "days_left": 12.34},
        CERTIFICATE | {"state": "EXPIRED", "days_left": -3.21},
        CERTIFICATE | {"state": "UNREADABLE", "days_left": None, "problem": "no PEM"},
    ],
    "stations": [
        REPORT["stations"][0] | {"id": f"CP-0{n}", "cloud_problem": "no answer", "lets_in": kind}
        for n, kind in enumerate(("list", "own", "own", "own", "own"), 1)
    ],
}


def figures(text: str) -> Counter[str]:
    """The numbers in it, each with its unit, with the decimal sign of English."""
    return Counter(each.replace(",", ".") for each in FIGURE.findall(text))


def setpoint(name: str, *, amps: float = 7.25, more: float = 12.34) -> Setpoint:
    """One that is told by this sentence."""
    reason, _, kind = name.partition(".")
    return Setpoint(
        key=EvseKey(station="CP-01", evse=1),
        limit_a=amps,
        reason=Reason(reason),
        circuit="garage",
        phase=Phase.L2,
        meter="grid",
        used_a=more,
        rating_a=more + 0.5,
        min_a=6.0,
        other_phase=Phase.L3 if kind == "balance" or reason == "IMBALANCE" else None,
        used_w=more * 1000 if kind == "power" or reason == "CIRCUIT_POWER_FULL" else None,
        rating_w=more * 1001 if kind == "power" or reason == "CIRCUIT_POWER_FULL" else None,
        phases=1,
        source=LimitSource.BMS_MQTT,
    )


def evse(told: Setpoint) -> dict[str, Any]:
    """As the report has it."""
    said = told.sentence
    sentence = {"name": said.name, "shown_a": said.shown_a, "values": dict(said.values)}
    return {"reason": told.reason.value, "text": told.text, "sentence": sentence}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_sentence_is_known_by_its_name(name: str) -> None:
    """What binds chooses among the wordings of a reason."""
    assert setpoint(name).sentence.name == name


def test_each_wording_has_a_name() -> None:
    assert len(NAMED) == len(Reason) + len(POWER_SENTENCES) + len(BALANCE_SENTENCES)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_reason_has_the_same_figures_in_each_language(language: str, name: str) -> None:
    """To the last decimal, with their units, and what they are figures of."""
    told = setpoint(name)
    said = words.why_of(Speaker(language), evse(told)).text
    assert said != told.text
    assert figures(said) == figures(told.text)
    for named in ("garage", "L2", "L3", "grid"):
        assert (named in said) == (named in told.text)


@given(amps=st.floats(0, 1e4), more=st.floats(-1e4, 1e4), name=st.sampled_from(sorted(NAMED)))
def test_no_language_rounds_otherwise(amps: float, more: float, name: str) -> None:
    told = setpoint(name, amps=amps, more=more)
    for language in OTHERS:
        assert figures(words.why_of(Speaker(language), evse(told)).text) == figures(told.text)


def test_english_is_what_the_gateway_tells_everywhere() -> None:
    told = setpoint("CIRCUIT_FULL")
    assert words.why_of(ENGLISH, evse(told)).text == told.text


def test_a_reason_that_is_not_known_yet_is_told_in_english() -> None:
    """Of a gateway of another release; and one that isn't ours to limit has no limit before its reason."""
    told = evse(setpoint("IDLE"))
    german = Speaker("de")
    assert words.why_of(german, told | {"sentence": None}).text == told["text"]
    assert words.why_of(german, told | {"sentence": {**told["sentence"], "name": "NEW"}}).text == told["text"]
    silent = Setpoint(key=EvseKey(station="A", evse=1), limit_a=None, reason=Reason.STATION_SILENT)
    assert words.why_of(german, evse(silent)).text.startswith("die Station antwortet nicht")
    kept = Setpoint(key=EvseKey(station="A", evse=1), limit_a=None, reserved_a=32.5, reason=Reason.STATION_SILENT)
    assert words.why_of(german, evse(kept)).text.startswith("32,5 A: die Station antwortet nicht")


def told_of(says: Speaker, report: Report) -> list[str]:
    """Every sentence of the report."""
    said = [words.headline(says, report), *words.on_control(says, report), *words.on_the_rest(says, report)]
    said += [remark for circuit in report["circuits"] for remark in words.remarks(says, circuit)]
    return [each.text for each in said]


def test_stations_that_let_in_few_are_named() -> None:
    """By what is left, and the first three of them."""
    assert [each.split(" alone")[0] for each in told_of(ENGLISH, ALL) if "configuration says" in each] == [
        "CP-01: without the cloud the local list and the site's own cards",
        "CP-02, CP-03, CP-04, …: without the cloud the site's own cards",
    ]


@pytest.mark.parametrize("language", OTHERS)
def test_each_sentence_has_the_same_figures_in_each_language(language: str) -> None:
    overloaded = REPORT["circuits"][0] | {"measured_a": [70.04, 0.0, 0.0]}
    report = ALL | {"circuits": [overloaded, overloaded | {"measured_stale": True, "measured_age_s": 240.0}]}
    english, other = told_of(ENGLISH, report), told_of(Speaker(language), report)
    assert len(english) > 15
    for one, another in zip(english, other, strict=True):
        assert figures(one) == figures(another), another
    same = {one for one, another in zip(english, other, strict=True) if one == another}
    assert all(each.startswith("meter ") for each in same)  # with a problem that nobody translates, in Dutch
