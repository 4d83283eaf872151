"""Meters: registers in, readings out."""
