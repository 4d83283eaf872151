"""Weekly hours in which a circuit may carry less."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from edge.bms.calendar import Change, Hours
from edge.chance import Chance, SystemChance
from edge.clock import Clock
from edge.domain.limit import LimitSource, LimitStated
from edge.units import Amps, Seconds, Watts


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Hours):
    """A limit at some hours."""

    limit_a: Amps | None = None
    limit_w: Watts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The lowest of what rules allow; None: no limit."""

    limit_a: Amps | None
    limit_w: Watts | None

    @classmethod
    def by(cls, rules: Sequence[Rule]) -> "Allowed":
        return cls(
            limit_a=min((rule.limit_a for rule in rules if rule.limit_a is not None), default=None),
            limit_w=min((rule.limit_w for rule in rules if rule.limit_w is not None), default=None),
        )


class Schedule:
    """The rules of one circuit. Implements :class:`edge.bms.watches.Watch`.

    While the wall clock isn't to be believed all of them hold: what isn't known is taken for the worse. What outsiders
    and fuses limit doesn't come through here, and is never delayed.
    """

    def __init__(
        self,
        circuit: str,
        rules: Sequence[Rule],
        timezone: str,
        *,
        random_delay_s: Seconds | None = None,
        chance: Chance | None = None,
    ) -> None:
        self._circuit = circuit
        self._rules = tuple(rules)
        self._timezone = ZoneInfo(timezone)
        self._change: Change[Allowed] = Change(random_delay_s, chance if chance is not None else SystemChance())

    def allowed(self, clock: Clock) -> Allowed:
        """What the rules allow now."""
        if not clock.wall_is_trusted():
            return Allowed.by(self._rules)
        local = clock.wall().astimezone(self._timezone)
        return Allowed.by([rule for rule in self._rules if rule.holds(local)])

    def observe(self, report: Mapping[str, Any], clock: Clock) -> LimitStated | None:  # noqa: ARG002 - a watch's
        allowed = self.allowed(clock)
        if not self._change.is_due(allowed, clock):
            return None
        return LimitStated(
            source=LimitSource.SCHEDULE,
            circuit=self._circuit,
            at=clock.monotonic(),
            limit_a=allowed.limit_a,
            limit_w=allowed.limit_w,
        )
