"""The meter catalogue: one TOML file per family, named as ``[[meter]] model`` names it.

``make``, ``models``: what it is for. ``confidence``, ``sources``: where the addresses were found. ``function``: 3 for
holding, 4 for input registers. ``word_order``, ``byte_order``: which part of a number comes first. ``current``: signed,
or magnitude where the direction is that of the phase power. ``max_registers``, ``even_only``: the limits of one read.
``[[block]]``: registers that are read together, ``fast`` in each control period, ``slow`` every few seconds.
``[quantity]``: for each, its address, type, scale into the unit that its name ends with, and the bit patterns that mean
"not available" (``absent``). Read by :mod:`edge.metering.families`.
"""
