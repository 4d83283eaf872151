"""One table: what the relay does with each action of each edition.

An action that isn't in the table (a vendor's own, a later edition's) is relayed. A signed action has the route of the
plain one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge.ocpp.signed import SUFFIX
from edge.ocpp.versions import Version


class Route(StrEnum):
    """What becomes of a CALL while the gateway controls. While it only observes, all of them pass."""

    RELAY = "relay"  # passed on
    OBSERVE = "observe"  # passed on, and the facts in it are copied out
    OWN = "own"  # answered by the gateway: never reaches the station, but for what can't hit our limits
    SCREEN = "screen"  # passed on unless it carries a charging profile; then as OWN
    GUARD = "guard"  # passed on, but for what the control needs of the station's configuration
    # Passed on, but for what whoever stands in for the cloud has given or kept: a transaction's number, a local list,
    # messages; or whose answer says who comes: a reservation.
    REWRITE = "rewrite"


class Caller(StrEnum):
    """Who makes the CALL."""

    STATION = "station"
    CLOUD = "cloud"


@dataclass(frozen=True, slots=True)
class Row:
    """One action: who makes it, and its route in 1.6, 2.0.1 and 2.1; None where the edition hasn't got it."""

    action: str
    callers: tuple[Caller, ...]
    v16: Route | None
    v201: Route | None
    v21: Route | None

    def route(self, version: Version) -> Route | None:
        """The route in this edition."""
        match version:
            case Version.V16:
                return self.v16
            case Version.V201:
                return self.v201
            case Version.V21:
                return self.v21


_UP, _DOWN = (Caller.STATION,), (Caller.CLOUD,)
_BOTH = (Caller.STATION, Caller.CLOUD)
_R, _O, _OWN, _S, _G = Route.RELAY, Route.OBSERVE, Route.OWN, Route.SCREEN, Route.GUARD
_RE = Route.REWRITE

# Sources: OCPP 1.6 edition 2 §4 and §5; OCPP 1.6 security whitepaper edition 3 §4 and §5; OCPP 2.0.1 edition 3 part 2
# §1; OCPP 2.1 part 2 §1.
TABLE: tuple[Row, ...] = (
    Row("AFRRSignal", _DOWN, None, None, _R),
    Row("AdjustPeriodicEventStream", _DOWN, None, None, _R),
    Row("Authorize", _UP, _R, _R, _R),
    Row("BatterySwap", _UP, None, None, _R),
    Row("BootNotification", _UP, _O, _O, _O),
    Row("CancelReservation", _DOWN, _RE, _RE, _RE),
    Row("CertificateSigned", _DOWN, _R, _R, _R),
    Row("ChangeAvailability", _DOWN, _R, _R, _R),
    Row("ChangeConfiguration", _DOWN, _G, None, None),
    Row("ChangeTransactionTariff", _DOWN, None, None, _R),
    Row("ClearCache", _DOWN, _RE, _RE, _RE),
    Row("ClearChargingProfile", _DOWN, _OWN, _OWN, _OWN),
    Row("ClearDERControl", _DOWN, None, None, _R),
    Row("ClearDisplayMessage", _DOWN, None, _R, _R),
    Row("ClearTariffs", _DOWN, None, None, _R),
    Row("ClearVariableMonitoring", _DOWN, None, _R, _R),
    Row("ClearedChargingLimit", _UP, None, _R, _R),
    Row("ClosePeriodicEventStream", _UP, None, None, _R),
    Row("CostUpdated", _DOWN, None, _R, _R),
    Row("CustomerInformation", _DOWN, None, _RE, _RE),
    Row("DataTransfer", _BOTH, _RE, _R, _R),  # some of 1.6 name a transaction (edge.offline.cost_messages)
    Row("DeleteCertificate", _DOWN, _R, _R, _R),
    Row("DiagnosticsStatusNotification", _UP, _R, None, None),
    Row("ExtendedTriggerMessage", _DOWN, _R, None, None),
    Row("FirmwareStatusNotification", _UP, _R, _R, _R),
    Row("Get15118EVCertificate", _UP, None, _R, _R),
    Row("GetBaseReport", _DOWN, None, _R, _R),
    Row("GetCertificateChainStatus", _UP, None, None, _R),
    Row("GetCertificateStatus", _UP, None, _R, _R),
    Row("GetChargingProfiles", _DOWN, None, _OWN, _OWN),
    Row("GetCompositeSchedule", _DOWN, _OWN, _OWN, _OWN),
    Row("GetConfiguration", _DOWN, _G, None, None),
    Row("GetDERControl", _DOWN, None, None, _R),
    Row("GetDiagnostics", _DOWN, _R, None, None),
    Row("GetDisplayMessages", _DOWN, None, _R, _R),
    Row("GetInstalledCertificateIds", _DOWN, _R, _R, _R),
    Row("GetLocalListVersion", _DOWN, _RE, _RE, _RE),
    Row("GetLog", _DOWN, _R, _R, _R),
    Row("GetMonitoringReport", _DOWN, None, _R, _R),
    Row("GetPeriodicEventStream", _DOWN, None, None, _R),
    Row("GetReport", _DOWN, None, _R, _R),
    Row("GetTariffs", _DOWN, None, None, _R),
    Row("GetTransactionStatus", _DOWN, None, _RE, _RE),
    Row("GetVariables", _DOWN, None, _G, _G),
    Row("Heartbeat", _UP, _R, _R, _R),
    Row("InstallCertificate", _DOWN, _R, _R, _R),
    Row("LogStatusNotification", _UP, _R, _R, _R),
    Row("MeterValues", _UP, _O, _O, _O),
    Row("NotifyAllowedEnergyTransfer", _DOWN, None, None, _R),
    Row("NotifyChargingLimit", _UP, None, _R, _R),
    Row("NotifyCustomerInformation", _UP, None, _R, _R),
    Row("NotifyDERAlarm", _UP, None, None, _R),
    Row("NotifyDERStartStop", _UP, None, None, _R),
    Row("NotifyDisplayMessages", _UP, None, _R, _R),
    Row("NotifyEVChargingNeeds", _UP, None, _O, _O),
    Row("NotifyEVChargingSchedule", _UP, None, _R, _R),
    Row("NotifyEvent", _UP, None, _O, _O),
    Row("NotifyMonitoringReport", _UP, None, _R, _R),
    Row("NotifyPeriodicEventStream", _UP, None, None, _R),
    Row("NotifyPriorityCharging", _UP, None, None, _O),
    Row("NotifyReport", _UP, None, _G, _G),
    Row("NotifySettlement", _UP, None, None, _R),
    Row("NotifyWebPaymentStarted", _DOWN, None, None, _R),
    Row("OpenPeriodicEventStream", _UP, None, None, _R),
    Row("PublishFirmware", _DOWN, None, _R, _R),
    Row("PublishFirmwareStatusNotification", _UP, None, _R, _R),
    Row("PullDynamicScheduleUpdate", _UP, None, None, _R),
    Row("RemoteStartTransaction", _DOWN, _S, None, None),
    Row("RemoteStopTransaction", _DOWN, _RE, None, None),
    Row("ReportChargingProfiles", _UP, None, _R, _R),
    Row("ReportDERControl", _UP, None, None, _R),
    Row("RequestBatterySwap", _DOWN, None, None, _R),
    Row("RequestStartTransaction", _DOWN, None, _S, _S),
    Row("RequestStopTransaction", _DOWN, None, _R, _R),
    Row("ReservationStatusUpdate", _UP, None, _R, _R),
    Row("ReserveNow", _DOWN, _RE, _RE, _RE),
    Row("Reset", _DOWN, _R, _R, _R),
    Row("SecurityEventNotification", _UP, _R, _R, _R),
    Row("SendLocalList", _DOWN, _RE, _RE, _RE),
    Row("SetChargingProfile", _DOWN, _OWN, _OWN, _OWN),
    Row("SetDERControl", _DOWN, None, None, _R),
    Row("SetDefaultTariff", _DOWN, None, None, _R),
    Row("SetDisplayMessage", _DOWN, None, _R, _R),
    Row("SetMonitoringBase", _DOWN, None, _R, _R),
    Row("SetMonitoringLevel", _DOWN, None, _R, _R),
    Row("SetNetworkProfile", _DOWN, None, _G, _G),
    Row("SetVariableMonitoring", _DOWN, None, _R, _R),
    Row("SetVariables", _DOWN, None, _G, _G),
    Row("SignCertificate", _UP, _R, _R, _R),
    Row("SignedFirmwareStatusNotification", _UP, _R, None, None),
    Row("SignedUpdateFirmware", _DOWN, _R, None, None),
    Row("StartTransaction", _UP, _O, None, None),
    Row("StatusNotification", _UP, _O, _O, _O),
    Row("StopTransaction", _UP, _O, None, None),
    Row("TransactionEvent", _UP, None, _O, _O),
    Row("TriggerMessage", _DOWN, _R, _R, _R),
    Row("UnlockConnector", _DOWN, _R, _R, _R),
    Row("UnpublishFirmware", _DOWN, None, _R, _R),
    Row("UpdateDynamicSchedule", _DOWN, None, None, _OWN),
    Row("UpdateFirmware", _DOWN, _R, _R, _R),
    Row("UsePriorityCharging", _DOWN, None, None, _OWN),
    Row("VatNumberValidation", _UP, None, None, _R),
)


def _routes(caller: Caller, version: Version) -> Mapping[str, Route]:
    found = {row.action: row.route(version) for row in TABLE if caller in row.callers}
    return {action: route for action, route in found.items() if route is not None}


# Routes of the cloud's CALLs whose answers are shown to whoever stands in for it.
TO_STAND_IN = frozenset({Route.REWRITE, Route.SCREEN})

FROM_STATION: Mapping[Version, Mapping[str, Route]] = {version: _routes(Caller.STATION, version) for version in Version}
FROM_CLOUD: Mapping[Version, Mapping[str, Route]] = {version: _routes(Caller.CLOUD, version) for version in Version}


def route(routes: Mapping[str, Route], action: str) -> Route:
    """The route of an action in one of the tables above, signed or not."""
    found = routes.get(action)
    if found is None and action.endswith(SUFFIX):
        found = routes.get(action.removesuffix(SUFFIX))
    return Route.RELAY if found is None else found
