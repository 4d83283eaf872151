"""Tables where a terminal has room for them, and where it hasn't."""

import io

from rich.console import Console
from rich.text import Text

from edge.cli.roomy import RoomyTable

READING = RoomyTable(
    title="A by phase",
    headings=("meter", "L1 A", "L2 A", "L3 A"),
    rows=[[Text(cell) for cell in ("grid", "110.93", "-16.96", "9.95")]],
)


def shown(columns: int) -> list[str]:
    """Each line on a terminal of so many columns."""
    console = Console(width=columns, file=io.StringIO(), highlight=False)
    with console.capture() as captured:
        console.print(READING)
    return captured.get().splitlines()


def test_where_there_is_room_it_is_a_table() -> None:
    """Headings above their cells: 34 columns are what this one takes."""
    assert any(line.split() == ["│", "grid", "│", "110.93", "│", "-16.96", "│", "9.95", "│"] for line in shown(34))


def test_no_number_is_cut_in_two() -> None:
    """On an installer's terminal a meter's current was ``10.9`` with a ``3`` below it."""
    assert [line.rstrip() for line in shown(33)] == ["A by phase", "grid: L1 A 110.93, L2 A -16.96,", "L3 A 9.95"]
    assert all(number in " ".join(shown(12)).split() for number in ("110.93,", "-16.96,", "9.95"))
