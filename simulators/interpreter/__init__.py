"""Between OCPP 2.x on the wire and OCPP 1.6, in which the world's stations and its cloud think.

One logic of sessions, queues and profiles serves both editions, and one set of oracles and faults: a station's
interpreter stands between its logic and its socket, the cloud's between its sockets and its books.
"""

from simulators.interpreter.cloud import CloudInterpreter
from simulators.interpreter.station import StationInterpreter

__all__ = ["CloudInterpreter", "StationInterpreter"]
