"""Nothing of the gateway asks for time, chance or a thread behind the back of who runs it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import edge

ROOM = Path(edge.__file__).parent
MODULES = ("random", "secrets", "uuid", "time", "threading", "queue", "multiprocessing", "concurrent.futures")
CALLS = ("os.urandom", "datetime.now", "datetime.utcnow", "datetime.today", "date.today")

# Who may, and why. Each other module is given a clock, a chance or a writer.
ALLOWED = {
    "clock.py": {"time": "the port of time", "datetime.now": "the port of time"},
    "chance.py": {"random": "the port of chance", "secrets": "the port of chance"},
    "ocpp/keys.py": {"secrets": "keys and salts of `edge key`: the running gateway makes none"},
    "ocpp/credentials.py": {"secrets": "a key that never leaves the process: tags of passwords that were right"},
    "system/sealed.py": {"os.urandom": "salt and nonce of a backup that `edge` seals on the command line"},
    "ocpp/framing.py": {"os.urandom": "masks of frames, not to be foretold (RFC 6455 §5.3); nothing depends on them"},
    "storage/key.py": {"os.urandom": "the key of the tokens' hashes: made once, never shown"},
    "storage/writer.py": {
        "threading": "is a thread; who has none gives the daemon another writer",
        "queue": "the thread's",
        "time": "the thread's waits",
        "concurrent.futures": "what the thread's callers wait for",
    },
    "control/recorder.py": {"threading": "is a thread, only with --record", "queue": "the thread's"},
    "bms/evidence.py": {"concurrent.futures": "one thread, so that rows of a file stay in order; nothing reads them"},
}


def _named(node: ast.expr) -> str:
    match node:
        case ast.Attribute(value=ast.Name(id=left), attr=right):
            return f"{left}.{right}"
        case _:
            return ""


def asked(source: str) -> Iterator[str]:
    """What of MODULES a module imports, and of CALLS it makes."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names if each.name in MODULES)
            case ast.ImportFrom(module=str(module)) if module in MODULES:
                yield module
            case ast.Call(func=func) if _named(func) in CALLS:
                yield _named(func)


def test_only_the_ports_ask() -> None:
    """Of the running gateway; the command line's verbs live outside of it. No reason is kept that none needs."""
    found: dict[str, set[str]] = {}
    for file in ROOM.rglob("*.py"):
        name = file.relative_to(ROOM).as_posix()
        what = set(asked(file.read_text(encoding="utf-8")))
        if what and not name.startswith("cli/"):
            found[name] = what
    assert found == {name: set(reasons) for name, reasons in ALLOWED.items()}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import random", ["random"]),
        ("from time import monotonic", ["time"]),
        ("from concurrent.futures import Future", ["concurrent.futures"]),
        ("def f():\n    import secrets", ["secrets"]),
        ("datetime.now(UTC)", ["datetime.now"]),
        ("os.urandom(16)", ["os.urandom"]),
        ("from datetime import time", []),
        ("clock.now()", []),
    ],
)
def test_each_way_of_asking_is_seen(source: str, said: list[str]) -> None:
    """Imports of every form, inside functions too, and calls."""
    assert list(asked(source)) == said
