"""How the findings in a site file are told: the same lines wherever the file is refused."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.errors import Finding, Severity

# More than anybody reads at once: a file with more has one cause for most of them, or isn't a site file.
MOST_SHOWN = 100


def lines(path: Path | str, findings: Sequence[Finding]) -> Iterator[str]:
    """One line for each finding (below it the place, where it needs to be shown), errors first where there are too many
    to show; then the verdict on all of them: ``site.toml: 3 errors``, ``site.toml: sound (2 notes)``.
    """
    errors = sum(1 for finding in findings if finding.severity is Severity.ERROR)
    notes = len(findings) - errors
    if len(findings) > MOST_SHOWN:
        findings = sorted(findings, key=lambda finding: finding.severity is not Severity.ERROR)
    for finding in findings[:MOST_SHOWN]:
        yield finding.sentence(path)
        yield from finding.excerpt
    if len(findings) > MOST_SHOWN:
        yield f"{path}: {len(findings) - MOST_SHOWN} more are not shown; put these right first"
    verdict = _count(errors, "error") if errors else "sound"
    beside = f" ({_count(notes, 'note')})" if notes else ""
    yield f"{path}: {verdict}{beside}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
