"""Sound documents, spoiled: what a slip of the hand, a wrong export or an enemy makes of them."""

import copy
from typing import Any

from hypothesis import strategies as st


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path of the document."""
    found = [path] if path else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        found += places(each, (*path, key))
    return found


def without_none(value: Any) -> Any:
    """TOML has no null."""
    if isinstance(value, dict):
        return {key: without_none(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_none(inner) for inner in value if inner is not None]
    return value


def any_values(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The scalars, and small lists and objects of them."""
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=5,
    )


@st.composite
def spoiled(draw: st.DrawFn, sound: dict[str, Any], values: st.SearchStrategy[Any]) -> dict[str, Any]:
    """The sound document with a few values replaced (None: taken out) or added."""
    document = copy.deepcopy(sound)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(places(document)))
        holder: Any = document
        for part in path[:-1]:
            holder = holder[part]
        value = draw(values)
        if draw(st.booleans()) and isinstance(holder, dict):
            holder[draw(st.sampled_from(("fuze_a", "id", "", "x y")))] = value
        elif value is None:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
    return document


def damaged(sound: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with a piece of them replaced by others, of any length; at most a kilobyte is put in."""

    def replace(first: int, length: int, piece: bytes) -> bytes:
        return sound[:first] + piece + sound[first + length :]

    at = st.integers(0, len(sound))
    return st.builds(replace, at, st.integers(0, 64) | at, st.binary(max_size=1024))
