"""How the findings in a site file are told: the same lines wherever the file is refused."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.errors import Finding, Severity


def lines(path: Path | str, findings: Sequence[Finding]) -> Iterator[str]:
    """One line for each finding (below it the place, where it needs to be shown), then the verdict: ``site.toml: 3
    errors``, ``site.toml: sound (2 notes)``.
    """
    for finding in findings:
        yield finding.sentence(path)
        yield from finding.excerpt
    errors = sum(1 for finding in findings if finding.severity is Severity.ERROR)
    notes = len(findings) - errors
    verdict = _count(errors, "error") if errors else "sound"
    beside = f" ({_count(notes, 'note')})" if notes else ""
    yield f"{path}: {verdict}{beside}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
