"""The hand-over document: what was built, what was proved with which figures, and who answers for it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge.commission.observed import DESCRIBED, Observation
from edge.commission.steps import Proof
from edge.config import Configuration
from edge.domain.site import Circuit, Meter, Station
from edge.language import Speaker

FORM = "edge-handover/2"
_BARE_FORM = "edge-handover/1"  # of documents whose signature leaves out who signed, and when


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signs, and when: a name, and the signature of the gateway's owner over the document and these (base64)."""

    name: str
    signed_at: str
    public_key: str
    signature: str = ""


def document(
    configuration: Configuration,
    site_file: bytes,
    proofs: Sequence[Proof],
    seen: Observation,
    *,
    speaker: Speaker,
    version: str,
    at: str,
    kept: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The document as JSON values, its sentences in the speaker's language.

    ``site_file`` is the file as it was when the proofs began; ``kept`` is what is known of each station besides:
    serial, MAC, location.
    """
    site = configuration.site
    return {
        "form": FORM,
        "site": {"id": site.id, "timezone": site.timezone, "nominal_voltage_v": site.nominal_voltage_v},
        "language": speaker.language,
        "made_at": at,
        "software": {"name": "edge-controller", "version": version},
        "settings": {key: str(value) for key, value in asdict(site.control).items()},
        "site_file_sha256": hashlib.sha256(site_file).hexdigest(),
        "circuits": [_circuit(each) for each in site.circuits],
        "meters": [_meter(each) for each in site.meters],
        "stations": [_station(each, seen.describes(each.id), kept.get(each.id, {})) for each in site.stations],
        "proofs": [_proof(each, speaker) for each in proofs],
        "passed": all(each.passed for each in proofs),
    }


def _circuit(circuit: Circuit) -> dict[str, Any]:
    return {
        "id": circuit.id,
        "fed_by": circuit.parent,
        "fuse_a": circuit.fuse_a,
        "rating_a": circuit.rating_a,
        "background_reserve_a": circuit.background_reserve_a,
        "meter": circuit.meter,
    }


def _meter(meter: Meter) -> dict[str, Any]:
    return {"id": meter.id, "model": meter.model, "connection": meter.connection, "unit": meter.unit}


def _station(station: Station, described: Mapping[str, str], kept: Mapping[str, Any]) -> dict[str, Any]:
    """``described`` is what the station tells of itself now; ``kept`` what is known where it tells nothing."""
    return {
        "id": station.id,
        **{key: described.get(key) or kept.get(key) for key in DESCRIBED},
        "location": kept.get("location"),
        "evses": [
            {
                "id": evse.key.evse,
                "circuit": evse.circuit,
                "phases": [phase.value for phase in evse.phases],
                "min_a": evse.min_a,
                "max_a": evse.max_a,
                "safe_current_a": evse.fallback_a,
            }
            for evse in station.evses
        ],
    }


def _proof(proof: Proof, speaker: Speaker) -> dict[str, Any]:
    return {
        "name": speaker.tell(proof.name),
        "passed": proof.passed,
        "finding": speaker.tell(*proof.finding),
        "figures": dict(proof.figures),
    }


def content(paper: Mapping[str, Any]) -> bytes:
    """What is signed, in one form: the document with who signs and when, and without the signature itself. The form is
    in it, so that none can be taken for another.
    """
    bare = {key: value for key, value in paper.items() if key != "signature"}
    if "signature" in paper and paper["form"] != _BARE_FORM:
        bare["signature"] = {key: value for key, value in paper["signature"].items() if key != "signature"}
    return json.dumps(bare, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
