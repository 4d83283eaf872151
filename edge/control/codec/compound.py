"""Codecs of values that are made of others."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import repeat
from operator import attrgetter
from typing import Any

import numpy as np

from edge.control.codec.base import SAME, Codec, Json, Same, Unfit, array, at, changes, place


class FrozenSet(Codec):
    """Sorted, since a set's own order is a matter of chance."""

    def __init__(self, item: Codec) -> None:
        super().__init__(f"set of {item.name}")
        self._item = item

    def accepts(self, value: object) -> bool:
        return type(value) is frozenset

    def encode(self, value: frozenset[Any]) -> Json:
        return sorted((self._item.encode(item) for item in value), key=repr)

    def decode(self, tree: Json) -> Any:
        return frozenset(at(str(number), self._item.decode, item) for number, item in enumerate(array(tree)))


class Tuple(Codec):
    """One codec for each place; with ``repeats``, the only one for any number of them."""

    def __init__(self, parts: tuple[Codec, ...], *, repeats: bool) -> None:
        super().__init__(f"tuple of {', '.join(part.name for part in parts)}")
        self._parts = parts
        self._repeats = repeats

    def accepts(self, value: object) -> bool:
        return type(value) is tuple

    def encode(self, value: tuple[Any, ...]) -> Json:
        return [part.encode(item) for part, item in self._beside(value)]

    def decode(self, tree: Json) -> Any:
        return tuple(
            at(str(number), part.decode, item) for number, (part, item) in enumerate(self._beside(array(tree)))
        )

    def delta(self, before: tuple[Any, ...], value: tuple[Any, ...]) -> Json | Same:
        if len(before) != len(value):
            return self.encode(value)
        return changes((part, was, now) for was, (part, now) in zip(before, self._beside(value), strict=True))

    def patched(self, before: tuple[Any, ...], tree: Json) -> Any:
        if not isinstance(tree, dict):
            return self.decode(tree)
        items = list(before)
        parts = [part for part, _ in self._beside(before)]
        for step, change in tree.items():
            index = place(step, len(items))
            items[index] = at(step, parts[index].patched, items[index], change)
        return tuple(items)

    def _beside(self, items: tuple[Any, ...] | list[Any]) -> Iterable[tuple[Codec, Any]]:
        """Each item with its codec."""
        if self._repeats:
            return zip(repeat(self._parts[0]), items, strict=False)
        if len(items) != len(self._parts):
            raise Unfit(f"has {len(items)} places instead of {len(self._parts)}")
        return zip(self._parts, items, strict=True)


class Array(Codec):
    """A numpy array of floats: its shape, and its values in one row. NaN equals NaN."""

    def __init__(self) -> None:
        super().__init__("array of numbers")

    def accepts(self, value: object) -> bool:
        return isinstance(value, np.ndarray) and value.dtype == np.float64

    def encode(self, value: Any) -> Json:
        if not self.accepts(value):
            raise TypeError(f"{value!r} is no {self.name}")
        return [list(value.shape), value.ravel().tolist()]

    def decode(self, tree: Json) -> Any:
        match tree:
            case [[*shape], [*values]] if all(type(item) in (int, float) for item in values):
                try:
                    return np.array(values, dtype=np.float64).reshape([int(length) for length in shape])
                except (ValueError, TypeError, OverflowError):
                    pass
        raise Unfit("is no array of numbers with its shape")

    def delta(self, before: Any, value: Any) -> Json | Same:
        if before.shape != value.shape:
            return self.encode(value)
        was, now = before.ravel(), value.ravel()
        # Bit for bit: 0 and -0 differ.
        other = was.view(np.int64) != now.view(np.int64)
        other &= ~(np.isnan(was) & np.isnan(now))
        places = np.flatnonzero(other).tolist()
        if not places:
            return SAME
        return {str(number): float(now[number]) for number in places}

    def patched(self, before: Any, tree: Json) -> Any:
        if not isinstance(tree, dict):
            return self.decode(tree)
        values = before.ravel().copy()
        for step, item in tree.items():
            if type(item) not in (int, float):
                raise Unfit("is no number", (step,))
            values[place(step, len(values))] = item
        return values.reshape(before.shape)


class Pairs(Codec):
    """A mapping, in its order: sums over its values depend on that. It is read as a dict."""

    def __init__(self, key: Codec, value: Codec) -> None:
        super().__init__(f"mapping of {key.name} to {value.name}")
        self._key = key
        self._value = value

    def accepts(self, value: object) -> bool:
        return isinstance(value, Mapping)

    def encode(self, value: Mapping[Any, Any]) -> Json:
        return [[self._key.encode(key), self._value.encode(item)] for key, item in value.items()]

    def decode(self, tree: Json) -> Any:
        return dict(at(str(number), self._pair, pair) for number, pair in enumerate(array(tree)))

    def delta(self, before: Mapping[Any, Any], value: Mapping[Any, Any]) -> Json | Same:
        if list(before) != list(value):
            return self.encode(value)
        return changes(zip(repeat(self._value), before.values(), value.values(), strict=False))

    def patched(self, before: Mapping[Any, Any], tree: Json) -> Any:
        if not isinstance(tree, dict):
            return self.decode(tree)
        items = dict(before)
        keys = list(items)
        for step, change in tree.items():
            key = keys[place(step, len(keys))]
            items[key] = at(step, self._value.patched, items[key], change)
        return items

    def _pair(self, tree: Json) -> tuple[Any, Any]:
        match tree:
            case [key, value]:
                return self._key.decode(key), self._value.decode(value)
        raise Unfit("is no pair of key and value")


class Record(Codec):
    """A frozen dataclass: its fields by their names. What it keeps besides its fields is not a part of it.

    A field that isn't there takes its default, so that a program reads what an older one has written.
    """

    def __init__(self, kind: type, parts: Mapping[str, Codec], *, required: frozenset[str]) -> None:
        super().__init__(kind.__name__)
        self._kind = kind
        self._parts = parts
        self._required = required
        # All fields' values at once: several times faster than one by one.
        self._values = attrgetter(*parts) if len(parts) > 1 else self._few_values

    def accepts(self, value: object) -> bool:
        return type(value) is self._kind

    def encode(self, value: Any) -> Json:
        self._check(value)
        return {
            name: part.encode(item) for (name, part), item in zip(self._parts.items(), self._values(value), strict=True)
        }

    def decode(self, tree: Json) -> Any:
        if not isinstance(tree, dict):
            raise Unfit(f"is no {self.name}")
        for name in self._required:
            if name not in tree:
                raise Unfit(f"has no {name}, which every {self.name} has")
        return self._made(self._kind, {name: at(name, self._part(name).decode, item) for name, item in tree.items()})

    def delta(self, before: Any, value: Any) -> Json | Same:
        self._check(value)
        found = {}
        for (name, part), was, now in zip(self._parts.items(), self._values(before), self._values(value), strict=True):
            if was is not now:
                change = part.delta(was, now)
                if change is not SAME:
                    found[name] = change
        return found or SAME

    def patched(self, before: Any, tree: Json) -> Any:
        if not isinstance(tree, dict):
            raise Unfit(f"is no change of a {self.name}")
        changed = {
            name: at(name, self._part(name).patched, getattr(before, name), change) for name, change in tree.items()
        }
        return self._made(replace, changed, before)

    def _few_values(self, value: object) -> tuple[Any, ...]:
        return tuple(getattr(value, name) for name in self._parts)

    def _check(self, value: object) -> None:
        if type(value) is not self._kind:
            raise TypeError(f"{value!r} is no {self.name}")

    def _part(self, name: str) -> Codec:
        try:
            return self._parts[name]
        except KeyError:
            raise Unfit(f"has the field {name[:40]}, which no {self.name} has") from None

    def _made(self, make: Any, changed: Mapping[str, Any], *before: Any) -> Any:
        try:
            return make(*before, **changed)
        except (ValueError, TypeError) as exc:  # the dataclass's own check
            raise Unfit(f"is no {self.name}: {exc}") from exc
