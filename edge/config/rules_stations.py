"""Rules of the stations and their EVSEs."""

import json
from collections.abc import Iterator

from edge.config.draft import Draft
from edge.config.faults import Fault, one_of
from edge.config.ratings import DEFAULT_MIN_W, EQUAL_A, Ratings
from edge.config.schema_station import PILOT_MIN_A, EvseTable
from edge.domain.site import Supply
from edge.errors import Severity


def unique_ids(draft: Draft) -> Iterator[Fault]:
    """No two stations have one identity, and no two EVSEs of a station one number."""
    first: dict[str, int] = {}
    for index, station in enumerate(draft.file.station):
        if station.id in first:
            yield Fault(
                path=("station", index, "id"),
                problem=f"is '{station.id}', which the station in "
                f"{draft.where('station', first[station.id], 'id')} has already",
                remedy="give each station the OCPP identity that is set in it",
            )
        first.setdefault(station.id, index)
        numbers: set[int] = set()
        for position, evse in enumerate(station.evse):
            if evse.id in numbers:
                yield Fault(
                    path=("station", index, "evse", position, "id"),
                    problem=f"is {evse.id}, which another EVSE of station '{station.id}' has already",
                    remedy="number the EVSEs of a station 1, 2, ...",
                )
            numbers.add(evse.id)


def identity_can_be_seen(draft: Draft) -> Iterator[Fault]:
    """What nobody sees on paper or screen makes another identity, which the station in its place doesn't give."""
    for index, station in enumerate(draft.file.station):
        if station.id != station.id.strip() or not station.id.isprintable():
            yield Fault(
                severity=Severity.NOTE,
                path=("station", index, "id"),
                problem=f"is {json.dumps(station.id)}: a space at its begin or end, or a character that isn't shown, "
                "is a part of it",
                remedy="take it out, unless the station has it, too",
            )


def controllers_are_one(draft: Draft) -> Iterator[Fault]:
    """A controller's site is one EVSE here, of AC: it has one limit, in A."""
    for index, station in enumerate(draft.file.station):
        if not station.controller:
            continue
        if len(station.evse) > 1:
            yield Fault(
                path=("station", index, "controller"),
                problem=f"is true, and station '{station.id}' has {len(station.evse)} EVSEs",
                remedy="give a controller one [[station.evse]] that stands for its whole site",
            )
        elif station.evse[0].supply is not Supply.AC or station.evse[0].switches_phases:
            yield Fault(
                path=("station", index, "controller"),
                problem="is true, and its EVSE is a DC one or switches phases",
                remedy="leave supply and switches_phases out: they are of its own stations",
            )


def circuits_exist(draft: Draft) -> Iterator[Fault]:
    """Each station hangs on a circuit of the file."""
    ids = [circuit.id for circuit in draft.circuits]
    if not draft.ids_sound("circuit"):
        return
    for index, station in enumerate(draft.file.station):
        if station.circuit not in ids:
            yield Fault(
                path=("station", index, "circuit"),
                problem=f"is '{station.circuit}', and there is no such circuit",
                remedy=one_of(ids, station.circuit, kind="circuits are", none="add a [[circuit]]"),
            )


def classes_exist(draft: Draft) -> Iterator[Fault]:
    """Each station's class is one of the file."""
    ids = [element.id for element in draft.file.class_]
    if not draft.ids_sound("class"):
        return
    for index, station in enumerate(draft.file.station):
        if station.class_ is not None and station.class_ not in ids:
            yield Fault(
                path=("station", index, "class"),
                problem=f"is '{station.class_}', and there is no such class",
                remedy=one_of(ids, station.class_, kind="classes are", none="add a [[class]] or leave the key out"),
            )


_KEYS = {Supply.AC: ("min_a", "max_a", "fallback_a"), Supply.DC: ("min_w", "max_w", "fallback_w")}
_UNITS = {Supply.AC: "A", Supply.DC: "W"}


def rated(draft: Draft) -> Iterator[Fault]:
    """Each EVSE has its maximum, AC in A and DC in W, and nothing in the other's unit."""
    for path, _station, evse in draft.evses():
        if not draft.sound(*path, "supply"):
            continue
        other = Supply.DC if evse.supply is Supply.AC else Supply.AC
        for key, wrong in zip(_KEYS[evse.supply], _KEYS[other], strict=True):
            if getattr(evse, wrong) is not None:
                yield Fault(
                    path=(*path, wrong),
                    problem=f'is given, but supply = "{evse.supply}" is limited in {_UNITS[evse.supply]}',
                    remedy=f'give {key}, or supply = "{other}"',
                )
        most = _KEYS[evse.supply][1]
        if getattr(evse, most) is None and draft.sound(*path, most):
            example = 32 if evse.supply is Supply.AC else 150000
            yield Fault(
                path=(*path, most),
                problem="is missing",
                remedy=f"give the EVSE's rated value in {_UNITS[evse.supply]}, for example {most} = {example}",
            )


def currents_in_order(draft: Draft) -> Iterator[Fault]:
    """Minimum and fallback are at most the maximum."""
    for path, _station, evse in draft.evses():
        least_key, most_key, safe_key = _KEYS[evse.supply]
        most = getattr(evse, most_key)
        if most is None or not draft.sound(*path, most_key):
            continue
        least, safe = _least(evse), getattr(evse, safe_key)
        if least > most:
            yield Fault(
                path=(*path, least_key),
                problem=f"is {least:g}, above {most_key}, which is {most:g}",
                remedy=f"give at most {most:g}, or the EVSE's true {most_key}",
            )
        if safe is not None and safe > most:
            yield Fault(
                path=(*path, safe_key),
                problem=f"is {safe:g}, above {most_key}, which is {most:g}",
                remedy=f"give at most {most:g}",
            )


def minimum_can_charge(draft: Draft) -> Iterator[Fault]:
    """The pilot signal can't ask for less than 6 A: a limit below it stops the car, whatever the file says."""
    for path, _station, evse in draft.evses():
        if evse.min_a is not None and evse.min_a < PILOT_MIN_A and draft.sound(*path, "max_a"):
            yield Fault(
                severity=Severity.NOTE,
                path=(*path, "min_a"),
                problem=f"is {evse.min_a:g}: below {PILOT_MIN_A:g} A no car charges (IEC 61851-1), so that a share "
                "under it is given away for nothing",
                remedy=f"give at least {PILOT_MIN_A:g}",
            )


def fallback_can_charge(draft: Draft) -> Iterator[Fault]:
    """A fallback is 0 or enough to charge with."""
    for path, _station, evse in draft.evses():
        least_key, _most_key, safe_key = _KEYS[evse.supply]
        least, safe = _least(evse), getattr(evse, safe_key)
        if safe is None or not 0 < safe < least or not draft.sound(*path, least_key):
            continue
        yield Fault(
            path=(*path, safe_key),
            problem=f"is {safe:g}, with which no car charges: {least_key} is {least:g}",
            remedy=f"give 0 (no charging without the controller) or at least {least:g}",
        )


def _least(evse: EvseTable) -> float:
    """The minimum in the EVSE's own unit."""
    if evse.supply is Supply.DC:
        return DEFAULT_MIN_W if evse.min_w is None else evse.min_w
    return PILOT_MIN_A if evse.min_a is None else evse.min_a


def switching_possible(draft: Draft) -> Iterator[Fault]:
    """Only an AC EVSE with more than one phase can be told to use one."""
    for path, _station, evse in draft.evses():
        if not evse.switches_phases or (evse.supply is Supply.AC and len(evse.phases) > 1):
            continue
        why = "a DC EVSE" if evse.supply is Supply.DC else "an EVSE with one phase"
        yield Fault(
            path=(*path, "switches_phases"),
            problem=f"is true, but {why} has nothing to switch",
            remedy="leave it out",
        )


def steps_writable(draft: Draft) -> Iterator[Fault]:
    """OCPP carries limits with one decimal: finer or other steps can't be told."""
    for path, _station, evse in draft.evses():
        tenths = evse.step_a * 10
        if abs(tenths - round(tenths)) > 1e-9 or round(tenths) < 1:
            yield Fault(
                path=(*path, "step_a"),
                problem=f"is {evse.step_a:g}, and limits are told in tenths of an ampere",
                remedy="give a multiple of 0.1",
            )


def step_between_bounds(draft: Draft) -> Iterator[Fault]:
    """Some whole step lies between minimum and maximum: else the EVSE never charges."""
    for path, _station, evse in draft.evses():
        ratings = Ratings.of(evse, draft.file.site.nominal_voltage_v)
        if not 0 < ratings.min_a <= ratings.max_a or not draft.sound(*path):
            continue
        if ratings.least_a(evse.step_a) > ratings.max_a + EQUAL_A:
            is_dc = evse.supply is Supply.DC
            yield Fault(
                severity=Severity.NOTE,
                path=(*path, "step_a"),
                problem=f"is {evse.step_a:g}: no multiple of it lies between the least ({ratings.min_a:g} A) and the "
                f"most ({ratings.max_a:g} A) that this EVSE can give, so that it never charges",
                remedy="give a lower min_w: a DC EVSE's power is told in steps of that on each of its phases"
                if is_dc
                else "give the step in which the station takes its limit: 0.1, or 1 where it cuts off the decimals",
            )


def balance_lets_start(draft: Draft) -> Iterator[Fault]:
    """Beside phases that carry the same, a car on one phase can start."""
    limit_a, voltage_v = draft.file.site.imbalance_limit_a, draft.file.site.nominal_voltage_v
    evses = [evse for path, _, evse in draft.evses() if evse.supply is Supply.AC and draft.sound(*path)]
    if limit_a is None or not evses or not draft.sound("site"):
        return
    least_a = min(Ratings.of(evse, voltage_v).least_a(evse.step_a) for evse in evses)
    if limit_a < least_a - EQUAL_A:
        yield Fault(
            severity=Severity.NOTE,
            path=("site", "imbalance_limit_a"),
            problem=f"is {limit_a:g}, below the {least_a:g} A that the least of the EVSEs begins with: a car on one "
            "phase can't start unless the other phases carry more already",
            remedy="give the limit of the grid code, for example 20",
        )


def phases_distinct(draft: Draft) -> Iterator[Fault]:
    """No two conductors of an EVSE are on one phase."""
    for path, _station, evse in draft.evses():
        if len(set(evse.phases)) < len(evse.phases):
            yield Fault(
                path=(*path, "phases"),
                problem=f"names a phase twice: {', '.join(evse.phases)}",
                remedy='give each phase once, in the order of the EVSE\'s own conductors: ["L2", "L3", "L1"]',
            )
