"""The table of what is done with each action while the cloud is away."""

import json
from pathlib import Path
from typing import Any

import ocpp  # type: ignore[import-untyped]
import pytest
from ocpp.messages import get_validator  # type: ignore[import-untyped]

from edge.offline import answers, conduct
from edge.offline.conduct import TABLE, Conduct
from edge.offline.edition import Edition
from edge.offline.message import Request
from tests.unit.offline.offline_bench import Bench

FOLDERS = {Edition.V16: "v16", Edition.V201: "v201", Edition.V21: "v21"}
NUMBERS = {Edition.V16: "1.6", Edition.V201: "2.0.1", Edition.V21: "2.1"}
CALLS = sorted(
    (edition, row.action)
    for edition in Edition
    for row in TABLE[edition].values()
    if row.conduct not in (Conduct.CLOUD_ONLY, Conduct.REFUSE, Conduct.SILENT)
)


def actions(edition: Edition) -> set[str]:
    """Every action for which the OCPP library has a request's schema."""
    folder = Path(ocpp.__file__).parent / FOLDERS[edition] / "schemas"
    return {path.stem.removesuffix("Request") for path in folder.glob("*.json") if not path.stem.endswith("Response")}


@pytest.mark.parametrize("edition", Edition)
def test_every_action_has_a_row(edition: Edition) -> None:
    """The table is complete, and has no action that the edition hasn't."""
    assert set(TABLE[edition]) == actions(edition)


@pytest.mark.parametrize(("edition", "action"), CALLS)
def test_every_answer_fits_its_schema(edition: Edition, action: str) -> None:
    """What a station is answered in the cloud's place is what the cloud would be allowed to answer."""
    bench = Bench(edition)
    payload: dict[str, Any] = {"idTag": "CARD-1", "idToken": {"idToken": "CARD-1", "type": "Central"}}
    payload |= {"transactionId": 5, "transactionInfo": {"transactionId": "t"}, "seqNo": 0, "eventType": "Started"}
    bench.call(action, payload)
    kind, _, answer = bench.answered
    assert kind == 3
    validator: Any = get_validator(3, action, NUMBERS[edition])
    validator.validate(json.loads(json.dumps(answer)))


def test_what_a_station_has_no_business_to_ask_is_refused() -> None:
    """An action of the cloud's, or a vendor's own, made by a station."""
    for action in ("Reset", "AcmeSecret"):
        row = conduct.row(Edition.V16, action)
        text = answers.fixed(row, Request(id="1", action=action, payload={}, text=""))
        assert text is not None
        assert json.loads(text)[:3] == [4, "1", "GenericError"]


def test_a_message_that_wants_no_answer_gets_none() -> None:
    """NotifyPeriodicEventStream is a SEND (OCPP 2.1 part 4 §4.2.5)."""
    bench = Bench(Edition.V21)
    bench.call("NotifyPeriodicEventStream", {})
    assert bench.to_station == []


@pytest.mark.parametrize("vendor", sorted(conduct.ISO_15118_VENDORS))
def test_plug_and_charge_over_1_6_is_declined(vendor: str) -> None:
    """Only the cloud can say whether a contract is good: it isn't kept either, as nobody waits for that afterwards."""
    bench = Bench()
    asked = {"vendorId": vendor, "messageId": "Authorize", "data": "{}"}
    bench.call("DataTransfer", asked, "1")
    assert bench.answered == [3, "1", {"status": "Rejected"}]
    assert not bench.disk.entries
    bench.call("DataTransfer", {"vendorId": "V"}, "2")
    assert bench.answered == [3, "2", {"status": "Accepted"}]
    bench.cloud_comes()
    bench.cloud_answers({"status": "Accepted"})
    bench.call("DataTransfer", asked, "3")
    bench.tick(16.0)
    assert bench.answered == [3, "3", {"status": "Rejected"}]


@pytest.mark.parametrize("kind", ["V2GCertificate", "V2G20Certificate"])
def test_plug_and_charge_stays_on_while_its_certificate_waits_for_the_cloud(kind: str) -> None:
    """A station that is told Rejected may switch it off until it is rebooted (2.x A02.FR.21)."""
    bench = Bench(Edition.V21)
    asked = {"csr": "x", "certificateType": kind, "requestId": 3}
    bench.call("SignCertificate", asked, "1")
    assert bench.answered == [3, "1", {"status": "Accepted"}]
    bench.cloud_comes()
    assert bench.asked == [2, "1", "SignCertificate", asked]
    bench.cloud_answers({"status": "Accepted"})
    assert not bench.disk.entries


@pytest.mark.parametrize("kind", [{}, {"certificateType": "ChargingStationCertificate"}, {"certificateType": []}])
def test_a_station_asks_for_its_own_certificate_again(kind: dict[str, object]) -> None:
    """It runs out in a month at the earliest (A03.FR.02)."""
    for edition in Edition:
        bench = Bench(edition)
        bench.call("SignCertificate", {"csr": "x", **kind}, "1")
        assert bench.answered == [3, "1", {"status": "Rejected"}]
        assert not bench.disk.entries
