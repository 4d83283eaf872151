"""``python -m tests.benchmarks.page JSON PAGE``: write the kept figures into the page, between its marks.

Two of them: ``targets`` holds the table of what is asked, ``figures`` every figure there is, each benchmark with where
and when it was measured. All else on the page stays.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from tests.benchmarks.targets import TARGETS


class PageError(Exception):
    """The page can't be written; says why."""


def with_figures(page: str, book: Mapping[str, Any]) -> str:
    """The page with these figures.

    :raises PageError: a mark isn't there.
    """
    page = _between(page, "targets", _table(("what", "target", "measured", "judged", "how"), _targets(book)))
    return _between(page, "figures", "\n\n".join(_benchmark(name, book[name]) for name in sorted(book)))


def _targets(book: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for target in TARGETS:
        yield target.what, target.wanted, target.measured(book), target.verdict(book), target.how


def _benchmark(name: str, entry: Mapping[str, Any]) -> str:
    measured_at = entry["measured_at"].replace("T", " ")[:16]
    where = (
        f"`{name}`, {measured_at} UTC, commit {entry['commit']}: {entry['cores']} cores ({entry['machine']}), "
        f"Python {entry['python']}, load {entry['load_1_min']} at its end"
        f"{', by priority' if entry['by_priority'] else ''}"
    )
    return f"{where}\n\n" + _table(("figure", "value"), entry["figures"].items())


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _between(page: str, mark: str, text: str) -> str:
    begin, end = f"<!-- {mark}: written by `make bench-page` -->", f"<!-- end of {mark} -->"
    before, there, rest = page.partition(begin)
    _, also, after = rest.partition(end)
    if not there or not also:
        raise PageError(f"the page has no place for its {mark}: it wants the lines '{begin}' and '{end}'")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        sys.stderr.write("page: wants two files: python -m tests.benchmarks.page JSON PAGE\n")
        return 2
    figures, page = map(Path, arguments)
    try:
        book = orjson.loads(figures.read_bytes())
        page.write_text(with_figures(page.read_text(encoding="utf-8"), book), encoding="utf-8")
    except (OSError, ValueError, PageError) as exc:
        sys.stderr.write(f"page: {exc}; make bench measures the figures\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
