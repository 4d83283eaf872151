"""The routing table."""

import importlib.resources

import pytest

from edge.ocpp import v2, v16
from edge.ocpp.profiles import answers_v2, answers_v16
from edge.ocpp.routing import FROM_CLOUD, FROM_STATION, TABLE, Route, route
from edge.ocpp.versions import Version

EDITIONS = list(Version)
PACKAGES = {Version.V16: "ocpp.v16", Version.V201: "ocpp.v201", Version.V21: "ocpp.v21"}
COUNTS = {Version.V16: 39, Version.V201: 64, Version.V21: 91}
READERS = {
    Version.V16: v16.REQUEST_READERS.keys(),
    Version.V201: v2.REQUEST_READERS.keys() - {"NotifyPriorityCharging"},  # of 2.1
    Version.V21: v2.REQUEST_READERS.keys(),
}
OWN = {Version.V16: answers_v16.ANSWERS, Version.V201: answers_v2.ANSWERS, Version.V21: answers_v2.ANSWERS}


def actions_of(version: Version) -> set[str]:
    """The actions of an edition: what has a schema of its request in the ocpp package."""
    folder = importlib.resources.files(PACKAGES[version]) / "schemas"
    names = {entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json")}
    return {name.removesuffix("Request") for name in names if not name.endswith("Response")}


@pytest.mark.parametrize("version", EDITIONS)
def test_every_action_has_a_route(version: Version) -> None:
    """The table names exactly the actions of each edition; only DataTransfer goes both ways."""
    actions = actions_of(version)
    assert len(actions) == COUNTS[version]
    assert FROM_STATION[version].keys() | FROM_CLOUD[version].keys() == actions
    assert FROM_STATION[version].keys() & FROM_CLOUD[version].keys() == {"DataTransfer"}


def test_each_action_has_one_row() -> None:
    """A second row would silently win over the first."""
    names = [row.action for row in TABLE]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("version", EDITIONS)
def test_what_is_observed_has_a_reader(version: Version) -> None:
    """OBSERVE in the table and a reader in the dialect are the same set."""
    observed = {action for action, way in FROM_STATION[version].items() if way is Route.OBSERVE}
    assert observed == READERS[version]


@pytest.mark.parametrize("version", EDITIONS)
def test_what_is_ours_has_an_answer(version: Version) -> None:
    """OWN in the table and what the desk of profiles answers are the same; a station's CALL is never kept back."""
    own = {action for action, way in FROM_CLOUD[version].items() if way is Route.OWN}
    assert own == OWN[version].keys() & FROM_CLOUD[version].keys()
    assert set(FROM_STATION[version].values()) <= {Route.RELAY, Route.OBSERVE, Route.GUARD, Route.REWRITE}


@pytest.mark.parametrize("version", EDITIONS)
def test_what_is_guarded_is_known_to_the_guard(version: Version) -> None:
    """GUARD stands for reading, writing, and what leads away: the actions of 1.6 or those of 2.x."""
    guarded = {action for action, way in FROM_CLOUD[version].items() if way is Route.GUARD}
    expected = {"GetVariables", "SetVariables", "SetNetworkProfile"}
    assert guarded == (expected if version.is_v2 else {"GetConfiguration", "ChangeConfiguration"})
    reported = {action for action, way in FROM_STATION[version].items() if way is Route.GUARD}
    assert reported == ({"NotifyReport"} if version.is_v2 else set())


def test_signed_and_unknown_actions() -> None:
    """A signed action has the plain one's route; what isn't in the table is relayed."""
    assert route(FROM_CLOUD[Version.V201], "SetChargingProfile-Signed") is Route.OWN
    assert route(FROM_STATION[Version.V21], "TransactionEvent-Signed") is Route.OBSERVE
    assert route(FROM_STATION[Version.V16], "VendorThing") is Route.RELAY
    assert route(FROM_CLOUD[Version.V201], "UsePriorityCharging") is Route.RELAY  # a later edition's
