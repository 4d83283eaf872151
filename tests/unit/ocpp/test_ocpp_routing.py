"""The routing table."""

import importlib.resources

import pytest

from edge.ocpp.routing import FROM_CLOUD_V16, FROM_STATION_V16, Route
from edge.ocpp.v16 import OWN_ANSWERS, REQUEST_READERS
from tests.unit.ocpp.ocpp_bench import is_valid

# Every CALL of OCPP 1.6 and its security whitepaper has a schema in the ocpp package, and so has each answer.
ACTIONS = {
    entry.name.removesuffix(".json")
    for entry in (importlib.resources.files("ocpp.v16") / "schemas").iterdir()
    if entry.name.endswith(".json") and not entry.name.endswith("Response.json")
}


def test_every_action_has_a_route() -> None:
    """The tables name exactly the actions of OCPP 1.6; only DataTransfer goes both ways."""
    assert len(ACTIONS) == 39
    assert FROM_STATION_V16.keys() | FROM_CLOUD_V16.keys() == ACTIONS
    assert FROM_STATION_V16.keys() & FROM_CLOUD_V16.keys() == {"DataTransfer"}


def test_what_is_observed_has_a_reader() -> None:
    """OBSERVE in the table and a reader in the dialect are the same set."""
    observed = {action for action, route in FROM_STATION_V16.items() if route is Route.OBSERVE}
    assert observed == REQUEST_READERS.keys()


def test_what_is_ours_has_an_answer() -> None:
    """OWN and SCREEN in the table and the gateway's answers are the same set; a station's CALL is never kept back."""
    own = {action for action, route in FROM_CLOUD_V16.items() if route in (Route.OWN, Route.SCREEN)}
    assert own == OWN_ANSWERS.keys()
    assert not {Route.OWN, Route.SCREEN} & set(FROM_STATION_V16.values())


@pytest.mark.parametrize("action", sorted(OWN_ANSWERS))
def test_own_answers_fit_their_schema(action: str) -> None:
    """What the gateway answers in the station's place is valid OCPP 1.6."""
    assert is_valid_answer(action, dict(OWN_ANSWERS[action]))


def is_valid_answer(action: str, payload: dict[str, str]) -> bool:
    """Whether the payload fits the schema of the action's answer."""
    return is_valid(f"{action}Response", payload)
