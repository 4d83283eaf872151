"""The grid operator's side, joined: contact, coil, topic, EEBUS and OpenADR in; limits and proofs out."""

import math
from collections.abc import Container, Mapping
from functools import partial
from typing import Any

import structlog

from edge.bms.dimming_memory import DimmingFile
from edge.bms.eebus_lpc import NO_HEARTBEAT, Lpc, LpcPort, check_failsafe, check_limit
from edge.bms.evidence import Evidence
from edge.bms.grid import Contact, DimmedBy, Dimming, GridSettings
from edge.bms.lpc_memory import LpcFile
from edge.bms.mqtt_commands import EVENTS, Handler, Rejected
from edge.bms.openadr import OpenAdr
from edge.bms.openadr_memory import EventsFile
from edge.bms.relay_contact import ContactInput
from edge.clock import Clock, SteadyDay
from edge.control.ports import LimitSink
from edge.domain.limit import LimitSource, LimitStated
from edge.units import Seconds, Watts

log = structlog.get_logger(__name__)

EEBUS = "eebus"  # who limits, in the proofs
KEPT_S: Seconds = 1.0  # from one writing at once to the next: a flood's are with the ticks, and wear out no card


class GridOperator:
    """What ``[grid]`` sets up. ``relay`` is the contact, where the settings name one; ``heard`` are those by whom
    anybody can dim, and take it back."""

    def __init__(
        self,
        settings: GridSettings,
        *,
        site: str,
        sink: LimitSink,
        clock: Clock,
        relay: ContactInput | None,
        heard: Container[DimmedBy] = frozenset(DimmedBy),
    ) -> None:
        self._settings = settings
        self._sink = sink
        self._clock = clock
        self._relay = relay
        self._heard = heard
        self._dimming = Dimming(settings, sink)
        self._dimming_file = DimmingFile(settings.dimming_file) if settings.dimming_file is not None else None
        self._contact = Contact(closed_is_free=settings.contact.closed_is_free) if settings.contact else None
        self._evidence = Evidence(settings.evidence) if settings.evidence else None
        self._steady = SteadyDay(clock)
        self._kept_at: Seconds = -math.inf  # at once
        self._charging_w: Watts | None = None
        self._lpc_file = LpcFile(settings.lpc_file) if settings.lpc_file is not None else None
        self.lpc: Lpc | None = None
        if settings.lpc is not None:
            before = self._lpc_file.read(clock) if self._lpc_file is not None else None
            self.lpc = Lpc(settings.lpc, now=clock.monotonic(), before=before)
        self._lpc_w: Watts | None = None
        self._lpc_ends_at: Seconds | None = None
        self._proved_dimmed = False
        self._begun_by: DimmedBy | None = None  # in the run before this one, what hadn't ended in it
        self._proved_lpc_w: Watts | None = None
        self._openadr = OpenAdr(settings.circuit, site=site) if settings.openadr else None
        self._openadr_file = EventsFile(settings.openadr_file) if settings.openadr_file is not None else None

    @property
    def attentive(self) -> bool:
        """Whether each tick matters."""
        return self.proves or any((self._contact is not None and self._relay is not None, self.lpc, self._openadr))

    @property
    def circuit(self) -> str:
        """The one that is dimmed."""
        return self._settings.circuit

    @property
    def proves(self) -> bool:
        """Whether it wants to be told what is drawn."""
        return self._evidence is not None

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Who carries out the commands of MQTT topics that end so."""
        found: dict[str, Handler] = {}
        if self.lpc is not None:
            found["cmd/lpc"] = partial(self._tell_lpc, self.lpc)
        if self._openadr is not None:
            found[EVENTS] = partial(self._hand_in, self._openadr)
        return found

    def report(self) -> dict[str, Any]:
        """What the status report says of it."""
        return {"lpc_state": self.lpc.state.value} if self.lpc is not None else {}

    def start(self) -> None:
        """Dim on where the run before this one did; but not for one that the site file has silenced since: nobody
        could take that back. What it has proved isn't proved again."""
        before = self._dimming_file.read() if self._dimming_file is not None else frozenset()
        now = self._clock.monotonic()
        for by in before:
            self._dimming.ask(by, dim=True, now=now)
        self._proved_dimmed = self._dimming.dimmed
        for by in before:
            self._dimming.ask(by, dim=by in self._heard, now=now)
        if self._evidence is not None:
            begun = self._evidence.begun([each.value for each in DimmedBy])
            self._begun_by = DimmedBy(begun.by) if begun is not None else None
            self._proved_dimmed = begun is not None
            limited = self._evidence.begun([EEBUS])
            self._proved_lpc_w = limited.limit_w if limited is not None else None
        if self._openadr is not None and self._openadr_file is not None and DimmedBy.MQTT in self._heard:
            self._openadr_file.hand_in(self._openadr)
            self._follow_openadr({})
        self._follow_lpc(now)

    async def stop(self) -> None:
        """Return when all proofs are written."""
        self._prove_changes()
        if self._evidence is not None:
            await self._evidence.close()
        if self._lpc_file is not None:
            await self._lpc_file.close()
        if self._dimming_file is not None:
            await self._dimming_file.close(self._dimming.asked)
        if self._openadr is not None and self._openadr_file is not None:
            await self._openadr_file.close(self._openadr)

    def asks(self, by: DimmedBy) -> bool:
        """Whether that one asks for dimming."""
        return by in self._dimming.asked

    def dim(self, by: DimmedBy, *, asked: bool) -> None:
        """Somebody dims by §14a, or takes that back."""
        now = self._clock.monotonic()
        self._dimming.ask(by, dim=asked, now=now)
        self._keep_at_once(now)

    def tick(self, report: Mapping[str, Any], charging_w: Watts | None) -> None:
        """Look at the contact and the clock, once a tick. ``charging_w``: drawn by the cars below the circuit."""
        self._charging_w = charging_w
        now = self._clock.monotonic()
        if self._contact is not None and self._relay is not None:
            dims = self._contact.sample(self._relay.closed(), now)
            if dims is not None:
                self.dim(DimmedBy.CONTACT, asked=dims)
        if self.lpc is not None:
            self.lpc.tick(now)
            self._follow_lpc(now)
        self._follow_openadr(report)
        self._keep(now)
        self._prove_changes()
        if self._evidence is not None and self._steady.has_passed():
            self._evidence.forget_old(self._clock.wall())

    def _keep(self, now: Seconds) -> None:
        """Have written down what is to outlive a restart."""
        if self._dimming_file is not None:
            self._dimming_file.keep(self._dimming.asked)
        if self.lpc is not None and self._lpc_file is not None:
            self._lpc_file.keep(self.lpc.memory(now), self._clock)
        if self._openadr is not None and self._openadr_file is not None:
            self._openadr_file.keep(self._openadr)

    def _keep_at_once(self, now: Seconds) -> None:
        """What was said isn't said again: a power cut before the next tick must not lose it."""
        if now - self._kept_at >= KEPT_S:
            self._kept_at = now
            self._keep(now)

    def _follow_lpc(self, now: Seconds) -> None:
        allowed_w, ends_at = (self.lpc.allowed_w, self.lpc.ends_at) if self.lpc is not None else (None, None)
        if (allowed_w, ends_at) == (self._lpc_w, self._lpc_ends_at):
            return
        self._lpc_w, self._lpc_ends_at = allowed_w, ends_at
        limit = LimitStated(
            source=LimitSource.GRID_EEBUS,
            circuit=self._settings.circuit,
            at=now,
            limit_w=allowed_w,
            ends_at=ends_at,
        )
        self._sink.take(limit)

    def _follow_openadr(self, report: Mapping[str, Any]) -> None:
        limit = self._openadr.observe(report, self._clock) if self._openadr is not None else None
        if limit is not None:
            self._sink.take(limit)

    @property
    def _is_known(self) -> bool:
        """Whether all have been heard who may dim: the contact says so only when it has held still."""
        return self._contact is None or self._relay is None or self._contact.dims is not None

    def _prove_changes(self) -> None:
        """Once a tick, however often it was switched meanwhile: a flood of switching fills no disk."""
        dimmed, by = self._dimming.dimmed, self._dimming.by or self._begun_by
        if dimmed is not self._proved_dimmed and by is not None and self._is_known:
            self._proved_dimmed = dimmed
            log.info("the grid operator dims" if dimmed else "the grid operator dims no more", by=by.value)
            self._prove(self._settings.limit_w, dimmed=dimmed, by=by.value)
        # In whole watts, as they are written down: what the run before this one has proved is read from there.
        allowed_w, before_w = round(self._lpc_w) if self._lpc_w is not None else None, self._proved_lpc_w
        if allowed_w != before_w:
            self._proved_lpc_w = allowed_w
            limit_w = allowed_w if allowed_w is not None else before_w or 0.0
            self._prove(limit_w, dimmed=allowed_w is not None, by=EEBUS)

    def _prove(self, limit_w: Watts, *, dimmed: bool, by: str) -> None:
        if self._evidence is not None:
            self._evidence.note(
                at=self._clock.wall(),
                trusted=self._clock.wall_is_trusted(),
                dimmed=dimmed,
                by=by,
                circuit=self._settings.circuit,
                limit_w=limit_w,
                charging_w=self._charging_w,
            )

    def _tell_lpc(self, lpc: LpcPort, document: Mapping[str, Any], now: Seconds) -> None:
        """A SHIP bridge tells what the grid operator's box has said."""
        beats, active = _flag(document, "heartbeat", default=False), _flag(document, "active", default=True)
        limit_w, failsafe_w, failsafe_s = (_number(document, name) for name in ("limit_w", "failsafe_w", "failsafe_s"))
        if not beats and limit_w is None and failsafe_w is None and failsafe_s is None:
            raise Rejected("none of heartbeat, limit_w, failsafe_w and failsafe_s is given")
        # All of it or nothing: what is answered as refused has done nothing.
        duration_s = _number(document, "duration_s")
        if limit_w is None and ("active" in document or duration_s is not None):
            raise Rejected("active and duration_s are of a limit, and limit_w is missing")
        check_failsafe(failsafe_w, failsafe_s)
        if limit_w is not None:
            check_limit(limit_w, duration_s)
            if not beats and lpc.is_silent(now):
                raise Rejected(NO_HEARTBEAT)
        lpc.write_failsafe(value_w=failsafe_w, duration_s=failsafe_s)
        if beats:
            lpc.heartbeat(now)
        if limit_w is not None:
            lpc.write_limit(limit_w, active=active, duration_s=duration_s, now=now)
        self._follow_lpc(now)
        self._keep_at_once(now)

    def _hand_in(self, openadr: OpenAdr, document: Mapping[str, Any], now: Seconds) -> None:
        """A VEN hands in the events that it has got."""
        openadr.accept(document.get("events"))
        self._follow_openadr({})
        self._keep_at_once(now)


def _flag(document: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = document.get(name, default)
    if not isinstance(value, bool):
        raise Rejected(f"{name} is neither true nor false")
    return value


def _number(document: Mapping[str, Any], name: str) -> float | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Rejected(f"{name} is no number")
    return float(value)
