"""Whatever a snapshot, a memory and a decision hold, they come back from their recording bit for bit."""

import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.allocation.decide import Decision, Memory
from edge.allocation.snapshot import Snapshot
from edge.control.recording import GZIP, Header, SegmentReader, SegmentWriter, Tick

HEADER = Header(program="1.2.3", site="test", wall="2026-11-21T07:00:00+00:00", monotonic=0.0)
# Strings of any code points, surrogates too; floats of any kind.
TICKS = st.builds(Tick, snapshot=st.from_type(Snapshot), memory=st.from_type(Memory), decision=st.from_type(Decision))


def exactly(value: Any) -> Any:
    """A form in which values are equal only if they are bit for bit: 0 isn't -0, 1 isn't 1.0, NaN is NaN."""
    if is_dataclass(value):
        return type(value), [exactly(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, tuple):
        return tuple(exactly(item) for item in value)
    if isinstance(value, Mapping):
        return [(exactly(key), exactly(item)) for key, item in value.items()]
    if isinstance(value, frozenset):
        return {repr(exactly(item)) for item in value}
    return type(value), repr(value)


def mixed(rng: Random, one: Any, other: Any) -> Any:
    """A value that has some parts of one and some of the other, as a site has from one second to the next."""
    if rng.random() < 0.2 or type(one) is not type(other):
        return rng.choice((one, other))
    if is_dataclass(one) and not isinstance(one, type):
        names = [field.name for field in fields(one)]
        return replace(one, **{name: mixed(rng, getattr(one, name), getattr(other, name)) for name in names})
    if isinstance(one, tuple) and len(one) == len(other):
        return tuple(mixed(rng, *pair) for pair in zip(one, other, strict=True))
    if isinstance(one, Mapping) and len(one) == len(other):
        return {key: mixed(rng, *pair) for key, *pair in zip(one, one.values(), other.values(), strict=True)}
    return rng.choice((one, other))


@given(TICKS, TICKS, st.integers(0, 2**32))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_segment_gives_back_what_was_written(one: Tick, other: Tick, seed: int) -> None:
    """Wholes and changes, with the memory of the decision before and with another: read as they were written."""
    rng = Random(seed)
    ticks = [one, mixed(rng, one, other), replace(other, memory=one.decision.memory), other]
    ticks += [mixed(rng, other, one), replace(one, memory=ticks[-1].decision.memory), one]
    writer = SegmentWriter()
    text = writer.header(HEADER) + b"".join(writer.tick(tick) for tick in ticks)
    reader = SegmentReader("segment", zlib.compress(text, wbits=GZIP))
    assert [exactly(tick) for tick in reader] == [exactly(tick) for tick in ticks]
    assert reader.header == HEADER
    assert not reader.truncated
