"""Frozen values as JSON: what is written, what is refused, and what an error says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from math import inf, isnan, nan
from typing import Any

import numpy as np
import pytest

from edge.control.codec import SAME, Unfit, codec


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Grade(Enum):
    FIRST = 1


@dataclass(frozen=True, slots=True, order=True)
class Place:
    street: str
    house: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    plate: str
    draw_a: float = 0.0
    at: Place | None = None
    colour: Colour = Colour.RED
    seen: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Small:
    only: float


@dataclass(frozen=True)
class Checked:
    amps: float

    def __post_init__(self) -> None:
        if self.amps < 0:
            raise ValueError("less than nothing")


@dataclass
class Mutable:
    plate: str


@dataclass(frozen=True)
class WithList:
    plates: list[str]


HOME = Place("Harbour", 3)
CAR = Car(plate="AB 1", draw_a=6.5, at=HOME, seen=(HOME,))

# type, value, JSON
WRITTEN: list[tuple[Any, Any, Any]] = [
    (float, 8.4, 8.4),
    (float, -0.0, -0.0),
    (float, 7, 7),
    (int, 10**30, 10**30),
    (str, "\ud800 \x00 é", "\ud800 \x00 é"),
    (bool, True, True),
    (Colour, Colour.BLUE, "BLUE"),
    (Grade, Grade.FIRST, "FIRST"),
    (str | None, None, None),
    (Small, Small(1.5), {"only": 1.5}),
    (tuple[float, ...], (1.0, 2.0), [1.0, 2.0]),
    (tuple[str, Colour], ("a", Colour.RED), ["a", "RED"]),
    (tuple[()], (), []),
    (frozenset[str], frozenset({"b", "a", "c"}), ["a", "b", "c"]),
    (Mapping[Place, float], {HOME: 1.0}, [[{"street": "Harbour", "house": 3}, 1.0]]),
    (
        Mapping[tuple[str, Colour], int],
        {("b", Colour.RED): 1, ("a", Colour.RED): 2},
        [[["b", "RED"], 1], [["a", "RED"], 2]],
    ),
    (float | str, "1", ["str", "1"]),
    (Place | Small | None, Small(1.0), ["Small", {"only": 1.0}]),
    (Place | Small | None, None, None),
]


@pytest.mark.parametrize(("kind", "value", "written"), WRITTEN, ids=[str(number) for number in range(len(WRITTEN))])
def test_what_is_written(kind: Any, value: Any, written: Any) -> None:
    """Each type has its form in JSON, and is read from it with its exact type and order."""
    assert codec(kind).encode(value) == written
    back = codec(kind).decode(json.loads(json.dumps(written)))
    assert back == value
    assert isinstance(value, frozenset) or repr(back) == repr(value)


def test_floats_that_json_has_not() -> None:
    """NaN and the infinities come back."""
    back = codec(tuple[float, ...]).decode(json.loads(json.dumps(codec(tuple[float, ...]).encode((inf, -inf, nan)))))
    assert back[:2] == (inf, -inf)
    assert isnan(back[2])


def test_numpy_floats_are_floats() -> None:
    """A number that numpy computed is recorded as the same number."""
    assert repr(codec(float).encode(np.float64(0.1))) == "0.1"


# type, before, now, change
CHANGES: list[tuple[Any, Any, Any, Any]] = [
    (Car, CAR, Car(plate="AB 1", draw_a=7.0, at=HOME, seen=(HOME,)), {"draw_a": 7.0}),
    (Car, CAR, Car(plate="AB 1", draw_a=6.5, at=Place("Harbour", 4), seen=(HOME,)), {"at": {"house": 4}}),
    (Car, CAR, Car(plate="AB 1", draw_a=6.5, at=None, seen=(HOME,)), {"at": None}),
    (Car | None, None, Car(plate="x"), codec(Car).encode(Car(plate="x"))),
    (tuple[Place, ...], (HOME, HOME), (HOME, Place("Quay", 3)), {"1": {"street": "Quay"}}),
    (tuple[float, ...], (1.0,), (1.0, 2.0), [1.0, 2.0]),
    (Mapping[str, float], {"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 3.0}, {"1": 3.0}),
    (Mapping[str, float], {"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}, [["b", 2.0], ["a", 1.0]]),
    (Place | Small, HOME, Place("Quay", 3), ["Place", {"street": "Quay"}]),
    (Place | Small, HOME, Small(1.0), ["Small", {"only": 1.0}]),
    (float, 0.0, -0.0, -0.0),
    (float, 1, 1.0, 1.0),
]


@pytest.mark.parametrize(
    ("kind", "before", "now", "change"), CHANGES, ids=[str(number) for number in range(len(CHANGES))]
)
def test_what_a_change_is(kind: Any, before: Any, now: Any, change: Any) -> None:
    """Only what changed is written, bit for bit, and read back beside the value before."""
    written = codec(kind).delta(before, now)
    assert repr(written) == repr(change)
    assert repr(codec(kind).patched(before, written)) == repr(now)


def test_no_change() -> None:
    """Equal values that are other objects are no change; NaN is NaN."""
    again = Car(plate="AB 1", draw_a=6.5, at=Place("Harbour", 3), seen=(Place("Harbour", 3),))
    assert codec(Car).delta(CAR, again) is SAME
    assert codec(float).delta(nan, float("nan")) is SAME


@pytest.mark.parametrize("kind", [list[str], Mutable, WithList, object, Any, tuple[object, ...], Mapping[str, bytes]])
def test_what_can_t_be_recorded(kind: Any) -> None:
    """A type whose values may change or have no form is refused before anything is written."""
    with pytest.raises(TypeError):
        codec(kind)


@pytest.mark.parametrize(
    ("kind", "value"), [(Place, CAR), (Colour, "red"), (int, True), (str, 3), (float, "3"), (float | str, None)]
)
def test_values_of_another_type(kind: Any, value: Any) -> None:
    """A value that isn't what its field says is refused, not written as something else."""
    with pytest.raises(TypeError):
        codec(kind).encode(value)


# type, JSON, what is said
UNFIT: list[tuple[Any, Any, str]] = [
    (float, "1", "the value is no number"),
    (float, True, "the value is no number"),
    (int, 1.0, "the value is no int"),
    (Colour, "GREEN", "the value is no Colour"),
    (Colour, ["RED"], "the value is no Colour"),
    (Place, [], "the value is no Place"),
    (Place, {"street": "x"}, "the value has no house, which every Place has"),
    (Place, {"street": "x", "house": 1, "door": 2}, "the value has the field door, which no Place has"),
    (Checked, {"amps": -1.0}, "the value is no Checked: less than nothing"),
    (Car, {"plate": "x", "seen": [{"street": "x", "house": "y"}]}, "seen.0.house is no int"),
    (tuple[str, int], ["x"], "the value has 1 places instead of 2"),
    (tuple[str, ...], {"0": "x"}, "the value is no array"),
    (Mapping[str, float], [["x", 1.0, 2.0]], "0 is no pair of key and value"),
    (Mapping[str, float], [["x", "y"]], "0 is no number"),
    (float | str, ["list", 1], "the value is no number or str"),
    (frozenset[str], "abc", "the value is no array"),
]


@pytest.mark.parametrize(("kind", "tree", "said"), UNFIT)
def test_what_is_no_value(kind: Any, tree: Any, said: str) -> None:
    """JSON that doesn't fit the type says where and why."""
    with pytest.raises(Unfit) as error:
        codec(kind).decode(tree)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("kind", "before", "tree"),
    [
        (Place, HOME, []),
        (Place, HOME, {"door": 1}),
        (tuple[Place, ...], (HOME,), {"1": {}}),
        (tuple[Place, ...], (HOME,), {"-1": {}}),
        (tuple[Place, ...], (HOME,), {"²": {}}),
        (Mapping[str, float], {"a": 1.0}, {"a": 1.0}),
        (Mapping[str, float], {"a": 1.0}, {"0": "x"}),
        (Checked, Checked(1.0), {"amps": -1.0}),
    ],
)
def test_what_is_no_change(kind: Any, before: Any, tree: Any) -> None:
    """JSON that is no change of the value before is found out."""
    with pytest.raises(Unfit):
        codec(kind).patched(before, tree)


def test_a_field_that_is_newer_takes_its_default() -> None:
    """What an older program has written is read by one whose dataclass has grown."""
    assert codec(Car).decode({"plate": "x", "draw_a": 3.0}) == Car(plate="x", draw_a=3.0)
