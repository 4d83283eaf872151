"""Ctrl-C: one exit code whatever was under way, and nothing that is half written."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from edge.cli.care import backup, factory_reset, restore
from edge.cli.main import INTERRUPTED, main
from edge.cli.terminal import undisturbed
from edge.config.write import save
from edge.errors import SetupLeft

SITE = """
[site]
id = "x"
[[circuit]]
id = "main"
fuse_a = 63
background_reserve_a = 20
[ocpp]
listen = "127.0.0.1:9000"
"""


class Interrupted(str):
    """A text at whose writing Ctrl-C is pressed: the file for it is open."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        del encoding, errors
        raise KeyboardInterrupt


@contextmanager
def ctrl_c_at(name: str, number: signal.Signals = signal.SIGINT) -> Iterator[list[str]]:
    """Ctrl-C, or that signal, each time the function of that name is called; the calls."""
    calls: list[str] = []

    def press(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_name == name:
            calls.append(name)
            signal.raise_signal(number)

    sys.setprofile(press)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def test_a_file_is_there_whole_or_as_before(tmp_path: Path) -> None:
    """And what it was written to first is taken away."""
    file = tmp_path / "site.toml"
    file.write_text(SITE)
    with pytest.raises(KeyboardInterrupt):
        save(file, Interrupted("new"))
    assert [each.name for each in tmp_path.iterdir()] == ["site.toml"]
    assert file.read_text() == SITE


def test_what_belongs_together_is_not_disturbed() -> None:
    """And afterwards Ctrl-C is heard again."""
    with undisturbed():
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def no_other_gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that runs on this machine for others is none of these tests' business."""
    monkeypatch.setenv("EDGE_SOCKET", str(tmp_path / "edge.sock"))


def test_a_backup_comes_back_whole_whoever_presses_ctrl_c(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of it would be a site whose journal and tokens are of two times."""
    config, state, secret = tmp_path / "site.toml", tmp_path / "state", tmp_path / "secret"
    state.mkdir()
    secret.write_text("cold garage at seven\n")
    config.write_text(SITE)
    for name in ("language", "claim.json", "needs.json"):
        (state / name).write_text(f"{name} of then")
    backup(tmp_path / "kept", config, state, secret)
    config.write_text("")
    for each in state.iterdir():
        each.write_text("of now")
    with ctrl_c_at("save") as calls:
        restore(tmp_path / "kept", config, state, secret)
    assert len(calls) >= 4
    names = ("language", "claim.json", "needs.json")
    assert {name: (state / name).read_text() for name in names} == {name: f"{name} of then" for name in names}
    assert config.read_text() == SITE
    assert "restored 4 files" in capsys.readouterr().out


def test_a_factory_reset_is_not_left_half_way(tmp_path: Path) -> None:
    """Its owner gone and its cards there, the next owner would have had them."""
    config, state = tmp_path / "site.toml", tmp_path / "state"
    (state / "profiles").mkdir(parents=True)
    (state / "tokens").write_text("")
    config.write_text(SITE)
    with ctrl_c_at("rmtree") as calls:
        factory_reset(config, state, yes=True)
    assert calls
    assert (list(state.iterdir()), config.read_text()) == ([], "")


@pytest.mark.parametrize(
    ("ended", "told"), [(KeyboardInterrupt, ""), (lambda: SetupLeft("what was answered is kept"), "what was answered")]
)
def test_ctrl_c_has_one_exit_code(
    ended: Callable[[], BaseException],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whether a verb says what became of it or not."""

    before = signal.getsignal(signal.SIGINT)

    def left(_words: object) -> object:
        raise ended()

    monkeypatch.setattr("edge.cli.main.application", left)
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert end.value.code == INTERRUPTED
    shown = capsys.readouterr().err
    assert told in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("ended", [KeyboardInterrupt, lambda: SetupLeft("what was answered is kept")])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_ctrl_c_once_more_at_the_end_changes_no_exit_code(
    number: signal.Signals, ended: Callable[[], BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is told, and behind it, in Python's own end; so with the signals by which a commissioning is left."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, number)}

    def left(_words: object) -> object:
        signal.signal(number, signal.default_int_handler)
        raise ended()

    monkeypatch.setattr("edge.cli.main.application", left)
    try:
        with ctrl_c_at("_tell", number), pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == INTERRUPTED
        assert signal.getsignal(number) is signal.SIG_IGN  # which Python's end leaves as it is
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
