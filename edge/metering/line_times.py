"""How long things take on a line: the silence between frames, a pause inside one, an answer's characters. Pure."""

from edge.domain.connection import Connection, Transport
from edge.metering.family import Limits
from edge.metering.modbus import ReadRequest
from edge.metering.modbus_rtu import REQUEST_LENGTH, answer_length
from edge.units import Seconds

# The pause inside a frame by which its end is known. Modbus says 1.5 characters; drivers and USB adapters (latency
# timer 16 ms) deliver in pieces; and what a network has lost on the way from a serial server it sends again after
# 0.2 s, and once more after 0.4 (Linux's least retransmission timeout), as on every radio link.
PAUSE_S: Seconds = 0.1
NETWORK_PAUSE_S: Seconds = 0.5
FRAME_GAP_CHARACTERS = 3.5  # Modbus over Serial Line V1.02 §2.5.1.1
LEAST_FRAME_GAP_S: Seconds = 0.00175  # the same, above 19200 Bd
SERVER_GAP_S: Seconds = 0.01  # before a serial server, whose line we don't see: 3.5 characters at 4800 Bd
# Of a serial line behind a gateway or server, which we don't see: at 9600 Bd with parity, the slowest that is usual.
UNSEEN_CHARACTER_S: Seconds = 11 / 9600
SLACK_S: Seconds = 0.05  # of the operating system, an adapter and the network


def pause_s(to: Connection) -> Seconds | None:
    """The pause that ends a frame; None where none does: TCP loses nothing, and tells where a frame ends."""
    match to.transport:
        case Transport.TCP:
            return None
        case Transport.RTU_TCP:
            return NETWORK_PAUSE_S
        case _:
            return PAUSE_S


def gap_s(to: Connection) -> Seconds:
    """The silence between two frames."""
    if to.serial is not None:
        return max(FRAME_GAP_CHARACTERS * to.serial.character_s, LEAST_FRAME_GAP_S)
    return SERVER_GAP_S if to.transport is Transport.RTU_TCP else 0.0


def answer_within_s(to: Connection, request: ReadRequest, limits: Limits) -> Seconds:
    """How long the answer may take: the device's own time, and the characters' on the line."""
    character_s = to.serial.character_s if to.serial is not None else UNSEEN_CHARACTER_S
    return limits.answer_s + (REQUEST_LENGTH + answer_length(request.count)) * character_s + SLACK_S
