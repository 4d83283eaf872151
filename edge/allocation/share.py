"""Sharing, exactly: minima in order of precedence, then rank by rank weighted max-min fair on the whole tree.

A *line* is one phase of one circuit: what its claimants get together may not exceed its room. A *claim* is one EVSE's
wish. Values are amperes per phase; an EVSE takes the same on each of its lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from edge.units import Amps, Phase

# Two amounts closer than this are the same amount: far below what any charger resolves, far above rounding of floats.
EPSILON_A = 1e-9

Line: TypeAlias = tuple[str, Phase]  # circuit, phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one EVSE may be given: nothing, or from ``min_a`` to ``max_a`` on each of its ``lines``."""

    min_a: Amps
    max_a: Amps
    lines: tuple[Line, ...]
    rank: int = 0
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a claim got. ``bound_by`` is the full line that kept it from more, None where it got its maximum."""

    amps: Amps
    bound_by: Line | None = None


def share(claims: Sequence[Claim], room_a: Mapping[Line, Amps]) -> list[Share]:
    """Divide the room among the claims, which come in order of precedence.

    Each claim whose minimum fits beside the minima before it is admitted; the others get 0. Then rank by rank, the
    admitted rise from their minima: inside a rank, no claim can be raised without lowering one that has no more per
    weight. Room below 0 is no room.
    """
    left = {line: max(amps, 0.0) for line, amps in room_a.items()}
    shares: list[Share] = [Share(amps=0.0)] * len(claims)
    admitted: list[int] = []
    for index, claim in enumerate(claims):
        full = next((line for line in claim.lines if left[line] < claim.min_a - EPSILON_A), None)
        if full is not None:
            shares[index] = Share(amps=0.0, bound_by=full)
            continue
        admitted.append(index)
        for line in claim.lines:
            left[line] -= claim.min_a
    for rank in sorted({claims[index].rank for index in admitted}):
        members = [index for index in admitted if claims[index].rank == rank]
        for index, given in _fill(claims, members, left).items():
            shares[index] = given
            for line in claims[index].lines:
                left[line] -= given.amps - claims[index].min_a
    return shares


def _fill(claims: Sequence[Claim], members: Sequence[int], left: Mapping[Line, Amps]) -> dict[int, Share]:
    """Water-filling: all members rise with one level (amperes per weight) until a line of theirs is full.

    ``left`` is the room beyond the members' minima. Each pass finds the lowest level at which a line fills, settles the
    members on it, and goes on with the others: exact after at most as many passes as there are lines.
    """
    settled: dict[int, Share] = {}
    rising = list(members)
    used_on: dict[Line, list[int]] = {}
    for index in members:
        for line in claims[index].lines:
            used_on.setdefault(line, []).append(index)
    room = {line: left[line] + sum(claims[index].min_a for index in on) for line, on in used_on.items()}
    while rising:
        level, full = None, None
        for line, on in used_on.items():
            at = _level_that_fills(
                [claims[index] for index in on if index not in settled],
                room[line] - sum(settled[index].amps for index in on if index in settled),
            )
            if at is not None and (level is None or at < level):
                level, full = at, line
        if level is None:
            settled.update({index: Share(amps=claims[index].max_a) for index in rising})
            break
        for index in rising:
            claim = claims[index]
            if full in claim.lines:
                settled[index] = _at_level(claim, level, full)
        rising = [index for index in rising if index not in settled]
    return settled


def _at_level(claim: Claim, level: float, full: Line) -> Share:
    wish = claim.weight * level
    if wish >= claim.max_a:
        return Share(amps=claim.max_a)
    return Share(amps=max(wish, claim.min_a), bound_by=full)


def _level_that_fills(claims: Sequence[Claim], room_a: Amps) -> float | None:
    """The level at which claims on one line use up its room; None where even their maxima fit.

    What they use at a level is the sum of ``clamp(weight * level, min, max)``, piecewise linear and rising: walk its
    corners until the room is met.
    """
    if not claims or sum(claim.max_a for claim in claims) <= room_a + EPSILON_A:
        return None
    corners = sorted(
        [(claim.min_a / claim.weight, claim.weight) for claim in claims]
        + [(claim.max_a / claim.weight, -claim.weight) for claim in claims]
    )
    used_a = sum(claim.min_a for claim in claims)
    level, slope = corners[0][0], 0.0
    for corner, change in corners:
        if slope > EPSILON_A:
            at_corner = used_a + slope * (corner - level)
            if at_corner >= room_a:
                return level + (room_a - used_a) / slope
            used_a = at_corner
        level, slope = corner, slope + change
    return level
