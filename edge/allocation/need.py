"""The floor of a car whose need is known: the rate that makes it ready in time."""

from dataclasses import dataclass

import numpy as np

from edge.allocation.columns import EPSILON_STEPS, Columns
from edge.allocation.layout import Floats, Ints
from edge.units import SECONDS_PER_HOUR, PhaseAmps, Volts, watts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Floors:
    """``rate_a`` is the floor of each row, between its lower and its upper bound (the lower one where no need is
    known); ``order`` lists the rows that have a need, in the order in which floors are given inside a rank.
    """

    rate_a: Floats
    order: Ints


def floors(columns: Columns, phase_count: Ints, voltage_v: Volts) -> Floors:
    """The rate of each row is the energy wanted over the time left, in whole steps upward, so that rounding down can't
    make a car late; once its departure has passed it is all that the row can use. Least slack comes first: the time
    left less what charging at the full rate takes. Then precedence.
    """
    if not columns.has_need.any():
        return Floors(rate_a=columns.lower_a, order=np.empty(0, dtype=np.int64))
    power_w = watts(PhaseAmps(1.0, 0.0, 0.0), voltage_v) * phase_count  # at 1 A per phase
    has_need = columns.able & columns.has_need & (columns.energy_wh > 0)
    full_s = SECONDS_PER_HOUR * columns.energy_wh / (power_w * np.where(has_need, columns.upper_a, 1.0))
    in_time = columns.time_left_s > full_s
    rate = np.where(in_time, columns.upper_a * full_s / np.where(in_time, columns.time_left_s, 1.0), columns.upper_a)
    step = np.where(columns.step_a > 0, columns.step_a, 1.0)
    rate = np.where(columns.step_a > 0, np.ceil(rate / step - EPSILON_STEPS) * step, rate)
    rate = np.where(has_need, np.clip(rate, columns.lower_a, columns.upper_a), columns.lower_a)
    place = np.empty(len(rate), dtype=np.int64)
    place[columns.order] = np.arange(len(rate))
    order = np.lexsort((place, columns.time_left_s - full_s))
    return Floors(rate_a=rate, order=order[has_need[order]].astype(np.int64))
