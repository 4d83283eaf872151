"""Every message of an edition's schemas, as texts that a relay must carry to the letter."""

import hashlib
import importlib.resources
import random

from edge.ocpp.routing import FROM_CLOUD, FROM_STATION, Route
from edge.ocpp.versions import Version
from tests.wire.schema_examples import Examples


def messages(version: Version, left_out: frozenset[Route] = frozenset()) -> tuple[list[str], list[str]]:
    """One request and one answer of every action as texts, what the station calls and what the cloud calls."""
    examples = Examples(version, random.Random(16))
    up: list[str] = []
    down: list[str] = []
    for routes, texts in ((FROM_STATION[version], up), (FROM_CLOUD[version], down)):
        for action in sorted(routes):
            request, answer = examples.request(action), examples.answer(action)
            if routes[action] in left_out:
                continue
            texts.append(f'[2, "{action}" ,"{action}",{examples.text(request)}]')
            texts.append(f'[3,  "{action}",{examples.text(answer)}]')
            if version is not Version.V16:
                texts.append(f'[2, "{action}-s" ,"{action}-Signed",{{"payload" : "e30","signature":"AA"}}]')
                texts.append(f'[4,  "{action}-s","NotSupported","",  {{}}]')
    return up, down


def digest(texts: list[str]) -> str:
    """Of all the texts in their order."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def schemas(version: Version) -> list[str]:
    """The requests that the edition has."""
    folder = importlib.resources.files("ocpp." + version.value.replace("ocpp", "v").replace(".", "")) / "schemas"
    names = (entry.name for entry in folder.iterdir())
    return [name for name in names if name.endswith(".json") and not name.endswith("Response.json")]
