"""Every error that a user or an adapter may see.

::

    EdgeError
    ├── ConfigurationError      the site file can't be used: carries every finding
    ├── StartError              the program can't start: an address in use, a folder it may not write
    ├── SiteFileUnwritable      the site file can't be changed or written
    ├── SetupStopped            the interview can't go on: an answer is missing, the terminal is gone
    │   ├── SetupLeft           whoever was asked has left it by Ctrl-C
    │   └── TerminalGone        what is typed has come to its end
    ├── ClaimError              the gateway is claimed and the passphrase is wrong, or it isn't claimed yet
    ├── SealBroken              an encrypted file can't be opened: another passphrase, or not whole
    ├── NotProven               the site failed its commissioning, or nothing was signed
    ├── ControllerUnreachable   the command line finds no running controller
    ├── RecordingUnusable       what should be a recording of decisions can't be read
    ├── ProblemUnusable         what a command was given isn't what it takes: no allocation problem, no such station
    ├── NeedError               what a car needs can't be taken note of
    │   ├── NeedImplausible     the energy or the departure can't be meant
    │   ├── EvseUnknown         the site has no such EVSE
    │   ├── NoSession           no session runs there that could need anything
    │   └── TimeUntrusted       the gateway doesn't know what time it is
    ├── ShelfUnusable           what is kept of a station can't be read or written
    ├── MeterError
    │   ├── MeterUnreachable    no connection to the meter or its gateway
    │   ├── MeterTimeout        connected, but no answer in time
    │   ├── MeterRefused        the meter answered with a Modbus exception
    │   │   └── RegistersRefused  because of the registers that were asked for, or of how many
    │   └── MeterImplausible    an answer that can't be the truth
    ├── FrameError              text on an OCPP socket that is no OCPP-J message
    ├── EntryUnknown            the journal has no such message to send again
    ├── TokenUnusable           what the command line was told of a token can't be used
    └── StorageError
        ├── StorageFull         the disk is full, the reserve too: nothing was written
        ├── StorageTooNew       a file of a later release that this one can't read
        ├── EntryDamaged        a message of the journal can't be read any more, or isn't what its station said
        └── StorageFailed       the disk refuses: read-only, worn out, gone

Each leaf says what happened, where, and what to do about it. Adapters translate what their libraries raise into one of
these at their border (``raise MeterTimeout(...) from exc``); inside the house only these travel.
"""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path


# How listening is refused where no network that is up has the address; from Python 3.13 on asyncio gives no number.
NOBODYS = frozenset({errno.EADDRNOTAVAIL, None})


class EdgeError(Exception):
    """Base of all. ``str()`` is one sentence, with the remedy where there is one."""

    def __init__(self, what: str, *, remedy: str | None = None) -> None:
        super().__init__(f"{what}; {remedy}" if remedy else what)
        self.what = what
        self.remedy = remedy


NO_ROOM = "make room on its disk first (df -h)"
_WAYS_TO_WRITE: Final[Mapping[int, str]] = {
    errno.ENOSPC: NO_ROOM,
    errno.EDQUOT: NO_ROOM,
    errno.EFBIG: NO_ROOM,
    errno.EROFS: "its disk can only be read: restart the machine, and change the card if it comes again",
    errno.EIO: "its disk is failing: change the card",
}


def way_to_write(refusal: OSError, *, otherwise: str) -> str:
    """The remedy where a file can't be written: what the disk's refusal asks for, or ``otherwise``."""
    return _WAYS_TO_WRITE.get(refusal.errno or 0, otherwise)


class Severity(StrEnum):
    """How much a finding in the site file weighs."""

    ERROR = "error"  # the file is refused
    NOTE = "note"  # the file is used; its author should know this


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to say about the site file: where, what is wrong, what would be right.

    ``line`` is 1-based, None when the finding is about something that isn't there. ``key`` is the dotted path as the
    file writes it, list elements by their position from 0: ``station[2].evse[0].max_a``. ``excerpt`` are lines that
    show the place, where the words alone don't: the line itself and a pointer to the column.
    """

    severity: Severity
    line: int | None
    key: str
    problem: str
    remedy: str
    excerpt: tuple[str, ...] = ()

    def sentence(self, path: "Path | str") -> str:
        """``site.toml:12: circuit[0].fuse_a: is 0; give the fuse's rating in A, for example 63``."""
        place = f"{path}:{self.line}" if self.line is not None else f"{path}"
        return f"{place}: {self.severity}: {self.key}: {self.problem}; {self.remedy}"


class ConfigurationError(EdgeError):
    """The site file can't be used. ``findings`` holds all that was found, notes too."""

    def __init__(self, path: "Path | str", findings: Sequence[Finding]) -> None:
        self.path = path
        self.findings = tuple(findings)
        super().__init__("\n".join("\n".join((each.sentence(path), *each.excerpt)) for each in self.findings))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps the file from being used: all that are no notes."""
        return tuple(each for each in self.findings if each.severity is Severity.ERROR)


class StartError(EdgeError):
    """The program can't start."""

    @classmethod
    def unlistenable(cls, whose: str, host: str, port: int, refusal: OSError, *, key: str) -> "StartError":
        """The operating system lets nobody listen there; ``key`` is where the site file says the address."""
        match refusal.errno:
            case errno.EADDRINUSE:
                why, remedy = "is in use by another program", f"stop that program or give {key} another port"
            case number if number in NOBODYS:
                why = "can't be listened on (no network that is up has that address)"
                remedy = f"see that its network is there, or give {key} an address of this machine"
            case errno.EACCES:
                why, remedy = "may not be listened on", f"give {key} a port from 1024 on"
            case _:
                why = f"can't be listened on ({refusal.strerror or refusal})"
                remedy = f"give {key} an address of this machine"
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return cls(f"{whose} {place} {why}", remedy=remedy)


class SiteFileUnwritable(EdgeError):
    """The site file can't be changed as wanted, or can't be written."""


class SetupStopped(EdgeError):
    """The interview of ``edge setup`` can't go on."""


class SetupLeft(SetupStopped):
    """Whoever was asked has left by Ctrl-C; what was done before is told, and nothing is half done."""


class TerminalGone(SetupStopped):
    """A question was put, and nobody is there any more to answer it."""


class ClaimError(EdgeError):
    """What only the gateway's owner may do was asked without the owner's passphrase."""


class SealBroken(EdgeError):
    """An encrypted file can't be opened."""


class NotProven(EdgeError):
    """The site isn't proven, or its proof isn't signed."""


class ControllerUnreachable(EdgeError):
    """No running controller answers on the local socket."""


class RecordingUnusable(EdgeError):
    """A file that should be a recording of decisions isn't one, is damaged, or is of another format."""


class ProblemUnusable(EdgeError):
    """What a command was given isn't what it takes. An allocation problem's says where, down to the field."""


class ShelfUnusable(EdgeError):
    """What is kept of a station can't be read, or can't be written."""


class NeedError(EdgeError):
    """What a car needs until it leaves can't be taken note of."""


class NeedImplausible(NeedError):
    """The energy or the departure can't be meant."""


class EvseUnknown(NeedError):
    """The site has no such EVSE."""


class NoSession(NeedError):
    """No session runs at the EVSE that could need anything."""


class TimeUntrusted(NeedError):
    """The gateway's clock isn't set, so that a departure can't be placed in time."""


class MeterError(EdgeError):
    """A meter gave no usable reading."""


class MeterUnreachable(MeterError):
    """No connection to the meter or to the gateway before it."""


class MeterTimeout(MeterError):
    """Connected, but the meter didn't answer in time."""


class MeterOvertalked(MeterTimeout):
    """No answer came in time; something else did."""


class MeterRefused(MeterError):
    """The meter answered with a Modbus exception."""


class RegistersRefused(MeterRefused):
    """The meter refuses to read these registers, or as many in one request."""


class MeterImplausible(MeterError):
    """The meter's answer can't be the truth."""


class FrameError(EdgeError):
    """Text that is no OCPP-J message.

    ``message_id`` and ``message_type`` are those of the text, as far as they could be read.
    """

    def __init__(self, what: str, *, message_id: str | None = None, message_type: int | None = None) -> None:
        super().__init__(what)
        self.message_id = message_id
        self.message_type = message_type


class TokenUnusable(EdgeError):
    """What the command line was told of a token can't be used. Says what would be right."""


class EntryUnknown(EdgeError):
    """The journal has no such message to send again."""


class StorageError(EdgeError):
    """What must outlive a restart can't be kept."""


class StorageFull(StorageError):
    """The disk is full, and so is the reserve. Nothing was written."""


class StorageTooNew(StorageError):
    """A file was written by a later release, and says that this one can't read it."""


class EntryDamaged(StorageError):
    """A message of the journal can't be read any more, or isn't what its station said."""


class StorageFailed(StorageError):
    """The disk refuses."""
