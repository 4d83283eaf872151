"""Configuration, remote control, availability, triggers and cards at the simulated station."""

from typing import Any

import pytest

from tests.unit.simulators.sim_charger_bench import (
    TWO_CONNECTORS,
    Bench,
    limit_profile,
)


def test_get_configuration() -> None:
    """§5.8: all keys, or those asked for in any case of letters, and the unknown ones by name."""
    bench = Bench(connectors=TWO_CONNECTORS).connect()
    every = bench.call("GetConfiguration", {})
    assert "unknownKey" not in every
    answer = bench.call("GetConfiguration", {"key": ["numberofconnectors", "Colour", "HeartbeatInterval"]})
    assert answer == {
        "configurationKey": [
            {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
        ],
        "unknownKey": ["Colour"],
    }
    assert all(each in every["configurationKey"] for each in answer["configurationKey"])


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("HeartbeatInterval", "60", "Accepted"),
        ("HeartbeatInterval", "-1", "Rejected"),
        ("MeterValueSampleInterval", "ten", "Rejected"),
        ("MeterValuesSampledData", "Current.Import, Voltage", "Accepted"),
        ("MeterValuesSampledData", "Current.Import,Moon.Phase", "Rejected"),
        ("AuthorizeRemoteTxRequests", "TRUE", "Accepted"),
        ("AuthorizeRemoteTxRequests", "yes", "Rejected"),
        ("ChargeProfileMaxStackLevel", "3", "Rejected"),
        ("Colour", "red", "NotSupported"),
    ],
)
def test_change_configuration(key: str, value: str, status: str) -> None:
    """§5.3, §3.16.4: applied, refused by value or as read-only, or unknown."""
    bench = Bench().connect()
    assert bench.call("ChangeConfiguration", {"key": key, "value": value}) == {"status": status}


def test_changed_intervals_take_effect_at_once() -> None:
    """HeartbeatInterval, MeterValueSampleInterval and MeterValuesSampledData change what is sent from now on."""
    bench = Bench(sample_interval_s=60).connect()
    bench.plug_in()
    bench.call("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "10"})
    bench.call("ChangeConfiguration", {"key": "metervaluesampleinterval", "value": "5"})
    bench.call("ChangeConfiguration", {"key": "MeterValuesSampledData", "value": "Power.Active.Import"})
    bench.advance(20)
    assert len(bench.made("Heartbeat")) == 2
    assert len(bench.made("MeterValues")) == 4
    assert len(bench.made("MeterValues")[0]["meterValue"][0]["sampledValue"]) == 1
    bench.call("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "0"})
    bench.advance(20)
    assert len(bench.made("MeterValues")) == 4


@pytest.mark.parametrize(("ask_first", "authorizes"), [("true", 1), ("false", 0)])
def test_remote_start_with_a_profile(ask_first: str, authorizes: int) -> None:
    """§5.11, §5.16.2: the profile applies from the first moment, and the answer comes before the transaction."""
    bench = Bench().connect()
    bench.call("ChangeConfiguration", {"key": "AuthorizeRemoteTxRequests", "value": ask_first})
    bench.plug_in()
    bench.call("RemoteStopTransaction", {"transactionId": 1001})
    before = len(bench.made("Authorize"))
    profile = limit_profile(7, chargingProfilePurpose="TxProfile")
    asked = {"connectorId": 1, "idTag": "APP", "chargingProfile": profile}
    assert bench.call("RemoteStartTransaction", asked) == {"status": "Accepted"}
    assert len(bench.made("Authorize")) - before == authorizes
    assert [each["idTag"] for each in bench.made("StartTransaction")] == ["CARD", "APP"]
    assert bench.offered_a() == 7.0
    assert bench.set_profile(1, limit_profile(8, chargingProfilePurpose="TxProfile", transactionId=1002)) == "Accepted"
    assert bench.offered_a() == 8.0


def test_remote_start_waits_for_the_plug_and_no_longer_than_connection_time_out() -> None:
    """§9.1.8: Preparing until the car is plugged in, which then starts without a card, or until the time is up."""
    bench = Bench().connect()
    assert bench.call("RemoteStartTransaction", {"idTag": "APP"}) == {"status": "Accepted"}
    bench.advance(61)
    assert bench.statuses() == ["Available", "Preparing", "Available"]
    bench.call("RemoteStartTransaction", {"idTag": "APP"})
    bench.plug_in(id_tag="CARD")
    assert [each["idTag"] for each in bench.made("StartTransaction")] == ["APP"]


BAD_STARTS: dict[str, dict[str, Any]] = {
    "no such connector": {"connectorId": 9, "idTag": "APP"},
    "running already": {"connectorId": 1, "idTag": "APP"},
    "unavailable": {"connectorId": 2, "idTag": "APP"},
    "no connector free": {"idTag": "APP"},
}


@pytest.mark.parametrize("asked", BAD_STARTS.values(), ids=BAD_STARTS)
def test_remote_starts_that_cannot_be(asked: dict[str, Any]) -> None:
    """§5.11: Rejected where no transaction can begin."""
    bench = Bench(connectors=TWO_CONNECTORS).connect()
    bench.plug_in(1)
    bench.call("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"})
    assert bench.call("RemoteStartTransaction", asked) == {"status": "Rejected"}


@pytest.mark.parametrize(
    "changes", [{"chargingProfilePurpose": "TxDefaultProfile"}, {"transactionId": 5}, {"stackLevel": 10}]
)
def test_remote_starts_with_a_wrong_profile(changes: dict[str, Any]) -> None:
    """Errata 3.41: the profile must be a TxProfile without a transaction id, and one that the station can take."""
    profile = limit_profile(7, **{"chargingProfilePurpose": "TxProfile", **changes})
    asked = {"connectorId": 1, "idTag": "APP", "chargingProfile": profile}
    assert Bench().connect().call("RemoteStartTransaction", asked) == {"status": "Rejected"}


def test_remote_stop() -> None:
    """§5.12: of the running transaction only, with reason Remote; the car stays plugged in."""
    bench = Bench().connect()
    bench.plug_in()
    assert bench.call("RemoteStopTransaction", {"transactionId": 5}) == {"status": "Rejected"}
    assert bench.call("RemoteStopTransaction", {"transactionId": 1001}) == {"status": "Accepted"}
    assert bench.made("StopTransaction")[0]["reason"] == "Remote"
    assert bench.statuses()[-1] == "Finishing"


def test_change_availability() -> None:
    """§5.2: at once when idle, scheduled when charging, for all through connector 0, and back."""
    bench = Bench(connectors=TWO_CONNECTORS).connect()
    bench.plug_in(1)
    assert bench.call("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}) == {"status": "Scheduled"}
    assert (bench.statuses(0)[-1], bench.statuses(2)[-1]) == ("Unavailable", "Unavailable")
    bench.unplug(1)
    assert bench.statuses(1)[-1] == "Unavailable"
    bench.plug_in(1)
    assert len(bench.made("StartTransaction")) == 1
    assert bench.call("ChangeAvailability", {"connectorId": 0, "type": "Operative"}) == {"status": "Accepted"}
    assert [bench.statuses(each)[-1] for each in (0, 1, 2)] == ["Available", "Preparing", "Available"]
    assert bench.call("ChangeAvailability", {"connectorId": 7, "type": "Operative"}) == {"status": "Rejected"}


def test_a_preparing_connector_goes_unavailable_by_way_of_available() -> None:
    """§4.9: the table has no way from Preparing to Unavailable."""
    bench = Bench().connect()
    bench.call("RemoteStartTransaction", {"idTag": "APP"})
    bench.call("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    assert bench.statuses() == ["Available", "Preparing", "Available", "Unavailable"]


def test_unlock_connector_ends_the_transaction_first() -> None:
    """§5.18: StopTransaction with UnlockCommand, then Unlocked; NotSupported where there is no such connector."""
    bench = Bench().connect()
    bench.plug_in()
    assert bench.call("UnlockConnector", {"connectorId": 1}) == {"status": "Unlocked"}
    assert bench.made("StopTransaction")[0]["reason"] == "UnlockCommand"
    assert bench.call("UnlockConnector", {"connectorId": 5}) == {"status": "NotSupported"}


def test_trigger_message() -> None:
    """§5.17: the answer first, then what was asked for, of one connector or all."""
    bench = Bench(connectors=TWO_CONNECTORS, sample_interval_s=0).connect()
    bench.plug_in(1)
    before = len(bench.calls)
    for wanted in ("MeterValues", "StatusNotification", "Heartbeat", "FirmwareStatusNotification"):
        assert bench.call("TriggerMessage", {"requestedMessage": wanted}) == {"status": "Accepted"}
    assert bench.actions()[before:] == [
        *["MeterValues"] * 2, *["StatusNotification"] * 3, "Heartbeat", "FirmwareStatusNotification",
    ]  # fmt: skip
    running, idle = sorted(bench.made("MeterValues"), key=lambda each: each["connectorId"])
    assert (running["transactionId"], "transactionId" in idle) == (1001, False)
    contexts = {each["context"] for each in running["meterValue"][0]["sampledValue"]}
    assert contexts == {"Trigger"}
    phases = [each.get("phase") for each in idle["meterValue"][0]["sampledValue"]]
    assert phases == ["L1", None, None, "L1-N"]
    asked = {"requestedMessage": "StatusNotification", "connectorId": 2}
    bench.call("TriggerMessage", asked)
    assert bench.calls[-1][1]["connectorId"] == 2
    assert bench.call("TriggerMessage", {**asked, "connectorId": 3}) == {"status": "Rejected"}


def test_trigger_boot_only_on_a_connection_that_has_not_seen_one() -> None:
    """Errata 3.35: rejected after Boot Accepted, possible again after a reconnect."""
    bench = Bench().connect()
    asked = {"requestedMessage": "BootNotification"}
    assert bench.call("TriggerMessage", asked) == {"status": "Rejected"}
    bench.drop()
    bench.connect()
    assert len(bench.made("BootNotification")) == 1
    assert bench.call("TriggerMessage", asked) == {"status": "Accepted"}
    assert len(bench.made("BootNotification")) == 2


def test_local_list_versions_and_updates() -> None:
    """§5.10, §5.15, errata 3.52: full replaces, differential adds and removes, old versions and 0 are refused."""
    bench = Bench().connect()
    accepted = {"status": "Accepted"}
    full = {
        "listVersion": 4,
        "updateType": "Full",
        "localAuthorizationList": [
            {"idTag": "A", "idTagInfo": accepted},
            {"idTag": "B", "idTagInfo": {"status": "Blocked"}},
        ],
    }
    assert bench.call("SendLocalList", full) == {"status": "Accepted"}
    assert bench.call("SendLocalList", {"listVersion": 4, "updateType": "Differential"})["status"] == "VersionMismatch"
    removal = {"listVersion": 5, "updateType": "Differential", "localAuthorizationList": [{"idTag": "B"}]}
    assert bench.call("SendLocalList", removal) == {"status": "Accepted"}
    assert bench.call("SendLocalList", {"listVersion": 0, "updateType": "Full"}) == {"status": "Failed"}
    assert bench.call("GetLocalListVersion", {}) == {"listVersion": 5}


def test_the_local_list_decides_offline_and_beats_the_cache() -> None:
    """§3.5.3: a listed card is judged by the list, case aside, and an expired one is refused."""
    bench = Bench().connect()
    bench.plug_in(id_tag="A")
    bench.unplug()
    entries = [
        {"idTag": "a", "idTagInfo": {"status": "Blocked"}},
        {"idTag": "B", "idTagInfo": {"status": "Accepted", "expiryDate": "2026-11-21T11:00:00Z"}},
        {"idTag": "C", "idTagInfo": {"status": "Accepted"}},
    ]
    bench.call("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries})
    bench.drop()
    for card in ("A", "B", "C"):
        bench.plug_in(id_tag=card)
        bench.unplug()
    bench.connect()
    assert [each["idTag"] for each in bench.made("StartTransaction")] == ["A", "C"]


def test_pre_authorisation_starts_without_asking() -> None:
    """§3.5: with LocalPreAuthorize a card that the cache knows as valid isn't asked for; ClearCache ends that."""
    bench = Bench().connect()
    bench.call("ChangeConfiguration", {"key": "LocalPreAuthorize", "value": "true"})
    for _ in range(2):
        bench.plug_in()
        bench.unplug()
    assert (len(bench.made("Authorize")), len(bench.made("StartTransaction"))) == (1, 2)
    assert bench.call("ClearCache", {}) == {"status": "Accepted"}
    bench.plug_in()
    assert len(bench.made("Authorize")) == 2


def test_data_transfer_of_a_foreign_vendor() -> None:
    """§4.3: no implementation for this vendor."""
    assert Bench().connect().call("DataTransfer", {"vendorId": "org.example"}) == {"status": "UnknownVendorId"}
