"""The texts in all languages: complete in each, and nothing in them that nobody says."""

import ast
import re
import string
from pathlib import Path

import pytest

from edge.domain.limit import LimitSource
from edge.domain.setpoint import NAMED, SOURCE_NAMES
from edge.language import LANGUAGES, Speaker, texts

ROOT = Path(__file__).parents[2]
# Words, beside names in braces.
WORDS = re.compile(r"(?:^|\})[^{]*[A-Za-z]")
# Nothing but what is to be typed.
COMMANDS = {"remedy.away", "remedy.not_running", "remedy.not_root", "remedy.not_set_up", "remedy.waits", "remedy.disk"}
GERMAN = {"claim.passphrase"}  # the same word
OTHERS = [language for language in LANGUAGES if language != "en"]


# The reasons of limits: their English is the domain's own, which logs and the API tell.
REASONS = {f"reason.{name}": sentence for name, sentence in NAMED.items()}
REASONS |= {f"source.{source}": name for source, name in SOURCE_NAMES.items()}
SHARED = {"status.meter", "storage.journal", "heard.of_meter"}  # the same words in two languages


def fields(text: str) -> list[tuple[str, str | None]]:
    """The names in braces, and the format of each: that says how many decimals a number has."""
    return sorted((name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name)


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_is_complete(language: str) -> None:
    """The same texts as English, each with the same numbers and names in braces, none empty."""
    english, other = {**texts("en"), **REASONS}, texts(language)
    assert set(other) == set(english)
    assert {name for name in english if fields(english[name]) != fields(other[name])} == set()
    assert all(text.strip() for text in other.values())


def test_each_source_of_limits_has_a_name() -> None:
    assert set(SOURCE_NAMES) == set(LimitSource)


@pytest.mark.parametrize("language", OTHERS)
def test_units_are_the_same_in_each_language(language: str) -> None:
    """What stands right behind a number: A, W, kWh, MB, GB."""
    unit = re.compile(r"\} (A|W|V|kWh|MB|GB|MiB|s|h)\b")
    english, other = {**texts("en"), **REASONS}, texts(language)
    names = [name for name in english if name.startswith(("reason.", "status.", "storage."))]
    assert {name for name in names if sorted(unit.findall(english[name])) != sorted(unit.findall(other[name]))} == set()


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_is_its_own(language: str) -> None:
    """A text that is word for word the English one was forgotten; but for patterns without words."""
    english, other = {**texts("en"), **REASONS}, texts(language)
    same = {name for name in english if english[name] == other[name] and any(map(str.isalpha, other[name]))}
    assert {name for name in same if WORDS.search(english[name])} <= {
        "finding",
        "circuit.id",
        *GERMAN,
        *SHARED,
        *COMMANDS,
    }


def test_every_question_has_its_help() -> None:
    """What is asked can be answered wrongly; what has help is asked."""
    names = set(texts("en"))
    asked = {name.removeprefix("help.") for name in names if name.startswith("help.")}
    assert asked <= names


def test_every_text_is_said() -> None:
    """Each text is named somewhere in the code, whole or by its beginning."""
    said = set()
    rooms = ("edge/setup", "edge/cli", "edge/commission", "edge/web", "edge/web/page")
    alone = (ROOT / "edge/language.py", ROOT / "edge/ocpp/showing.py")
    for path in [*(path for room in rooms for path in (ROOT / room).glob("*.py")), *alone]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.add(node.value)
    tables = {"site", "grid", "circuit", "meter", "station", "ocpp", "bms", "option", "part", "help", "identify"}
    tables |= {"column", "figure", "trouble", "remedy", "certificate", "state", "evse", "binding", "storage", "heard"}
    unsaid = {name for name in texts("en") if name not in said and name.partition(".")[0] not in tables}
    assert unsaid == set()


@pytest.mark.parametrize(("language", "shown"), [("en", "4.0 A"), ("da", "4,0 A"), ("nl", "4,0 A"), ("de", "4,0 A")])
def test_numbers_have_the_decimal_sign_of_the_language(language: str, shown: str) -> None:
    """As they are typed and printed there: a point is what sets thousands apart."""
    speaker = Speaker(language)
    told = speaker.say("meter.shows", {"l1_a": 4.0, "l2_a": 5.0, "l3_a": 6.0})
    assert f"L1 {shown}" in told
    assert speaker.say("help.grid.margin_a", {"fuse_a": 63}).endswith("63 A.")


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_to_be_put_in_is_named_in_the_language(language: str) -> None:
    """What stands in angle brackets is a word for who reads it, too."""
    left = {name for name, text in texts(language).items() if "<identity>" in text}
    assert left == set()


def test_what_comes_from_outside_steers_no_terminal() -> None:
    """Control characters in a value are shown as what they are: nothing to be read."""
    shown = Speaker("de").say("stations.waits", {"number": 1, "station": "\x1b[2J", "address": "a", "described": "b"})
    assert "\x1b" not in shown


def test_a_problem_that_is_a_question_ends_its_sentence() -> None:
    """It was "is the port right?."."""
    values = {"url": "ws://x/{station}", "problem": "it refuses the connection: is the port right?"}
    assert Speaker("en").say("cloud.away", values).endswith("is the port right?")
    assert Speaker("en").say("cloud.away", {**values, "problem": "no answer"}).endswith(": no answer.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_remedy_can_be_typed_as_it_is_told(language: str) -> None:
    """Without sudo each of these is refused to who logs in on an installed gateway; a verb alone where it wants more is
    refused, too.
    """
    wanting = re.compile(
        r"(?<!sudo )\b(edge (?!key\b)[a-z]+|journalctl|systemctl (?!status))|adopt \S+(?! --circuit)$|resend$"
    )
    remedies = {name: text for name, text in texts(language).items() if name.startswith("remedy.")}
    assert len(remedies) > 20
    assert {name: text for name, text in remedies.items() if wanting.search(text)} == {}


def told_in(path: Path) -> list[str]:
    """The texts in a module, with {} for each value."""
    told = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
            told.append("".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            told.append(node.value)
    return told


def test_what_is_heard_is_told_in_these_words() -> None:
    """Whoever words a problem anew does so in the texts, too: else it stays English for all."""
    rooms = ("metering", "control", "ocpp", "storage")
    told = "\n".join(text for room in rooms for path in (ROOT / "edge" / room).glob("*.py") for text in told_in(path))
    heard = {name: re.sub(r"\{\w+\}", "{}", text) for name, text in texts("en").items() if name.startswith("heard.")}
    assert len(heard) > 40
    joined = {"heard.do_order_else", "heard.do_turn_else"}  # a sentence of the wiring, with who else may be its cause
    assert {name for name, text in heard.items() if text not in told} == joined
