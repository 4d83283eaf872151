"""The file in which `make bench` keeps its figures."""

import json
from pathlib import Path

from tests.benchmarks.book import keep
from tests.benchmarks.figure import Figure


def test_a_benchmark_replaces_its_own_figures_and_leaves_the_others(tmp_path: Path) -> None:
    """So that one can be run again alone; each says when and under what load it was measured."""
    file = tmp_path / "bench.json"
    keep(file, "tick", [Figure(what="tick, p99", value="9 ms")])
    keep(file, "storm", [Figure(what="storm", value="2 s")])
    keep(file, "tick", [Figure(what="tick, p99", value="8 ms")])
    book = json.loads(file.read_text(encoding="utf-8"))
    assert {name: entry["figures"] for name, entry in book.items()} == {
        "tick": {"tick, p99": "8 ms"},
        "storm": {"storm": "2 s"},
    }
    assert {"by_priority", "commit", "measured_at", "cores", "load_1_min", "python"} <= set(book["tick"])
