"""The status report as the API's description shows it: the shape of :data:`edge.control.ports.StatusReport`."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.domain.certificate import CertificateState
from edge.units import Phase

# One value per grid phase: L1, L2, L3.
PerPhase = Annotated[list[float], Field(min_length=3, max_length=3)]
# None on a phase that isn't measured.
PerMeasuredPhase = Annotated[list[float | None], Field(min_length=3, max_length=3)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ControlState(StrEnum):
    """What the control loop is doing."""

    STARTING = "STARTING"  # no tick is complete yet
    NORMAL = "NORMAL"
    METER_LATE = "METER_LATE"  # a meter's reading is late: nothing rises
    METER_STALE = "METER_STALE"  # a meter gives no reading: safe currents
    RECOVERING = "RECOVERING"  # a meter is back: what is given rises step by step


class Control(_Part):
    """The control loop."""

    state: ControlState
    ticks: int = 0
    missed_ticks: int = 0
    period_s: float | None = None
    last_tick_s: float | None = None  # how long the last one took


class MeterReport(_Part):
    """A meter and its last reading. Currents are signed: positive flows from the grid into the circuit."""

    id: str
    age_s: float | None
    ok: bool  # control goes by the last reading
    problem: str | None  # of the last poll
    current_a: PerPhase | None
    voltage_v: PerMeasuredPhase | None  # phase to neutral
    phase_power_w: PerMeasuredPhase | None = None  # as signed as the currents
    power_w: float | None
    frequency_hz: float | None = None
    import_wh: float | None = None  # goes on where the meter's register begins again
    export_wh: float | None = None
    quality: str | None = None  # good, suspect or held
    doubts: list[str] = []  # what doesn't fit in the reading
    wiring: list[str] = []  # what seems to be wired otherwise than the site file says


class CircuitReport(_Part):
    """A circuit: its fuse, what flows through it, what is free."""

    id: str
    parent: str | None
    fuse_a: float
    rating_a: float  # the fuse less its margin
    measured_a: PerPhase | None  # the newest reading, however old
    measured_age_s: float | None
    measured_stale: bool  # the reading is too old to go by, or there is none from its meter
    draw_a: PerPhase  # what its chargers report to draw
    background_a: PerPhase  # what is not the chargers'
    headroom_a: PerPhase
    exposure_a: PerPhase  # the most that its chargers may be drawing


class NeedReport(_Part):
    """What the session's car still wants, and how long it is until it leaves; below 0 that has passed."""

    energy_wanted_wh: float
    time_left_s: float


class SentenceReport(_Part):
    """The text of an EVSE's limit in parts, for who says it in another language or asks what binds."""

    name: str  # the reason; with .power where a circuit's power binds, with .balance where two phases' imbalance does
    shown_a: float | None  # the limit, or what is kept free where that isn't ours to set
    values: dict[str, str | float | int | None]  # what stands in the sentence: circuit, phase, used_a, rating_a, ...


class EvseReport(_Part):
    """An EVSE: what it may draw, why, and what it draws."""

    id: int
    status: str
    transaction_id: str | None
    limit_a: float | None  # None: not ours to limit at the moment
    accepted_a: float | None
    exposure_a: float
    draw_a: PerPhase | None  # the newest sample, however old
    draw_age_s: float | None = None
    draw_stale: bool = False  # that sample is too old to say what is drawn now
    phases: list[Phase]  # on the EVSE's own L1, L2, L3
    phases_in_use: list[Phase]  # those on which it is counted: fewer once the car has shown that it uses fewer
    need: NeedReport | None
    session_wh: float | None = None  # what its register has counted since the session began, as far as it tells
    rank: int = 0  # of the session's class, or the EVSE's; 0 is served first
    reason: str
    text: str
    sentence: SentenceReport | None = None


class StationReport(_Part):
    """A charging station."""

    id: str
    connected: bool
    cloud_connected: bool  # never where the site has none
    cloud_problem: str | None = None  # why it isn't, while the station is
    lets_in: Literal["list", "cache", "own"] | None = None  # by its configuration without its cloud, where that binds
    vendor: str | None
    model: str | None
    serial: str | None = None
    firmware: str | None = None
    address: str | None = None  # where it is connected from
    mac: str | None = None  # of the address's owner on the local network
    evses: list[EvseReport]


class WaitingStationReport(_Part):
    """A station that asks to be let in and is not in the site file."""

    id: str
    address: str | None
    vendor: str | None
    model: str | None
    serial: str | None
    since: str | None
    mac: str | None = None  # of the address's owner on the local network
    firmware: str | None = None
    speaks: str | None = None  # the edition of OCPP
    also_at: str | None = None  # where another that is connected gives the same id


class RefusedHandshakeReport(_Part):
    """A connection to the stations' address that was turned away."""

    at: str
    address: str
    why: str
    station: str | None
    path: str | None
    times: int  # in a row


class EffectiveLimit(_Part):
    """What a circuit may carry now, by its rating and all that was said of it."""

    circuit: str
    limit_a: float  # per phase
    limit_w: float
    reason: str
    source: str | None  # None: the fuse
    remaining_s: float | None  # None: it has no end


class StatedLimit(_Part):
    """What one source allows a circuit; both limits None: it limits nothing now."""

    source: str
    circuit: str
    limit_a: float | None
    limit_w: float | None
    is_fallback: bool  # its time is over
    remaining_s: float | None


class Limits(_Part):
    """What outsiders allow."""

    effective: list[EffectiveLimit]
    stated: list[StatedLimit]


class MqttReport(_Part):
    """The connection to the building's broker."""

    connected: bool
    dropped: int  # messages that came faster than they are judged, since the start


class DemandReport(_Part):
    """A circuit's demand window, and the peaks of its months."""

    circuit: str
    limit_w: float
    window_s: float
    used_wh: float | None  # in the window under way
    allowed_w: float | None  # in its rest
    peaks_w: dict[str, float]  # the highest mean of each month, by YYYY-MM
    tariff_w: float | None  # the mean of the last twelve peaks, each at least 2500 (Fluvius)


class BmsReport(_Part):
    """The building's interface: what there is of it."""

    mode: str | None = None  # the building's that holds: auto, pause or eco
    eco_remaining_s: float | None = None  # how long eco holds unless it is asked for anew
    modbus: dict[str, float | str | bool | None] | None = None  # what the BMS has written, by the names of the points
    mqtt: MqttReport | None = None
    lpc_state: str | None = None  # of EEBUS's limitation of power consumption
    demand: list[DemandReport] | None = None  # one for each circuit with a demand limit


class StorageState(StrEnum):
    """How the storage fares."""

    GOOD = "GOOD"
    RESERVE = "RESERVE"  # the disk is full: the journal lives on its reserve, history is off
    FULL = "FULL"  # the reserve is used up: stations that are answered here get no answers
    FAILED = "FAILED"  # the disk refuses: the same
    UNUSABLE = "UNUSABLE"  # the folder couldn't be used at the start: nobody stands in for the cloud
    UNUSED = "UNUSED"  # the site only observes


class StorageReport(_Part):
    """The disk, and what waits there for the cloud. Without a storage only state, folder and problem."""

    state: StorageState
    folder: str
    problem: str | None
    free_bytes: int | None = None
    reserve_held: bool | None = None
    journal_bytes: int | None = None  # with its log
    checked_at: str | None = None  # UTC: the files were opened, found sound or healed
    healed: list[str] = []  # files that were damaged then
    set_aside_files: list[str] = []  # damaged ones, kept for a person to look at
    pending: int | None = None  # messages that the cloud is to have
    oldest_pending_at: str | None = None  # UTC
    oldest_pending_s: float | None = None
    oldest_pending_station: str | None = None
    deferred: int | None = None  # of the pending ones: the cloud fails to take them, and is told again later
    set_aside: int | None = None  # messages that aren't sent any more, refused or damaged: `edge journal list`
    flooded_by: list[str] = []  # stations that tell more transactions than any has: no more are taken for now
    left_behind: dict[str, int] = {}  # messages of stations that the site no longer has, by station


class ShownCardReport(_Part):
    """The last card shown at a station without a cloud that isn't among the site's own tokens."""

    station: str
    token: str  # its hash by the site's key
    ends: str  # its last two characters
    at: str  # UTC


class CertificateReport(_Part):
    """How long a certificate is still good."""

    use: str  # stations, stations_ca, cloud, cloud_ca, cloud_server, broker or broker_ca
    place: str  # the file, or the address of the cloud that showed it
    state: CertificateState
    expires_at: str | None  # UTC; of a chain the first, of a file of authorities the last
    days_left: float | None  # unknown while the clock isn't set
    problem: str | None  # why the file can't be read


class Report(_Part):
    """The site as the last completed tick saw it. Before the first one, what isn't known yet is left out."""

    version: str
    site: str
    time: str  # UTC
    local_time: str  # at the site
    timezone: str  # of the site, a name of the tz database
    uptime_s: float
    control: Control
    waiting_stations: list[WaitingStationReport]
    refused_handshakes: list[RefusedHandshakeReport] = []
    station_urls: list[str] = []  # what a station is to be given, {station} standing where its identity goes
    has_cloud: bool = True  # whether the stations have one at all, away or not
    mode: str | None = None
    meters: list[MeterReport] = []
    circuits: list[CircuitReport] = []
    stations: list[StationReport] = []
    limits: Limits | None = None
    bms: BmsReport | None = None
    cards_shown: list[ShownCardReport] = []  # within the last quarter of an hour
    storage: StorageReport | None = None
    certificates: list[CertificateReport] = []
