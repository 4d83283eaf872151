"""What is said of a read that got no answer, or a refusal: what, where, and what to look at."""

from edge.domain.connection import Transport
from edge.errors import MeterOvertalked, MeterRefused, MeterTimeout, RegistersRefused
from edge.metering.family import Limits
from edge.metering.modbus import GATEWAY_SILENT, NOT_THESE_REGISTERS, ReadRequest, Refusal

_SILENCE = {
    Transport.RTU: "check the unit id, the speed and the parity, and whether A and B are swapped",
    Transport.TCP: "check the unit id, the wiring behind a gateway, and whether that passes bytes through (rtu+tcp://)",
    Transport.RTU_TCP: "check the unit id, the wiring behind the server, and whether that speaks Modbus TCP (tcp://)",
}


def no_answer(line: str, request: ReadRequest, limits: Limits, *, hears: bool, transport: Transport) -> MeterTimeout:
    """``hears``: bytes came meanwhile that are no answer."""
    if hears:
        return MeterOvertalked(
            f"no answer from {line} unit {request.unit}, and something else is heard",
            remedy="check that no two devices have one unit id, that no other program polls the line, and that the "
            "device isn't slow",
        )
    return MeterTimeout(
        f"no answer from {line} unit {request.unit} within {limits.answer_s:g} s",
        remedy=_SILENCE[transport],
    )


def refused(line: str, request: ReadRequest, refusal: Refusal) -> MeterRefused | MeterTimeout:
    """A gateway that gets no answer says so by a refusal."""
    if refusal.code == GATEWAY_SILENT:
        return MeterTimeout(
            f"{line}: the gateway gets no answer from unit {request.unit}",
            remedy="check the unit id, and the wiring behind the gateway",
        )
    kind = RegistersRefused if refusal.code in NOT_THESE_REGISTERS else MeterRefused
    return kind(f"{line} refuses to read {request}: {refusal}", remedy="check the unit id and the meter's model")
