"""What is shown of the site: the one report that the command line, the API and the metrics are made from."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from edge.allocation.decide import Decision
from edge.allocation.entitlement import SAMPLE_LIFE_S
from edge.allocation.exposure import Grant
from edge.allocation.problem import Need
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import EvseState
from edge.control.board import Board
from edge.control.ports import StatusReport
from edge.control.vitals import Pulse
from edge.domain.effective import limits_report
from edge.domain.setpoint import Purpose
from edge.units import NO_CURRENT, Amps, PhaseAmps

DECIMALS = 2  # of amperes shown


class TickReport(Mapping[str, Any]):
    """A report whose costly parts are made, once, when they are first asked for: hardly any tick's are."""

    def __init__(self, made: Mapping[str, Any], **to_make: Callable[[], Any]) -> None:
        self._made = dict(made)
        self._to_make = to_make

    def __getitem__(self, part: str) -> Any:
        if part not in self._made and part in self._to_make:
            self._made[part] = self._to_make[part]()
        return self._made[part]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._made, **self._to_make})

    def __len__(self) -> int:
        return len({**self._made, **self._to_make})

    def __or__(self, more: Mapping[str, Any]) -> "TickReport":
        return TickReport({**self._made, **more}, **self._to_make)


def starting(board: Board, pulse: Pulse) -> StatusReport:
    """The report before the first tick is complete."""
    return _head(board, pulse, "STARTING") | {"meters": [], "circuits": [], "stations": []}


def status(board: Board, snapshot: Snapshot, decision: Decision, pulse: Pulse) -> TickReport:
    """The site as the last completed tick saw it; the daemon adds what it knows of the process."""
    return TickReport(
        _head(board, pulse, _state(decision))
        | {
            "meters": [_meter(board, meter.id, snapshot) for meter in board.site.meters],
            "limits": limits_report(board.site, snapshot.limits, snapshot.now),
        },
        circuits=lambda: [_circuit(snapshot, index, decision) for index in range(len(snapshot.circuits))],
        stations=lambda: _stations(board, snapshot, decision),
    )


def _stations(board: Board, snapshot: Snapshot, decision: Decision) -> list[dict[str, Any]]:
    numbers = {state.key: number for number, state in enumerate(snapshot.evses)}
    return [
        {
            "id": station_id,
            "connected": record.online_since is not None,
            "cloud_connected": record.cloud_connected,
            "vendor": record.vendor,
            "model": record.model,
            "evses": [
                _evse(board, snapshot.evses[numbers[evse.key]], decision, numbers[evse.key])
                for evse in board.site.station_by_id[station_id].evses
            ],
        }
        for station_id, record in board.stations.items()
    ]


def _state(decision: Decision) -> str:
    """How far the site can be controlled: the worst of its circuits' meters."""
    headroom = decision.headroom
    for name, circuits in (
        ("METER_STALE", headroom.stale),
        ("METER_LATE", headroom.late),
        ("RECOVERING", headroom.recovering),
    ):
        if circuits.any():
            return name
    return "NORMAL"


def _head(board: Board, pulse: Pulse, state: str) -> dict[str, Any]:
    return {
        "site": board.site.id,
        "mode": board.site.control.mode.value,
        "control": {
            "ticks": pulse.ticks,
            "missed_ticks": pulse.missed_ticks,
            "period_s": board.site.control.period_s,
            "last_tick_s": round(pulse.last_tick_s, 6),
            "state": state,
        },
    }


def _meter(board: Board, meter_id: str, snapshot: Snapshot) -> dict[str, Any]:
    record = board.meters[meter_id]
    reading = record.reading
    # A meter that tells by itself may have done so since the tick.
    age_s = round(max(snapshot.now - reading.at, 0.0), 3) if reading is not None else None
    return {
        "id": meter_id,
        "age_s": age_s,
        # As control sees it: a poll that failed makes no reading old.
        "ok": age_s is not None and age_s <= board.site.control.meter_stale_s,
        "problem": record.problem,
        "current_a": _amps(reading.current_a if reading is not None else None),
        "voltage_v": reading.voltage_v if reading is not None else None,
        "phase_power_w": reading.phase_power_w if reading is not None else None,
        "power_w": reading.power_w if reading is not None else None,
        "frequency_hz": reading.frequency_hz if reading is not None else None,
        "import_wh": reading.import_wh if reading is not None else None,
        "export_wh": reading.export_wh if reading is not None else None,
        "quality": reading.quality.value if reading is not None else None,
        "doubts": list(reading.doubts) if reading is not None else [],
        "wiring": list(board.meters[meter_id].wiring),
    }


def _circuit(snapshot: Snapshot, index: int, decision: Decision) -> dict[str, Any]:
    state = snapshot.circuits[index]
    circuit = state.circuit
    return {
        "id": circuit.id,
        "parent": circuit.parent,
        "fuse_a": circuit.fuse_a,
        "rating_a": circuit.rating_a,
        "measured_a": _amps(state.measured_a),
        "measured_age_s": round(snapshot.now - state.measured_at, 3) if state.measured_at is not None else None,
        "measured_stale": circuit.id in decision.stale,
        "draw_a": _amps(decision.draw_a[circuit.id]),
        "background_a": _amps(decision.background_a[circuit.id]),
        "headroom_a": _amps(decision.headroom_a[circuit.id]),
        "exposure_a": _amps(decision.exposure_a[circuit.id]),
    }


def _evse(board: Board, state: EvseState, decision: Decision, number: int) -> dict[str, Any]:
    setpoint, record = decision.setpoints[number], board.evses[state.key]
    # Where one limit is for both, what a session was told before binds it no more.
    purposes = (Purpose.IDLE,) if state.one_limit else (Purpose.SESSION, Purpose.IDLE)
    held = next((grant for each in purposes if (grant := state.holdings.in_force(each)) is not None), None)
    said = setpoint.sentence
    age_s = round(decision.snapshot.now - state.drawn_at, 3) if state.drawn_at is not None else None
    # Without a session nobody samples: that nothing flows is known for as long as its station is there to tell of one.
    is_there = board.stations[state.key.station].online_since is not None
    rests = is_there and not state.in_session and state.draw_a == NO_CURRENT
    return {
        "id": state.key.evse,
        "status": state.status.value,
        "transaction_id": record.transaction_id,
        "limit_a": setpoint.limit_a,
        "accepted_a": _accepted_a(held),
        "exposure_a": round(decision.exposure_of(number), DECIMALS),
        "draw_a": _amps(state.draw_a),
        "draw_age_s": age_s,
        "draw_stale": age_s is not None and age_s > SAMPLE_LIFE_S and not rests,
        "phases": [phase.value for phase in state.evse.phases],
        "phases_in_use": [phase.value for phase in decision.phases_in_use(number)],
        "need": _need(state.need),
        "session_wh": round(record.session_wh, 1) if record.session_wh is not None else None,
        "rank": state.evse.rank if state.priority is None else state.priority.rank,
        "reason": setpoint.reason.value,
        "text": setpoint.text,
        "sentence": {"name": said.name, "shown_a": said.shown_a, "values": said.values},
    }


def _accepted_a(held: Grant | None) -> Amps | None:
    """What the station offers by it; None where it holds none."""
    if held is None:
        return None
    return held.limit_a if held.told_a is None else held.told_a


def _need(need: Need | None) -> dict[str, float] | None:
    """Below 0 the time left is how long the departure has passed."""
    if need is None:
        return None
    return {"energy_wanted_wh": round(need.energy_wanted_wh), "time_left_s": round(need.time_left_s)}


def _amps(amps: PhaseAmps | None) -> list[float] | None:
    return [round(value, DECIMALS) for value in amps] if amps is not None else None
