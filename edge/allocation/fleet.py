"""The EVSEs of a snapshot as arrays, one entry a row of the plant's layout; NaN stands for None."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, compress
from operator import attrgetter, is_not

import numpy as np

from edge.allocation.exposure import Holdings
from edge.allocation.layout import Bools, Floats, Ints
from edge.allocation.state import EvseState, Reach
from edge.domain.station import EvseStatus

REACHES = tuple(Reach)
_RENEWABLE = tuple(reach for reach in REACHES if reach.renewable)
_NUMBER = {reach: number for number, reach in enumerate(REACHES)}
# A transaction that runs in one of these can't charge.
_NOT_CHARGING = frozenset({EvseStatus.FINISHING, EvseStatus.FAULTED, EvseStatus.UNAVAILABLE})
_NO_DRAW = (math.nan, math.nan, math.nan)
_NO_NEED = (math.nan, math.nan)
_COLUMNS = 26
_GRANT_COLUMNS = 6
_limit_a = attrgetter("limit_a")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grants:
    """What each EVSE may be enforcing, ``[row, place]``; ``there`` is False in the places that hold nothing.

    ``places`` is what they were made of.
    """

    places: Floats
    there: Bools
    in_session: Bools  # binds a session, else the idle EVSE
    single: Bools  # for one phase only
    limit_a: Floats
    safe_a: Floats
    lease_s: Floats
    sent_at: Floats

    @classmethod
    def of(cls, places: Floats) -> "Grants":
        """From ``[row, place, column]``, NaN where there is none."""
        return cls(
            places=places,
            there=~np.isnan(places[..., 0]),
            in_session=places[..., 0] > 0,
            single=places[..., 1] > 0,
            limit_a=places[..., 2],
            safe_a=places[..., 3],
            lease_s=places[..., 4],
            sent_at=places[..., 5],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fleet:
    """:class:`~edge.allocation.state.EvseState`, column by column. ``states`` are those it was made of."""

    states: tuple[EvseState, ...]
    table: Floats
    reach: Floats  # number in REACHES
    in_session: Bools
    can_charge: Bools  # by its status
    paused: Bools
    waiting_since: Floats
    told_a: Floats
    told_at: Floats
    raised_at: Floats
    told_single: Bools
    draw_a: Floats  # [row, phase]
    drawn_at: Floats
    draw_spread: Bools  # only the sum of draw_a is known
    baseline_a: Floats
    governed: Bools  # one of our limits is known to bind it
    lowest_a: Floats  # of the limits that a session may be enforcing; 0 where there are none
    need_wh: Floats
    need_left_s: Floats
    own_limit_a: Floats  # of cloud, surplus or hours; infinite where none sets one; 0 for a session that is barred
    rank: Ints
    weight: Floats
    guaranteed: Bools
    stopped: Bools  # its car gets nothing for a turn because it drew more than it may
    one_limit: Bools  # its session's limit binds the next one, too
    remains: Bools  # baseline_a does, to the end of the session
    grants: Grants

    @classmethod
    def of(cls, states: tuple[EvseState, ...], before: "Fleet | None" = None) -> "Fleet":
        """From the states in the layout's order; what is the same object as in ``before`` isn't looked at again."""
        if before is None or len(before.states) != len(states):
            return cls._made(states, np.asfortranarray(_table(states)), np.asfortranarray(_places(states)))
        changed = list(compress(range(len(states)), map(is_not, before.states, states)))
        if not changed:
            return before
        fresh = tuple(states[row] for row in changed)
        table = before.table.copy(order="F")
        table[changed] = _table(fresh)
        return cls._made(states, table, _with_places(before.grants.places, changed, fresh))

    @classmethod
    def _made(cls, states: tuple[EvseState, ...], table: Floats, places: Floats) -> "Fleet":
        """Of arrays whose columns each lie in one piece."""
        column = table.T
        return cls(
            states=states,
            table=table,
            reach=column[0],
            in_session=column[1] > 0,
            can_charge=column[2] > 0,
            paused=column[3] > 0,
            waiting_since=column[4],
            told_a=column[5],
            told_at=column[6],
            raised_at=column[7],
            told_single=column[8] == 1,
            draw_a=table[:, 9:12],
            drawn_at=column[12],
            baseline_a=column[13],
            lowest_a=column[14],
            need_wh=column[15],
            need_left_s=column[16],
            own_limit_a=column[17],
            governed=column[18] > 0,
            grants=Grants.of(places),
            rank=column[19].astype(np.int64),
            weight=column[20],
            guaranteed=column[21] > 0,
            draw_spread=column[22] > 0,
            stopped=column[23] > 0,
            one_limit=column[24] > 0,
            remains=column[25] > 0,
        )

    def reaches(self, *which: Reach) -> Bools:
        """Who is in one of these."""
        return _among(which)[self.reach.astype(np.int64)]

    @property
    def renewable(self) -> Bools:
        return self.reaches(*_RENEWABLE)


@lru_cache
def _among(which: tuple[Reach, ...]) -> Bools:
    """Whether each of REACHES is one of these."""
    among = np.array([reach in which for reach in REACHES])
    among.flags.writeable = False
    return among


def _table(states: Sequence[EvseState]) -> Floats:
    count = len(states)
    flat = np.fromiter(chain.from_iterable(map(_row, states)), np.float64, count * _COLUMNS)  # None becomes NaN
    return flat.reshape(count, _COLUMNS)


def _row(state: EvseState) -> tuple[float | None, ...]:
    draw, need, holdings = state.draw_a, state.need, state.holdings
    ranked = state.evse if state.priority is None else state.priority
    own_limit_a = state.own_limit_a
    return (
        _NUMBER[state.reach],
        state.in_session,
        state.status not in _NOT_CHARGING,
        state.paused,
        state.waiting_since,
        state.told_a,
        state.told_at,
        state.raised_at,
        state.told_phases,
        *(_NO_DRAW if draw is None else (draw.l1, draw.l2, draw.l3)),
        state.drawn_at,
        holdings.baseline_a,
        min(map(_limit_a, holdings.session), default=0.0),
        *(_NO_NEED if need is None else (need.energy_wanted_wh, need.time_left_s)),
        math.inf if own_limit_a is None else own_limit_a,
        holdings.is_governed,
        ranked.rank,
        ranked.weight,
        ranked.guaranteed,
        state.draw_spread,
        state.unruly_a == 0.0,
        state.one_limit,
        holdings.remains,
    )


def _places(states: Sequence[EvseState], at_least: int = 0) -> Floats:
    """The grants of each, ``[row, place, column]``: those for the idle EVSE first, then NaN in the places left over."""
    most = max((len(state.holdings.idle) + len(state.holdings.session) for state in states), default=0)
    places = max(most, at_least)
    held = (_held(state.holdings, places) for state in states)
    flat = np.fromiter(chain.from_iterable(held), np.float64, len(states) * places * _GRANT_COLUMNS)
    return flat.reshape(len(states), places, _GRANT_COLUMNS)


def _held(holdings: Holdings, places: int) -> list[float]:
    numbers: list[float] = []
    for in_session, grants in ((0.0, holdings.idle), (1.0, holdings.session)):
        for grant in grants:
            numbers += (in_session, grant.phases == 1, grant.limit_a, grant.safe_a, grant.lease_s, grant.sent_at)
    return numbers + [math.nan] * (places * _GRANT_COLUMNS - len(numbers))


def _with_places(before: Floats, changed: list[int], states: Sequence[EvseState]) -> Floats:
    """``before`` with the grants of ``states`` in the rows ``changed``."""
    fresh = _places(states, before.shape[1])
    if fresh.shape[1] == before.shape[1]:
        places = before.copy(order="F")
    else:
        places = np.full((len(before), *fresh.shape[1:]), np.nan, order="F")
        places[:, : before.shape[1]] = before
    places[changed] = fresh
    return places
