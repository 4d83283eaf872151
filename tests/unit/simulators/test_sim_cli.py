"""`edge-sim` takes wrong input with exit code 2 and one sentence."""

import sys

import pytest

from simulators.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["demo", "--for", "0"], "--for: must be a number of seconds above 0, not 0"),
        (["demo", "--for", "nan"], "--for: must be a number of seconds above 0, not nan"),
        (["demo", "--for", "soon"], "Invalid value for '--for'"),
        (["demo", "--fast"], "No such option: --fast"),
        (["demmo"], "No such command 'demmo'"),
        ([], "Missing command"),
        (["meter", "--scenario", "nowhere"], "scenario 'nowhere' doesn't exist; ready ones are demo"),
        (["csms", "--scenario", "./nowhere.toml"], "nowhere.toml: can't be read: No such file or directory"),
        (["csms", "--listen", "here"], "--listen: must be host:port with a port of 1 to 65535, not 'here'"),
        (["meter", "--feeder", "127.0.0.1"], "--feeder: must be host:port with a port of 1 to 65535"),
        (["charger", "--car-phases", "4"], "--car-phases: must be 1, 2 or 3, not 4"),
        (["charger", "--dc", "CP-99"], "--dc: there is no station 'CP-99'; there are CP-01, CP-02"),
        (["charger", "--url", "127.0.0.1:9000"], "--url: must be like ws://127.0.0.1:9000, not '127.0.0.1:9000'"),
    ],
)
def test_wrong_input(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence is on stderr, stdout stays empty, nothing starts."""
    monkeypatch.setattr(sys, "argv", ["edge-sim", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capsys.readouterr()
    assert caught.value.code == 2
    assert out == ""
    assert err.startswith("edge-sim: ")
    assert says in err
    assert err.count("\n") == 1


def test_help_lists_the_verbs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--help is no error."""
    monkeypatch.setattr(sys, "argv", ["edge-sim", "--help"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(verb in out for verb in ("demo", "charger", "meter", "csms"))
