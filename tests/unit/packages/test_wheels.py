"""Unpacking wheels for the Debian package."""

import importlib.util
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def wheels() -> ModuleType:
    """The script beside the packaging: it is no package, and has the name of one from the index."""
    spec = importlib.util.spec_from_file_location("deb_wheels", ROOT / "packaging" / "wheels.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by its name
    spec.loader.exec_module(module)
    return module


def _wheel(folder: Path, *names: str) -> Path:
    path = folder / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n\n")
        for name in names:
            archive.writestr(name, b"")
    return path


def test_folders_are_no_files(wheels: ModuleType, tmp_path: Path) -> None:
    """A wheel that lists its folders (manual pages below .data/data) is unpacked, without what isn't the library."""
    listed = ("thing/", "thing/a.py", "thing-1.0.data/", "thing-1.0.data/data/", "thing-1.0.data/data/share/x.1")
    wheels.unpack([wheels.read(_wheel(tmp_path, *listed))], tmp_path / "tree")
    found = {str(path.relative_to(tmp_path / "tree")) for path in (tmp_path / "tree").rglob("*") if path.is_file()}
    assert found == {"thing/a.py", "thing-1.0.dist-info/METADATA"}


def test_what_it_cannot_place_is_refused(wheels: ModuleType, tmp_path: Path) -> None:
    """Files of a wheel that belong elsewhere (headers, purelib) end the build by name, and aren't lost silently."""
    with pytest.raises(SystemExit, match=r"thing-1\.0\.data/purelib/a\.py"):
        wheels.unpack([wheels.read(_wheel(tmp_path, "thing-1.0.data/purelib/a.py"))], tmp_path / "tree")
