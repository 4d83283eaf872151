"""The relay between two peers that do whatever they like, while links break and time passes."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import EvseKey
from edge.domain.station import LimitAnswered, LimitSent
from edge.ocpp.actions import Action, Report, ToCloud, ToStation
from edge.ocpp.relay import RelayState
from edge.ocpp.wire import with_id
from tests.unit.ocpp.ocpp_bench import ID, Bench, call, error, evse, limit, result

PATIENCE_S = {True: 10.0, False: 30.0}  # for a CALL of ours, of the cloud

STATION_ACTIONS = ("Heartbeat", "StartTransaction", "MeterValues", "StatusNotification", "BootNotification", "Odd")
CLOUD_ACTIONS = ("Reset", "GetConfiguration", "SetChargingProfile", "RemoteStartTransaction", "Odd")
A_PROFILE = {
    "connectorId": 0,
    "csChargingProfiles": {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]},
    },
}


@dataclass
class OnLine:
    """The CALL that the station has to answer."""

    id: str
    asked: str  # the id that the cloud gave it
    own: bool
    text: str
    until: float
    epoch: int


class Peers(RuleBasedStateMachine):
    """Two peers that know nothing of each other, and a control that writes limits."""

    called_down = Bundle("called_down")  # ids of CALLs that reached the station, also old ones

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(evse(1), evse(2))
        self.serial = 0
        self.epoch = 0
        self.line: OnLine | None = None
        self.unanswered: set[str] = set()  # ids of CALLs whose time was up
        self.own_ids: set[str] = set()
        self.cloud_ids: set[str] = set()
        self.undelivered: list[tuple[str, str]] = []  # the cloud's CALLs of this epoch that nobody has taken care of
        self.cloud_open: dict[str, int] = {}  # the cloud's CALLs of this epoch that lack an answer, by id
        self.limits: dict[int, list[str]] = {}  # what was reported of each
        self.station_texts: set[str] = set()  # what the station has sent and may go up
        self.asked_up: set[str] = set()  # ids of the station's CALLs that the cloud has and hasn't answered
        self.up: list[str] = []
        self.down: list[str] = []

    # What every step must respect.

    def took(self, actions: list[Action]) -> None:
        """Check a step's actions against the rules of the line, and remember them."""
        self.up, self.down = [], []
        for action in actions:
            match action:
                case ToStation():
                    self.goes_down(action.text)
                case ToCloud():
                    self.goes_up(action.text)
                case Report(fact=LimitSent() as fact):
                    self.limits[fact.command].append("sent")
                case Report(fact=LimitAnswered() as fact):
                    self.limits[fact.command].append(fact.outcome.value)

    def goes_down(self, text: str) -> None:
        self.down.append(text)
        kind, identifier, *_ = json.loads(text)
        assert self.bench.relay.state is not RelayState.OFFLINE
        if kind != 2:
            return
        assert self.line is None or self.bench.now >= self.line.until, "two CALLs outstanding toward the station"
        own = text.startswith('[2,"edge-')  # the peers of this test write blanks
        asked = identifier
        if not own:
            # It is the cloud's very text, and comes down once; under another id only where its own is ambiguous.
            if (identifier, text) not in self.undelivered:
                asked, _ = next(entry for entry in self.undelivered if with_id(entry[1], identifier) == text)
                assert asked in self.unanswered or asked.startswith("edge-")
            self.undelivered.remove((asked, with_id(text, asked)))
        if own:
            assert identifier not in self.own_ids, "an id of ours was used twice"
            assert len(identifier) <= 36
            self.own_ids.add(identifier)
        self.line = OnLine(identifier, asked, own, text, self.bench.now + PATIENCE_S[own], self.epoch)

    def goes_up(self, text: str) -> None:
        self.up.append(text)
        assert self.bench.relay.state is RelayState.RELAYING
        kind, identifier, *_ = json.loads(text)
        if kind == 2:
            assert text in self.station_texts, "a CALL went up that the station didn't make"
            self.station_texts.remove(text)  # never twice
            self.asked_up.add(identifier)
            return
        assert self.cloud_open.get(identifier, 0) > 0, "an answer without a CALL of the cloud"
        self.cloud_open[identifier] -= 1
        if text.startswith("[4,"):  # ours, for a CALL that waited too long
            self.undelivered.remove(next(entry for entry in self.undelivered if entry[0] == identifier))

    # The station.

    @initialize()
    def begins(self) -> None:
        """The station connects."""
        self.connects()

    @precondition(lambda self: self.bench.relay.state is RelayState.OFFLINE)
    @rule()
    def connects(self) -> None:
        self.took(self.bench.relay.station_connected(self.bench.now))

    @precondition(lambda self: self.bench.relay.state is not RelayState.OFFLINE)
    @rule()
    def leaves(self) -> None:
        self.took(self.bench.relay.station_gone(self.bench.now))
        assert (self.up, self.down) == ([], [])
        self.line = None
        self.asked_up.clear()
        self.cloud_open.clear()
        self.undelivered.clear()
        self.station_texts.clear()

    @precondition(lambda self: self.bench.relay.state is not RelayState.OFFLINE)
    @rule(action=st.sampled_from(STATION_ACTIONS), connector=st.integers(0, 3))
    def station_calls(self, action: str, connector: int) -> None:
        self.serial += 1
        payload: dict[str, Any] = {"connectorId": connector, "status": "Available", "transactionId": connector}
        text = call(f"s{self.serial}", action, payload)
        away = self.bench.relay.state is RelayState.CLOUD_AWAY
        if away:
            self.station_texts.clear()  # it has given up what it asked before
        self.station_texts.add(text)
        self.took(list(self.bench.station_says(text).actions))
        assert self.up == ([] if away else [text])

    @precondition(lambda self: self.line is not None)
    @rule(target=called_down, refuses=st.booleans())
    def station_answers(self, refuses: bool) -> str:
        assert self.line is not None
        line, self.line = self.line, None
        answer = error(line.id) if refuses else result(line.id, {"status": "Accepted"})
        relaying = self.bench.relay.state is RelayState.RELAYING
        self.took(list(self.bench.station_says(answer).actions))
        answered = with_id(answer, line.asked)
        expected = [answered] if not line.own and relaying and line.epoch == self.epoch else []
        assert self.up == expected, "the answer to the cloud's CALL is passed on once, and ours never"
        return line.id

    @precondition(lambda self: self.bench.relay.state is not RelayState.OFFLINE)
    @rule(identifier=called_down)
    def station_answers_again(self, identifier: str) -> None:
        """A second answer, or one from before: it can't be taken for the answer to another CALL."""
        if self.line is not None and self.line.id == identifier:
            return
        self.took(list(self.bench.station_says(result(identifier)).actions))
        if identifier not in self.cloud_ids:
            assert self.up == [], "the answer to a CALL of ours went up"

    # The cloud.

    @precondition(lambda self: self.bench.relay.state is RelayState.CLOUD_AWAY)
    @rule()
    def cloud_comes(self) -> None:
        self.epoch += 1
        held = list(self.station_texts)
        self.took(list(self.bench.find_cloud().actions))
        assert self.up == held, "the call that waited goes up, and nothing else"

    @precondition(lambda self: self.bench.relay.state is RelayState.RELAYING)
    @rule()
    def cloud_goes(self) -> None:
        self.took(list(self.bench.lose_cloud().actions))
        self.cloud_open.clear()
        self.undelivered.clear()
        self.station_texts.clear()

    @precondition(lambda self: self.bench.relay.state is RelayState.RELAYING)
    @rule(action=st.sampled_from(CLOUD_ACTIONS), copies=st.booleans(), profile=st.booleans())
    def cloud_calls(self, action: str, copies: bool, profile: bool) -> None:
        """Also under the very id that is on the line."""
        self.serial += 1
        identifier = self.line.asked if copies and self.line is not None else f"c{self.serial}"
        payload: dict[str, Any] = {"chargingProfile": {}} if profile else {}
        text = call(identifier, action, A_PROFILE if action == "SetChargingProfile" else payload)
        self.cloud_ids.add(identifier)
        if self.is_being_done(text):
            self.took(list(self.bench.cloud_says(text).actions))
            assert (self.up, self.down) == ([], []), "one answer serves a call and its repeat"
            return
        self.cloud_open[identifier] = self.cloud_open.get(identifier, 0) + 1
        answered_by_us = action == "SetChargingProfile" or (action == "RemoteStartTransaction" and profile)
        if not answered_by_us:
            self.undelivered.append((identifier, text))
        free = self.line is None
        self.took(list(self.bench.cloud_says(text).actions))
        went_down = free and not answered_by_us
        assert len(self.down) == went_down
        assert not went_down or with_id(self.down[0], identifier) == text
        assert len(self.up) == (1 if answered_by_us else 0)

    def is_being_done(self, text: str) -> bool:
        """Whether the cloud's very message of this connection waits, or is on the line."""
        on_line = self.line is not None and not self.line.own and self.line.epoch == self.epoch
        waits = any(told == text for _, told in self.undelivered)
        return waits or (on_line and self.line is not None and with_id(self.line.text, self.line.asked) == text)

    @precondition(lambda self: self.bench.relay.state is RelayState.RELAYING)
    @rule(serial=st.integers(1, 50), transaction=st.integers(-1, 9))
    def cloud_answers(self, serial: int, transaction: int) -> None:
        """Also what it has answered already, or was never asked."""
        answer = result(f"s{serial}", {"transactionId": transaction, "idTagInfo": {"status": "Accepted"}})
        self.took(list(self.bench.cloud_says(answer).actions))
        assert self.down == ([answer] if f"s{serial}" in self.asked_up else []), "each CALL is answered once"
        self.asked_up.discard(f"s{serial}")

    # The control, and time.

    @rule(purpose=st.sampled_from(Purpose), connector=st.integers(1, 2), limit_a=st.floats(0, 32))
    def control_writes(self, purpose: Purpose, connector: int, limit_a: float) -> None:
        self.serial += 1
        command = LimitCommand(
            id=self.serial,
            key=EvseKey(station=ID, evse=connector),
            purpose=purpose,
            limit_a=limit_a,
            safe_a=6.0,
            lease_s=limit().lease_s,
            transaction_id="7",
        )
        self.limits[self.serial] = []
        self.took(list(self.bench.write(command).actions))

    @rule(target=called_down, seconds=st.sampled_from([0.1, 1.0, 4.0, 10.0, 31.0]))
    def time_passes(self, seconds: float) -> MultipleResults[str]:
        self.bench.now += seconds
        late = []
        if self.line is not None and self.bench.now >= self.line.until:
            late.append(self.line.id)
            self.unanswered.add(self.line.id)
            self.line = None
        self.took(list(self.bench.relay.tick(self.bench.now, self.bench.wall)))
        return multiple(*late)

    @precondition(lambda self: self.bench.relay.state is RelayState.RELAYING)
    @rule(text=st.text(max_size=20) | st.binary(max_size=5), from_station=st.booleans())
    def someone_says_rubbish(self, text: str | bytes, from_station: bool) -> None:
        says = self.bench.station_says if from_station else self.bench.cloud_says
        self.took([action for action in says(text).actions if isinstance(action, ToStation | ToCloud)])
        assert (self.up, self.down) == ([], [])

    @invariant()
    def each_limit_has_one_end(self) -> None:
        """Sent at most once, answered at most once, in this order; never sent reports never sent."""
        for reports in self.limits.values():
            assert reports in (
                [],
                ["sent"],
                ["not sent"],
                ["sent", "accepted"],
                ["sent", "refused"],
                ["sent", "silent"],
            )

    def teardown(self) -> None:
        """Once the station has answered all, no CALL of the cloud is left over; once it is gone, no limit."""
        while self.line is not None:
            self.station_answers(refuses=False)
        assert self.undelivered == []
        if self.bench.relay.state is not RelayState.OFFLINE:
            self.took(self.bench.relay.station_gone(self.bench.now))
        assert all(reports and reports != ["sent"] for reports in self.limits.values())


Peers.TestCase.settings = settings(max_examples=300, stateful_step_count=50)
TestPeers = Peers.TestCase
