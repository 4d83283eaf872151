"""What a run came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulators.confirmation import lost_and_doubled
from simulators.phases import Amps3
from simulators.world.account import Account, Series
from simulators.world.oracles.base import Verdict
from simulators.world.scenario import Expectations, FaultSpec, WorldScenario, begins_s
from simulators.world.world import World

DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitResult:
    """`heat` is how far its protection was at most on the way to its trip, 1.0 being it; it began preheated."""

    id: str
    fuse_a: float
    most_a: Amps3
    over_s: float
    tripped: bool
    heat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldResult:
    """The figures of one run, read from the simulated copper, cars and cloud, never from the gateway's own belief.

    `reactions_s` are p50, p95 and the worst of the times from a circuit going over its fuse until it was back, or until
    the end of the run; None where none did. `energy_wanted_wh` is what the cars could have had in their time until then
    with nothing but their posts to limit them. `fairness` is Jain's index over delivered / wanted, by rank. `begins_h`:
    hours after midnight, on the site's clock.
    """

    scenario: str
    seed: int
    faults: tuple[FaultSpec, ...]
    begins_h: float
    hours: float
    sessions: int
    turned_away: int
    energy_wh: float
    energy_wanted_wh: float
    utilisation: float | None
    circuits: tuple[CircuitResult, ...]
    reactions_s: tuple[float, float, float] | None
    profiles_per_station_day: float
    starts_per_session: float
    stops_per_session: float
    transactions: int
    transactions_lost: int
    transactions_doubled: int
    fairness: dict[int, float]
    ticks: int
    missed_ticks: int
    verdicts: tuple[Verdict, ...]
    digest: str
    events: int
    series: Series

    @property
    def passed(self) -> bool:
        return not self.verdicts

    def as_json(self) -> dict[str, Any]:
        """One object, rounded to what is meant."""
        return {
            "scenario": self.scenario,
            "seed": self.seed,
            "passed": self.passed,
            "failures": [
                {"oracle": each.oracle, "at_s": round(each.at_s, 1), "text": each.text} for each in self.verdicts
            ],
            "faults": [each.option() for each in self.faults],
            "hours": round(self.hours, 3),
            "sessions": self.sessions,
            "turned_away": self.turned_away,
            "energy_kwh": round(self.energy_wh / 1000.0, 2),
            "energy_wanted_kwh": round(self.energy_wanted_wh / 1000.0, 2),
            "utilisation": None if self.utilisation is None else round(self.utilisation, 4),
            "circuits": [
                {
                    "id": each.id,
                    "fuse_a": each.fuse_a,
                    "most_a": [round(amps, 2) for amps in each.most_a],
                    "seconds_over_rating": round(each.over_s, 1),
                    "breaker_tripped": each.tripped,
                    "breaker_heat": round(each.heat, 3),
                }
                for each in self.circuits
            ],
            "reaction_s": None
            if self.reactions_s is None
            else dict(zip(("p50", "p95", "worst"), (round(each, 2) for each in self.reactions_s), strict=True)),
            "profiles_per_station_day": round(self.profiles_per_station_day, 1),
            "starts_per_session": round(self.starts_per_session, 2),
            "stops_per_session": round(self.stops_per_session, 2),
            "transactions": self.transactions,
            "transactions_lost": self.transactions_lost,
            "transactions_doubled": self.transactions_doubled,
            "fairness": {str(rank): round(index, 4) for rank, index in sorted(self.fairness.items())},
            "ticks": self.ticks,
            "missed_ticks": self.missed_ticks,
            "events": self.events,
            "history_sha256": self.digest,
        }


def result_of(
    world: World,
    scenario: WorldScenario,
    *,
    account: Account,
    faults: Sequence[FaultSpec],
    verdicts: Sequence[Verdict],
    ticks: tuple[int, int],
) -> WorldResult:
    """The figures of a world that has just ended; `ticks` are the gateway's own counts: done, missed."""
    stays = [stay for stay in world.parking.all() if stay.may_charge and stay.could_wh > 0]
    accounts = world.accounts()
    lost, doubled = lost_and_doubled(accounts, world.cloud.record, made_anew=world.made_anew)
    days = max(world.now() / DAY_S, 1e-9)
    profiles = sum(station.counters.profiles_received for station in world.stations.values())
    charged = [stay for stay in stays if stay.starts]
    return WorldResult(
        scenario=scenario.name,
        seed=world.seed,
        faults=tuple(faults),
        begins_h=begins_s(scenario) / 3600.0,
        hours=scenario.for_s / 3600.0,
        sessions=len(stays),
        turned_away=world.parking.turned_away,
        energy_wh=sum(stay.delivered_wh for stay in stays),
        energy_wanted_wh=sum(stay.could_wh for stay in stays),
        utilisation=account.utilisation,
        circuits=tuple(
            CircuitResult(
                id=run.id,
                fuse_a=run.fuse_a,
                most_a=(run.most_a[0], run.most_a[1], run.most_a[2]),
                over_s=run.over_s,
                tripped=run.protection.tripped,
                heat=run.protection.most_heat,
            )
            for run in world.copper.runs.values()
        ),
        reactions_s=_percentiles(
            [
                *(lasted for _, _, lasted in world.copper.overloads),
                *(world.now() - run.over_since for run in world.copper.runs.values() if run.over_since is not None),
            ]
        ),
        profiles_per_station_day=profiles / max(1, len(world.stations)) / days,
        starts_per_session=sum(stay.starts for stay in charged) / max(1, len(charged)),
        stops_per_session=sum(stay.stops for stay in charged) / max(1, len(charged)),
        transactions=len(accounts),
        transactions_lost=lost,
        transactions_doubled=doubled,
        fairness=_fairness(world),
        ticks=ticks[0],
        missed_ticks=ticks[1],
        verdicts=tuple(verdicts),
        digest=world.history.digest,
        events=world.history.events,
        series=account.series,
    )


def unmet(result: WorldResult, expect: Expectations) -> list[Verdict]:
    """What the scenario expects of its day and didn't get."""
    share = result.energy_wh / result.energy_wanted_wh if result.energy_wanted_wh else None
    p95_s = None if result.reactions_s is None else result.reactions_s[1]
    worst = min(result.fairness.values(), default=None)
    least = (
        ("utilisation", result.utilisation, expect.utilisation),
        ("energy_share", share, expect.energy_share),
        ("fairness", worst, expect.fairness),
    )
    most = (
        ("reaction_p95_s", p95_s, expect.reaction_p95_s),
        ("profiles_per_station_day", result.profiles_per_station_day, expect.profiles_per_station_day),
    )
    of_more = "" if expect.of_h is None else f" of all its {expect.of_h:g} h, of which this is a part"
    found = [
        f"{name} is {got:.3g}, and at least {wanted:g} is expected{of_more}"
        for name, got, wanted in least
        if wanted is not None and got is not None and got < wanted
    ]
    found += [
        f"{name} is {got:.3g}, and at most {wanted:g} is expected{of_more}"
        for name, got, wanted in most
        if wanted is not None and got is not None and got > wanted
    ]
    return [Verdict(oracle="expectation", at_s=result.hours * 3600.0, text=text) for text in found]


def _percentiles(values: list[float]) -> tuple[float, float, float] | None:
    if not values:
        return None
    ordered = sorted(values)
    return (
        ordered[len(ordered) // 2],
        ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        ordered[-1],
    )


def _fairness(world: World) -> dict[int, float]:
    """Jain's index of each rank with at least two cars."""
    ranks = {(evse.key.station, evse.key.evse): evse.rank for evse in world.configuration.site.evses}
    shares: dict[int, list[float]] = {}
    for stay in world.parking.all():
        if stay.may_charge and stay.could_wh > 0:
            rank = ranks[stay.evse.station, stay.evse.evse_id]
            shares.setdefault(rank, []).append(stay.delivered_wh / stay.could_wh)
    return {
        rank: sum(each) ** 2 / (len(each) * sum(share * share for share in each))
        for rank, each in shares.items()
        if len(each) > 1 and any(each)
    }
