"""Which profiles are refused, and with what answer."""

from typing import Any

import pytest

from edge.ocpp.profiles.admission import Capacity, Wiring, admit
from edge.ocpp.profiles.answer import CallRefusal
from edge.ocpp.profiles.model import RateUnit
from edge.ocpp.profiles.parse import parse
from edge.ocpp.profiles.refusal import ProfileRefused, Reason
from edge.ocpp.profiles.store import ProfileStore
from edge.ocpp.versions import Version
from tests.unit.ocpp_profiles.profile_bench import V16, V21, V201, WIRING, ask, install, installed, period, profile

TEN = period(0, 10)
RUNNING = ProfileStore().began(1, "100", 0.0)
SEND_TWICE = "2026-06-01T00:00:00Z"


def without(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    """The profile without these fields of its own or of its schedule."""
    kept = {name: value for name, value in raw.items() if name not in names}
    schedule = kept.get("chargingSchedule")
    if isinstance(schedule, dict):
        kept["chargingSchedule"] = {name: value for name, value in schedule.items() if name not in names}
    elif schedule is not None:
        kept["chargingSchedule"] = [{n: value for n, value in each.items() if n not in names} for each in schedule]
    return kept


MALFORMED_16 = [
    ("errata 3.39: no such connector", 9, profile(V16, "default", TEN), "PropertyConstraintViolation"),
    ("errata 3.38: no such unit", 1, profile(V16, "default", TEN, unit="kW"), "PropertyConstraintViolation"),
    ("errata 3.38: no such purpose", 1, profile(V16, "Default", TEN), "PropertyConstraintViolation"),
    ("errata 3.38: a purpose of 2.x", 0, profile(V16, "ChargingStationMaxProfile", TEN), "PropertyConstraintViolation"),
    ("errata 3.38: no such kind", 1, profile(V16, "default", TEN, kind="Always"), "PropertyConstraintViolation"),
    (
        "errata 3.38: no such recurrency",
        1,
        profile(V16, "default", TEN, kind="Recurring", recurrencyKind="Monthly"),
        "PropertyConstraintViolation",
    ),
    ("§7.8: no id", 1, without(profile(V16, "default", TEN), "chargingProfileId"), "OccurenceConstraintViolation"),
    ("§7.8: no level", 1, without(profile(V16, "default", TEN), "stackLevel"), "OccurenceConstraintViolation"),
    ("§7.8: no schedule", 1, without(profile(V16, "default", TEN), "chargingSchedule"), "OccurenceConstraintViolation"),
    ("§7.13: no unit", 1, without(profile(V16, "default", TEN), "chargingRateUnit"), "OccurenceConstraintViolation"),
    ("§7.13: no period", 1, profile(V16, "default"), "OccurenceConstraintViolation"),
    ("§7.14: no limit", 1, profile(V16, "default", {"startPeriod": 0}), "OccurenceConstraintViolation"),
    ("§7.14: a word for a limit", 1, profile(V16, "default", period(0, "much")), "TypeConstraintViolation"),  # type: ignore[arg-type]
    ("§3.15: no time", 1, profile(V16, "default", TEN, start="noon"), "TypeConstraintViolation"),
    ("§7.8: half a level", 1, profile(V16, "default", TEN, level=0.5), "TypeConstraintViolation"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("section", "connector", "raw", "code"), MALFORMED_16, ids=lambda value: str(value)[:40])
def test_what_breaks_the_form_is_a_call_error(section: str, connector: int, raw: dict[str, Any], code: str) -> None:
    """OCPP 1.6: an unknown word or connector is PropertyConstraintViolation, and nothing is installed."""
    answer = install(ProfileStore(), V16, connector, raw)
    assert isinstance(answer.reply, CallRefusal), section
    assert answer.reply.code == code
    assert answer.store == ProfileStore()


REJECTED_16 = [
    ("§3.13.1: the maximum on a connector", 1, profile(V16, "max", TEN)),
    ("§3.13.1: a TxProfile on connector 0", 0, profile(V16, "tx", TEN)),
    ("§3.13.1: a TxProfile without a transaction", 2, profile(V16, "tx", TEN)),
    ("§5.16.2: a TxProfile for another transaction", 1, profile(V16, "tx", TEN, transactionId=7)),
    ("§5.16.4: the first period not at 0", 1, profile(V16, "default", period(60, 10))),
    ("§7.13: periods out of order", 1, profile(V16, "default", TEN, period(60, 8), period(30, 6))),
    ("§7.13: a period twice", 1, profile(V16, "default", TEN, period(60, 8), period(60, 6))),
    ("§7.14: a negative limit", 1, profile(V16, "default", period(0, -1))),
    ("§7.14: no phases", 1, profile(V16, "default", period(0, 10, numberPhases=0))),
    ("§7.8: a negative level", 1, profile(V16, "default", TEN, level=-1)),
    ("§7.8: recurring without a recurrency", 1, profile(V16, "default", TEN, kind="Recurring")),
    (
        "§7.8: recurring without a start",
        1,
        profile(V16, "default", TEN, kind="Recurring", recurrencyKind="Daily", start=None),
    ),
    ("§7.13: a negative duration", 1, profile(V16, "default", TEN, schedule={"duration": -1})),
    ("§7.8: validTo before validFrom", 1, profile(V16, "default", TEN, validFrom="2026-06-02", validTo="2026-06-01")),
    ("§7.8: a transactionId in a default", 1, profile(V16, "default", TEN, transactionId=100)),
]


@pytest.mark.parametrize(("section", "connector", "raw"), REJECTED_16, ids=lambda value: str(value)[:40])
def test_what_contradicts_itself_is_rejected(section: str, connector: int, raw: dict[str, Any]) -> None:
    """OCPP 1.6: status Rejected, and nothing is installed."""
    answer = install(RUNNING, V16, connector, raw)
    assert answer.reply == {"status": "Rejected"}, section
    assert answer.store == RUNNING


OTHER = [{"id": 2, "chargingRateUnit": "A", "startSchedule": SEND_TWICE, "chargingSchedulePeriod": [TEN]}]
REJECTED_2X = [
    ("K01.FR.03: a TxProfile without its transactionId", V201, 1, profile(V201, "tx", TEN), "MissingParam"),
    ("K01.FR.09: no transaction", V201, 2, profile(V201, "tx", TEN, transactionId="200"), "TxNotFound"),
    ("K01.FR.33: another transaction", V201, 1, profile(V201, "tx", TEN, transactionId="7"), "TxNotFound"),
    ("K01.FR.16: a TxProfile on EVSE 0", V201, 0, profile(V201, "tx", TEN, transactionId="100"), "InvalidProfile"),
    ("K01.FR.19: a phase for three", V201, 1, profile(V201, "default", period(0, 10, phaseToUse=1)), "InvalidSchedule"),
    (
        "K01.FR.22: external constraints",
        V201,
        0,
        profile(V201, "ChargingStationExternalConstraints", TEN),
        "InvalidProfile",
    ),
    ("K01.FR.28: no such EVSE", V201, 9, profile(V201, "default", TEN), "UnknownEvse"),
    ("K01.FR.31: the first period not at 0", V201, 1, profile(V201, "default", period(1, 10)), "InvalidSchedule"),
    (
        "K01.FR.34: two schedules",
        V201,
        1,
        profile(V201, "default", TEN) | {"chargingSchedule": [*OTHER, *OTHER]},
        "InvalidSchedule",
    ),
    (
        "K01.FR.35: periods out of order",
        V201,
        1,
        profile(V201, "default", TEN, period(60, 8), period(30, 6)),
        "InvalidSchedule",
    ),
    ("K01.FR.38: a relative maximum", V201, 0, profile(V201, "max", TEN, kind="Relative"), "InvalidProfile"),
    ("K01.FR.40: absolute without a start", V201, 1, profile(V201, "default", TEN, start=None), "InvalidSchedule"),
    (
        "K01.FR.41: relative with a start",
        V201,
        1,
        profile(V201, "default", TEN, kind="Relative", schedule={"startSchedule": SEND_TWICE}),
        "InvalidSchedule",
    ),
    (
        "K01.FR.43: one phase on an EVSE that can't be kept to it",
        V201,
        1,
        profile(V201, "default", period(0, 10, numberPhases=1)),
        "InvalidSchedule",
    ),
    (
        "K01.FR.48: a phase that the EVSE isn't on",
        V201,
        3,
        profile(V201, "default", period(0, 10, numberPhases=1, phaseToUse=3)),
        "InvalidSchedule",
    ),
    ("K04.FR.03: the maximum on an EVSE", V201, 1, profile(V201, "max", TEN), "InvalidProfile"),
    (
        "2.1 K01.FR.70: PriorityCharging with a duration",
        V21,
        0,
        profile(V21, "PriorityCharging", TEN, schedule={"duration": 60}),
        "InvalidSchedule",
    ),
    (
        "2.1 K01.FR.71: PriorityCharging in another mode",
        V21,
        0,
        profile(V21, "PriorityCharging", period(0, 10, operationMode="ExternalLimits")),
        "InvalidSchedule",
    ),
    ("2.1 K01.FR.121: dynamic", V21, 1, profile(V21, "default", TEN, kind="Dynamic"), "UnsupportedKind"),
    (
        "2.1 K01.FR.122: an update interval without",
        V21,
        1,
        profile(V21, "default", TEN, dynUpdateInterval=5),
        "InvalidProfile",
    ),
    (
        "2.1 K01.FR.123: local time",
        V21,
        1,
        profile(V21, "default", TEN, schedule={"useLocalTime": True}),
        "InvalidSchedule",
    ),
    (
        "2.1 K01.FR.124: randomizedDelay",
        V21,
        1,
        profile(V21, "default", TEN, schedule={"randomizedDelay": 60}),
        "InvalidSchedule",
    ),
    (
        "2.1 K01.FR.125: limitAtSoC",
        V21,
        1,
        profile(V21, "default", TEN, schedule={"limitAtSoC": {"soc": 80, "limit": 6}}),
        "InvalidSchedule",
    ),
    ("2.1 K01.FR.126: sleep", V21, 1, profile(V21, "default", period(0, 10, evseSleep=True)), "InvalidSchedule"),
    (
        "2.1 K §3.4: discharging by setpoint",
        V21,
        1,
        profile(V21, "default", period(0, 10, operationMode="CentralSetpoint", setpoint=-8)),
        "InvalidSchedule",
    ),
    (
        "2.1 K §3.4: discharging by frequency",
        V21,
        1,
        profile(V21, "default", period(0, 10, operationMode="LocalFrequency")),
        "InvalidSchedule",
    ),
    (
        "2.1 K §3.4: discharging by a negative limit",
        V21,
        1,
        profile(V21, "default", period(0, -10)),
        "InvalidSchedule",
    ),
    ("2.1 table 95: no limit", V21, 1, profile(V21, "default", {"startPeriod": 0}), "InvalidSchedule"),
]


@pytest.mark.parametrize(
    ("section", "version", "evse", "raw", "reason"), REJECTED_2X, ids=lambda value: str(value)[:40]
)
def test_what_a_station_of_2x_rejects(
    section: str, version: Version, evse: int, raw: dict[str, Any], reason: str
) -> None:
    """Status Rejected with the reasonCode that the requirement recommends, and nothing is installed."""
    answer = install(RUNNING, version, evse, raw)
    assert not isinstance(answer.reply, CallRefusal), answer.reply
    assert answer.reply["status"] == "Rejected", section
    assert answer.reply["statusInfo"]["reasonCode"] == reason
    assert answer.store == RUNNING


DUPLICATES = [
    ("K01.FR.06: the same level there", 1, {}, "default", 1, {}),
    ("K01.FR.06: valid at once for a second", 1, {"validTo": "2026-06-02"}, "default", 1, {"validFrom": "2026-06-01"}),
    ("K01.FR.39: a second TxProfile of a level", 1, {"transactionId": "100"}, "tx", 1, {"transactionId": "100"}),
    ("K01.FR.52: EVSE 0 after an EVSE", 1, {}, "default", 0, {}),
    ("K01.FR.53: an EVSE after EVSE 0", 0, {}, "default", 1, {}),
]


@pytest.mark.parametrize(("section", "first", "one", "purpose", "second", "other"), DUPLICATES)
def test_duplicates_are_rejected(
    section: str, first: int, one: dict[str, Any], purpose: str, second: int, other: dict[str, Any]
) -> None:
    """2.x: of another id, where the place is taken; the same id replaces instead (K01.FR.05)."""
    store = installed(V201, (first, profile(V201, purpose, TEN, **one)), running={1: "10:00:00"})
    answer = install(store, V201, second, profile(V201, purpose, TEN, number=2, **other))
    assert not isinstance(answer.reply, CallRefusal)
    assert answer.reply["statusInfo"]["reasonCode"] == "DuplicateProfile", section
    again = install(store, V201, second, profile(V201, purpose, TEN, number=1, **other))
    assert again.reply == {"status": "Accepted"}
    assert [(each.evse, each.profile.id) for each in again.store.installed] == [(second, 1)]


def test_an_evse_of_one_phase_may_be_told_so() -> None:
    """2.x K01.FR.43 and 46: numberPhases 1 and phaseToUse are fine where nothing else can happen."""
    raw = profile(V201, "default", period(0, 10, numberPhases=1, phaseToUse=2))
    assert install(ProfileStore(), V201, 3, raw).reply == {"status": "Accepted"}


def test_numbers_in_quotes_and_unknown_fields_do_no_harm() -> None:
    """A cloud's habits: the profile is taken for what it means."""
    raw = profile(V16, "default", {"startPeriod": "0", "limit": "10", "vendor": 1}, number=3, level=1, mood="good")
    raw["stackLevel"] = "1"
    answer = install(ProfileStore(), V16, 1, raw)
    assert answer.reply == {"status": "Accepted"}
    assert answer.store.installed[0].profile == parse(profile(V16, "default", TEN, number=3, level=1), V16)


CAPACITY = [
    (Capacity(max_installed=1), profile(V201, "default", TEN, level=1, number=2), Reason.OUT_OF_STORAGE),
    (Capacity(max_periods=1), profile(V201, "default", TEN, period(5, 6)), Reason.TOO_MANY_ELEMENTS),
    (Capacity(units=frozenset({RateUnit.WATTS})), profile(V201, "default", TEN), Reason.UNSUPPORTED_RATE_UNIT),
    (Capacity(additional=frozenset()), profile(V21, "PriorityCharging", TEN), Reason.UNSUPPORTED_PURPOSE),
]


@pytest.mark.parametrize(("capacity", "raw", "reason"), CAPACITY, ids=lambda value: str(value)[:30])
def test_what_is_beyond_the_capacity_is_refused(capacity: Capacity, raw: dict[str, Any], reason: Reason) -> None:
    """Too many profiles, too many periods, another unit (K01.FR.26), another purpose (2.1 K01.FR.120)."""
    store = installed(V201, (0, profile(V201, "default", TEN)))
    wiring = Wiring(
        nominal_voltage_v=WIRING.nominal_voltage_v, phases=WIRING.phases, max_a=WIRING.max_a, capacity=capacity
    )
    version = V21 if raw["chargingProfilePurpose"] == "PriorityCharging" else V201
    with pytest.raises(ProfileRefused) as refused:
        admit(store, wiring, 1 if version is V201 else 0, parse(raw, version))
    assert refused.value.reason is reason


@pytest.mark.parametrize("rubbish", [None, [], "x", 5, {}, {"evseId": 1}, {"evseId": [], "chargingProfile": {}}])
@pytest.mark.parametrize("version", [V16, V21])
def test_rubbish_is_a_call_error(rubbish: object, version: Version) -> None:
    """Whatever stands where a payload belongs."""
    answer = ask(ProfileStore(), version, "SetChargingProfile", rubbish)
    assert isinstance(answer.reply, CallRefusal)


def test_what_is_nested_too_deeply_is_refused() -> None:
    """customData as deep as JSON allows could be neither told nor kept."""
    deep: Any = 1
    for _ in range(251):
        deep = {"vendorId": "x", "more": deep}
    answer = install(ProfileStore(), V201, 1, profile(V201, "default", TEN, customData=deep))
    assert isinstance(answer.reply, CallRefusal)
