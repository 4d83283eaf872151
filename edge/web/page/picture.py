"""A report as HTML. Whatever stations, cards and clouds call themselves is text in it, never markup."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from edge.language import Speaker, printable
from edge.units import PHASES
from edge.web import words
from edge.web.said import NONE, Level, Report, Said
from edge.web.words import Load

_NAMED: Final = {  # in the footer, whose words are our own
    "status": "<code>edge status</code>",
    "doctor": "<code>sudo edge doctor</code>",
    "api": '<a href="api/v1/status">status</a>',
    "metrics": '<a href="metrics">metrics</a>',
}


def picture(says: Speaker, report: Report) -> str:
    """The whole page."""
    return "\n".join(
        (
            "<!doctype html>",
            f'<html lang="{says.language}">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_plain(report['site'])}</title>",
            '<link rel="icon" href="data:,">',
            '<link rel="stylesheet" href="page.css">',
            '<script src="page.js" defer></script>',
            '<noscript><meta http-equiv="refresh" content="5"></noscript>',
            "</head>",
            "<body>",
            f'<p id="lost" role="alert" data-said="{_plain(says.say("page.lost", {"time": "{time}"}))}" hidden></p>',
            '<main id="site">',
            *_site(says, report),
            "</main>",
            f"<footer>{says.say('page.footer', _NAMED)}</footer>",
            "</body>",
            "</html>",
        )
    )


def _site(says: Speaker, report: Report) -> Iterator[str]:
    headline = words.headline(says, report)
    yield f"<h1>{_plain(report['site'])}</h1>"
    yield f'<p class="{headline.level}">{_plain(headline.text)}</p>'
    notices = [*words.on_control(says, report), *words.on_the_rest(says, report)]
    if notices:
        yield '<ul class="notices">'
        yield from (f'<li class="{each.level}">{_plain(each.text)}</li>' for each in notices)
        yield "</ul>"
    if circuits := report.get("circuits", ()):
        yield from _circuits(says, circuits)
    if stations := report.get("stations", ()):
        observes = report.get("mode") == words.OBSERVES
        yield from _stations(says, stations, observes=observes, has_cloud=report.get("has_cloud", True))


def _circuits(says: Speaker, circuits: Sequence[Report]) -> Iterator[str]:
    yield f'<h2>{_plain(says.say("page.circuits"))}</h2><div class="wide"><table class="circuits">'
    named = (says.say("heading.circuit"), says.say("heading.fed_by"))
    headings = (*named, *(f"{phase}, A" for phase in PHASES))
    yield f"<tr>{_cells('th', map(Said, headings))}</tr>"
    for circuit in circuits:
        names = (Said(circuit["id"]), Said(circuit["parent"]) if circuit["parent"] else NONE)
        yield f"<tr>{_cells('td', names)}{''.join(map(_load, words.loads(says, circuit)))}</tr>"
        for remark in words.remarks(says, circuit):
            yield f'<tr><td class="why {remark.level}" colspan="{len(headings)}">{_plain(remark.text)}</td></tr>'
    yield "</table></div>"


def _load(load: Load) -> str:
    """A bar, which is full at the rating, and its figures; what is old has no bar."""
    amps, rating_a, said = load
    bar = (
        f'<meter max="{max(amps, rating_a):g}" low="{words.NEARLY_FULL * rating_a:g}" high="{rating_a:g}" optimum="0" '
        f'value="{max(amps, 0.0):g}"></meter>'
        if said.level is not Level.OLD
        else ""
    )
    return f'<td class="{said.level}">{bar}{_plain(said.text)}</td>'


def _stations(says: Speaker, stations: Sequence[Report], *, observes: bool, has_cloud: bool) -> Iterator[str]:
    heading = says.say("page.stations_observed" if observes else "page.stations")
    evses = [(station, evse) for station in stations for evse in station["evses"]]
    columns: dict[str, list[Said | None]] = {
        "EVSE": [Said(f"{station['id']}/{evse['id']}") for station, evse in evses],
        says.say("heading.link"): [words.link(says, is_up=station["connected"]) for station, _ in evses],
        says.say("heading.cloud"): [
            words.link(says, is_up=station["cloud_connected"]) if has_cloud else None for station, _ in evses
        ],
        says.say("heading.status"): [words.status_of(says, evse) for _, evse in evses],
        says.say("heading.would_be" if observes else "heading.limit"): [
            words.limit_of(says, evse) or NONE for _, evse in evses
        ],
        says.say("heading.draw"): [words.draw_of(says, evse) or NONE for _, evse in evses],
        says.say("heading.uses"): [words.fewer_phases(says, evse) for _, evse in evses],
        says.say("heading.needs"): [words.need_of(says, evse) for _, evse in evses],
    }
    shown = {name: cells for name, cells in columns.items() if any(cell is not None for cell in cells)}
    yield f'<h2>{_plain(heading)}</h2><div class="wide"><table class="evses">'
    yield f"<tr>{_cells('th', map(Said, shown))}</tr>"
    for row, (_, evse) in enumerate(evses):
        told = ((name, cells[row] or NONE) for name, cells in shown.items())
        # On a phone each has its heading beside it.
        cells = "".join(
            f'<td class="{said.level}" data-of="{_plain(name)}">{_plain(said.text)}</td>' for name, said in told
        )
        why = _plain(words.why_of(says, evse).text)
        yield f'<tr>{cells}</tr><tr><td class="why" colspan="{len(shown)}">{why}</td></tr>'
    yield "</table></div>"


def _cells(tag: str, cells: Iterable[Said]) -> str:
    return "".join(f'<{tag} class="{cell.level}">{_plain(cell.text)}</{tag}>' for cell in cells)


def _plain(content: str) -> str:
    return escape(printable(content))
