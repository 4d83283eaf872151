"""What a run of the demo came to, from the simulated meter and chargers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.phases import Amps3


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """The figures of a run; only the two counts of ticks are the gateway's own.

    `profiles_sent` is what the chargers have received. `utilisation` is defined in Tally; None if no car was
    ever held back.
    """

    ticks: int
    missed_ticks: int
    max_current_a: Mapping[str, Amps3]
    seconds_over_rating: float
    breaker_tripped: bool
    energy_wh: float
    profiles_sent: int
    transactions_started: int
    transactions_confirmed_by_cloud: int
    utilisation: float | None

    def as_json(self) -> dict[str, Any]:
        """The result object, rounded to what is meant."""
        return {
            "ticks": self.ticks,
            "missed_ticks": self.missed_ticks,
            "max_current_a": rounded_currents(self.max_current_a),
            "seconds_over_rating": round(self.seconds_over_rating, 2),
            "breaker_tripped": self.breaker_tripped,
            "energy_wh": round(self.energy_wh, 1),
            "profiles_sent": self.profiles_sent,
            "transactions_started": self.transactions_started,
            "transactions_confirmed_by_cloud": self.transactions_confirmed_by_cloud,
            "utilisation": None if self.utilisation is None else round(self.utilisation, 4),
        }


def rounded_currents(currents_a: Mapping[str, Amps3]) -> dict[str, list[float]]:
    """Currents by circuit, to a hundredth of an ampere."""
    return {circuit: [round(amps, 2) for amps in each] for circuit, each in currents_a.items()}
