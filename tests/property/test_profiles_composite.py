"""The composite of the cloud's profiles against two stations that were written by other hands."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.domain.setpoint import Purpose
from edge.ocpp.profiles import writer
from edge.ocpp.profiles.answer import CallRefusal, Context
from edge.ocpp.profiles.store import ProfileStore
from edge.ocpp.versions import Version
from simulators.charger.painted_profiles import PaintedStation
from simulators.charger.profile import decode_profile
from simulators.charger.profiles import ProfileStore as SimulatedStore
from simulators.charger.profiles import RunningTransaction, StoreSize
from tests.property.profile_draws import EVSES, NOON, WINDOW_S, placed
from tests.unit.ocpp.ocpp_bench import limit
from tests.unit.ocpp_profiles.profile_bench import V16, V21, V201, VOLTS, WIRING, ask, install

NOON_S = int(NOON.timestamp())
BEGAN_S = NOON_S - 10.0  # the transaction on EVSE 1
Placed = list[tuple[int, dict[str, Any]]]
VERSIONS = [V16, V201, V21]


def both(version: Version, found: Placed) -> tuple[ProfileStore, PaintedStation]:
    """The gateway's store, and a painted station that was given what the gateway accepted."""
    store = ProfileStore().began(1, "100", BEGAN_S)
    station = PaintedStation(own_default_first=version is V16, voltage_v=VOLTS, began_s={1: BEGAN_S})
    for evse, raw in found:
        answer = install(store, version, evse, raw)
        if answer.reply == {"status": "Accepted"}:
            station.hang(evse, raw, NOON_S)
        store = answer.store
    return store, station


def cloud_a(store: ProfileStore, version: Version, evse: int, at_s: float) -> float | None:
    """What the gateway makes of it."""
    return Context(version=version, wiring=WIRING, now=at_s).composer(store).allowance(evse, at_s).limit_a


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=150)
@given(data=st.data())
def test_every_second_is_as_painted(version: Version, data: st.DataObject) -> None:
    """Purposes, stack levels, kinds, recurrence, validity, both units, generation on top: the same in each second."""
    store, station = both(version, data.draw(st.lists(placed(version), max_size=6)))
    for evse in EVSES:
        expected = station.look(evse, NOON_S, WINDOW_S)
        found = [cloud_a(store, version, evse, NOON_S + second) for second in range(WINDOW_S)]
        assert found == [None if cell is None else pytest.approx(cell) for cell in expected]


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=60)
@given(data=st.data())
def test_nothing_changes_before_it_is_said_to(version: Version, data: st.DataObject) -> None:
    """An allowance holds until its end: the control need not look before."""
    store, _ = both(version, data.draw(st.lists(placed(version), max_size=6)))
    evse = data.draw(st.sampled_from([0, *EVSES]))
    composer = Context(version=version, wiring=WIRING, now=NOON_S).composer(store)
    allowance = composer.allowance(evse, NOON_S)
    for quarter in range(WINDOW_S * 4):
        at = NOON_S + quarter / 4
        if allowance.until is not None and at >= allowance.until:
            allowance = composer.allowance(evse, at)
        assert composer.allowance(evse, at).limit_a == allowance.limit_a


def schedule_of(reply: Mapping[str, Any] | CallRefusal) -> list[float]:
    """A composite schedule, second by second."""
    assert not isinstance(reply, CallRefusal)
    told = reply.get("chargingSchedule", reply.get("schedule"))
    assert told is not None
    cells: list[float] = []
    for index, period in enumerate(told["chargingSchedulePeriod"]):
        starts = [each["startPeriod"] for each in told["chargingSchedulePeriod"]]
        end = starts[index + 1] if index + 1 < len(starts) else told["duration"]
        cells += [period["limit"]] * (end - period["startPeriod"])
    return cells


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=60)
@given(data=st.data())
def test_composite_schedules_tell_every_second(version: Version, data: st.DataObject) -> None:
    """GetCompositeSchedule of an EVSE whose session runs is what was painted, at most what the EVSE can."""
    store, station = both(version, data.draw(st.lists(placed(version), max_size=6)))
    place = "connectorId" if version is V16 else "evseId"
    reply = ask(store, version, "GetCompositeSchedule", {place: 1, "duration": WINDOW_S}).reply
    most = WIRING.max_a[1]
    expected = [most if cell is None else min(cell, most) for cell in station.look(1, NOON_S, WINDOW_S)]
    assert schedule_of(reply) == [math.floor(cell * 10 + 1e-6) / 10 for cell in expected]


@settings(max_examples=100)
@given(st.lists(placed(V16), max_size=6))
def test_the_simulated_station_of_16_agrees(found: Placed) -> None:
    """The one that drives the simulated chargers, too."""
    store, _ = both(V16, [])
    simulated = SimulatedStore(size=StoreSize(), nominal_voltage_v=VOLTS)
    for evse, raw in found:
        answer = install(store, V16, evse, raw)
        if answer.reply == {"status": "Accepted"}:
            running = RunningTransaction(transaction_id=100) if evse == 1 else None
            simulated.install(evse, decode_profile(raw), transaction=running, now_s=NOON_S)
        store = answer.store
    for second in range(WINDOW_S):
        at_s = float(NOON_S + second)
        for evse in (1, 2):
            since_s = BEGAN_S if evse == 1 else at_s
            expected = simulated.limit_a(evse, at_s, since_s)
            assert cloud_a(store, V16, evse, at_s) == (None if expected is None else pytest.approx(expected))


@settings(max_examples=60)
@given(
    found=st.lists(placed(V16), max_size=6),
    site=st.lists(st.sampled_from([0.0, 6.0, 9.7, 16.0, 32.0]), min_size=3, max_size=3),
)
def test_what_the_charger_holds_is_the_lower_of_cloud_and_site(found: Placed, site: list[float]) -> None:
    """Written only when the cloud's allowance ends or the site's limit changes, the charger's own composite is the
    lower of both in every second, rounded down to 0.1 A."""
    store, cloud = both(V16, found)
    composer = Context(version=V16, wiring=WIRING, now=NOON_S).composer(store)
    charger = SimulatedStore(size=StoreSize(), nominal_voltage_v=VOLTS)
    until: float | None = -math.inf
    written: float | None = None
    allowed: float | None = None
    for second, cell in enumerate(cloud.look(1, NOON_S, WINDOW_S)):
        at_s = float(NOON_S + second)
        site_a = site[second * len(site) // WINDOW_S]
        if until is not None and at_s >= until:
            allowance = composer.allowance(1, at_s)
            allowed, until = allowance.limit_a, allowance.until
        wanted = site_a if allowed is None else min(allowed, site_a)
        if wanted != written:
            written = wanted
            command = limit(purpose=Purpose.SESSION, transaction_id="100", limit_a=wanted, lease_s=3600.0)
            payload = writer.request(command, start=NOON + timedelta(seconds=second), stack_level=3)
            profile = decode_profile(payload["csChargingProfiles"])
            charger.install(1, profile, transaction=RunningTransaction(transaction_id=100), now_s=at_s)
        expected = site_a if cell is None else min(cell, site_a)
        assert charger.limit_a(1, at_s, BEGAN_S) == pytest.approx(math.floor(expected * 10 + 1e-5) / 10)
