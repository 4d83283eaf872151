"""A .deb from a staged tree, the same to the byte whoever builds it, wherever and when."""

import gzip
import hashlib
import os
import subprocess
from pathlib import Path

# One thread: with more, xz cuts the data into as many blocks as the machine has cores.
XZ_THREADS = "1"


def compressed(text: bytes) -> bytes:
    """gzip without the time and name of a file."""
    return gzip.compress(text, compresslevel=9, mtime=0)


def write(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """A file of the tree, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def build(tree: Path, output: Path, *, epoch: int) -> None:
    """``tree``, with its DEBIAN folder but without sums, sizes and times, becomes ``output``."""
    payload = [path for path in sorted(tree.rglob("*")) if "DEBIAN" not in path.relative_to(tree).parts]
    files = [path for path in payload if path.is_file() and not path.is_symlink()]
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n" for path in files)  # noqa: S324 - dpkg's form
    write(tree / "DEBIAN" / "md5sums", sums)
    size_kib = sum(-(-path.stat().st_size // 1024) for path in files) + len(payload) - len(files)
    control = tree / "DEBIAN" / "control"
    control.write_text(control.read_text().replace("@INSTALLED_SIZE@", str(size_kib)))
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    output.parent.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "SOURCE_DATE_EPOCH": str(epoch)}
    environment["DPKG_DEB_THREADS_MAX"] = XZ_THREADS
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--build", str(tree), str(output)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
