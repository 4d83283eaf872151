"""The commissioning passes on a right site, and says which of fifteen faults a wrong one has."""

import pytest

from edge.commission.paper import pdf
from edge.setup.language import LANGUAGES, Speaker
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
    Fault.THREE_PHASES: ("phases of CP-A/1", "use one phase only"),
}


PAPER = {
    "site": {"id": "proof"},
    "made_at": "2026-11-21T12:00:00+00:00",
    "software": {"name": "edge-controller", "version": "1"},
    "site_file_sha256": "0" * 64,
    "passed": True,
    "proofs": [{"name": "æøå ß ë", "passed": True, "finding": "ok", "figures": {"draw_a": 6.0}}],
    "circuits": [],
    "meters": [],
    "stations": [],
    "settings": {},
    "signature": {"name": "Anna", "signed_at": "now", "public_key": "k", "signature": "s"},
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
    assert pdf(PAPER, speaker).startswith(b"%PDF")
