"""What a session has taken by its EVSE's register, and what its car needs of it."""

from dataclasses import dataclass

from edge.allocation.problem import Need
from edge.domain.register import counted
from edge.domain.site import EvseKey
from edge.domain.station import NeedStated, SessionJudged
from edge.units import Seconds, WattHours


@dataclass(slots=True)
class EnergyRecord:
    """The register of one EVSE, and what somebody said that its car needs.

    It never falls: what is told of it may begin again at 0, or be 0 for a moment (:meth:`sampled`).
    """

    register_wh: WattHours | None = None  # as last sampled, and ``fallen_wh``
    fallen_wh: WattHours = 0.0  # by how much what was told has fallen since the session began
    fell_wh: WattHours = 0.0  # by how much of that the last time
    at_begin_wh: WattHours | None = None  # the register at the session's begin, else at its first sample
    at_need_wh: WattHours | None = None  # the register when the need was stated
    need: NeedStated | None = None
    need_settled: bool = False  # somebody has said what this session's car needs, or that nothing is known of it

    @property
    def taken_wh(self) -> WattHours | None:
        """What the register has counted since the session began, as far as it tells."""
        if self.register_wh is None or self.at_begin_wh is None:
            return None
        return max(self.register_wh - self.at_begin_wh, 0.0)  # before its first sample the register may be older

    def need_left(self, now: Seconds) -> Need | None:
        """What is left of the need that was stated, less what the register shows to have been delivered since."""
        need = self.need
        if need is None or need.departs_in_s is None:
            return None
        delivered_wh = 0.0
        if self.register_wh is not None and self.at_need_wh is not None:
            delivered_wh = max(self.register_wh - self.at_need_wh, 0.0)
        return Need(
            energy_wanted_wh=max(need.energy_wanted_wh - delivered_wh, 0.0),
            time_left_s=need.at + need.departs_in_s - now,
        )

    def sampled(self, register_wh: WattHours) -> None:
        """The register was read. What falls counts nothing, nor what comes back of it (:func:`counted`)."""
        if self.at_begin_wh is None or self.register_wh is None:
            self.begin(register_wh)
        else:
            rise_wh = register_wh - (self.register_wh - self.fallen_wh)
            if rise_wh < 0:
                self.fell_wh = -rise_wh
                self.fallen_wh += self.fell_wh
            elif (back_wh := rise_wh - counted(rise_wh, self.fell_wh)) > 0:
                self.fallen_wh -= back_wh
                self.fell_wh = 0.0
        self.register_wh = register_wh + self.fallen_wh
        if self.need is not None and self.at_need_wh is None:  # stated before anything was sampled
            self.at_need_wh = self.register_wh

    def begin(self, register_wh: WattHours | None) -> None:
        """A session begins at this register, if that is known."""
        self.at_begin_wh, self.fallen_wh, self.fell_wh = register_wh, 0.0, 0.0
        if register_wh is not None:
            self.register_wh = register_wh

    def state(self, fact: NeedStated, *, in_session: bool) -> None:
        """What its car wants from now on, or from the register that is named on.

        Where nothing runs nothing is withdrawn; but a car may say what it needs before its session begins.
        """
        self.need = fact if fact.departs_in_s is not None else None
        self.at_need_wh = fact.register_wh if fact.register_wh is not None else self.register_wh
        self.need_settled = in_session or fact.departs_in_s is not None

    def heed(self, key: EvseKey, judged: SessionJudged) -> None:
        """What its session's token says of a need, as if stated at the session's begin; once. What anybody has stated
        or withdrawn prevails.
        """
        if judged.departs_in_s is None or self.need_settled:
            return
        self.need_settled, self.at_need_wh = True, self.at_begin_wh
        self.need = NeedStated(
            key=key,
            at=judged.at,
            energy_wanted_wh=judged.energy_wanted_wh,
            departs_in_s=judged.departs_in_s,
        )

    def forget_need(self) -> None:
        """The session is over, or the car that stated one has gone."""
        self.need, self.need_settled = None, False
