"""The control registers: what a BMS writes becomes a limit, in range, for a while."""

from collections.abc import Callable

import pytest

from edge.bms.eco import EcoMode
from edge.bms.modbus_control import ControlBlock
from edge.bms.modbus_pdu import ExceptionCode, Refused
from edge.bms.points import MIRROR, RESULT_CODES
from edge.bms.registers import Telemetry
from edge.bms.settings import Bounds, WritePolicy
from edge.domain.limit import LimitSource, LimitStated
from tests.unit.bms.bms_site import Hands, Taken

HEARTBEAT, LIMIT_W, LIMIT_A, VALID, FALLBACK, MODE, SEQUENCE, RESULT = 1, 2, 4, 5, 6, 7, 8, 9
NONE_16, NONE_32 = 0xFFFF, (0xFFFF, 0xFFFF)


class Bench:
    def __init__(
        self,
        *,
        writable: bool = True,
        fallback_writable: bool = False,
        shows_surplus: bool = True,
        fallback_a: float = 20.0,
        most_a: float = 63.0,
        dim: Callable[[bool], None] | None = None,
    ) -> None:
        self.eco = EcoMode(possible=shows_surplus)
        self.clock = Hands()
        self.taken = Taken()
        self.block = ControlBlock(
            circuit="main",
            policy=WritePolicy(
                writable=writable, limit_timeout_s=60.0, fallback_a=fallback_a, fallback_writable=fallback_writable
            ),
            bounds=Bounds(most_a=most_a, most_w=43470.0),
            sink=self.taken,
            eco=self.eco,
            now=self.clock.monotonic,
            dim=dim,
        )

    def write(self, start: int, *values: int) -> None:
        self.block.write_holding(start, values)

    def refused(self, start: int, *values: int) -> ExceptionCode:
        with pytest.raises(Refused) as refusal:
            self.write(start, *values)
        return refusal.value.code

    @property
    def last(self) -> LimitStated:
        return self.taken.limits[-1]


@pytest.mark.parametrize("base", [0, MIRROR])
def test_telemetry_is_busy_before_the_first_tick(base: int) -> None:
    """The registers are there, but nothing is known yet: a master asks again. What isn't there then isn't there."""
    bench = Bench()
    read = bench.block.read_holding if base else bench.block.read_input
    with pytest.raises(Refused) as early:
        read(base, 1)
    assert early.value.code is ExceptionCode.SERVER_DEVICE_BUSY
    bench.block.show(lambda: Telemetry(tick=1, blocks={0: (0x4547,)}))
    assert tuple(read(base, 1)) == (0x4547,)
    with pytest.raises(Refused) as late:
        read(base, 2)
    assert late.value.code is ExceptionCode.ILLEGAL_DATA_ADDRESS


def test_a_written_limit_is_stated_with_its_end_and_fallback() -> None:
    """In A per phase, for the configured time."""
    bench = Bench()
    bench.write(LIMIT_A, 165)
    assert bench.taken.limits == [
        LimitStated(
            source=LimitSource.BMS_MODBUS,
            circuit="main",
            at=1000.0,
            limit_a=16.5,
            ends_at=1060.0,
            fallback_a=20.0,
        )
    ]
    assert bench.block.read_holding(LIMIT_A, 1) == [165]


def test_a_block_is_one_command() -> None:
    """Limit, validity and sequence in one write state one limit, and are read back."""
    bench = Bench()
    bench.write(LIMIT_W, 0, 11000, NONE_16, 120)
    assert len(bench.taken.limits) == 1
    assert (bench.last.limit_w, bench.last.limit_a, bench.last.ends_at) == (11000.0, None, 1120.0)
    bench.write(SEQUENCE, 9)
    assert bench.block.read_holding(SEQUENCE, 2) == [9, RESULT_CODES["accepted"]]
    assert len(bench.taken.limits) == 1


def test_no_limit_is_said_and_ends_too() -> None:
    """A BMS that says "none" and falls silent has its fallback all the same."""
    bench = Bench()
    bench.write(LIMIT_W, *NONE_32, NONE_16)
    assert (bench.last.limit_w, bench.last.limit_a) == (None, None)
    assert bench.last.amps(1059.9) is None
    assert bench.last.amps(1060.0) == 20.0


def test_zero_is_a_limit() -> None:
    """0 pauses; it never stands for "none"."""
    bench = Bench()
    bench.write(LIMIT_A, 0)
    assert bench.last.limit_a == 0.0


@pytest.mark.parametrize(
    ("start", "values"),
    [
        (LIMIT_A, (631,)),
        (LIMIT_A, (16000,)),  # mA written as A
        (LIMIT_W, (0xFFFF, 0xFFFE)),
        (LIMIT_W, (0, 43471)),
        (VALID, (3601,)),
        (VALID, (NONE_16,)),
        (MODE, (3,)),
        (MODE, (NONE_16,)),
        (LIMIT_W, (0,)),  # half of a number
        (LIMIT_W + 1, (11000,)),  # and the other half: masters that write one register at a time
        (LIMIT_W + 1, (11000, 160)),
    ],
)
def test_out_of_range_is_exception_3_and_changes_nothing(start: int, values: tuple[int, ...]) -> None:
    """What was written before stays in force and is read back."""
    bench = Bench()
    bench.write(LIMIT_A, 160)
    before = bench.block.read_holding(0, RESULT)
    assert bench.refused(start, *values) is ExceptionCode.ILLEGAL_DATA_VALUE
    assert bench.block.read_holding(0, RESULT) == before
    assert bench.block.read_holding(RESULT, 1) == [RESULT_CODES["out_of_range"]]
    assert len(bench.taken.limits) == 1


@pytest.mark.parametrize("start", [0, 9, 10, 49, 50, 1000])
def test_only_what_is_writable_can_be_written(start: int) -> None:
    """Exception 2 for registers that are read-only or not there."""
    bench = Bench()
    assert bench.refused(start, 1) is ExceptionCode.ILLEGAL_DATA_ADDRESS
    assert bench.taken.limits == []


def test_writing_is_off_unless_it_is_configured() -> None:
    """Exception 1, as on a device without the function; and register 0 says so."""
    bench = Bench(writable=False)
    assert bench.refused(LIMIT_A, 100) is ExceptionCode.ILLEGAL_FUNCTION
    assert bench.block.read_holding(0, 1) == [0]
    bench.block.start()
    assert bench.taken.limits == []


def test_who_never_writes_is_silent_from_the_start() -> None:
    """The fallback holds one time-out after the start."""
    bench = Bench()
    bench.block.start()
    assert bench.last.amps(1059.9) is None
    assert bench.last.amps(1060.0) == 20.0


def test_a_heartbeat_that_changes_renews_the_limit() -> None:
    """One that repeats itself doesn't: it may be a gateway that writes what a dead controller left."""
    bench = Bench()
    bench.write(LIMIT_A, 100)
    bench.clock.pass_s(50)
    bench.write(HEARTBEAT, 1)
    assert bench.last.ends_at == 1110.0
    bench.clock.pass_s(50)
    bench.write(HEARTBEAT, 1)
    assert bench.last.ends_at == 1110.0
    bench.write(HEARTBEAT, NONE_16)
    assert bench.last.ends_at == 1160.0


def test_a_heartbeat_revives_no_limit_that_is_over() -> None:
    """After the fallback has come, the BMS says what it wants anew."""
    bench = Bench()
    bench.write(LIMIT_A, 100)
    bench.clock.pass_s(61)
    bench.write(HEARTBEAT, 5)
    assert len(bench.taken.limits) == 1


def test_pause_is_a_limit_of_nothing() -> None:
    """And auto is what was written before."""
    bench = Bench()
    bench.write(LIMIT_A, 100)
    bench.write(MODE, 1)
    assert bench.last.limit_a == 0.0
    bench.write(MODE, 0)
    assert bench.last.limit_a == 10.0


def test_eco_is_asked_for_with_the_block_s_time() -> None:
    """It ends with the limit that was written beside it, a heartbeat renews both, and auto takes it back."""
    bench = Bench()
    bench.write(LIMIT_A, 160)
    bench.write(VALID, 30)
    bench.write(MODE, 2)
    assert (bench.last.limit_a, bench.block.values["bms_mode"]) == (16.0, "eco")
    assert bench.eco.remaining_s(bench.clock.now) == 30.0
    bench.clock.pass_s(29)
    bench.write(HEARTBEAT, 5)
    bench.clock.pass_s(29)
    assert bench.eco.holds(bench.clock.now)
    bench.clock.pass_s(1)
    assert not bench.eco.holds(bench.clock.now)
    bench.write(HEARTBEAT, 6)
    assert not bench.eco.holds(bench.clock.now)
    bench.write(MODE, 2)
    bench.write(MODE, 0)
    assert not bench.eco.holds(bench.clock.now)


def test_eco_is_refused_where_nothing_shows_surplus() -> None:
    """Exception 3, and what was written before stands: it is neither taken for a pause nor for auto."""
    bench = Bench(shows_surplus=False)
    bench.write(MODE, 1)
    assert bench.refused(MODE, 2) is ExceptionCode.ILLEGAL_DATA_VALUE
    assert (bench.block.values["bms_mode"], bench.block.values["bms_result"]) == ("pause", "out_of_range")
    assert not bench.eco.holds(bench.clock.now)


def test_a_pause_is_over_when_its_time_is() -> None:
    """What reads as written then holds nobody any more: the fallback does."""
    bench = Bench()
    bench.write(MODE, 1)
    assert bench.block.pauses
    bench.clock.pass_s(60)
    assert not bench.block.pauses


def test_the_fallback_is_the_installer_s_unless_he_lets_it_be_lowered() -> None:
    """Never raised, whoever asks."""
    assert Bench().refused(FALLBACK, 100) is ExceptionCode.ILLEGAL_DATA_ADDRESS
    whole = Bench()
    whole.write(LIMIT_W, 0, 11000, NONE_16, 120, 200, 0, 9)  # the block as it was read, with a new limit
    assert (whole.last.limit_w, whole.last.fallback_a) == (11000.0, 20.0)
    bench = Bench(fallback_writable=True)
    bench.write(FALLBACK, 100)
    assert bench.last.fallback_a == 10.0
    assert bench.refused(FALLBACK, 201) is ExceptionCode.ILLEGAL_DATA_VALUE
    assert bench.refused(FALLBACK, NONE_16) is ExceptionCode.ILLEGAL_DATA_VALUE


@pytest.mark.parametrize("fallback_a", [16.4, 6.1, 20.05, 20.06, 0.3])
@pytest.mark.parametrize("fallback_writable", [False, True])
def test_a_block_that_is_written_as_it_was_read_is_in_range(fallback_a: float, fallback_writable: bool) -> None:
    """Tenths that binary fractions can't hold exactly are no more than the configured; finer ones stand as they are."""
    bench = Bench(fallback_a=fallback_a, fallback_writable=fallback_writable)
    bench.write(HEARTBEAT, *bench.block.read_holding(HEARTBEAT, SEQUENCE))
    assert bench.last.fallback_a == fallback_a


def test_a_limit_at_the_very_rating_is_in_range() -> None:
    """16.4 A in tenths is 164, whatever 164 times 0.1 is; the next step isn't."""
    bench = Bench(most_a=16.4)
    bench.write(LIMIT_A, 164)
    assert bench.last.limit_a == 16.4
    assert bench.refused(LIMIT_A, 165) is ExceptionCode.ILLEGAL_DATA_VALUE


def test_counters_of_the_bms_read_back_as_written() -> None:
    """0xFFFF too, which a counter passes on its way round; the step from there is a beat."""
    bench = Bench()
    bench.write(LIMIT_A, 100)
    for number in (0xFFFE, 0xFFFF, 0xFFFE, 0):
        bench.clock.pass_s(50)
        bench.write(HEARTBEAT, number)
        bench.write(SEQUENCE, number)
        assert bench.last.ends_at == bench.clock.now + 60
        assert bench.block.read_holding(HEARTBEAT, 1) == [number]
        assert bench.block.read_holding(SEQUENCE, 1) == [number]


def test_the_coil_is_the_grid_operator_s() -> None:
    """It is there where dimming is set up, and reads back."""
    asked: list[bool] = []
    bench = Bench(dim=asked.append)
    bench.block.write_coils(0, [True])
    assert asked == [True]
    assert bench.block.read_coils(0, 1) == (True,)
    with pytest.raises(Refused):
        bench.block.write_coils(1, [True])
    with pytest.raises(Refused):
        Bench().block.write_coils(0, [True])


def test_the_registers_of_a_tick_are_made_when_they_are_read_and_once() -> None:
    """A tick that nobody reads costs nothing; all that is read of one tick is of one moment."""
    bench, made = Bench(), []

    def telemetry(tick: int) -> Telemetry:
        made.append(tick)
        return Telemetry(tick=tick, blocks={0: (tick, 2 * tick)})

    with pytest.raises(Refused):
        bench.block.read_input(0, 1)
    bench.block.show(lambda: telemetry(1))
    bench.block.show(lambda: telemetry(2))
    assert (bench.block.read_input(0, 1), bench.block.read_holding(MIRROR + 1, 1)) == ((2,), (4,))
    assert made == [2]
