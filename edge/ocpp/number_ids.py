"""Message ids that a peer writes as numbers, where OCPP-J has texts (1.6 §4.1.4, 2.x part 4 §4.1.4).

Stations and clouds that do so get along with peers that repeat an id as it came. So they are read as if they were
quoted, and pass so; whoever wrote the number is answered by the number.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeAlias

from edge.errors import FrameError
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, Frame

Parser: TypeAlias = Callable[[str | bytes, Version], Frame]

OPEN_MOST: Final = 64  # CALLs of a peer that wait for their answers; by the rules there is one
_NUMBER = re.compile(r"(\s*\[\s*[0-9]+\s*,\s*)(-?[0-9]{1,18})(?=\s*,)", re.ASCII)
_ANSWER = re.compile(r'(\s*\[\s*[34]\s*,\s*)"(-?[0-9]{1,18})"', re.ASCII)


class NumberIds:
    """Those of one peer. ``open``: of its CALLs that wait for their answers; empty of nearly every peer."""

    def __init__(self) -> None:
        self.open: OrderedDict[str, None] = OrderedDict()

    def forget(self) -> None:
        """It has come anew."""
        self.open.clear()

    def read(self, text: str | bytes, version: Version, parse: Parser) -> Frame:
        """What the peer has sent, as ``parse`` reads it. Raises :class:`edge.errors.FrameError`, as that does."""
        try:
            return parse(text, version)
        except FrameError:
            found = _NUMBER.match(text) if isinstance(text, str) else None
            if found is None:
                raise
        frame = parse(f'{found[1]}"{found[2]}"{found.string[found.end() :]}', version)
        if isinstance(frame, Call):
            self.open[frame.id] = None
            if len(self.open) > OPEN_MOST:
                self.open.popitem(last=False)
        return frame

    def as_written(self, text: str) -> str:
        """What the peer is sent: the answer to a CALL of its under the id as it wrote it."""
        found = _ANSWER.match(text)
        if found is None or found[2] not in self.open:
            return text
        del self.open[found[2]]
        return f"{found[1]}{found[2]}{text[found.end() :]}"
