"""The desk: what it tells the control, what it keeps, and what it makes of what goes by."""

from datetime import UTC, datetime, timedelta
from typing import Any

from edge.domain.site import EvseKey
from edge.domain.station import EvseStatus, SessionBegan, SessionEnded, StatusReported
from edge.errors import ShelfUnusable
from edge.ocpp.profiles.answer import Answer, CallRefusal, StartRequest
from edge.ocpp.profiles.desk import ASKED_MOST, ProfileDesk
from edge.ocpp.profiles.kept_store import RETRY_S
from edge.ocpp.shelf import Done
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import ID, evse, station
from tests.unit.ocpp_profiles.profile_bench import V16, V201, period, profile

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TEN = period(0, 10)


class Shelf:
    """A shelf in memory that may be out of order."""

    def __init__(self, kept: str | None = None) -> None:
        self.kept = kept
        self.broken = False
        self.saves = 0
        self.aside: list[str] = []

    def load(self, station: str) -> str | None:
        self._check()
        assert station == ID
        return self.kept

    def save(self, station: str, text: str, done: Done) -> None:
        assert station == ID
        if self.broken:
            done("the disk is full")
            return
        self.saves += 1
        self.kept = text
        done(None)

    def set_aside(self, station: str) -> None:
        self._check()
        self.aside.append(f"{station}: {self.kept}")
        self.kept = None

    def _check(self) -> None:
        if self.broken:
            raise ShelfUnusable("the disk is full")


class SlowShelf(Shelf):
    """What is saved is on it when :meth:`write` is called."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: tuple[str, Done] | None = None

    def save(self, station: str, text: str, done: Done) -> None:
        assert station == ID
        assert self.waits is None, "one at a time"
        self.waits = text, done

    def write(self) -> None:
        assert self.waits is not None
        (text, done), self.waits = self.waits, None
        super().save(ID, text, done)


def desk(shelf: Shelf | None = None, version: Version = V16) -> ProfileDesk:
    """The desk of a station with two EVSEs."""
    made = ProfileDesk(station(evse(1), evse(2)), 230.0, shelf)
    made.speak(version)
    return made


def key(number: int) -> EvseKey:
    """Of the station's EVSE."""
    return EvseKey(station=ID, evse=number)


def set_profile(at: ProfileDesk, number: int, raw: dict[str, Any], wall: datetime = NOON) -> object:
    """SetChargingProfile of 1.6; the reply."""
    return asked(at, "SetChargingProfile", {"connectorId": number, "csChargingProfiles": raw}, wall).reply


def asked(at: ProfileDesk, action: str, payload: dict[str, Any], wall: datetime = NOON) -> Answer:
    """The answer of a desk whose shelf is quick."""
    answers: list[Answer] = []
    at.answer(action, payload, wall, answers.append)
    (answer,) = answers
    return answer


def told(
    at: ProfileDesk, wall: datetime = NOON, *, cloud: bool = True, stepped_s: float = 0.0
) -> dict[int, float | None]:
    """What is news for the control, by EVSE; ``stepped_s``: how much of the time since noon is a step of the clock."""
    now = 5.0 + (wall - NOON).total_seconds() - stepped_s
    facts = at.due(now, wall, cloud_connected=cloud)
    assert all(fact.at == now and fact.key.station == ID for fact in facts)
    return {fact.key.evse: fact.limit_a for fact in facts}


def test_the_control_is_told_what_changes_and_no_more() -> None:
    """At once when the cloud says so, at the moment when a schedule says so, and nothing twice."""
    at = desk()
    assert told(at) == {}
    schedule = profile(V16, "default", TEN, period(60, 6), start="2026-06-01T12:00:00Z", schedule={"duration": 90})
    assert set_profile(at, 1, schedule) == {"status": "Accepted"}
    assert told(at) == {1: 10.0}
    assert told(at, NOON + timedelta(seconds=59)) == {}
    assert told(at, NOON + timedelta(seconds=60)) == {1: 6.0}
    assert told(at, NOON + timedelta(seconds=90)) == {1: None}
    assert told(at, NOON, stepped_s=-91.0) == {1: 10.0}  # our clock was set back


def test_the_stations_maximum_is_told_for_the_station_and_each_evse() -> None:
    """EVSE 0: what all may take together."""
    at = desk()
    set_profile(at, 0, profile(V16, "max", period(0, 20)))
    set_profile(at, 2, profile(V16, "default", TEN, number=2))
    assert told(at) == {0: 20.0, 1: 20.0, 2: 10.0}
    asked(at, "ClearChargingProfile", {})
    assert told(at) == {0: None, 1: None, 2: None}


def test_a_remote_start_of_16_from_request_to_stop() -> None:
    """The profile holds from StartTransaction.req on, and goes with StopTransaction."""
    at = desk()
    payload = {"connectorId": 1, "idTag": "tag", "chargingProfile": profile(V16, "tx", TEN)}
    assert isinstance(at.start(payload, NOON), StartRequest)
    at.start_answered(1, "tag", accepted=True)
    assert told(at) == {}
    at.station_called("StartTransaction", {"connectorId": 1, "idTag": "TAG"}, (), NOON)
    assert told(at) == {1: 10.0}
    at.learned([SessionBegan(key=key(1), at=5.0, transaction_id="77")], NOON)
    assert told(at) == {}
    six = profile(V16, "tx", period(0, 6), number=2, transactionId=77)
    assert set_profile(at, 1, six) == {"status": "Accepted"}
    assert told(at) == {1: 6.0}
    at.station_called("StopTransaction", {"transactionId": 77}, [SessionEnded(key=key(1), at=5.0)], NOON)
    assert told(at) == {1: None}


def test_a_refused_remote_start_leaves_nothing() -> None:
    """The next driver with that idTag is not bound by it."""
    at = desk()
    at.start({"connectorId": 1, "idTag": "tag", "chargingProfile": profile(V16, "tx", TEN)}, NOON)
    at.start_answered(1, "tag", accepted=False)
    at.station_called("StartTransaction", {"connectorId": 1, "idTag": "tag"}, (), NOON)
    assert told(at) == {}


def test_a_begin_that_is_told_again_keeps_the_sessions_profile() -> None:
    """The station missed the answer; meanwhile the cloud had set the session's limit, which isn't lifted by that."""
    at = desk()
    begin = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-06-01T12:00:00Z"}
    began = SessionBegan(key=key(1), at=5.0, transaction_id="7")
    at.station_called("StartTransaction", begin, (), NOON)
    at.learned([began], NOON)
    limited = profile(V16, "tx", TEN, kind="Relative") | {"transactionId": 7}
    assert set_profile(at, 1, limited) == {"status": "Accepted"}
    at.station_called("StartTransaction", begin, (), NOON)
    assert told(at)[1] == 10.0
    at.learned([began], NOON)
    assert at.allowance(1, NOON.timestamp()).limit_a == 10.0


def test_a_begin_whose_answer_names_another_session_ends_the_one_before() -> None:
    """Its end was lost; its profile is not the next one's."""
    at = desk()
    at.learned([SessionBegan(key=key(1), at=5.0, transaction_id="7")], NOON)
    assert set_profile(at, 1, profile(V16, "tx", TEN, kind="Relative")) == {"status": "Accepted"}
    at.station_called("StartTransaction", {"connectorId": 1, "idTag": "B"}, (), NOON)
    at.learned([SessionBegan(key=key(1), at=6.0, transaction_id="8")], NOON)
    assert at.allowance(1, NOON.timestamp()).limit_a is None


def test_a_session_that_ended_unseen_is_over_when_the_connector_is_available() -> None:
    """1.6: after a restart of the gateway nobody else remembers the transaction."""
    shelf = Shelf()
    before = desk(shelf)
    before.learned([SessionBegan(key=key(1), at=1.0, transaction_id="77")], NOON)
    set_profile(before, 1, profile(V16, "tx", TEN, transactionId=77))
    after = desk(shelf)
    assert told(after) == {1: 10.0}
    available = StatusReported(key=key(1), at=5.0, status=EvseStatus.AVAILABLE)
    after.station_called("StatusNotification", {}, [available], NOON)
    assert told(after) == {1: None}


def test_a_transaction_of_2x_from_request_to_end() -> None:
    """Bound by remoteStartId in a TransactionEvent, gone with the one that says Ended."""
    at = desk(version=V201)
    payload = {"remoteStartId": 9, "idToken": {}, "chargingProfile": profile(V201, "tx", TEN)}
    assert isinstance(at.start(payload, NOON), StartRequest)
    info = {"transactionId": "abc", "remoteStartId": 9}
    started = {"eventType": "Started", "transactionInfo": info, "evse": {"id": 2}}
    at.station_called("TransactionEvent", started, [SessionBegan(key=key(2), at=5.0, transaction_id="abc")], NOON)
    assert told(at) == {2: 10.0}
    later = {"eventType": "Updated", "transactionInfo": {"transactionId": "abc"}}
    at.station_called("TransactionEvent", later, (), NOON)
    assert told(at) == {}
    at.station_called("TransactionEvent", later | {"eventType": "Ended"}, (), NOON)
    assert told(at) == {2: None}


def test_a_transaction_whose_first_event_names_no_evse() -> None:
    """2.x, begun by its token: only the first event after the request has the remoteStartId (F01.FR.25), and the EVSE
    is known when the car is plugged in."""
    at = desk(version=V201)
    payload = {"remoteStartId": 9, "evseId": 2, "idToken": {}, "chargingProfile": profile(V201, "tx", TEN)}
    at.start(payload, NOON)
    at.start_answered(2, "9", accepted=True)
    first = {"eventType": "Started", "transactionInfo": {"transactionId": "abc", "remoteStartId": 9}}
    at.station_called("TransactionEvent", first, (), NOON)
    assert told(at) == {}
    plugged = {"eventType": "Updated", "transactionInfo": {"transactionId": "abc"}, "evse": {"id": 2}}
    at.station_called("TransactionEvent", plugged, [SessionBegan(key=key(2), at=5.0, transaction_id="abc")], NOON)
    assert told(at) == {2: 10.0}


def test_an_event_that_comes_late_takes_no_profile_from_the_session_that_runs() -> None:
    """2.x: the dialect reads nothing from it, and neither does the desk."""
    at = desk(version=V201)
    at.learned([SessionBegan(key=key(1), at=5.0, transaction_id="now")], NOON)
    raw = profile(V201, "tx", TEN, transactionId="now")
    assert asked(at, "SetChargingProfile", {"evseId": 1, "chargingProfile": raw}).reply == {"status": "Accepted"}
    late = {"eventType": "Updated", "transactionInfo": {"transactionId": "before"}, "evse": {"id": 1}}
    at.station_called("TransactionEvent", late, (), NOON)
    assert told(at) == {1: 10.0}


def test_frames_that_make_no_sense_change_nothing() -> None:
    """Whatever a station sends in the place of a payload."""
    at = desk()
    before = at.store
    for action in ("StartTransaction", "StopTransaction", "TransactionEvent", "NotifyPriorityCharging", "Heartbeat"):
        payloads: list[object] = [None, [], 5, {}, {"connectorId": -1}, {"connectorId": "x"}, {"transactionInfo": []}]
        for payload in payloads:
            at.station_called(action, payload, (), NOON)
    assert at.store == before


def test_what_is_accepted_is_on_the_disk() -> None:
    """And comes back after a restart: the same answers, the same limits."""
    shelf = Shelf()
    at = desk(shelf)
    set_profile(at, 1, profile(V16, "default", TEN))
    again = desk(shelf)
    assert again.store == at.store
    assert told(again) == {1: 10.0}
    question = {"connectorId": 1, "duration": 600}
    assert asked(again, "GetCompositeSchedule", question).reply == asked(at, "GetCompositeSchedule", question).reply


def test_the_disk_is_written_to_only_when_something_lasts() -> None:
    """Questions, rejections, and a cloud that comes and goes cost no flash; a session its begin and its end."""
    shelf = Shelf()
    at = desk(shelf)
    for _ in range(3):
        at.learned([SessionBegan(key=key(1), at=1.0, transaction_id="77")], NOON)
    assert shelf.saves == 1
    at.learned([SessionEnded(key=key(1), at=2.0)], NOON)
    assert shelf.saves == 2
    shelf.saves = 0
    set_profile(at, 1, profile(V16, "default", TEN))
    assert shelf.saves == 1
    set_profile(at, 1, profile(V16, "tx", TEN, number=2))
    set_profile(at, 1, profile(V16, "default", TEN))
    asked(at, "GetCompositeSchedule", {"connectorId": 1, "duration": 600})
    for cloud in (False, True, False):
        told(at, cloud=cloud)
    assert shelf.saves == 1


def test_a_session_from_before_a_restart_counts_from_its_begin() -> None:
    """A relative profile that the cloud sets after the restart, the first that it ever set."""
    shelf = Shelf()
    desk(shelf).learned([SessionBegan(key=key(1), at=1.0, transaction_id="77")], NOON)
    at, later = desk(shelf), NOON + timedelta(minutes=50)
    at.learned([SessionBegan(key=key(1), at=5.0, transaction_id="77", observed_start=False)], later)
    relative = profile(V16, "default", TEN, period(3600, 20), kind="Relative")
    set_profile(at, 1, relative, later)
    assert told(at, later) == {1: 10.0}
    assert told(at, later + timedelta(minutes=10)) == {1: 20.0}


def test_what_can_not_be_stored_is_not_accepted() -> None:
    """The cloud hears InternalError, nothing changes, and the problem is told until the disk works again."""
    shelf = Shelf()
    at = desk(shelf)
    shelf.broken = True
    reply = set_profile(at, 1, profile(V16, "default", TEN))
    assert isinstance(reply, CallRefusal)
    assert reply.code == "InternalError"
    assert told(at) == {}
    assert at.problem == "charging profiles can't be stored: the disk is full"
    shelf.broken = False
    assert set_profile(at, 1, profile(V16, "default", TEN)) == {"status": "Accepted"}
    assert at.problem is None


def test_a_disk_that_takes_its_time() -> None:
    """The cloud hears nothing and nothing holds until the profile is on the disk; what is asked meanwhile waits."""
    shelf = SlowShelf()
    at = desk(shelf)
    heard: list[Answer] = []
    payload = {"connectorId": 1, "csChargingProfiles": profile(V16, "default", TEN)}
    at.answer("SetChargingProfile", payload, NOON, heard.append)
    at.answer("GetCompositeSchedule", {"connectorId": 1, "duration": 600}, NOON, heard.append)
    assert (heard, told(at)) == ([], {})
    shelf.write()
    assert [fields["status"] for each in heard if isinstance(fields := each.reply, dict)] == ["Accepted", "Accepted"]
    assert told(at) == {1: 10.0}
    assert desk(shelf).store == at.store


def test_what_a_station_tells_while_the_disk_takes_its_time() -> None:
    """Its session is over when the profile of it is on the disk: it isn't set, and comes off the disk again."""
    shelf = SlowShelf()
    at = desk(shelf)
    set_default: list[Answer] = []
    payload = {"connectorId": 2, "csChargingProfiles": profile(V16, "default", TEN, number=2)}
    at.answer("SetChargingProfile", payload, NOON, set_default.append)
    shelf.write()
    at.learned([SessionBegan(key=key(1), at=1.0, transaction_id="77")], NOON)
    shelf.write()
    heard: list[Answer] = []
    payload = {"connectorId": 1, "csChargingProfiles": profile(V16, "tx", TEN)}
    at.answer("SetChargingProfile", payload, NOON, heard.append)
    at.learned([SessionEnded(key=key(1), at=2.0)], NOON)
    shelf.write()
    assert heard[0].reply == {"status": "Rejected"}
    shelf.write()
    assert desk(shelf).store == at.store
    assert [each.profile.id for each in at.store.installed] == [2]


def test_a_slow_disk_that_refuses_in_the_end() -> None:
    """The cloud hears so, and may ask again."""
    shelf = SlowShelf()
    at = desk(shelf)
    heard: list[Answer] = []
    payload = {"connectorId": 1, "csChargingProfiles": profile(V16, "default", TEN)}
    for shelf.broken in (True, False):
        at.answer("SetChargingProfile", payload, NOON, heard.append)
        shelf.write()
    assert [isinstance(each.reply, CallRefusal) for each in heard] == [True, False]
    assert told(at) == {1: 10.0}


def test_what_waits_for_a_disk_is_bounded() -> None:
    """A cloud has one CALL on the line; one that has more is told so."""
    at = desk(SlowShelf())
    heard: list[Answer] = []
    payload = {"connectorId": 1, "csChargingProfiles": profile(V16, "default", TEN)}
    for _ in range(ASKED_MOST + 2):
        at.answer("SetChargingProfile", payload, NOON, heard.append)
    assert [isinstance(each.reply, CallRefusal) for each in heard] == [True]


def test_what_a_station_told_is_tried_again_on_a_disk_that_refused() -> None:
    """Also where nothing else is told."""
    shelf = Shelf()
    at = desk(shelf)
    set_profile(at, 1, profile(V16, "default", TEN))
    shelf.broken = True
    at.learned([SessionBegan(key=key(1), at=1.0, transaction_id="77")], NOON)
    told(at)
    shelf.broken = False
    assert desk(shelf).store != at.store
    told(at, NOON + timedelta(seconds=RETRY_S))
    assert at.problem is None
    assert desk(shelf).store == at.store


def test_a_damaged_file_is_a_problem_and_no_crash() -> None:
    """It is set aside, and the station starts without profiles."""
    shelf = Shelf("rubbish")
    at = desk(shelf)
    assert at.store.installed == ()
    assert at.problem is not None
    assert at.problem.startswith("the kept charging profiles are lost")
    assert shelf.aside == [f"{ID}: rubbish"]


def test_a_disk_that_can_not_even_be_read() -> None:
    """Both errors are told."""
    shelf = Shelf("rubbish")
    shelf.broken = True
    assert desk(shelf).problem == "the kept charging profiles are lost: the disk is full; the disk is full"


def test_which_actions_are_the_desks() -> None:
    """GetChargingProfiles is one of 2.x only."""
    assert desk().owns("SetChargingProfile")
    assert not desk().owns("GetChargingProfiles")
    assert desk(version=V201).owns("GetChargingProfiles")
