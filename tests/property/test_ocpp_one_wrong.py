"""Whole messages of OCPP, all their fields there, with one value of another kind than its schema says: each in turn.

What is random (test_ocpp_rubbish) hardly ever has all that a reader looks for beside the one that is wrong.
"""

import copy
import importlib.resources
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from edge.ocpp.profiles import foreign
from edge.ocpp.routing import FROM_CLOUD, FROM_STATION
from edge.ocpp.versions import Version
from edge.offline import local_list
from edge.offline.edition import Edition
from edge.offline.message import Request
from tests.unit.ocpp.ocpp_bench import Bench, call, result
from tests.unit.offline.offline_bench import STATION
from tests.unit.offline.offline_bench import Bench as Offline

PACKAGES = {Version.V16: "ocpp.v16", Version.V201: "ocpp.v201", Version.V21: "ocpp.v21"}
WRONG: tuple[Any, ...] = ([], {"a": 1}, None, 7.5, "x")
EDITIONS = pytest.mark.parametrize("version", Version)
Path = tuple[str | int, ...]


@cache
def whole(version: Version, action: str, *, answer: bool = False) -> dict[str, Any]:
    """A CALL's payload, or that of its answer, with all that its schema knows; empty for a SEND's answer."""
    name = f"{action}Response" if answer else action if version is Version.V16 else f"{action}Request"
    file = importlib.resources.files(PACKAGES[version]) / "schemas" / f"{name}.json"
    if not file.is_file():
        return {}
    schema = json.loads(file.read_text(encoding="utf-8-sig"))
    found = value(schema, schema)
    assert isinstance(found, dict)
    return found


def value(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """One that fits."""
    if "$ref" in schema:
        return value(root["definitions"][schema["$ref"].rpartition("/")[2]], root)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            parts = schema.get("properties", {}).items()
            return {name: value(part, root) for name, part in parts if name != "customData"}
        case "array":
            return [value(schema.get("items", {}), root)]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case _:
            return "2026-06-01T12:00:00Z" if schema.get("format") == "date-time" else "1"


def places(found: Any, path: Path = ()) -> Iterator[Path]:
    """Where something is."""
    yield path
    if isinstance(found, dict | list):
        for step, part in found.items() if isinstance(found, dict) else enumerate(found):
            yield from places(part, (*path, step))


def spoilt(payload: Any) -> Iterator[Any]:
    """The payload with one value wrong, in each way."""
    for path in places(payload):
        for wrong in WRONG:
            found: Any = {"": copy.deepcopy(payload)}
            *before, last = ("", *path)
            part = found
            for step in before:
                part = part[step]
            part[last] = wrong
            yield found[""]


@EDITIONS
def test_a_station_without_its_cloud(version: Version) -> None:
    """It is answered, or heard without an answer, and what is kept is delivered or set aside."""
    for action in FROM_STATION[version]:
        bench = Offline(Edition(version.value))
        if version is Version.V16:
            bench.start()
        for payload in spoilt(whole(version, action)):
            bench.call(action, payload)
        bench.cloud_comes()
        for _ in range(30 if bench.to_cloud else 0):
            bench.cloud_answers({})
            bench.tick(1.0)


@EDITIONS
def test_a_cloud_that_answers_a_station(version: Version) -> None:
    """Its answer is the station's, whatever is in it."""
    for action in FROM_STATION[version]:
        bench = Offline(Edition(version.value))
        bench.cloud_comes()
        for payload in spoilt(whole(version, action, answer=True)):
            asked = bench.call(action, whole(version, action))
            if bench.to_cloud and bench.asked[1] == asked:
                bench.cloud_answers(payload)
            bench.times.now += 60.0


@EDITIONS
def test_a_cloud_that_tells_of_cards(version: Version) -> None:
    """And a station that answers that."""
    edition = Edition(version.value)
    for action in FROM_CLOUD[version]:
        bench = Offline(edition)
        plain, says = whole(version, action), whole(version, action, answer=True)
        pairs = [(asked, says) for asked in spoilt(plain)] + [(plain, said) for said in spoilt(says)]
        for asked, said in pairs:
            request = Request(id="c", action=action, payload=asked, text=call("c", action, asked))
            bench.desk.to_station(request)
            local_list.settle(bench.tokens, STATION, edition, request, said, None)
            local_list.reserve(bench.tokens, STATION, edition, request, bench.times.wall)


@EDITIONS
def test_what_a_station_calls_passes(version: Version) -> None:
    """As it is; so does what its cloud answers."""
    for action in FROM_STATION[version]:
        bench = Bench(version=version)
        bench.connect()
        plain, says = whole(version, action), whole(version, action, answer=True)
        pairs = [(asked, says) for asked in spoilt(plain)] + [(plain, said) for said in spoilt(says)]
        for number, (asked, said) in enumerate(pairs):
            text, answer = call(str(number), action, asked), result(str(number), said)
            assert bench.station_says(text).up == [text]
            assert answer in bench.cloud_says(answer).down
            bench.now += 1.0


@EDITIONS
def test_what_a_cloud_calls_has_one_answer(version: Version) -> None:
    """The station's, or ours."""
    for action in FROM_CLOUD[version]:
        bench = Bench(version=version)
        bench.connect()
        plain, says = whole(version, action), whole(version, action, answer=True)
        pairs = [(asked, says) for asked in spoilt(plain)] + [(plain, said) for said in spoilt(says)]
        for number, (asked, said) in enumerate(pairs):
            step = bench.cloud_says(call(f"c{number}", action, asked))
            up = step.up
            while step.down:  # ours, too: what control needs is written behind it
                identifier = json.loads(step.down[0])[1]
                step = bench.station_says(result(identifier, said))
                up = [*up, *step.up]
            assert len([text for text in up if json.loads(text)[1] == f"c{number}"]) == 1


def spoilt_at(version: Version, depth: int) -> Iterator[tuple[Bench, str, Any]]:
    """A station at our so manieth question, its id, and a wrong answer; the questions before are answered."""
    bench = Bench(version=version)
    bench.connect(settled=False)
    step = bench.wait(1.0)
    for _ in range(depth):
        if not step.down:
            return
        step = bench.station_says(result(step.own_call[0], fitting(version, *step.own_call[1:])))
    if step.down:
        identifier, action, payload = step.own_call
        for answer in spoilt(fitting(version, action, payload)):
            yield copy.deepcopy(bench), identifier, answer


def fitting(version: Version, action: str, asked: dict[str, Any]) -> Any:
    """A station's answer to a question of ours: it takes its samples seldom, and refuses to take them more often."""
    match action:
        case "GetConfiguration":
            return {"configurationKey": [{"key": each, "readonly": False, "value": "60"} for each in asked["key"]]}
        case "GetVariables":
            told = {"attributeStatus": "Accepted", "attributeValue": "60"}
            return {"getVariableResult": [{**each, **told} for each in asked["getVariableData"]]}
        case "SetVariables":
            return {"setVariableResult": [{**each, "attributeStatus": "Rejected"} for each in asked["setVariableData"]]}
        case _:
            return whole(version, action, answer=True)


@EDITIONS
@pytest.mark.parametrize("depth", range(6))
def test_what_a_station_answers_to_our_questions_is_borne(version: Version, depth: int) -> None:
    """It teaches something or nothing."""
    for bench, identifier, answer in spoilt_at(version, depth):
        bench.station_says(result(identifier, answer))


@pytest.mark.parametrize("version", [Version.V201, Version.V21])
def test_what_a_station_holds_from_before_is_borne(version: Version) -> None:
    """The report that we have asked for is answered."""
    asked = foreign.QUESTION.payload["requestId"]
    report = whole(version, "ReportChargingProfiles") | {"chargingLimitSource": "CSO"}
    bench = Bench(version=version)
    bench.connect()
    for number, payload in enumerate(spoilt(report)):
        if isinstance(payload, dict):
            step = bench.station_says(call(str(number), "ReportChargingProfiles", {**payload, "requestId": asked}))
            assert [3, str(number), {}] in [json.loads(text) for text in step.down]
