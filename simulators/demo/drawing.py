"""A moment of the demo as text for a terminal of a given size, down to 80 columns by 20 rows.

What is too long ends in an ellipsis, but the reasons and the newest events have precedence: on a narrow terminal the
columns before the reason shrink, on a low one first the page's address and the blank lines go, then older events, then
the last EVSEs.
"""

import re
from collections.abc import Mapping
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from simulators.demo.picture import Picture
from simulators.demo.status import GatewayStatus
from simulators.fleet import EvseState
from simulators.phases import PHASE_NAMES

WIDE: Final = 105  # columns from which the long sentences fit beside the full columns
BAR_CELLS: Final = 8  # so that three phases fit into 80 columns
NEARLY_FULL: Final = 0.9
EVENTS_SHOWN: Final = 5
FEWEST_EVENTS: Final = 2
HEADER_ROWS: Final = 2  # of a table: the names and the rule below them
# These keep their width, and the reason beside them gives way.
WIDE_COLUMNS: Final[Mapping[str, JustifyMethod]] = {
    "EVSE": "left",
    "state": "left",
    "limit": "right",
    "own L1 / L2 / L3 A": "left",
}
NARROW_COLUMNS: Final[Mapping[str, JustifyMethod]] = {"EVSE": "left", "state": "left", "draw/limit": "right"}
STATUS_STYLES: Final = {
    "Charging": "green",
    "SuspendedEVSE": "yellow",
    "SuspendedEV": "cyan",
    "Available": "dim",
    "Faulted": "bold red",
}
# On a narrow terminal; the others in small letters.
SHORT_STATUS: Final = {
    "Available": "free",
    "Preparing": "plugged",
    "SuspendedEVSE": "held",
    "SuspendedEV": "EV waits",
    "Unavailable": "out",
}
NORMAL: Final = "normal"  # the gateway's state that needs nobody's attention
_SETPOINT: Final = re.compile(r"\d+\.\d A: ")  # before a reason: what the limit column shows already


def draw(picture: Picture, *, width: int, height: int) -> Group:
    """The whole picture in `width` columns and at most `height` rows: circuits, EVSEs, the latest events."""
    wide = width >= WIDE
    lost = _lost_meters(picture)
    fixed = 1 + HEADER_ROWS + len(picture.site.circuits) + len(lost) + HEADER_ROWS
    wanted = fixed + len(picture.evses) + min(EVENTS_SHOWN, len(picture.events))
    gap = [""] if wanted + 3 <= height else []
    evses = max(1, min(len(picture.evses), height - fixed - min(FEWEST_EVENTS, len(picture.events))))
    events = min(EVENTS_SHOWN, max(0, height - fixed - evses))
    parts: list[RenderableType] = [_headline(picture, wide=wide), *gap, _circuits(picture), *lost, *gap]
    parts += [_evses(picture, rows=evses, wide=wide), *gap]
    parts += [_one_line(str(event), style="dim") for event in picture.events[len(picture.events) - events :]]
    if wanted + 4 <= height:
        parts.append(_one_line(f"in a browser: {picture.page_url}", style="dim"))
    return Group(*parts)


def bar(amps: float, rating_a: float) -> Text:
    """A bar of BAR_CELLS against the rating, with the figure: green, yellow from nine tenths, red above."""
    share = amps / rating_a
    filled = min(BAR_CELLS, round(share * BAR_CELLS))
    style = "bold red" if share > 1 else "yellow" if share > NEARLY_FULL else "green"
    return Text.assemble(("█" * filled, style), ("░" * (BAR_CELLS - filled), "dim"), f" {amps:5.1f}/{rating_a:g} A")


def _headline(picture: Picture, *, wide: bool) -> Text:
    gateway = picture.gateway
    cloud = ("cloud away", "bold red") if picture.cloud_away else ("cloud there", "green")
    state = gateway.state.lower().replace("_", " ") if gateway is not None else "gateway doesn't answer"
    ticks = f", {gateway.ticks} ticks, {gateway.missed_ticks} missed" if gateway is not None else ""
    line = Text.assemble(
        (f"site {picture.site.id}" if wide else picture.site.id, "bold"),
        f"  {picture.time_s:.0f} s  ",
        cloud,
        ("  observes only", "yellow") if gateway is not None and gateway.observes else "",
        "  ",
        (state, "" if state == NORMAL else "yellow"),
        f"{ticks}  {picture.energy_wh / 1000:.2f} kWh  ",
        f"{picture.seconds_over_rating:.1f} s over{' a rating' if wide else ''}",
    )
    line.no_wrap = True
    line.overflow = "ellipsis"
    return line


def _circuits(picture: Picture) -> Table:
    table = Table("circuit", *PHASE_NAMES, box=SIMPLE_HEAD, show_edge=False)
    for circuit in picture.site.circuits:
        amps = picture.currents[circuit.id].total_a
        trouble = " TRIPPED" if picture.tripped[circuit.id] else " OVER" if max(amps) > circuit.fuse_a else ""
        name = Text(f"{circuit.id}{trouble}", style="bold red" if trouble else "bold", no_wrap=True)
        table.add_row(name, *(bar(each, circuit.fuse_a) for each in amps))
    return table


def _lost_meters(picture: Picture) -> list[Text]:
    """The bars are what really flows; where the gateway doesn't see it, this is what it saw last."""
    lines = []
    for meter in picture.gateway.lost_meters if picture.gateway is not None else ():
        line = f" the gateway has no reading of meter {meter.id}"
        if meter.age_s is not None and meter.current_a is not None:
            line += f"; {meter.age_s:.0f} s ago: {' / '.join(f'{amps:.1f}' for amps in meter.current_a)} A"
        lines.append(_one_line(line, style="dim yellow"))
    return lines


def _evses(picture: Picture, *, rows: int, wide: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=wide, padding=(0, 1) if wide else (0, 1, 0, 0))
    for name, justify in (WIDE_COLUMNS if wide else NARROW_COLUMNS).items():
        table.add_column(name, justify=justify, no_wrap=True)
    observes = picture.gateway is not None and picture.gateway.observes
    table.add_column("what the gateway would do" if observes else "the gateway's reason")
    for state in picture.evses[:rows]:
        reason = _reason(picture.gateway, state, wide=wide)
        phases = _few_phases(picture.gateway, state)
        if not wide and phases:
            reason.append(f" (on{phases})")
        table.add_row(*(_wide_cells(state, phases) if wide else _narrow_cells(state)), reason)
    return table


def _wide_cells(state: EvseState, phases: str) -> tuple[str | Text, ...]:
    offered_a = state.draw.offered_a
    return (
        _name(state),
        Text(f"{state.status}{phases}", style=STATUS_STYLES.get(state.status, "")),
        "none" if offered_a is None else f"{offered_a:.1f} A",
        " / ".join(f"{amps:4.1f}" for amps in state.draw.draw_a),
    )


def _narrow_cells(state: EvseState) -> tuple[str | Text, ...]:
    offered_a = state.draw.offered_a
    status = SHORT_STATUS.get(state.status, state.status.lower())
    limit = "none" if offered_a is None else f"{offered_a:4.1f}"
    return (
        _name(state),
        Text(status, style=STATUS_STYLES.get(state.status, "")),
        f"{max(state.draw.draw_a):.1f}/{limit}",
    )


def _few_phases(gateway: GatewayStatus | None, state: EvseState) -> str:
    """` L3`: the grid phases that the gateway counts it on, where they are fewer than its wires."""
    used = () if gateway is None else gateway.few_phases.get((state.evse.station, state.evse.evse_id), ())
    return f" {'+'.join(used)}" if used else ""


def _name(state: EvseState) -> str:
    return state.evse.station if state.evse.evse_id == 1 else f"{state.evse.station}/{state.evse.evse_id}"


def _reason(gateway: GatewayStatus | None, state: EvseState, *, wide: bool) -> Text:
    """What the gateway says; its setpoint is left out where there is little room and the limit beside it is the same
    thing. Where nothing is commanded it isn't."""
    if gateway is None:
        return Text()
    text = gateway.reasons.get((state.evse.station, state.evse.evse_id), "")
    if not wide and not gateway.observes:
        text = _SETPOINT.sub("", text, count=1)
    return _one_line(text)


def _one_line(text: str, *, style: str = "") -> Text:
    """What doesn't fit ends in an ellipsis."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
