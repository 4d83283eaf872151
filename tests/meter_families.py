"""Every family of the catalogue with what a right decoder tells of its simulated device.

Written from the makers' tables: what a family doesn't tell, and where its numbers mean something of their own. Used by
the tests of the decoder and by those of the transports.
"""

from dataclasses import dataclass

from simulators.meter.state import LineState

# Every number can be told exactly by every family: 10 W, 0.1 V, 0.01 A, 0.1 Hz and 1 kWh are multiples of the coarsest
# steps. No two are alike, so that a value taken for another's is seen.
FEEDING_ON_L2 = LineState(
    voltage_v=(230.1, 231.2, 229.4),
    current_a=(10.25, -15.5, 5.75),
    power_w=(2350.0, -3580.0, 1310.0),
    total_w=80.0,
    frequency_hz=50.1,
    import_wh=1_234_000.0,
    export_wh=567_000.0,
)
FEEDING_IN = LineState(
    voltage_v=(238.3, 237.6, 239.5),
    current_a=(-20.5, -21.25, -22.75),
    power_w=(-4880.0, -5040.0, -5440.0),
    total_w=-15_360.0,
    frequency_hz=49.9,
    import_wh=2_000.0,
    export_wh=7_654_000.0,
)
DRAWING = LineState(
    voltage_v=(221.7, 222.9, 220.3),
    current_a=(61.25, 40.5, 0.25),
    power_w=(13_570.0, 9_020.0, 50.0),
    total_w=22_640.0,
    frequency_hz=50.0,
    import_wh=65_432_000.0,
    export_wh=1_000.0,
)
STATES = {"feeding on L2": FEEDING_ON_L2, "feeding in": FEEDING_IN, "drawing": DRAWING}

_VOLTAGES = frozenset({"voltage_l1_v", "voltage_l2_v", "voltage_l3_v"})
_CURRENTS = frozenset({"current_l1_a", "current_l2_a", "current_l3_a"})
_POWERS = frozenset({"power_l1_w", "power_l2_w", "power_l3_w"})
_L2_AND_L3 = frozenset(
    {f"{name[:-4]}{phase}{name[-2:]}" for name in _VOLTAGES | _CURRENTS | _POWERS for phase in ("l2", "l3")}
)

# What the tables of these families don't have; all others tell everything.
NOT_TOLD = {
    "eastron_sdm72d_v1": _VOLTAGES | _CURRENTS | _POWERS | {"frequency_hz"},
    "eastron_sdm120_230": _L2_AND_L3,
    "carlo_gavazzi_em1xx": _L2_AND_L3,
    "socomec_diris_b30": frozenset({"frequency_hz"}),
    "phoenix_eem_em3xx": _CURRENTS | _POWERS | {"power_w", "frequency_hz", "import_wh", "export_wh"},
    "dzg_dvh4013": _POWERS | {"power_w"},
    "acrel_adw300": frozenset({"frequency_hz"}),
    "sunspec_inverter": _POWERS | {"import_wh"},
}
WITHOUT_POWER = frozenset({"phoenix_eem_em3xx"})
SINGLE_PHASE = frozenset({"eastron_sdm120_230", "carlo_gavazzi_em1xx"})
IN_TWO_PARTS = frozenset({"dzg_dvh4013"})  # tell what is drawn and what is fed in, apart
INVERTERS = frozenset({"sunspec_inverter"})

FAMILY_IDS = (
    "abb_b23_b24",
    "acrel_adw300",
    "carlo_gavazzi_em1xx",
    "carlo_gavazzi_em24_e1",
    "carlo_gavazzi_em24_rtu",
    "carlo_gavazzi_em3xx_em5xx",
    "chint_dtsu666",
    "dzg_dvh4013",
    "eastron_sdm120_230",
    "eastron_sdm630",
    "eastron_sdm72d_v1",
    "inepro_pro380",
    "janitza_umg",
    "kostal_ksem_tq",
    "lovato_dmg610",
    "orno_we516_517",
    "phoenix_eem_em3xx",
    "phoenix_eem_ma",
    "schneider_iem3x55",
    "schneider_pm5110_pm3255",
    "shelly_pro_3em",
    "siemens_7kt1665",
    "siemens_pac2200_3200",
    "socomec_countis_e24_e44",
    "socomec_diris_b30",
    "sunspec_inverter",
    "sunspec_meter",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a right decoder tells, by the quantity's name: currents as magnitudes, but for inverters."""

    values: dict[str, float]
    relative: float = 1e-6  # what float32 and a scale in binary lose


def told(family_id: str, state: LineState) -> Told:
    """The truth as that family's registers give it."""
    feeds = family_id in INVERTERS  # an inverter's currents are known to flow out
    values: dict[str, float | None] = {"power_w": state.power_w[0] if family_id in SINGLE_PHASE else state.total_w}
    for index in range(3):
        current_a = state.current_a[index]
        values[f"voltage_l{index + 1}_v"] = state.voltage_v[index]
        values[f"current_l{index + 1}_a"] = None if current_a is None else abs(current_a) * (-1.0 if feeds else 1.0)
        values[f"power_l{index + 1}_w"] = state.power_w[index]
    values |= {"frequency_hz": state.frequency_hz, "import_wh": state.import_wh, "export_wh": state.export_wh}
    if family_id in IN_TWO_PARTS:
        values |= {"power_drawn_w": max(state.total_w or 0.0, 0.0), "power_fed_w": max(-(state.total_w or 0.0), 0.0)}
    left_out = NOT_TOLD.get(family_id, frozenset())
    return Told(values={name: value for name, value in values.items() if name not in left_out and value is not None})
