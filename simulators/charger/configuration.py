"""The configuration keys of the station (OCPP 1.6 §9), as one table. They outlive a reboot."""

from collections.abc import Callable
from dataclasses import dataclass

from simulators.charger.metering import MEASURANDS
from simulators.charger.profiles import StoreSize
from simulators.charger.spec import StationSpec, Supply

Check = Callable[[str], bool]


def _whole(lowest: int, highest: int) -> Check:
    return lambda text: text.isascii() and text.isdigit() and lowest <= int(text) <= highest


def _flag(text: str) -> bool:
    return text.lower() in ("true", "false")


def _measurands(text: str) -> bool:
    """§3.16.4: one unknown measurand, and the whole list is rejected. The empty list is allowed."""
    return all(name in MEASURANDS for name in split_list(text))


def split_list(text: str) -> list[str]:
    """The items of a comma-separated list."""
    return [item.strip() for item in text.split(",") if item.strip()]


DAY_S = 86_400
WRITABLE: dict[str, Check] = {
    "AllowOfflineTxForUnknownId": _flag,
    "AuthorizeRemoteTxRequests": _flag,
    "ConnectionTimeOut": _whole(1, DAY_S),
    "HeartbeatInterval": _whole(1, 7 * DAY_S),
    "LocalAuthListEnabled": _flag,
    "LocalAuthorizeOffline": _flag,
    "LocalPreAuthorize": _flag,
    "MeterValueSampleInterval": _whole(0, DAY_S),
    "MeterValuesSampledData": _measurands,
    "StopTransactionOnInvalidId": _flag,
    "TransactionMessageAttempts": _whole(1, 100),
    "TransactionMessageRetryInterval": _whole(0, DAY_S),
}
"""The keys that ChangeConfiguration may set, and what their values must be; every other key is read-only."""

MAX_KEYS = 50  # GetConfigurationMaxKeys: more than the station has
LOCAL_LIST_MAX_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key as GetConfiguration.conf shows it."""

    key: str
    value: str
    readonly: bool


class Configuration:
    """Keys and values. Names are case insensitive (CiString50Type)."""

    def __init__(self, spec: StationSpec, size: StoreSize) -> None:
        only_dc = all(each.supply is Supply.DC for each in spec.connectors)
        switches = any(each.switches_phases for each in spec.connectors)
        self._values = {
            "AllowOfflineTxForUnknownId": "true",
            "AuthorizationCacheEnabled": "true",
            "AuthorizeRemoteTxRequests": "false",
            "ChargeProfileMaxStackLevel": str(size.max_stack_level),
            "ChargingScheduleAllowedChargingRateUnit": "Power" if only_dc else "Current,Power",
            "ChargingScheduleMaxPeriods": str(size.max_periods),
            "ClockAlignedDataInterval": "0",
            "ConnectionTimeOut": "60",
            "ConnectorPhaseRotation": ",".join(f"{each.connector_id}.Unknown" for each in spec.connectors),
            "ConnectorSwitch3to1PhaseSupported": "true" if switches else "false",
            "GetConfigurationMaxKeys": str(MAX_KEYS),
            "HeartbeatInterval": "300",
            "LocalAuthListEnabled": "true",
            "LocalAuthListMaxLength": str(LOCAL_LIST_MAX_LENGTH),
            "LocalAuthorizeOffline": "true",
            "LocalPreAuthorize": "false",
            "MaxChargingProfilesInstalled": str(size.max_installed),
            "MeterValueSampleInterval": str(spec.sample_interval_s),
            "MeterValuesAlignedData": "",
            "MeterValuesSampledData": ",".join(MEASURANDS),
            "MeterValuesSampledDataMaxLength": str(len(MEASURANDS)),
            "NumberOfConnectors": str(len(spec.connectors)),
            "ResetRetries": "0",
            "SendLocalListMaxLength": str(LOCAL_LIST_MAX_LENGTH),
            "StopTransactionOnEVSideDisconnect": "true",
            "StopTransactionOnInvalidId": "true",
            "StopTxnAlignedData": "",
            "StopTxnSampledData": "",
            "SupportedFeatureProfiles": "Core,LocalAuthListManagement,SmartCharging,RemoteTrigger",
            "TransactionMessageAttempts": "5",
            "TransactionMessageRetryInterval": "10",
            "UnlockConnectorOnEVSideDisconnect": "true",
        }
        self._names = {name.lower(): name for name in self._values}

    def entry(self, key: str) -> Entry | None:
        """The key, or None if the station doesn't know it."""
        name = self._names.get(key.lower())
        if name is None:
            return None
        return Entry(key=name, value=self._values[name], readonly=name not in WRITABLE)

    def entries(self) -> list[Entry]:
        """Every key, by name."""
        return [Entry(key=name, value=value, readonly=name not in WRITABLE) for name, value in self._values.items()]

    def change(self, key: str, value: str) -> str:
        """ChangeConfiguration: the status of §5.3."""
        name = self._names.get(key.lower())
        if name is None:
            return "NotSupported"
        check = WRITABLE.get(name)
        if check is None or not check(value):
            return "Rejected"
        self._values[name] = value
        return "Accepted"

    def whole(self, name: str) -> int:
        """The value of a key that holds a whole number."""
        return int(self._values[name])

    def flag(self, name: str) -> bool:
        """The value of a key that holds true or false."""
        return self._values[name].lower() == "true"

    def items(self, name: str) -> list[str]:
        """The items of a key that holds a comma-separated list."""
        return split_list(self._values[name])
