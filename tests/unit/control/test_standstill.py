"""A meter that repeats its last reading while the chargers below it draw something else."""

from structlog.testing import capture_logs

from edge.allocation.exposure import Holdings
from edge.control.board import Board
from edge.control.records import EvseRecord
from edge.control.standstill import Standstill
from edge.domain.reading import MeterReading
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey, Meter, Site, Station
from edge.domain.station import DrawSampled, EvseStatus, SessionBegan
from edge.units import PHASES, PhaseAmps, Seconds

KEYS = tuple(EvseKey(station=name, evse=1) for name in ("A", "B"))
EVSES = tuple(Evse(key=key, circuit="garage", phases=PHASES, min_a=6.0, max_a=32.0, fallback_a=6.0) for key in KEYS)
SITE = Site(
    id="s",
    timezone="UTC",
    nominal_voltage_v=230.0,
    control=ControlSettings(),
    circuits=(
        Circuit(id="main", parent=None, fuse_a=63.0, meter="grid"),
        Circuit(id="garage", parent="main", fuse_a=40.0),
    ),
    meters=(Meter(id="grid", model="x", connection="tcp://h"),),
    stations=tuple(Station(id=evse.key.station, evses=(evse,)) for evse in EVSES),
)


class Play:
    """Two cars that charge at 10 A each, a meter that shows 30 A."""

    def __init__(self) -> None:
        self.watch = Standstill(SITE)
        self.records = {
            evse.key: EvseRecord(evse=evse, holdings=Holdings(baseline_a=32.0), transaction_id="1") for evse in EVSES
        }
        self.draw(10.0, 10.0, at=0.0)

    def draw(self, *amps: float | None, at: Seconds) -> None:
        """What A and B are sampled to draw; None for no sample."""
        for key, each in zip(KEYS, amps, strict=True):
            if each is not None:
                self.records[key].draw_a, self.records[key].drawn_at = PhaseAmps.same(each), at

    def read(self, at: Seconds, amps: float = 30.0) -> str | None:
        return self.watch.problem(MeterReading(meter="grid", at=at, current_a=PhaseAmps.same(amps)), self.records)


def test_a_steady_site_has_a_steady_meter() -> None:
    """The same draw, the same reading: for ever."""
    play = Play()
    for at in range(600):
        play.draw(10.0, 10.0, at=float(at))
        assert play.read(float(at)) is None


def test_a_draw_that_changes_must_show() -> None:
    """Told once all have been sampled after the change; over with the first reading that is another."""
    play = Play()
    with capture_logs() as logs:
        play.read(0.0)
        play.draw(10.0, 10.0, at=4.0)
        assert play.read(5.0) is None
        play.draw(16.0, None, at=10.0)
        assert play.read(11.0) is None  # B may have given way: its sample is older
        play.draw(16.0, 10.0, at=20.0)
        problem = play.read(21.0)
        assert problem == (
            "it has shown the same for 21 s, while what its chargers draw changed by +6.0 A on L1; restart it, "
            "or its gateway"
        )
        assert play.read(22.0) == problem
        assert play.read(23.0, 36.1) is None
    assert [line["log_level"] for line in logs] == ["warning", "info"]


def test_what_one_gives_and_the_other_takes_is_no_change() -> None:
    """The sum counts, once both are sampled."""
    play = Play()
    play.read(0.0)
    play.draw(10.0, 10.0, at=4.0)
    assert play.read(5.0) is None
    play.draw(16.0, None, at=10.0)
    assert play.read(11.0) is None
    play.draw(None, 4.0, at=19.0)
    assert all(play.read(at) is None for at in (20.0, 40.0, 60.0))


def test_a_sample_from_before_the_standstill_says_nothing() -> None:
    """Cars obeyed first, then the meter came to rest at its old value, and the samples came last."""
    play = Play()
    play.read(0.0)
    play.draw(6.0, 6.0, at=2.0)
    assert all(play.read(at) is None for at in (2.5, 10.0, 60.0))


def test_the_board_takes_no_reading_of_a_meter_that_measures_no_more() -> None:
    """The last true one stays and grows old; the status has the reason."""
    board = Board(SITE, started_at=0.0)
    for number, key in enumerate(KEYS):
        board.take(SessionBegan(key=key, at=0.0, transaction_id=str(number)))
    for at in range(31):
        amps = 10.0 if at < 10 else 16.0
        for key in KEYS:
            board.take(DrawSampled(key=key, at=float(at), current_a=PhaseAmps.same(amps)))
        board.take(MeterReading(meter="grid", at=float(at), current_a=PhaseAmps.same(30.0)))
    (main, _) = board.snapshot(30.0).circuits
    assert main.measured_at == 19.0
    assert "changed by +12.0 A on L1" in str(board.meters["grid"].problem)


def test_a_session_that_is_heard_of_late_is_no_change() -> None:
    """After a restart of the gateway the meter is known before the cars; what they draw counts since it is known."""
    play = Play()
    for record in play.records.values():
        record.transaction_id, record.draw_a, record.drawn_at = None, None, None
    for at in range(5):
        assert play.read(float(at)) is None
    for record, status in zip(play.records.values(), (EvseStatus.CHARGING, EvseStatus.AVAILABLE), strict=True):
        record.status = status
    assert play.read(5.0) is None
    play.records[KEYS[0]].transaction_id = "1"
    for at in range(6, 30):
        play.draw(10.0, None, at=float(at))
        assert play.read(float(at)) is None
    play.draw(16.0, None, at=40.0)
    play.read(40.0)
    play.draw(16.0, None, at=50.0)
    assert "changed by +6.0 A" in (play.read(50.0) or "")


def test_a_session_that_ends_may_show_late() -> None:
    """Its end is told, and the meter shows what its car drew until then: a P1 port's telegram is 10 s old at worst, and
    in whole amperes nothing else need have moved."""
    play = Play()
    play.read(0.0)
    play.draw(10.0, 10.0, at=4.0)
    assert play.read(10.0) is None
    for record in play.records.values():
        record.transaction_id, record.draw_a = None, PhaseAmps.same(0.0)
    assert play.read(20.0) is None
    assert play.read(29.0) is None
    assert "changed by -20.0 A" in (play.read(30.0) or "")
