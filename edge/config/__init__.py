"""The site file: its schema, its errors, and the site that it describes."""

from edge.config.draft import MeterModel, ReadMap
from edge.config.load import Configuration, load
from edge.config.schema import ApiTable, StorageTable
from edge.config.schema_ocpp import OcppTable

__all__ = ["ApiTable", "Configuration", "MeterModel", "OcppTable", "ReadMap", "StorageTable", "load"]
