"""Where a run is shown: live on a terminal, in plain lines, or not at all."""

import sys
from typing import Final, Protocol, Self

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from simulators.demo.drawing import draw
from simulators.demo.picture import Picture
from simulators.events import Event

REFRESH_S: Final = 0.25
PLAIN_EVERY_S: Final = 5.0


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
        width, height = self._console.size
        self._live.update(draw(picture, width=width, height=height), refresh=True)


def screen_for(*, json: bool) -> Screen:
    """Live on a terminal, plain lines otherwise, nothing where JSON is wanted."""
    if json:
        return SilentScreen()
    console = Console()
    return LiveScreen(console) if console.is_terminal and sys.stdout.isatty() else PlainScreen()
