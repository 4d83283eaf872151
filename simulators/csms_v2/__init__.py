"""A CSMS that speaks OCPP 2.0.1 and 2.1."""

from simulators.csms_v2.server import CsmsV2

__all__ = ["CsmsV2"]
