"""Simulated meters of any family, on Modbus TCP, RTU over TCP or a serial line."""

from simulators.meter.device import SimulatedMeter, circuit_meter
from simulators.meter.faults import MeterFault
from simulators.meter.modbus import ModbusTcpServer

__all__ = ["MeterFault", "ModbusTcpServer", "SimulatedMeter", "circuit_meter"]
