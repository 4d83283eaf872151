"""The page of figures is written from the file in which they are kept."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.benchmarks.page import PageError, main, with_figures
from tests.benchmarks.targets import TARGETS, Target

PAGE = """# Speed

<!-- targets: written by `make bench-page` -->
old
<!-- end of targets -->

What was tried.

<!-- figures: written by `make bench-page` -->
<!-- end of figures -->
the end
"""
PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"


def book(benchmark: str, **figures: str) -> dict[str, Any]:
    return {
        benchmark: {
            "commit": "abc",
            "measured_at": "2026-11-21T07:00:00+00:00",
            "cores": 2,
            "machine": "x86_64",
            "python": "3.11.7",
            "load_1_min": 0.4,
            "by_priority": True,
            "figures": figures,
        }
    }


def target(**bounds: Any) -> Target:
    return Target(what="it", benchmark="b", figures={"one": "f1", "two": "f2"}, how="so", **bounds)


def test_what_stood_between_the_marks_is_replaced_and_all_else_stays() -> None:
    """Prose about the figures is beside them; written twice, the page is the same."""
    day = {"24 h of depot-50, 50 sessions, wall time": "160.0 s", "processor time": "150.0 s"}
    page = with_figures(PAGE, book("world", **day))
    assert "old" not in page
    assert "What was tried." in page
    assert page.endswith("the end\n")
    assert (
        "| a day of 50 stations in virtual time, processor time | <= 60 s | 150.0 s | **missed** | "
        "24 h of `depot-50`, 50 sessions, one process on one core |" in page
    )
    assert "| kill -9 to controlling again, worst of five | <= 5 s | not measured |  |" in page
    assert (
        "`world`, 2026-11-21 07:00 UTC, commit abc: 2 cores (x86_64), Python 3.11.7, load 0.4 at its end, by priority"
        in page
    )
    assert "| processor time | 150.0 s |" in page
    assert with_figures(page, book("world", **day)) == page


@pytest.mark.parametrize(
    ("bounds", "values", "verdict"),
    [
        ({"at_most": 5.0}, ("4.999 ms", "5.000 ms"), "met"),
        ({"at_most": 5.0}, ("4.999 ms", "5.001 ms"), "**missed** (two)"),
        ({"at_most": 5.0}, ("5.1 ms", "5.2 ms"), "**missed**"),
        ({"at_most": 20.0, "judged": 1}, ("1.0 / 19.9 ms", "30.0 / 20.1 ms"), "**missed** (two)"),
        ({"at_least": 0.8, "judged": 2}, ("9,100 /s / 8,200 /s / 0.90", "9e+03 /s / 7 /s / 0.79"), "**missed** (two)"),
        ({"at_most": 20.0, "judged": 1}, ("nothing was seen", "1.0 / 2.0 ms"), "**missed** (one)"),
        ({}, ("4 s", "5 s"), ""),
    ],
)
def test_each_figure_is_held_against_the_target(bounds: dict[str, Any], values: tuple[str, str], verdict: str) -> None:
    """By the number that is meant: a row may bear a median, a worst case and a ratio. What wasn't seen isn't met."""
    assert target(**bounds).verdict(book("b", f1=values[0], f2=values[1])) == verdict


def test_what_was_not_measured_is_not_judged() -> None:
    assert target(at_most=5.0).verdict({}) == ""
    assert target(at_most=5.0).measured({}) == "not measured"
    assert target(at_most=5.0).verdict(book("b", f2="9 ms")) == "**missed**"


def test_a_page_without_its_marks_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rather than written to its end, or lost."""
    with pytest.raises(PageError, match="no place for its figures"):
        with_figures(PAGE.replace("end of figures", ""), {})
    figures, page = tmp_path / "bench.json", tmp_path / "page.md"
    figures.write_bytes(orjson.dumps({}))
    page.write_text("nothing", encoding="utf-8")
    assert main([str(figures), str(page)]) == 1
    assert page.read_text(encoding="utf-8") == "nothing"
    assert "no place for its targets" in capsys.readouterr().err


def test_the_page_has_its_marks_and_every_target_its_row() -> None:
    """docs/performance.md as it is: a target that was added has to be measured, or said not to be."""
    page = PERFORMANCE.read_text(encoding="utf-8")
    with_figures(page, {})
    missing = [target.what for target in TARGETS if f"\n| {target.what} | {target.wanted} | " not in page]
    assert not missing
