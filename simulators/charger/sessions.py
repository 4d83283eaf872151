"""The charging sessions of one station: who may start, what is offered, what is told the CSMS. Pure.

Every `now` is in the station's own clock.
"""

import math

from simulators.charger import messages
from simulators.charger.authorisation import CardMemory, Verdict, tag_info
from simulators.charger.configuration import Configuration
from simulators.charger.connector import Card, Connector, PendingStart
from simulators.charger.ev import ElectricVehicle
from simulators.charger.frames import Payload
from simulators.charger.ledger import Ledger
from simulators.charger.offers import Offers
from simulators.charger.outbound import Message, Outbound
from simulators.charger.profiles import ProfileStore, StoreSize
from simulators.charger.spec import Counters, Obedience, StationSpec
from simulators.charger.status import IN_SESSION, Status, steps
from simulators.charger.transaction import Transaction


class Sessions:
    """The connectors and what happens at them."""

    def __init__(self, spec: StationSpec, outbound: Outbound) -> None:
        size = StoreSize()
        self.spec = spec
        self.configuration = Configuration(spec, size)
        self.profiles = ProfileStore(size=size, nominal_voltage_v=spec.nominal_voltage_v)
        self.cards = CardMemory()
        self.counters = Counters()
        self.ledger = Ledger(spec.identity)
        self.connectors = {each.connector_id: Connector(spec=each) for each in spec.connectors}
        self.offers = Offers(self.connectors, self.profiles, lambda: self.spec.obedience is not Obedience.IGNORES)
        self.operative = True  # of the station itself, connector 0
        self.reported: Status | None = None  # of connector 0
        self.registered = False  # the CSMS has accepted the boot
        self.resetting = False
        self._outbound = outbound

    @property
    def live(self) -> bool:
        """Whether messages that aren't transaction-related can be sent."""
        return self._outbound.online and self.registered

    @property
    def status(self) -> Status:
        """Of connector 0."""
        return Status.AVAILABLE if self.operative else Status.UNAVAILABLE

    def step(self, dt_s: float, now: float) -> None:
        """Let the cars draw for `dt_s`, up to `now`."""
        offers_a = self.offers.all_a(now)
        for connector in self.connectors.values():
            connector.step(
                dt_s,
                offered_a=offers_a[connector.id],
                phases=self.offers.phases(connector, now),
                voltage_v=self.spec.nominal_voltage_v,
            )

    def rebooted(self) -> None:
        """Nothing is registered, reported or pending any more."""
        for connector in self.connectors.values():
            connector.pending = connector.reported = None
        self.reported = None
        self.registered = self.resetting = False

    def plug_in(self, connector: Connector, ev: ElectricVehicle, id_tag: str, now: float) -> None:
        """A car arrives and its driver presents a card, unless a remote start waits for the car already."""
        connector.ev = ev
        ev.cut_off()
        if connector.pending is None and connector.operative and connector.fault is None:
            connector.pending = PendingStart(id_tag=id_tag)
        self.refresh(now)
        self.authorise(connector, now)

    def unplug(self, connector: Connector, now: float) -> None:
        """The driver ends the session with the card, takes the plug out and leaves."""
        self.stop(connector, "Local", now)
        self.refresh(now)
        if connector.ev is not None:
            connector.ev.cut_off()
        connector.ev = None
        connector.pending = None
        connector.finished = False
        self.refresh(now)

    def authorise(self, connector: Connector, now: float) -> None:
        """Take a presented card one step further (§3.5, §4.1), and start if it may."""
        pending = connector.pending
        if pending is None or not self.registered:
            return
        if pending.card is Card.PRESENTED:
            known = self._verdict(pending.id_tag, now)
            if self.configuration.flag("LocalPreAuthorize") and known is Verdict.ACCEPTED:
                pending.card = Card.AUTHORISED
            elif self._outbound.online:
                pending.card = Card.ASKED
                self._outbound.add(messages.authorize(connector.id, pending.id_tag))
            else:
                self.decide_alone(connector, now)
        self._start_if_ready(connector, now)

    def decide_alone(self, connector: Connector, now: float) -> None:
        """The CSMS can't be asked, or hasn't answered: local list, cache, and the rule for unknown cards (§3.5)."""
        pending = connector.pending
        if pending is None:
            return
        key = {Verdict.ACCEPTED: "LocalAuthorizeOffline", Verdict.UNKNOWN: "AllowOfflineTxForUnknownId"}.get(
            self._verdict(pending.id_tag, now)
        )
        if key is not None and self.configuration.flag(key):
            pending.card = Card.AUTHORISED
            self._start_if_ready(connector, now)
        else:
            connector.pending = None

    def _verdict(self, id_tag: str, now: float) -> Verdict:
        return self.cards.verdict(id_tag, now, use_list=self.configuration.flag("LocalAuthListEnabled"))

    def _start_if_ready(self, connector: Connector, now: float) -> None:
        pending = connector.pending
        ready = pending is not None and pending.card is Card.AUTHORISED and connector.ev is not None
        hindered = connector.transaction is not None or connector.fault is not None
        if pending is None or not ready or hindered or not connector.operative or self.resetting:
            return
        number = self.counters.transactions_started + 1 if self.spec.is_v2 else None
        transaction = Transaction(
            connector_id=connector.id, id_tag=pending.id_tag, started_s=now, transaction_id=number
        )
        connector.transaction = transaction
        connector.pending = None
        connector.finished = False
        self.counters.transactions_started += 1
        start = messages.start_transaction(transaction, connector.register_wh)
        self.ledger.started(transaction, start.payload)
        self._outbound.add(start)
        if pending.profile is not None:
            self.profiles.install(connector.id, pending.profile, transaction=connector.running, now_s=now)
        self.restart_sampling(connector, now)

    def stop(self, connector: Connector, reason: str, now: float) -> None:
        """End the transaction, if there is one: contactor open, TxProfiles gone, StopTransaction.req queued."""
        transaction = connector.transaction
        if transaction is None:
            return
        stop = messages.stop_transaction(transaction, connector.register_wh, reason, now)
        self.ledger.stopped(transaction, stop.payload)
        self._outbound.add(stop)
        self.counters.transactions_stopped += 1
        connector.transaction = None
        connector.finished = connector.ev is not None
        self.profiles.end_transaction(connector.id)
        if connector.ev is not None:
            connector.ev.cut_off()

    def restart_sampling(self, connector: Connector, now: float) -> None:
        """The next sample is one interval from now (§3.16.1: intervals count from the transaction's start)."""
        interval_s = self.configuration.whole("MeterValueSampleInterval")
        if connector.transaction is not None:
            connector.transaction.next_sample_s = now + interval_s if interval_s else None

    def sample(self, now: float) -> None:
        """Queue the MeterValues that are due; moments that were missed are skipped, the grid of samples stays."""
        interval_s = self.configuration.whole("MeterValueSampleInterval")
        for connector in self.connectors.values():
            transaction = connector.transaction
            if transaction is None or transaction.next_sample_s is None or transaction.next_sample_s > now:
                continue
            missed = math.floor((now - transaction.next_sample_s) / interval_s)
            transaction.next_sample_s += (missed + 1) * interval_s
            self.add_meter_values(connector, now, context="Sample.Periodic")

    def add_meter_values(self, connector: Connector, now: float, *, context: str) -> None:
        """Queue a MeterValues.req of this moment: in order with the transaction's messages if there is one."""
        measurands = self.configuration.items("MeterValuesSampledData")
        if not measurands:
            return
        voltage_v = self.spec.nominal_voltage_v
        self._outbound.add(messages.meter_values(connector, measurands, voltage_v, now, context=context))

    def refresh(self, now: float) -> None:
        """Bring every status up to date and tell the CSMS of each change."""
        offers_a = self.offers.all_a(now)
        for connector in self.connectors.values():
            for status in steps(connector.status, connector.derived_status(offers_a[connector.id])):
                connector.status = status
                connector.preparing_since_s = now if status is Status.PREPARING else None
                if self.live:
                    self.add_status(connector.id, now)

    def add_status(self, connector_id: int, now: float, *, triggered: bool = False) -> None:
        """Queue a StatusNotification.req of the status as it is; connector 0 is the station."""
        connector = self.connectors.get(connector_id)
        status, fault = (self.status, None) if connector is None else (connector.status, connector.fault)
        told = messages.status_notification(connector_id, status, fault, now, triggered=triggered)
        if self.spec.is_v2:
            self._add_status_v2(connector, told, now)
        else:
            self._outbound.add(told)

    def _add_status_v2(self, connector: Connector | None, told: Message, now: float) -> None:
        """In OCPP 2.x the station itself has no status; and in a transaction a connector is occupied, and all else
        are events of the transaction, in their order.
        """
        if connector is None:
            self.reported = self.status
            return
        if connector.transaction is not None and connector.status in IN_SESSION and not told.triggered:
            if connector.reported in (None, Status.AVAILABLE):
                occupied = messages.status_notification(connector.id, Status.PREPARING, None, now, triggered=False)
                self._outbound.add(occupied)
            told.transaction = connector.transaction
        self._outbound.add(told)

    def add_changed_statuses(self, now: float) -> None:
        """Queue the statuses that the CSMS doesn't know: all after a boot (errata 3.22), the changed ones after a
        mere reconnect (§4.9)."""
        if self.status is not self.reported:
            self.add_status(0, now)
        for connector in self.connectors.values():
            if connector.status is not connector.reported:
                self.add_status(connector.id, now)

    def status_told(self, message: Message) -> None:
        """A StatusNotification.req has been answered, or given up."""
        status = Status(message.payload["status"])
        if message.connector_id == 0:
            self.reported = status
        else:
            self.connectors[message.connector_id].reported = status

    def expire(self, now: float) -> None:
        """ConnectionTimeOut (errata 3.20, 3.21): whoever neither plugs in nor shows a valid card has had a chance."""
        for connector in self.connectors.values():
            due_s = self.times_out_s(connector)
            if due_s is not None and now >= due_s:
                connector.pending = None
                connector.finished = connector.ev is not None

    def times_out_s(self, connector: Connector) -> float | None:
        """When the connector's Preparing ends by itself; None: not, or somebody else has to act first."""
        waiting_for_csms = connector.pending is not None and connector.pending.card is not Card.AUTHORISED
        if connector.preparing_since_s is None or waiting_for_csms:
            return None
        return connector.preparing_since_s + self.configuration.whole("ConnectionTimeOut")

    def card_answered(self, message: Message, payload: Payload, now: float) -> None:
        """Authorize.conf. Raises ValueError, KeyError or TypeError if it isn't one."""
        info = tag_info(payload["idTagInfo"])
        self.cards.learn(message.payload["idTag"], info)
        connector = self.connectors[message.connector_id]
        if not self.asks(connector, message):
            return
        if connector.pending is not None and info.verdict(now) is Verdict.ACCEPTED:
            connector.pending.card = Card.AUTHORISED
            self._start_if_ready(connector, now)
        else:
            connector.pending = None

    @staticmethod
    def asks(connector: Connector, message: Message) -> bool:
        """Whether the connector still waits for this Authorize.req's answer; the driver may have left."""
        pending = connector.pending
        return pending is not None and pending.card is Card.ASKED and pending.id_tag == message.payload["idTag"]

    def start_answered(self, transaction: Transaction, payload: Payload, now: float) -> None:
        """StartTransaction.conf (§4.8, errata 3.17). Raises ValueError, KeyError or TypeError if it isn't one."""
        info = tag_info(payload["idTagInfo"])
        transaction.transaction_id = int(payload["transactionId"])
        self.counters.transactions_confirmed += 1
        self.cards.learn(transaction.id_tag, info)
        connector = self.connectors[transaction.connector_id]
        if connector.transaction is not transaction or info.status == "Accepted":
            return
        if self.configuration.flag("StopTransactionOnInvalidId"):
            self.stop(connector, "DeAuthorized", now)
        else:
            transaction.energy_allowed = False

    def stop_answered(self, transaction: Transaction, payload: Payload) -> None:
        """StopTransaction.conf. Raises ValueError, KeyError or TypeError if it isn't one."""
        if "idTagInfo" in payload:
            self.cards.learn(transaction.id_tag, tag_info(payload["idTagInfo"]))
        self.counters.stops_confirmed += 1
