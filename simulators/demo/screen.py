"""Where a run is shown: live on a terminal, in plain lines, or not at all."""

import sys
from collections.abc import Mapping
from typing import Final, Protocol, Self

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, JustifyMethod
from rich.live import Live
from rich.table import Table
from rich.text import Text

from simulators.demo.picture import Picture
from simulators.events import Event
from simulators.phases import PHASE_NAMES

REFRESH_S: Final = 0.25
PLAIN_EVERY_S: Final = 5.0
BAR_CELLS: Final = 8  # so that three phases fit into 80 columns
NEARLY_FULL: Final = 0.9
EVENTS_SHOWN: Final = 5
# These keep their width on a narrow terminal, and the reason beside them gives way.
EVSE_COLUMNS: Final[Mapping[str, JustifyMethod]] = {
    "EVSE": "left",
    "state": "left",
    "limit": "right",
    "own L1 / L2 / L3 A": "left",
}
STATUS_STYLES: Final = {
    "Charging": "green",
    "SuspendedEVSE": "yellow",
    "SuspendedEV": "cyan",
    "Available": "dim",
    "Faulted": "bold red",
}


class Screen(Protocol):
    """A place to show the run; `every_s` is how often it wants a picture, None for never."""

    every_s: float | None

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...
    def note(self, text: str) -> None: ...
    def event(self, event: Event) -> None: ...
    def show(self, picture: Picture) -> None: ...


class SilentScreen:
    """Shows nothing: the result is all that is wanted."""

    every_s: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to tidy."""

    def note(self, text: str) -> None:
        """Unseen."""

    def event(self, event: Event) -> None:
        """Unseen."""

    def show(self, picture: Picture) -> None:
        """Unseen."""


class PlainScreen(SilentScreen):
    """A line for each event and one now and then for the site, for logs and pipes."""

    every_s: float | None = PLAIN_EVERY_S

    def note(self, text: str) -> None:
        typer.echo(text)

    def event(self, event: Event) -> None:
        typer.echo(str(event))

    def show(self, picture: Picture) -> None:
        circuits = "; ".join(
            f"{circuit.id} {' / '.join(f'{amps:.1f}' for amps in picture.currents[circuit.id].total_a)}"
            f" of {circuit.fuse_a:g} A"
            for circuit in picture.site.circuits
        )
        charging = sum(1 for state in picture.evses if max(state.draw.draw_a) > 0)
        cloud = "away" if picture.cloud_away else "there"
        typer.echo(f"{picture.time_s:6.1f} s  {circuits}; {charging} cars draw current; the cloud is {cloud}")


class LiveScreen:
    """A table that lives on the terminal."""

    every_s: float | None = REFRESH_S

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def note(self, text: str) -> None:
        self._live.update(Text(text, style="dim"), refresh=True)

    def event(self, event: Event) -> None:
        """Seen in the next picture."""

    def show(self, picture: Picture) -> None:
        self._live.update(render(picture), refresh=True)


def screen_for(*, json: bool) -> Screen:
    """Live on a terminal, plain lines otherwise, nothing where JSON is wanted."""
    if json:
        return SilentScreen()
    console = Console()
    return LiveScreen(console) if console.is_terminal and sys.stdout.isatty() else PlainScreen()


def render(picture: Picture) -> Group:
    """The whole picture: circuits, EVSEs, the latest events."""
    return Group(_headline(picture), "", _circuits(picture), "", _evses(picture), "", *_events(picture))


def bar(amps: float, rating_a: float) -> Text:
    """A bar of BAR_CELLS against the rating, with the figure: green, yellow from nine tenths, red above."""
    share = amps / rating_a
    filled = min(BAR_CELLS, round(share * BAR_CELLS))
    style = "bold red" if share > 1 else "yellow" if share > NEARLY_FULL else "green"
    return Text.assemble(("█" * filled, style), ("░" * (BAR_CELLS - filled), "dim"), f" {amps:5.1f}/{rating_a:g} A")


def _headline(picture: Picture) -> Text:
    gateway = picture.gateway
    cloud = ("cloud away", "bold red") if picture.cloud_away else ("cloud there", "green")
    ticks = (
        f"{gateway.state.lower()}, {gateway.ticks} ticks, {gateway.missed_ticks} missed"
        if gateway is not None
        else "gateway doesn't answer"
    )
    line = Text.assemble(
        (f"site {picture.site.id}", "bold"),
        f"  {picture.time_s:.0f} s  ",
        cloud,
        f"  {ticks}  {picture.energy_wh / 1000:.2f} kWh  ",
        f"{picture.seconds_over_rating:.1f} s over a rating",
    )
    line.no_wrap = True
    line.overflow = "ellipsis"
    return line


def _circuits(picture: Picture) -> Table:
    table = Table("circuit", *PHASE_NAMES, box=SIMPLE_HEAD, show_edge=False)
    for circuit in picture.site.circuits:
        name = Text(circuit.id, style="bold red" if picture.tripped[circuit.id] else "bold")
        if picture.tripped[circuit.id]:
            name.append(" TRIPPED")
        amps = picture.currents[circuit.id].total_a
        table.add_row(name, *(bar(each, circuit.fuse_a) for each in amps))
    return table


def _evses(picture: Picture) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False)
    for name, justify in EVSE_COLUMNS.items():
        table.add_column(name, justify=justify, no_wrap=True)
    table.add_column("the gateway's reason")
    reasons = picture.gateway.reasons if picture.gateway is not None else {}
    for state in picture.evses:
        offered_a = state.draw.offered_a
        table.add_row(
            state.evse.station if state.evse.evse_id == 1 else f"{state.evse.station}/{state.evse.evse_id}",
            Text(state.status, style=STATUS_STYLES.get(state.status, "")),
            "none" if offered_a is None else f"{offered_a:.1f} A",
            " / ".join(f"{amps:4.1f}" for amps in state.draw.draw_a),
            _one_line(reasons.get((state.evse.station, state.evse.evse_id), "")),
        )
    return table


def _events(picture: Picture) -> list[Text]:
    return [_one_line(str(event), style="dim") for event in picture.events[-EVENTS_SHOWN:]]


def _one_line(text: str, *, style: str = "") -> Text:
    """What doesn't fit ends in an ellipsis."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
