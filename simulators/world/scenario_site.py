"""The sites of a scenario: the gateway's own, and that of a gateway above, given in place or in files beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from edge.config import Configuration
from edge.config.locate import locate
from edge.domain.site import Site
from simulators.toml_table import TomlTable
from simulators.world.above import Above
from simulators.world.site import PostsSpec, peers_view, prove_site, site_text
from simulators.world.source import PostsSource, SiteSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """The site's text and what it comes to, and those of the gateway above where there is one."""

    head: str
    source: SiteSource
    configuration: Configuration
    above: str | None = None
    above_source: SiteSource | None = None
    above_site: Site | None = None

    @property
    def sites(self) -> tuple[Site, ...]:
        site = self.configuration.site
        return (site,) if self.above_site is None else (site, self.above_site)


def read_sites(document: TomlTable, path: Path, posts: Mapping[int, PostsSpec]) -> Sites:
    """With those `posts`, by their number from 0, that could be read.

    Raises ScenarioError with all that the gateway finds wrong with the one that is read first.
    """
    head, source = _head(document, path, "site", posts)
    configuration = prove_site(site_text(head, tuple(posts.values())), source)
    if not configuration.site.evses and not document.raw("posts"):
        raise document.fail("posts", "is missing: there must be a table [[posts]], or stations in the site file")
    found = Sites(head=head, source=source, configuration=configuration)
    if not document.has("above"):
        return found
    above, above_source = _head(document, path, "above")
    upper = Above.proven(prove_site(above, above_source))
    upper.around(peers_view(configuration))
    return replace(found, above=above, above_source=above_source, above_site=upper.configuration.site)


def _head(
    document: TomlTable, path: Path, key: str, posts: Mapping[int, PostsSpec] = MappingProxyType({})
) -> tuple[str, SiteSource]:
    """The site file's text, given in place or in a file beside the scenario, and where it and its posts stand."""
    site = document.text(key)
    lines = len(site.rstrip().splitlines())
    written = path.read_text(encoding="utf-8-sig")
    line_of = locate(written)
    made_of = tuple(
        PostsSource(number=number, line=line_of["posts", number], lines=each.toml().count("\n"))
        for number, each in posts.items()
    )
    if "\n" in site:
        before, found, _ = written.partition(site)
        line = before.count("\n") + 1 if found else line_of[(key,)]
        is_counted = bool(found)  # written with escapes its lines aren't found
        return site, SiteSource(file=path, line=line, lines=lines, scenario=path, is_counted=is_counted, posts=made_of)
    file = path.parent / document.file_name(key)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as exc:
        raise document.fail(key, f"{file} can't be read: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise document.fail(key, f"{file} must be UTF-8 text") from exc
    return text, SiteSource(file=file, line=1, lines=len(text.rstrip().splitlines()), scenario=path, posts=made_of)
