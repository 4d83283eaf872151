"""Frozen values as JSON, exactly: whole, or as what changed since a value before.

Everything is derived from the types, so that a field which is added to a dataclass is recorded from then on.

==========================  =====================================  ===========================================
type                        whole                                  change
==========================  =====================================  ===========================================
frozen dataclass            object: each field by its name         object: the fields that changed
tuple                       array                                  object: the places that changed, from "0"
array of floats             [shape, values in one row]             object: the values that changed, by place
mapping, whatever its keys  array of [key, value], in its order    the same, for the values
enum                        its name                               whole
frozenset                   array                                  whole
bool, int, float, str       itself; NaN and Infinity for floats    whole
X | None                    null, or as X                          null, or as X
X | Y                       [name of the value's type, value]      the same
==========================  =====================================  ===========================================

A change is read beside the value before it. Where there was none, or it was of another type, had another length or
other keys, the whole is written.
"""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from edge.control.codec.base import SAME, Codec, Json, Same, Unfit, at
from edge.control.codec.compound import Array, FrozenSet, Pairs, Record, Tuple
from edge.control.codec.simple import EnumMember, Float, Nullable, OneOf, Scalar

__all__ = ["SAME", "Codec", "Json", "Same", "Unfit", "at", "codec"]


@cache
def codec(kind: Any) -> Codec:
    """The codec of a type.

    :raises TypeError: its values can't be recorded.
    """
    arguments = get_args(kind)
    match get_origin(kind):
        case None if isinstance(kind, type):
            return _of_class(kind)
        case origin if origin in (Union, types.UnionType):
            return _of_union(arguments)
        case origin if origin is tuple and arguments[-1:] == (...,):
            return Tuple((codec(arguments[0]),), repeats=True)
        case origin if origin is tuple:
            return Tuple(tuple(codec(argument) for argument in arguments), repeats=False)
        case origin if origin is frozenset:
            return FrozenSet(codec(arguments[0]))
        case origin if origin in (np.ndarray, NDArray):  # numpy 2.5 has that for an alias of its own
            return Array()
        case origin if isinstance(origin, type) and issubclass(origin, Mapping):
            return Pairs(codec(arguments[0]), codec(arguments[1]))
        case _:
            raise TypeError(f"values of type {kind} can't be recorded")


def _of_class(kind: type) -> Codec:
    if kind is float:
        return Float()
    if kind in (bool, int, str):
        return Scalar(kind)
    if issubclass(kind, Enum):
        return EnumMember(kind)
    if is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return _of_dataclass(kind)
    raise TypeError(f"values of type {kind.__name__} can't be recorded: it is neither simple nor a frozen dataclass")


def _of_union(members: tuple[Any, ...]) -> Codec:
    others = tuple(codec(member) for member in members if member is not types.NoneType)
    inner = others[0] if len(others) == 1 else OneOf(others)
    return Nullable(inner) if len(others) < len(members) else inner


def _of_dataclass(kind: type[Any]) -> Codec:
    hints = get_type_hints(kind)
    parts, required = {}, set()
    for field in fields(kind):
        if not field.compare:
            continue  # no part of the value
        if not field.init:
            raise TypeError(f"{kind.__name__}.{field.name} can't be recorded: it isn't given when one is made")
        parts[field.name] = codec(hints[field.name])
        if field.default is MISSING and field.default_factory is MISSING:
            required.add(field.name)
    return Record(kind, parts, required=frozenset(required))
