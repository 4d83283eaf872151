"""What the station answers to each CALL of the CSMS (OCPP 1.6 §5), as a table from action to handler.

A handler takes the station, the payload (which has passed its JSON schema) and the moment in the station's clock,
does what was asked, and returns the CALLRESULT's payload, or raises CallRefused.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulators.charger.composite import composite_schedule
from simulators.charger.configuration import LOCAL_LIST_MAX_LENGTH, MAX_KEYS
from simulators.charger.connector import Card, Connector, PendingStart
from simulators.charger.frames import CallRefused, ErrorCode, Payload, check_payload
from simulators.charger.outbound import Message
from simulators.charger.profile import ChargingProfile, Purpose, RateUnit, UnacceptableProfile, decode_profile
from simulators.charger.profiles import Criteria, RunningTransaction
from simulators.charger.spec import Obedience, Supply

if TYPE_CHECKING:
    from simulators.charger.station import StationCore

Handler = Callable[["StationCore", Payload, float], Payload]


def answer(station: "StationCore", action: str, payload: Payload, now_s: float) -> Payload:
    """The payload that answers this CALL. Raises CallRefused: the answer is a CALLERROR."""
    handler = HANDLERS.get(action)
    if handler is None:
        raise CallRefused(ErrorCode.NOT_IMPLEMENTED, f"{action!r} is not known here")
    check_payload(action, payload)
    return handler(station, payload, now_s)


def _status(status: str) -> Payload:
    return {"status": status}


def _connector(station: "StationCore", connector_id: int) -> Connector | None:
    """The connector; None for 0, the station. Raises CallRefused for a number that doesn't exist (errata 3.39)."""
    if connector_id == 0:
        return None
    connector = station.sessions.connectors.get(connector_id)
    if connector is None:
        highest = len(station.sessions.connectors)
        raise CallRefused(
            ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
            f"connectorId: {connector_id} is not 0 to {highest}",
        )
    return connector


def _set_charging_profile(station: "StationCore", payload: Payload, now_s: float) -> Payload:
    sessions = station.sessions
    sessions.counters.profiles_received += 1
    connector = _connector(station, payload["connectorId"])
    try:
        profile = decode_profile(payload["csChargingProfiles"])
        if station.spec.obedience is Obedience.REFUSES:
            return _status("Rejected")
        _check_unit(station, payload["connectorId"], profile)
        running = None if connector is None else connector.running
        sessions.profiles.install(payload["connectorId"], profile, transaction=running, now_s=now_s)
    except UnacceptableProfile:
        return _status("Rejected")
    sessions.counters.profiles_accepted += 1
    return _status("Accepted")


def _check_unit(station: "StationCore", connector_id: int, profile: ChargingProfile) -> None:
    """A DC connector is limited in W only. Raises UnacceptableProfile."""
    connectors = station.sessions.connectors.values()
    concerned = [each for each in connectors if connector_id in (0, each.id)]
    if profile.unit is RateUnit.AMPERES and any(each.spec.supply is Supply.DC for each in concerned):
        raise UnacceptableProfile("a DC connector is limited in W")


def _clear_charging_profile(station: "StationCore", payload: Payload, _now_s: float) -> Payload:
    purpose = payload.get("chargingProfilePurpose")
    found = station.sessions.profiles.clear(
        Criteria(
            profile_id=payload.get("id"),
            connector_id=payload.get("connectorId"),
            purpose=None if purpose is None else Purpose(purpose),
            stack_level=payload.get("stackLevel"),
        )
    )
    return _status("Accepted" if found else "Unknown")


def _get_composite_schedule(station: "StationCore", payload: Payload, now_s: float) -> Payload:
    return composite_schedule(
        station.sessions,
        payload["connectorId"],
        payload["duration"],
        RateUnit(payload.get("chargingRateUnit", RateUnit.AMPERES)),
        now_s,
    )


def _get_configuration(station: "StationCore", payload: Payload, _now_s: float) -> Payload:
    configuration = station.sessions.configuration
    keys = payload.get("key") or []
    if len(keys) > MAX_KEYS:
        raise CallRefused(ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION, f"key: at most {MAX_KEYS}, not {len(keys)}")
    found = [configuration.entry(key) for key in keys] if keys else configuration.entries()
    unknown = [key for key in keys if configuration.entry(key) is None]
    result: Payload = {
        "configurationKey": [
            {"key": each.key, "readonly": each.readonly, "value": each.value} for each in found if each is not None
        ]
    }
    return {**result, "unknownKey": unknown} if unknown else result


def _change_configuration(station: "StationCore", payload: Payload, now_s: float) -> Payload:
    sessions = station.sessions
    status = sessions.configuration.change(payload["key"], payload["value"])
    if status == "Accepted" and payload["key"].lower() == "heartbeatinterval":
        station.heartbeat_interval_changed(now_s)
    if status == "Accepted" and payload["key"].lower() == "metervaluesampleinterval":
        for connector in sessions.connectors.values():
            sessions.restart_sampling(connector, now_s)
    return _status(status)


def _trigger_message(station: "StationCore", payload: Payload, now_s: float) -> Payload:
    sessions = station.sessions
    wanted = payload["requestedMessage"]
    connector_id = payload.get("connectorId", 0)
    connector = sessions.connectors.get(connector_id)
    if connector is None and connector_id != 0:
        return _status("Rejected")
    match wanted:
        case "BootNotification":
            if not station.registration.may_be_triggered():
                return _status("Rejected")
            station.registration.boot_soon(now_s)
        case "Heartbeat":
            station.outbound.add(Message(action="Heartbeat", payload={}, triggered=True))
        case "MeterValues":
            if not sessions.configuration.items("MeterValuesSampledData"):
                return _status("Rejected")
            for each in sessions.connectors.values() if connector is None else (connector,):
                sessions.add_meter_values(each, now_s, context="Trigger")
        case "StatusNotification":
            ids = [connector_id] if "connectorId" in payload else [0, *sessions.connectors]
            for each_id in ids:
                sessions.add_status(each_id, now_s, triggered=True)
        case "DiagnosticsStatusNotification" | "FirmwareStatusNotification":
            station.outbound.add(Message(action=wanted, payload={"status": "Idle"}, triggered=True))
        case _:
            return _status("NotImplemented")
    return _status("Accepted")


def _remote_start(station: "StationCore", payload: Payload, now_s: float) -> Payload:
    connector = _startable(station, payload.get("connectorId"))
    if connector is None or not station.registration.accepted or station.sessions.resetting:
        return _status("Rejected")  # §4.2: not allowed while Pending
    profile = None
    if "chargingProfile" in payload:
        try:
            profile = decode_profile(payload["chargingProfile"])
            if profile.purpose is not Purpose.TX or profile.transaction_id is not None:
                return _status("Rejected")  # errata 3.41
            expected = RunningTransaction(transaction_id=None)
            station.sessions.profiles.check(connector.id, profile, expected)
            _check_unit(station, connector.id, profile)
        except UnacceptableProfile:
            return _status("Rejected")
        if station.spec.obedience is Obedience.REFUSES:
            profile = None  # §5.11: without smart charging the profile is left aside
    ask_first = station.sessions.configuration.flag("AuthorizeRemoteTxRequests")
    connector.finished = False
    connector.pending = PendingStart(
        id_tag=payload["idTag"], card=Card.PRESENTED if ask_first else Card.AUTHORISED, profile=profile
    )
    station.sessions.refresh(now_s)
    station.sessions.authorise(connector, now_s)
    return _status("Accepted")


def _startable(station: "StationCore", connector_id: int | None) -> Connector | None:
    """The connector named, or the first one with a car, or the first one; None if it can't start a session."""
    free = [
        each
        for each in station.sessions.connectors.values()
        if each.transaction is None and each.operative and each.fault is None
    ]
    if connector_id is not None:
        return next((each for each in free if each.id == connector_id), None)
    return next((each for each in free if each.ev is not None), free[0] if free else None)


def _remote_stop(station: "StationCore", payload: Payload, now_s: float) -> Payload:
    if not station.registration.accepted:
        return _status("Rejected")  # §4.2: not allowed while Pending
    for connector in station.sessions.connectors.values():
        if connector.transaction is not None and connector.transaction.transaction_id == payload["transactionId"]:
            station.sessions.stop(connector, "Remote", now_s)
            return _status("Accepted")
    return _status("Rejected")


def _reset(station: "StationCore", payload: Payload, now_s: float) -> Payload:
    station.restart_after("SoftReset" if payload["type"] == "Soft" else "HardReset", now_s)
    return _status("Accepted")


def _change_availability(station: "StationCore", payload: Payload, now_s: float) -> Payload:
    sessions = station.sessions
    operative = payload["type"] == "Operative"
    connector = sessions.connectors.get(payload["connectorId"])
    if connector is None and payload["connectorId"] != 0:
        return _status("Rejected")
    if connector is None:
        station_changes = sessions.operative is not operative
        sessions.operative = operative
        if station_changes and sessions.live:
            sessions.add_status(0, now_s)
    scheduled = False
    for each in sessions.connectors.values() if connector is None else (connector,):
        if each.operative is not operative and each.transaction is None:
            each.pending = None
            each.finished = False  # a car that stays is Preparing when the connector is back (§4.9, H2)
        each.operative = operative
        scheduled |= not operative and each.transaction is not None
    return _status("Scheduled" if scheduled else "Accepted")


def _unlock_connector(station: "StationCore", payload: Payload, now_s: float) -> Payload:
    connector = station.sessions.connectors.get(payload["connectorId"])
    if connector is None:
        return _status("NotSupported")
    station.sessions.stop(connector, "UnlockCommand", now_s)
    return _status("Unlocked")


def _clear_cache(station: "StationCore", _payload: Payload, _now_s: float) -> Payload:
    station.sessions.cards.forget()
    return _status("Accepted")


def _get_local_list_version(station: "StationCore", _payload: Payload, _now_s: float) -> Payload:
    return {"listVersion": station.sessions.cards.list_version}


def _send_local_list(station: "StationCore", payload: Payload, _now_s: float) -> Payload:
    try:
        status = station.sessions.cards.update_list(
            payload["listVersion"],
            full=payload["updateType"] == "Full",
            entries=payload.get("localAuthorizationList", []),
            max_length=LOCAL_LIST_MAX_LENGTH,
        )
    except ValueError as error:
        raise CallRefused(ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"expiryDate: {error}") from error
    return _status(status)


def _data_transfer(_station: "StationCore", _payload: Payload, _now_s: float) -> Payload:
    return _status("UnknownVendorId")


HANDLERS: dict[str, Handler] = {
    "ChangeAvailability": _change_availability,
    "ChangeConfiguration": _change_configuration,
    "ClearCache": _clear_cache,
    "ClearChargingProfile": _clear_charging_profile,
    "DataTransfer": _data_transfer,
    "GetCompositeSchedule": _get_composite_schedule,
    "GetConfiguration": _get_configuration,
    "GetLocalListVersion": _get_local_list_version,
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "Reset": _reset,
    "SendLocalList": _send_local_list,
    "SetChargingProfile": _set_charging_profile,
    "TriggerMessage": _trigger_message,
    "UnlockConnector": _unlock_connector,
}
