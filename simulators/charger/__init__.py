"""A simulated charging station: OCPP 1.6J on a real socket, with an electric vehicle behind each connector."""

from simulators.charger.connection import ChargingStation
from simulators.charger.ev import ElectricVehicle
from simulators.charger.ledger import TransactionAccount
from simulators.charger.spec import ConnectorSpec, Counters, Obedience, StationSpec, Supply

__all__ = [
    "ChargingStation",
    "ConnectorSpec",
    "Counters",
    "ElectricVehicle",
    "Obedience",
    "StationSpec",
    "Supply",
    "TransactionAccount",
]
