"""Writes the site file: what is new goes in, what stands there stays, its author's comments above all.

Every change is proved before it is handed out: the new text, read again, is the old document with exactly what was
wanted. What can't be changed that way is refused, never guessed.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli
import tomlkit
from tomlkit.exceptions import TOMLKitError

from edge.config.notes import NOTES
from edge.errors import SiteFileUnwritable, way_to_write
from edge.ownership import own_as

Table = Mapping[str, Any]
# The order in which a new file has its tables: that of the work on site.
TABLES = ("site", "control", "circuit", "meter", "class", "station", "ocpp", "bms", "api", "storage")
_HEADER = (
    "# The site, as set up by `edge setup`. docs/configuration.md explains every key.",
    "# After a change: edge check <this file>, then restart the service.",
)


def fresh(wanted: Table) -> str:
    """A new site file of ``wanted`` (plain values, tables and lists of tables), with a comment at what needs one. What
    is None isn't there."""
    names = [*(name for name in TABLES if name in wanted), *(name for name in wanted if name not in TABLES)]
    blocks = ["\n".join(_HEADER)]
    for name in names:
        value = wanted[name]
        if _is_table_list(value):
            blocks += [_block((name,), table, first=not index, listed=True) for index, table in enumerate(value)]
        else:
            blocks.append(_block((name,), value, first=True, listed=False))
    return _proved("\n\n".join(blocks) + "\n", merged({}, wanted))


def updated(text: str, wanted: Table) -> str:
    """The site file ``text`` with ``wanted`` in it. Elements of lists are the same where their ``id`` is; what
    ``wanted`` doesn't name stays, comments and order included; a key of a table that is None is taken out.

    :raises SiteFileUnwritable: the text is no TOML, or is written in a way in which that can't be changed.
    """
    try:
        before = tomli.loads(text)
        if merged(before, wanted) == before:
            return text
        document = tomlkit.parse(text)
        added = _change(document, before, wanted)
        changed = tomlkit.dumps(document)
    except (tomli.TOMLDecodeError, TOMLKitError, TypeError, ValueError, KeyError, AttributeError) as exc:
        raise SiteFileUnwritable(
            f"the site file can't be changed ({str(exc)[:120]})", remedy="run edge check on it, or change it by hand"
        ) from exc
    if added:
        changed = changed.rstrip("\n") + "\n\n" + "\n\n".join(added) + "\n"
    return _proved(changed, merged(before, wanted))


def merged(before: Table, wanted: Table) -> dict[str, Any]:
    """The document ``before`` with ``wanted`` in it: what :func:`updated` writes, as values."""
    result = dict(before)
    for key, value in wanted.items():
        old = before.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            result[key] = merged(old if isinstance(old, Mapping) else {}, value)
        elif _is_table_list(value) and isinstance(old, list):
            wanted_by_id = {each["id"]: each for each in value}
            known = {each.get("id") for each in old}
            result[key] = [
                merged(each, wanted_by_id[each["id"]]) if each.get("id") in wanted_by_id else each for each in old
            ] + [merged({}, each) for each in value if each["id"] not in known]
        elif _is_table_list(value):
            result[key] = [merged({}, each) for each in value]
        else:
            result[key] = value
    return result


@contextlib.contextmanager
def beside(path: Path, text: str) -> Iterator[Path]:
    """A file with the text in the folder of the site file at ``path``, for as long as this lasts.

    :raises SiteFileUnwritable: the folder can't be written to.
    """
    try:
        stream = tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".toml")  # noqa: SIM115
        try:
            stream.write(text.encode())
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError):  # what it couldn't write it would write once more
                stream.close()
            raise
    except OSError as exc:
        raise _unwritable(path.parent, exc) from exc
    with stream:
        yield Path(stream.name)


def save(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Put ``content`` in the place of the file at ``path``: wholly or not at all, and for good when this returns, with
    the mode and owner that it had. ``mode`` is that of a new file. A link stays, and the file that it leads to is
    replaced.

    :raises SiteFileUnwritable: the folder can't be written to, or what is there is no file.
    """
    temporary = None
    try:
        place = path.resolve()
        is_there = place.exists()
        _refuse_what_is_no_file(path)
        if is_there:
            mode = place.stat().st_mode & 0o777
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", delete=False) as stream:
            temporary = Path(stream.name)
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(mode)
        own_as(temporary, place if is_there else place.parent)
        temporary.replace(place)
        folder = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else a power cut may yet bring back the file that was here
        finally:
            os.close(folder)
    except BaseException as exc:  # Ctrl-C among them
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        if isinstance(exc, OSError):
            raise _unwritable(path, exc) from exc
        raise


def refuse_unwritable(folder: Path) -> None:
    """For what is written there after long work: tried before it begins. The folder is made.

    :raises SiteFileUnwritable: no file can be made in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise _unwritable(folder, exc) from exc


def _refuse_what_is_no_file(path: Path) -> None:
    """:raises SiteFileUnwritable: root would put a file in the place of a device."""
    if path.is_dir():
        raise SiteFileUnwritable(f"{path} is a folder", remedy="name a file in it")
    if path.exists() and not path.is_file():
        raise SiteFileUnwritable(f"{path} is no file", remedy="name one")


def _unwritable(path: Path, refusal: OSError) -> SiteFileUnwritable:
    return SiteFileUnwritable(
        f"{path} can't be written ({refusal.strerror or refusal})",
        remedy=way_to_write(refusal, otherwise="run this as root (sudo), or name another file"),
    )


def _change(document: Any, before: Table, wanted: Table) -> list[str]:
    """Change what is there, in place; what is new as blocks that go to the end of the file."""
    added: list[str] = []
    for key, value in wanted.items():
        old = before.get(key)
        if isinstance(value, Mapping):
            if isinstance(old, Mapping):
                _change_table(document[key], old, value)
            else:
                added.append(_block((key,), value, first=True, listed=False))
        elif _is_table_list(value):
            places = {each.get("id"): index for index, each in enumerate(old or ())}
            for table in value:
                if table["id"] in places:
                    index = places[table["id"]]
                    _change_table(document[key][index], (old or ())[index], table)
                else:
                    added.append(_block((key,), table, first=False, listed=True))
        elif old != value:
            raise ValueError(f"{key} is no table")
    return added


def _change_table(table: Any, before: Table, wanted: Table) -> None:
    """Change a table that is there: its values, and what is in it."""
    for key, value in wanted.items():
        old = before.get(key)
        if value is None:
            table.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            _change_table(table[key], old, value)
        elif _is_table_list(value) and isinstance(old, list):
            places = {each.get("id"): index for index, each in enumerate(old)}
            for element in value:
                if element["id"] not in places:
                    raise ValueError(f"{key} has no element {element['id']}")
                index = places[element["id"]]
                _change_table(table[key][index], old[index], element)
        elif old != value or isinstance(old, bool) is not isinstance(value, bool):
            table[key] = value


def _block(path: Sequence[str], table: Table, *, first: bool, listed: bool) -> str:
    """A table with what is in it; the first of its kind with comments."""
    name = ".".join(_key(part) for part in path)
    header = f"[[{name}]]" if listed else f"[{name}]"
    lines = [_with_note(header, NOTES.get(".".join(path)) if first else None)]
    inner: list[str] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner.append(_block((*path, key), value, first=first, listed=False))
        elif _is_table_list(value):
            inner += [
                _block((*path, key), each, first=first and not index, listed=True) for index, each in enumerate(value)
            ]
        elif value is not None:
            line = f"{_key(key)} = {tomlkit.item(value).as_string()}"
            lines.append(_with_note(line, NOTES.get(".".join((*path, key))) if first else None))
    return "\n".join([*lines, *inner])


def _key(name: str) -> str:
    return tomlkit.key(name).as_string() if name else '""'


def _with_note(line: str, note: str | None) -> str:
    return f"{line:<28} # {note}" if note is not None else line


def _is_table_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)


def _proved(text: str, expected: Table) -> str:
    """``text``, if it says ``expected``.

    :raises SiteFileUnwritable: it doesn't.
    """
    try:
        says = tomli.loads(text)
    except tomli.TOMLDecodeError as exc:
        raise SiteFileUnwritable(
            f"the site file would be no TOML any more ({exc})", remedy="change it by hand"
        ) from exc
    if says != expected:
        raise SiteFileUnwritable(
            "the site file is written in a way in which this can't be changed",
            remedy="write its tables under headers of their own, or change it by hand",
        )
    return text
