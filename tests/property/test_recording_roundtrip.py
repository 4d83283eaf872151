"""Whatever a snapshot, a memory and a decision hold, they come back from their recording bit for bit."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from random import Random
from typing import Any, get_origin, get_type_hints

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.allocation.background import Bounds
from edge.allocation.cars import Cars
from edge.allocation.decide import Memory
from edge.allocation.decision import Outcome
from edge.allocation.fall import Fall
from edge.allocation.snapshot import Snapshot
from edge.control.codec import SAME, codec
from edge.control.recording import GZIP, Header, SegmentReader, SegmentWriter, Tick

HEADER = Header(program="1.2.3", site="test", wall="2026-11-21T07:00:00+00:00", monotonic=0.0)
FLOATS = st.one_of(st.sampled_from([0.0, -0.0, float("nan"), float("inf"), 6.0, 7.5]), st.floats())
SHAPES = st.sampled_from([(0,), (1,), (2,), (2, 2)])
ARRAYS = SHAPES.flatmap(
    lambda shape: st.lists(FLOATS, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))).map(
        lambda values: np.array(values, dtype=np.float64).reshape(shape)
    )
)
# Those with arrays: small ones, else most of what is drawn would be too large.
for kind in (Bounds, Cars, Fall):
    arrays_of = {name: ARRAYS for name, hint in get_type_hints(kind).items() if get_origin(hint) is np.ndarray}
    st.register_type_strategy(kind, st.builds(kind, **arrays_of))
# Strings of any code points, surrogates too; floats of any kind, in arrays as well.
SNAPSHOTS, MEMORIES, OUTCOMES = (st.from_type(kind) for kind in (Snapshot, Memory, Outcome))


def exactly(value: Any) -> Any:
    """A form in which values are equal only if they are bit for bit: 0 isn't -0, 1 isn't 1.0, NaN is NaN."""
    if is_dataclass(value):
        return type(value), [exactly(getattr(value, field.name)) for field in fields(value) if field.compare]
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, [repr(item) for item in value.ravel().tolist()]
    if isinstance(value, tuple):
        return tuple(exactly(item) for item in value)
    if isinstance(value, Mapping):
        return [(exactly(key), exactly(item)) for key, item in value.items()]
    if isinstance(value, frozenset):
        return {repr(exactly(item)) for item in value}
    return type(value), repr(value)


def changed(rng: Random, value: Any) -> Any:
    """The value with some of its parts changed, as a site from one second to the next; at times in another form."""
    if rng.random() < 0.3:
        return value
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if field.compare]
        return replace(value, **{name: changed(rng, getattr(value, name)) for name in names})
    match value:
        case tuple() if type(value) is tuple and value:
            items = tuple(changed(rng, item) for item in value)
            of_any_length = all(is_dataclass(item) for item in items)
            return items[:-1] if of_any_length and rng.random() < 0.1 else items
        case Mapping():
            mapping = {key: changed(rng, item) for key, item in value.items()}
            return dict(reversed(mapping.items())) if rng.random() < 0.1 else mapping
        case np.ndarray() if rng.random() < 0.1:
            return value.reshape(-1)[:1]
        case np.ndarray():
            return np.array([changed(rng, item) for item in value.ravel().tolist()]).reshape(value.shape)
        case Enum():
            return rng.choice(list(type(value)))
        case bool():
            return not value
        case float():
            return rng.choice([0.0, -0.0, float("nan"), float("inf"), value + 1.0])
        case str():
            return value + "\ud800"
    return value


@given(SNAPSHOTS, MEMORIES, OUTCOMES, st.integers(0, 2**32))
@settings(max_examples=30, suppress_health_check=[HealthCheck.data_too_large])
def test_a_segment_gives_back_what_was_written(snapshot: Snapshot, memory: Memory, outcome: Outcome, seed: int) -> None:
    """Wholes and changes, with the memory of the decision before and with another: read as they were written."""
    rng = Random(seed)
    ticks = [Tick(snapshot=snapshot, memory=memory, decision=outcome)]
    for _ in range(5):
        following = changed(rng, ticks[-1])
        ticks.append(replace(following, memory=rng.choice([following.memory, ticks[-1].decision.memory])))
    writer = SegmentWriter()
    text = writer.header(HEADER) + b"".join(writer.tick(tick) for tick in ticks)
    reader = SegmentReader("segment", zlib.compress(text, wbits=GZIP))
    assert [exactly(tick) for tick in reader] == [exactly(tick) for tick in ticks]
    assert reader.header == HEADER
    assert not reader.truncated


@st.composite
def arrays(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two, mostly of one shape, that agree in many places."""
    shape = draw(st.sampled_from([(0,), (1,), (4,), (2, 3), (3, 0)]))
    other_shape = draw(st.sampled_from([shape, shape, shape, (4,)]))
    count, other_count = int(np.prod(shape)), int(np.prod(other_shape))
    values = draw(st.lists(FLOATS, min_size=count, max_size=count))
    others = draw(st.lists(st.one_of(st.none(), FLOATS), min_size=other_count, max_size=other_count))
    padded = [*values, *[1.0] * other_count]
    patched = [padded[place] if value is None else value for place, value in enumerate(others)]
    return np.array(values, dtype=np.float64).reshape(shape), np.array(patched, dtype=np.float64).reshape(other_shape)


@given(arrays())
@settings(max_examples=300)
def test_what_changes_in_an_array_is_written_alone(pair: tuple[Any, Any]) -> None:
    """Bit for bit, as many values as changed; NaN for NaN is none, and 0 for -0 is one. It comes back through JSON."""
    before, now = pair
    array = codec(np.ndarray[Any, np.dtype[np.float64]])
    change = array.delta(before, now)
    if change is SAME:
        assert exactly(now) == exactly(before)
        return
    assert exactly(array.patched(before, json.loads(json.dumps(change)))) == exactly(now)
    if before.shape == now.shape:
        was, values = before.ravel().tolist(), now.ravel().tolist()
        changed = [
            place for place, (one, other) in enumerate(zip(was, values, strict=True)) if repr(one) != repr(other)
        ]
        assert list(change) == [str(place) for place in changed]
