"""Rules of the circuits: a tree of fuses and its meters."""

from collections.abc import Iterator

from edge.config.draft import Draft
from edge.config.faults import Fault, one_of
from edge.domain.site import Mode
from edge.errors import Severity

_TABLES_WITH_IDS = (("circuit", "circuit"), ("meter", "meter"), ("class_", "class"))


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
        if meter.id not in users and meter.id != draft.file.surplus.battery_meter and references_sound:
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
        rated = all(draft.sound("circuit", index, key) for key in ("fuse_a", "margin_a"))
        if rated and circuit.parent is None and circuit.meter is None and circuit.background_reserve_a is None:
            yield Fault(
                severity=Severity.NOTE,
                path=("circuit", index, "meter"),
                problem=f"is missing, and so is background_reserve_a: all {circuit.fuse_a - circuit.margin_a:g} A "
                "go to the chargers, as if the building drew nothing",
                remedy="name its meter, or give background_reserve_a, unless nothing else is connected",
            )


def reserve_known(draft: Draft) -> Iterator[Fault]:
    """The meter shows what the building draws now; the proof of the safe currents needs the most that it ever draws."""
    for index, circuit in enumerate(draft.circuits):
        if circuit.parent is None and circuit.meter is not None and circuit.background_reserve_a is None:
            yield Fault(
                severity=Severity.NOTE,
                path=("circuit", index, "background_reserve_a"),
                problem="is missing: the proof that the safe currents fit takes the building's load as 0 A",
                remedy="give the building's worst load per phase besides the EVSEs, or 0 if nothing else is connected",
            )
