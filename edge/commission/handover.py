"""The hand-over document: what was built, what was proved with which figures, and who answers for it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge.commission.course import Proof
from edge.commission.observed import Observation
from edge.config import Configuration
from edge.setup.language import Speaker

FORM = "edge-handover/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signs: a name, and the signature of the gateway's owner over the document without it (base64)."""

    name: str
    signed_at: str
    public_key: str
    signature: str


def document(
    configuration: Configuration,
    proofs: Sequence[Proof],
    seen: Observation,
    *,
    speaker: Speaker,
    version: str,
    at: str,
    kept: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The document as JSON values, its sentences in the speaker's language.

    ``kept``: what is known of each station besides: serial, MAC, location.
    """
    site = configuration.site
    return {
        "form": FORM,
        "site": {"id": site.id, "timezone": site.timezone, "nominal_voltage_v": site.nominal_voltage_v},
        "language": speaker.language,
        "made_at": at,
        "software": {"name": "edge-controller", "version": version},
        "settings": {key: str(value) for key, value in asdict(site.control).items()},
        "site_file_sha256": hashlib.sha256(configuration.path.read_bytes()).hexdigest(),
        "circuits": [
            {
                "id": each.id,
                "fed_by": each.parent,
                "fuse_a": each.fuse_a,
                "rating_a": each.rating_a,
                "background_reserve_a": each.background_reserve_a,
                "meter": each.meter,
            }
            for each in site.circuits
        ],
        "meters": [{"id": each.id, "model": each.model, "connection": each.connection, "unit": each.unit}
                   for each in site.meters],
        "stations": [
            {
                "id": each.id,
                "vendor": seen.describes(each.id)[0] or kept.get(each.id, {}).get("vendor"),
                "model": seen.describes(each.id)[1] or kept.get(each.id, {}).get("model"),
                "serial": kept.get(each.id, {}).get("serial"),
                "mac": kept.get(each.id, {}).get("mac"),
                "firmware": kept.get(each.id, {}).get("firmware"),
                "location": kept.get(each.id, {}).get("location"),
                "evses": [
                    {
                        "id": evse.key.evse,
                        "circuit": evse.circuit,
                        "phases": [phase.value for phase in evse.phases],
                        "min_a": evse.min_a,
                        "max_a": evse.max_a,
                        "safe_current_a": evse.fallback_a,
                    }
                    for evse in each.evses
                ],
            }
            for each in site.stations
        ],
        "proofs": [
            {
                "name": speaker.tell(each.name),
                "passed": each.passed,
                "finding": speaker.tell(*each.finding),
                "figures": dict(each.figures),
            }
            for each in proofs
        ],
        "passed": all(each.passed for each in proofs),
    }  # fmt: skip


def content(paper: Mapping[str, Any]) -> bytes:
    """What is signed: the document without its signature, in one form."""
    bare = {key: value for key, value in paper.items() if key != "signature"}
    return json.dumps(bare, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
