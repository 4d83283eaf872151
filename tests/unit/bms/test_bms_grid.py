"""§14a EnWG: the power that is left, who may ask for it, and the relay's contact."""

from datetime import timedelta
from pathlib import Path

import pytest

from edge.bms.dimming_memory import DimmingFile
from edge.bms.evidence import HEADING, append, prune
from edge.bms.facility import Facility
from edge.bms.grid import DEBOUNCE_S, Contact, DimmedBy, Dimming, GridSettings, Steering, dimmed_w
from edge.bms.grid_operator import GridOperator
from edge.bms.relay_contact import ContactSettings, GpioContact
from edge.bms.settings import FacilitySettings, ModbusSettings, WritePolicy
from edge.clock import DAY_S
from edge.domain.effective import Binding, Effective
from edge.domain.limit import LimitSource, LimitStated
from edge.whole_file import SystemFiles
from tests.unit.bms.bms_site import Hands, Taken, circuit_report, report, site

# BNetzA BK6-22-300, annex 1 no. 4.5.2: 4.2 + (n - 1) * factor * 4.2 kW
RULE_KW = {
    1: 4.2,
    2: 7.56,
    3: 10.5,
    4: 13.02,
    5: 15.12,
    6: 16.8,
    7: 18.06,
    8: 18.9,
    9: 19.32,
    10: 21.21,
    11: 23.1,
    12: 24.99,
}


@pytest.mark.parametrize(("devices", "kilowatts"), RULE_KW.items())
def test_the_power_of_the_rule_behind_an_energy_management_system(devices: int, kilowatts: float) -> None:
    """For one to twelve devices; ten have 21.21 kW."""
    assert dimmed_w(devices, Steering.EMS) == pytest.approx(kilowatts * 1000)


def test_direct_steering_gives_each_its_minimum() -> None:
    """4.2 kW for each; without a device there is nothing to dim."""
    assert dimmed_w(10, Steering.DIRECT) == pytest.approx(42_000)
    with pytest.raises(ValueError, match="no controllable device"):
        dimmed_w(0, Steering.EMS)


def test_it_dims_while_anybody_asks() -> None:
    """A limit without end when the first asks, none when the last has taken it back; nothing in between."""
    taken = Taken()
    dimming = Dimming(GridSettings(circuit="garage", limit_w=21_210.0), taken)
    dimming.ask(DimmedBy.CONTACT, dim=True, now=1.0)
    dimming.ask(DimmedBy.MODBUS, dim=True, now=2.0)
    dimming.ask(DimmedBy.CONTACT, dim=False, now=3.0)
    assert dimming.dimmed
    dimming.ask(DimmedBy.MODBUS, dim=False, now=4.0)
    assert taken.limits == [
        LimitStated(source=LimitSource.GRID, circuit="garage", at=1.0, limit_w=21_210.0),
        LimitStated(source=LimitSource.GRID, circuit="garage", at=4.0),
    ]


def test_a_contact_is_believed_once_it_holds_still() -> None:
    """Bounces are no switching; nothing is known before the first time."""
    contact = Contact(closed_is_free=False)
    assert contact.sample(False, 0.0) is None
    assert contact.sample(False, DEBOUNCE_S) is False
    assert contact.sample(True, 1.0) is False
    assert contact.sample(False, 1.0 + DEBOUNCE_S / 2) is False
    assert contact.sample(True, 1.0 + DEBOUNCE_S) is False
    assert contact.sample(True, 1.0 + 2.01 * DEBOUNCE_S) is True


@pytest.mark.parametrize("closed_is_free", [True, False])
def test_a_contact_that_can_not_be_read_dims(closed_is_free: bool) -> None:
    """What isn't known is taken for the worse; in a closed loop so does a broken wire."""
    contact = Contact(closed_is_free=closed_is_free)
    contact.sample(None, 0.0)
    assert contact.sample(None, 1.0) is True
    if closed_is_free:
        contact.sample(False, 2.0)
        assert contact.sample(False, 3.0) is True
        contact.sample(True, 4.0)
        assert contact.sample(True, 5.0) is False


async def test_a_flood_of_switching_is_proved_once_a_tick(tmp_path: Path) -> None:
    """Each takes hold at once; the file grows by a row a tick at most, and not at all where nothing came of it."""
    file, taken = tmp_path / "grid-events.csv", Taken()
    operator = GridOperator(
        GridSettings(circuit="garage", limit_w=4200.0, evidence=file), site="x", sink=taken, clock=Hands(), relay=None
    )
    for number in range(1001):
        operator.dim(DimmedBy.MODBUS, asked=number % 2 == 0)
    operator.tick(report(), 5000.0)
    for number in range(1000):
        operator.dim(DimmedBy.MQTT, asked=number % 2 == 0)
    operator.tick(report(), 5000.0)
    await operator.stop()
    assert len(taken.limits) == 1001
    assert [row.split(",")[2:4] for row in file.read_text(encoding="utf-8").splitlines()[1:]] == [["begin", "modbus"]]


class Relay:
    """A contact that is as it is set."""

    def __init__(self, closed: bool | None) -> None:
        self.state = closed

    def closed(self) -> bool | None:
        return self.state


def test_the_relay_dims_the_circuit_within_two_ticks() -> None:
    """And frees it as soon; a contact that can't be read dims."""
    relay, taken, clock = Relay(False), Taken(), Hands()
    contact = ContactSettings(chip="gpiochip0", line=17, closed_is_free=False)
    settings = FacilitySettings(grid=GridSettings(circuit="garage", limit_w=4200.0, contact=contact))
    facility = Facility(site(), settings, clock=clock, version="test", sink=taken, relay=relay)
    assert facility.attentive

    def two_ticks() -> Effective:
        for _ in range(2):
            facility.publish(report())
            clock.pass_s(1)
        return facility.limits.effective(site().circuits[1], clock.now)

    assert two_ticks().binding is Binding.FUSE
    relay.state = True
    assert (two_ticks().limit_w, two_ticks().binding) == (4200.0, Binding.GRID)
    relay.state = False
    assert two_ticks().binding is Binding.FUSE
    relay.state = None
    assert two_ticks().limit_w == 4200.0


async def test_who_is_silenced_by_the_site_file_dims_no_more(tmp_path: Path) -> None:
    """What a coil asked for outlives a restart while somebody may take it back, and ends else; the end is proved."""
    evidence = tmp_path / "grid-events.csv"
    grid = GridSettings(circuit="garage", limit_w=4200.0, dimming_file=tmp_path / "dimming.json", evidence=evidence)
    operator = GridOperator(grid, site="x", sink=Taken(), clock=Hands(), relay=None)
    operator.dim(DimmedBy.MODBUS, asked=True)
    await operator.stop()
    for writable, binding in ((True, Binding.GRID), (False, Binding.FUSE), (True, Binding.FUSE)):
        policy = WritePolicy(writable=writable, limit_timeout_s=60.0, fallback_a=20.0)
        settings = FacilitySettings(modbus=ModbusSettings(host="127.0.0.1", port=0, policy=policy), grid=grid)
        facility = Facility(site(), settings, clock=Hands(), version="test", sink=Taken())
        await facility.start()
        facility.publish(report())
        assert facility.limits.effective(site().circuits[1], 0.0).binding is binding
        await facility.stop()
    rows = evidence.read_text(encoding="utf-8").splitlines()[1:]
    assert [row.split(",")[2:4] for row in rows] == [["begin", "modbus"], ["end", "modbus"]]


async def test_a_begin_that_a_crash_kept_from_the_proofs_is_proved_by_the_next_start(tmp_path: Path) -> None:
    """Who dims is kept at once, and proved with the tick: a power cut may come between the two."""
    evidence, memory = tmp_path / "grid-events.csv", tmp_path / "dimming.json"
    await DimmingFile(memory).close({DimmedBy.MODBUS})
    grid = GridSettings(circuit="garage", limit_w=4200.0, dimming_file=memory, evidence=evidence)
    for _ in range(2):
        operator = GridOperator(grid, site="x", sink=Taken(), clock=Hands(), relay=None)
        operator.start()
        operator.tick(report(), 5000.0)
        await operator.stop()
    rows = evidence.read_text(encoding="utf-8").splitlines()[1:]
    assert [row.split(",")[2:4] for row in rows] == [["begin", "modbus"]]


@pytest.mark.parametrize(("closed", "then"), [(True, []), (False, [["end", "contact"]])])
async def test_dimming_that_ended_while_nobody_ran_has_its_end(
    closed: bool, then: list[list[str]], tmp_path: Path
) -> None:
    """The contact says itself what holds, once it has held still; what holds on has begun once."""
    evidence = tmp_path / "grid-events.csv"
    append(evidence, "2026-11-21T12:00:03.000+00:00,set,begin,contact,garage,4200,7291\n")
    append(evidence, "2026-11-21T12:00:04.000+00:00,set,end,eebus,garage,4200,7291\n")
    contact = ContactSettings(chip="gpiochip0", line=17, closed_is_free=False)
    grid, clock = GridSettings(circuit="garage", limit_w=4200.0, contact=contact, evidence=evidence), Hands()
    operator = GridOperator(grid, site="x", sink=Taken(), clock=clock, relay=Relay(closed))
    operator.start()
    for _ in range(3):
        operator.tick(report(), 5000.0)
        clock.pass_s(1)
    await operator.stop()
    rows = evidence.read_text(encoding="utf-8").splitlines()[3:]
    assert [row.split(",")[2:4] for row in rows] == then


def test_a_pin_that_is_not_there_can_not_be_read() -> None:
    """None, not an error, however often it is asked."""
    pin = GpioContact(ContactSettings(chip="gpiochip99999", line=17, closed_is_free=False))
    assert [pin.closed(), pin.closed()] == [None, None]
    pin.close()


async def test_each_case_is_proved(tmp_path: Path) -> None:
    """A row when dimming begins and when it ends, with what cars drew below the circuit that is dimmed; rows of more
    than two years ago go."""
    file, clock, relay = tmp_path / "store" / "grid-events.csv", Hands(), Relay(False)
    contact = ContactSettings(chip="gpiochip0", line=17, closed_is_free=False)
    grid = GridSettings(circuit="garage", limit_w=4200.0, contact=contact, evidence=file)
    facility = Facility(site(), FacilitySettings(grid=grid), clock=clock, version="test", sink=Taken(), relay=relay)
    garage = circuit_report("garage", 40.0, None) | {"draw_a": [6.0, 6.0, 6.0]}  # and others draw elsewhere
    for relay.state in (False, True, False):
        for _ in range(2):
            facility.publish(report(circuits=[circuit_report("main", 61.0, None), garage]))
            clock.pass_s(1)
    await facility.stop()
    heading, *rows = file.read_text(encoding="utf-8").splitlines()
    assert heading == ",".join(HEADING)
    assert rows == [
        "2026-11-21T12:00:03.000+00:00,set,begin,contact,garage,4200,4140",
        "2026-11-21T12:00:05.000+00:00,set,end,contact,garage,4200,4140",
    ]
    prune(file, clock.wall() + timedelta(days=700))
    assert len(file.read_text(encoding="utf-8").splitlines()) == 3
    prune(file, clock.wall() + timedelta(days=733))
    assert file.read_text(encoding="utf-8").splitlines() == [heading]


def test_a_proof_of_a_clock_that_was_not_set_is_as_old_as_the_next(tmp_path: Path) -> None:
    """What a board without a battery wrote before its clock was set says 1970, and is of that very day."""
    file, clock = tmp_path / "grid-events.csv", Hands()
    unset = "1970-01-01T00:05:00.000+00:00,not set,begin,contact,garage,4200,11000\n"
    rows = [unset, f"{clock.wall().isoformat()},set,end,contact,garage,4200,4000\n", unset]
    for row in rows:
        append(file, row)
    prune(file, clock.wall() + timedelta(days=1))
    assert file.read_text(encoding="utf-8").splitlines(keepends=True)[1:] == rows
    prune(file, clock.wall() + timedelta(days=733))
    assert file.read_text(encoding="utf-8").splitlines(keepends=True)[1:] == rows[2:]


class Watched(SystemFiles):
    """The disk, and what was synced on it."""

    def __init__(self) -> None:
        self.synced: list[tuple[Path, bytes]] = []

    def sync(self, place: Path) -> None:
        super().sync(place)
        self.synced.append((place, place.read_bytes() if place.is_file() else b""))


def test_a_proof_outlasts_a_power_cut(tmp_path: Path) -> None:
    """The next start takes it for written: a row is on the disk when it is there, with the name of a new file."""
    file, files = tmp_path / "grid-events.csv", Watched()
    append(file, "a row\n", files)
    append(file, "another\n", files)
    heading = f"{','.join(HEADING)}\n".encode()
    assert files.synced == [
        (file, heading + b"a row\n"),
        (tmp_path, b""),
        (file, heading + b"a row\nanother\n"),
    ]


def test_a_row_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    """A power cut in the middle of a row, or a disk that was full then, leaves a part of it."""
    file = tmp_path / "grid-events.csv"
    append(file, "2026-11-21T12:00:03")
    append(file, "a row\n")
    assert file.read_bytes().splitlines()[1:] == [b"2026-11-21T12:00:03", b"a row"]


@pytest.mark.parametrize(("steps", "left"), [((0, 0), 0), ((365,), 1), ((365, -365), 1)])
async def test_proofs_are_forgotten_by_a_steady_clock_only(steps: tuple[int, ...], left: int, tmp_path: Path) -> None:
    """A row of 23 months ago outlives a clock that is a year ahead for a while, one of 25 months ago doesn't last."""
    file, clock = tmp_path / "grid-events.csv", Hands()
    age = timedelta(days=760 if steps == (0, 0) else 700)
    append(file, f"{(clock.wall() - age).isoformat()},set,begin,contact,garage,4200,\n")
    facility = Facility(
        site(),
        FacilitySettings(grid=GridSettings(circuit="garage", limit_w=4200.0, evidence=file)),
        clock=clock,
        version="test",
        sink=Taken(),
    )
    for days in steps:
        clock.pass_s(DAY_S / 2)
        clock.at += timedelta(days=days)
        clock.pass_s(DAY_S / 2)
        facility.publish(report())
    await facility.stop()
    assert len(file.read_text(encoding="utf-8").splitlines()) - 1 == left
