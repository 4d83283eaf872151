"""Whose turn it is: where the minima of a circuit don't all fit, whoever waits takes over from whoever has charged."""

from typing import Final

from edge.domain.site import Evse
from edge.units import PHASES
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.books import evses_said
from simulators.world.parking import Stay
from simulators.world.world import World

# By these the gateway says: there is no room for this car's minimum. Others hold it back for its own sake.
WAITS: Final = frozenset({"WAITING_FOR_TURN", "WAITING_FOR_ROOM"})
CHANGE_S: Final = 300.0  # a car stops, its room is seen to be free, and one that rested for a minute begins
TURNS_OF_OTHERS: Final = 2  # that one may begin while another waits for its first: one was about to begin
# A car that has paused by itself can't show that it would go on: it is offered its minimum once a turn, and waits for
# that as long as for a turn.
MORE_TURNS: Final = 1


class TurnsChange(Oracle):
    """A car that waits for room takes the place of one that has charged for a turn in a place that it fits: on the same
    circuit, of no higher class, on no fewer phases. And nobody has two turns while it has none.
    """

    name = "turns"
    promise = "whoever waits for room takes over from whoever has charged for a turn"
    every_s = 20.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        control = world.configuration.site.control
        self._turn_s = control.turn_s
        self._evses = {(evse.key.station, evse.key.evse): evse for evse in world.configuration.site.evses}
        self._waits: dict[int, dict[int, tuple[float, int]]] = {}  # by stay: by the other, since when, and its starts
        self._starts_of_gateway = 0
        self._told: set[int] = set()

    def look(self) -> None:
        here = self.world.parking.here
        held_back = {key: stay for key, stay in here.items() if self._is_held_back(stay)}
        if not held_back:  # nearly always: the gateway needn't be asked
            self._waits.clear()
            return
        status = self.world.gateway.site_report()
        if status is None or self.world.gateway.starts != self._starts_of_gateway:
            self._starts_of_gateway = self.world.gateway.starts  # it begins to count anew
            self._waits.clear()
            return
        said = evses_said(status)
        waiting = {id(stay): stay for key, stay in held_back.items() if said.get(key, {}).get("reason") in WAITS}
        self._waits = {number: found for number, found in self._waits.items() if number in waiting}
        charging = [
            stay
            for key, stay in here.items()
            if stay.ev.draw_a > 0.0 and said.get(key, {}).get("limit_a") is not None and self._is_common(key)
        ]
        for stay in waiting.values():
            self._judge(stay, charging)

    def _is_held_back(self, stay: Stay) -> bool:
        """Whether its car would charge, and its post offers it too little."""
        if stay.ev.draw_a > 0.0 or stay.ev.full or stay.ev.napping or not stay.may_charge:
            return False
        return self.world.stations[stay.evse.station].offered_a(stay.evse.evse_id) < stay.ev.min_a

    def _is_common(self, key: tuple[str, int]) -> bool:
        """Whether it gives its place to others of its class."""
        evse = self._evses[key]
        return not evse.guaranteed and not evse.never_zero

    def _judge(self, stay: Stay, charging: list[Stay]) -> None:
        now, before = self.world.now(), self._waits.get(id(stay), {})
        others = [each for each in charging if self._fits(stay, each)]
        # Who has stopped in between and begun anew isn't forgotten: it has had a turn.
        found = before | {id(each): before.get(id(each), (now, each.starts)) for each in others}
        self._waits[id(stay)] = found
        more = MORE_TURNS if stay.napped else 0
        for each in others:
            since, starts = found[id(each)]
            for_s = now - since
            stood = each.starts == starts and for_s > (1 + more) * self._turn_s + CHANGE_S + self.grace_s
            again = each.starts - starts >= TURNS_OF_OTHERS + more and for_s > self._turn_s + self.grace_s
            if (stood or again) and id(stay) not in self._told:
                self._told.add(id(stay))
                how = "has had its turn for" if stood else "has begun another turn within"
                self.fail(f"{stay.label} has waited all the while that {each.label} {how} {for_s:.0f} s")

    def _fits(self, stay: Stay, other: Stay) -> bool:
        """Whether the room of another's minimum is enough for it, wherever that is taken from."""
        mine, its = self._evses[_key(stay)], self._evses[_key(other)]
        drawn_a = self.world.copper.drawn_a(_key(other))
        used = {phase for phase, amps in zip(PHASES, drawn_a, strict=True) if amps > 0.0}
        needs = set(mine.phases)
        balanced = self.world.configuration.site.imbalance_limit_a is None or used == needs
        return _before(mine, its) and mine.min_a <= its.min_a and needs <= used and balanced


def _before(mine: Evse, its: Evse) -> bool:
    """Whether it is on the same circuit, and of no lower class."""
    return mine.circuit == its.circuit and mine.rank <= its.rank and mine.supply is its.supply


def _key(stay: Stay) -> tuple[str, int]:
    return stay.evse.station, stay.evse.evse_id
