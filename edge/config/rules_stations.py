"""Rules of the stations and their EVSEs."""

from collections.abc import Iterator

from edge.config.draft import Draft
from edge.config.faults import Fault, one_of


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


def currents_in_order(draft: Draft) -> Iterator[Fault]:
    """Minimum and fallback are at most the maximum."""
    for path, _station, evse in draft.evses():
        if not draft.sound(*path, "max_a"):
            continue
        if evse.min_a > evse.max_a:
            yield Fault(
                path=(*path, "min_a"),
                problem=f"is {evse.min_a:g}, above max_a, which is {evse.max_a:g}",
                remedy=f"give at most {evse.max_a:g}, or the EVSE's true max_a",
            )
        if evse.fallback_a is not None and evse.fallback_a > evse.max_a:
            yield Fault(
                path=(*path, "fallback_a"),
                problem=f"is {evse.fallback_a:g}, above max_a, which is {evse.max_a:g}",
                remedy=f"give at most {evse.max_a:g}",
            )


def fallback_can_charge(draft: Draft) -> Iterator[Fault]:
    """A fallback current is 0 or enough to charge with."""
    for path, _station, evse in draft.evses():
        if evse.fallback_a is None or not 0 < evse.fallback_a < evse.min_a or not draft.sound(*path, "min_a"):
            continue
        yield Fault(
            path=(*path, "fallback_a"),
            problem=f"is {evse.fallback_a:g}, with which no car charges: min_a is {evse.min_a:g}",
            remedy=f"give 0 (no charging without the controller) or at least {evse.min_a:g}",
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
