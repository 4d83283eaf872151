"""A report as HTML. Whatever stations, cards and clouds call themselves is text in it, never markup."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from edge.units import PHASES
from edge.web import words
from edge.web.words import Level, Load, Report, Said


def picture(report: Report) -> str:
    """The whole page."""
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
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
            '<p id="lost" role="alert" hidden></p>',
            '<main id="site">',
            *_site(report),
            "</main>",
            (
                "<footer>This page only shows. On the gateway, <code>edge status</code> says the same, and "
                '<code>sudo edge doctor</code> what to do. For programs: <a href="api/v1/status">status</a>, '
                '<a href="metrics">metrics</a>.</footer>'
            ),
            "</body>",
            "</html>",
        )
    )


def _site(report: Report) -> Iterator[str]:
    headline = words.headline(report)
    yield f"<h1>{_plain(report['site'])}</h1>"
    yield f'<p class="{headline.level}">{_plain(headline.text)}</p>'
    notices = [*words.on_control(report), *words.on_the_rest(report)]
    if notices:
        yield '<ul class="notices">'
        yield from (f'<li class="{each.level}">{_plain(each.text)}</li>' for each in notices)
        yield "</ul>"
    if circuits := report.get("circuits", ()):
        yield from _circuits(circuits)
    if stations := report.get("stations", ()):
        observes = report.get("mode") == words.OBSERVES
        yield from _stations(stations, observes=observes, has_cloud=report.get("has_cloud", True))


def _circuits(circuits: Sequence[Report]) -> Iterator[str]:
    yield '<h2>Circuits</h2><div class="wide"><table class="circuits">'
    headings = ("circuit", "fed by", *(f"{phase}, A" for phase in PHASES))
    yield f"<tr>{_cells('th', map(Said, headings))}</tr>"
    for circuit in circuits:
        names = (Said(circuit["id"]), Said(circuit["parent"]) if circuit["parent"] else words.NONE)
        yield f"<tr>{_cells('td', names)}{''.join(map(_load, words.loads(circuit)))}</tr>"
        for remark in words.remarks(circuit):
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


def _stations(stations: Sequence[Report], *, observes: bool, has_cloud: bool) -> Iterator[str]:
    heading = "Stations: nothing is commanded, the limits are what they would be" if observes else "Stations"
    evses = [(station, evse) for station in stations for evse in station["evses"]]
    columns: dict[str, list[Said | None]] = {
        "EVSE": [Said(f"{station['id']}/{evse['id']}") for station, evse in evses],
        "link": [words.link(station["connected"]) for station, _ in evses],
        "cloud": [words.link(station["cloud_connected"]) if has_cloud else None for station, _ in evses],
        "status": [Said(evse["status"]) for _, evse in evses],
        "would be A" if observes else "limit A": [words.limit_of(evse) or words.NONE for _, evse in evses],
        "draw A": [words.draw_of(evse) or words.NONE for _, evse in evses],
        "uses": [words.fewer_phases(evse) for _, evse in evses],
        "needs": [words.need_of(evse) for _, evse in evses],
    }
    shown = {name: cells for name, cells in columns.items() if any(cell is not None for cell in cells)}
    yield f'<h2>{heading}</h2><div class="wide"><table class="evses">'
    yield f"<tr>{_cells('th', map(Said, shown))}</tr>"
    for row, (_, evse) in enumerate(evses):
        told = ((name, cells[row] or words.NONE) for name, cells in shown.items())
        # On a phone each has its heading beside it.
        cells = "".join(f'<td class="{said.level}" data-of="{name}">{_plain(said.text)}</td>' for name, said in told)
        yield f'<tr>{cells}</tr><tr><td class="why" colspan="{len(shown)}">{_plain(evse["text"])}</td></tr>'
    yield "</table></div>"


def _cells(tag: str, cells: Iterable[Said]) -> str:
    return "".join(f'<{tag} class="{cell.level}">{_plain(cell.text)}</{tag}>' for cell in cells)


def _plain(content: str) -> str:
    return escape(words.printable(content))
