"""What the network between two machines is like."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

RETRANSMIT_S: Final = 0.2  # Linux' least retransmission timeout; doubled with each loss of the same segment
MOST_RETRIES: Final = 6  # of one segment: 0.2 s doubled six times is 12.6 s, by then any link of this model is through
TCP_GIVES_UP_S: Final = 924.6  # Linux' tcp_retries2 = 15: so long unacknowledged data keeps a connection alive


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """``delay_s`` and up to ``jitter_s`` more for each segment; ``loss`` is the share of segments that have to be sent
    again. A ``partitioned`` link carries nothing; TCP holds the data until it is whole again.
    """

    delay_s: float
    jitter_s: float = 0.0
    loss: float = 0.0
    partitioned: bool = False

    def travel_s(self, rng: random.Random) -> float:
        """How long one segment takes, its retransmissions included."""
        taken_s = self.delay_s + (self.jitter_s * rng.random() if self.jitter_s else 0.0)
        if self.loss:
            for attempt in range(MOST_RETRIES):
                if rng.random() >= self.loss:
                    break
                taken_s += RETRANSMIT_S * math.pow(2.0, attempt)
        return taken_s


LAN: Final = Conditions(delay_s=0.002, jitter_s=0.001)
UPLINK: Final = Conditions(delay_s=0.030, jitter_s=0.020)  # a mobile router on a good day
LOCAL: Final = Conditions(delay_s=0.0001)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Which conditions hold between two machines where nothing else is said: those of the machine that has some."""

    by_node: Mapping[str, Conditions]
    otherwise: Conditions = LAN

    def between(self, one: str, other: str) -> Conditions:
        return self.by_node.get(one) or self.by_node.get(other) or self.otherwise
