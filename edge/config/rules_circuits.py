"""Rules of the circuits: a tree of fuses, its meters, and the proof that the safe currents fit."""

from collections import defaultdict
from collections.abc import Iterator

from edge.config.draft import Draft
from edge.config.faults import Fault, one_of
from edge.domain.site import Mode
from edge.errors import Severity
from edge.units import PHASES, Amps, Phase

_TABLES_WITH_IDS = (("circuit", "circuit"), ("meter", "meter"), ("class_", "class"))
# Sums of currents from a file are exact to far less than this; a finer difference comes from the arithmetic.
_EQUAL_A = 1e-6


def unique_ids(draft: Draft) -> Iterator[Fault]:
    """No two circuits, meters or classes have one id."""
    for attribute, table in _TABLES_WITH_IDS:
        first: dict[str, int] = {}
        for index, element in enumerate(getattr(draft.file, attribute)):
            if element.id in first:
                yield Fault(
                    path=(table, index, "id"),
                    problem=f"is '{element.id}', which the {table} in "
                    f"{draft.where(table, first[element.id], 'id')} has already",
                    remedy="give each its own id",
                )
            first.setdefault(element.id, index)


def one_grid_connection(draft: Draft) -> Iterator[Fault]:
    """Only one circuit has no parent. (None at all is a cycle or a missing parent, and is named as such.)"""
    roots = [index for index, circuit in enumerate(draft.circuits) if circuit.parent is None]
    for index in roots[1:]:
        if not draft.sound("circuit", roots[0], "parent"):
            return
        yield Fault(
            path=("circuit", index, "parent"),
            problem=f"is missing, as it is of '{draft.circuits[roots[0]].id}': only the grid connection has no parent",
            remedy=f"give the id of the circuit that feeds it, for example '{draft.circuits[roots[0]].id}'",
        )


def parents_exist(draft: Draft) -> Iterator[Fault]:
    """Each parent is a circuit of the file."""
    ids = [circuit.id for circuit in draft.circuits]
    if not draft.ids_sound("circuit"):
        return
    for index, circuit in enumerate(draft.circuits):
        if circuit.parent is not None and circuit.parent not in ids:
            others = [name for name in ids if name != circuit.id]
            yield Fault(
                path=("circuit", index, "parent"),
                problem=f"is '{circuit.parent}', and there is no such circuit",
                remedy=one_of(
                    others,
                    circuit.parent,
                    kind="circuits are",
                    none="leave it out: a single circuit is the grid connection",
                ),
            )


def no_cycle(draft: Draft) -> Iterator[Fault]:
    """No circuit feeds itself. Each cycle is named once, at its first circuit in the file."""
    parents = {circuit.id: circuit.parent for circuit in draft.circuits}
    told: set[str] = set()
    for index, circuit in enumerate(draft.circuits):
        path = draft.path_up(circuit.id)
        if parents[path[-1]] != circuit.id or circuit.id in told:
            continue
        told.update(path)
        yield Fault(
            path=("circuit", index, "parent"),
            problem=f"closes a cycle: {' -> '.join([*path, circuit.id])}",
            remedy="give each circuit the one that feeds it, and the grid connection no parent",
        )


def margin_below_fuse(draft: Draft) -> Iterator[Fault]:
    """Something is left of the fuse under its margin."""
    for index, circuit in enumerate(draft.circuits):
        if circuit.margin_a >= circuit.fuse_a and draft.sound("circuit", index, "fuse_a"):
            yield Fault(
                path=("circuit", index, "margin_a"),
                problem=f"is {circuit.margin_a:g}, which leaves nothing of the fuse of {circuit.fuse_a:g} A",
                remedy=f"give less than {circuit.fuse_a:g}",
            )


def child_fuse_not_above_parent(draft: Draft) -> Iterator[Fault]:
    """A fuse larger than the one before it never blows first: allowed, but often a slip."""
    by_id = {circuit.id: (index, circuit) for index, circuit in enumerate(draft.circuits)}
    for index, circuit in enumerate(draft.circuits):
        above, parent = by_id.get(circuit.parent or "", (None, None))
        if parent is None or circuit.fuse_a <= parent.fuse_a or circuit.id in draft.path_up(parent.id):
            continue
        if not draft.sound("circuit", above or 0, "fuse_a"):
            continue
        yield Fault(
            severity=Severity.NOTE,
            path=("circuit", index, "fuse_a"),
            problem=f"is {circuit.fuse_a:g} A, more than the {parent.fuse_a:g} A of '{parent.id}' which feeds it",
            remedy=f"it is planned with, but '{parent.id}' is full before it",
        )


def meters_exist(draft: Draft) -> Iterator[Fault]:
    """Each circuit's meter is one of the file."""
    ids = [meter.id for meter in draft.file.meter]
    for index, circuit in enumerate(draft.circuits):
        if circuit.meter is not None and circuit.meter not in ids and draft.ids_sound("meter"):
            yield Fault(
                path=("circuit", index, "meter"),
                problem=f"is '{circuit.meter}', and there is no such meter",
                remedy=one_of(ids, circuit.meter, kind="meters are", none="add a [[meter]] or leave the key out"),
            )


def meter_used_once(draft: Draft) -> Iterator[Fault]:
    """One meter measures one circuit; a meter that measures none is told."""
    users: dict[str, int] = {}
    for index, circuit in enumerate(draft.circuits):
        if circuit.meter is None:
            continue
        if circuit.meter in users:
            yield Fault(
                path=("circuit", index, "meter"),
                problem=f"is '{circuit.meter}', which measures '{draft.circuits[users[circuit.meter]].id}' already",
                remedy="a meter stands in one circuit: name another or leave the key out",
            )
        users.setdefault(circuit.meter, index)
    for index, meter in enumerate(draft.file.meter):
        references_sound = all(draft.sound("circuit", at, "meter") for at in range(len(draft.circuits)))
        if meter.id not in users and references_sound:
            yield Fault(
                severity=Severity.NOTE,
                path=("meter", index, "id"),
                problem=f"is '{meter.id}', which no circuit names: it is read, but limits nothing",
                remedy=f'write meter = "{meter.id}" in the circuit that it measures',
            )


def building_load_known(draft: Draft) -> Iterator[Fault]:
    """Without a meter or a reserve at the grid connection, the building counts as drawing nothing."""
    if draft.file.control.mode is Mode.OBSERVE:
        return
    for index, circuit in enumerate(draft.circuits):
        if circuit.parent is None and circuit.meter is None and circuit.background_reserve_a is None:
            yield Fault(
                severity=Severity.NOTE,
                path=("circuit", index, "meter"),
                problem=f"is missing, and so is background_reserve_a: all {circuit.fuse_a - circuit.margin_a:g} A "
                "go to the chargers, as if the building drew nothing",
                remedy="name its meter, or give background_reserve_a, unless nothing else is connected",
            )


def safe_currents_fit(draft: Draft) -> Iterator[Fault]:
    """The proof that the site is safe when no charger hears the controller.

    On each circuit and phase, the sum of the fallback currents below it is at most the rating less the background
    reserve.
    """
    sums_a: dict[str, dict[Phase, Amps]] = defaultdict(lambda: dict.fromkeys(PHASES, 0.0))
    for path, station, evse in draft.evses():
        keys = (("circuit",), *((*path[2:], key) for key in ("phases", "min_a", "fallback_a")))
        if not all(draft.sound(*path[:2], *key) for key in keys):
            continue
        for circuit_id in draft.path_up(station.circuit):
            for phase in set(evse.phases):
                sums_a[circuit_id][phase] += evse.safe_a
    for index, circuit in enumerate(draft.circuits):
        if not all(draft.sound("circuit", index, key) for key in ("margin_a", "background_reserve_a", "id")):
            continue
        reserve_a = circuit.background_reserve_a or 0.0
        room_a = circuit.fuse_a - circuit.margin_a - reserve_a
        over = {phase: sum_a for phase, sum_a in sums_a[circuit.id].items() if sum_a > room_a + _EQUAL_A}
        if not over or circuit.margin_a >= circuit.fuse_a:
            continue
        named = " and ".join(f"{sum_a:g} A on {phase}" for phase, sum_a in over.items())
        yield Fault(
            path=("circuit", index, "fuse_a"),
            problem=f"has no room for the fallback currents below it: they come to {named}, the room is "
            f"{max(room_a, 0.0):g} A (fuse {circuit.fuse_a:g} - margin {circuit.margin_a:g} - "
            f"background reserve {reserve_a:g})",
            remedy=f"lower fallback_a of its EVSEs (0 = no charging without the controller) until at most "
            f"{max(room_a, 0.0):g} A are on each phase",
        )
