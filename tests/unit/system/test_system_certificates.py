"""Certificates that are about to expire: which end counts, what is said when, and what of files that can't be read."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from edge.system.certificates import LOOK_S, CertificateFile, CertificateWatch, Use
from tests import virtual_time
from tests.unit.bms.bms_site import NOON, Hands

DAY = timedelta(days=1)
KEY = ec.generate_private_key(ec.SECP256R1())


def pem(*ends: datetime) -> bytes:
    """A certificate for each of these ends, one after the other."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    made = [
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(end)
        .sign(KEY, hashes.SHA256())
        for end in ends
    ]
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in made)


class Desk:
    """A watch on one file."""

    def __init__(self, folder: Path, *ends: datetime, use: Use = Use.STATIONS) -> None:
        self.clock, self.file = Hands(), folder / "server.pem"
        self.shown: dict[str, datetime] = {}
        if ends:
            self.file.write_bytes(pem(*ends))
        self.watch = CertificateWatch([CertificateFile(use=use, path=self.file)], self.clock, lambda: self.shown)

    def look(self) -> list[tuple[str, str]]:
        """What the log is told by it: level and event."""
        with capture_logs() as logs:
            self.watch.look()
        return [(each["log_level"], each["event"]) for each in logs]

    def told(self, number: int = 0) -> dict[str, Any]:
        return self.watch.report()[number]


@pytest.mark.parametrize(
    ("left", "state", "days"),
    [
        (31 * DAY, "GOOD", 31.0),
        (30 * DAY, "EXPIRING", 30.0),
        (timedelta(hours=12), "EXPIRING", 0.5),
        (timedelta(0), "EXPIRED", 0.0),
        (-2 * DAY, "EXPIRED", -2.0),
    ],
)
def test_the_alert_is_thirty_days_ahead(left: timedelta, state: str, days: float, tmp_path: Path) -> None:
    """With the end to the second, and how long that is."""
    desk = Desk(tmp_path, NOON + left)
    desk.look()
    assert desk.told() == {
        "use": "stations",
        "place": str(desk.file),
        "state": state,
        "expires_at": (NOON + left).isoformat().replace("+00:00", "Z"),
        "days_left": days,
        "problem": None,
    }


def test_each_change_is_told_once(tmp_path: Path) -> None:
    """Thirty days ahead, at the end, and when a new one is there."""
    desk = Desk(tmp_path, NOON + 40 * DAY)
    heard = []
    for day in range(45):
        heard += [(day, *each) for each in desk.look()]
        desk.clock.pass_s(DAY.total_seconds())
    desk.file.write_bytes(pem(desk.clock.at + 365 * DAY))
    heard += [(45, *each) for each in desk.look()]
    assert heard == [
        (10, "warning", "a certificate expires soon"),
        (40, "error", "a certificate has expired"),
        (45, "info", "a certificate is good again"),
    ]


def test_a_chain_ends_with_its_first_and_authorities_with_their_last(tmp_path: Path) -> None:
    """An intermediate that has expired ends each handshake; of several authorities one that is good suffices."""
    ends = (NOON + 300 * DAY, NOON + 5 * DAY)
    chain, authorities = Desk(tmp_path, *ends), Desk(tmp_path, *ends, use=Use.CLOUD_CA)
    chain.look()
    authorities.look()
    assert (chain.told()["state"], authorities.told()["state"]) == ("EXPIRING", "GOOD")


@pytest.mark.parametrize("content", [None, b"", b"no PEM", pem(NOON)[:200]])
def test_a_file_that_cannot_be_read_is_told(content: bytes | None, tmp_path: Path) -> None:
    """And why; once."""
    desk = Desk(tmp_path)
    if content is not None:
        desk.file.write_bytes(content)
    assert desk.look() == [("error", "a certificate can't be read")]
    assert desk.look() == []
    told = desk.told()
    assert (told["state"], told["expires_at"], told["days_left"]) == ("UNREADABLE", None, None)
    assert told["problem"]


def test_a_clock_that_is_not_set_says_nothing_of_days(tmp_path: Path) -> None:
    """Neither good nor over, and no alert."""
    desk = Desk(tmp_path, NOON - DAY)
    desk.clock.trusted = False
    assert desk.look() == []
    assert (desk.told()["state"], desk.told()["days_left"]) == ("UNKNOWN", None)


def test_the_clouds_own_counts_as_it_was_shown(tmp_path: Path) -> None:
    """By its address, after the files."""
    desk = Desk(tmp_path, NOON + 400 * DAY)
    desk.shown["csms.example:443"] = NOON + 10 * DAY
    assert desk.look() == [("warning", "a certificate expires soon")]
    assert (desk.told(1)["use"], desk.told(1)["place"]) == ("cloud_server", "csms.example:443")
    assert desk.told(1)["days_left"] == 10.0


def test_files_are_looked_at_each_hour(tmp_path: Path) -> None:
    """A certificate that is put in its place is seen without a restart."""

    async def story() -> None:
        desk = Desk(tmp_path, NOON + 5 * DAY)
        await desk.watch.start()
        assert desk.told()["state"] == "EXPIRING"
        desk.file.write_bytes(pem(NOON + 400 * DAY))
        clock = virtual_time.VirtualClock()
        begun = clock.monotonic()
        while desk.told()["state"] == "EXPIRING":
            await asyncio.sleep(60.0)
            assert clock.monotonic() - begun <= LOOK_S + 60.0
        await desk.watch.stop()

    virtual_time.run(story())
