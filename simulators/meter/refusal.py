"""How a meter refuses: a Modbus exception."""

import enum


class ExceptionCode(enum.IntEnum):
    """Modbus Application Protocol V1.1b3, section 7."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_DATA_ADDRESS = 2
    ILLEGAL_DATA_VALUE = 3
    DEVICE_FAILURE = 4
    DEVICE_BUSY = 6
    GATEWAY_TARGET_FAILED = 11


class RefusedError(Exception):
    """The meter answers with a Modbus exception."""

    def __init__(self, code: ExceptionCode) -> None:
        super().__init__(code.name)
        self.code = code
