"""The site file: its schema, its errors, and the site that it describes."""

from edge.config.load import Configuration, load
from edge.config.schema import ApiTable, OcppTable, StorageTable

__all__ = ["ApiTable", "Configuration", "OcppTable", "StorageTable", "load"]
