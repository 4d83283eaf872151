"""Codecs of values without parts, and of values that may be of one type or another."""

from enum import Enum
from math import copysign, isnan
from typing import Any

from edge.control.codec.base import SAME, Codec, Json, Same, Unfit


class Scalar(Codec):
    """bool, int or str."""

    def __init__(self, kind: type) -> None:
        super().__init__(kind.__name__)
        self._kind = kind

    def accepts(self, value: object) -> bool:
        return type(value) is self._kind

    def encode(self, value: Any) -> Json:
        if type(value) is not self._kind:
            raise TypeError(f"{value!r} is no {self.name}")
        return value

    def decode(self, tree: Json) -> Any:
        if type(tree) is not self._kind:
            raise Unfit(f"is no {self.name}")
        return tree


class Float(Codec):
    """A float, or an int in its place. Infinities and NaN are written as Python's json does."""

    def __init__(self) -> None:
        super().__init__("number")

    def accepts(self, value: object) -> bool:
        return isinstance(value, float | int) and not isinstance(value, bool)

    def encode(self, value: Any) -> Json:
        if type(value) is float or type(value) is int:
            return value
        if not isinstance(value, float):
            raise TypeError(f"{value!r} is no {self.name}")
        return float(value)  # numpy's

    def decode(self, tree: Json) -> Any:
        if type(tree) is not float and type(tree) is not int:
            raise Unfit(f"is no {self.name}")
        return tree

    def delta(self, before: Any, value: Any) -> Json | Same:
        """Bit for bit: 0 and -0 differ, and 1 and 1.0."""
        if before == value:
            same = type(before) is type(value) and (value != 0 or copysign(1, before) == copysign(1, value))
        else:
            same = isnan(before) and isnan(value)
        return SAME if same else self.encode(value)


class EnumMember(Codec):
    """By its name."""

    def __init__(self, kind: type[Enum]) -> None:
        super().__init__(kind.__name__)
        self._kind = kind

    def accepts(self, value: object) -> bool:
        return type(value) is self._kind

    def encode(self, value: Enum) -> Json:
        if type(value) is not self._kind:
            raise TypeError(f"{value!r} is no {self.name}")
        return value.name

    def decode(self, tree: Json) -> Any:
        if not isinstance(tree, str) or tree not in self._kind.__members__:
            raise Unfit(f"is no {self.name}")
        return self._kind[tree]


class Nullable(Codec):
    """None, or a value of a type whose values are never written as null."""

    def __init__(self, inner: Codec) -> None:
        super().__init__(f"{inner.name} or null")
        self._inner = inner

    def accepts(self, value: object) -> bool:
        return value is None or self._inner.accepts(value)

    def encode(self, value: Any) -> Json:
        return None if value is None else self._inner.encode(value)

    def decode(self, tree: Json) -> Any:
        return None if tree is None else self._inner.decode(tree)

    def delta(self, before: Any, value: Any) -> Json | Same:
        if before is None or value is None:
            return SAME if before is value else self.encode(value)
        return self._inner.delta(before, value)

    def patched(self, before: Any, tree: Json) -> Any:
        return self.decode(tree) if before is None or tree is None else self._inner.patched(before, tree)


class OneOf(Codec):
    """A union: the name of the value's type beside it. The first member that accepts a value has it."""

    def __init__(self, members: tuple[Codec, ...]) -> None:
        super().__init__(" or ".join(member.name for member in members))
        self._members = {member.name: member for member in members}
        if len(self._members) < len(members):
            raise TypeError(f"{self.name}: two types of one union have the same name")

    def accepts(self, value: object) -> bool:
        return any(member.accepts(value) for member in self._members.values())

    def encode(self, value: Any) -> Json:
        member = self._member(value)
        return [member.name, member.encode(value)]

    def decode(self, tree: Json) -> Any:
        member, inner = self._opened(tree)
        return member.decode(inner)

    def delta(self, before: Any, value: Any) -> Json | Same:
        member = self._member(value)
        if member is not self._member(before):
            return self.encode(value)
        change = member.delta(before, value)
        return SAME if change is SAME else [member.name, change]

    def patched(self, before: Any, tree: Json) -> Any:
        member, inner = self._opened(tree)
        return member.patched(before, inner) if member is self._member(before) else member.decode(inner)

    def _member(self, value: object) -> Codec:
        for member in self._members.values():
            if member.accepts(value):
                return member
        raise TypeError(f"{value!r} is no {self.name}")

    def _opened(self, tree: Json) -> tuple[Codec, Json]:
        match tree:
            case [str(name), inner] if name in self._members:
                return self._members[name], inner
        raise Unfit(f"is no {self.name}")
