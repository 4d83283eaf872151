"""`edge-sim run`: what it prints, what it draws, what it refuses, and the command that shows a failure again."""

import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import orjson
import pytest

from edge.cli import findings
from simulators.cli.main import main
from simulators.cli.run import fault_of
from simulators.errors import ScenarioError
from simulators.site import Endpoint
from simulators.toml_table import TomlTable
from simulators.world import scenario_tables
from simulators.world.building import LoadSpec, SunSpec
from simulators.world.faults import BY_NUMBER, fitted, planned
from simulators.world.limits import LimitSpec
from simulators.world.plot import svg
from simulators.world.run import Conduct, shrunk, with_random_faults
from simulators.world.scenario import FaultSpec
from simulators.world.scenario_file import KEYS, load_world, ready_worlds
from simulators.world.site import peers_view, read_site, site_text
from simulators.world.source import SiteSource
from tests.forked import as_text, forked
from tests.full_disk import written_to_a_full_disk
from tests.world.worlds import BMS, SMALL, played, small


def edge_sim(*words: str) -> "subprocess.CompletedProcess[str]":
    return as_text(forked("simulators", *words))


def test_json_is_one_object_and_the_picture_is_svg(tmp_path: Path) -> None:
    """With --json nothing else is on stdout; --plot writes XML that names every post."""
    picture = tmp_path / "day.svg"
    done = edge_sim("run", str(SMALL), "--hours", "0.1", "--seed", "3", "--json", "--plot", str(picture))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["seed"] == 3
    assert result["passed"] is True
    assert result["again"].endswith(f"-m simulators run {SMALL} --seed 3 --hours 0.1")
    root = ET.fromstring(picture.read_text(encoding="utf-8"))  # noqa: S314 - our own
    texts = {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"CP-1", "CP-2", "CP-3", "main", "32 A"} <= texts


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "scenario 'nowhere' doesn't exist; ready ones are "),
        (("office-8", "--hours", "99"), "--hours: must be above 0 and up to the scenario's 16"),
        (("office-8", "--from", "10", "--hours", "7"), "--hours: must be above 0 and up to the 6 that are left"),
        (("office-8", "--from", "16"), "--from: must be 0 or more and below the scenario's 16"),
        (("office-8", "--seeds", "5..1"), "--seeds: must go from the lower to the higher"),
        (("office-8", "--seeds", "few"), "--seeds: must be A..B"),
        (("office-8", "--fault", "rain"), "--fault: must be like 30:3600+120"),
        (("office-8", "--fault", "61:60+60"), "fault 61 isn't in the catalogue; it has 1, 2, 3"),
        (("office-8", "--faults-per-hour", "0"), "--faults-per-hour: must be above 0"),
        (
            ("office-8", "--faults-per-hour", "9", "--hours", "0.3"),
            "--faults-per-hour: none begins in the last 20 minutes, and 18 are played: play more",
        ),
        (("office-8", "--seeds", "1..2", "--plot", "x.svg"), "--plot: draws one seed"),
    ],
)
def test_wrong_input_is_one_sentence(
    words: Sequence[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, the sentence on stderr, and no traceback."""
    monkeypatch.setattr(sys, "argv", ["edge-sim", "run", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert len(errors.strip().splitlines()) == 1


AGAIN = '[[drivers]]\nname = "driver"\nper_day = 1\narrive_h = [8, 9]\nstay_h = [1, 2]\nenergy_kwh = [1, 2]\n'


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("for_h = 0.5", "for_h = 0", "for_h: must be more than 0"),
        ("count = 3", "count = 3\ncolour = 1", "colour: unknown key"),
        ("count = 3", 'count = 3\n"\\u0007" = 1', "posts 1: '\\x07': unknown key"),
        ('id = "CP-{}"', 'id = "CP"', "must have a place for the number"),
        ("+01:00", "", "begins_at: must be a date and time with its offset"),
        ("arrive_h = [8.02, 8.05]", "arrive_h = [9, 8]", "arrive_h: must be [least, most]"),
        ("for_h = 0.5", f"for_h = 1{'0' * 400}", "for_h: must be at most 8784, not 1000000"),
        ("for_h = 0.5", f"for_h = {'9' * 5000}", "isn't valid TOML: "),
        ("noise_a = 0.3", "noise_a = inf", "load 1: noise_a: must be at most 1e+09, not inf"),
        ("stay_h = [0.35, 0.4]", "stay_h = [1, 1e300]", "drivers 1: stay_h: must be at most 8784, not 1e+300"),
        ("count = 3", f"count = 3\nfirst = 1{'0' * 400}", "posts 1: first: must be at most 1e+09, not 1000000"),
        ("count = 3", "count = 3\nmax_w = 5e4", "posts 1: max_a: can't be given with max_w, which makes it a DC post"),
        ("count = 3", "count = 3\nfallback_w = 5e4", "posts 1: fallback_w: can't be given without max_w"),
        ('id = "CP-{}"', 'id = "CP-{:99999999999}"', "must have a place for the number"),
        ('id = "CP-{}"', 'id = "CP-{0[0]}"', "must have a place for the number"),
        ('id = "CP-{}"', 'id = "CP-{:x}"', "must have a place for the number"),
        ('id = "CP-{}"', 'id = "CP-\\u0007{}"', "must be a text of one line"),
        ('circuit = "main"\nmax_a', 'circuit = "ma\\"in"\nmax_a', "posts[0].circuit: of station 'CP-1'"),
        ('name = "small"', 'name = "small\\u001b[2J"', "name: must be a text of one line"),
        (
            "[[drivers]]",
            "[[cloud_away]]\nat_h = 0.5\nfor_h = 1\n[[drivers]]",
            "cloud_away 1: at_h: must be before the end",
        ),
        (
            "[[drivers]]",
            "[[fault]]\nnumber = 30\nat_h = 3\n[[drivers]]",
            "fault 1: at_h: must be before the end at 0.5 h",
        ),
        (
            "[[drivers]]",
            "[random_faults]\nper_h = 1\nnumbers = [14.5]\n[[drivers]]",
            "random_faults: numbers: must have only 1, 2, 3",
        ),
        (
            "[[drivers]]",
            "[random_faults]\nper_h = 1\nnumbers = [61]\n[[drivers]]",
            "random_faults: numbers: must have only",
        ),
        (
            "[[drivers]]",
            f"{AGAIN}[[drivers]]",
            "drivers: must have a name of their own each, and 2 are called 'driver'",
        ),
        ("for_h = 0.5", 'for_h = 0.5\nabove = "nowhere.toml"', "above: "),
        ("for_h = 0.5", 'for_h = 0.5\nabove = "a\\u0000b"', "above: must be the name of a file"),
    ],
)
def test_a_wrong_scenario_names_the_place(tmp_path: Path, was: str, becomes: str, said: str) -> None:
    """A scenario file that isn't one says where and what would be right."""
    text = SMALL.read_text(encoding="utf-8")
    assert was in text
    file = tmp_path / "wrong.toml"
    file.write_text(text.replace(was, becomes, 1), encoding="utf-8")
    with pytest.raises(ScenarioError) as refusal:
        load_world(str(file))
    assert said in str(refusal.value)


@pytest.mark.parametrize("name", ready_worlds())
def test_ready_scenarios_are_sound(tmp_path: Path, name: str) -> None:
    """Each one's site file passes the gateway's own check, without a note."""
    scenario = load_world(name)
    file = tmp_path / "site.toml"
    file.write_text(site_text(scenario.site_head, scenario.posts), encoding="utf-8")
    configuration = read_site(file, scenario.site_source)
    assert configuration.notes == ()
    assert len(configuration.site.evses) == sum(each.count for each in scenario.posts)


def test_a_scenario_may_come_from_windows(tmp_path: Path) -> None:
    """With the mark that its editor puts before the text, and its ends of lines."""
    file = tmp_path / "day.toml"
    file.write_bytes(b"\xef\xbb\xbf" + SMALL.read_text(encoding="utf-8").replace("\n", "\r\n").encode())
    assert load_world(str(file)).site_head == load_world(str(SMALL)).site_head


def test_what_is_no_scenario_at_all_is_refused(tmp_path: Path) -> None:
    """A file that has no end, one that is too long, and one without a post."""
    with pytest.raises(ScenarioError, match="must have 16 MB at most"):
        load_world("/dev/zero")
    text = SMALL.read_text(encoding="utf-8")
    file = tmp_path / "day.toml"
    file.write_text(text[: text.index("[[posts]]")], encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"posts: is missing: there must be a table \[\[posts\]\]"):
        load_world(str(file))


def _scenario(site: str, posts: str = "") -> str:
    head = 'name = "x"\ntitle = "x"\nbegins_at = 2026-11-23T08:00:00+01:00\nfor_h = 0.5\n'
    return f"{head}site = {site}\n{posts}"


SITE = '[site]\nid = "x"\ntimezone = "Europe/Berlin"\n[[circuit]]\nid = "main"\nfuse_a = {}\nbackground_reserve_a = 0\n'
CLASS = '[[class]]\nid = "a"\nrank = 0\n'
CLOUD = '[ocpp]\nupstream = "ws://127.0.0.1:9100/{station}"\n'
WRONG_SITES: dict[str, tuple[str, str | None, str]] = {
    "in the scenario": (
        _scenario(f'"""\n{SITE}{CLOUD}"""'.replace("{}", "-1")),
        None,
        "day.toml:11: error: circuit[0].fuse_a",
    ),
    "in its own file": (
        _scenario('"site.toml"'),
        f"{SITE}{CLOUD}".replace("{}", "-1"),
        "site.toml:6: error: circuit[0].fuse_a",
    ),
    "no TOML": (_scenario('"""\n[site\n"""'), None, "day.toml:6: error: the file: is not valid TOML"),
    "of its posts": (
        _scenario(
            f'"""\n{SITE}{CLOUD}"""'.replace("{}", "63"),
            '[[posts]]\nid = "CP-{}"\ncount = 1\ncircuit = "hall"\nmax_a = 16\n',
        ),
        None,
        "day.toml:16: error: posts[0].circuit: of station 'CP-1' is 'hall'",
    ),
    "with escapes": (
        _scenario(f'"""\n{SITE}{CLOUD}"""'.replace("{}", "-1").replace('id = "main"', 'id = "ma\\u0069n"')),
        None,
        "day.toml:5: error: circuit[0].fuse_a",
    ),
    "of the second of its posts, with the site in its own file": (
        _scenario(
            '"site.toml"',
            '\n[[posts]]\nid = "CP-{}"\ncount = 2\ncircuit = "main"\nmax_a = 16\n'
            '\n[[posts]]\nid = "DC-{}"\ncount = 4\ncircuit = "main"\nmax_a = 16\nclass = "gold"\n',
        ),
        f"{SITE}{CLOUD}".replace("{}", "63"),
        "day.toml:13: error: posts[1].class: of station 'DC-1' is 'gold'",
    ),
    "of two that are alike": (
        _scenario(
            f'"""\n{SITE}{CLOUD}"""'.replace("{}", "63"),
            '[[posts]]\nid = "CP-{}"\ncount = 3\ncircuit = "main"\nmax_a = 16\n' * 2,
        ),
        None,
        "day.toml:21: error: posts[1].id: is 'CP-1', which the station in line 16 has already",
    ),
    "of two classes that are alike": (
        _scenario(f'"""\n{SITE}{CLASS}{CLASS}{CLOUD}"""'.replace("{}", "63")),
        None,
        "day.toml:17: error: class[1].id: is 'a', which the class in line 14 has already",
    ),
}


@pytest.mark.parametrize("name", WRONG_SITES)
def test_what_is_wrong_with_a_site_is_said_where_its_author_wrote_it(tmp_path: Path, name: str) -> None:
    """By file and line, before anything is made of it; the world's own folder is nobody's business."""
    scenario, site, said = WRONG_SITES[name]
    (tmp_path / "day.toml").write_text(scenario, encoding="utf-8")
    if site is not None:
        (tmp_path / "site.toml").write_text(site, encoding="utf-8")
    with pytest.raises(ScenarioError) as refusal:
        load_world(str(tmp_path / "day.toml"))
    first, *wrong = str(refusal.value).splitlines()
    assert first == "the scenario's site isn't sound:"
    assert wrong[0].startswith(f"{tmp_path}/{said}")
    assert len([each for each in wrong if ": error: " in each]) == 1  # however many stations its posts make of it
    assert "edge-" not in str(refusal.value)


def test_a_site_without_a_cloud_is_not_played(tmp_path: Path) -> None:
    """Its books would be judged by nobody: that is said, and no world begins."""
    file = tmp_path / "site.toml"
    file.write_text(f"{SITE}[ocpp]\n".replace("{}", "63"), encoding="utf-8")
    with pytest.raises(ScenarioError, match="must have an upstream"):
        peers_view(findings.read(file))


def test_random_faults_are_the_seeds() -> None:
    """Three an hour on average, the same for the same seed, of any number that is in the catalogue."""
    scenario = with_random_faults(replace(small(), for_s=400 * 3600.0), per_h=3.0)
    faults = planned(scenario, seed=4)
    assert faults == planned(scenario, seed=4)
    assert faults != planned(scenario, seed=5)
    assert 1000 < len(faults) < 1400
    assert {each.number for each in faults} == set(BY_NUMBER)


def test_starts_and_stops_are_those_of_the_history() -> None:
    """While the building alone exceeds the fuse all are stopped. A car that leaves wasn't, and one that is full."""
    outcome = played(small(minutes=8.0), faults=[FaultSpec(number=59, at_s=180.0, for_s=60.0)], keeps_history=True)
    draws = re.findall(r"(\S+) (CP-\d) draws (\S+)", outcome.history.decode())
    starts = stops = 0
    last = dict.fromkeys(("CP-1", "CP-2", "CP-3"), 0.0)
    for at_s, post, amps in draws:
        starts += last[post] == 0.0 < float(amps)
        stops += last[post] > 0.0 == float(amps) and float(at_s) < 8 * 60.0
        last[post] = float(amps)
    assert stops >= 3
    assert (outcome.result.starts_per_session, outcome.result.stops_per_session) == (starts / 3, stops / 3)


def test_a_failure_is_shrunk_to_what_it_needs() -> None:
    """Of four faults the one is left without which the expectation would be met."""
    spare = [FaultSpec(number=46, at_s=at, for_s=30.0) for at in (150.0, 200.0, 250.0)]
    needed = FaultSpec(number=59, at_s=180.0, for_s=200.0)
    scenario = small(minutes=7.0)
    calm, hurt = (played(scenario, faults=faults, drain_s=30.0).result for faults in ([], [*spare, needed]))
    between = (calm.energy_wh + hurt.energy_wh) / 2 / calm.energy_wanted_wh
    scenario = replace(scenario, expect=replace(scenario.expect, energy_share=between))
    failed = played(scenario, faults=[*spare, needed], drain_s=30.0).result
    assert [each.oracle for each in failed.verdicts] == ["expectation"]
    assert shrunk(scenario, failed, conduct=Conduct(drain_s=30.0)) == (needed,)


def test_a_failed_seed_prints_the_command_that_shows_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its seed, its part and the faults that it needs; what the command then shows is the same failure."""
    file = tmp_path / "a greedy site.toml"
    file.write_text(f"{SMALL.read_text(encoding='utf-8')}\n[expect]\nenergy_share = 1.0\n", encoding="utf-8")
    part = ["--from", "0.01", "--hours", "0.1"]
    words = ["edge-sim", "run", str(file), "--seed", "3", *part, "--fault", "46:100+60"]
    shown = []
    for _ in range(2):
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 1
        shown.append(capsys.readouterr().out)
        words = shlex.split(shown[-1].partition("  again: ")[2])
    assert words == ["edge-sim", "run", str(file), "--seed", "3", *part, "--fault", "46:100+60"]
    assert shown[0] == shown[1]


def test_a_failure_that_needs_no_fault_is_shown_again_without_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scenario has faults of its own, and none of them is why it fails: the command leaves them out."""
    own = "".join(f"\n[[fault]]\nnumber = 46\nat_h = {at_h}\nfor_s = 60\n" for at_h in (0.03, 0.05))
    file = tmp_path / "greedy.toml"
    file.write_text(f"{SMALL.read_text(encoding='utf-8')}\n[expect]\nenergy_share = 1.0\n{own}", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["edge-sim", "run", str(file), "--seed", "3", "--hours", "0.1"])
    with pytest.raises(SystemExit):
        main()
    words = capsys.readouterr().out.partition("  again: ")[2].split()
    assert words == ["edge-sim", "run", str(file), "--seed", "3", "--hours", "0.1", "--no-faults"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert capsys.readouterr().out.splitlines()[-1] == f"  again: {' '.join(words[:-1])} --no-faults"


def test_the_figures_of_a_run_agree_and_are_described() -> None:
    """Each key stands in the manual; no figure is beyond what it can be, and there is none that JSON hasn't."""
    fault = FaultSpec(number=59, at_s=200.0, for_s=60.0)
    result = played(small(), faults=[fault]).result
    found = json.loads(orjson.dumps(result.as_json()), parse_constant=pytest.fail)
    manual = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")
    table = manual.partition("## What comes of it")[2].partition("\n## ")[0]
    for key in (*found, *found["circuits"][0], *found["reaction_s"], "again"):
        assert f"`{key}`" in table
    assert 0.0 < found["energy_kwh"] <= found["energy_wanted_kwh"]
    assert 0.0 < found["utilisation"] <= 1.0
    assert 0.0 < found["reaction_s"]["p50"] <= found["reaction_s"]["p95"] <= found["reaction_s"]["worst"]
    (circuit,) = found["circuits"]
    assert circuit["seconds_over_rating"] >= found["reaction_s"]["worst"]
    assert max(circuit["most_a"]) > circuit["fuse_a"]
    assert all(0.0 < index <= 1.0 for index in found["fairness"].values())
    assert found["faults"] == ["59:200+60"]


def test_each_key_of_a_scenario_is_described() -> None:
    """In the manual's table, as a key or a table."""
    manual = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")
    table = manual.partition("## A scenario")[2].partition("\n## ")[0]
    for key in KEYS:
        assert any(each in table for each in (f"`{key}`", f"`[[{key}]]`", f"`[{key}]`"))


def test_a_fault_given_again_is_the_same_to_the_digit() -> None:
    """The command that shows a long run's failure again names the very moments."""
    assert FaultSpec(number=14, at_s=1234567.8, for_s=30.1).option() == "14:1234567.8+30.1"


def test_the_picture_shows_what_is_allowed_offered_and_drawn() -> None:
    """Where the building allows less than the fuse a dashed line stands; a car is a field with a line in it; the marks
    are the site's time of day."""
    scenario = small(minutes=9.0)
    limit = LimitSpec(over="modbus", from_s=200.0, to_s=400.0, max_a=16.0)
    result = played(replace(scenario, site_head=scenario.site_head + BMS, limits=(limit,))).result
    assert set(result.series.limit_a["main"]) == {16.0, 31.0, 32.0}
    root = ET.fromstring(svg(result))  # noqa: S314 - our own
    lines = [each.attrib for each in root.iter("{http://www.w3.org/2000/svg}polyline")]
    heights = {
        place.partition(",")[2] for each in lines if "stroke-dasharray" in each for place in each["points"].split()
    }
    assert len(heights) == 2
    assert len([each for each in lines if "stroke-dasharray" not in each]) >= 3  # cars
    assert {"08:00", "08:06"} <= {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")}


def test_the_picture_shows_faults_and_escapes_names() -> None:
    """A fault is a band with its number; what a name holds is text."""
    result = played(small(minutes=4.0), faults=[FaultSpec(number=46, at_s=60.0, for_s=60.0)]).result
    drawn = svg(replace(result, scenario="<a&b>"))
    ET.fromstring(drawn)  # noqa: S314 - our own
    assert "&lt;a&amp;b&gt;" in drawn
    assert "<title>fault 46</title>" in drawn


@pytest.mark.parametrize(
    ("moments", "said"),
    [
        ((3.6e-06, 1e-05), "46:0.0000036+0.00001"),
        ((14759.999999999998, 1 / 3), "46:14759.999999999998+0.3333333333333333"),
    ],
)
def test_a_fault_of_an_odd_moment_can_be_given_again(moments: tuple[float, float], said: str) -> None:
    """To the last digit, and without an exponent, which the option doesn't know."""
    spec = FaultSpec(number=46, at_s=moments[0], for_s=moments[1])
    assert spec.option() == said
    assert fault_of(said) == spec


def test_the_command_names_the_program_as_it_was_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of a folder that no shell looks into, it can be pasted all the same."""
    file = tmp_path / "greedy.toml"
    file.write_text(f"{SMALL.read_text(encoding='utf-8')}\n[expect]\nenergy_share = 1.0\n", encoding="utf-8")
    called = str(tmp_path / "a folder" / "edge-sim")
    monkeypatch.setattr(sys, "argv", [called, "run", str(file), "--hours", "0.1"])
    with pytest.raises(SystemExit):
        main()
    words = shlex.split(capsys.readouterr().out.partition("  again: ")[2])
    assert words == [called, "run", str(file), "--seed", "1", "--hours", "0.1"]


def test_a_full_disk_behind_stdout_is_one_sentence() -> None:
    """And no traceback."""
    said = written_to_a_full_disk("simulators", "run", str(SMALL), "--hours", "0.002", timeout_s=300)
    assert said == (1, "edge-sim: No space left on device\n")


def test_a_run_that_is_ended_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM ends it as Ctrl-C does: its world's disk, which is in memory, is given back."""
    (tmp_path / "load.csv").write_text("Zeit;Wert\n0;5\n900;6\n", encoding="utf-8")
    file = tmp_path / "long.toml"
    recording = '\n[[recording]]\ncircuit = "main"\nfile = "load.csv"\ntime = "Zeit"\ncolumns = ["Wert"]\n'
    file.write_text(SMALL.read_text(encoding="utf-8") + recording, encoding="utf-8")
    words = [sys.executable, "-m", "simulators", "run", str(file)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        assert run.stdout is not None
        assert run.stderr.readline().startswith("the load of main is ")
        run.terminate()
        assert (run.stdout.read(), run.stderr.read().strip()) == ("", "")
    assert run.returncode == 130


def test_cars_that_stay_beyond_the_end_are_judged_by_their_time_until_then() -> None:
    """What they could have had afterwards is nobody's fault."""
    early, late = (played(small(minutes=minutes), drain_s=30.0).result for minutes in (4.0, 15.0))
    assert early.sessions == late.sessions == 3
    assert early.energy_wh <= early.energy_wanted_wh < 0.5 * late.energy_wanted_wh


def test_an_overload_that_lasts_is_a_reaction() -> None:
    """The building exceeds the fuse until the end: the time until then counts, as in the time over the rating."""
    scenario = small(minutes=5.0)
    load = LoadSpec(circuit="main", hourly_a=(*[4.0] * 8, *[34.0] * 16))
    result = played(replace(scenario, loads=(load,))).result
    (circuit,) = result.circuits
    assert result.reactions_s is not None
    assert result.reactions_s[-1] == pytest.approx(circuit.over_s, abs=1.0)


SLIPS = {
    "phases = [3]": ("phases = []", "phases: must have at least one number"),
    "max_a = [32]": ("max_a = [0]", "max_a: must be more than 0"),
    "energy_kwh = [10, 20]": ("energy_kwh = [0, 0]", "energy_kwh: must be more than 0"),
    "arrive_h = [8.02, 8.05]": ("arrive_h = [30, 31]", "arrive_h: must be hours of the day"),
    'name = "driver"': (
        'name = "driver"\nposts = ["CP-9"]',
        "post 'CP-9' isn't in its site; there are CP-1, CP-2, CP-3",
    ),
    "begins_at = 2026": ("begins_at = 0001", "begins_at: must be in the years 2000 to 2100"),
    "[[load]]": (
        '[[sun]]\ncircuit = "roof"\npeak_a = 20\n[[load]]',
        "sun 1: circuit: 'roof' isn't in its site; there are main",
    ),
    "for_h = 0.5": ('for_h = 0.5\nfuses = ["mein"]', "fuses: 'mein' isn't in its site; there are main"),
    "period_s = 2.0": ('mode = "observe"', 'must have [control] mode = "control"'),
    "[[posts]]": (
        "[random_faults]\nper_h = 1\nnumbers = []\n[[posts]]",
        "random_faults: numbers: must have at least one number",
    ),
    "[[drivers]]": ("[expect]\nutilisation = 5\n[[drivers]]", "utilisation: must be at most 1"),
}


@pytest.mark.parametrize("right", SLIPS)
def test_a_slip_in_a_scenario_is_told_in_a_sentence(tmp_path: Path, right: str) -> None:
    """What is wrong, where, and what would be right; none of these ends in a traceback, or plays a day of nothing."""
    wrong, sentence = SLIPS[right]
    file = tmp_path / "slip.toml"
    file.write_text(SMALL.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")
    with pytest.raises(ScenarioError, match=re.escape(sentence)):
        load_world(str(file))


NOTHING_HEARD = """
[[limit]]
over = "modbus"
at_h = 0.1
for_h = 0.1
max_a = 20
[[dimming]]
over = "mqtt"
at_h = 0.1
for_h = 0.1
[[signal]]
kind = "eco"
at_h = 0.9
for_h = 0.1
[[fault]]
number = 30
at_h = 0.1
target = "CP-9"
[[drivers]]
name = "late"
per_day = 3
arrive_h = [12, 14]
stay_h = [1, 2]
energy_kwh = [1, 2]
posts = ["CP-8"]
"""


def test_all_that_is_wrong_is_told_at_once_and_by_its_line(tmp_path: Path) -> None:
    """Before anything is played, what the site lacks for a table, and who never comes, as well; each thing once."""
    text = SMALL.read_text(encoding="utf-8").replace("noise_a = 0.3", "noise_a = -1").rstrip("\n")
    file = tmp_path / "slips.toml"
    file.write_text(f"{text}{NOTHING_HEARD}", encoding="utf-8")
    first, noise = len(text.splitlines()) + 1, text[: text.index("noise_a")].count("\n") + 1
    with pytest.raises(ScenarioError) as refusal:
        load_world(str(file))
    told = str(refusal.value).splitlines()
    here = {int(each.removeprefix(f"{file}:").partition(":")[0]): each for each in told}
    assert len(here) == len(told) == 8
    said = {
        noise: "load 1: noise_a: must be at least 0, not -1",
        first + 1: "limit 1: over: the scenario's site takes none: it needs [bms.modbus] with writable = true",
        first + 6: "dimming 1: over: the scenario's site needs [grid], and [bms.mqtt] with writable = true",
        first + 10: "signal 1: kind: the scenario's site needs [bms.mqtt] with writable = true",
    }
    assert {line: here[line].partition(": ")[2] for line in said} == said
    wrong = str(refusal.value)
    assert "signal 1: at_h: must be before the end at 0.5 h" in wrong
    assert "fault 1: target: 'CP-9' is no station, meter or file; known are CP-1, CP-2, CP-3, grid" in wrong
    assert "drivers 2: arrive_h: nobody comes: it is played from 08:00 on for 0.5 h, and these come from 12:00" in wrong
    assert "drivers 2: posts: post 'CP-8' isn't in its site; there are CP-1, CP-2, CP-3" in wrong


SITE_AND_POSTS = {
    "max_a = 32\n": "max_a = 2\n",  # of the only [[posts]]
    "fuse_a = 32": "fuse_a = -32",
    'meter = "grid"': 'meter = "grit"',
}


def test_what_is_wrong_with_a_site_is_told_beside_its_posts(tmp_path: Path) -> None:
    """Its own text, and what other tables miss in it; but no post that there may be is said to lack."""
    text = SMALL.read_text(encoding="utf-8").rstrip("\n")
    driver = '\nposts = ["CP-9"]'
    for right, wrong in SITE_AND_POSTS.items():
        text = text.replace(right, wrong, 1)
    file = tmp_path / "slips.toml"
    file.write_text(f"{text}{driver}", encoding="utf-8")
    with pytest.raises(ScenarioError) as refusal:
        load_world(str(file))
    told = str(refusal.value)
    assert "posts 1: max_a: must be at least 6, not 2" in told
    assert "fuse_a" in told
    assert "CP-9" not in told
    file.write_text(f"{text}{driver}".replace("fuse_a = -32", "fuse_a = 32").replace("grit", "grid"), encoding="utf-8")
    with pytest.raises(ScenarioError) as refusal:
        load_world(str(file))
    assert [line.partition(": ")[2] for line in str(refusal.value).splitlines()] == [
        "posts 1: max_a: must be at least 6, not 2"
    ]


def test_findings_of_later_posts_name_their_own_line(tmp_path: Path) -> None:
    """Where the posts before them can't be read."""
    second = '\n[[posts]]\nid = "DC-{}"\ncount = 1\ncircuit = "mein"\n[[load]]'
    text = SMALL.read_text(encoding="utf-8").replace("max_a = 32\n", "max_a = 2\n", 1).replace("[[load]]", second, 1)
    text = text.replace('circuit = "mein"\n', 'circuit = "mein"\nmax_a = 32\n')
    file = tmp_path / "slips.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as refusal:
        load_world(str(file))
    first, line = (text[: text.index(key)].count("\n") + 1 for key in ("max_a = 2", '[[posts]]\nid = "DC'))
    assert f"{file}:{first}: posts 1: max_a" in str(refusal.value)
    assert f"{file}:{line}" in str(refusal.value)
    assert "posts[1].circuit" in str(refusal.value)


def test_each_table_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes the world of them is what found them right."""
    read: Counter[str] = Counter()
    for name in ("posts", "load", "drivers"):
        reads = getattr(scenario_tables, name)

        def counted(table: TomlTable, name: str = name, reads: Callable[[TomlTable], object] = reads) -> object:
            read[name] += 1
            return reads(table)

        monkeypatch.setattr(scenario_tables, name, counted)
    load_world(str(SMALL))
    assert read == {"posts": 1, "load": 1, "drivers": 1}


@pytest.mark.parametrize(
    ("begins", "for_h", "arrive_h", "comes"),
    [
        ("08:00:00", 0.5, "[8.49, 20]", True),
        ("08:00:00", 0.5, "[8.5, 20]", False),
        ("08:00:00", 0.5, "[2, 7.9]", False),
        ("22:00:00", 5.0, "[2, 2.5]", True),
        ("22:00:00", 4.0, "[2, 2.5]", False),
        ("22:00:00", 30.0, "[21, 21.5]", True),
    ],
)
def test_drivers_who_never_come_are_a_mistake(
    tmp_path: Path, begins: str, for_h: float, arrive_h: str, comes: bool
) -> None:
    """On any day of those that are played; hours count on after midnight."""
    text = SMALL.read_text(encoding="utf-8")
    text = text.replace("T08:00:00", f"T{begins}").replace("for_h = 0.5", f"for_h = {for_h}")
    file = tmp_path / "day.toml"
    file.write_text(text.replace("arrive_h = [8.02, 8.05]", f"arrive_h = {arrive_h}"), encoding="utf-8")
    if comes:
        assert load_world(str(file)).drivers
    else:
        with pytest.raises(ScenarioError, match="drivers 1: arrive_h: nobody comes"):
            load_world(str(file))


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("max_a = 32\n", "max_a = 5\n", "max_a: must be at least 6, not 5"),
        (
            "fallback_a = 6\n",
            "fallback_a = 3\n",
            "fallback_a: must be 0 (no charging without the gateway) or at least 6",
        ),
        ("max_a = 32\nfallback_a = 6\n", "max_w = 5e4\nfallback_w = 9\n", "fallback_w: must be 0"),
        ("max_a = 32\nfallback_a = 6\n", "max_w = 4000\n", "max_w: must be at least 5000, not 4000"),
    ],
)
def test_what_no_post_can_be_is_refused_by_its_own_key(tmp_path: Path, was: str, becomes: str, said: str) -> None:
    """Posts have a minimum that their author hasn't written."""
    text = SMALL.read_text(encoding="utf-8")
    file = tmp_path / "posts.toml"
    file.write_text(text.replace(was, becomes, 1), encoding="utf-8")
    assert becomes in file.read_text(encoding="utf-8")
    with pytest.raises(ScenarioError, match=re.escape(said)):
        load_world(str(file))


BARN = """
[[circuit]]
id = "barn"
parent = "main"
fuse_a = 32
meter = "barn"
[[meter]]
id = "barn"
model = "eastron_sdm630"
connection = "tcp://10.1.0.21:502"
"""


def test_a_sun_that_makes_its_meter_look_wrong_is_refused(tmp_path: Path) -> None:
    """Where the sun is seen only by a meter that has others below it, the gateway would believe those. On a circuit of
    its own, with a meter, it may shine.
    """
    text = SMALL.read_text(encoding="utf-8").replace("[ocpp]", f"{BARN}[ocpp]")
    file = tmp_path / "sunny.toml"
    file.write_text(f'{text}\n[[sun]]\ncircuit = "main"\npeak_a = 20\n', encoding="utf-8")
    with pytest.raises(ScenarioError, match="sun 1: circuit: is seen by no meter but that of 'main'"):
        load_world(str(file))
    file.write_text(f'{text}\n[[sun]]\ncircuit = "barn"\npeak_a = 20\n', encoding="utf-8")
    assert load_world(str(file)).loads[-1].circuit == "barn"


def test_a_branch_that_takes_nothing_is_no_fault_beside_a_sun_without_a_meter() -> None:
    """Row 39 needs a second meter, which would show more than that of a connection to which a roof gives."""
    sun = SunSpec(circuit="main", peak_a=20.0)
    shining = replace(small(minutes=10.0), loads=(sun,))
    assert fitted(shining, [FaultSpec(number=39, at_s=100.0, for_s=60.0)]) == shining


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--fault", "30:100+10@CP-9"], "'CP-9' is no station, meter or file; known are CP-1, CP-2, CP-3"),
        (["--fault", "30:90000+10"], "begins after the end of the run"),
        (["--plot", "/nowhere/day.svg"], "its folder must be there"),
        (["--plot", "/proc/day.svg"], "/proc/day.svg can't be written: No such file or directory"),
        (["--seeds", "1..99999999"], "at most, not '1..99999999'"),
    ],
)
def test_wrong_words_are_told_before_the_run(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and one sentence, not a day later."""
    monkeypatch.setattr(sys, "argv", ["edge-sim", "run", str(SMALL), *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_what_an_imbalance_limit_leaves_is_the_room_that_was_there() -> None:
    """A car on one phase of a house that is even has the limit's 10 A and no more: it used what it might have."""
    scenario = small()
    head = scenario.site_head.replace('id = "small"', 'id = "small"\nimbalance_limit_a = 10', 1)
    car = replace(scenario.drivers[0], per_day=1, phases=(1,))
    load = LoadSpec(circuit="main", hourly_a=(5.0,) * 24)
    result = played(replace(scenario, site_head=head, drivers=(car,), loads=(load,))).result
    assert result.verdicts == ()
    assert result.utilisation is not None
    assert result.utilisation > 0.8


def test_ctrl_c_in_the_search_for_fewer_faults_leaves_the_command_with_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is over, and has taken its time: whoever waits no longer can play it again."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "greedy.toml"
    file.write_text(f"{SMALL.read_text(encoding='utf-8')}\n[expect]\nenergy_share = 1.0\n", encoding="utf-8")
    words = ["edge-sim", "run", str(file), "--hours", "0.1", "--fault", "46:100+60", "--fault", "46:200+60"]
    monkeypatch.setattr("simulators.cli.run.shrunk", interrupted)
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130
    assert shlex.split(capsys.readouterr().out.partition("  again: ")[2]) == [
        *words[:3],
        "--seed",
        "1",
        *words[3:],
    ]


def test_a_cloud_has_the_port_of_its_scheme_where_its_address_names_none(tmp_path: Path) -> None:
    """As in the site file of a real site."""
    text = f"{SITE}{CLOUD}".replace("{}", "63").replace("127.0.0.1:9100", "csms.example.com/ocpp")
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    file = tmp_path / "site.toml"
    configuration = read_site(file, SiteSource(file=file, line=1, lines=9, scenario=file))
    assert peers_view(configuration).cloud == Endpoint(host="csms.example.com", port=80)


def test_the_only_fault_that_came_by_chance_is_left_out_if_it_fails_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any of several is. One that was asked for by its number stays: it is what is looked at."""
    file = tmp_path / "greedy.toml"
    own = "[[fault]]\nnumber = 46\nat_h = 0.03\nfor_s = 60\n"
    file.write_text(f"{SMALL.read_text(encoding='utf-8')}\n[expect]\nenergy_share = 1.0\n{own}", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["edge-sim", "run", str(file), "--hours", "0.1"])
    with pytest.raises(SystemExit):
        main()
    words = shlex.split(capsys.readouterr().out.partition("  again: ")[2])
    assert words == ["edge-sim", "run", str(file), "--seed", "1", "--hours", "0.1", "--no-faults"]
