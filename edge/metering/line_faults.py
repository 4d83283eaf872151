"""What is said of a read that got no answer, or a refusal: what, where, and what to look at."""

from edge.errors import MeterOvertalked, MeterRefused, MeterTimeout, RegistersRefused
from edge.metering.family import Limits
from edge.metering.modbus import GATEWAY_SILENT, NOT_THESE_REGISTERS, ReadRequest, Refusal


def no_answer(line: str, request: ReadRequest, limits: Limits, *, hears: bool, is_serial: bool) -> MeterTimeout:
    """``hears``: bytes came meanwhile that are no answer."""
    if hears:
        return MeterOvertalked(
            f"no answer from {line} unit {request.unit}, and something else is heard",
            remedy="check that no two devices have one unit id, that no other program polls the line, and that the "
            "device isn't slow",
        )
    return MeterTimeout(
        f"no answer from {line} unit {request.unit} within {limits.answer_s:g} s",
        remedy="check the unit id, the speed and the parity, and whether A and B are swapped"
        if is_serial
        else "check the unit id, and the wiring behind a gateway",
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
