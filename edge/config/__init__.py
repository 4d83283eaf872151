"""The site file: its schema, its errors, and the site that it describes."""

from edge.config.draft import MeterModel, ReadMap
from edge.config.load import Configuration, load
from edge.config.schema import ApiTable, StorageTable
from edge.config.schema_ocpp import OcppTable
from edge.config.schema_offline import OfflineTable

__all__ = ["ApiTable", "Configuration", "MeterModel", "OcppTable", "OfflineTable", "ReadMap", "StorageTable", "load"]
