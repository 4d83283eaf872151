"""Rules of what limits a circuit beside its fuse: a limit above that is allowed, but often watts for kilowatts."""

from collections.abc import Iterator

from edge.config.draft import Draft
from edge.config.faults import Fault
from edge.config.locate import Path
from edge.config.schema_site import CircuitTable
from edge.errors import Severity
from edge.units import PhaseAmps, watts

KW = 1000.0  # watts


def limits_bind(draft: Draft) -> Iterator[Fault]:
    """A limit above all that the circuit's fuse lets through is noted."""
    if not draft.sound("site", "nominal_voltage_v"):
        return
    for path, index, circuit, value, unit_w in _limits(draft):
        if value is None or not draft.sound("circuit", index, "fuse_a"):
            continue
        fuse_a = circuit.fuse_a
        fuse_w = watts(PhaseAmps.same(fuse_a), draft.file.site.nominal_voltage_v)
        most, unit = (fuse_a, "A") if unit_w is None else (fuse_w / unit_w, "kW" if unit_w == KW else "W")
        if value > most:
            yield Fault(
                severity=Severity.NOTE,
                path=path,
                problem=f"is {value:g} {unit}, and the fuse of '{circuit.id}' ({fuse_a:g} A per phase) lets "
                f"{most:g} {unit} through: it limits nothing",
                remedy=f"give it in {unit}" + (" per phase" if unit == "A" else " over all phases"),
            )


def _limits(draft: Draft) -> Iterator[tuple[Path, int, CircuitTable, float | None, float | None]]:
    """Each limit with its path, its circuit and that one's place, and how many watts its unit has; None: it is in A."""
    by_id = {circuit.id: (index, circuit) for index, circuit in enumerate(draft.circuits)}
    root = next((circuit.id for circuit in draft.circuits if circuit.parent is None), "")
    for index, circuit in enumerate(draft.circuits):
        yield ("circuit", index, "limit_w"), index, circuit, circuit.limit_w, 1.0
        yield ("circuit", index, "demand_limit_kw"), index, circuit, circuit.demand_limit_kw, KW
    for number, rule in enumerate(draft.file.schedule):
        if rule.class_ is None and (found := by_id.get(rule.circuit or root)) is not None:
            yield ("schedule", number, "limit_a"), *found, rule.limit_a, None
            yield ("schedule", number, "limit_kw"), *found, rule.limit_kw, KW
    grid = draft.file.grid
    dimmed = by_id.get(grid.circuit or root) if grid is not None else None
    if grid is not None and dimmed is not None and "failsafe_kw" in grid.model_fields_set:
        yield ("grid", "failsafe_kw"), *dimmed, grid.failsafe_kw, KW
