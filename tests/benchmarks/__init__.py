"""Figures, printed by ``make bench``. They assert nothing about time: machines are shared, ratios are what counts."""
