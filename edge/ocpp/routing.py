"""One table: what the relay does with each action, by the side that calls.

An action that isn't in the table (a vendor's own, a later edition's) is relayed.
"""

from collections.abc import Mapping
from enum import StrEnum


class Route(StrEnum):
    """What becomes of a CALL."""

    RELAY = "relay"  # passed on
    OBSERVE = "observe"  # passed on, and the facts in it are copied out
    OWN = "own"  # answered by the gateway when it controls: never reaches the station
    SCREEN = "screen"  # passed on unless it carries a charging profile; then as OWN


# Sources: OCPP 1.6 edition 2 §4 and §5 (core, firmware management, local authorisation list, reservation, smart
# charging, remote trigger); OCPP 1.6 security whitepaper edition 3 §4 and §5.

FROM_STATION_V16: Mapping[str, Route] = {
    "Authorize": Route.RELAY,
    "BootNotification": Route.OBSERVE,
    "DataTransfer": Route.RELAY,
    "DiagnosticsStatusNotification": Route.RELAY,
    "FirmwareStatusNotification": Route.RELAY,
    "Heartbeat": Route.RELAY,
    "LogStatusNotification": Route.RELAY,
    "MeterValues": Route.OBSERVE,
    "SecurityEventNotification": Route.RELAY,
    "SignCertificate": Route.RELAY,
    "SignedFirmwareStatusNotification": Route.RELAY,
    "StartTransaction": Route.OBSERVE,
    "StatusNotification": Route.OBSERVE,
    "StopTransaction": Route.OBSERVE,
}

FROM_CLOUD_V16: Mapping[str, Route] = {
    "CancelReservation": Route.RELAY,
    "CertificateSigned": Route.RELAY,
    "ChangeAvailability": Route.RELAY,
    "ChangeConfiguration": Route.RELAY,
    "ClearCache": Route.RELAY,
    "ClearChargingProfile": Route.OWN,
    "DataTransfer": Route.RELAY,
    "DeleteCertificate": Route.RELAY,
    "ExtendedTriggerMessage": Route.RELAY,
    "GetCompositeSchedule": Route.OWN,
    "GetConfiguration": Route.RELAY,
    "GetDiagnostics": Route.RELAY,
    "GetInstalledCertificateIds": Route.RELAY,
    "GetLocalListVersion": Route.RELAY,
    "GetLog": Route.RELAY,
    "InstallCertificate": Route.RELAY,
    "RemoteStartTransaction": Route.SCREEN,
    "RemoteStopTransaction": Route.RELAY,
    "ReserveNow": Route.RELAY,
    "Reset": Route.RELAY,
    "SendLocalList": Route.RELAY,
    "SetChargingProfile": Route.OWN,
    "SignedUpdateFirmware": Route.RELAY,
    "TriggerMessage": Route.RELAY,
    "UnlockConnector": Route.RELAY,
    "UpdateFirmware": Route.RELAY,
}
