"""A simulated CSMS, OCPP 1.6J."""

from simulators.csms.answers import TagList
from simulators.csms.record import CloudTransaction, Direction, Frame, Record, StartKey
from simulators.csms.server import CallFailedError, Csms

__all__ = ["CallFailedError", "CloudTransaction", "Csms", "Direction", "Frame", "Record", "StartKey", "TagList"]
