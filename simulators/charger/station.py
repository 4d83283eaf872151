"""The station's side of OCPP 1.6J as a state machine without I/O: frames and moments in, actions out.

`now` is true time in seconds, the same scale as the epoch; the station itself lives in its own clock, which is
`clock_offset_s` ahead.
"""

from collections import deque
from dataclasses import dataclass
from functools import partial

from simulators.charger import commands
from simulators.charger.ev import ElectricVehicle
from simulators.charger.frames import (
    Call,
    CallError,
    CallRefused,
    CallResult,
    ErrorCode,
    Malformed,
    Payload,
    error_text,
    parse,
    result_text,
)
from simulators.charger.outbound import Message, Outbound, RetryRule
from simulators.charger.quirks import written
from simulators.charger.registration import BOOT_RETRY_S, Registration
from simulators.charger.sessions import Sessions
from simulators.charger.spec import StationSpec

REBOOT_S = 3.0  # a quick controller; real ones take 10 to 120 s
ROUNDING_S = 1e-6  # a tick is called this much late rather than a rounding error early; doubles hold 0.2 µs today
SOFT_RESET_PATIENCE_S = 10.0  # for the StopTransaction.conf before the restart (§5.14); what is left stays queued


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send this text on the socket."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect:
    """Close the socket; connect again, but not before `StationCore.down_until`."""


Action = Send | Disconnect


class StationCore:
    """One station. Every method that takes `now` may be called at any moment, with a `now` that never goes back;
    what it returns must be done in that order."""

    def __init__(self, spec: StationSpec) -> None:
        self.spec = spec
        self.down_until = 0.0
        self.outbound = Outbound(call_timeout_s=spec.call_timeout_s, writes=partial(written, spec.quirks))
        self.sessions = Sessions(spec, self.outbound)
        self.registration = Registration()
        self._inbox: deque[tuple[float, Call]] = deque()  # (due, CALL): the station thinks for answer_delay_s
        self._heartbeat_at: float | None = None
        self._restart_at: float | None = None
        self._actions: list[Action] = []

    # --- the link -------------------------------------------------------------------------------------------------

    def connected(self, now: float) -> list[Action]:
        """The socket is open. No BootNotification on a mere reconnect."""
        clock = self._clock(now)
        self.outbound.link_up()
        self.registration.reconnected()
        if self.registration.accepted:
            self.sessions.add_changed_statuses(clock)
            self._restart_heartbeat(clock)
        return self._finish(clock)

    def disconnected(self, now: float) -> list[Action]:
        """The socket is gone, for whatever reason."""
        clock = self._clock(now)
        self._lose_link(clock)
        return self._finish(clock)

    def receive(self, text: str | bytes, now: float) -> list[Action]:
        """A message has arrived."""
        clock = self._clock(now)
        if not self.outbound.online:
            return []  # rebooting: the socket is about to be closed
        match parse(text):
            case Call() as call:
                if self.registration.may_answer():
                    self._inbox.append((clock + self.spec.answer_delay_s, call))
            case CallResult() as result:
                message = self.outbound.answered(result.message_id)
                if message is not None:
                    self._accept_answer(message, result.payload, clock)
            case CallError() as error:
                message = self.outbound.answered(error.message_id)
                if message is not None:
                    self._answer_failed(message, clock)
            case Malformed(message_id=str(message_id), reason=reason):
                self._actions.append(Send(text=error_text(message_id, ErrorCode.FORMATION_VIOLATION, reason)))
            case Malformed():
                pass  # OCPP-J 1.6 §4.1.3: nothing to answer to
        return self._finish(clock)

    # --- time -----------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Action]:
        """Do what is due."""
        clock = self._clock(now)
        overdue = self.outbound.timed_out(clock)
        if overdue is not None:
            self._answer_failed(overdue, clock)
        if self._heartbeat_at is not None and clock >= self._heartbeat_at:
            self._restart_heartbeat(clock)
            if self.sessions.live:
                self.outbound.add(Message(action="Heartbeat", payload={}))
        self.sessions.sample(clock)
        self.sessions.expire(clock)
        return self._finish(clock)

    def step(self, dt_s: float, now: float) -> list[Action]:
        """Let the cars draw for `dt_s`, up to `now`."""
        self.draw(dt_s, now)
        return self._finish(self._clock(now))

    def draw(self, dt_s: float, now: float) -> None:
        """As :meth:`step`, for who does something else at the same moment: that brings the statuses up to date."""
        self.sessions.step(dt_s, self._clock(now))

    def next_due(self, now: float) -> float | None:
        """The true time at which `tick` has to be called next; None: only after something else has happened."""
        due_s = _first(self.outbound.next_due(self._clock(now)), self._heartbeat_at)
        if self._restart_at is not None:
            due_s = _first(due_s, self._restart_at)
        if self.outbound.online:
            due_s = _first(due_s, self.registration.due_s())
        if self._inbox:
            due_s = _first(due_s, self._inbox[0][0])
        for connector in self.sessions.connectors.values():
            if connector.preparing_since_s is not None:
                due_s = _first(due_s, self.sessions.times_out_s(connector))
            if connector.transaction is not None:
                due_s = _first(due_s, connector.transaction.next_sample_s)
        return None if due_s is None else due_s - self.spec.clock_offset_s + ROUNDING_S

    # --- people and cars ------------------------------------------------------------------------------------------

    def plug_in(self, connector_id: int, ev: ElectricVehicle, id_tag: str, now: float) -> list[Action]:
        """A car arrives, its driver presents a card. Raises ValueError where a car is plugged in already."""
        clock = self._clock(now)
        connector = self.sessions.connectors[connector_id]
        if connector.ev is not None:
            raise ValueError(f"{self.spec.identity} connector {connector_id}: a car is plugged in already")
        self.sessions.plug_in(connector, ev, id_tag, clock)
        return self._finish(clock)

    def unplug(self, connector_id: int, now: float) -> list[Action]:
        """The driver ends the session and leaves; without a car nothing happens."""
        clock = self._clock(now)
        self.sessions.unplug(self.sessions.connectors[connector_id], clock)
        return self._finish(clock)

    def fault(self, connector_id: int, error_code: str | None, now: float) -> list[Action]:
        """A ChargePointErrorCode (§7.6) that stops the energy, or None: repaired. The transaction goes on."""
        clock = self._clock(now)
        connector = self.sessions.connectors[connector_id]
        connector.fault = error_code
        if connector.ev is not None:
            connector.ev.cut_off()
        self.sessions.authorise(connector, clock)
        return self._finish(clock)

    # --- what the CSMS may ask for, and the inside ------------------------------------------------------------------

    def restart_after(self, reason: str, now_s: float) -> None:
        """Reset: stop every transaction and reboot. HardReset at once, SoftReset when the stops are delivered."""
        for connector in self.sessions.connectors.values():
            self.sessions.stop(connector, reason, now_s)
        self.sessions.resetting = True
        self._restart_at = now_s + (SOFT_RESET_PATIENCE_S if reason == "SoftReset" else 0.0)

    def _restart_heartbeat(self, now_s: float) -> None:
        self._heartbeat_at = now_s + self.sessions.configuration.whole("HeartbeatInterval")

    def heartbeat_interval_changed(self, now_s: float) -> None:
        """Count the new HeartbeatInterval from now."""
        if self._heartbeat_at is not None:
            self._restart_heartbeat(now_s)

    def _clock(self, now: float) -> float:
        return now + self.spec.clock_offset_s

    def _finish(self, now_s: float) -> list[Action]:
        """Answer what is due, bring the statuses up to date, restart if it is time, send what may be sent."""
        while self._inbox and self._inbox[0][0] <= now_s:
            self._answer(self._inbox.popleft()[1], now_s)
        self.sessions.refresh(now_s)
        if self._restart_at is not None and (self.outbound.drained or now_s >= self._restart_at):
            self._restart(now_s)
        due_s = self.registration.due_s()
        if due_s is not None and self.outbound.online and now_s >= due_s:
            self.registration.boot_made()
            self.outbound.add(Message(action="BootNotification", payload=self._boot_payload()))
        text = self.outbound.send_next(now_s, self.registration.may_send)
        if text is not None:
            self._actions.append(Send(text=text))
        actions, self._actions = self._actions, []
        return actions

    def _answer(self, call: Call, now_s: float) -> None:
        try:
            payload = commands.answer(self, call.action, call.payload, now_s)
        except CallRefused as refusal:
            text = error_text(call.message_id, refusal.code, str(refusal))
        else:
            text = result_text(call.message_id, payload)
        self._actions.append(Send(text=text))

    def _accept_answer(self, message: Message, payload: Payload, now_s: float) -> None:
        try:
            self._take_answer(message, payload, now_s)
        except (KeyError, TypeError, ValueError):
            self._answer_failed(message, now_s)  # not what OCPP 1.6 says it is, so as good as a CALLERROR

    def _take_answer(self, message: Message, payload: Payload, now_s: float) -> None:
        transaction = message.transaction
        match message.action:
            case "BootNotification":
                self._boot_answered(payload, now_s)
            case "Authorize":
                self.sessions.card_answered(message, payload, now_s)
            case "StatusNotification":
                self.sessions.status_told(message)
            case "StartTransaction" if transaction is not None:
                self.sessions.start_answered(transaction, payload, now_s)
            case "StopTransaction" if transaction is not None:
                self.sessions.stop_answered(transaction, payload)
        if transaction is not None:
            self.outbound.delivered(message)

    def _boot_answered(self, payload: Payload, now_s: float) -> None:
        interval_s = self.registration.answered(payload, now_s)
        self.sessions.registered = self.registration.accepted
        if not self.registration.accepted:
            return
        if interval_s is not None:
            self.sessions.configuration.change("HeartbeatInterval", str(interval_s))
        self._restart_heartbeat(now_s)
        self.sessions.add_changed_statuses(now_s)
        for connector in self.sessions.connectors.values():
            self.sessions.authorise(connector, now_s)

    def _answer_failed(self, message: Message, now_s: float) -> None:
        """A CALLERROR, no answer in time, or no sense in it."""
        if message.transaction is not None:
            configuration = self.sessions.configuration
            rule = RetryRule(
                attempts=configuration.whole("TransactionMessageAttempts"),
                interval_s=configuration.whole("TransactionMessageRetryInterval"),
            )
            self.outbound.failed(message, now_s, rule)
        elif message.action == "StatusNotification":
            self.sessions.status_told(message)
        else:
            self._unsaid(message, now_s, boot_again_s=now_s + BOOT_RETRY_S)

    def _unsaid(self, message: Message, now_s: float, *, boot_again_s: float) -> None:
        """An Authorize or a boot came to nothing."""
        if message.action == "BootNotification":
            self.registration.boot_soon(boot_again_s)
        elif message.action == "Authorize":
            connector = self.sessions.connectors[message.connector_id]
            if self.sessions.asks(connector, message):
                self.sessions.decide_alone(connector, now_s)

    def _lose_link(self, now_s: float) -> None:
        self._inbox.clear()
        self._heartbeat_at = None
        for message in self.outbound.link_down():
            self._unsaid(message, now_s, boot_again_s=now_s)

    def _restart(self, now_s: float) -> None:
        """Reboot: configuration, profiles, availability, cards and queued transaction messages stay (§5.14)."""
        self.sessions.rebooted()
        self._restart_at = None
        self._lose_link(now_s)
        self.registration.restart(now_s + REBOOT_S)
        self.sessions.refresh(now_s)
        self.down_until = now_s - self.spec.clock_offset_s + REBOOT_S
        self._actions.append(Disconnect())

    def _boot_payload(self) -> Payload:
        return {
            "chargePointVendor": self.spec.vendor,
            "chargePointModel": self.spec.model,
            "chargePointSerialNumber": self.spec.serial,
            "firmwareVersion": self.spec.firmware,
        }


def _first(one: float | None, other: float | None) -> float | None:
    """The earlier of two moments; None is none."""
    if other is None or (one is not None and one <= other):
        return one
    return other
