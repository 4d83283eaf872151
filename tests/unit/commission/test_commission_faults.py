"""The commissioning passes on a right site, and says which of eighteen faults a wrong one has."""

from dataclasses import replace

import pytest

from edge.commission.paper import pdf
from edge.language import LANGUAGES, Speaker
from tests.unit.commission.true_site import ENGLISH, Fault, TrueSite

# The proof that must fail first, and words that name the fault.
EXPECTED = {
    Fault.CT_TURNED: ("meter direction and phases", "L2 counts backwards"),
    Fault.CTS_SWAPPED: ("meter direction and phases", "L1 appears as L3"),
    Fault.ROTATION: ("phases of CP-B/1", "CP-B/1 draws on L2 by the site file, and the meter sees it on L3"),
    Fault.OTHER_CIRCUIT: ("meter direction and phases", "the meter doesn't see CP-A/1"),
    Fault.METER_MUTE: ("stations and meter are there", "meter grid gives no reading: no answer within 0.5 s"),
    Fault.REPEATER: ("meter lost: fallback in its time", "another device repeats old values"),
    Fault.NOT_THERE: ("stations and meter are there", "CP-B isn't connected (turned away: the station's credentials"),
    Fault.REFUSES: ("limit obeyed by CP-B/1", "CP-B/1 doesn't accept limits"),
    Fault.IGNORES: ("limit obeyed by CP-B/1", "accepts a limit of 6 A and draws 16.0 A all the same"),
    Fault.NO_FALLBACK: ("meter lost: fallback in its time", "CP-B/1 draws 16.0 A, its safe current is 6 A"),
    Fault.NO_DEAD_MAN: ("controller stopped: every station at its safe current", "doesn't keep its dead-man limit"),
    Fault.STOPS_OFFLINE: ("cloud lost: charging goes on", "CP-B/1 stopped charging"),
    Fault.WRONG_CABLE: ("cloud lost: charging goes on", "it was another cable"),
    Fault.NO_RETURN: ("controller stopped: every station at its safe current", "CP-B didn't come back"),
    Fault.NO_CLOUD: ("cloud lost: charging goes on", "no station reaches the cloud"),
    Fault.CARS_LEFT: ("meter lost: fallback in its time", "no car draws 2 A more than its safe current"),
    Fault.CARS_FULL: ("meter lost: fallback in its time", "no car draws 2 A more than its safe current"),
    Fault.THREE_PHASES: ("phases of CP-A/1", "use one phase only"),
}


PAPER = {
    "site": {"id": "proof", "timezone": "Europe/Amsterdam"},
    "made_at": "2026-11-21T12:00:00+00:00",
    "software": {"name": "edge-controller", "version": "1"},
    "site_file_sha256": "0" * 64,
    "passed": True,
    "proofs": [{"name": "æøå ß ë", "passed": True, "finding": "ok", "figures": {"draw_a": 6.0}}],
    "circuits": [],
    "meters": [],
    "stations": [],
    "settings": {},
    "signature": {"name": "Anna", "signed_at": "2026-11-21T12:30:00+00:00", "public_key": "k", "signature": "s"},
}


def test_a_right_site_passes() -> None:
    """Every proof, in the order of the work, and everything that the installer is asked is undone."""
    site = TrueSite()
    proofs = site.proofs()
    assert [(each.name, each.finding) for each in proofs if not each.passed] == []
    assert [ENGLISH.tell(each.name) for each in proofs] == [
        "safe currents under every fuse",
        "stations and meter are there",
        "limit obeyed by CP-A/1",
        "limit obeyed by CP-B/1",
        "limit obeyed by CP-C/1",
        "meter direction and phases",
        "phases of CP-A/1",
        "phases of CP-B/1",
        "phases of CP-C/1",
        "meter lost: fallback in its time",
        "cloud lost: charging goes on",
        "controller stopped: every station at its safe current",
    ]
    assert site.meter_cable
    assert site.cloud_cable


def findings(site: TrueSite) -> dict[str, str]:
    """What each proof found."""
    return {ENGLISH.tell(each.name): ENGLISH.tell(*each.finding) for each in site.proofs()}


def test_what_is_proven_names_by_which_cars() -> None:
    """One load that goes from station to station shows only the last: the document says so, and claims no more."""
    found, of_one = findings(TrueSite()), findings(TrueSite(one_box=True))
    for name in ("meter lost: fallback in its time", "controller stopped: every station at its safe current"):
        assert "CP-A/1, CP-B/1, CP-C/1" in found[name]
        assert "CP-C/1" in of_one[name]
        assert "CP-A/1" not in of_one[name]
    assert of_one["cloud lost: charging goes on"] == "charging went on at CP-C/1"


def test_phases_that_no_car_was_on_are_named() -> None:
    """A transformer that nobody loaded isn't proven; nor is the order of the phases that a car doesn't use."""
    site = TrueSite()
    assert findings(site)["meter direction and phases"] == "as in the file"
    only = TrueSite(fault=Fault.CTS_SWAPPED)  # L1 and L3, and the only station charges on L2
    only.site = replace(only.site, stations=only.site.stations[1:2])
    found = findings(only)
    assert (
        found["meter direction and phases"] == "as in the file on L2; not tried: L1, L3 (edge meter verify tries them)"
    )
    assert "can't show the order of the others" in found["phases of CP-B/1"]


def test_a_wiring_that_nothing_was_seen_of() -> None:
    """Where no car has risen, nothing is proven of the meter."""
    only = TrueSite(fault=Fault.IGNORES)
    only.site = replace(only.site, stations=only.site.stations[1:2])
    assert findings(only)["meter direction and phases"] == "no car charges with which it could be shown"


def test_a_site_without_a_meter_claims_nothing_of_one() -> None:
    """Nothing is said of its wiring, and that the cars went down by themselves isn't claimed."""
    proofs = {ENGLISH.tell(each.name): ENGLISH.tell(*each.finding) for each in TrueSite().proofs(grid_meter=None)}
    assert not {"meter direction and phases", "meter lost: fallback in its time"} & proofs.keys()
    assert "that the cars went down isn't shown" in proofs["controller stopped: every station at its safe current"]


def test_a_site_without_a_cloud_loses_none() -> None:
    """The proof says that it doesn't apply, in each language, and nobody is asked to unplug anything for it."""
    site = TrueSite(cloudless=True)
    proofs = site.proofs()
    assert all(each.passed for each in proofs)
    (lost,) = [each for each in proofs if ENGLISH.tell(each.name) == "cloud lost: charging goes on"]
    assert ENGLISH.tell(*lost.finding).startswith("doesn't apply: the site has no cloud")
    assert len({Speaker(each).tell(*lost.finding) for each in LANGUAGES}) == len(LANGUAGES)
    assert not any("cloud" in each for each in site.asked)


def test_every_fault_is_expected() -> None:
    """None is left out of the table below."""
    assert set(EXPECTED) == set(Fault)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_a_fault_is_found_and_named(fault: Fault) -> None:
    """The proof that it breaks fails, with a sentence that says which fault it is; it is put right and passes."""
    name, words = EXPECTED[fault]
    proofs = TrueSite(fault=fault).proofs()
    failed = {ENGLISH.tell(each.name): ENGLISH.tell(*each.finding) for each in proofs if not each.passed}
    assert next(iter(failed)) == name, failed
    assert words in failed[name]


def test_a_file_whose_fallbacks_do_not_fit() -> None:
    """What the static proof found is the first failure."""
    proofs = TrueSite().proofs("circuit[0].fuse_a: has no room for the fallback currents below it")
    assert not proofs[0].passed
    assert "no room" in ENGLISH.tell(*proofs[0].finding)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_told_in_each_language(language: str) -> None:
    """Every proof and finding of every fault, and the hand-over document on paper, can be said in the language."""
    speaker = Speaker(language)
    for fault in Fault:
        for proof in TrueSite(fault=fault).proofs():
            assert speaker.tell(proof.name, *proof.finding)
            figures = {name for name, value in proof.figures.items() if not isinstance(value, dict)}
            assert all(speaker.say(f"figure.{name}", {"value": "6"}) for name in figures)
    assert pdf(PAPER, speaker).startswith(b"%PDF")
