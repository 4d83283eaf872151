"""The one table of points: what the building reads and writes, by which name, topic and register.

MQTT topics, the Modbus map, ``edge points``, Home Assistant's discovery and the manual are made from it.
"""

from collections.abc import Callable, Mapping

from edge.bms.point import SHAPES, Bank, Kind, Point
from edge.bms.view import CircuitView, EvseView, SiteView, Value
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
MODE_CODES: dict[str, int] = {"auto": 0, "pause": 1}
RESULT_CODES: dict[str, int] = {"none": 0, "accepted": 1, "out_of_range": 2, "not_writable": 3, "read_only": 4}

BMS_SOURCES = ("bms_mqtt", "bms_modbus")
GRID_SOURCES = ("grid", "grid_eebus", "openadr")


def _status_bits(view: SiteView) -> int:
    bits = (
        view.report.get("control", {}).get("state") not in ("NORMAL", "STARTING"),
        any(each["is_fallback"] for each in view.stated(*BMS_SOURCES)),
        any(each["limit_a"] is not None or each["limit_w"] is not None for each in view.stated(*GRID_SOURCES)),
        view.effective.get("reason") == Binding.FALLBACK.value,
        any(not station["connected"] for station in view.report.get("stations", ())),
    )
    return sum(1 << index for index, bit in enumerate(bits) if bit)


def _ticks(view: SiteView) -> int:
    ticks: int = view.report.get("control", {}).get("ticks", 0)
    return ticks % 0xFFFF


def _site(
    name: str,
    unit: str,
    register: int,
    kind: Kind,
    read: Callable[[SiteView], Value],
    meaning: str,
    scale: float = 1.0,
    codes: Mapping[str, int] | None = None,
) -> Point[SiteView]:
    return Point(
        name=name,
        unit=unit,
        bank=Bank.INPUT,
        register=register,
        kind=kind,
        topic=f"site/{name}",
        meaning=meaning,
        read=read,
        scale=scale,
        codes=codes,
    )


def _phases(
    stem: str,
    unit: str,
    register: int,
    kind: Kind,
    read: Callable[[SiteView, int], Value],
    meaning: str,
    scale: float = 1.0,
) -> tuple[Point[SiteView], ...]:
    """One point for each phase, one after the other."""
    step = SHAPES[kind].words

    def of(phase: int) -> Callable[[SiteView], Value]:
        return lambda view: read(view, phase)

    return tuple(
        _site(
            f"{stem}_l{phase + 1}_{unit.lower()}",
            unit,
            register + phase * step,
            kind,
            of(phase),
            f"{meaning}, L{phase + 1}",
            scale,
        )
        for phase in range(3)
    )


SITE_POINTS: tuple[Point[SiteView], ...] = (
    _site("magic", "", 0, Kind.UINT16, lambda _: MAGIC, f"always 0x{MAGIC:04X}: this map"),
    _site("map_version", "", 1, Kind.UINT16, lambda _: MAP_VERSION, "version of this map"),
    _site("heartbeat", "", 2, Kind.UINT16, _ticks, "counts the control cycles, 0 to 65534 and round"),
    _site(
        "status_bits",
        "",
        3,
        Kind.UINT16,
        _status_bits,
        "bit 0 meter stale or late, 1 BMS limit expired, 2 grid operator limits, 3 a fallback binds, "
        "4 a station is out of reach",
    ),
    _site("evse_count", "", 4, Kind.UINT16, lambda view: len(view.evses), "number of EVSEs"),
    _site(
        "meter_age_s", "s", 5, Kind.UINT16, lambda view: view.meter.get("age_s"), "age of the site meter's reading", 0.1
    ),
    _site("power_w", "W", 10, Kind.INT32, lambda view: view.power_w(), "site power, + from the grid"),
    *_phases(
        "power",
        "W",
        12,
        Kind.INT32,
        SiteView.phase_power_w,
        "as the meter tells it, else current times voltage; + from the grid",
    ),
    *_phases("current", "A", 18, Kind.INT16, SiteView.measured_a, "site current, + from the grid", 0.1),
    *_phases("voltage", "V", 21, Kind.UINT16, SiteView.voltage_v, "phase to neutral", 0.1),
    _site("frequency_hz", "Hz", 24, Kind.UINT16, lambda view: view.meter.get("frequency_hz"), "grid frequency", 0.01),
    _site("import_wh", "Wh", 26, Kind.UINT64, lambda view: view.meter.get("import_wh"), "energy taken from the grid"),
    _site("export_wh", "Wh", 30, Kind.UINT64, lambda view: view.meter.get("export_wh"), "energy given to the grid"),
    _site("charging_power_w", "W", 40, Kind.INT32, SiteView.charging_w, "what all EVSEs draw, at the nominal voltage"),
    *_phases("charging_current", "A", 42, Kind.INT16, SiteView.charging_a, "what all EVSEs draw", 0.1),
    _site(
        "limit_w", "W", 46, Kind.UINT32, lambda view: view.effective.get("limit_w"), "effective limit of the whole site"
    ),
    *_phases(
        "limit",
        "A",
        48,
        Kind.UINT16,
        lambda view, _: view.effective.get("limit_a"),
        "effective limit of the whole site, per phase",
        0.1,
    ),
    _site(
        "limit_reason",
        "",
        51,
        Kind.UINT16,
        lambda view: view.effective.get("reason"),
        "whose the effective limit is",
        codes=REASON_CODES,
    ),
    _site(
        "limit_remaining_s",
        "s",
        52,
        Kind.UINT16,
        lambda view: view.effective.get("remaining_s"),
        "how long it still holds; not available: it has no end",
    ),
)


def _evse(
    name: str,
    unit: str,
    register: int,
    kind: Kind,
    read: Callable[[EvseView], Value],
    meaning: str,
    scale: float = 1.0,
    codes: Mapping[str, int] | None = None,
) -> Point[EvseView]:
    return Point(
        name=name,
        unit=unit,
        bank=Bank.INPUT,
        register=register,
        kind=kind,
        topic=f"cp/<station>/<evse>/{name}",
        meaning=meaning,
        read=read,
        scale=scale,
        codes=codes,
    )


EVSE_POINTS: tuple[Point[EvseView], ...] = (
    _evse(
        "state",
        "",
        0,
        Kind.UINT16,
        lambda view: view.part.get("status"),
        "status (OCPP 1.6; Occupied of 2.x)",
        codes=STATUS_CODES,
    ),
    _evse("vehicle_connected", "", 1, Kind.UINT16, EvseView.connected, "1: a vehicle is connected"),
    _evse("current_l1_a", "A", 2, Kind.INT16, lambda view: view.draw_a(0), "draw on the grid's L1", 0.1),
    _evse("current_l2_a", "A", 3, Kind.INT16, lambda view: view.draw_a(1), "draw on the grid's L2", 0.1),
    _evse("current_l3_a", "A", 4, Kind.INT16, lambda view: view.draw_a(2), "draw on the grid's L3", 0.1),
    _evse("power_w", "W", 5, Kind.INT32, EvseView.power_w, "draw, at the nominal voltage"),
    _evse("session_wh", "Wh", 7, Kind.UINT32, lambda view: view.part.get("session_wh"), "energy of the session"),
    _evse(
        "allocated_a", "A", 9, Kind.UINT16, lambda view: view.part.get("limit_a"), "what it is allowed, per phase", 0.1
    ),
    _evse("priority", "", 10, Kind.UINT16, lambda view: view.evse.rank, "rank of its class, 0 is served first"),
)


def _circuit(
    name: str,
    register: int,
    kind: Kind,
    read: Callable[[CircuitView], Value],
    meaning: str,
    *,
    unit: str = "A",
    scale: float = 0.1,
    codes: Mapping[str, int] | None = None,
) -> Point[CircuitView]:
    return Point(
        name=name,
        unit=unit,
        bank=Bank.INPUT,
        register=register,
        kind=kind,
        topic=f"circuit/<circuit>/{name}",
        meaning=meaning,
        read=read,
        scale=scale,
        codes=codes,
    )


CIRCUIT_POINTS: tuple[Point[CircuitView], ...] = (
    _circuit("current_l1_a", 0, Kind.INT16, lambda view: view.measured_a(0), "what its meter shows, L1"),
    _circuit("current_l2_a", 1, Kind.INT16, lambda view: view.measured_a(1), "what its meter shows, L2"),
    _circuit("current_l3_a", 2, Kind.INT16, lambda view: view.measured_a(2), "what its meter shows, L3"),
    _circuit("rating_a", 3, Kind.UINT16, lambda view: view.circuit.rating_a, "fuse less margin, per phase"),
    _circuit("headroom_l1_a", 4, Kind.INT16, lambda view: view.headroom_a(0), "left for chargers, L1"),
    _circuit("headroom_l2_a", 5, Kind.INT16, lambda view: view.headroom_a(1), "left for chargers, L2"),
    _circuit("headroom_l3_a", 6, Kind.INT16, lambda view: view.headroom_a(2), "left for chargers, L3"),
    _circuit("limit_a", 7, Kind.UINT16, lambda view: view.effective.get("limit_a"), "effective limit, per phase"),
    _circuit(
        "limit_w", 8, Kind.UINT32, lambda view: view.effective.get("limit_w"), "effective limit", unit="W", scale=1.0
    ),
    _circuit(
        "limit_reason",
        10,
        Kind.UINT16,
        lambda view: view.effective.get("reason"),
        "whose the effective limit is",
        unit="",
        scale=1.0,
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
    return Point(
        name=name,
        unit=unit,
        bank=bank,
        register=register,
        kind=kind,
        topic=f"bms/{name}",
        meaning=meaning,
        read=lambda view: view.control(name),
        scale=scale,
        codes=codes,
        writable=writable,
    )


CONTROL_POINTS: tuple[Point[SiteView], ...] = (
    _control("write_enabled", "", 0, Kind.UINT16, "1: the BMS may write", writable=False),
    _control("bms_heartbeat", "", 1, Kind.UINT16, "the BMS's heartbeat: each new value renews the limit that holds"),
    _control("bms_limit_w", "W", 2, Kind.UINT32, "limit of the whole site; 0xFFFFFFFF: none"),
    _control("bms_limit_a", "A", 4, Kind.UINT16, "limit of the whole site per phase; 0xFFFF: none", 0.1),
    _control("bms_valid_s", "s", 5, Kind.UINT16, "how long a written limit holds, up to 3600; 0: the configured time"),
    _control("bms_fallback_a", "A", 6, Kind.UINT16, "what holds when the BMS is silent; not above the configured", 0.1),
    _control("bms_mode", "", 7, Kind.UINT16, "pause: as a limit of 0 A", codes=MODE_CODES),
    _control("bms_sequence", "", 8, Kind.UINT16, "number of the command, as the BMS counts; write it with the limit"),
    _control("bms_result", "", 9, Kind.UINT16, "what became of the last write", codes=RESULT_CODES, writable=False),
    _control("grid_dimming", "", 0, Kind.BIT, "the grid operator dims (§14a EnWG)", bank=Bank.COIL),
)
