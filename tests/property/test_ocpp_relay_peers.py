"""The relay between two peers that do whatever they like, in each edition, while links break and time passes."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

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
from edge.ocpp.presence import RelayState
from edge.ocpp.unreadable import Unreadable
from edge.ocpp.versions import Version
from edge.ocpp.wire import with_id
from tests.unit.ocpp.ocpp_bench import ID, Bench, call, error, evse, limit, result

PATIENCE_S = {True: 10.0, False: 30.0}  # for a CALL of ours, of the cloud

UP_PATIENCE_S, OWN_UP_PATIENCE_S = 30.0, 10.0  # for a CALL toward the cloud: of the station, of ours

_PLACE: dict[str, Any] = {
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
}
_SCHEDULE: dict[str, Any] = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]}


@dataclass(frozen=True)
class Words:
    """What the peers of an edition say."""

    station: tuple[str, ...]
    cloud: tuple[str, ...]
    start: str  # a CALL of the cloud that may bring a profile along
    a_profile: dict[str, Any]


_WORDS_V2 = Words(
    station=("Heartbeat", "TransactionEvent", "MeterValues", "StatusNotification", "BootNotification", "Odd"),
    cloud=("Reset", "GetVariables", "SetChargingProfile", "RequestStartTransaction", "Odd"),
    start="RequestStartTransaction",
    a_profile={"evseId": 0, "chargingProfile": {"id": 1, **_PLACE, "chargingSchedule": [{"id": 1, **_SCHEDULE}]}},
)
WORDS = {
    Version.V16: Words(
        station=("Heartbeat", "StartTransaction", "MeterValues", "StatusNotification", "BootNotification", "Odd"),
        cloud=("Reset", "GetConfiguration", "SetChargingProfile", "RemoteStartTransaction", "Odd"),
        start="RemoteStartTransaction",
        a_profile={
            "connectorId": 0,
            "csChargingProfiles": {"chargingProfileId": 1, **_PLACE, "chargingSchedule": _SCHEDULE},
        },
    ),
    Version.V201: _WORDS_V2,
    Version.V21: _WORDS_V2,
}
COMPLAINT = '[4,"-1","RpcFrameworkError",'  # of what has no id that could be read (2.x part 4 §4.2.3)


def is_no_frame(text: str | bytes) -> bool:
    """A frame is an array, and one that is wrong in itself may bear an id: an answer to that is another matter."""
    return "[" not in (text if isinstance(text, str) else text.decode("latin-1"))


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

    version: ClassVar[Version]

    called_down = Bundle("called_down")  # ids of CALLs that reached the station, also old ones

    def __init__(self) -> None:
        super().__init__()
        self.words = WORDS[self.version]
        self.bench = Bench(evse(1), evse(2), version=self.version)
        self.serial = 0
        self.epoch = 0
        self.line: OnLine | None = None
        self.unanswered: set[str] = set()  # ids of CALLs whose time was up
        self.own_ids: set[str] = set()
        self.cloud_ids: set[str] = set()  # of the cloud's CALLs, as it told them and as the station was told
        self.undelivered: list[tuple[str, str]] = []  # the cloud's CALLs of this epoch that nobody has taken care of
        self.cloud_open: dict[str, int] = {}  # the cloud's CALLs of this epoch that lack an answer, by id
        self.limits: dict[int, list[str]] = {}  # what was reported of each
        self.station_texts: set[str] = set()  # what the station has sent and may go up
        self.asked_up: dict[str, float] = {}  # the station's CALLs that the cloud has and hasn't answered: since when
        self.own_up: str | None = None  # the CALL of ours that the cloud has to answer
        self.own_up_until = 0.0
        self.held_up: list[str] = []  # the station's CALLs that wait for that
        self.rubbish_at: list[float] = []
        self.up: list[str] = []
        self.down: list[str] = []

    @property
    def may_say_rubbish(self) -> bool:
        """A station that says more is closed; what it still says is neither told nor answered."""
        lately = [at for at in self.rubbish_at if self.bench.now - at <= Unreadable.WINDOW_S]
        return len(lately) < Unreadable.MOST - 1

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
        if kind in (5, 6) or text.startswith(COMPLAINT):
            return
        if text.startswith('[2,"edge-'):
            self.up.pop()
            self.calls_cloud(identifier)
            return
        if kind == 2:
            assert text in self.station_texts, "a CALL went up that the station didn't make"
            self.station_texts.remove(text)  # never twice
            self.asked_up[identifier] = self.bench.now
            assert self.own_up is None, "two CALLs outstanding toward the cloud, and one is ours"
            return
        assert self.cloud_open.get(identifier, 0) > 0, "an answer without a CALL of the cloud"
        self.cloud_open[identifier] -= 1
        if text.startswith("[4,"):  # ours, for a CALL that waited too long
            self.undelivered.remove(next(entry for entry in self.undelivered if entry[0] == identifier))

    def calls_cloud(self, identifier: str) -> None:
        """A CALL of ours goes up."""
        assert self.own_up is None
        assert all(self.bench.now - since >= UP_PATIENCE_S for since in self.asked_up.values())
        assert identifier not in self.own_ids
        assert len(identifier) <= 36
        self.own_ids.add(identifier)
        self.own_up, self.own_up_until = identifier, self.bench.now + OWN_UP_PATIENCE_S

    def line_up_is_free(self) -> None:
        """The CALL of ours is over: what waited for it goes up before all else."""
        self.own_up, self.held_up = None, []

    def links_broke(self) -> None:
        """Nothing of what was on its way up is left."""
        self.line_up_is_free()
        self.cloud_open.clear()
        self.undelivered.clear()
        self.station_texts.clear()

    # The station.

    @initialize()
    def begins(self) -> None:
        """The station connects."""
        self.connects()

    @precondition(lambda self: self.bench.relay.state is RelayState.OFFLINE)
    @rule()
    def connects(self) -> None:
        self.took(self.bench.relay.station_connected(self.bench.now, self.version))

    @precondition(lambda self: self.bench.relay.state is not RelayState.OFFLINE)
    @rule()
    def leaves(self) -> None:
        self.took(self.bench.relay.station_gone(self.bench.now))
        assert (self.up, self.down) == ([], [])
        self.line = None
        self.asked_up.clear()
        self.links_broke()

    @precondition(lambda self: self.bench.relay.state is not RelayState.OFFLINE)
    @rule(place=st.integers(0, 5), connector=st.integers(0, 3))
    def station_calls(self, place: int, connector: int) -> None:
        self.serial += 1
        payload: dict[str, Any] = {"connectorId": connector, "status": "Available", "transactionId": connector}
        if self.version.is_v2:
            info = {"transactionId": f"t{connector}"}
            payload |= {"evseId": connector, "evse": {"id": connector}, "eventType": "Started", "transactionInfo": info}
        text = call(f"s{self.serial}", self.words.station[place], payload)
        away = self.bench.relay.state is RelayState.CLOUD_AWAY
        if away:
            self.station_texts.clear()  # it has given up what it asked before
        self.station_texts.add(text)
        waits = self.own_up is not None
        self.took(list(self.bench.station_says(text).actions))
        assert self.up == ([] if away or waits else [text])
        if waits:
            self.held_up.append(text)

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
        self.links_broke()
        self.asked_up = dict.fromkeys(self.asked_up, -UP_PATIENCE_S)  # a late answer is passed on, nothing waits for it

    @precondition(lambda self: self.bench.relay.state is RelayState.RELAYING)
    @rule(place=st.integers(0, 4), copies=st.booleans(), profile=st.booleans())
    def cloud_calls(self, place: int, copies: bool, profile: bool) -> None:
        """Also under the very id that is on the line."""
        self.serial += 1
        action = self.words.cloud[place]
        identifier = self.line.asked if copies and self.line is not None else f"c{self.serial}"
        payload: dict[str, Any] = {"chargingProfile": {}} if profile else {}
        if action == "SetChargingProfile":
            payload = self.words.a_profile
        text = call(identifier, action, payload)
        self.cloud_ids.add(identifier)
        if self.is_being_done(text):
            self.took(list(self.bench.cloud_says(text).actions))
            assert (self.up, self.down) == ([], []), "one answer serves a call and its repeat"
            return
        self.cloud_open[identifier] = self.cloud_open.get(identifier, 0) + 1
        answered_by_us = action == "SetChargingProfile" or (action == self.words.start and profile)
        if not answered_by_us:
            self.undelivered.append((identifier, text))
        free = self.line is None
        self.took(list(self.bench.cloud_says(text).actions))
        went_down = free and not answered_by_us
        assert len(self.down) == went_down
        assert not went_down or with_id(self.down[0], identifier) == text
        assert len(self.up) == (1 if answered_by_us else 0)

    @precondition(lambda self: self.version.is_v2 and self.bench.relay.state is RelayState.RELAYING)
    @rule(meanwhile=st.integers(0, 2))
    def cloud_reads_its_profiles(self, meanwhile: int) -> None:
        """They are answered by us, and reported in a CALL of ours (2.x K09), while the station goes on."""
        for action, payload in (
            ("SetChargingProfile", self.words.a_profile),
            ("GetChargingProfiles", {"requestId": self.serial, "chargingProfile": {}}),
        ):
            self.serial += 1
            self.cloud_ids.add(f"c{self.serial}")
            self.cloud_open[f"c{self.serial}"] = 1
            self.took(list(self.bench.cloud_says(call(f"c{self.serial}", action, payload)).actions))
            assert (len(self.up), self.down) == (1, [])
        for place in range(meanwhile):
            self.station_calls(place=place, connector=1)

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
        was_asked = self.asked_up.pop(f"s{serial}", None) is not None  # and the line up may be free for ours
        self.took(list(self.bench.cloud_says(answer).actions))
        assert self.down == ([answer] if was_asked else []), "each CALL is answered once"

    @precondition(lambda self: self.own_up is not None)
    @rule(refuses=st.booleans())
    def cloud_answers_ours(self, refuses: bool) -> None:
        """The station doesn't hear of it; what it has called meanwhile goes up, in its order."""
        assert self.own_up is not None
        answer, held = error(self.own_up) if refuses else result(self.own_up), self.held_up
        self.line_up_is_free()
        self.took(list(self.bench.cloud_says(answer).actions))
        assert (self.down, self.up) == ([], held)
        assert not held or self.own_up is None

    # What only 2.1 has: messages that nothing answers, and that wait for nobody.

    @precondition(lambda self: self.version is Version.V21 and self.bench.relay.state is not RelayState.OFFLINE)
    @rule(complains=st.booleans())
    def station_sends(self, complains: bool) -> None:
        text = self.unanswered_text(complains)
        self.took(list(self.bench.station_says(text).actions))
        assert (self.up, self.down) == ([text] if self.bench.relay.state is RelayState.RELAYING else [], [])

    @precondition(lambda self: self.version is Version.V21 and self.bench.relay.state is RelayState.RELAYING)
    @rule(complains=st.booleans())
    def cloud_sends(self, complains: bool) -> None:
        text = self.unanswered_text(complains)
        self.took(list(self.bench.cloud_says(text).actions))
        assert (self.up, self.down) == ([], [text])

    def unanswered_text(self, complains: bool) -> str:
        """A CALLRESULTERROR or a SEND."""
        self.serial += 1
        if complains:
            return json.dumps([5, f"x{self.serial}", "FormatViolation", "", {}], indent=1)
        return json.dumps([6, f"x{self.serial}", "NotifyPeriodicEventStream", {}], indent=1)

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

    @rule(target=called_down, seconds=st.sampled_from([0.125, 1.0, 4.0, 10.0, 31.0]))
    def time_passes(self, seconds: float) -> MultipleResults[str]:
        # Exact in binary: a sum of tenths is a little more or less than what it is compared with.
        self.bench.now += seconds
        late = []
        if self.line is not None and self.bench.now >= self.line.until:
            late.append(self.line.id)
            self.unanswered.add(self.line.id)
            if not self.line.own:
                self.cloud_ids.add(self.line.id)  # another one than the cloud's, where that was one of ours
            self.line = None
        held: list[str] = []
        if self.own_up is not None and self.bench.now >= self.own_up_until:
            held = self.held_up
            self.line_up_is_free()
        self.took(list(self.bench.relay.tick(self.bench.now, self.bench.wall)))
        assert [each for each in self.up if each.startswith("[\n 2")] == held
        return multiple(*late)

    @precondition(lambda self: self.bench.relay.state is RelayState.RELAYING and self.may_say_rubbish)
    @rule(text=(st.text(max_size=20) | st.binary(max_size=5)).filter(is_no_frame), from_station=st.booleans())
    def someone_says_rubbish(self, text: str | bytes, from_station: bool) -> None:
        self.rubbish_at.append(self.bench.now)
        says = self.bench.station_says if from_station else self.bench.cloud_says
        self.took([action for action in says(text).actions if isinstance(action, ToStation | ToCloud)])
        complaints = [text[: len(COMPLAINT)] for text in (self.down if from_station else self.up)]
        assert complaints == ([COMPLAINT] if self.version.is_v2 else [])
        assert (self.up if from_station else self.down) == []

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


class PeersV16(Peers):
    """They speak 1.6."""

    version = Version.V16


class PeersV201(Peers):
    """They speak 2.0.1."""

    version = Version.V201


class PeersV21(Peers):
    """They speak 2.1."""

    version = Version.V21


_ENOUGH = settings(max_examples=150, stateful_step_count=50)
PeersV16.TestCase.settings = PeersV201.TestCase.settings = PeersV21.TestCase.settings = _ENOUGH
TestPeersV16, TestPeersV201, TestPeersV21 = PeersV16.TestCase, PeersV201.TestCase, PeersV21.TestCase
