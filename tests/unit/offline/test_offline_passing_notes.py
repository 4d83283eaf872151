"""Meter values on the short way: those of which nothing has to be on the disk, and which don't take it."""

import asyncio
import json
from decimal import Decimal
from typing import Any

from edge.domain.journal import EntryKind, PutSession
from edge.domain.session import Session
from tests.unit.offline.test_offline_clerk import Rig, run
from tests.unit.offline.test_offline_runner import begin

CLOUDS = 77  # the cloud's number of the transaction


class Charging(Rig):
    """A rig with a session that runs, of which the first value of a quarter-hour has been told."""

    async def begin(self, *, number: int = CLOUDS) -> None:
        """The cloud gives the transaction that number."""
        request = begin("b")
        self.clerk.station_calls("b", request.action, request.payload, request.text, signed=False)
        await self.clerk.runner.settled()
        answer = {"transactionId": number, "idTagInfo": {"status": "Accepted"}}
        self.clerk.cloud_answers("b", json.dumps([3, "b", answer]), payload=answer)
        await self.clerk.runner.settled()
        self.number = self.station[-1][2]["transactionId"]
        self.handed_over("m0", self.values(0))
        await self.clerk.runner.settled()
        self.answers("m0", '[3, "m0", {}]')
        self.cloud.clear()
        self.station.clear()

    def values(self, minute: int, wh: float = 100.0, **fields: Any) -> dict[str, Any]:
        """The register at that minute of a quarter-hour."""
        sample = {"value": f"{wh + minute}", "measurand": "Energy.Active.Import.Register", **fields}
        stamp = f"2026-06-01T12:{minute:02}:00Z"
        return {
            "connectorId": 1,
            "transactionId": self.number,
            "meterValue": [{"timestamp": stamp, "sampledValue": [sample]}],
        }

    def passes(self, identifier: str, payload: dict[str, Any]) -> bool:
        """Whether they take the short way."""
        text = json.dumps([2, identifier, "MeterValues", payload])
        return self.clerk.passes(identifier, "MeterValues", payload, text, signed=False)

    def handed_over(self, identifier: str, payload: dict[str, Any]) -> None:
        """They don't pass."""
        assert not self.passes(identifier, payload)
        text = json.dumps([2, identifier, "MeterValues", payload])
        self.clerk.station_calls(identifier, "MeterValues", payload, text, signed=False)

    @property
    def session(self) -> Session:
        """The record of the session that runs."""
        session = self.clerk.desk.book.accounts.get(str(self.number))
        assert session is not None
        return session


def test_meter_values_pass_and_are_counted() -> None:
    """Within a quarter-hour: there and back as they are, and the session's record has their energy."""

    async def story() -> None:
        rig = Charging()
        await rig.begin()
        assert rig.passes("m1", rig.values(1))
        rig.answers("m1", '[3,  "m1", {}]')
        assert rig.station == [[3, "m1", {}]]
        assert rig.session.register_wh == Decimal(101)
        assert rig.session.energy_wh == Decimal(96)  # from the 5 Wh of its begin

    run(story())


def test_the_first_of_a_quarter_hour_is_kept_before_it_goes() -> None:
    """It is handed over, and then the record is on the disk as if it had been tried but once."""

    async def story() -> None:
        rig = Charging()
        await rig.begin()
        rig.handed_over("m1", rig.values(16))
        assert rig.cloud == []
        await rig.clerk.runner.settled()
        assert len(rig.cloud) == 1
        assert [each.energy_wh for each in rig.session.quarters] == [Decimal("110.000"), Decimal("1.000")]
        assert rig.keeper.disk.others[-1] == PutSession(session=rig.session)

    run(story())


def test_repeated_while_under_way_they_are_answered_under_the_newer_id() -> None:
    """The cloud gets them once, and the station its answer to the CALL that it waits for."""

    async def story() -> None:
        rig = Charging()
        await rig.begin()
        assert rig.passes("m1", rig.values(1))
        rig.handed_over("m2", rig.values(1))
        assert rig.cloud == []
        rig.answers("m1", '[3, "m1", {}]')
        assert rig.station == [[3, "m2", {}]]

    run(story())


def test_unanswered_they_are_kept_for_the_cloud() -> None:
    """In time the desk answers, and they are on the disk first."""

    async def story() -> None:
        rig = Charging()
        await rig.begin()
        assert rig.passes("m1", rig.values(1))
        await asyncio.sleep(15.0)
        rig.clerk.tick()
        assert rig.station == []
        await rig.clerk.runner.settled()
        assert rig.station == [[3, "m1", {}]]
        assert [entry.kind for entry in rig.keeper.disk.entries.values()] == [EntryKind.METER]

    run(story())


def test_signed_values_and_those_of_a_local_number_are_handed_over() -> None:
    """The ones are billed by; of the others the cloud gets another text."""

    async def story() -> None:
        rig = Charging()
        await rig.begin()
        assert not rig.passes("m1", rig.values(1, format="SignedData"))
        other = Charging()
        await other.begin(number=0)  # none: the station has a number of ours
        assert other.number != 0
        other.handed_over("m1", other.values(1))
        assert json.loads(other.cloud[0])[3]["transactionId"] == 0

    run(story())


def test_while_the_cloud_is_away_nothing_passes() -> None:
    """They are kept, as all messages of a transaction."""

    async def story() -> None:
        rig = Charging()
        await rig.begin()
        rig.clerk.cloud_lost()
        rig.handed_over("m1", rig.values(1))
        await rig.clerk.runner.settled()
        assert rig.station == [[3, "m1", {}]]
        rig.clerk.cloud_connected()
        assert not rig.passes("m2", rig.values(2))  # those before it go first

    run(story())


def test_those_that_the_cloud_does_not_get_are_counted_all_the_same() -> None:
    """With the cloud and without it: the session's record has their energy, and nobody is told or asked anything."""

    async def story() -> None:
        rig = Charging()
        await rig.begin()
        for minute in (1, 2):
            values = rig.values(minute)
            rig.clerk.reads("MeterValues", values, json.dumps([2, f"m{minute}", "MeterValues", values]))
            assert rig.session.register_wh == Decimal(100 + minute)
            rig.clerk.cloud_lost()
        values = rig.values(16)
        rig.clerk.reads("MeterValues", values, json.dumps([2, "m16", "MeterValues", values]))
        await rig.clerk.runner.settled()
        assert rig.keeper.disk.others[-1] == PutSession(session=rig.session)  # another quarter-hour
        assert (rig.cloud, rig.station, rig.clerk.owed) == ([], [], 0)

    run(story())
