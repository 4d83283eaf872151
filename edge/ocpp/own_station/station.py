"""The state machine of the gateway as a station of its own. Sans-I/O: frames in, texts and limits out.

It boots, beats, reports what its site draws, and takes the station's maximum as a limit on the whole site. It has no
EVSEs, so no other charging profile means anything here. Its clock is its cloud's, as every station's is (OCPP 1.6 §4.2,
2.x part 2 B01.FR.06): what the cloud has set counts by that.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from edge.domain.limit import LimitSource, LimitStated
from edge.domain.reading import MeterReading
from edge.errors import FrameError
from edge.ocpp import wire
from edge.ocpp.fields import fields, text, whole_number
from edge.ocpp.number_ids import NumberIds
from edge.ocpp.own_station import words
from edge.ocpp.own_station.answers import HEARTBEAT_S, SAMPLE_S, Said, Settings, answer
from edge.ocpp.own_station.cloud_time import CloudTime
from edge.ocpp.profiles.answer import Answer, CallRefusal
from edge.ocpp.profiles.composite import StationMaximum
from edge.ocpp.profiles.desk import ProfileDesk
from edge.ocpp.profiles.model import ProfilePurpose
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult, ErrorCode
from edge.units import Seconds

ANSWER_S = 30.0  # as a station waits for its cloud
RETRY_BOOT_S = 60.0  # where the cloud doesn't say when (OCPP 1.6 §4.2)
READING_LIFE_S = 30.0  # an older reading says nothing of what the site draws
MOST_QUEUED = 64  # CALLs that wait for the line: reports of 64 profiles at most

_MAXIMA = frozenset({"ChargePointMaxProfile", ProfilePurpose.STATION_MAX.value})

Reading = Callable[[], MeterReading | None]


@dataclass(slots=True)
class Step:
    """What one step brought about: texts to the cloud, limits on the site, sentences for the log."""

    texts: list[str] = field(default_factory=list)
    limits: list[LimitStated] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class OwnStation:
    """The gateway's own identity. ``circuit`` is the grid connection, ``reading`` gives the newest of its meter.

    ``nonce`` makes its message ids new at each start of the program (2.x part 4 §4.1.4).
    ``on_late`` is called when there is something to be done that no step has returned, as the disk took its time:
    :meth:`collect` has it.
    """

    def __init__(self, *, desk: ProfileDesk, version: Version, circuit: str, reading: Reading, nonce: str) -> None:
        self._desk = desk
        desk.on_saved = self._is_late
        self._desk.speak(version)
        self._version = version
        self._circuit = circuit
        self._reading = reading
        self._prefix = f"edge-{nonce}-s"
        self._count = 0
        self._settings = Settings()
        self._connected = False
        self._accepted = False
        self._boot_at: Seconds = 0.0
        self._beat_at: Seconds = 0.0
        self._sample_at: Seconds = 0.0
        self._queue: deque[tuple[str, words.Payload]] = deque(maxlen=MOST_QUEUED)
        self._outstanding: tuple[str, str, Seconds] | None = None  # id, action, since
        self._told = StationMaximum()
        self._time = CloudTime()
        self._step = Step()
        self._ids = NumberIds()  # those of the cloud
        self._cloud_number = 0  # how many connections of the cloud have ended
        self.on_late: Callable[[], None] = lambda: None

    @property
    def accepted(self) -> bool:
        """Whether the cloud has accepted this station's boot."""
        return self._accepted

    def connected(self, now: Seconds, wall: datetime) -> Step:
        """The cloud is connected. A mere reconnect needs no new boot (OCPP-J 1.6 §5.3)."""
        self._connected = True
        self._sample_at = now
        self._boot_at = now
        return self.tick(now, wall)

    def disconnected(self) -> None:
        """The cloud is gone, and with it what was to be said."""
        self._connected, self._outstanding = False, None
        self._cloud_number += 1
        self._ids.forget()
        self._queue.clear()

    def receive(self, message: str | bytes, now: Seconds, wall: datetime) -> Step:
        """One message of the cloud."""
        try:
            frame = self._ids.read(message, self._version, wire.parse)
        except FrameError as error:
            self._step.notes.append(f"the cloud sends what can't be read: {error}")
            return self._done()
        if isinstance(frame, Call):
            self._called(frame, now, self._time.at(now, wall, kept=self._desk.newest))
        elif isinstance(frame, CallResult | CallError):
            self._answered(frame, now)
        self._pump(now)
        return self._done()

    def collect(self) -> Step:
        """What is to be done since the last step."""
        return self._done()

    def tick(self, now: Seconds, wall: datetime) -> Step:
        """Time passes: what the cloud allows, what is due to be said."""
        wall = self._time.at(now, wall, kept=self._desk.newest)
        self._desk.see_cloud(wall, connected=self._connected)
        self._state_limit(self._desk.maximum(wall), now)
        if self._desk.problem is not None:
            self._step.notes.append(self._desk.problem)
        if self._outstanding is not None and now - self._outstanding[2] >= ANSWER_S:
            self._outstanding = None
        if self._connected:
            self._say_what_is_due(now, wall)
            self._pump(now)
        return self._done()

    def _state_limit(self, allowed: StationMaximum, now: Seconds) -> None:
        """The station's maximum is the site's limit, told once."""
        if allowed != self._told:
            self._told = allowed
            self._step.limits.append(
                LimitStated(
                    source=LimitSource.CLOUD,
                    circuit=self._circuit,
                    at=now,
                    limit_a=allowed.limit_a,
                    limit_w=allowed.limit_w,
                )
            )

    def _say_what_is_due(self, now: Seconds, wall: datetime) -> None:
        if not self._accepted:
            if now >= self._boot_at:
                self._boot_at = now + RETRY_BOOT_S
                self._say("BootNotification", words.boot(self._version))
            return
        if now >= self._beat_at:
            self._beat_at = now + self._settings.seconds[HEARTBEAT_S]
            self._say("Heartbeat", {})
        if now >= self._sample_at:
            self._sample_at = now + self._settings.seconds[SAMPLE_S]
            self._say_meter_values(now, wall)

    def _say_meter_values(self, now: Seconds, wall: datetime) -> None:
        reading = self._reading()
        if reading is not None and now - reading.at <= READING_LIFE_S:
            taken = wall - timedelta(seconds=max(now - reading.at, 0.0))
            self._say("MeterValues", words.meter_values(self._version, reading, taken))

    def _called(self, call: Call, now: Seconds, wall: datetime) -> None:
        payload = fields(call.payload)
        if self._desk.owns(call.action):
            self._answer_of_profiles(call, now, wall)
            return
        said = answer(self._version, call.action, payload, self._settings)
        if said is None:
            problem = f"{call.action} is nothing that a station without EVSEs does"
            self._answer(wire.error_text(call.id, ErrorCode.NOT_IMPLEMENTED, problem))
            return
        self._answer(wire.result_text(call.id, said.reply))
        self._follow(said, now, wall)

    def _follow(self, said: Said, now: Seconds, wall: datetime) -> None:
        match said.then:
            case "BootNotification":
                self._say("BootNotification", words.boot(self._version))
            case "Heartbeat":
                self._say("Heartbeat", {})
            case "MeterValues":
                self._say_meter_values(now, wall)
            case "StatusNotification":
                self._say_status()

    def _answer_of_profiles(self, call: Call, now: Seconds, wall: datetime) -> None:
        profile = fields(fields(call.payload).get("chargingProfile") or fields(call.payload).get("csChargingProfiles"))
        purpose = text(profile.get("chargingProfilePurpose"))
        if call.action == "SetChargingProfile" and purpose is not None and purpose not in _MAXIMA:
            why = {"statusInfo": {"reasonCode": "UnsupportedPurpose"}} if self._version.is_v2 else {}
            self._answer(wire.result_text(call.id, {"status": "Rejected", **why}))
            return
        cloud = self._cloud_number

        def reply(answered: Answer) -> None:
            if cloud == self._cloud_number:
                self._reply(call, answered)
                self._pump(now)

        self._desk.answer(call.action, call.payload, wall, reply)

    def _answer(self, said: str) -> None:
        """Answer a CALL of the cloud, by the id as that wrote it."""
        self._step.texts.append(self._ids.as_written(said))

    def _is_late(self) -> None:
        self.on_late()

    def _reply(self, call: Call, answered: Answer) -> None:
        if isinstance(answered.reply, CallRefusal):
            code = ErrorCode(answered.reply.code)
            self._answer(wire.error_text(call.id, code, answered.reply.description))
        else:
            self._answer(wire.result_text(call.id, answered.reply))
        for each in answered.follow_ups:
            self._say(each.action, dict(each.payload))

    def _answered(self, frame: CallResult | CallError, now: Seconds) -> None:
        if self._outstanding is None or frame.id != self._outstanding[0]:
            return
        action, self._outstanding = self._outstanding[1], None
        payload = fields(frame.payload) if isinstance(frame, CallResult) else {}
        self._time.says(payload.get("currentTime"), now)
        if action != "BootNotification":
            return
        interval = whole_number(payload.get("interval"))
        every_s = float(interval) if interval is not None and interval > 0 else RETRY_BOOT_S
        if payload.get("status") != "Accepted":
            self._boot_at = now + every_s
            self._step.notes.append("the cloud lets the gateway wait as a station of its own")
            return
        self._settings.seconds[HEARTBEAT_S] = int(every_s)
        self._beat_at, self._sample_at = now + every_s, now
        if not self._accepted:
            self._accepted = True
            self._say_status()

    def _say_status(self) -> None:
        status = words.status(self._version)
        if status is not None:
            self._say("StatusNotification", status)

    def _say(self, action: str, payload: words.Payload) -> None:
        """Queue a CALL, once: what waits already is not asked for again."""
        if all((action, payload) != waiting for waiting in self._queue):
            self._queue.append((action, payload))

    def _pump(self, now: Seconds) -> None:
        """One CALL is outstanding at a time (OCPP 2.x part 4 §4.1.1)."""
        if self._outstanding is None and self._queue:
            action, payload = self._queue.popleft()
            self._count += 1
            identifier = f"{self._prefix}{self._count:x}"
            self._outstanding = (identifier, action, now)
            self._step.texts.append(wire.call_text(identifier, action, payload))

    def _done(self) -> Step:
        step, self._step = self._step, Step()
        return step
