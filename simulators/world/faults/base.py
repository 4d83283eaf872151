"""What a fault is: a row of the catalogue as code, with what must come of it."""

import random
from collections.abc import Mapping
from typing import ClassVar, Final

from simulators.world.meters import node_of
from simulators.world.parking import Stay
from simulators.world.scenario import FaultSpec, WorldScenario
from simulators.world.station import WorldStation
from simulators.world.watch import Ear
from simulators.world.world import World

NOT_JUDGED: Final = float("inf")
TAIL_S: Final = 180.0  # after its end what it has caused may still be about: a lease and its slack
LEASE_S: Final = 330.0  # what a station that can't be told draws by itself: two leases, a period, and 5 s of the car
# Of a gateway that can't tell stations their limits for a while.
UNTOLD: Final = {"rating": LEASE_S, "entitlement": LEASE_S, "stuck": NOT_JUDGED}


class Fault(Ear):
    """`row` and `outcome` are the catalogue's; `how` says in a sentence how it is made. `grace` says which oracles have
    to be more patient for its sake, and by how much; an oracle that isn't named judges as ever.
    """

    number: ClassVar[int]
    row: ClassVar[str]
    outcome: ClassVar[str]
    how: ClassVar[str]
    grace: ClassVar[Mapping[str, float]] = {}
    tail_s: ClassVar[float] = TAIL_S
    aftermath_s: ClassVar[float] = 0.0  # how long after its end what has come of it is judged
    says: ClassVar[tuple[str, ...]] = ()  # what the gateway logs as an error, and has to, for its sake

    def __init__(self, world: World, spec: FaultSpec, rng: random.Random) -> None:
        self.world = world
        self.spec = spec
        self.rng = rng
        self.failure: str | None = None  # why the outcome wasn't what it must be
        self.began_at: float | None = None
        self.ended_at: float | None = None

    @classmethod
    def fitted(cls, scenario: WorldScenario, spec: FaultSpec) -> WorldScenario:
        """The scenario with what must be there for it; made once, however often it comes."""
        del spec
        return scenario

    @classmethod
    def suits(cls, world: World) -> bool:
        """Whether the site has what can fail so."""
        del world
        return True

    async def run(self) -> None:
        """From the beginning to the end."""
        await self.world.until(self.spec.at_s)
        self.began_at = self.world.now()
        self.world.history.add("fault", f"{self.number} begins: {self.row}")
        await self.begin()
        await self.last()
        self.failure = self.judge()
        await self.end()
        self.ended_at = self.world.now()
        self.world.history.add("fault", f"{self.number} ends")
        if self.aftermath_s:
            await self.world.until(self.ended_at + self.aftermath_s)
            await self.come_right()
            self.failure = self.failure or self.judge_after()
        await self.settle()

    async def begin(self) -> None:
        """Make it so."""
        raise NotImplementedError

    async def last(self) -> None:
        """As long as it is under way."""
        await self.world.until(self.spec.at_s + self.spec.for_s)

    async def end(self) -> None:
        """All is as it was."""

    def judge(self) -> str | None:
        """Just before its end: why the outcome isn't what it must be; None: it is, or the oracles judge it alone."""
        return None

    async def come_right(self) -> None:
        """Wait on for what takes longer on a large site, before what has come of it is judged."""

    def judge_after(self) -> str | None:
        """The same when `aftermath_s` have passed since its end."""
        return None

    async def settle(self) -> None:
        """What is left of it goes, too."""

    @property
    def is_alone(self) -> bool:
        """Whether nothing else is wrong with the site: what comes of it is due to it alone."""
        now = self.world.now()
        return not any(each.matters(now) for each in self.world.faults if each is not self)

    @property
    def is_under_way(self) -> bool:
        return self.began_at is not None and self.ended_at is None

    def matters(self, now: float) -> bool:
        """Whether it is under way, or was a moment ago."""
        if self.began_at is None or now < self.began_at:
            return False
        return self.ended_at is None or now < self.ended_at + self.tail_s

    def may_say(self, now: float) -> bool:
        """Whether what the gateway `says` may be for its sake."""
        return self.matters(now)

    def grace_s(self, oracle: str) -> float:
        """How much longer that oracle has to be patient for its sake."""
        return self.grace.get(oracle, 0.0)

    def hides_limit(self, _station: str) -> bool:
        """Whether nobody but that station knows which limit it holds."""
        return False

    def unbinds(self, _station: str) -> bool:
        """Whether no limit binds that station."""
        return False

    async def cloud_returns(self) -> None:
        """The cloud is back."""
        await self.world.cloud.come_again()
        self.refused_begin_anew()

    def refused_begin_anew(self) -> None:
        """Who was let in by the post alone, and refused when nobody could be asked, plugs in once more."""
        for (station, evse), stay in list(self.world.parking.here.items()):
            if stay.may_charge and self.world.stations[station].has_ended(evse):
                self.world.parking.plug_again(stay)

    def station(self) -> WorldStation:
        """The one that it is about: the named one, or any."""
        names = list(self.world.stations)
        name = self.spec.target if self.spec.target in self.world.stations else self.rng.choice(names)
        return self.world.stations[name]

    def stay(self) -> Stay | None:
        """A car that is there, at the named station or at any; None where nobody is."""
        here = [stay for stay in self.world.parking.here.values() if stay.may_charge]
        named = [stay for stay in here if stay.evse.station == self.spec.target]
        return self.rng.choice(named or here) if here else None

    def meter(self) -> str:
        """The same of the meters."""
        ids = self.world.meters.ids
        return self.spec.target if self.spec.target in ids and self.spec.target is not None else self.rng.choice(ids)

    def meter_node(self) -> str:
        """Its machine."""
        return node_of(self.meter())
