"""The cloud's CALLs on their way past a controller that only observes. Sans-I/O."""

from collections import OrderedDict

from edge.ocpp.diagnosis import Diagnosis
from edge.ocpp.figures import Answerer, Figures
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult
from edge.units import Seconds

KEPT = 16  # CALLs whose answers are timed; by the rules one is outstanding


class Passing:
    """Those of one station: nothing is changed or held, only timed and looked at."""

    def __init__(self, figures: Figures, diagnosis: Diagnosis) -> None:
        self._figures = figures
        self._diagnosis = diagnosis
        self._asked: OrderedDict[str, tuple[str, Seconds]] = OrderedDict()

    def asked(self, call: Call, now: Seconds) -> None:
        """The cloud asks the station."""
        self._asked[call.id] = (call.action, now)
        while len(self._asked) > KEPT:
            self._asked.popitem(last=False)

    def answered(self, frame: CallResult | CallError, now: Seconds, version: Version) -> None:
        """The station answers."""
        action, since = self._asked.pop(frame.id, (None, now))
        if action is None:
            return
        self._figures.answered(Answerer.STATION_TO_CLOUD, now - since)
        if isinstance(frame, CallResult):
            self._diagnosis.answers(action, frame, version)

    def forget(self) -> None:
        """The station has come anew."""
        self._asked.clear()
