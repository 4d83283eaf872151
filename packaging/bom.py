"""The bill of materials of a package, CycloneDX 1.5: what is in it, with versions, hashes and licences."""

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from wheels import MACHINES, Wheel

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "pkg:deb/edge-controller")
CLASSIFIER = "License :: OSI Approved :: "


def document(own: Wheel, wheels: list[Wheel], *, architecture: str, epoch: int) -> str:
    """``own`` is the program, ``wheels`` all that it carries, itself among them."""
    shipped = {wheel.name for wheel in wheels}
    body: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": _reference(own),
                "name": own.name,
                "version": own.version,
                "purl": f"pkg:deb/{own.name}@{own.version}?arch={architecture}",
                "licenses": _licenses(own),
            },
        },
        "components": [_component(wheel) for wheel in wheels if wheel.name != own.name],
        "dependencies": [
            {
                "ref": _reference(wheel),
                "dependsOn": [
                    _reference(other)
                    for other in wheels
                    if other.name in wheel.requires(MACHINES[architecture]) & shipped
                ],
            }
            for wheel in wheels
        ],
    }
    identity = uuid.uuid5(NAMESPACE, json.dumps(body, sort_keys=True))
    return json.dumps({"serialNumber": f"urn:uuid:{identity}"} | body, indent=1, sort_keys=True) + "\n"


def _component(wheel: Wheel) -> dict[str, Any]:
    digest = hashlib.sha256(wheel.path.read_bytes()).hexdigest()
    return {
        "type": "library",
        "bom-ref": _reference(wheel),
        "name": wheel.name,
        "version": wheel.version,
        "purl": _reference(wheel),
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": _licenses(wheel),
        "properties": [{"name": "wheel", "value": wheel.path.name}],
    }


def _reference(wheel: Wheel) -> str:
    return f"pkg:pypi/{wheel.name}@{wheel.version}"


def _licenses(wheel: Wheel) -> list[dict[str, Any]]:
    """An SPDX expression where the package gives one; else the name of its licence as it is written there."""
    expression = wheel.metadata.get("License-Expression")
    if expression:
        return [{"expression": expression}]
    classifiers = wheel.metadata.get_all("Classifier", [])
    names = [text.removeprefix(CLASSIFIER) for text in classifiers if text.startswith(CLASSIFIER)]
    stated = (wheel.metadata.get("License") or "").strip().splitlines()[:1]
    return [{"license": {"name": name}} for name in names or stated]
