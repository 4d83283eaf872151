"""Certificates made on the spot with the openssl command: authorities, servers, stations, with dates at will."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

# A start and an end that are both over, or both to come; openssl wants them so.
PAST = ("20200101000000Z", "20200201000000Z")
TO_COME = ("20990101000000Z", "20990201000000Z")
FUTURE_DAYS = "30"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.own = Pair(self.folder / "ca.pem", self.folder / "ca.key")
        _key(self.own.key)
        _openssl(
            *("req", "-x509", "-new", "-key", self.own.key, "-out", self.own.certificate, "-days", FUTURE_DAYS),
            *("-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        (self.folder / "index.txt").touch()
        (self.folder / "serial").write_text("01\n")

    def issue(
        self,
        common_name: str,
        *,
        valid: tuple[str, str] | None = None,
        server: bool = False,
        address: str = "127.0.0.1",
    ) -> Pair:
        """A certificate for this name, valid now or between these two; a server's is for its address."""
        stem = f"{common_name}-{len(list(self.folder.iterdir()))}"
        pair = Pair(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")
        request = self.folder / f"{stem}.csr"
        (self.folder / "ca.conf").write_text(_CONF.replace("ADDRESS", address))
        _key(pair.key)
        _openssl("req", "-new", "-key", pair.key, "-out", request, "-subj", f"/CN={common_name}")
        dates = ("-startdate", valid[0], "-enddate", valid[1]) if valid is not None else ("-days", FUTURE_DAYS)
        _openssl(
            *("ca", "-batch", "-notext", "-config", self.folder / "ca.conf", "-in", request, "-out", pair.certificate),
            *("-cert", self.own.certificate, "-keyfile", self.own.key, *dates),
            *("-extensions", "server" if server else "station"),
            folder=self.folder,
        )
        return pair


def _key(path: Path) -> None:
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _openssl(*arguments: object, folder: Path | None = None) -> None:
    command = ["openssl", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


_CONF = """
[ca]
default_ca = own
[own]
new_certs_dir = .
database = index.txt
serial = serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[server]
subjectAltName = IP:ADDRESS
extendedKeyUsage = serverAuth
[station]
extendedKeyUsage = clientAuth
"""
