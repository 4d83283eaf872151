"""What is typed at a terminal, as the set-up takes it."""

import io
import sys

import pytest

from edge.cli.terminal import Terminal
from edge.errors import SetupStopped
from edge.setup.language import Speaker, texts
from edge.setup.steps import Ask

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


class Trickle(io.BytesIO):
    """Gives a line at a time, as a terminal does."""

    def read1(self, size: int | None = -1) -> bytes:
        return self.readline(size)
