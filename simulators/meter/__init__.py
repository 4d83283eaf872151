"""A simulated Eastron SDM630 on Modbus TCP."""

from simulators.meter.modbus import ModbusTcpServer
from simulators.meter.sdm630 import MeterFault, Sdm630

__all__ = ["MeterFault", "ModbusTcpServer", "Sdm630"]
