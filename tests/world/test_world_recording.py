"""Recorded loads, as meters and their portals export them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simulators.errors import ScenarioError
from simulators.world.building import Recorded
from simulators.world.recording import RecordingSpec, read_recording
from simulators.world.scenario_file import load_world
from tests.world.worlds import SMALL

BERLIN = ZoneInfo("Europe/Berlin")
BEGINS_AT = datetime.fromisoformat("2026-11-23T08:00:00+01:00")  # a Monday


def read(
    tmp_path: Path,
    text: str | bytes,
    *columns: str,
    time: tuple[str, ...] = ("Zeit",),
    begins_at: datetime = BEGINS_AT,
    **said: Any,
) -> Recorded:
    file = tmp_path / "load.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    spec = RecordingSpec(file=file, circuit="main", columns=columns or ("L1", "L2", "L3"), time=time, **said)
    return read_recording(spec, zone=BERLIN, volts=230.0, begins_at=begins_at)


ROWS = ((0.0, (4.5, 5.0, 6.25)), (900.0, (5.5, 6.0, 1234.5)))
FORMS: dict[str, str | bytes] = {
    "ISO, commas": "Zeit,L1,L2,L3\n2026-03-01 00:00,4.5,5,6.25\n2026-03-01 00:15,5.5,6,1234.5\n",
    "German": "Zeit;L1;L2;L3\n01.03.2026 00:00;4,5;5;6,25\n01.03.2026 00:15:00;5,5;6;1.234,5\n",
    "of a spreadsheet": "\ufeffZeit\tL1\tL2\tL3\r\n2026/03/01 00:00\t4,5\t5\t6,25\r\n2026/03/01 00:15\t5,5\t6\t1234,5",
    "UTF-16": "Zeit;L1;L2;L3\n1000;4,5;5;6,25\n1900;5,5;6;1'234,5\n".encode("utf-16"),
    "UTF-16 without its mark": "Zeit;L1;L2;L3\n1000;4,5;5;6,25\n1900;5,5;6;1'234,5\n".encode("utf-16-le"),
    "of Windows, with lines before": "Zähler;4711\n\nZeit;L1;L2;L3\n0;4,5;5;6,25\n900;5,5;6;1234,5\n".encode("cp1252"),
    "newest first": "Zeit;L3;L2;L1\n2026-03-01T00:15Z;1234.5;6;5.5\n2026-03-01T00:00Z;6.25;5;4.5\n",
    "with gaps": "Zeit;L1;L2;L3\n0;4.5;5;6.25\n300;;5;6\n600;;;\n;;;\n700;unavailable;5;NaN\n900;5.5;6;1234.5\n",
    "quoted": '"Zeit","L1","L2","L3"\n"0","4.5","5","6.25"\n"900","5.5","6","1,234.5"\n',
    "of milliseconds": "Zeit,L1,L2,L3\n1771180620000,4.5,5,6.25\n1771181520000,5.5,6,1234.5\n",
    "day numbers": "Zeit;L1;L2;L3\n46110,25;4,5;5;6,25\n46110,260416667;5,5;6;1234,5\n",
    "digits only": "Zeit;L1;L2;L3\n202603010000;4,5;5;6,25\n202603010015;5,5;6;1234,5\n",
    "American": "Zeit,L1,L2,L3\n3/1/2026 11:45 PM,4.5,5,6.25\n3/2/2026 12:00 AM,5.5,6,1234.5\n",
    "French": "Zeit;L1;L2;L3\n31/03/2026 06h45;4,5;5;6,25\n31/03/2026 07h00;5,5;6;1\u202f234,5\n",
    "with names of zones": "Zeit;L1;L2;L3\n2026-03-29 01:45 CET;4.5;5;6.25\n2026-03-29 03:00 CEST;5.5;6;1234.5\n",
    "spans": 'Zeit,L1,L2,L3\n"2026-03-01 00:00 to 00:15",4.5,5,6.25\n2026-03-01 00:15 - 00:30,5.5,6,1234.5\n',
    "sums at the end": "Zeit;L1;L2;L3\n0;4,5;5;6,25\n900;5,5;6;1234,5\n\nSumme;10;11;1240,75\nMax;5,5;6;1234,5\n",
    "units below": "Zeit;L1;L2;L3\n[s];[A];[A];[A]\n0;4,5;5;6,25\n900;5,5;6;1234,5\n",
    "twice the same": "Zeit;L1;L2;L3\n0;4,5;5;6,25\n900;5,5;6;1234,5\n900;5,5;6;1234,5\n",
    "a heading on each page": "Zeit;L1;L2;L3\n0;4,5;5;6,25\nZeit;L1;L2;L3\n900;5,5;6;1234,5\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_read_as_it_is_meant(tmp_path: Path, form: str) -> None:
    """Whatever its delimiter, its decimal sign, its letters, its dates, and the order of its rows."""
    recorded = read(tmp_path, FORMS[form])
    assert recorded.rows == ROWS
    assert recorded.lasts_s == 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a meter or a portal writes, what a scenario says of it, and how many A its first two rows come to."""

    text: str
    time: tuple[str, ...]
    columns: tuple[str, ...]
    amps: tuple[float, float] | tuple[tuple[float, float, float], tuple[float, float, float]]
    step_s: float
    said: Mapping[str, Any] | None = None


def kwh(energy: float, *, per_h: float) -> float:
    """In A of each of three phases at 230 V."""
    return energy * 1000.0 * per_h / 690.0


EXPORTS = {
    "German grid operator, kWh of a quarter of an hour": Export(
        text="Lastgang;DE0001234\nMesszeitraum;01.03.2026 - 31.03.2026\n\n"
        "Datum;Zeit von;Zeit bis;Verbrauch [kWh];Status\n"
        "01.03.2026;00:00;00:15;4,250;W\n01.03.2026;00:15;00:30;14,125;E\n"
        "01.03.2026;00:30;00:45;0,875;W\nSumme;;;19,250;\n",
        time=("Datum", "Zeit von"),
        columns=("Verbrauch [kWh]",),
        amps=(kwh(4.25, per_h=4), kwh(14.125, per_h=4)),
        step_s=900.0,
    ),
    "German grid operator, three decimals throughout": Export(
        text="Datum;von;bis;Bezug [kWh]\n01.03.2026;00:00;00:15;4,250\n01.03.2026;00:15;00:30;14,125\n",
        time=("Datum", "von"),
        columns=("Bezug [kWh]",),
        amps=(kwh(4.25, per_h=4), kwh(14.125, per_h=4)),
        step_s=900.0,
    ),
    "German grid operator, kW": Export(
        text="Zeitstempel;Wirkleistung [kW]\n01.03.2026 00:15;17,0\n01.03.2026 00:30;56,5\n",
        time=("Zeitstempel",),
        columns=("Wirkleistung [kW]",),
        amps=(17000 / 690, 56500 / 690),
        step_s=900.0,
    ),
    "Austrian grid operator": Export(
        text="Messzeitpunkt;Verbrauch (kWh);Qualität;Restnetzbezug (kWh);\n"
        "01.01.2025 00:00;4,7;L1;4,7;\n01.01.2025 00:15;5,3;L1;5,3;\n",
        time=("Messzeitpunkt",),
        columns=("Verbrauch (kWh)",),
        amps=(kwh(4.7, per_h=4), kwh(5.3, per_h=4)),
        step_s=900.0,
    ),
    "Enedis": Export(
        text="Identifiant PRM;Type de donnees;Date de debut;Date de fin;Unite;Pas en minutes\n"
        "00000000000000;Courbe de charge;01/03/2026;02/03/2026;W;\n\nHorodate;Valeur\n"
        "2026-03-01T00:30:00+01:00;1200\n2026-03-01T01:00:00+01:00;800\n",
        time=("Horodate",),
        columns=("Valeur",),
        amps=(1200 / 690, 800 / 690),
        step_s=1800.0,
    ),
    "PECO, Green Button": Export(
        text='Name,WILLIAM PENN\nAddress,"1 S BROAD ST, PHILADELPHIA PA 19112"\n\n'
        "TYPE,DATE,START TIME,END TIME,USAGE (kWh),NOTES\n"
        "Electric usage,2023-07-04,00:00,00:59,0.29\nElectric usage,2023-07-04,01:00,01:59,0.34\n",
        time=("DATE", "START TIME"),
        columns=("USAGE (kWh)",),
        amps=(kwh(0.29, per_h=1), kwh(0.34, per_h=1)),
        step_s=3600.0,
    ),
    "PG&E, Green Button with a column of units": Export(
        text="TYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES\n"
        "Electric usage,2024-01-01,00:00,00:14,0.08,kWh,$0.02,\n"
        "Electric usage,2024-01-01,00:15,00:29,0.11,kWh,$0.03,\n",
        time=("DATE", "START TIME"),
        columns=("USAGE",),
        amps=(kwh(0.08, per_h=4), kwh(0.11, per_h=4)),
        step_s=900.0,
    ),
    "SCE, Green Button": Export(
        text="Energy Delivered time period,Usage(Real energy in kilowatt-hours),Reading quality\n"
        '"2025-01-01 00:00:00 to 2025-01-01 01:00:00","0.65",""\n'
        '"2025-01-01 01:00:00 to 2025-01-01 02:00:00","1.3",""\n',
        time=("Energy Delivered time period",),
        columns=("Usage(Real energy in kilowatt-hours)",),
        amps=(kwh(0.65, per_h=1), kwh(1.3, per_h=1)),
        step_s=3600.0,
    ),
    "Home Assistant's history": Export(
        text="entity_id,state,last_changed\nsensor.grid_power,5520.5,2026-03-01T00:00:00.123Z\n"
        "sensor.grid_power,unavailable,2026-03-01T00:00:30.000Z\nsensor.grid_power,6900,2026-03-01T00:01:00.123Z\n",
        time=("last_changed",),
        columns=("state",),
        amps=(5520.5 / 690, 10.0),
        step_s=60.0,
        said={"unit": "W"},
    ),
    "Shelly 3EM, currents": Export(
        text="timestamp,a_total_act_energy,a_avg_current,b_avg_current,c_avg_current\n"
        "1771180620,0.2134,0.620,0.868,0.325\n1771180680,0.2134,0.631,0.874,0.342\n",
        time=("timestamp",),
        columns=("a_avg_current", "b_avg_current", "c_avg_current"),
        amps=((0.62, 0.868, 0.325), (0.631, 0.874, 0.342)),
        step_s=60.0,
    ),
    "Shelly 3EM, Wh of a minute": Export(
        text="timestamp,a_total_act_energy,b_total_act_energy,c_total_act_energy\n"
        "1771180620,23.0,46.0,11.5\n1771180680,46.0,46.0,11.5\n",
        time=("timestamp",),
        columns=("a_total_act_energy", "b_total_act_energy", "c_total_act_energy"),
        amps=((6.0, 12.0, 3.0), (12.0, 12.0, 3.0)),
        step_s=60.0,
        said={"unit": "Wh"},
    ),
    "Fronius Solar.web": Export(
        text="Datum und Uhrzeit,Energie vom Netz bezogen,Energie ins Netz eingespeist\n[dd.MM.yyyy HH:mm],[Wh],[Wh]\n"
        "01.03.2026 00:00,115.0,\n01.03.2026 00:05,57.5,\n",
        time=("Datum und Uhrzeit",),
        columns=("Energie vom Netz bezogen",),
        amps=(2.0, 1.0),
        step_s=300.0,
    ),
    "E3DC": Export(
        text='"Zeitstempel";"Ladezustand [%]";"Netzbezug [W]";"Hausverbrauch [W]"\n'
        "01.01.2024 00:00:00;45;100;690\n01.01.2024 01:00:00;43;80;1380\n",
        time=("Zeitstempel",),
        columns=("Hausverbrauch [W]",),
        amps=(1.0, 2.0),
        step_s=3600.0,
    ),
    "Tibber": Export(
        text="from,to,consumption,consumptionUnit\n"
        "2026-03-01T00:00:00.000+01:00,2026-03-01T01:00:00.000+01:00,6.9,kWh\n"
        "2026-03-01T01:00:00.000+01:00,2026-03-01T02:00:00.000+01:00,1.38,kWh\n",
        time=("from",),
        columns=("consumption",),
        amps=(10.0, 2.0),
        step_s=3600.0,
        said={"unit": "kWh"},
    ),
    "Janitza, phases in mA": Export(
        text="Startzeit;Endzeit;I L1 [mA];I L2 [mA];I L3 [mA]\n"
        "01.03.2026 00:00:00;01.03.2026 00:10:00;4.500,5;5000;6250\n"
        "01.03.2026 00:10:00;01.03.2026 00:20:00;5.500,0;6000;7000\n",
        time=("Startzeit",),
        columns=("I L1 [mA]", "I L2 [mA]", "I L3 [mA]"),
        amps=((4.5005, 5.0, 6.25), (5.5, 6.0, 7.0)),
        step_s=600.0,
    ),
    "Siemens, phases in kVA": Export(
        text="Time;S_L1_kVA;S_L2_kVA;S_L3_kVA\n2026-03-01 00:00:00;2.3;4.6;1.15\n2026-03-01 00:15:00;4.6;4.6;1.15\n",
        time=("Time",),
        columns=("S_L1_kVA", "S_L2_kVA", "S_L3_kVA"),
        amps=((10.0, 20.0, 5.0), (20.0, 20.0, 5.0)),
        step_s=900.0,
    ),
    "thousands with points, of an installer who says so": Export(
        text="Zeit;P [W]\n0;1.380\n900;6.900\n",
        time=("Zeit",),
        columns=("P [W]",),
        amps=(2.0, 10.0),
        step_s=900.0,
        said={"decimal": ","},
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_comes_to_its_amperes(tmp_path: Path, name: str) -> None:
    """Of the unit that its columns, a row or a column of units, the lines before or the scenario name."""
    export = EXPORTS[name]
    recorded = read(tmp_path, export.text, *export.columns, time=export.time, **(export.said or {}))
    (first_s, first), (next_s, second) = recorded.rows[:2]
    assert (first_s, next_s) == pytest.approx((0.0, export.step_s))
    wanted = [each if isinstance(each, tuple) else (each, each, each) for each in export.amps]
    assert first == pytest.approx(wanted[0])
    assert second == pytest.approx(wanted[1])


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "nothing": ("", {}, "has no column 'Zeit'; it has nothing"),
    "another heading": ("Time;L1;L2\n0;1;2\n", {}, "has no column 'Zeit'; it has 'Time', 'L1', 'L2'"),
    "another column below what is as wide": (
        "Lastgang;;;\nZähler;DE01;;\n\nZeit;L1;L2;Leistung\n0;1;2;3\n",
        {},
        "has no column 'L3'; it has 'Zeit', 'L1', 'L2', 'Leistung'",
    ),
    "no heading": ("01.03.2026 00:00;4,5\n", {}, "has no column 'Zeit'; it has '01.03.2026 00:00', '4,5'"),
    "one row": ("Zeit;L1;L2;L3\n0;1;2;3\n", {}, "at least two rows"),
    "two of one moment": (
        "Zeit;L1;L2;L3\n0;1;2;3\n0;1;2;4\n",
        {},
        "line 3: is the second row of '0', and says otherwise",
    ),
    "only the date": (
        "Zeit;Uhr;L1;L2;L3\n1.3.2026;00:00;1;2;3\n1.3.2026;00:15;1;2;4\n",
        {},
        "time may name two columns, of the date and of the time of day",
    ),
    "a word": ("Zeit;L1;L2;L3\n0;1;2;much\n9;1;2;3\n", {}, "line 2: must have numbers"),
    "a unit in the cell": ("Zeit;L1;L2;L3\n0;1;2;3 A\n9;1;2;3\n", {}, "line 2: must have numbers"),
    "thousands that aren't": ("Zeit;L1;L2;L3\n0;1;2;1.23,4\n9;1;2;3\n", {}, "line 2: must have numbers"),
    "no time in the midst": (
        "Zeit;L1;L2;L3\n0;1;2;3\ninf;1;2;3\n9;1;2;3\n",
        {},
        "line 3: has no time, and rows below it",
    ),
    "dates and seconds": ("Zeit;L1;L2;L3\n0;1;2;3\n2026-03-01;1;2;3\n", {}, "others seconds"),
    "an odd time": ("Zeit;L1;L2;L3\n0;1;2;3\n7 Uhr;1;2;3\n", {}, "line 3: must have a time, as 2026-03-29 06:15"),
    "no such month": (
        "Zeit;L1;L2;L3\n01.13.2026 00:00;1;2;3\n01.14.2026 00:00;1;2;3\n",
        {},
        "line 2: must have a time",
    ),
    "days in rows of their own": (
        "Zeit;L1;L2;L3\n18/01/2025;;;\n00:00:00;1;2;3\n23:30:00;1;2;3\n",
        {},
        "line 3: must have a time, as 2026-03-29 06:15",
    ),
    "both decimal signs": (
        "Zeit;L1;L2;L3\n0;1,5;2;3\n9;1.5;2;3\n",
        {},
        "has '1.5' and '1,5': the decimals must begin alike",
    ),
    "thousands or decimals": (
        'Zeit,P (W)\n0,"1,234"\n9,987\n',
        {"columns": ("P (W)",)},
        "'P (W)' may mean 1.234 or 1234 by '1,234': say so by decimal = ',', or decimal = '.'",
    ),
    "a comma that parts cells": (
        "Zeit,P (W)\n01.03.2026 00:00,12,5\n01.03.2026 00:15,12,5\n",
        {"columns": ("P (W)",)},
        "line 2: has 3 cells, and its heading 2: where numbers have a decimal comma",
    ),
    "a name that is there twice": ("Zeit;L1;L1;L2;L3\n0;1;2;3;4\n9;1;2;3;4\n", {}, "line 1: has 2 columns 'L1'"),
    "several meters in one": (
        "entity_id,Zeit,L1,L2,L3\nsensor.a,0,1,2,3\nsensor.b,5,1,2,3\n",
        {},
        "column 'entity_id' has rows of 'sensor.a' and 'sensor.b': leave those of one of them",
    ),
    "several units in one": (
        "Zeit;Einheit;Wert\n0;kWh;1\n9;A;2\n",
        {"columns": ("Wert",)},
        "column 'Einheit' has rows of 'A' and 'kWh'",
    ),
    "power of no unit": (
        "Zeit;Leistung\n0;1\n9;2\n",
        {"columns": ("Leistung",)},
        """column 'Leistung' sounds like power or energy, and nothing says of which unit: give unit = "W", "kW\"""",
    ),
    "no load": ("Zeit;U L1 [V]\n0;230\n9;231\n", {"columns": ("U L1 [V]",)}, "is in V: a load is in A, W, kW"),
    "units that differ": (
        "Zeit;L1 [A];L2 [kW];L3 [A]\n0;1;2;3\n9;1;2;3\n",
        {"columns": ("L1 [A]", "L2 [kW]", "L3 [A]")},
        "the columns must be in one unit, or unit say which",
    ),
    "a unit of something else": (
        "Zeit;L1;L2;L3\n0;1;2;3\n9;1;2;3\n",
        {"unit": "bar"},
        "unit must be one like A, mA, W",
    ),
    "unit and scale": (
        "Zeit;L1;L2;L3\n0;1;2;3\n9;1;2;3\n",
        {"unit": "W", "scale_a": 1.0},
        "a unit or a scale, not both",
    ),
    "a register": (
        "Zeit;Zählerstand (kWh)\n" + "".join(f"{900 * row};{4711 + row}\n" for row in range(96)),
        {"columns": ("Zählerstand (kWh)",)},
        "column 'Zählerstand (kWh)' counts up, as a meter's register: with register = true",
    ),
    "a register of each day": (
        "Zeit;Heute (kWh)\n" + "".join(f"{3600 * row};{row % 24 * 1.5}\n" for row in range(96)),
        {"columns": ("Heute (kWh)",)},
        "column 'Heute (kWh)' counts up, as a meter's register: with register = true",
    ),
    "a load that is said to be a register": (
        "Zeit;kWh\n" + "".join(f"{900 * row};{row % 2 + 1}\n" for row in range(96)),
        {"columns": ("kWh",), "register": True},
        "'kWh' falls 47 times in 95 steps, as no register does: leave register out",
    ),
    "a register of power": (
        "Zeit;kW\n0;1\n900;2\n1800;3\n",
        {"columns": ("kW",), "register": True},
        """a register counts energy, not kW: give unit = "Wh" or "kWh\"""",
    ),
    "a register by scale": (
        "Zeit;Stand\n0;1\n900;2\n1800;3\n",
        {"columns": ("Stand",), "register": True, "scale_a": 2.0},
        "a register has a unit, and no scale",
    ),
    "one column as each phase": (
        "Zeit;kW\n0;1\n900;2\n1800;3\n",
        {"columns": ("kW", "kW", "kW")},
        "'kW' can't be each phase: named once it is that of all of them",
    ),
    "energy now and then": (
        "Zeit;kWh\n0;1\n60;2\n1000;1\n5000;3\n",
        {"columns": ("kWh",)},
        "energy in kWh must have a row each so many minutes, and its rows come unevenly",
    ),
    "a time that is a load": (
        "Zeit;L1;L2;L3\n0;1;2;3\n",
        {"columns": ("Zeit",)},
        "'Zeit' can't be both the time and a load",
    ),
    "two phases": (
        "Zeit;L1;L2\n0;1;2\n9;1;2\n",
        {"columns": ("L1", "L2")},
        "one column for all phases, or three, not 2",
    ),
    "three times": (
        "a;b;c;L1;L2;L3\n",
        {"time": ("a", "b", "c")},
        "time must name one column, or that of the date and",
    ),
    "no time": ("a;b;c;L1;L2;L3\n", {"time": ()}, "time must name one column, or that of the date and"),
    "a workbook": ("PK\x03\x04\x14", {}, "is a workbook or an archive: save its table as CSV"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_isnt_sure_to_be_right_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    """What is wrong, where, and what would be right; nothing is taken for what it may not be."""
    text, said, sentence = REFUSED[name]
    rest = {key: value for key, value in said.items() if key != "columns"}
    with pytest.raises(ScenarioError, match=re.escape(sentence)) as refusal:
        read(tmp_path, text, *said.get("columns", ()), **rest)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("date", ["01.03.2026", "01.03.26", "2026-03-01", "2026/03/01", "20260301"])
def test_date_and_time_may_stand_apart(tmp_path: Path, date: str) -> None:
    """As many German portals export them; the end of a day is written as 24:00 of it."""
    day_after = date.replace("01.", "02.", 1) if "." in date else date[:-1] + "2"
    rows = f"{date};23:45;4,5\n{date};24:00;5,5\n{day_after};00:15:00;6\n"
    if "." not in date and "-" not in date and "/" not in date:
        rows = f"{date};2345;4,5\n{day_after};0000;5,5\n{day_after};0015;6\n"
    recorded = read(tmp_path, "Zähler;4711\nDatum;Uhrzeit;Wert\n" + rows, "Wert", time=("Datum", "Uhrzeit"))
    assert recorded.rows == ((0.0, (4.5,) * 3), (900.0, (5.5,) * 3), (1800.0, (6.0,) * 3))


def test_a_date_may_have_a_midnight_of_its_own(tmp_path: Path) -> None:
    """As a spreadsheet writes it; and the time of day may be that of a quarter's beginning and end."""
    hours = [f"{6 + at // 4:02}:{15 * (at % 4):02}" for at in range(9)]
    rows = "".join(f"01.03.2026 00:00:00;{each}-{after};1\n" for each, after in pairwise(hours))
    recorded = read(tmp_path, "Datum;von-bis;Wert\n" + rows, "Wert", time=("Datum", "von-bis"))
    assert recorded.lasts_s == 8 * 900.0


@pytest.mark.parametrize(
    "dates",
    [
        "03/04/2026 04/04/2026 05/04/2026",
        "03/04/2026 03/05/2026 03/06/2026",
        "03/11/2026 03/12/2026 03/13/2026",
        "30-03-2026 31-03-2026 01-04-2026",
        "26.03.29 26.03.30 26.03.31",
        "29.03.26 30.03.26 31.03.26",
    ],
)
def test_days_months_and_years_are_what_lies_together(tmp_path: Path, dates: str) -> None:
    """Whether the day comes first, the month or the year shows in the file as a whole."""
    text = "Zeit;L1;L2;L3\n" + "".join(f"{date} 12:00;1;2;3\n" for date in dates.split())
    assert read(tmp_path, text).lasts_s == pytest.approx(3 * 86_400.0, abs=3600.0)


@pytest.mark.parametrize(
    ("times", "ends_s"),
    [
        ("2026-03-29 01:45 2026-03-29 03:00 2026-03-29 03:15", 1800.0),
        ("2026-03-29 01:45 2026-03-29 02:00 2026-03-29 03:00", 4500.0),  # a clock without summer time
        ("2026-10-25 01:45 2026-10-25 02:45 2026-10-25 02:00", 4500.0),
        ("2026-10-25 02:15 2026-10-25 03:00 2026-10-25 03:15", 3600.0 + 3600.0),
    ],
)
def test_the_change_of_summer_time_is_no_gap(tmp_path: Path, times: str, ends_s: float) -> None:
    """The hour that is left out, and the one that comes twice, of local times without an offset."""
    words = times.split()
    rows = "".join(f"{day} {hour};1;2;3\n" for day, hour in zip(words[::2], words[1::2], strict=True))
    assert read(tmp_path, "Zeit;L1;L2;L3\n" + rows).rows[-1][0] == ends_s


def test_a_whole_night_of_autumn_is_read_in_either_order(tmp_path: Path) -> None:
    """Quarters of an hour, of which four come twice: each lasts as long as the others."""
    hours = [(1, each) for each in range(4)] + [(2, each) for each in range(4)] * 2 + [(3, each) for each in range(4)]
    rows = [f"25.10.2026 {hour:02}:{15 * quarter:02};{at}\n" for at, (hour, quarter) in enumerate(hours)]
    for written in (rows, rows[::-1]):
        recorded = read(tmp_path, "Zeit;Wert\n" + "".join(written), "Wert")
        assert recorded.rows == tuple((900.0 * at, (float(at),) * 3) for at in range(16))


HOURS = "Zeit;Wert\n" + "".join(
    f"2026-{month:02}-{day:02} {hour:02}:00;{20 - day + hour / 100}\n"
    for month in (3,)
    for day in range(2, 10)
    for hour in range(24)
)


@pytest.mark.parametrize(
    ("begins_at", "first_a"),
    [
        ("2026-03-05T10:00:00+01:00", 15.10),  # in it
        ("2026-03-05T09:00:00Z", 15.10),
        ("2026-11-24T10:00:00+01:00", 17.10),  # a Tuesday, as the third of March was
        ("2025-06-01T05:00:00+02:00", 12.05),  # a Sunday
    ],
)
def test_a_recording_begins_at_the_worlds_hour(tmp_path: Path, begins_at: str, first_a: float) -> None:
    """At its very moment, if it has that; else on the same weekday, at the same time of day."""
    recorded = read(tmp_path, HOURS, "Wert", begins_at=datetime.fromisoformat(begins_at))
    assert recorded.rows[0] == (0.0, (first_a,) * 3)
    assert recorded.rows[1][0] == 3600.0


def test_a_recording_of_last_year_begins_in_the_same_week(tmp_path: Path) -> None:
    """Heating and light are those of the season: on a Monday at the end of November."""
    days = [
        datetime(2025, 1, 1, hour, tzinfo=BERLIN) + timedelta(days=day) for day in range(365) for hour in (0, 8, 16)
    ]
    text = "Zeit;Wert\n" + "".join(f"{each:%Y-%m-%d %H:%M};{'-' * (each.hour == 16)}{each:%m.%d}\n" for each in days)
    assert read(tmp_path, text, "Wert").rows[0] == (0.0, (11.24,) * 3)


@pytest.mark.parametrize(
    ("begins_at", "said"),
    [
        ("2026-07-06T08:00:00+02:00", "2025-07-07 08:00"),  # another year's Monday of that week
        ("2026-07-06T06:00:00Z", "2025-07-07 08:00"),
        ("2025-07-07T08:00:00+02:00", "2025-07-07 08:00"),
        ("2026-11-23T08:00:00+01:00", "2025-11-24 08:00"),
    ],
)
def test_a_recording_goes_by_the_sites_clock_in_summer_too(tmp_path: Path, begins_at: str, said: str) -> None:
    """Of a year that begins in winter: eight in the morning is eight, and what is told of it is so."""
    hours = (datetime.fromtimestamp(1735686000.0 + 3600.0 * hour, BERLIN) for hour in range(365 * 24))
    text = "Zeit;Wert\n" + "".join(f"{each:%Y-%m-%d %H:%M};{each.hour * 7 % 24}\n" for each in hours)
    recorded = read(tmp_path, text, "Wert", begins_at=datetime.fromisoformat(begins_at))
    assert recorded.rows[0] == (0.0, (8.0 * 7 % 24,) * 3)
    assert recorded.told.endswith(f"; played from {said} on")
    assert "from 2025-01-01 00:00 to 2025-12-31 23:00" in recorded.told


def test_a_recording_of_a_day_begins_at_the_worlds_time_of_day(tmp_path: Path) -> None:
    """Whatever the weekday; a shorter one that hasn't that time of day, and one of seconds, with its first row."""
    of_a_day = "\n".join(HOURS.splitlines()[:25])
    assert read(tmp_path, of_a_day, "Wert").rows[0] == (0.0, (18.08,) * 3)
    of_an_hour = "\n".join(HOURS.splitlines()[:3])
    assert read(tmp_path, of_an_hour, "Wert").rows[0] == (0.0, (18.0,) * 3)
    assert read(tmp_path, "Zeit;Wert\n0;1\n3600;2\n90000;3\n", "Wert").rows[0] == (0.0, (1.0,) * 3)


def test_what_was_read_is_told(tmp_path: Path) -> None:
    """So that who knows the building sees a wrong unit, column or year: in one line, with the longest gap."""
    quarters = [f"01.03.2026 {at // 4:02}:{15 * (at % 4):02};{2 + at % 3},5\n" for at in range(48) if not 20 <= at < 30]
    told = read(tmp_path, "Zeit;Bezug (kWh)\n" + "".join(quarters), "Bezug (kWh)").told
    assert told == (
        f"the load of main is {tmp_path}/load.csv: 38 rows, one each 15 min, from 2026-03-01 00:00 to "
        "2026-03-01 11:45; "
        "nothing for 2.75 h after 2026-03-01 04:45; in kWh of 15 min at 230 V, a third on each phase: 14.5 to 26.1 A, "
        "20.2 in the mean; played from 2026-03-01 08:00 on"
    )


def test_a_scale_that_isnt_its_units_is_told(tmp_path: Path) -> None:
    """It counts as it is given: somebody may play twice the load, or one phase; a slip is seen."""
    text = "Zeit;Bezug (kWh)\n0;4\n900;5\n"
    assert "in units of 5.8 A: " in read(tmp_path, text, "Bezug (kWh)", scale_a=5.8).told
    recorded = read(tmp_path, text, "Bezug (kWh)", scale_a=1.45)
    assert "in units of 1.45 A, where kWh would be of 5.797 A: " in recorded.told
    assert recorded.rows[0][1] == pytest.approx((5.8, 5.8, 5.8))


def scenario_with(tmp_path: Path, said: str, csv: str) -> Path:
    """The small world with a recording."""
    (tmp_path / "load.csv").write_text(csv, encoding="utf-8")
    file = tmp_path / "day.toml"
    recording = f'\n[[recording]]\ncircuit = "main"\nfile = "load.csv"\n{said}\n'
    file.write_text(SMALL.read_text(encoding="utf-8") + recording, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ('"Datum"', "line 3: is the second row of '01.03.2026'"),
        ('["Datum", "Uhrzeit"]', (0.0, 900.0)),
        ("3", "recording 1: time: must be a text in quotes, not 3"),
        ("[3]", "recording 1: time: must be a list of texts in quotes"),
        ('"Datum"\ndecimal = ";"', 'recording 1: decimal: must be "." or ","'),
        ('"Datum"\nunit = 3', "recording 1: unit: must be a text in quotes, not 3"),
        ('"Datum"\nscale = 0', "recording 1: scale: must be more than 0"),
    ],
)
def test_a_scenario_names_one_column_or_two(tmp_path: Path, time: str, said: tuple[float, ...] | str) -> None:
    """One that has the date alone has two rows of the same time."""
    csv = "Datum;Uhrzeit;Wert\n01.03.2026;00:00;4,5\n01.03.2026;00:15;5,5\n"
    file = scenario_with(tmp_path, f'columns = ["Wert"]\ntime = {time}', csv)
    if isinstance(said, tuple):
        recorded = load_world(str(file)).loads[-1]
        assert isinstance(recorded, Recorded)
        assert tuple(at_s for at_s, _ in recorded.rows) == said
    else:
        with pytest.raises(ScenarioError, match=re.escape(said)):
            load_world(str(file))


def test_a_load_that_is_too_large_for_its_circuit_is_refused(tmp_path: Path) -> None:
    """Watts that are taken for amperes: no building takes more than its fuse for half of the time."""
    file = scenario_with(tmp_path, 'columns = ["Wert"]\ntime = "Zeit"', "Zeit;Wert\n0;5520\n900;6900\n1800;20\n")
    with pytest.raises(
        ScenarioError, match=r"load\.csv: half of its time it is above the 32 A of 'main': which unit is it"
    ):
        load_world(str(file))


def test_of_a_register_what_was_added_is_the_load(tmp_path: Path) -> None:
    """Over each step's own time, so that a missing row is the mean beside it; the last row ends the load."""
    text = "Zeit;Stand (kWh)\n0;4711,0\n900;4712,0\n2700;4713,0\n3600;4713,0\n4500;4715,5\n"
    found = read(tmp_path, text, "Stand (kWh)", register=True)
    kw_a = 1000.0 / 230.0 / 3.0
    assert [at for at, _ in found.rows] == [0.0, 900.0, 2700.0, 3600.0]
    assert [amps[0] for _, amps in found.rows] == pytest.approx([4 * kw_a, 2 * kw_a, 0.0, 10 * kw_a])
    assert found.lasts_s == 4500.0
    assert "in kWh of a register at 230 V, a third on each phase" in found.told
    assert f"{3.6 * kw_a:.1f} in the mean" in found.told  # 4.5 kWh in 4,500 s


def test_a_register_that_begins_anew_tells_nothing_of_that_step(tmp_path: Path) -> None:
    """Each midnight, or when the meter is changed: what flowed before goes on."""
    text = "Zeit;Wh\n" + "".join(f"{3600 * row};{row % 24 * 2300}\n" for row in range(96))
    found = read(tmp_path, text, "Wh", register=True)
    assert {round(amps[0], 6) for _, amps in found.rows} == {round(10.0 / 3.0, 6)}
    assert 23 * 3600.0 not in [at for at, _ in found.rows]


def test_what_counts_up_may_be_a_load_if_it_is_said(tmp_path: Path) -> None:
    """A short file of a load that only rises."""
    text = "Zeit;A\n" + "".join(f"{900 * row};{row}\n" for row in range(60))
    assert len(read(tmp_path, text, "A", register=False).rows) == 60


def test_a_column_of_nothing_but_a_unit_names_it_in_any_language(tmp_path: Path) -> None:
    """The Danish portal's is Måleenhed; what is kWh was taken for A. A letter alone is a mark of the rows."""
    rows = "57;0;2,3;KWH;W\n57;3600;4,6;KWH;W\n57;7200;2,3;KWH;W\n"
    found = read(tmp_path, f"MålepunktsID;Zeit;Mængde;Måleenhed;Kvalitet\n{rows}", "Mængde")
    assert [round(amps[0], 6) for _, amps in found.rows] == [round(each / 3.0, 6) for each in (10.0, 20.0, 10.0)]
    marked = "Zeit;Wert;Status\n0;1;W\n3600;2;W\n7200;1;W\n"
    assert [amps[0] for _, amps in read(tmp_path, marked, "Wert").rows] == [1.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("22-Nov-2026 23:45", "23-Nov-2026 00:00"),
        ("22-Nov-26 23:45", "23-Nov-26 00:00"),
        ("22 Nov 2026, 23:45", "23 Nov 2026, 00:00"),
        ("Nov 22, 2026 11:45 PM", "Nov 23, 2026 12:00 AM"),
        ("Sunday, November 22, 2026 23:45", "Monday, November 23, 2026 00:00"),
        ("So., 22.11.2026 23:45", "Mo., 23.11.2026 00:00"),
        ("22. November 2026 23:45", "23. November 2026 00:00"),
        ("22/nov/2026 23:45:00", "23/nov/2026 00:00:00"),
    ],
)
def test_months_and_days_of_the_week_may_be_named(tmp_path: Path, first: str, second: str) -> None:
    """A month that is named leaves no doubt about the order."""
    found = read(tmp_path, f"Zeit;L1;L2;L3\n{first};1;2;3\n{second};4;5;6\n")
    assert [at for at, _ in found.rows] == [0.0, 900.0]
    assert "from 2026-11-22 23:45 to 2026-11-23 00:00" in found.told


@pytest.mark.parametrize(
    ("month", "number"),
    [("März", 3), ("mrt", 3), ("maart", 3), ("Mai", 5), ("mei", 5), ("maj", 5), ("okt.", 10), ("Dez", 12)],
)
def test_months_are_known_in_the_languages_of_the_set_up(tmp_path: Path, month: str, number: int) -> None:
    """English, German, Dutch and Danish; by their beginnings."""
    found = read(tmp_path, f"Zeit;L1;L2;L3\n7 {month} 2026 10:00;1;2;3\n7 {month} 2026 10:15;4;5;6\n")
    assert f"from 2026-{number:02}-07 10:00" in found.told
