"""Why a profile, or a request about profiles, is refused, in the words of OCPP."""

from enum import StrEnum


class Reason(StrEnum):
    """reasonCode of a statusInfo (OCPP 2.0.1 part 2 appendix 5, and the K01 requirements of 2.1)."""

    DUPLICATE_PROFILE = "DuplicateProfile"
    INTERNAL_ERROR = "InternalError"
    INVALID_PROFILE = "InvalidProfile"
    INVALID_SCHEDULE = "InvalidSchedule"
    INVALID_STACK_LEVEL = "InvalidStackLevel"
    INVALID_VALUE = "InvalidValue"
    MISSING_PARAM = "MissingParam"
    NOT_FOUND = "NotFound"
    OUT_OF_STORAGE = "OutOfStorage"
    TOO_MANY_ELEMENTS = "TooManyElements"
    TX_NOT_FOUND = "TxNotFound"
    UNKNOWN_EVSE = "UnknownEvse"
    UNSUPPORTED_KIND = "UnsupportedKind"
    UNSUPPORTED_PURPOSE = "UnsupportedPurpose"
    UNSUPPORTED_RATE_UNIT = "UnsupportedRateUnit"


class Malformation(StrEnum):
    """What is wrong with the form of a payload. The answer is a CALLERROR (OCPP 1.6 errata 3.24, 3.38, 3.39)."""

    MISSING = "missing"
    TYPE = "type"
    VALUE = "value"


class ProfileRefused(Exception):
    """Well-formed, but it can't be taken: the answer is a status that says no, with this reason."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class RequestMalformed(Exception):
    """The payload isn't of the form that OCPP gives it."""

    def __init__(self, malformation: Malformation, detail: str) -> None:
        super().__init__(detail)
        self.malformation = malformation
        self.detail = detail
