"""Charging profiles: what a station is told, and what the cloud believes it told it."""
