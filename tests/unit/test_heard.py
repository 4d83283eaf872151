"""Problems of other rooms, which tell them in English, in the language of who reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus, InvalidURI, SecurityError
from websockets.http11 import Response

from edge.control.wiring import Wiring
from edge.domain.connection import Transport
from edge.language import LANGUAGES, Heard, Said, Speaker, printable
from edge.metering.family import Limits, RegisterType
from edge.metering.line_faults import no_answer
from edge.metering.modbus import ReadRequest
from edge.metering.turned import WHY
from edge.ocpp.unreached import cause
from edge.storage.condition import Health
from tests.unit.web.test_web_words import figures

GERMAN = Speaker("de")
OTHERS = [each for each in LANGUAGES if each != "en"]
LINE = str(
    no_answer(
        "rtu+tcp://10.0.0.7:502",
        ReadRequest(unit=2, register_type=RegisterType.INPUT, address=0, count=2),
        Limits(answer_s=0.5),
        hears=False,
        transport=Transport.RTU_TCP,
    )
)
CROSSED = Wiring(seen_on=(1, 0, 2), sign=(1, 1, -1))
WIRING = [f"meter 'grid': {each}" for each in CROSSED.sentences()] + [
    f"EVSE CP-01/1 as seen by meter 'grid': {each} of the meter; else check the phases of this EVSE in the site file, "
    "and whether the station turns its phases in its own settings too"
    for each in CROSSED.sentences()
]


def redirected(error: Exception, location: str) -> Exception:
    """What the library says of that redirect."""
    error.__cause__ = InvalidStatus(Response(302, "Found", Headers(Location=location)))
    return error


REDIRECTS = [
    redirected(InvalidURI("https://10.0.0.8/login", "scheme isn't ws or wss"), "https://10.0.0.8/login"),
    redirected(SecurityError("cannot follow"), "ws://10.0.0.8/CP-01"),
    SecurityError("more than 10 redirects"),
]
PROBLEMS = [
    LINE,
    *WIRING,
    WHY,
    cause(ConnectionRefusedError(), "ws://10.0.0.9:80/CP-01"),
    *(cause(each, "wss://10.0.0.9/CP-01") for each in REDIRECTS),
    "the connection was lost: no answer within 10 s",
    *(each.value for each in Health if each is not Health.GOOD),
]


def test_a_meter_that_is_mute_is_told_in_german() -> None:
    """Whole, with what to look at; the numbers with their comma, an address as it is."""
    assert GERMAN.retold(LINE) == (
        "keine Antwort von rtu+tcp://10.0.0.7:502 Unit 2 binnen 0,5 s; die Unit-ID prüfen, die Verdrahtung hinter dem "
        "Umsetzer, und ob der Modbus TCP spricht (tcp://)"
    )


def test_wiring_is_told_phase_by_phase() -> None:
    assert GERMAN.retold(WIRING[0]) == (
        "Zähler 'grid': L1 erscheint als L2, L2 erscheint als L1; die Reihenfolge der Stromwandler prüfen"
    )


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_no_word_of_it_is_left_in_english(language: str, problem: str) -> None:
    """And each of its figures is there."""
    told = Speaker(language).retold(problem)
    assert not {"the", "check", "and", "seen"} & set(told.replace(",", " ").split())
    assert figures(told.replace("0,5", "0.5")) == figures(problem)
    assert Speaker("en").retold(problem) == problem


def test_figures_that_do_not_fit_each_other() -> None:
    """The longer sentence is known before the shorter that it begins like."""
    assert GERMAN.retold("12.5 A on L1 with only 30 W") == "12,5 A auf L1 bei nur 30 W"
    assert GERMAN.retold("12.5 A on L1") == "12,5 A auf L1"


def test_what_nobody_has_put_into_words_is_told_as_it_is() -> None:
    """A cloud's own, an operating system's; and a part of it that is known in the language all the same."""
    assert GERMAN.retold("Unauthorised: see portal") == "Unauthorised: see portal"
    told = GERMAN.retold("the connection was lost: code 1011 (broken)")
    assert told == "die Verbindung ging verloren: code 1011 (broken)"
    assert GERMAN.say("status.meter", {"meter": "grid", "problem": Heard("no current on L2")}) == (
        "Zähler grid: kein Strom auf L2 gemeldet"
    )
    assert (
        GERMAN.tell(Said("status.meter", {"meter": "a", "problem": Heard("\x1b[2J")}))
        == "Zähler a: \N{REPLACEMENT CHARACTER}[2J"
    )


@given(problem=st.text())
def test_whatever_is_told_is_said(problem: str) -> None:
    for language in LANGUAGES:
        assert printable(Speaker(language).retold(problem)).isprintable()
