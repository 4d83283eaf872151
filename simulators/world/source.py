"""Where the author of a scenario wrote what its site file is made of."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edge.errors import Finding

_LINE: Final = re.compile(r"\bline (\d+)\b")  # in a finding's words


@dataclass(frozen=True, slots=True, kw_only=True)
class PostsSource:
    """`[[posts]]` number so-and-so of the scenario, from 0, at `line`; it makes so many `lines` of the site file."""

    number: int
    line: int
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSource:
    """Where the text of a site was written: from `line` of `file` on, so many `lines`, or somewhere from there on where
    it has escapes and they can't be counted (`is_counted`). What stands below them in the site file that is made of it
    comes from the `posts` of the file `scenario`.
    """

    file: Path
    line: int
    lines: int
    scenario: Path
    is_counted: bool = True
    posts: tuple[PostsSource, ...] = ()

    def told(self, findings: Sequence[Finding]) -> Iterator[str]:
        """Each finding, with the place where its cause is written; once of what one `[[posts]]` has made many times."""
        told: set[tuple[int, str]] = set()
        for finding in findings:
            posts = self._posts_of(finding.line)
            if posts is None:
                yield self._of_text(finding)
            elif (place := (posts.number, finding.key.rpartition(".")[2])) not in told:
                told.add(place)
                key = f"posts[{posts.number}].{place[1]}"
                yield self._in_its_words(replace(finding, key=key, line=posts.line, excerpt=())).sentence(self.scenario)

    def _of_text(self, finding: Finding) -> str:
        there = replace(finding, line=self._line_of(finding.line)) if finding.line is not None else finding
        return "\n".join((self._in_its_words(there).sentence(self.file), *finding.excerpt))

    def _in_its_words(self, finding: Finding) -> Finding:
        """Other lines that it names are the author's, too."""

        def said(found: re.Match[str]) -> str:
            posts = self._posts_of(int(found[1]))
            if posts is None:
                return f"line {self._line_of(int(found[1]))}"
            return f"line {posts.line}"

        return replace(finding, problem=_LINE.sub(said, finding.problem), remedy=_LINE.sub(said, finding.remedy))

    def _line_of(self, line: int) -> int:
        return line + self.line - 1 if self.is_counted else self.line

    def _posts_of(self, line: int | None) -> PostsSource | None:
        """Whose stations that line of the site file describes; None of a line of the author's own text."""
        if line is None:
            return None
        first = self.lines + 1
        for posts in self.posts:
            if first <= line < first + posts.lines:
                return posts
            first += posts.lines
        return None
