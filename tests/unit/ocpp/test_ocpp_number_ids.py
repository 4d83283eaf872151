"""Peers whose message ids are numbers: they are served, and answered by the number that they wrote."""

import pytest

from edge.domain.site import Mode
from edge.ocpp.number_ids import OPEN_MOST, NumberIds
from edge.ocpp.versions import Version
from edge.ocpp.waiting import WaitingRoom
from tests.unit.ocpp.ocpp_bench import NOON, Bench
from tests.unit.ocpp.test_ocpp_own_station import Own

BEAT = '[2,  17 ,"Heartbeat", {"a":  1.50}]'


@pytest.fixture
def bench() -> Bench:
    """A station that has answered our questions."""
    bench = Bench()
    bench.connect()
    return bench


def test_a_station_is_answered_by_its_number(bench: Bench) -> None:
    """The cloud hears a text, as OCPP has it; all else is as it came. A second answer is none."""
    assert bench.station_says(BEAT).up == ['[2,  "17" ,"Heartbeat", {"a":  1.50}]']
    assert bench.cloud_says('[3,"17", {"currentTime":"x"}]').down == ['[3,17, {"currentTime":"x"}]']
    assert bench.cloud_says('[3,"17",{}]').down == []
    bench.station_says('[2,"17","Heartbeat",{}]')
    assert bench.cloud_says('[3,"17",{}]').down == ['[3,"17",{}]']


def test_a_cloud_is_answered_by_its_number(bench: Bench) -> None:
    """By the station, and by the gateway, which owns some of its CALLs; a refusal too."""
    assert bench.cloud_says('[2,-5,"ClearCache",{}]').down == ['[2,"-5","ClearCache",{}]']
    assert bench.station_says('[4,"-5","NotSupported","",{}]').up == ['[4,-5,"NotSupported","",{}]']
    (answer,) = bench.cloud_says('[2,6,"SetChargingProfile",{}]').up
    assert answer.startswith("[4,6,")


def test_a_station_that_answers_a_text_by_a_number_is_understood(bench: Bench) -> None:
    """It has made a number of the cloud's text."""
    bench.cloud_says('[2,"8","ClearCache",{}]')
    assert bench.station_says('[3,8,{"status":"Accepted"}]').up == ['[3,"8",{"status":"Accepted"}]']


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize(
    "text", ['[2,1.5,"Heartbeat",{}]', '[2,null,"Heartbeat",{}]', '[2,1e3,"Heartbeat",{}]', "[2,7]", '[2,7,"x"']
)
def test_what_is_no_whole_number_is_none(version: Version, text: str) -> None:
    """Nor what can't be read otherwise."""
    bench = Bench(version=version)
    bench.connect()
    assert bench.station_says(text).up == []


def test_a_wire_changes_nothing() -> None:
    """While it only observes."""
    bench = Bench(mode=Mode.OBSERVE)
    bench.connect(settled=False)
    assert bench.station_says(BEAT).up == [BEAT]
    assert bench.cloud_says("[3,17,{}]").down == ["[3,17,{}]"]


def test_numbers_of_before_mean_nothing_on_the_next_connection(bench: Bench) -> None:
    """And there are never more than some."""
    for number in range(OPEN_MOST + 2):
        bench.station_says(f'[2,{number},"Heartbeat",{{}}]')
    assert bench.cloud_says('[3,"0",{}]').down == ['[3,"0",{}]']
    assert bench.cloud_says(f'[3,"{OPEN_MOST}",{{}}]').down == [f"[3,{OPEN_MOST},{{}}]"]
    bench.lose_station()
    bench.connect()
    bench.station_says(f'[2,"{OPEN_MOST + 1}","Heartbeat",{{}}]')
    assert bench.cloud_says(f'[3,"{OPEN_MOST + 1}",{{}}]').down == [f'[3,"{OPEN_MOST + 1}",{{}}]']


@pytest.mark.parametrize("version", list(Version))
def test_a_station_that_nobody_has_configured_is_answered_by_its_number(version: Version) -> None:
    """It is listed by what its boot says; what it may not do yet is refused under its number too."""
    room, ids = WaitingRoom(), NumberIds()
    room.arrive("X", "192.0.2.7", NOON)
    boot = '[2, 7,"BootNotification",{"chargePointVendor":"V","chargingStation":{"vendorName":"V"}}]'
    reply = room.reply("X", boot, NOON, version, ids)
    assert str(reply).startswith("[3,7,{")
    assert room.stations[0].vendor == "V"
    assert str(room.reply("X", '[2,8,"Authorize",{}]', NOON, version, ids)).startswith("[4,8,")


@pytest.mark.parametrize("version", list(Version))
def test_the_cloud_of_the_gateway_itself_is_answered_by_its_number(version: Version) -> None:
    """As a station of its own: what it does, what it refuses, what is of profiles, and the number of its own id."""
    own = Own(version).accepted()
    assert own.hears('[2,7,"TriggerMessage",{"requestedMessage":"Heartbeat"}]')[0][:2] == [3, 7]
    assert own.hears('[2,-8,"NoSuchThing",{}]')[0][:2] == [4, -8]
    assert own.hears('[2,9,"ClearChargingProfile",{}]')[0][:2] == [3, 9]
    assert own.notes == []
