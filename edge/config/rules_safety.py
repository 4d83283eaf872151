"""The proof that the site is safe when no charger hears the controller, and that what must not fall to 0 fits."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from edge.config.draft import Draft
from edge.config.faults import Fault
from edge.config.ratings import EQUAL_A, Ratings
from edge.config.schema_site import CircuitTable
from edge.config.schema_station import EvseTable
from edge.units import PHASES, Amps, Phase, PhaseAmps, Watts, watts

_KEYS = ("phases", "supply", "min_a", "fallback_a", "min_w", "fallback_w")


def safe_currents_fit(draft: Draft) -> Iterator[Fault]:
    """On each circuit and phase, the sum of the fallback currents below it is at most the rating less the background
    reserve."""
    for path, circuit, over, room_a in _short_of_current(draft, _safe_a):
        reserve_a, rating_a = circuit.background_reserve_a or 0.0, circuit.fuse_a - circuit.margin_a
        if reserve_a > rating_a + EQUAL_A:
            yield Fault(
                path=(*path[:-1], "background_reserve_a"),
                problem=f"is {reserve_a:g} A, above the {rating_a:g} A that can be planned with "
                f"(fuse {circuit.fuse_a:g} - margin {circuit.margin_a:g}): nothing is left for the EVSEs",
                remedy="give the worst load per phase besides the EVSEs, or the fuse that carries it",
            )
            continue
        yield Fault(
            path=path,
            problem=f"has no room for the fallback currents below it: they come to {_named(over)}, the room is "
            f"{room_a:g} A (fuse {circuit.fuse_a:g} - margin {circuit.margin_a:g} - "
            f"background reserve {circuit.background_reserve_a or 0.0:g})",
            remedy=f"lower fallback_a of its EVSEs (0 = no charging without the controller) until at most "
            f"{room_a:g} A are on each phase",
        )


def safe_power_fits(draft: Draft) -> Iterator[Fault]:
    """The same for a circuit's total power."""
    for path, circuit, needed_w, room_w, reserve_w in _short_of_power(draft, _safe_a):
        yield Fault(
            path=path,
            problem=f"has no room for the fallback currents below it: they come to {needed_w:g} W, the room is "
            f"{room_w:g} W (limit {circuit.limit_w:g} - background reserve {reserve_w:g})",
            remedy="lower fallback_a of its EVSEs (0 = no charging without the controller)",
        )


def floors_fit(draft: Draft) -> Iterator[Fault]:
    """The minima of EVSEs whose cars must not fall to 0 fit together, beside the building's worst load."""
    short = [
        *(
            (path, _named(kept), f"{room_a:g} A")
            for path, _, over, room_a in _short_of_current(draft, _floor_a)
            # Where there is no such EVSE, a reserve above the fuse is the other proof's to tell.
            if (kept := {phase: sum_a for phase, sum_a in over.items() if sum_a > EQUAL_A})
        ),
        *(
            (path, f"{needed_w:g} W", f"{room_w:g} W")
            for path, _, needed_w, room_w, _ in _short_of_power(draft, _floor_a)
        ),
    ]
    for path, needed, room in short:
        yield Fault(
            path=path,
            problem=f"has no room for the minima of the EVSEs with never_zero below it: they come to {needed}, "
            f"the room is {room}",
            remedy="leave never_zero out where the cars do wake from 0 A",
        )


def _safe_a(_evse: EvseTable, ratings: Ratings) -> Amps:
    return ratings.fallback_a


def _floor_a(evse: EvseTable, ratings: Ratings) -> Amps:
    if not evse.never_zero:
        return 0.0
    return ratings.least_a(evse.step_a)


Amount: TypeAlias = Callable[[EvseTable, Ratings], Amps]
Path: TypeAlias = tuple[str | int, ...]


def _sums(draft: Draft, amount: Amount) -> Iterator[tuple[Path, CircuitTable, Mapping[Phase, Amps]]]:
    """Each sound circuit with its place in the file, and what the EVSEs below it come to on each phase."""
    voltage_v = draft.file.site.nominal_voltage_v
    sums_a: dict[str, dict[Phase, Amps]] = defaultdict(lambda: dict.fromkeys(PHASES, 0.0))
    for path, station, evse in draft.evses():
        if not all(draft.sound(*path[:2], *key) for key in (("circuit",), *((*path[2:], key) for key in _KEYS))):
            continue
        for circuit_id in draft.path_up(station.circuit):
            for phase in set(evse.phases):
                sums_a[circuit_id][phase] += amount(evse, Ratings.of(evse, voltage_v))
    for index, circuit in enumerate(draft.circuits):
        sound = all(draft.sound("circuit", index, key) for key in ("margin_a", "background_reserve_a", "id"))
        if sound and circuit.margin_a < circuit.fuse_a:
            yield ("circuit", index), circuit, sums_a[circuit.id]


def _short_of_current(draft: Draft, amount: Amount) -> Iterator[tuple[Path, CircuitTable, Mapping[Phase, Amps], Amps]]:
    """Where the EVSEs come to more than a fuse leaves them: on which phases to how much, and what it leaves."""
    for path, circuit, sums_a in _sums(draft, amount):
        room_a = circuit.fuse_a - circuit.margin_a - (circuit.background_reserve_a or 0.0)
        over = {phase: sum_a for phase, sum_a in sums_a.items() if sum_a > room_a + EQUAL_A}
        if over:
            yield (*path, "fuse_a"), circuit, over, max(room_a, 0.0)


def _short_of_power(draft: Draft, amount: Amount) -> Iterator[tuple[Path, CircuitTable, Watts, Watts, Watts]]:
    """Where they come to more than a circuit's power: how much, what it leaves, and what is reserved."""
    voltage_v = draft.file.site.nominal_voltage_v
    for path, circuit, sums_a in _sums(draft, amount):
        if circuit.limit_w is None or not draft.sound(*path, "limit_w"):
            continue
        reserve_w = watts(PhaseAmps.same(circuit.background_reserve_a or 0.0), voltage_v)
        needed_w, room_w = watts(PhaseAmps(*sums_a.values()), voltage_v), max(circuit.limit_w - reserve_w, 0.0)
        if needed_w > room_w + EQUAL_A * voltage_v:
            yield (*path, "limit_w"), circuit, needed_w, room_w, reserve_w


def _named(over: Mapping[Phase, Amps]) -> str:
    return " and ".join(f"{sum_a:g} A on {phase}" for phase, sum_a in over.items())
