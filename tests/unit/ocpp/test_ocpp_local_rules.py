"""What a station's configuration lets be judged without its cloud is heard, and told whoever stands in for that."""

import json
from typing import Any

import pytest

from edge.domain.token import LocalRules
from edge.ocpp import local_rules
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import Bench, call, result
from tests.unit.ocpp.slow_disk import SlowDisk


class Listener(SlowDisk):
    """Hears it."""

    wants_rules = True

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[LocalRules] = []

    def allows(self, rules: LocalRules) -> None:
        self.heard.append(rules)


def key(name: str, value: str, **more: Any) -> dict[str, Any]:
    """A configuration key of 1.6."""
    return {"key": name, "readonly": False, "value": value, **more}


def variable(component: str, name: str, **more: Any) -> dict[str, Any]:
    """A variable of 2.x."""
    return {"component": {"name": component}, "variable": {"name": name}, **more}


@pytest.mark.parametrize("version", list(Version))
def test_a_station_is_asked_for_it_and_what_it_says_is_told(version: Version) -> None:
    """Also what can't be written; what it doesn't know is allowed."""
    listener = Listener()
    bench = Bench(version=version, stand_in=listener)
    bench.connect(settled=False)
    step, asked = bench.wait(1.0), []
    while step.down:
        identifier, action, payload = step.own_call
        answer: dict[str, Any] = {}
        if "LocalAuthorizeOffline" in json.dumps(payload):
            asked.append(action)
            if version.is_v2:
                names = [(each["component"]["name"], each["variable"]["name"]) for each in payload["getVariableData"]]
                told = [
                    variable(*names[0], attributeStatus="Accepted", attributeValue="false"),
                    variable(*names[1], attributeStatus="UnknownComponent"),
                    variable(*names[2], attributeStatus="Accepted", attributeValue="true"),
                ]
                answer = {"getVariableResult": told}
            else:
                keys = [key("localauthorizeoffline", "False", readonly=True), key("LocalAuthListEnabled", "true")]
                answer = {"configurationKey": keys, "unknownKey": ["AuthorizationCacheEnabled"]}
        step = bench.station_says(result(identifier, answer))
    assert asked == ["GetVariables" if version.is_v2 else "GetConfiguration"]
    assert listener.heard == [LocalRules(offline=False)]


@pytest.mark.parametrize("version", list(Version))
def test_a_station_is_not_asked_for_what_binds_nobody(version: Version) -> None:
    """[offline] station_rules = "ignore": each question takes the station's time."""
    bench = Bench(version=version, stand_in=SlowDisk())
    bench.connect(settled=False)
    step, asked = bench.wait(1.0), []
    while step.down:
        identifier, _, payload = step.own_call
        asked.append(json.dumps(payload))
        step = bench.station_says(result(identifier, {}))
    assert asked
    assert not any("LocalAuthorizeOffline" in payload for payload in asked)


def test_what_the_cloud_writes_counts_when_the_station_has_taken_it() -> None:
    """1.6: a write that wants a reboot first holds after that, and is told then."""
    listener = Listener()
    bench = Bench(stand_in=listener)
    bench.connect()
    for number, (value, status) in enumerate(
        [("false", "Rejected"), ("false", "RebootRequired"), ("false", "Accepted"), ("true", "Accepted")]
    ):
        write = {"key": "AuthorizationCacheEnabled", "value": value}
        down = bench.cloud_says(call(f"c{number}", "ChangeConfiguration", write))
        assert len(down.down) == 1
        bench.station_says(result(f"c{number}", {"status": status}))
    assert listener.heard == [LocalRules(cache=False), LocalRules()]


def test_of_several_variables_those_count_that_were_taken() -> None:
    """2.x SetVariables, by the result of each; a target or a bound is no value."""
    asked = [
        variable("AuthCacheCtrlr", "Enabled", attributeValue="false"),
        variable("LocalAuthListCtrlr", "Enabled", attributeValue="false"),
        variable("AuthCtrlr", "LocalAuthorizeOffline", attributeValue="false", attributeType="Target"),
    ]
    told = [
        variable("AuthCacheCtrlr", "Enabled", attributeStatus="Rejected"),
        variable("LocalAuthListCtrlr", "Enabled", attributeStatus="Accepted"),
        variable("AuthCtrlr", "LocalAuthorizeOffline", attributeStatus="Accepted", attributeType="Target"),
    ]
    found = local_rules.learned(LocalRules(), "SetVariables", {"setVariableData": asked}, {"setVariableResult": told})
    assert found == LocalRules(listed=False)


def test_what_a_station_has_not_forbids_nothing() -> None:
    """Another station, or another firmware, has taken the place of one that had it."""
    bound = LocalRules(offline=False, cache=False)
    without = {"unknownKey": ["localAuthorizeOffline", 7]}
    assert local_rules.learned(bound, "GetConfiguration", {}, without) == LocalRules(cache=False)
    unknown = [variable("AuthCacheCtrlr", "Enabled", attributeStatus="UnknownComponent")]
    assert local_rules.learned(bound, "GetVariables", {}, {"getVariableResult": unknown}) == LocalRules(offline=False)


ENTRIES = [7, {"key": 3}, {"key": "LocalAuthorizeOffline"}]


@pytest.mark.parametrize("rubbish", [None, [], "x", {"configurationKey": ENTRIES}])
def test_rubbish_says_nothing(rubbish: Any) -> None:
    """What can't be read leaves it as it was."""
    before = LocalRules(cache=False)
    assert local_rules.learned(before, "GetConfiguration", None, rubbish) == before
    assert local_rules.learned(before, "GetVariables", None, rubbish) == before
    assert local_rules.learned(before, "SetVariables", rubbish, rubbish) == before
    assert local_rules.learned(before, "Reset", rubbish, rubbish) == before
