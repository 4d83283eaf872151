"""The gateway as a station of its own: frames in, texts and limits out."""

import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from edge.domain.limit import LimitSource
from edge.domain.reading import MeterReading
from edge.domain.site import Station
from edge.ocpp.own_station.station import OwnStation, Step
from edge.ocpp.profiles.desk import ProfileDesk
from edge.ocpp.shelf import Done
from edge.ocpp.versions import Version
from edge.units import PhaseAmps
from tests.unit.ocpp.ocpp_bench import NOON, START, call, error, is_valid, result
from tests.unit.ocpp_profiles.profile_bench import period, profile

EDITIONS = list(Version)


class Own:
    """The state machine, and time that passes only when told to."""

    def __init__(self, version: Version, *, desk: ProfileDesk | None = None) -> None:
        self.version = version
        self.now = START
        self.behind = timedelta()  # our wall clock is by so much
        self.limits: list[float | str | None] = []  # A, or W as text
        self.notes: list[str] = []
        self.station = OwnStation(
            desk=desk if desk is not None else ProfileDesk(Station(id="GW", evses=()), 230.0, whole_a=63.0),
            version=version,
            circuit="main",
            reading=self.reading,
            nonce="0123456789ab",
        )

    def reading(self) -> MeterReading | None:
        return MeterReading(
            meter="grid", at=self.now - 2.0, current_a=PhaseAmps(l1=12.34, l2=-3.0, l3=0.0), power_w=2150.0
        )

    @property
    def wall(self) -> datetime:
        return NOON - self.behind + timedelta(seconds=self.now - START)

    def taken(self, step: Step) -> list[list[Any]]:
        """The messages of a step; all CALLs fit their schema."""
        for limit in step.limits:
            assert (limit.source, limit.circuit) == (LimitSource.CLOUD, "main")
            self.limits.append(limit.limit_a if limit.limit_w is None else f"{limit.limit_w:g} W")
            assert None in (limit.limit_a, limit.limit_w)
        self.notes += step.notes
        messages = [json.loads(text) for text in step.texts]
        for message in messages:
            if message[0] == 2:
                assert is_valid(message[2], message[3], self.version), message
        return messages

    def connect(self) -> list[list[Any]]:
        return self.taken(self.station.connected(self.now, self.wall))

    def wait(self, seconds: float) -> list[list[Any]]:
        self.now += seconds
        return self.taken(self.station.tick(self.now, self.wall))

    def hears(self, text: str) -> list[list[Any]]:
        return self.taken(self.station.receive(text, self.now, self.wall))

    def asked(self, action: str, payload: dict[str, Any]) -> Any:
        """The cloud's CALL is answered in the form of its schema; the payload of the answer."""
        answer = self.hears(call("c", action, payload))[0]
        assert answer[:2] == [3, "c"]
        assert is_valid(action, answer[2], self.version, answer=True), answer
        return answer[2]

    def accepted(self, interval: int = 300) -> "Own":
        """Past its boot, with nothing outstanding."""
        (boot,) = self.connect()
        body = {"status": "Accepted", "currentTime": "2026-06-01T12:00:00Z", "interval": interval}
        messages = self.hears(result(boot[1], body)) + self.wait(0.5)
        while messages:
            messages = self.hears(result(messages[0][1]))
        return self

    def said(self, messages: list[list[Any]]) -> list[str]:
        return [message[2] for message in messages if message[0] == 2]


def is_accepted(own: Own) -> bool:
    """Whether the cloud has taken it in."""
    return own.station.accepted


def maximum(version: Version, limit: float, **more: Any) -> dict[str, Any]:
    """The payload of SetChargingProfile that sets the station's maximum."""
    place, body = ("connectorId", "csChargingProfiles") if version is Version.V16 else ("evseId", "chargingProfile")
    return {place: 0, body: profile(version, "max", period(0, limit), **more)}


@pytest.mark.parametrize("version", EDITIONS)
def test_it_boots_before_it_says_anything_else(version: Version) -> None:
    """While its boot waits for an answer, or is put off, nothing but boots goes up."""
    own = Own(version)
    (boot,) = own.connect()
    assert boot[2] == "BootNotification"
    waits = {"status": "Pending", "currentTime": "2026-06-01T12:00:00Z", "interval": 20}
    assert own.hears(result(boot[1], waits)) == []
    assert own.wait(19.0) == []
    (boot,) = own.wait(1.0)
    assert own.said([boot]) == ["BootNotification"]
    assert own.hears(error(boot[1])) == []
    (boot,) = own.wait(60.0)
    assert is_accepted(own) is False
    followed = own.hears(result(boot[1], waits | {"status": "Accepted"})) + own.wait(0.5)
    assert is_accepted(own)
    assert own.said(followed)[0] == ("StatusNotification" if version is Version.V16 else "MeterValues")


@pytest.mark.parametrize("version", EDITIONS)
def test_it_beats_and_reports_what_the_site_draws(version: Version) -> None:
    """At the intervals that the cloud wants; what flows out of the site is 0 imported."""
    own = Own(version).accepted(interval=25)
    heard: list[list[Any]] = []
    for _ in range(60):
        messages = own.wait(1.0)
        while messages:
            heard += messages
            messages = own.hears(result(messages[0][1]))
    assert own.said(heard).count("Heartbeat") == 2
    values = [message[3] for message in heard if message[2] == "MeterValues"]
    assert len(values) == 6
    samples = values[0]["meterValue"][0]["sampledValue"]
    assert values[0]["connectorId" if version is Version.V16 else "evseId"] == 0
    told = [(sample["measurand"], sample.get("phase"), float(sample["value"])) for sample in samples]
    assert told == [
        ("Current.Import", "L1", 12.3),
        ("Current.Import", "L2", 0.0),
        ("Current.Import", "L3", 0.0),
        ("Power.Active.Import", None, 2150.0),
    ]


@pytest.mark.parametrize("version", EDITIONS)
def test_one_call_is_outstanding_at_a_time(version: Version) -> None:
    """A cloud that answers nothing hears one CALL in half a minute, and no more is kept than there is to say."""
    own = Own(version).accepted()
    at = [second for second in range(1, 76) if own.wait(1.0)]
    assert len(at) == 3
    assert [later - earlier for earlier, later in pairwise(at)] == [30, 30]


@pytest.mark.parametrize("version", EDITIONS)
def test_a_maximum_is_the_sites_limit(version: Version) -> None:
    """In A or W as it was set, replaced and cleared; told once each."""
    own = Own(version).accepted()
    assert own.asked("SetChargingProfile", maximum(version, 20)) == {"status": "Accepted"}
    own.wait(0.5)
    own.wait(0.5)
    assert own.limits == [20.0]
    assert own.asked("SetChargingProfile", maximum(version, 6900, unit="W")) == {"status": "Accepted"}
    own.wait(0.5)
    assert own.asked("ClearChargingProfile", {}) == {"status": "Accepted"}
    own.wait(0.5)
    assert own.limits == [20.0, "6900 W", None]


@pytest.mark.parametrize("version", EDITIONS)
def test_watts_stay_watts(version: Version) -> None:
    """They are of all phases together, whatever number of phases comes with them, and a new unit is a new limit even
    where the amperes would be the same."""
    own = Own(version).accepted()
    for unit, limit, more in (("W", 6900, {}), ("A", 10, {}), ("W", 6900, {"numberPhases": 1})):
        payload = maximum(version, limit)
        body = profile(version, "max", period(0, limit, **more), unit=unit)
        payload["csChargingProfiles" if version is Version.V16 else "chargingProfile"] = body
        assert own.asked("SetChargingProfile", payload) == {"status": "Accepted"}
        own.wait(0.5)
    assert own.limits == ["6900 W", 10.0, "6900 W"]


def test_watts_of_each_phase_bind_each_phase() -> None:
    """2.1: the lowest of them, in A by the nominal voltage."""
    own = Own(Version.V21).accepted()
    steps = period(0, 4600, limit_L2=2300, limit_L3=6900)
    payload = {"evseId": 0, "chargingProfile": profile(Version.V21, "max", steps, unit="W")}
    assert own.asked("SetChargingProfile", payload) == {"status": "Accepted"}
    own.wait(0.5)
    assert own.limits == [10.0]


@pytest.mark.parametrize("version", EDITIONS)
def test_a_maximum_ends_by_itself(version: Version) -> None:
    """The dead-man profile of an upper controller: also while the cloud is away."""
    own = Own(version).accepted()
    steps = [period(0, 20), period(120, 8)]
    body = profile(version, "max", *steps, start="2026-06-01T12:00:00Z")
    payload = maximum(version, 20)
    payload["csChargingProfiles" if version is Version.V16 else "chargingProfile"] = body
    own.asked("SetChargingProfile", payload)
    own.wait(0.5)
    own.station.disconnected()
    own.wait(121.0)
    assert own.limits == [20.0, 8.0]


@pytest.mark.parametrize("version", EDITIONS)
def test_no_other_profile_means_anything(version: Version) -> None:
    """There is no EVSE that it could be for."""
    own = Own(version).accepted()
    payload = maximum(version, 20)
    body = "csChargingProfiles" if version is Version.V16 else "chargingProfile"
    payload[body] = profile(version, "default", period(0, 10))
    assert own.asked("SetChargingProfile", payload)["status"] == "Rejected"
    own.wait(0.5)
    assert own.limits == []


def test_the_composite_is_told() -> None:
    """GetCompositeSchedule of the whole."""
    own = Own(Version.V16).accepted()
    told = own.asked("GetCompositeSchedule", {"connectorId": 0, "duration": 60})
    assert told["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 63.0
    own.asked("SetChargingProfile", maximum(Version.V16, 20))
    told = own.asked("GetCompositeSchedule", {"connectorId": 0, "duration": 60})
    assert told["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 20.0, "numberPhases": 3}]


def test_the_configuration_of_1_6() -> None:
    """Read, written, refused; the new interval is kept to."""
    own = Own(Version.V16).accepted()
    every = own.asked("GetConfiguration", {})["configurationKey"]
    assert {entry["key"]: entry["value"] for entry in every}["NumberOfConnectors"] == "0"
    some = own.asked("GetConfiguration", {"key": ["HeartbeatInterval", "Foo"]})
    assert (some["unknownKey"], some["configurationKey"][0]["readonly"]) == (["Foo"], False)
    for key, value, status in (
        ("MeterValueSampleInterval", "60", "Accepted"),
        ("MeterValueSampleInterval", "soon", "Rejected"),
        ("NumberOfConnectors", "1", "Rejected"),
        ("Foo", "1", "NotSupported"),
    ):
        assert own.asked("ChangeConfiguration", {"key": key, "value": value}) == {"status": status}
    (read,) = own.asked("GetConfiguration", {"key": ["MeterValueSampleInterval"]})["configurationKey"]
    assert read["value"] == "60"


@pytest.mark.parametrize("version", [Version.V201, Version.V21])
def test_the_variables_of_2_x(version: Version) -> None:
    """Read, written, refused."""
    own = Own(version).accepted()

    def variable(component: str, name: str) -> dict[str, Any]:
        return {"component": {"name": component}, "variable": {"name": name}}

    interval, unit = variable("SampledDataCtrlr", "TxUpdatedInterval"), variable("SmartChargingCtrlr", "RateUnit")
    foo = variable("Foo", "Bar")
    read = own.asked("GetVariables", {"getVariableData": [interval, unit, foo]})["getVariableResult"]
    assert [each["attributeStatus"] for each in read] == ["Accepted", "Accepted", "UnknownVariable"]
    writes = [{**interval, "attributeValue": "30"}, {**unit, "attributeValue": "A"}, {**foo, "attributeValue": "1"}]
    told = own.asked("SetVariables", {"setVariableData": writes})["setVariableResult"]
    assert [each["attributeStatus"] for each in told] == ["Accepted", "Rejected", "UnknownVariable"]
    (read,) = own.asked("GetVariables", {"getVariableData": [interval]})["getVariableResult"]
    assert read["attributeValue"] == "30"


@pytest.mark.parametrize("version", EDITIONS)
def test_what_is_triggered_follows(version: Version) -> None:
    """After the answer; not of a connector that doesn't exist."""
    own = Own(version).accepted()
    for wanted in ("MeterValues", "Heartbeat", "BootNotification"):
        messages = own.hears(call("t", "TriggerMessage", {"requestedMessage": wanted}))
        assert messages[0] == [3, "t", {"status": "Accepted"}]
        assert own.said(messages) == [wanted]
        body = {"status": "Accepted", "currentTime": "2026-06-01T12:00:00Z", "interval": 300}
        more = own.hears(result(messages[1][1], body if wanted == "BootNotification" else {}))
        assert more == []
    place: dict[str, Any] = {"connectorId": 1} if version is Version.V16 else {"evse": {"id": 1}}
    assert own.asked("TriggerMessage", {"requestedMessage": "MeterValues", **place}) == {"status": "Rejected"}
    assert own.asked("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"}) == {
        "status": "NotImplemented"
    }


@pytest.mark.parametrize("version", EDITIONS)
def test_what_a_station_without_evses_does_not_do(version: Version) -> None:
    """Refused in its form, or told as not implemented; what can't be read harms nothing."""
    own = Own(version).accepted()
    assert own.asked("Reset", {"type": "Soft" if version is Version.V16 else "Immediate"}) == {"status": "Rejected"}
    (answer,) = own.hears(call("x", "UpdateFirmware", {}))
    assert answer[:3] == [4, "x", "NotImplemented"]
    assert own.hears("rubbish") == []
    assert len(own.notes) == 1


def test_a_reconnect_needs_no_boot() -> None:
    """OCPP-J 1.6 §5.3: the cloud knows it already."""
    own = Own(Version.V16).accepted()
    own.station.disconnected()
    assert own.said(own.connect()) == ["MeterValues"]


def test_what_only_2_1_says_harms_nothing() -> None:
    """A complaint about an answer, and a message that nothing answers, are taken without a word."""
    own = Own(Version.V21).accepted()
    assert own.asked("Reset", {"type": "Immediate"}) == {"status": "Rejected"}
    assert own.hears(json.dumps([5, "c", "FormatViolation", "", {}])) == []
    assert own.hears(json.dumps([6, "s", "NotifyPeriodicEventStream", {"id": 1}])) == []
    assert own.notes == []


AGES = timedelta(days=56 * 365)  # a gateway without a clock starts in 1970
NOW = "2026-06-01T12:00:00Z"


def leased(version: Version) -> dict[str, Any]:
    """20 A from noon on for five minutes, and 16 A from then on, as a gateway above tells its limits."""
    place, body = ("connectorId", "csChargingProfiles") if version is Version.V16 else ("evseId", "chargingProfile")
    return {place: 0, body: profile(version, "max", period(0, 20), period(300, 16), start=NOW)}


@pytest.mark.parametrize("version", EDITIONS)
@pytest.mark.parametrize("behind", [AGES, timedelta(days=1), timedelta(days=-1)])
def test_what_the_cloud_has_set_counts_by_the_time_that_it_says(version: Version, behind: timedelta) -> None:
    """A gateway whose clock is wrong keeps to the limit all the same, and to when it ends."""
    own = Own(version)
    own.behind = behind
    own.accepted()
    own.asked("SetChargingProfile", leased(version))
    own.wait(1.0)
    assert own.limits == [20.0]
    own.wait(300.0)
    assert own.limits == [20.0, 16.0]


@pytest.mark.parametrize("version", EDITIONS)
def test_what_was_set_before_holds_for_a_gateway_without_a_clock(version: Version) -> None:
    """It starts in 1970, and its cloud isn't there to say the time: the limit holds from then on as when it was set."""
    desk = ProfileDesk(Station(id="GW", evses=()), 230.0, whole_a=63.0)
    Own(version, desk=desk).accepted().asked("SetChargingProfile", leased(version))
    again = Own(version, desk=desk)
    again.behind = AGES
    again.wait(1.0)
    assert again.limits == [20.0]
    again.wait(298.0)
    assert again.limits == [20.0]
    again.wait(2.0)
    assert again.limits == [20.0, 16.0]


class SlowShelf:
    """An empty shelf on which a text is when :attr:`done` has been called."""

    def load(self, station: str) -> str | None:  # noqa: ARG002 - there is one
        return None

    def save(self, station: str, text: str, done: Done) -> None:  # noqa: ARG002
        self.done = done

    def set_aside(self, station: str) -> None:
        raise AssertionError(f"{station}: nothing was kept")


@pytest.mark.parametrize("lost", [False, True])
def test_an_answer_waits_for_the_disk(lost: bool) -> None:
    """It goes out when the limit is there, though nothing else happens, and to whoever asked only."""
    shelf = SlowShelf()
    own = Own(Version.V16, desk=ProfileDesk(Station(id="GW", evses=()), 230.0, shelf, whole_a=63.0)).accepted()
    late: list[Any] = []
    own.station.on_late = lambda: late.extend(own.taken(own.station.collect()))
    assert own.hears(call("p", "SetChargingProfile", leased(Version.V16))) == []
    if lost:
        own.station.disconnected()
    shelf.done(None)
    assert late == ([] if lost else [[3, "p", {"status": "Accepted"}]])
    own.wait(1.0)
    assert own.limits == [20.0]


def test_a_time_that_is_none_moves_nothing() -> None:
    """A cloud that itself has no clock, or says nothing."""
    own = Own(Version.V16).accepted()
    own.asked("SetChargingProfile", leased(Version.V16))
    own.wait(1.0)
    for nothing in ("1970-01-01T00:00:00Z", "noon", None):
        messages = own.hears(call("t", "TriggerMessage", {"requestedMessage": "Heartbeat"}))
        own.hears(result(messages[1][1], {"currentTime": nothing}))
        own.wait(1.0)
    assert own.limits == [20.0]
