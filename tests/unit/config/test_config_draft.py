"""What the rules ask of a file again and again."""

from collections.abc import Iterator

import pytest

from edge.config.draft import Draft
from edge.config.locate import Path
from edge.config.schema import SiteFile

PLACES: tuple[Path, ...] = (("circuit", 1, "fuse_a"), ("meter", 0))


class Walked(frozenset[Path]):
    """Counts how often somebody goes through all of it."""

    walks = 0

    def __iter__(self) -> Iterator[Path]:
        self.walks += 1
        return super().__iter__()


def draft(replaced: frozenset[Path]) -> Draft:
    file = SiteFile.model_validate(
        {
            "site": {"id": "x"},
            "circuit": [{"id": "main", "fuse_a": 63}, {"id": "garage", "parent": "main", "fuse_a": 40}],
            "ocpp": {"upstream": "wss://csms.example.com/{station}"},
        }
    )
    return Draft(file=file, document={}, replaced=replaced, meter_models={}, unusable_maps={}, lines={})


@pytest.mark.parametrize(
    ("path", "is_sound"),
    [
        (("circuit", 1, "fuse_a"), False),
        (("circuit", 1), False),
        (("circuit",), False),
        (("meter", 0, "id"), False),
        (("circuit", 0, "fuse_a"), True),
        (("circuit", 1, "id"), True),
        (("station",), True),
    ],
)
def test_what_was_replaced_spoils_what_it_is_in_and_what_is_in_it(path: Path, is_sound: bool) -> None:
    """No rule may rest a verdict on it."""
    assert draft(frozenset(PLACES)).sound(*path) is is_sound


def test_many_faults_are_not_walked_through_for_each_place() -> None:
    """Two thousand circuits without their keys were judged by walking through six thousand places for each rule."""
    replaced = Walked(PLACES)
    one = draft(replaced)
    before = replaced.walks
    for index in range(100):
        one.sound("circuit", index, "id")
    assert replaced.walks == before


def test_the_way_up_ends_at_the_grid_connection() -> None:
    """The circuit first; of one that isn't there, nothing."""
    assert draft(frozenset()).path_up("garage") == ("garage", "main")
    assert draft(frozenset()).path_up("cellar") == ()
