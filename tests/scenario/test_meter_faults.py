"""Faults 30 to 39: what a meter may do, and how the controller must come out of it."""

from collections.abc import Iterable

import pytest
from structlog.testing import capture_logs

from edge.control.wiring_watch import Draw, WiringWatch
from edge.domain.reading import Quality
from edge.domain.site import Evse, EvseKey, Site, Station
from edge.metering.proof import shown
from edge.units import PHASES, PhaseAmps
from simulators.meter import MeterFault
from tests.scenario.meter_site import PATIENCE_S, MeteredSite, Tick, lived

FALLBACK_WITHIN_S = 10


def truths(site: MeteredSite) -> PhaseAmps:
    """What truly flows through the grid connection."""
    return PhaseAmps(*site.true.main)


def never_wrong(ticks: Iterable[Tick], true: PhaseAmps) -> bool:
    """Whether every snapshot held the true current: what is held or missing is old, not wrong."""
    return all(tick.main_a is not None and max(abs(amps) for amps in tick.main_a - true) < 0.01 for tick in ticks)


def test_30_a_silent_meter() -> None:
    """A warning within 3 s, the fallback within 10 s, and normal again when it is back."""

    async def play(site: MeteredSite) -> None:
        site.grid.fault = MeterFault.SILENT
        with capture_logs() as logs:
            await site.run(3)
            assert [line["log_level"] for line in logs] == ["warning"]
            assert "meter grid is lost" in logs[0]["event"]
            silent = await site.run(FALLBACK_WITHIN_S - 3)
            assert silent[-1].is_stale
            site.grid.fault = MeterFault.NONE
            back = await site.run(8)
        assert not back[-1].is_stale
        assert [line["event"] for line in logs if "back after" in line["event"]]
        assert all(tick.sampled_s <= PATIENCE_S for tick in site.ticks)

    lived(play)


def test_30_the_other_meter_of_the_line_is_read_on() -> None:
    """What one device costs, it costs itself."""

    async def play(site: MeteredSite) -> None:
        site.garage.fault = MeterFault.SILENT
        ticks = await site.run(60)
        # Each try to reach the silent one costs its neighbour at most the next sample, never two.
        ages = [tick.at - (tick.snapshot.circuits[0].measured_at or 0.0) for tick in ticks]
        assert max(ages) < 1.5
        assert "main" not in ticks[-1].decision.stale

    lived(play)


def test_31_a_meter_that_repeats_itself_is_alive() -> None:
    """Its readings are fresh by their polls, for a minute and for ever."""

    async def play(site: MeteredSite) -> None:
        site.grid.fault = MeterFault.FROZEN
        ticks = await site.run(60)
        assert not any(tick.is_stale for tick in ticks)
        assert site.reading.quality is Quality.GOOD

    lived(play)


def test_32_a_word_spike_never_reaches_a_decision() -> None:
    """65,536 times the current is held against the last good reading."""

    async def play(site: MeteredSite) -> None:
        site.grid.fault = MeterFault.WORD_SPIKE
        ticks = await site.run(60)
        assert never_wrong(ticks, truths(site))
        assert not any(tick.is_stale for tick in ticks)

    lived(play)


def test_32_not_available_is_held_then_a_failure() -> None:
    """NaN isn't 0 A: the last good reading for a while, then the fallback."""

    async def play(site: MeteredSite) -> None:
        site.grid.fault = MeterFault.NAN
        ticks = await site.run(FALLBACK_WITHIN_S)
        assert never_wrong(ticks, truths(site))
        assert ticks[-1].is_stale

    lived(play)


def test_33_a_voltage_of_millivolts_buys_no_current() -> None:
    """Currents and powers that are reckoned with it are refused: the fallback."""

    async def play(site: MeteredSite) -> None:
        site.true.volts = 0.003
        ticks = await site.run(FALLBACK_WITHIN_S)
        assert never_wrong(ticks, truths(site))
        assert ticks[-1].is_stale
        assert "0.003 V on L1" in (site.board.meters["grid"].problem or "")

    lived(play)


EVSE = EvseKey(station="CP", evse=1)


async def correlated(site: MeteredSite) -> tuple[str, ...]:
    """What the watch believes after a car has come and gone on each phase some times."""
    watched = Site(
        id="s",
        timezone="UTC",
        nominal_voltage_v=230.0,
        control=site.site.control,
        circuits=site.site.circuits,
        meters=site.site.meters,
        stations=(
            Station(
                id="CP",
                evses=(Evse(key=EVSE, circuit="main", phases=PHASES, min_a=6.0, max_a=32.0, fallback_a=6.0),),
            ),
        ),
    )
    watch, building = WiringWatch(watched), PhaseAmps(*site.true.main)
    for number in range(16):
        draw = PhaseAmps.on([PHASES[number // 2 % 3]], 12.0 if number % 2 else 0.0)
        l1_a, l2_a, l3_a = building + draw
        site.true.main = (l1_a, l2_a, l3_a)
        await site.run(1)
        for second in range(24):
            if second % 8 == 0:
                reported = Draw(current_a=draw, at=site.clock.monotonic())
            await site.run(1)
            watch.observe({"grid": site.reading}, {EVSE: reported})
    return watch.findings("grid")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (MeterFault.INVERTED_CT, "L2 counts backwards; turn the current transformer"),
        (MeterFault.SWAPPED_PHASES, "L2 appears as L3, L3 appears as L2; check the order"),
    ],
)
def test_34_35_wiring_errors_are_found_at_run_time(fault: MeterFault, words: str) -> None:
    """The chargers' steps and the meter's don't fit: an alarm with what is believed to be wired."""

    async def play(site: MeteredSite) -> None:
        site.grid.fault = fault
        findings = await correlated(site)
        assert any(words in each for each in findings)

    lived(play)


def test_34_35_a_sound_meter_raises_no_alarm() -> None:
    """The same steps on a meter that is wired as it should be."""

    async def play(site: MeteredSite) -> None:
        assert await correlated(site) == ()

    lived(play)


@pytest.mark.parametrize("fault", [MeterFault.INVERTED_CT, MeterFault.SWAPPED_PHASES])
def test_34_35_the_proof_on_site_refuses(fault: MeterFault) -> None:
    """A known load on L2 isn't seen where and as it must be."""

    async def play(site: MeteredSite) -> None:
        site.grid.fault = fault
        await site.run(8)
        before = site.reading.current_a
        l1_a, l2_a, l3_a = site.true.main
        site.true.main = (l1_a, l2_a + 8.7, l3_a)
        await site.run(8)
        during = site.reading.current_a
        assert before is not None
        assert during is not None
        assert not shown(PHASES[1], 8.7, before, during).is_right

    lived(play)


def test_36_noise_on_a_fifth_of_the_frames() -> None:
    """No tick is held up, none uses a wrong value, and the meter never goes stale."""

    async def play(site: MeteredSite) -> None:
        site.grid.fault = site.garage.fault = MeterFault.CRC
        ticks = await site.run(300)
        assert never_wrong(ticks, truths(site))
        assert not any(tick.is_stale for tick in ticks)
        assert max(tick.sampled_s for tick in ticks) <= PATIENCE_S + 1e-9

    lived(play)


@pytest.mark.parametrize("fault", [MeterFault.WRONG_SLAVE, MeterFault.SLOW])
def test_37_answers_of_others_or_of_other_reads_are_dropped(fault: MeterFault) -> None:
    """What isn't surely the answer is none."""

    async def play(site: MeteredSite) -> None:
        site.grid.fault = fault
        assert never_wrong(await site.run(120), truths(site))

    lived(play)


def test_38_a_register_that_begins_again() -> None:
    """The energy told never falls, and the gap is marked."""

    async def play(site: MeteredSite) -> None:
        told = []
        site.grid.fault = MeterFault.REGISTER_RESET
        for _ in range(60):
            site.true.import_wh += 4.0
            await site.run(1)
            told.append(site.reading.import_wh)
        known = [each for each in told if each is not None]
        assert known == sorted(known)
        assert known[0] >= 500_000.0
        assert any("import register: went from" in doubt for doubt in site.reading.doubts)

    lived(play)


def test_39_a_submeter_that_shows_more_than_the_meter_above_it() -> None:
    """The larger is used at once; what lasts is told once."""

    async def play(site: MeteredSite) -> None:
        site.true.garage = (30.0, 6.0, 7.0)
        with capture_logs() as logs:
            ticks = await site.run(30)
        assert ticks[-1].main_a is not None
        assert ticks[-1].main_a.l1 == pytest.approx(30.0)
        (told,) = site.board.submeters.findings("grid")
        assert told.startswith("meter 'grid' shows 20.0 A where the meters below it show 30.0 A on L1: the larger")
        assert [line["event"] for line in logs] == [told]

    lived(play)
