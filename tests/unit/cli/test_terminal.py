"""What is typed at a terminal, as the set-up takes it."""

import io
import sys

import pytest

from edge.cli.terminal import Terminal
from edge.errors import SetupStopped
from edge.language import Speaker, texts
from edge.setup.steps import Ask, Option

LATIN = "Jørgen\nJørgen\n".encode("latin-1") + "Jørgen\n".encode()


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_terminal_that_sends_no_utf_8(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], errors: str
) -> None:
    """Told in a sentence and asked again, in a locale with UTF-8 as in that of C; nothing unreadable gets in."""
    terminal = Terminal(Speaker("da"))
    for typed in (LATIN, LATIN[7:]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Trickle(typed), encoding="utf-8", errors=errors))
        assert terminal.line("Navn: ") == "Jørgen"
    assert capsys.readouterr().out.count(texts("da")["unreadable"]) == 3
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Trickle(LATIN[:14]), encoding="utf-8", errors=errors))
    with pytest.raises(SetupStopped):
        terminal.secret("Adgangssætning")


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither as what Enter means nor when it is refused."""
    terminal = Terminal(Speaker("en"))
    question = Ask(key=("bms", "password"), text="bms.password", default="before", refused="bad", is_secret=True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("\nnew\n"))
    assert [terminal.ask(question), terminal.ask(question)] == ["before", "new"]
    shown = capsys.readouterr().out
    assert "before" not in shown
    assert "bad" not in shown
    assert "[***]" in shown


def test_what_enter_means_is_shown_as_it_is_chosen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its number, where its own name is an English word of the answers file; by its name, where that is shown."""
    terminal = Terminal(Speaker("de"))
    ways = tuple(Option(name=each, label=f"option.phases.{each}") for each in ("typed", "measured"))
    circuits = tuple(Option(name=each, label=each) for each in ("main", "garage"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n\n"))
    values = {"station": "CP-01", "evse": 1}
    way = Ask(key=("way",), text="station.way", default="measured", options=ways, values=values)
    circuit = Ask(key=("circuit",), text="station.circuit", default="garage", options=circuits, values=values)
    assert [terminal.ask(way), terminal.ask(circuit)] == ["measured", "garage"]
    shown = capsys.readouterr().out
    assert "Ladepunkt 1 [2]: " in shown
    assert "CP-01 [garage]: " in shown


def asked_for_a_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], refused: str | None
) -> list[str]:
    """What is shown of the question for one of 31 models, after such an answer."""
    models = tuple(Option(name=each, label=each) for each in (*(f"model_{n}" for n in range(30)), "eastron_sdm630"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("31\n"))
    Terminal(Speaker("en")).ask(Ask(key=("meter",), text="meter.model", options=models, refused=refused))
    return capsys.readouterr().out.splitlines()


def test_a_long_list_stays_on_the_screen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Of 24 lines: what is wrong with an answer is told below the list, and the list takes two columns."""
    shown = asked_for_a_model(monkeypatch, capsys, "PM5320")
    assert len(shown) < 20
    assert max(map(len, shown[:-2])) < 80
    assert any(line.split() == ["1)", "model_0", "17)", "model_16"] for line in shown)
    assert shown[-2].startswith("'PM5320' doesn't fit.")


def test_a_part_of_a_name_is_shown_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed on the meter is a part of its model; with its number, and without the others."""
    told, model, _ = asked_for_a_model(monkeypatch, capsys, "SDM630")
    assert told.startswith("'SDM630' doesn't fit.")
    assert model == "  31) eastron_sdm630"


class Trickle(io.BytesIO):
    """Gives a line at a time, as a terminal does."""

    def read1(self, size: int | None = -1) -> bytes:
        return self.readline(size)
