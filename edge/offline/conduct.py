"""One table: what is done with each action of a station while its cloud is away, and who makes each action at all.

An action that isn't in the table (a vendor's own) is refused: only the cloud can know what it means.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edge.offline import cost_messages
from edge.offline.edition import Edition
from edge.offline.message import text


class Conduct(StrEnum):
    """How a CALL of the station is met."""

    BOOT = "answered from what the cloud last said; told the cloud when it is back"
    HEARTBEAT = "answered"
    STATUS = "answered; the newest of each connector told the cloud when it is back"
    AUTHORIZE = "answered from list, cache and the site's own tokens"
    TRANSACTION = "kept, answered, and delivered in order"
    NOTICE = "kept, answered with what says no more than that it was taken, and delivered"
    DECLINE = "answered with the action's own way of saying no"
    REFUSE = "refused: only the cloud can answer"
    SILENT = "dropped: nothing answers it and it serves the moment only"
    CLOUD_ONLY = "never made by a station"


@dataclass(frozen=True, slots=True)
class Row:
    """One action: how it is met, the editions that have it, and the status in a fixed answer (None for none).

    ``in_turn``: a notice of what is so from now on, without its time. What the cloud hears last it believes, so none of
    them overtakes one that was kept.
    """

    action: str
    conduct: Conduct
    editions: frozenset[Edition]
    status: str | None = None
    in_turn: bool = False

    @property
    def answer(self) -> dict[str, str]:
        """The payload of the fixed answer."""
        return {} if self.status is None else {"status": self.status}


_ALL = frozenset(Edition)
_V16 = frozenset({Edition.V16})
_V2 = frozenset({Edition.V201, Edition.V21})
_V21 = frozenset({Edition.V21})
_ACCEPTED, _REJECTED, _FAILED = "Accepted", "Rejected", "Failed"
_C = Conduct

# Sources: OCPP 1.6 edition 2 §4 to §6; the 1.6 security whitepaper edition 3; OCPP 2.0.1 and 2.1 part 2 §1.
_STATION: tuple[Row, ...] = (
    Row("Authorize", _C.AUTHORIZE, _ALL),
    Row("BatterySwap", _C.NOTICE, _V21, in_turn=True),
    Row("BootNotification", _C.BOOT, _ALL),
    Row("ClearedChargingLimit", _C.NOTICE, _V2, in_turn=True),
    Row("ClosePeriodicEventStream", _C.NOTICE, _V21),
    # Its answer may carry data; what is taken without any is told so, and the cloud gets it afterwards.
    Row("DataTransfer", _C.NOTICE, _ALL, _ACCEPTED),
    Row("DiagnosticsStatusNotification", _C.NOTICE, _V16, in_turn=True),
    Row("FirmwareStatusNotification", _C.NOTICE, _ALL, in_turn=True),
    Row("Get15118EVCertificate", _C.REFUSE, _V2),
    Row("GetCertificateChainStatus", _C.REFUSE, _V21),
    Row("GetCertificateStatus", _C.DECLINE, _V2, _FAILED),
    Row("Heartbeat", _C.HEARTBEAT, _ALL),
    Row("LogStatusNotification", _C.NOTICE, _ALL, in_turn=True),
    Row("MeterValues", _C.TRANSACTION, _ALL),
    Row("NotifyChargingLimit", _C.NOTICE, _V2, in_turn=True),
    Row("NotifyCustomerInformation", _C.NOTICE, _V2),
    Row("NotifyDERAlarm", _C.NOTICE, _V21),
    Row("NotifyDERStartStop", _C.NOTICE, _V21),
    Row("NotifyDisplayMessages", _C.NOTICE, _V2),
    # Accepted would promise a schedule of the cloud's; without one the limits that are set hold (K15.FR.05).
    Row("NotifyEVChargingNeeds", _C.NOTICE, _V2, _REJECTED),
    Row("NotifyEVChargingSchedule", _C.NOTICE, _V2, _ACCEPTED),
    Row("NotifyEvent", _C.NOTICE, _V2),
    Row("NotifyMonitoringReport", _C.NOTICE, _V2),
    Row("NotifyPeriodicEventStream", _C.SILENT, _V21),
    Row("NotifyPriorityCharging", _C.NOTICE, _V21, in_turn=True),
    Row("NotifyReport", _C.NOTICE, _V2),
    Row("NotifySettlement", _C.NOTICE, _V21),
    Row("OpenPeriodicEventStream", _C.DECLINE, _V21, _REJECTED),
    Row("PublishFirmwareStatusNotification", _C.NOTICE, _V2, in_turn=True),
    Row("PullDynamicScheduleUpdate", _C.DECLINE, _V21, _REJECTED),
    Row("ReportChargingProfiles", _C.NOTICE, _V2),
    Row("ReportDERControl", _C.NOTICE, _V21),
    Row("ReservationStatusUpdate", _C.NOTICE, _V2, in_turn=True),
    Row("SecurityEventNotification", _C.NOTICE, _ALL),
    Row("SignCertificate", _C.DECLINE, _ALL, _REJECTED),
    Row("SignedFirmwareStatusNotification", _C.NOTICE, _V16, in_turn=True),
    Row("StartTransaction", _C.TRANSACTION, _V16),
    Row("StatusNotification", _C.STATUS, _ALL),
    Row("StopTransaction", _C.TRANSACTION, _V16),
    Row("TransactionEvent", _C.TRANSACTION, _V2),
    Row("VatNumberValidation", _C.REFUSE, _V21),
)

_CLOUD_V16 = (
    "CancelReservation CertificateSigned ChangeAvailability ChangeConfiguration ClearCache ClearChargingProfile "
    "DeleteCertificate ExtendedTriggerMessage GetCompositeSchedule GetConfiguration GetDiagnostics "
    "GetInstalledCertificateIds GetLocalListVersion GetLog InstallCertificate RemoteStartTransaction "
    "RemoteStopTransaction ReserveNow Reset SendLocalList SetChargingProfile SignedUpdateFirmware TriggerMessage "
    "UnlockConnector UpdateFirmware"
)
_CLOUD_V201 = (
    "CancelReservation CertificateSigned ChangeAvailability ClearCache ClearChargingProfile ClearDisplayMessage "
    "ClearVariableMonitoring CostUpdated CustomerInformation DeleteCertificate GetBaseReport GetChargingProfiles "
    "GetCompositeSchedule GetDisplayMessages GetInstalledCertificateIds GetLocalListVersion GetLog GetMonitoringReport "
    "GetReport GetTransactionStatus GetVariables InstallCertificate PublishFirmware RequestStartTransaction "
    "RequestStopTransaction ReserveNow Reset SendLocalList SetChargingProfile SetDisplayMessage SetMonitoringBase "
    "SetMonitoringLevel SetNetworkProfile SetVariableMonitoring SetVariables TriggerMessage UnlockConnector "
    "UnpublishFirmware UpdateFirmware"
)
_CLOUD_V21 = _CLOUD_V201 + (
    " AFRRSignal AdjustPeriodicEventStream ChangeTransactionTariff ClearDERControl ClearTariffs GetDERControl "
    "GetPeriodicEventStream GetTariffs NotifyAllowedEnergyTransfer NotifyWebPaymentStarted RequestBatterySwap "
    "SetDERControl SetDefaultTariff UpdateDynamicSchedule UsePriorityCharging"
)
_CLOUD = {Edition.V16: _CLOUD_V16, Edition.V201: _CLOUD_V201, Edition.V21: _CLOUD_V21}


def _table(edition: Edition) -> Mapping[str, Row]:
    rows = {name: Row(name, Conduct.CLOUD_ONLY, frozenset({edition})) for name in _CLOUD[edition].split()}
    return rows | {row.action: row for row in _STATION if edition in row.editions}


# Every action of each edition.
TABLE: Mapping[Edition, Mapping[str, Row]] = {edition: _table(edition) for edition in Edition}


# From these something is learned, or from the cloud's answers. While it answers, all others only pass.
_LEARNED_FROM = frozenset({Conduct.BOOT, Conduct.STATUS, Conduct.AUTHORIZE, Conduct.TRANSACTION, Conduct.SILENT})
LEARNED_FROM: Mapping[Edition, frozenset[str]] = {
    edition: frozenset(row.action for row in rows.values() if row.conduct in _LEARNED_FROM)
    for edition, rows in TABLE.items()
}


# Plug & Charge over 1.6 asks by DataTransfer what only the cloud can answer (OCA's application note "Using ISO 15118
# Plug & Charge with OCPP 1.6", and has.to.be's before it): Accepted without its data would let a contract in that
# nobody has seen.
ISO_15118_VENDORS = frozenset({"org.openchargealliance.iso15118pnc", "iso15118"})
_ISO_15118 = Row("DataTransfer", _C.DECLINE, _ALL, _REJECTED)
# The end of what a car is charged for that stands there is a part of its session.
_UNPLUGGED = Row("DataTransfer", _C.TRANSACTION, _V16)
# Rejected has a station switch Plug & Charge off until it is rebooted (2.x A02.FR.21). Accepted, it says so again after
# CertSigningWaitMinimum, as where the cloud's own authority is away (A03), and the cloud signs it when it is back.
_V2G_CERTIFICATES = frozenset({"V2GCertificate", "V2G20Certificate"})
_SIGN_V2G = Row("SignCertificate", _C.NOTICE, _V2, _ACCEPTED)
# Where there is no cloud at all nobody has an implementation for any vendor (OCPP 1.6 §4.3, 2.x P02).
_NO_VENDORS = Row("DataTransfer", _C.DECLINE, _ALL, "UnknownVendorId")


def row(edition: Edition, action: str, payload: Mapping[str, Any] | None = None, *, has_cloud: bool = True) -> Row:
    """The row of an action; what a station has no business to make, or a vendor's own, is refused. ``has_cloud``: the
    site has one, away or not."""
    if action == "DataTransfer" and payload is not None and text(payload.get("vendorId")) in ISO_15118_VENDORS:
        return _ISO_15118
    if action == "DataTransfer" and not has_cloud:
        return _NO_VENDORS
    if action == "SignCertificate" and edition.is_v2 and has_cloud and payload is not None:
        is_v2g = text(payload.get("certificateType")) in _V2G_CERTIFICATES
        return _SIGN_V2G if is_v2g else TABLE[edition][action]
    if edition is Edition.V16 and payload is not None and cost_messages.is_unplugged(action, payload):
        return _UNPLUGGED
    found = TABLE[edition].get(action)
    if found is None or found.conduct is Conduct.CLOUD_ONLY:
        return Row(action, Conduct.REFUSE, frozenset({edition}))
    return found


# What 2.x requires in messages that both have, and 1.6 doesn't know.
_IN_V2 = {"BootNotification": '"chargingStation"', "MeterValues": '"evseId"', "StatusNotification": '"connectorStatus"'}


def is_of_v2(action: str, text: str | None = None) -> bool | None:
    """Whether a station's CALL is one of OCPP 2.x; None where it may be of either, or is a vendor's own. ``text``: the
    whole frame, where that is known."""
    mark = _IN_V2.get(action)
    if mark is not None and text is not None:
        return mark in text
    known = {each.is_v2 for each in Edition if action in TABLE[each]}
    return known.pop() if len(known) == 1 else None


def is_of_another(edition: Edition, action: str, text: str) -> bool:
    """Whether the station's CALL of this text is one of the other of OCPP 1.6 and 2.x, and none of this edition."""
    return is_of_v2(action, text) is (not edition.is_v2)
