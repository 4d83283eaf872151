"""By which purposes and in which unit a station is told its limits from the beginning."""

from pathlib import Path

import pytest

from edge.domain.setpoint import Purpose
from edge.domain.station import LimitsTaken
from edge.ocpp.actions import Note
from edge.ocpp.dossier import Dossier
from edge.ocpp.profiles.ladder import Rung
from edge.ocpp.profiles.writer import profile_id
from edge.ocpp.station_files import StationFiles
from tests.unit.ocpp.ocpp_bench import Bench, Step, call, evse, limit, result


class Controlled(Bench):
    """A relay whose control heeds how the station takes its limits."""

    def __init__(self, folder: Path, *connectors: int) -> None:
        super().__init__(*(evse(number) for number in connectors), dossier=Dossier("CP-01", StationFiles(folder)))
        self.purpose = Purpose.SESSION
        self.ways: list[str] = []  # that the log tells of being tried

    def connect(self, *, cloud: bool = True, settled: bool = True) -> Step:
        return self._heeded(super().connect(cloud=cloud, settled=settled))

    def station_says(self, text: str | bytes) -> Step:
        return self._heeded(super().station_says(text))

    def _heeded(self, step: Step) -> Step:
        for fact in step.facts:
            if isinstance(fact, LimitsTaken):
                self.purpose = Purpose.IDLE if fact.one_limit else Purpose.SESSION
        return step


def started(folder: Path, *connectors: int) -> Controlled:
    """A gateway that has just started on what it kept, and its station is there."""
    bench = Controlled(folder, *connectors)
    bench.connect()
    return bench


def boots(bench: Bench, vendor: str, firmware: str = "1.0") -> Step:
    """The station says what it is."""
    payload = {"chargePointVendor": vendor, "chargePointModel": "A0", "firmwareVersion": firmware}
    return bench.station_says(call("boot", "BootNotification", payload))


def told(bench: Controlled, status: str = "Accepted") -> tuple[str, str]:
    """A session's limit, its answer, and the purpose and the unit by which it was told."""
    identifier, _, payload = bench.write(limit(purpose=bench.purpose, transaction_id="7")).own_call
    bench.station_says(result(identifier, {"status": status}))
    profile = payload["csChargingProfiles"]
    return profile["chargingProfilePurpose"], profile["chargingSchedule"]["chargingRateUnit"]


def probed(bench: Controlled) -> None:
    """The station refuses all that isn't a TxDefaultProfile in watts."""
    for _ in range(6):  # twice each unit of the first rung, and amperes on the second
        told(bench, "Rejected")
    assert told(bench) == ("TxDefaultProfile", "W")


def test_who_has_told_amperes_is_told_watts_when_all_else_is_refused(tmp_path: Path) -> None:
    """Two refusals move it down the ladder, each rung in amperes; only after the last one watts are tried."""
    bench = Controlled(tmp_path, 1)
    bench.connect(settled=False)
    step, units = bench.wait(1.0), {"key": "ChargingScheduleAllowedChargingRateUnit", "readonly": True}
    while step.down:
        identifier, _, _ = step.own_call
        step = bench.station_says(result(identifier, {"configurationKey": [{**units, "value": "Current,Power"}]}))
    seen = [told(bench, "Rejected") for _ in range(9)]
    purposes = ["TxProfile", "TxDefaultProfile", "ChargePointMaxProfile"]
    assert seen[:6] == [(purpose, "A") for purpose in purposes for _ in range(2)]
    assert seen[6:] == [("TxProfile", "A"), ("TxProfile", "A"), ("TxProfile", "W")]


def test_quirk_22_the_first_rung_is_the_records(tmp_path: Path) -> None:
    """Timxon takes no TxProfile (lbbrhzn/ocpp issue 2158): from its boot on it is told by TxDefaultProfile alone."""
    bench = started(tmp_path)
    step = boots(bench, "TIMXON Ltd")
    assert LimitsTaken(station="CP-01", at=bench.now, one_limit=True) in step.facts
    assert "station has quirks" in step.notes
    assert told(bench) == ("TxDefaultProfile", "A")
    assert "TxProfile" not in {told(bench, "Rejected")[0] for _ in range(8)}  # then the maximum, and round the ladder
    assert told(started(tmp_path)) == ("TxDefaultProfile", "A")


@pytest.mark.parametrize(("connectors", "first"), [((1,), Rung.MAXIMUM), ((1, 2), Rung.SESSIONS)])
def test_a_rung_that_cannot_be_is_not_begun_with(connectors: tuple[int, ...], first: Rung, tmp_path: Path) -> None:
    """The site file may have got a second EVSE since: then no maximum can tell them apart."""
    dossier = Dossier("CP-01", StationFiles(tmp_path))
    found = started(tmp_path)
    for _ in range(8):
        told(found, "Rejected")
    assert told(found)[0] == "ChargePointMaxProfile"
    assert Dossier("CP-01", StationFiles(tmp_path)).taken != dossier.taken
    purpose = told(started(tmp_path, *connectors))[0]
    assert purpose == ("ChargePointMaxProfile" if first is Rung.MAXIMUM else "TxProfile")


def test_what_was_found_by_probing_outlives_the_gateway(tmp_path: Path) -> None:
    """Rung and unit, before the station has said anything; control is told as soon as it is there."""
    probed(started(tmp_path))
    bench = Controlled(tmp_path)
    assert LimitsTaken(station="CP-01", at=bench.now, one_limit=True) in bench.connect().facts
    assert told(bench) == ("TxDefaultProfile", "W")


def test_what_was_only_tried_is_not_kept(tmp_path: Path) -> None:
    """A station that has accepted nothing yet is asked from the beginning again."""
    bench = started(tmp_path)
    for _ in range(5):
        told(bench, "Rejected")
    assert told(started(tmp_path)) == ("TxProfile", "A")


@pytest.mark.parametrize(("vendor", "firmware"), [("ACME", "2.0"), ("Other", "1.0")])
def test_another_station_is_another_matter(vendor: str, firmware: str, tmp_path: Path) -> None:
    """New firmware, or another box under the old identity: what the one before took says nothing of it."""
    before = started(tmp_path)
    boots(before, "ACME")
    probed(before)
    bench = started(tmp_path)
    assert LimitsTaken(station="CP-01", at=bench.now, one_limit=True) not in boots(bench, "ACME").facts
    assert told(bench) == ("TxDefaultProfile", "W")
    step = boots(bench, vendor, firmware)
    assert LimitsTaken(station="CP-01", at=bench.now, one_limit=False) in step.facts
    assert told(bench) == ("TxProfile", "A")
    assert told(started(tmp_path)) == ("TxProfile", "A")


def test_a_boot_of_the_same_station_changes_nothing(tmp_path: Path) -> None:
    """It may boot in the midst of the probing."""
    bench = started(tmp_path)
    boots(bench, "ACME")
    for _ in range(4):
        told(bench, "Rejected")
    boots(bench, "ACME")
    assert told(bench) == ("TxDefaultProfile", "A")


def cleared(bench: Controlled, wanted: str) -> list[int]:
    """The station refuses all but this purpose: the ids of our profiles that it is asked to clear when it has taken a
    limit by that."""
    purpose = ""
    while purpose != wanted:
        identifier, _, payload = bench.write(limit(purpose=bench.purpose, transaction_id="7")).own_call
        purpose = payload["csChargingProfiles"]["chargingProfilePurpose"]
        step = bench.station_says(result(identifier, {"status": "Accepted" if purpose == wanted else "Rejected"}))
    found = []
    while step.down:
        identifier, action, payload = step.own_call
        assert action == "ClearChargingProfile"
        found.append(payload["id"])
        step = bench.station_says(result(identifier, {"status": "Accepted"}))
    return found


def test_a_txprofile_of_before_is_cleared_once(tmp_path: Path) -> None:
    """It would bind its session beside the TxDefaultProfile: at 0 A for good, whatever that one says."""
    bench = started(tmp_path, 1, 2)
    assert told(bench)[0] == "TxProfile"
    assert cleared(bench, "TxDefaultProfile") == [profile_id(1, Purpose.SESSION)]
    assert cleared(bench, "TxDefaultProfile") == []


def test_a_txprofile_of_before_our_start_is_cleared(tmp_path: Path) -> None:
    """Nobody knows whether it was told one: if so, it would bind its session to the end. One that stood on a lower rung
    already has none, and a site below has never had any.
    """
    assert cleared(started(tmp_path, 1, 2), "TxDefaultProfile") == [profile_id(1, Purpose.SESSION)]
    assert cleared(started(tmp_path, 1, 2), "TxDefaultProfile") == []


def test_a_txprofile_without_an_answer_is_cleared_too(tmp_path: Path) -> None:
    """The station may hold it."""
    bench = started(tmp_path, 1, 2)
    bench.write(limit(purpose=Purpose.SESSION, transaction_id="7"))
    bench.wait(60.0)
    assert cleared(bench, "TxDefaultProfile") == [profile_id(1, Purpose.SESSION)]


def test_what_a_maximum_replaces_is_cleared(tmp_path: Path) -> None:
    """The TxDefaultProfile as well: the maximum binds an EVSE without a session, too."""
    bench = started(tmp_path, 1)
    identifier, _, _ = bench.write(limit(purpose=Purpose.IDLE)).own_call
    bench.station_says(result(identifier, {"status": "Accepted"}))
    assert told(bench)[0] == "TxProfile"
    assert cleared(bench, "ChargePointMaxProfile") == [profile_id(1, each) for each in Purpose]


def test_a_txprofile_of_before_the_restart_is_cleared_too(tmp_path: Path) -> None:
    """By what was taken last a gateway that has just started knows what the station may hold; of each EVSE, once."""
    assert told(started(tmp_path, 1, 2))[0] == "TxProfile"
    bench = started(tmp_path, 1, 2)
    assert cleared(bench, "TxDefaultProfile") == [profile_id(1, Purpose.SESSION)]
    assert cleared(bench, "TxDefaultProfile") == []
    other = limit(purpose=bench.purpose, transaction_id="7", connector=2)
    step = bench.station_says(result(bench.write(other).own_call[0], {"status": "Accepted"}))
    assert step.own_call[1:] == ("ClearChargingProfile", {"id": profile_id(2, Purpose.SESSION)})
    assert cleared(started(tmp_path, 1, 2), "TxDefaultProfile") == []  # by then a TxDefaultProfile was taken last


def test_what_a_maximum_replaces_of_before_the_restart_is_cleared_too(tmp_path: Path) -> None:
    """Both, or the TxDefaultProfile alone, as it was told then."""
    assert told(started(tmp_path, 1))[0] == "TxProfile"
    assert cleared(started(tmp_path, 1), "ChargePointMaxProfile") == [profile_id(1, each) for each in Purpose]
    other = tmp_path / "other"
    probed(started(other, 1))
    assert cleared(started(other, 1), "ChargePointMaxProfile") == [profile_id(1, Purpose.IDLE)]


def test_on_the_first_rung_nothing_is_cleared(tmp_path: Path) -> None:
    """By what was told on another one an EVSE without a session is bound, until it is told anew."""
    bench = started(tmp_path, 1, 2)
    assert cleared(bench, "TxDefaultProfile") == [profile_id(1, Purpose.SESSION)]
    assert cleared(bench, "TxProfile") == []


def levels(bench: Controlled, *statuses: str) -> list[tuple[str, int]]:
    """The purpose and the stack level of a session's limit, which is answered so."""
    found = []
    for status in statuses:
        identifier, _, payload = bench.write(limit(purpose=bench.purpose, transaction_id="7")).own_call
        step = bench.station_says(result(identifier, {"status": status}))
        bench.ways += [note.fields["way"] for note in step.actions if isinstance(note, Note) and "way" in note.fields]
        profile = payload["csChargingProfiles"]
        found.append((profile["chargingProfilePurpose"], profile["stackLevel"]))
    return found


def of_three_levels(folder: Path) -> Controlled:
    """A gateway that has just started, with a station that tells 3 as its highest stack level, and amperes."""
    bench = Controlled(folder, 1)
    bench.connect(settled=False)
    told_so = {"ChargeProfileMaxStackLevel": "3", "ChargingScheduleAllowedChargingRateUnit": "Current,Power"}
    keys = [{"key": key, "readonly": True, "value": value} for key, value in told_so.items()]
    step = bench.wait(1.0)
    while step.down:
        step = bench.station_says(result(step.own_call[0], {"configurationKey": keys}))
    return bench


def test_quirk_35_a_stack_level_that_is_told_and_refused(tmp_path: Path) -> None:
    """ABB Terra AC (lbbrhzn/ocpp issue 1737): the lowest is tried before another purpose, and kept over a restart."""
    bench = of_three_levels(tmp_path)
    refused, accepted = "Rejected", "Accepted"
    assert levels(bench, refused, refused, accepted, accepted) == [("TxProfile", level) for level in (3, 3, 0, 0)]
    assert bench.ways == [f"{Rung.SESSIONS.value}, on the lowest stack level"]
    assert levels(of_three_levels(tmp_path), accepted) == [("TxProfile", 0)]
    boots(bench, "ACME")
    assert boots(bench, "OTHER").up
    assert levels(bench, accepted) == [("TxProfile", 3)]  # another station is another matter


def test_each_purpose_is_tried_on_both_levels(tmp_path: Path) -> None:
    """That a station refuses one says nothing of its levels."""
    seen = levels(of_three_levels(tmp_path), *["Rejected"] * 13)
    purposes = ["TxProfile", "TxDefaultProfile", "ChargePointMaxProfile"]
    assert seen == [*((each, level) for each in purposes for level in (3, 3, 0, 0)), ("TxProfile", 3)]
