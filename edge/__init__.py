"""The edge controller: keeps a site's chargers under its fuses, and their cloud in the picture."""

__version__ = "0.1.0"
