"""Whatever is in a file that the program reads: its meaning, or an error in words; never another exception.

Site files have properties of their own (``test_config_any_file``), as have databases (``test_storage_power_cut``) and
recordings (``test_recording_format``).
"""

import base64
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import tomlkit
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.allocation.solve import solve
from edge.bms.demand_watch import DemandWatch
from edge.bms.demand_window import DemandSettings
from edge.bms.dimming_memory import DimmingFile
from edge.bms.eebus_lpc import Lpc, LpcSettings
from edge.bms.evidence import HEADING, prune
from edge.bms.grid import DimmedBy
from edge.bms.lpc_memory import LpcFile
from edge.cli import allocation_file
from edge.cli.inventory import read_inventory
from edge.cli.token_csv import COLUMNS, read_csv
from edge.cli.token_text import Rules
from edge.config.locate import locate
from edge.errors import (
    ClaimError,
    ConfigurationError,
    EdgeError,
    ProblemUnusable,
    SealBroken,
    SetupStopped,
    ShelfUnusable,
    TokenUnusable,
)
from edge.metering.decode import decode
from edge.metering.family import Family
from edge.metering.user_map import read_map
from edge.ocpp.profiles import archive
from edge.offline.hashing import TokenHasher
from edge.setup.book import read_book
from edge.system.claim import read_claim
from edge.system.sealed import unseal
from simulators.errors import ScenarioError
from simulators.world.building import Recorded
from simulators.world.recording import RecordingSpec, read_recording
from simulators.world.scenario_file import load_world
from tests.property.spoil import any_values, damaged, spoiled, without_none
from tests.unit.bms.bms_site import Hands, report, site

DEMAND = (
    b'{"circuit":"main","window_s":900.0,"wall_s":1795262100.0,"used_j":1e6,"doubt_j2":1e6,"power_w":3e4,"swing_w":1e4,'
    b'"peaks_w":{"2026-11":3e4}}'
)
LPC = (
    b'{"wall_s":1795262100.0,"state":"failsafe","in_state_s":7.0,"limit_w":8000.0,"lasts_s":60.0,"failsafe_w":4200.0,'
    b'"failsafe_duration_s":7200.0}'
)
PROBLEM: dict[str, Any] = {
    "nominal_voltage_v": 230,
    "imbalance_limit_a": 20,
    "now": "2026-11-21T08:00:00Z",
    "circuits": [
        {"id": "main", "parent": None, "limit_a": 32, "limit_w": 22000, "background_a": [2, 0, 1.5]},
        {"id": "garage", "parent": "main", "limit_a": [16, 16, 16]},
    ],
    "evses": [
        {
            "id": "CP3",
            "circuit": "garage",
            "phases": ["L1", "L2", "L3"],
            "min_a": 6,
            "max_a": 16,
            "step_a": 0.1,
            "demand_a": 16,
            "rank": 0,
            "weight": 1.0,
            "charging": True,
            "waiting_since": "2026-11-21T07:00:00Z",
            "energy_wanted_wh": 9000,
            "departure_at": "2026-11-21T17:00:00Z",
        }
    ],
}
TOKENS = ",".join(COLUMNS) + "\r\n04A1B2C3,Anna,staff,4711,2026-01-01,2027-01-01,Mon-Fri 07:00-19:00,no\r\n"
PROFILES = orjson.dumps(
    {
        "format": archive.FORMAT,
        "installed": [],
        "awaited": [],
        "running": [{"evse": 1, "transaction": "7", "since": 1_700_000_000.0, "priority": False}],
        "offline_since": None,
    }
)
CLAIM = orjson.dumps({name: base64.b64encode(bytes(32)).decode() for name in ("public_key", "sealed_key")})
LOAD = b"time,L1,L2,L3\n2026-11-21T00:00:00Z,1.0,2.0,3.0\n2026-11-21T00:15:00Z,4.0,5.0,6.0\n"
WORLD = Path("simulators/scenarios/world/office-8.toml").read_text(encoding="utf-8")
MAP = Path("edge/metering/catalog/abb_b23_b24.toml").read_bytes()
JSON_VALUES = any_values(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["main", "garage", "L1", "2026-11-21T08:00:00Z", "\x00"])
    | st.text(max_size=8)
)
# What a number may have become; JSON has no NaN, but a text that says so.
ODD_NUMBERS = any_values(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["nan", "inf", "-inf", "1e999", "failsafe", "limited", 1e308, -1e308, 2**63, -1, 0, ""])
)
DEEP = b"[" * 5_000


def recording(export: Path, *time: str, unit: str | None = None) -> Recorded:
    spec = RecordingSpec(file=export, circuit="main", columns=("L1", "L2", "L3"), time=time, unit=unit)
    return read_recording(spec, zone=UTC, volts=230.0, begins_at=datetime(2026, 11, 21, tzinfo=UTC))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "file.toml"


def told(act: Callable[[], object], *kinds: type[EdgeError | ScenarioError]) -> None:
    """Run ``act``. An error of the given kinds is well said: one printable sentence, or several for a file's faults."""
    said = "done"
    try:
        act()
    except kinds as error:
        said = str(error)
    assert said
    assert all(line.isprintable() for line in said.splitlines())


def test_what_is_spoiled_is_sound() -> None:
    """Else the properties below would only look at refusals."""
    assert solve(allocation_file.parse(orjson.dumps(PROBLEM))).balanced
    assert archive.from_text(PROFILES).running


def test_the_load_and_the_world_to_spoil_are_sound(file: Path) -> None:
    """The same of what is read from files."""
    export = file.with_suffix(".csv")
    export.write_bytes(LOAD)
    file.write_text(WORLD, encoding="utf-8")
    assert recording(export, "time").lasts_s == 1800.0
    assert load_world(str(file)).name == "office-8"


@given(document=spoiled(PROBLEM, JSON_VALUES))
def test_any_spoiled_problem_is_solved_or_refused(document: dict[str, Any]) -> None:
    """``edge allocate``: what is accepted can be solved; nothing else ends it but the sentence that refuses."""
    try:
        content = orjson.dumps(document)
    except TypeError:  # an integer that JSON of this writer can't hold
        return
    told(lambda: solve(allocation_file.parse(content)), ProblemUnusable)


@given(content=damaged(orjson.dumps(PROBLEM)))
@example(content=DEEP)
def test_any_damaged_problem_is_solved_or_refused(content: bytes) -> None:
    """What is no JSON any more, or JSON of something else."""
    told(lambda: solve(allocation_file.parse(content)), ProblemUnusable)


@given(content=damaged(TOKENS.encode()))
@example(content=b"token\n" + b'"' * 200_000)
def test_any_table_of_tokens_is_read_or_refused(file: Path, content: bytes) -> None:
    """``edge token import``: spreadsheets export many things."""
    file.write_bytes(content)
    rules = Rules(hasher=TokenHasher(bytes(32)), zone=UTC, classes=("staff",))
    told(lambda: read_csv(file, rules), TokenUnusable)


@given(content=damaged(PROFILES))
def test_any_kept_profiles_are_restored_or_refused(content: bytes) -> None:
    """After a power cut, or with a version that wrote something else."""
    told(lambda: archive.from_text(content), ShelfUnusable)


@given(content=damaged(b'language = "da"\n[site]\nid = "x"\n[[circuit]]\nid = "main"\n'))
@example(content=b"x = " + DEEP)
def test_any_answers_are_taken_or_refused(content: bytes) -> None:
    """``edge setup --answers``, and what is kept of a set-up that was left."""
    text = content.decode(errors="replace")
    told(lambda: read_book(text, name="answers.toml"), SetupStopped)


@given(content=damaged(CLAIM))
def test_any_claim_is_read_or_refused(file: Path, content: bytes) -> None:
    """A gateway whose claim is damaged says so; it never counts as one that nobody has claimed."""
    (file.parent / "claim.json").write_bytes(content)
    told(lambda: read_claim(file.parent), ClaimError)


@given(content=damaged(b"EDGESEAL1\n" + bytes(60)))
@settings(max_examples=3)  # each tries a key, which is slow by design
def test_any_sealed_file_is_refused(content: bytes) -> None:
    """``edge restore``: nothing that :func:`seal` hasn't written opens."""
    with pytest.raises(SealBroken):
        unseal(content, "a passphrase")


@given(content=damaged(b'{"A": {"vendor": "x"}}'))
@example(content=DEEP)
def test_any_inventory_is_read_or_as_empty(file: Path, content: bytes) -> None:
    """The hand-over lacks serial numbers then; nothing else hangs on it."""
    (file.parent / "inventory.json").write_bytes(content)
    read_inventory(file.parent)


@given(content=damaged(",".join(HEADING).encode() + b"\n2020-01-01T00:00:00.000+00:00,set,begin,relay,main,4200,\n"))
def test_any_evidence_outlives_its_pruning(file: Path, content: bytes) -> None:
    """What can't be read can't be judged to be old: it stays, byte for byte."""
    proof = file.parent / "evidence.csv"
    proof.write_bytes(content)
    prune(proof, datetime(1, 1, 2, tzinfo=UTC))
    assert proof.read_bytes() == content


@given(content=damaged(DEMAND))
@example(content=DEEP)
async def test_any_account_of_a_demand_window_limits(file: Path, content: bytes) -> None:
    """Whatever was remembered: what follows is a power between none and twice the limit."""
    (file.parent / "demand-0.json").write_bytes(content)
    watch = DemandWatch(site(), DemandSettings(circuit="main", limit_w=40_000.0), folder=file.parent)
    limit = watch.observe(report(), Hands())
    assert limit is not None
    assert limit.limit_w is not None
    assert 0 <= limit.limit_w <= 80_000


@given(document=spoiled(orjson.loads(DEMAND), ODD_NUMBERS))
@example(document=orjson.loads(DEMAND) | {"power_w": "nan"})
@example(document=orjson.loads(DEMAND) | {"swing_w": 1e308})
@example(document=orjson.loads(DEMAND) | {"doubt_j2": 1e308})
@example(document=orjson.loads(DEMAND) | {"used_j": -1.0})
@example(document=orjson.loads(DEMAND) | {"peaks_w": {"zz": 1e308}})
@settings(max_examples=40)  # each is an hour of samples
async def test_any_figures_of_a_demand_window_limit_for_an_hour_at_most(file: Path, document: dict[str, Any]) -> None:
    """NaN, what is without end and what no fuse carries: four windows on, cars may draw again, and it can be told."""
    (file.parent / "demand-0.json").write_bytes(orjson.dumps(document))
    watch = DemandWatch(site(), DemandSettings(circuit="main", limit_w=40_000.0), folder=file.parent)
    clock, seen = Hands(), report(meters=[report()["meters"][0] | {"age_s": 0.0}])
    allowed_w = []
    for _ in range(241):
        limit = watch.observe(seen, clock)
        assert limit is not None
        assert limit.limit_w is not None
        allowed_w.append(limit.limit_w)
        clock.pass_s(15)
    assert all(0 <= each_w <= 80_000 for each_w in allowed_w)
    assert allowed_w[-1] > 10_000
    told = watch.report()
    assert orjson.loads(orjson.dumps(told)) == told
    assert all(len(month) == 7 for month in told["peaks_w"])


@given(document=spoiled(orjson.loads(LPC), ODD_NUMBERS))
@example(document=orjson.loads(LPC) | {"failsafe_duration_s": "nan"})
@example(document=orjson.loads(LPC) | {"wall_s": "nan"})
@example(document=orjson.loads(LPC) | {"in_state_s": 1e308})
def test_any_figures_of_eebus_end_the_failsafe_state_in_a_day(file: Path, document: dict[str, Any]) -> None:
    """No figure keeps it in the failsafe state for ever: the longest that the use case knows is 24 hours."""
    memory = file.parent / "lpc.json"
    memory.write_bytes(orjson.dumps(document))
    clock = Hands()
    lpc = Lpc(LpcSettings(), now=clock.now, before=LpcFile(memory).read(clock))
    lpc.tick(clock.now)  # init or failsafe, or a limit whose heartbeat is lost next
    lpc.tick(clock.now + 130)
    lpc.tick(clock.now + 130 + 86_400)
    assert lpc.allowed_w is None


@given(content=damaged(LPC))
@example(content=DEEP)
def test_any_memory_of_eebus_is_taken_or_left(file: Path, content: bytes) -> None:
    """The state machine runs on from it, or begins anew."""
    memory = file.parent / "lpc.json"
    memory.write_bytes(content)
    clock = Hands()
    lpc = Lpc(LpcSettings(), now=clock.now, before=LpcFile(memory).read(clock))
    lpc.tick(clock.now)
    assert lpc.allowed_w is None or 0 <= lpc.allowed_w < math.inf


@given(content=damaged(b'{"asked":["modbus","mqtt"]}') | ODD_NUMBERS.map(lambda asked: orjson.dumps({"asked": asked})))
@example(content=b'{"asked":["contact"]}')
@example(content=DEEP)
def test_any_memory_of_dimming_is_taken_or_left(file: Path, content: bytes) -> None:
    """Who may have asked for it, and nobody else; the contact is asked itself."""
    memory = file.parent / "dimming.json"
    memory.write_bytes(content)
    assert DimmingFile(memory).read() <= {DimmedBy.MODBUS, DimmedBy.MQTT}


@given(content=damaged(MAP))
@example(content=b"x = " + DEEP)
def test_any_map_of_a_meter_is_read_or_refused(file: Path, content: bytes) -> None:
    """A user's own map file: its faults each with their line."""
    file.write_bytes(content)
    told(lambda: read_map(file, named="file.toml", locate=locate), ConfigurationError)


MAP_VALUES = any_values(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["float64", "uint16", "slow", "input", "little", "signed", "L1", -1, 0, 1e308, 65535, 125, "ffff", "."]
    )
)


@given(
    document=spoiled(tomlkit.parse(MAP.decode()).unwrap(), MAP_VALUES),
    word=st.sampled_from([0, 1, 0x7FFF, 0x8000, 0x7F80, 0xFFFF]),
)
@settings(max_examples=60)
def test_any_spoiled_map_reads_numbers_or_is_refused(file: Path, document: dict[str, Any], word: int) -> None:
    """A slip in a map of one's own: what is accepted asks for no more than a device may be asked, and reads finite
    numbers of whatever stands there."""
    with suppress(ValueError):  # what TOML of this writer can't hold: a NUL in a key
        file.write_text(tomlkit.dumps(without_none(document)), encoding="utf-8", errors="replace")
        found: list[Family] = []
        told(lambda: found.append(read_map(file, named="file.toml", locate=locate)), ConfigurationError)
        for family in found:
            for block in (*family.fast, *family.slow):
                assert 1 <= block.count <= family.limits.max_registers
                assert block.address + block.count <= 0x10000
                for value in decode(family, block, [word] * block.count).values():
                    assert value is None or math.isfinite(value)


@given(document=spoiled(dict(tomlkit.parse(WORLD).unwrap()), JSON_VALUES))
def test_any_spoiled_scenario_is_read_or_refused(file: Path, document: dict[str, Any]) -> None:
    """``edge-sim run``: a scenario of one's own, with a slip."""
    with suppress(ValueError):  # what TOML of this writer can't hold: a NUL in a key
        file.write_text(tomlkit.dumps(without_none(document)), encoding="utf-8", errors="replace")
        told(lambda: load_world(str(file)), ScenarioError)


@given(content=damaged(WORLD.encode()))
@example(content=b"x = " + DEEP)
@settings(max_examples=40)
def test_any_damaged_scenario_is_read_or_refused(file: Path, content: bytes) -> None:
    """What is no TOML any more."""
    file.write_bytes(content)
    told(lambda: load_world(str(file)), ScenarioError)


@given(content=damaged(LOAD))
@example(content=b"time,L1,L2,\x01L3\n0,1,1,1\n1,1,1,1\n")
@example(content=b"time,L1,L2,L3\n31.12.9999 24:00,1,1,1\n30.12.9999 24:00,1,1,1\n")
def test_any_recorded_load_is_read_or_refused(file: Path, content: bytes) -> None:
    """A meter's export: other separators, other numbers, half of it."""
    export = file.with_suffix(".csv")
    export.write_bytes(content)

    told(lambda: recording(export, "time"), ScenarioError)
    told(lambda: recording(export, "time", "L1"), ScenarioError)
    told(lambda: recording(export, "time", unit="kWh"), ScenarioError)
