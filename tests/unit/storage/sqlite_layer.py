"""A file layer for SQLite that writes down everything it is told to do, and can refuse.

It is the system's own layer with three of its methods replaced: SQLite's C interface is called through ctypes, in the
very library that the standard module is linked to. From the record the files can be made again as they were on the disk
at any moment: so a power cut can be tried at every write.
"""

import ctypes
import ctypes.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OK, IOERR_WRITE, FULL = 0, 778, 13


class _Methods(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("close", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
        ("write", ctypes.c_void_p),
        ("truncate", ctypes.c_void_p),
        ("sync", ctypes.c_void_p),
        ("rest", ctypes.c_void_p * 13),
    )


class _File(ctypes.Structure):
    _fields_ = (("methods", ctypes.POINTER(_Methods)),)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("path_size", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", ctypes.c_void_p),
        ("delete", ctypes.c_void_p),
        ("rest", ctypes.c_void_p * 16),
    )


_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that was done: ``kind`` is write, truncate, sync or delete."""

    kind: str
    path: str
    offset: int = 0
    data: bytes = b""


class RecordingLayer:
    """Registered with SQLite under ``name`` for as long as the process runs. ``refuse`` is asked before each write to a
    file, with where in it the write would end: an SQLite error code, or 0."""

    def __init__(self, name: str) -> None:
        library = ctypes.util.find_library("sqlite3")
        assert library is not None, "the tests of the storage need SQLite as a shared library (Debian: libsqlite3-0)"
        self._sqlite = ctypes.CDLL(library)
        self._sqlite.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        self._base = self._sqlite.sqlite3_vfs_find(None).contents
        self.name = name
        self.operations: list[Operation] = []
        self.refuse: Callable[[str, int], int] = lambda _path, _end: OK
        self._paths: dict[int, str] = {}
        self._tables: dict[int, Any] = {}  # SQLite holds pointers into these
        self._vfs = _Vfs.from_buffer_copy(self._base)
        self._vfs.name = name.encode()
        self._vfs.next = None
        self._open, self._delete = _OPEN(self._do_open), _DELETE(self._do_delete)
        self._vfs.open = ctypes.cast(self._open, ctypes.c_void_p)
        self._vfs.delete = ctypes.cast(self._delete, ctypes.c_void_p)
        self._write, self._truncate, self._sync = (
            _WRITE(self._do_write),
            _TRUNCATE(self._do_truncate),
            _SYNC(self._do_sync),
        )
        assert self._sqlite.sqlite3_vfs_register(ctypes.byref(self._vfs), 0) == OK

    # ``name`` stays the address that it is: the layer below keeps it.
    def _do_open(self, _vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
        result = _OPEN(self._base.open)(ctypes.addressof(self._base), name, file, flags, out)
        handle = _File.from_address(file)
        if result == OK and name is not None and handle.methods:
            original = ctypes.addressof(handle.methods.contents)
            if original not in self._tables:
                table = _Methods.from_buffer_copy(handle.methods.contents)
                table.write = ctypes.cast(self._write, ctypes.c_void_p)
                table.truncate = ctypes.cast(self._truncate, ctypes.c_void_p)
                table.sync = ctypes.cast(self._sync, ctypes.c_void_p)
                self._tables[original] = (table, _Methods.from_address(original))
            handle.methods = ctypes.pointer(self._tables[original][0])
            self._paths[file] = ctypes.string_at(name).decode()
        return int(result)

    def _original(self, file: int) -> _Methods:
        address = ctypes.addressof(_File.from_address(file).methods.contents)
        original: _Methods = next(found for table, found in self._tables.values() if ctypes.addressof(table) == address)
        return original

    def _do_delete(self, _vfs: int, name: bytes, sync: int) -> int:
        self.operations.append(Operation("delete", name.decode()))
        return int(_DELETE(self._base.delete)(ctypes.addressof(self._base), name, sync))

    def _do_write(self, file: int, data: int, size: int, offset: int) -> int:
        refused = self.refuse(self._paths[file], offset + size)
        if refused:
            return refused
        self.operations.append(Operation("write", self._paths[file], offset, ctypes.string_at(data, size)))
        return int(_WRITE(self._original(file).write)(file, data, size, offset))

    def _do_truncate(self, file: int, size: int) -> int:
        self.operations.append(Operation("truncate", self._paths[file], size))
        return int(_TRUNCATE(self._original(file).truncate)(file, size))

    def _do_sync(self, file: int, _flags: int) -> int:
        self.operations.append(Operation("sync", self._paths[file]))
        return OK  # no power is cut here: what was on the disk by then is read off the record


class Image:
    """The files of a folder as a record makes them."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}

    def apply(self, operation: Operation, *, part: int | None = None) -> None:
        """Do it; ``part``: only so many bytes of it reached the disk."""
        content = self.files.setdefault(operation.path, bytearray())
        match operation.kind:
            case "write":
                data = operation.data if part is None else operation.data[:part]
                if len(content) < operation.offset:
                    content.extend(bytes(operation.offset - len(content)))
                content[operation.offset : operation.offset + len(data)] = data
            case "truncate":
                del content[operation.offset :]
            case "delete":
                del self.files[operation.path]

    def lay_out(self, source: Path, target: Path) -> None:
        """Write the files of the folder ``source`` into ``target``."""
        target.mkdir()
        for path, content in self.files.items():
            if Path(path).parent == source:
                (target / Path(path).name).write_bytes(content)


def cuts(operations: list[Operation]) -> Iterator[tuple[int, int | None]]:
    """Where the power may fail: before each operation, and in the middle of each write: at a sector, and off one."""
    for number, operation in enumerate(operations):
        yield number, None
        if operation.kind == "write" and len(operation.data) > 1:
            yield number, len(operation.data) // 2
            if len(operation.data) > 512:
                yield number, 512
    yield len(operations), None
