"""The one table of points: what the building reads and writes, by which name, topic and register.

MQTT topics, the Modbus map, ``edge points``, Home Assistant's discovery and the manual are made from it.
"""

from collections.abc import Mapping

from edge.bms.eco import BmsMode
from edge.bms.point import Bank, Block, Kind, Point
from edge.bms.view import CircuitView, EvseView, SiteView
from edge.domain.certificate import CertificateState
from edge.domain.effective import Binding
from edge.domain.station import EvseStatus

MAGIC = 0x4547  # "EG": a master can tell that it has found this map
MAP_VERSION = 1
MIRROR = 1000  # holding registers from here on are the input registers, for masters that know function 3 only
EVSE_BASE = 100  # first input register of the first EVSE
EVSE_STRIDE = 20  # registers for each EVSE
CIRCUIT_BASE = 30_000  # first input register of the first circuit
CIRCUIT_STRIDE = 20  # registers for each circuit
MAX_EVSES = (CIRCUIT_BASE - EVSE_BASE) // EVSE_STRIDE  # more have no registers; MQTT has them
MAX_CIRCUITS = (0x10000 - MIRROR - CIRCUIT_BASE) // CIRCUIT_STRIDE

STATUS_CODES: dict[str, int] = {
    EvseStatus.AVAILABLE.value: 0,
    EvseStatus.PREPARING.value: 1,
    EvseStatus.CHARGING.value: 2,
    EvseStatus.SUSPENDED_EV.value: 3,
    EvseStatus.SUSPENDED_EVSE.value: 4,
    EvseStatus.FINISHING.value: 5,
    EvseStatus.RESERVED.value: 6,
    EvseStatus.UNAVAILABLE.value: 7,
    EvseStatus.FAULTED.value: 8,
    EvseStatus.UNKNOWN.value: 9,
    EvseStatus.OCCUPIED.value: 10,
}
REASON_CODES: dict[str, int] = {
    Binding.FUSE.value: 1,
    Binding.BMS.value: 2,
    Binding.GRID.value: 3,
    Binding.TARIFF.value: 4,
    Binding.FALLBACK.value: 5,
    Binding.SCHEDULE.value: 6,
    Binding.CLOUD.value: 7,
    Binding.INSTALLER.value: 8,
}
MODE_CODES: dict[str, int] = {BmsMode.AUTO.value: 0, BmsMode.PAUSE.value: 1, BmsMode.ECO.value: 2}
RESULT_CODES: dict[str, int] = {"none": 0, "accepted": 1, "out_of_range": 2, "not_writable": 3, "read_only": 4}

BMS_SOURCES = ("bms_mqtt", "bms_modbus")
CERTIFICATE_ALARMS = (CertificateState.EXPIRING, CertificateState.EXPIRED, CertificateState.UNREADABLE)
GRID_SOURCES = ("grid", "grid_eebus", "openadr")


def _status_bits(view: SiteView) -> int:
    bits = (
        view.report.get("control", {}).get("state") not in ("NORMAL", "STARTING"),
        any(each["is_fallback"] for each in view.stated(*BMS_SOURCES)),
        any(each["limit_a"] is not None or each["limit_w"] is not None for each in view.stated(*GRID_SOURCES)),
        view.effective.get("reason") == Binding.FALLBACK.value,
        any(not station["connected"] for station in view.report.get("stations", ())),
        any(each["state"] in CERTIFICATE_ALARMS for each in view.report.get("certificates", ())),
    )
    return sum(1 << index for index, bit in enumerate(bits) if bit)


def _ticks(view: SiteView) -> int:
    ticks: int = view.report.get("control", {}).get("ticks", 0)
    return ticks % 0xFFFF


_SITE: Block[SiteView] = Block("site")
_EVSE: Block[EvseView] = Block("cp/<station>/<evse>")
_CIRCUIT: Block[CircuitView] = Block("circuit/<circuit>")
_BMS: Block[SiteView] = Block("bms")

SITE_POINTS: tuple[Point[SiteView], ...] = (
    _SITE.point("magic", "", 0, Kind.UINT16, lambda _: MAGIC, f"always 0x{MAGIC:04X}: this map"),
    _SITE.point("map_version", "", 1, Kind.UINT16, lambda _: MAP_VERSION, "version of this map"),
    _SITE.point("heartbeat", "", 2, Kind.UINT16, _ticks, "counts the control cycles, 0 to 65534 and round"),
    _SITE.point(
        "status_bits",
        "",
        3,
        Kind.UINT16,
        _status_bits,
        "bit 0 meter stale or late, 1 BMS limit expired, 2 grid operator limits, 3 a fallback binds, "
        "4 a station is out of reach, 5 a certificate expires within 30 days, or has",
    ),
    _SITE.point("evse_count", "", 4, Kind.UINT16, SiteView.evse_count, "number of EVSEs"),
    _SITE.point(
        "meter_age_s", "s", 5, Kind.UINT16, lambda view: view.meter.get("age_s"), "age of the site meter's reading", 0.1
    ),
    _SITE.point("power_w", "W", 10, Kind.INT32, lambda view: view.power_w(), "site power, + from the grid"),
    *_SITE.phases(
        "power",
        "W",
        12,
        Kind.INT32,
        SiteView.phase_power_w,
        "as the meter tells it, else current times voltage; + from the grid",
    ),
    *_SITE.phases("current", "A", 18, Kind.INT16, SiteView.measured_a, "site current, + from the grid", 0.1),
    *_SITE.phases("voltage", "V", 21, Kind.UINT16, SiteView.voltage_v, "phase to neutral", 0.1),
    _SITE.point(
        "frequency_hz", "Hz", 24, Kind.UINT16, lambda view: view.meter.get("frequency_hz"), "grid frequency", 0.01
    ),
    _SITE.point(
        "import_wh", "Wh", 26, Kind.UINT64, lambda view: view.meter.get("import_wh"), "energy taken from the grid"
    ),
    _SITE.point(
        "export_wh", "Wh", 30, Kind.UINT64, lambda view: view.meter.get("export_wh"), "energy given to the grid"
    ),
    _SITE.point(
        "charging_power_w", "W", 40, Kind.INT32, SiteView.charging_w, "what all EVSEs draw, at the nominal voltage"
    ),
    *_SITE.phases("charging_current", "A", 42, Kind.INT16, SiteView.charging_a, "what all EVSEs draw", 0.1),
    _SITE.point(
        "limit_w", "W", 46, Kind.UINT32, lambda view: view.effective.get("limit_w"), "effective limit of the whole site"
    ),
    *_SITE.phases(
        "limit",
        "A",
        48,
        Kind.UINT16,
        lambda view, _: view.effective.get("limit_a"),
        "effective limit of the whole site, per phase",
        0.1,
    ),
    _SITE.point(
        "limit_reason",
        "",
        51,
        Kind.UINT16,
        lambda view: view.effective.get("reason"),
        "whose the effective limit is",
        codes=REASON_CODES,
    ),
    _SITE.point(
        "limit_remaining_s",
        "s",
        52,
        Kind.UINT16,
        lambda view: view.effective.get("remaining_s"),
        "how long it still holds; not available: it has no end",
    ),
    _SITE.point(
        "mode",
        "",
        53,
        Kind.UINT16,
        lambda view: view.report.get("bms", {}).get("mode"),
        "the building's mode that holds: auto again when it has fallen silent",
        codes=MODE_CODES,
    ),
)


EVSE_POINTS: tuple[Point[EvseView], ...] = (
    _EVSE.point(
        "state",
        "",
        0,
        Kind.UINT16,
        lambda view: view.part.get("status"),
        "status (OCPP 1.6; Occupied of 2.x)",
        codes=STATUS_CODES,
    ),
    _EVSE.point("vehicle_connected", "", 1, Kind.UINT16, EvseView.connected, "1: a vehicle is connected"),
    *_EVSE.phases("current", "A", 2, Kind.INT16, EvseView.draw_a, "what it draws of the grid", 0.1),
    _EVSE.point("power_w", "W", 5, Kind.INT32, EvseView.power_w, "draw, at the nominal voltage"),
    _EVSE.point("session_wh", "Wh", 7, Kind.UINT32, lambda view: view.part.get("session_wh"), "energy of the session"),
    _EVSE.point("allocated_a", "A", 9, Kind.UINT16, EvseView.allocated_a, "what it is allowed, per phase", 0.1),
    _EVSE.point("priority", "", 10, Kind.UINT16, EvseView.rank, "rank of its class now, 0 is served first"),
)
CIRCUIT_POINTS: tuple[Point[CircuitView], ...] = (
    *_CIRCUIT.phases("current", "A", 0, Kind.INT16, CircuitView.measured_a, "what its meter shows", 0.1),
    _CIRCUIT.point("rating_a", "A", 3, Kind.UINT16, lambda it: it.circuit.rating_a, "fuse less margin, per phase", 0.1),
    *_CIRCUIT.phases("headroom", "A", 4, Kind.INT16, CircuitView.headroom_a, "left for chargers", 0.1),
    _CIRCUIT.point(
        "limit_a", "A", 7, Kind.UINT16, lambda it: it.effective.get("limit_a"), "effective limit, per phase", 0.1
    ),
    _CIRCUIT.point("limit_w", "W", 8, Kind.UINT32, lambda it: it.effective.get("limit_w"), "effective limit"),
    _CIRCUIT.point(
        "limit_reason",
        "",
        10,
        Kind.UINT16,
        lambda it: it.effective.get("reason"),
        "whose the effective limit is",
        codes=REASON_CODES,
    ),
)


def _control(
    name: str,
    unit: str,
    register: int,
    kind: Kind,
    meaning: str,
    scale: float = 1.0,
    *,
    codes: Mapping[str, int] | None = None,
    writable: bool = True,
    bank: Bank = Bank.HOLDING,
) -> Point[SiteView]:
    """What the BMS writes reads as it was written."""
    return _BMS.point(
        name,
        unit,
        register,
        kind,
        lambda view: view.control(name),
        meaning,
        scale,
        codes=codes,
        bank=bank,
        writable=writable,
    )


CONTROL_POINTS: tuple[Point[SiteView], ...] = (
    _control("write_enabled", "", 0, Kind.UINT16, "1: the BMS may write", writable=False),
    _control("bms_heartbeat", "", 1, Kind.UINT16, "the BMS's heartbeat: each new value renews the limit that holds"),
    _control("bms_limit_w", "W", 2, Kind.UINT32, "limit of the whole site; 0xFFFFFFFF: none"),
    _control("bms_limit_a", "A", 4, Kind.UINT16, "limit of the whole site per phase; 0xFFFF: none", 0.1),
    _control("bms_valid_s", "s", 5, Kind.UINT16, "how long a written limit holds, up to 3600; 0: the configured time"),
    _control("bms_fallback_a", "A", 6, Kind.UINT16, "what holds when the BMS is silent; not above the configured", 0.1),
    _control(
        "bms_mode", "", 7, Kind.UINT16, "pause: as a limit of 0 A; eco: on the sun's surplus alone", codes=MODE_CODES
    ),
    _control("bms_sequence", "", 8, Kind.UINT16, "number of the command, as the BMS counts; write it with the limit"),
    _control("bms_result", "", 9, Kind.UINT16, "what became of the last write", codes=RESULT_CODES, writable=False),
    _control("grid_dimming", "", 0, Kind.BIT, "this coil asks for dimming (§14a EnWG)", bank=Bank.COIL),
)
