"""Which source listens on which connection."""

from edge.clock import Clock
from edge.domain.connection import Connection, Transport
from edge.domain.site import Meter
from edge.errors import StartError
from edge.metering.mqtt_source import TopicSource
from edge.metering.p1_source import P1Source
from edge.metering.source import TellingSource


def open_source(meter: Meter, connection: Connection, clock: Clock) -> TellingSource:  # noqa: ARG001 - an opener's form
    """The source of a meter that tells by itself; it begins with its ``start``.

    :raises StartError: a connection whose meters are asked, or a topic of which nothing is to be taken; the site file's
        check refuses both before.
    """
    match connection.transport:
        case Transport.P1 | Transport.P1_TCP:
            return P1Source(connection)
        case Transport.MQTT | Transport.MQTTS if meter.values:
            return TopicSource(connection, meter.values, meter.access)
        case Transport.MQTT | Transport.MQTTS:
            raise StartError(
                f"of meter '{meter.id}' nobody knows where in the messages of {connection.topic} its quantities stand",
                remedy="write it into the site file, with a [[meter.value]] for each",
            )
        case _:
            raise StartError(f"meter '{meter.id}': {connection.transport} can't be listened to")
