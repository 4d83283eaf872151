"""Whether a reading may be believed: what can't be true, what doesn't fit, what is held, and for how long."""

import math
from dataclasses import replace

import pytest

from edge.domain.reading import MeterReading, Quality
from edge.errors import MeterImplausible
from edge.metering.catalogue import FAMILIES
from edge.metering.energies import STALE_S, EnergyCounter
from edge.metering.family import CURRENTS, POWERS, VOLTAGES, CurrentSign, Quantity, Values
from edge.metering.quality import HOLD_S, Judge
from edge.units import Amps, Phase, PhaseAmps

SDM630 = FAMILIES["eastron_sdm630"]


def values(
    *currents: Amps, volts: float = 230.0, powers: tuple[float, float, float] | None = None, **more: float
) -> dict[Quantity, float | None]:
    """What a meter tells of those currents, whose powers fit unless they are given."""
    told: dict[Quantity, float | None] = dict(zip(CURRENTS, (abs(each) for each in currents), strict=True))
    told |= dict.fromkeys(VOLTAGES, volts)
    told |= dict(zip(POWERS, powers or [each * volts for each in currents], strict=True))
    told |= {Quantity(name): value for name, value in more.items()}
    return told


def judge(rating_a: Amps | None = 63.0) -> Judge:
    """Of a meter of magnitudes on a circuit of 63 A."""
    return Judge(meter="grid", family=SDM630, rating_a=rating_a)


def test_a_sound_reading_is_good() -> None:
    """Currents with the sign of their power, the voltages, and the phases' sum as total."""
    reading = judge().reading(values(10.0, -20.0, 30.0), 1.0)
    assert reading == MeterReading(
        meter="grid",
        at=1.0,
        current_a=PhaseAmps(10.0, -20.0, 30.0),
        voltage_v=(230.0, 230.0, 230.0),
        phase_power_w=(2300.0, -4600.0, 6900.0),
        power_w=4600.0,
        quality=Quality.GOOD,
    )


def test_a_single_phase_meter_tells_its_voltage_and_power() -> None:
    """What the meter isn't on has no voltage and no power, and no current flows through it there."""
    family = FAMILIES["eastron_sdm120_230"]
    told = {CURRENTS[0]: 10.0, VOLTAGES[0]: 231.0, POWERS[0]: -2300.0, Quantity.POWER: -2300.0}
    reading = Judge(meter="pv", family=family).reading(told, 1.0)
    assert reading.current_a == PhaseAmps(-10.0, 0.0, 0.0)
    assert reading.voltage_v == (231.0, None, None)
    assert reading.phase_power_w == (-2300.0, None, None)


def test_a_voltage_that_some_devices_have_not_is_no_fault() -> None:
    """Where the family says that a voltage may be missing its currents count without; a wrong one is refused still."""
    family = replace(SDM630, at_times=frozenset(VOLTAGES))
    told = values(10.0, 11.0, 12.0) | dict.fromkeys(VOLTAGES)
    reading = Judge(meter="grid", family=family).reading(told, 1.0)
    assert reading.current_a == PhaseAmps(10.0, 11.0, 12.0)
    assert (reading.voltage_v, reading.quality) == (None, Quality.GOOD)
    with pytest.raises(MeterImplausible, match="12 V on L2"):
        Judge(meter="grid", family=family).reading(told | {VOLTAGES[1]: 12.0}, 1.0)


def on_l1(volts_elsewhere: float | None, amps_elsewhere: float | None = 0.0) -> dict[Quantity, float | None]:
    """A meter of three phases of which only the first is wired."""
    told = values(-10.0, 0.0, 0.0)
    return told | {VOLTAGES[index]: volts_elsewhere for index in (1, 2)} | {CURRENTS[2]: amps_elsewhere}


@pytest.mark.parametrize(("volts_elsewhere", "amps_elsewhere"), [(0.0, 0.0), (0.0, None), (None, None), (48.0, 0.3)])
def test_a_meter_of_three_phases_may_be_on_one(volts_elsewhere: float | None, amps_elsewhere: float | None) -> None:
    """0 V (or what is induced) on terminals that nothing is wired to is no fault where no EVSE needs that phase."""
    each = Judge(meter="grid", family=SDM630, rating_a=63.0, guarded=frozenset({Phase.L1}))
    reading = each.reading(on_l1(volts_elsewhere, amps_elsewhere), 1.0)
    assert (reading.current_a, reading.quality) == (PhaseAmps(-10.0, 0.0, 0.0), Quality.GOOD)
    assert (reading.voltage_v, reading.phase_power_w) == ((230.0, None, None), (-2300.0, None, None))
    assert reading.power_w == -2300.0


def test_a_phase_of_which_nothing_is_told_may_be_none() -> None:
    """A SunSpec meter or a P1 port on one phase leaves the others out, and need not tell voltages at all."""
    family = replace(SDM630, at_times=frozenset(VOLTAGES))
    told = {CURRENTS[0]: 10.0, POWERS[0]: 2300.0}
    each = Judge(meter="grid", family=family, rating_a=63.0, guarded=frozenset({Phase.L1}))
    assert each.reading(told, 1.0).current_a == PhaseAmps(10.0, 0.0, 0.0)
    with pytest.raises(MeterImplausible, match="no current on L2"):
        Judge(meter="grid", family=family, rating_a=63.0).reading(told, 1.0)


@pytest.mark.parametrize(
    ("told", "guarded", "words"),
    [
        (on_l1(0.0), frozenset({Phase.L1, Phase.L2}), "0 V on L2"),  # a car may be there: its fuse is out, or its tap
        (on_l1(0.0, 12.0), frozenset({Phase.L1}), "0 V on L3"),  # a current without a voltage: the tap is off
        (values(0.0, 0.0, 0.0, volts=0.0), frozenset(), "0 V on L1"),  # it measures nothing at all
    ],
)
def test_a_phase_that_is_needed_or_carries_something_must_be_told(
    told: Values, guarded: frozenset[Phase], words: str
) -> None:
    """A voltage tap that is off lets a meter show nothing while the phase is loaded (mkaiser/Sungrow issue 396)."""
    with pytest.raises(MeterImplausible, match=words):
        Judge(meter="grid", family=SDM630, rating_a=63.0, guarded=guarded).reading(told, 1.0)


def test_the_same_values_again_are_fresh() -> None:
    """A meter that repeats itself is alive: the age is that of the poll."""
    each = judge()
    for second in range(20):
        reading = each.reading(values(10.0, 10.0, 10.0), float(second))
        assert (reading.at, reading.quality) == (float(second), Quality.GOOD)


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (values(10.0 * 65_536, 10.0, 10.0), "655360 A on L1"),
        (values(10.0, 700.0, 10.0), "700 A on L2"),
        (values(10.0, 10.0, 10.0, volts=0.003), "0.003 V on L1"),
        (values(10.0, 10.0, 10.0, volts=400.0), "400 V on L1"),
        (values(10.0, math.inf, 10.0), "no current on L2"),
        (values(10.0, math.nan, 10.0), "no current on L2"),
        (values(10.0, 10.0, 10.0, powers=(1e9, 0.0, 0.0)), "W on L1"),
        (values(10.0, 10.0, 10.0, power_w=1e9), "1e+09 W in all"),
    ],
)
def test_what_cannot_be_true_is_held_and_then_refused(spoilt: Values, words: str) -> None:
    """The last good reading stands, with its own time, for HOLD_S; then there is none."""
    each = judge()
    good = each.reading(values(10.0, 10.0, 10.0), 0.0)
    held = each.reading(spoilt, HOLD_S)
    assert (held.current_a, held.at, held.quality) == (good.current_a, 0.0, Quality.HELD)
    assert words in held.doubts[0]
    with pytest.raises(MeterImplausible, match="check the meter's model"):
        each.reading(spoilt, HOLD_S + 0.1)
    assert each.reading(values(10.0, 10.0, 10.0), HOLD_S + 1).quality is Quality.GOOD


def test_nothing_is_held_before_the_first_good_reading() -> None:
    """A meter that begins with nonsense gives no reading."""
    with pytest.raises(MeterImplausible, match="655360 A on L1"):
        judge().reading(values(655_360.0, 1.0, 1.0), 0.0)


@pytest.mark.parametrize(
    ("odd", "words", "current_a"),
    [
        (values(10.0, 10.0, 10.0, powers=(4600.0, 2300.0, 2300.0)), "more than 10.0 A at 230 V can carry", 20.0),
        (values(40.0, 10.0, 10.0, powers=(100.0, 2300.0, 2300.0)), "40.0 A on L1 with only 100 W", 40.0),
        (values(10.0, 10.0, 10.0, power_w=20_000.0), "the phases' powers come to 6900 W, the total is 20000 W", 10.0),
    ],
)
def test_what_does_not_fit_is_held_then_used_with_the_larger_value(odd: Values, words: str, current_a: Amps) -> None:
    """A slip is held; what lasts is used, suspect, each phase at least with what its power needs."""
    each = judge()
    each.reading(values(10.0, 10.0, 10.0), 0.0)
    assert each.reading(odd, 1.0).quality is Quality.HELD
    assert each.reading(odd, 2.0).quality is Quality.HELD
    lasting = each.reading(odd, 1.0 + HOLD_S)
    assert lasting.quality is Quality.SUSPECT
    assert words in lasting.doubts[0]
    assert lasting.current_a is not None
    assert lasting.current_a.l1 == pytest.approx(current_a)
    assert each.reading(values(10.0, 10.0, 10.0), 6.0).quality is Quality.GOOD


def test_a_step_that_the_power_bears_out_is_believed_at_once() -> None:
    """A load that comes on must be seen in the same second."""
    each = judge()
    each.reading(values(1.0, 1.0, 1.0), 0.0)
    assert each.reading(values(90.0, 90.0, 90.0), 1.0).current_a == PhaseAmps(90.0, 90.0, 90.0)


def test_a_step_that_nothing_bears_out_needs_two_polls() -> None:
    """Currents alone may be a word of the neighbour: the second poll that says so is believed."""
    each = judge()
    currents = dict.fromkeys((*VOLTAGES, *POWERS))
    each.reading(values(1.0, 1.0, 1.0) | dict.fromkeys(POWERS), 0.0)
    spike = values(90.0, 1.0, 1.0) | {name: None for name in currents if name in POWERS}
    assert each.reading(spike, 1.0).quality is Quality.HELD
    assert each.reading(values(1.0, 1.0, 1.0) | dict.fromkeys(POWERS), 2.0).quality is Quality.GOOD
    assert each.reading(spike, 3.0).quality is Quality.HELD
    assert each.reading(spike, 4.0).current_a == PhaseAmps(90.0, 1.0, 1.0)


def dsmr_4(*currents: Amps) -> dict[Quantity, float | None]:
    """A telegram of DSMR 4: powers and currents, no voltages."""
    return {name: value for name, value in values(*currents).items() if name not in VOLTAGES}


def test_a_step_of_a_meter_that_tells_seldom_counts_at_once() -> None:
    """A load that comes on is more than the fuse at the next telegram, not at the one after, ten seconds later; what
    goes off has the old value stand until it is confirmed. Nothing bears either out: DSMR 4 has no voltages."""
    each = Judge(meter="grid", family=FAMILIES["dsmr_p1"], rating_a=25.0)
    each.reading(dsmr_4(3.0, 20.0, 3.0), 0.0)
    came = each.reading(dsmr_4(30.0, -9.0, 3.0), 10.0)
    assert (came.at, came.current_a) == (10.0, PhaseAmps(30.0, 20.0, 3.0))
    assert (came.quality, came.doubts) == (Quality.SUSPECT, ("a step that nothing else bears out",))
    stays = each.reading(dsmr_4(30.0, -9.0, 3.0), 20.0)
    assert (stays.current_a, stays.quality) == (PhaseAmps(30.0, -9.0, 3.0), Quality.GOOD)


def test_a_spike_of_a_meter_that_tells_seldom_is_over_with_the_next() -> None:
    """What was before it is what the next is held against."""
    each = Judge(meter="grid", family=FAMILIES["dsmr_p1"], rating_a=25.0)
    each.reading(dsmr_4(3.0, 3.0, 3.0), 0.0)
    assert each.reading(dsmr_4(40.0, 3.0, 3.0), 10.0).current_a == PhaseAmps(40.0, 3.0, 3.0)
    after = each.reading(dsmr_4(4.0, 3.0, 3.0), 20.0)
    assert (after.current_a, after.quality) == (PhaseAmps(4.0, 3.0, 3.0), Quality.GOOD)


def test_what_does_not_fit_of_a_meter_that_tells_seldom_counts_at_once() -> None:
    """Current and power are of windows that differ: each phase counts with the larger, now, not ten seconds later."""
    each = judge(rating_a=25.0)
    each.reading(values(3.0, 3.0, 3.0), 0.0)
    odd = each.reading(values(3.0, 3.0, 3.0, powers=(5750.0, 690.0, 690.0)), 10.0)
    assert (odd.at, odd.current_a, odd.quality) == (10.0, PhaseAmps(25.0, 3.0, 3.0), Quality.SUSPECT)


def test_a_frequency_that_cannot_be_is_left_out() -> None:
    """Nothing depends on it: the currents stay."""
    each = judge()
    each.take_slow({Quantity.FREQUENCY: 500.0}, 0.0)
    assert each.reading(values(1.0, 1.0, 1.0), 0.0).frequency_hz is None
    each.take_slow({Quantity.FREQUENCY: 49.98}, 0.0)
    assert each.reading(values(1.0, 1.0, 1.0), 1.0).frequency_hz == 49.98


BEFORE = (31.0, 20.0, 26.0)


@pytest.mark.parametrize("rating_a", [63.0, 16.0])
@pytest.mark.parametrize("family_id", ["eastron_sdm630", "mqtt"])
def test_signs_that_all_turn_at_once_free_no_fuse(family_id: str, rating_a: Amps) -> None:
    """What was drawn is fed in by the next poll: it counts as drawn, and is told, until a draw shows."""
    tells_power = family_id != "mqtt"
    family = (
        FAMILIES[family_id]
        if tells_power
        else replace(FAMILIES["mqtt"], current_sign=CurrentSign.SIGNED, told=frozenset(CURRENTS))
    )
    each = Judge(meter="grid", family=family, rating_a=rating_a)

    def reading(*currents: Amps, at: float) -> MeterReading:
        return each.reading(values(*currents) if tells_power else dict(zip(CURRENTS, currents, strict=True)), at)

    assert reading(*BEFORE, at=1.0).quality is Quality.GOOD
    for at, noise_a in ((2.0, 0.5), (3.0, -3.0), (4.0, 8.0)):
        turned = reading(*(noise_a - amps for amps in BEFORE), at=at)
        assert list(turned.current_a or ()) == pytest.approx([amps - noise_a for amps in BEFORE])
        assert turned.quality is Quality.SUSPECT
        assert "turned round" in turned.doubts[0]
        if tells_power:
            assert list(turned.phase_power_w or ()) == pytest.approx([230.0 * (amps - noise_a) for amps in BEFORE])
            assert turned.power_w == pytest.approx(230.0 * sum(amps - noise_a for amps in BEFORE))
    again = [reading(*BEFORE, at=at) for at in (5.0, 6.0)][-1]  # a step of one poll may be held
    assert (again.current_a, again.quality) == (PhaseAmps(*BEFORE), Quality.GOOD)


@pytest.mark.parametrize(
    ("before", "now", "after_s"),
    [
        ((61.0, 58.0, 60.0), (-61.0, -58.0, -60.0), 1.0),  # a battery turns from taking to giving; nothing else runs
        ((31.0, 20.0, 26.0), (-9.0, -20.0, -14.0), 1.0),  # the same where the building takes something
        ((-31.0, -20.0, -26.0), (31.0, 20.0, 26.0), 1.0),  # a draw is a draw
        ((5.0, 0.3, 0.2), (-5.0, -0.3, -0.2), 1.0),  # on one phase, a kettle that ends
        ((16.0, -8.0, -8.0), (-16.0, -8.0, -8.0), 1.0),  # a one-phase car that stops
        ((31.0, 20.0, 26.0), (-31.0, -20.0, -26.0), 5.0),  # much may have changed meanwhile
    ],
)
def test_what_feeds_in_is_no_turn_of_the_signs(
    before: tuple[Amps, Amps, Amps], now: tuple[Amps, Amps, Amps], after_s: float
) -> None:
    """Sun and batteries change three phases alike, a load changes its own."""
    each = judge()
    each.reading(values(*before), 1.0)
    reading = each.reading(values(*now), 1.0 + after_s)
    assert (reading.current_a, reading.quality) == (PhaseAmps(*now), Quality.GOOD)


def test_energies_stand_in_the_reading_until_they_are_old() -> None:
    """What the slow blocks gave, for STALE_S."""
    each = judge()
    each.take_slow({Quantity.IMPORT_WH: 1500.0, Quantity.EXPORT_WH: 250.0}, 0.0)
    reading = each.reading(values(1.0, 1.0, 1.0), STALE_S)
    assert (reading.import_wh, reading.export_wh) == (1500.0, 250.0)
    assert each.reading(values(1.0, 1.0, 1.0), STALE_S + 1).import_wh is None


def test_a_register_that_begins_again_goes_on_counting() -> None:
    """A reset is believed when three reads say so; what was counted stays, and the gap is told."""
    counter = EnergyCounter(most_w=40_000.0)
    counter.take(5_000_000.0, 0.0)
    for second in (5.0, 10.0):
        counter.take(100.0, second)
        assert counter.value_wh(second) == 5_000_000.0
    counter.take(150.0, 15.0)
    assert counter.value_wh(15.0) == pytest.approx(5_000_000.0)
    counter.take(250.0, 20.0)
    assert counter.value_wh(20.0) == pytest.approx(5_000_100.0)
    assert counter.gap.startswith("went from 5000.0 to 0.1 kWh")


@pytest.mark.parametrize("step_wh", [1_000, 10_000, 100_000])
def test_a_register_of_coarse_steps_counts_on(step_wh: int) -> None:
    """One in MWh, or behind large current transformers: it stands for long and steps by more than flows between two
    reads. (What it had counted stood for ever, and each step was told as a gap.)"""
    counter, flows_w, hours = EnergyCounter(most_w=120_000.0), 30_000.0, 12
    told = []
    for second in range(0, hours * 3600, 5):
        counter.take(5_000_000.0 + flows_w * second / 3600 // step_wh * step_wh, float(second))
        told.append(counter.value_wh(float(second)))
        assert counter.gap == ""
    assert told[-1] == 5_000_000.0 + (hours * flows_w - 1) // step_wh * step_wh
    assert None not in told


def test_a_register_that_jumps_further_than_can_have_flowed_since_its_last_step_begins_anew() -> None:
    """Whatever the time between its reads: a meter was put in another's place."""
    counter = EnergyCounter(most_w=120_000.0)
    for second in range(0, 3600, 5):
        counter.take(5_000_000.0, float(second))
    for second in (3600, 3605, 3610):
        counter.take(5_200_000.0, float(second))
    assert counter.value_wh(3610.0) == 5_000_000.0
    assert counter.gap.startswith("went from 5000.0 to 5200.0 kWh")


def test_a_register_that_jumps_once_is_not_followed() -> None:
    """65,536 times the energy can't have flowed in five seconds."""
    counter = EnergyCounter(most_w=40_000.0)
    counter.take(5_000.0, 0.0)
    counter.take(5_000.0 * 65_536, 5.0)
    counter.take(5_010.0, 10.0)
    assert (counter.value_wh(10.0), counter.gap) == (5_010.0, "")
