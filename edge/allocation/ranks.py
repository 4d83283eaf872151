"""Rank by rank: floors of known needs, then max-min fair above them, out of what earlier ranks and all minima leave."""

from dataclasses import dataclass

import numpy as np

from edge.allocation.admission import raised
from edge.allocation.columns import Columns
from edge.allocation.fill import FREE, Rows, fill
from edge.allocation.layout import Bools, Floats, Ints, Layout, used
from edge.allocation.need import Floors, floors
from edge.allocation.problem import Problem
from edge.units import Volts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A problem in the solver's own form. ``lines`` and ``uses`` are those of the layout, without the columns in which
    no line has a limit now.
    """

    layout: Layout
    columns: Columns
    floors: Floors
    lines: Ints
    uses: Floats

    @classmethod
    def of(cls, problem: Problem) -> "Case":
        """:raises ValueError: where the wiring is no tree, or the problem doesn't match it."""
        layout = problem.wiring.layout
        return cls.on(layout, Columns.of(problem, layout), problem.nominal_voltage_v)

    @classmethod
    def on(cls, layout: Layout, columns: Columns, nominal_voltage_v: Volts) -> "Case":
        """From the columns of a problem on this layout."""
        limited = np.asarray(np.isfinite(columns.room_a)[layout.lines].any(axis=0))
        limited[0] = True  # a row without columns has no lowest level
        return cls(
            layout=layout,
            columns=columns,
            floors=floors(columns, layout.phase_count, nominal_voltage_v),
            lines=layout.lines.compress(limited, axis=1),
            uses=layout.uses.compress(limited, axis=1),
        )

    def used(self, amps: Floats) -> Floats:
        """What the EVSEs take of each line that has a limit; of others it isn't counted."""
        return used(self.lines, self.uses, amps, self.layout.size)

    def minima(self, admitted: Bools) -> Floats:
        return np.where(admitted, self.columns.lower_a, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shared:
    """What each row gets, and the line that holds it (:data:`~edge.allocation.fill.FREE` where none does)."""

    amps: Floats
    held_by: Ints


def share(case: Case, admitted: Bools, room_a: Floats, most_a: Floats | None = None) -> Shared:
    """Divide the room among those admitted, whose minima fit together. Room below 0 is no room.

    ``most_a`` are the upper bounds, where they are lower than the columns'.
    """
    columns, lines, uses = case.columns, case.lines, case.uses
    upper = columns.upper_a if most_a is None else np.maximum(np.minimum(most_a, columns.upper_a), columns.lower_a)
    amps = case.minima(admitted)
    held = np.full(len(amps), FREE, dtype=np.int64)
    left = np.maximum(room_a, 0.0) - case.used(amps)
    in_need = case.floors.order[admitted[case.floors.order]]
    for rank in np.unique(columns.rank[admitted]):
        urgent = in_need[columns.rank[in_need] == rank]
        if urgent.size:
            wishes = np.minimum(case.floors.rate_a[urgent], upper[urgent]) - amps[urgent]
            given = raised(lines[urgent], uses[urgent], wishes, left)
            amps[urgent] += given
            left = left - used(lines[urgent], uses[urgent], given, len(left))
        members = np.flatnonzero(admitted & (columns.rank == rank))
        rows = Rows(
            lines=lines.take(members, axis=0),
            uses=uses.take(members, axis=0),
            lower_a=amps[members],
            upper_a=upper[members],
            weight=columns.weight[members],
        )
        amps[members], held[members] = fill(rows, left)
        left = left - used(rows.lines, rows.uses, amps[members] - rows.lower_a, len(left))
    return Shared(amps=amps, held_by=held)
