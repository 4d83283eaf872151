"""What the broker says of what is published: it confirms also what it throws away (MQTT 5 §3.4.2.1).

Who may not publish a topic is told nothing else. A broker of 3.1.1 says nothing at all.
"""

from typing import Any

import aiomqtt
import paho.mqtt.client as paho
import structlog
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

log = structlog.get_logger(__name__)


class ConfirmedClient(aiomqtt.Client):
    """aiomqtt's client, which passes over what a confirmation says."""

    refusal: ReasonCode | None = None  # of the newest that was confirmed; None: the broker has taken it

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        self.refusal = reason_code if reason_code.is_failure else None
        super()._on_publish(client, userdata, mid, reason_code, properties)


class Refusals:
    """Which topics the broker throws away, by the first part of their name; each is told once."""

    def __init__(self) -> None:
        self._roots: set[str] = set()

    def take(self, topic: str, refusal: ReasonCode | None) -> None:
        """The topic was published, and confirmed so."""
        root = topic.split("/", maxsplit=1)[0]
        if refusal is None:
            self._roots.discard(root)
        elif root not in self._roots:
            self._roots.add(root)
            log.warning(
                "the MQTT broker throws away what is published",
                topic=topic,
                problem=str(refusal),
                remedy=f"give this gateway's user the right to publish {root}/..., at the broker",
            )
