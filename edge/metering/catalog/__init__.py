"""The meter catalogue: one TOML file per family, named as ``[[meter]] model`` names it.

``name``, ``models``: what it is for. ``confidence``, ``sources``: where the registers were found. ``notes``: what an
installer should know. ``registers``: ``input`` or ``holding``. ``word_order``, ``byte_order``: which part of a number
comes first. ``current``: ``signed``, or ``magnitude`` where the direction is that of the phase power. ``phases``:
those that it measures. ``port``, ``unit``, ``[serial]``: how it is usually reached. ``[limits]``: what a device can
stand. ``[identify]``: the registers by which it names itself. ``[absent]``: by type, the bit patterns that mean "not
available" or "overflow", in hexadecimal with a dot for any digit. ``[[block]]``: registers that are read in one
request, ``fast`` in each control period, ``slow`` every few seconds. ``[quantity]``: for each, its address as sent on
the wire, type, and the scale into the unit that its name ends with; ``plus`` and ``minus`` name further addresses that
are added or taken off.

Read by :mod:`edge.metering.catalogue`. A site's own map file (``[[meter]] map``) is written in the same way.
"""
