"""The interview without a terminal: a wrong answer to every question, a mute meter, left and resumed anywhere."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import tomli

from edge.config.write import fresh, merged, updated
from edge.errors import SetupStopped
from edge.language import Speaker
from edge.setup.book import Book, read_book
from edge.setup.defaults import Defaults
from edge.setup.interview import interview
from edge.setup.steps import (
    Ask,
    Failure,
    FindMeters,
    FindPorts,
    Identify,
    LookForStations,
    MeterFound,
    NewKey,
    Pause,
    Proof,
    Prove,
    ReadMeter,
    Seen,
    StationSeen,
    Step,
    Tell,
    TryBroker,
    TryCloud,
    TryListen,
)
from edge.units import PhaseAmps

RIGHT: dict[str, str | list[str]] = {
    "site.id": "harbour-3",
    "site.timezone": "Europe/Copenhagen",
    "grid.fuse_a": "63",
    "grid.margin_a": "2,5",
    "grid.background_reserve_a": "20 A",
    "circuit.id": ["garage", ""],
    "circuit.fuse_a": "40",
    "circuit.parent": "1",
    "meter.way": "3",
    "meter.connection": "tcp://192.0.2.7:502",
    "meter.model": "eastron_sdm630",
    "meter.unit": "1",
    "meter.right": "y",
    "ocpp.listen": "192.168.10.1:9000",
    "ocpp.security": "2",
    "station.which": ["1", "0"],
    "stations.identify": "n",
    "station.circuit": "2",
    "station.max_a": "16",
    "station.fallback_a": "6",
    "station.location": "bay 12",
    "station.evses": "2",
    "station.way": "1",
    "station.phases": ["L1 L2 L3", "231"],
    "ocpp.upstream": "wss://csms.example.com/ocpp",
    "bms.broker": "192.0.2.20",
    "bms.username": "edge",
    "bms.password": "s3cret",
    "bms.modbus": "192.168.1.10:5502",
    "bms.fallback_a": "16",
    "write": "y",
}
WRONG = {
    "site.id": "a/b",
    "site.timezone": "Europe/Nowhere",
    "grid.fuse_a": "sixty",
    "grid.margin_a": "63",
    "grid.background_reserve_a": "-1",
    "circuit.id": "main",
    "circuit.fuse_a": "0",
    "meter.way": "9",
    "meter.connection": "192.0.2.7",
    "meter.model": "sdm",
    "meter.unit": "256",
    "meter.right": "perhaps",
    "ocpp.listen": "192.168.10.1",
    "ocpp.security": "3",
    "station.which": "7",
    "stations.identify": "?",
    "station.circuit": "garden",
    "station.max_a": "1e9",
    "station.fallback_a": "-6",
    "station.location": "x" * 81,
    "station.evses": "0",
    "station.way": "x",
    "station.phases": "L1 L1 L2",
    "ocpp.upstream": "http://csms.example.com",
    "bms.broker": "ftp://x",
    "bms.password": "",
    "bms.modbus": "5502",
    "bms.fallback_a": "much",
    "write": "maybe",
}
MOST = 500  # questions
NEW = Defaults(timezone="Europe/Berlin")
MODELS = ("abb_b23_b24", "eastron_sdm630", "mqtt", "dsmr_p1")
PORTS = {"/dev/rs485/port-1": "usb-FTDI", "/dev/rs485/port-2": ""}
CP = StationSeen(identity="CP-1", address="192.168.10.11", vendor="V", model="M", serial="S", mac="02:00:00:00:00:01")


def probe(step: Step) -> Any:
    """A site on which everything is as it should be."""
    match step:
        case FindMeters():
            return (MeterFound(connection="tcp://192.0.2.7:502", unit=1, model="eastron_sdm630"),)
        case FindPorts():
            return PORTS
        case ReadMeter():
            return PhaseAmps(1.0, 2.0, 3.0)
        case LookForStations():
            return Seen(stations=(CP,))
        case Identify():
            return "identify.blink"
        case NewKey():
            return "A1B2", "pbkdf2-sha256$10000$" + "0" * 32 + "$" + "0" * 64
        case Prove():
            return Proof()
        case TryCloud() | TryBroker() | TryListen() | Tell() | Pause():
            return None
    raise AssertionError(step)


class Typing:
    """Answers each question from the table, a list one after the other; with ``wrong``, badly first."""

    def __init__(self, answers: Mapping[str, str | list[str]], *, wrong: Mapping[str, str] | None = None) -> None:
        self._left = {key: [value] if isinstance(value, str) else list(value) for key, value in answers.items()}
        self._wrong = dict(wrong or {})
        self.refused: list[str] = []
        self.asked = 0
        self.told: list[str] = []

    def answer(self, step: Ask) -> str:
        self.asked += 1
        assert self.asked < MOST, f"asks for ever: {step}"
        Speaker("nl").say(step.text, step.values)  # whatever is asked can be said
        Speaker("nl").say(f"help.{step.text}", step.values)
        if step.refused is not None:
            self.refused.append(step.text)
        if step.text in self._wrong and step.refused is None:
            return self._wrong[step.text]
        self._wrong.pop(step.text, None)
        left = self._left[step.text]
        return left.pop(0) if len(left) > 1 else left[0]


def run(
    book: Book,
    typing: Typing,
    probes: Callable[[Step], Any] = probe,
    *,
    most: int | None = None,
    defaults: Defaults = NEW,
) -> Mapping[str, Any] | None:
    """The tables that come of it; None where it was left after so many questions."""
    talk = interview(book, defaults, MODELS)
    answer: Any = None
    while True:
        try:
            step = talk.send(answer)
        except StopIteration as end:
            document: Mapping[str, Any] = end.value
            return document
        if isinstance(step, Ask):
            if most is not None and typing.asked >= most:
                return None
            answer = typing.answer(step)
        else:
            if isinstance(step, Tell):
                typing.told.append(step.text)
                Speaker("de").say(step.text, step.values)
            answer = probes(step)


def test_the_answers_become_the_tables() -> None:
    """Each where it belongs, in observe mode; a comma is a decimal point, a unit is understood."""
    document = run(Book(), Typing(RIGHT))
    assert document is not None
    assert document["control"] == {"mode": "observe"}
    assert document["circuit"][0] == {
        "id": "main", "fuse_a": 63, "margin_a": 2.5, "background_reserve_a": 20, "meter": "grid"
    }  # fmt: skip
    assert document["circuit"][1] == {"id": "garage", "fuse_a": 40, "parent": "main"}
    assert [evse["phases"] for evse in document["station"][0]["evse"]] == [["L1", "L2", "L3"], ["L2", "L3", "L1"]]
    assert document["ocpp"]["upstream"] == "wss://csms.example.com/ocpp/{station}"
    assert document["bms"]["mqtt"] == {"broker": "mqtt://192.0.2.20", "username": "edge", "password": "s3cret"}
    assert document["bms"]["modbus"] == {"listen": "192.168.1.10:5502", "writable": True, "fallback_a": 16}


def test_a_wrong_answer_to_every_question() -> None:
    """Each is refused, asked again, and the outcome is the same."""
    typing = Typing(RIGHT, wrong=WRONG)
    assert run(Book(), typing) == run(Book(), Typing(RIGHT))
    assert set(typing.refused) == set(WRONG)
    # With one circuit a parent isn't asked for; a user may be called as he likes.
    asked = set(RIGHT) - {"circuit.parent", "bms.username"}
    assert asked == set(WRONG)


@pytest.mark.parametrize("after", range(1, 30))
def test_left_anywhere_and_resumed(after: int) -> None:
    """The answers that were kept, as text, go on to the same tables; nothing is asked twice."""
    book, first = Book(), Typing(RIGHT)
    whole = Typing(RIGHT)
    expected = run(Book(), whole)
    if run(book, first, most=after) is not None:
        pytest.skip("the interview has fewer questions")
    resumed = read_book(book.text(), name="kept")
    rest = RIGHT | _rest_of_lists(resumed)
    assert run(resumed, Typing(rest)) == expected


def _rest_of_lists(book: Book) -> dict[str, str | list[str]]:
    """What is still to be typed of questions that come more than once."""
    rest: dict[str, str | list[str]] = {}
    if book.get("circuit", 0, "id") is not None:
        rest["circuit.id"] = ""
    if book.get("station", 0, "id") is not None:
        rest["station.which"] = "0"
    if book.get("station", 0, "phases") is not None:
        rest["station.phases"] = "231"
    return rest


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("station.max_a", "22 kW"),  # of a post for 32 A
        ("station.max_a", "230 V"),
        ("grid.fuse_a", "1.250"),  # thousands, as half of Europe writes them
        ("meter.unit", "1 A"),
        ("ocpp.listen", "192.168.10.1:443"),
        ("bms.modbus", "192.168.1.10:502"),
        ("station.which", "00"),
        ("station.max_a", "5"),  # with which no car charges
        ("station.fallback_a", "4"),  # the same
        ("station.fallback_a", "32"),  # above the station's own
        ("bms.fallback_a", "80"),  # above the main fuse
        ("ocpp.upstream", "wss://csms.example.com/ocpp/<identity>"),
    ],
)
def test_what_is_meant_otherwise_is_not_taken(question: str, said: str) -> None:
    """Another quantity, another number, an example: asked again, never read as something near it."""
    typing = Typing(RIGHT, wrong={question: said})
    assert run(Book(), typing) == run(Book(), Typing(RIGHT))
    assert typing.refused == [question]


@pytest.mark.parametrize("said", ["16 A", "16a", "16 amp", " 16,0 Ampere ", "16 ampère", "16.0 Amps"])
def test_an_ampere_by_any_name(said: str) -> None:
    """As people write it, in each of the languages."""
    document = run(Book(), Typing(RIGHT | {"station.max_a": said}))
    assert document is not None
    assert document["station"][0]["evse"][0]["max_a"] == 16


def test_a_post_on_two_phases() -> None:
    """It is taken once it is confirmed: a third phase that was forgotten would be counted by nobody."""
    two = {"station.phases": ["L3 L1", "31", "L1 L2"], "station.two": ["n", "y"]}
    document = run(Book(), Typing(RIGHT | {"station.evses": "1"} | two))
    assert document is not None
    assert document["station"][0]["evse"][0]["phases"] == ["L3", "L1"]


def test_circuits_with_numbers_for_names() -> None:
    """The name that is typed, kept or proposed is the circuit, not its place in the list; resumed as well."""
    answers = RIGHT | {"circuit.id": ["2", "1", ""], "circuit.parent": "main", "station.circuit": "1"}
    for said in ("1", "2"):
        book = Book()
        document = run(book, Typing(answers | {"station.circuit": said}))
        assert document is not None
        assert document["station"][0]["circuit"] == said
        again = run(read_book(book.text(), name="kept"), Typing({"write": "y"}))
        assert again == document


@pytest.mark.parametrize("profile", [2, 3])
def test_a_site_with_tls_keeps_it(profile: int) -> None:
    """Who sets up once more to add a station isn't led back to plain connections."""
    ocpp = {
        "tls_listen": "192.168.10.1:9443",
        "security_profile": profile,
        "upstream": "wss://csms.example.com/{station}",
    }
    defaults = Defaults(document={"ocpp": ocpp})
    typing = Typing(RIGHT)
    document = run(Book(), typing, defaults=defaults)
    assert document is not None
    assert document["ocpp"].keys() == {"upstream"}
    assert ("key_hash" in document["station"][0]) is (profile == 2)


def test_a_mute_meter_is_told_and_can_be_kept() -> None:
    """It can be chosen again, or kept for later."""

    def mute(step: Step) -> Any:
        return Failure(problem="no answer within 0.5 s") if isinstance(step, ReadMeter) else probe(step)

    typing = Typing(RIGHT | {"meter.mute.title": ["1", "2"]})
    document = run(Book(), typing, mute)
    assert document is not None
    assert document["meter"][0]["model"] == "eastron_sdm630"
    assert typing.told.count("meter.mute") == 2


TOPIC = RIGHT | {
    "meter.connection": "mqtt://192.0.2.20/building/main",
    "meter.model": "mqtt",
    "bms.username": "edge",
    "bms.password": "s3cret",
    "meter.path": ["phases[0].current", "phases[1].current", ""],
}


def test_the_places_of_an_mqtt_meter_are_asked_for() -> None:
    """It is read with them at once, and no Modbus unit id is asked for. What stands there already stays."""
    read: list[ReadMeter] = []

    def metered(step: Step) -> Any:
        if isinstance(step, ReadMeter):
            read.append(step)
        return probe(step)

    typing = Typing(TOPIC, wrong={"meter.path": "phases[0.current"})
    document = run(Book(), typing, metered)
    assert document is not None
    assert typing.refused == ["meter.path"]
    values = [
        {"quantity": "current_l1_a", "path": "phases[0].current"},
        {"quantity": "current_l2_a", "path": "phases[1].current"},
    ]
    assert document["meter"] == [
        {"id": "grid", "model": "mqtt", "connection": "mqtt://192.0.2.20/building/main", "unit": 1}
        | {"username": "edge", "password": "s3cret", "value": values}
    ]
    assert (read[0].values, read[0].username, read[0].password) == (tuple(values), "edge", "s3cret")
    assert tomli.loads(fresh(document))["meter"] == document["meter"]
    before = merged(document, {})
    before["meter"] = [document["meter"][0] | {"value": [*values, {"quantity": "power_w", "path": "p", "scale": 1000}]}]
    again = run(Book(), Typing(TOPIC), metered, defaults=Defaults(document=before))
    assert again is not None
    assert merged(before, again)["meter"] == before["meter"]
    assert len(read[-1].values) == 3


def test_only_modbus_has_a_unit_id() -> None:
    """A P1 port is asked for none."""
    typed = {key: value for key, value in RIGHT.items() if key != "meter.unit"}
    document = run(Book(), Typing(typed | {"meter.connection": "p1+tcp://192.0.2.7:2001", "meter.model": "dsmr_p1"}))
    assert document is not None
    assert document["meter"][0]["model"] == "dsmr_p1"


@pytest.mark.parametrize(
    ("way", "typed", "looked_at"),
    [
        ("1", " tcp://192.0.2.7:502", "192.0.2.7:502"),
        ("1", "192.0.2.7", "192.0.2.7:502"),
        ("1", "192.0.2.0/24", "192.0.2.0/24"),
        ("2", "ttyUSB0", "/dev/ttyUSB0"),
        ("2", "/dev/rs485/port-1", "/dev/rs485/port-1"),
        ("2", "2", "/dev/rs485/port-2"),
    ],
)
def test_where_the_meter_is_looked_for(way: str, typed: str, looked_at: str) -> None:
    """A serial port by its short name is no host of the network; nothing at all is asked again."""
    places: list[str] = []

    def looking(step: Step) -> Any:
        if isinstance(step, FindMeters):
            places.append(step.where)
        return probe(step)

    where = {"1": "meter.where.network", "2": "meter.where.serial"}[way]
    typing = Typing(RIGHT | {"meter.way": way, where: typed, "meter.which": "1"}, wrong={where: " "})
    assert run(Book(), typing, looking) is not None
    assert (places, typing.refused) == ([looked_at], [where])


@pytest.mark.parametrize(("key", "slip"), [("meter.where.network", "3"), ("circuit.id", "tcp://192.0.2.7:502")])
def test_the_answer_to_another_question_is_refused(key: str, slip: str) -> None:
    """3 was looked for at 0.0.0.3; and a circuit's name has none of the characters that its help excludes."""
    answers = RIGHT | {"meter.way": "1", "meter.where.network": "192.168.1.0/24", "meter.which": "1"}
    typing = Typing(answers, wrong={key: slip})
    assert run(Book(), typing) is not None
    assert typing.refused == [key]


def test_an_adapter_that_is_plugged_in_late() -> None:
    """At the screen there is no shell to look for its name: it is waited for once, shown, and proposed."""
    seen = [{}, PORTS]
    asked: list[Ask] = []
    paused: list[str] = []

    class Entering(Typing):
        def answer(self, step: Ask) -> str:
            if step.text != "meter.where.serial":
                return super().answer(step)
            asked.append(step)
            return step.default or ""

    def looking(step: Step) -> Any:
        if isinstance(step, Pause):
            paused.append(step.text)
        if isinstance(step, FindMeters):
            assert step.where == "/dev/rs485/port-1"
        return seen.pop(0) if isinstance(step, FindPorts) else probe(step)

    typing = Entering(RIGHT | {"meter.way": "2", "meter.which": "1", "ocpp.security": "1"})
    assert run(Book(), typing, looking) is not None
    assert (paused, seen) == (["meter.no_port"], [])
    assert [option.label for option in asked[0].options] == ["/dev/rs485/port-1  usb-FTDI", "/dev/rs485/port-2"]


def test_enter_at_every_question_keeps_the_site() -> None:
    """As who claims a gateway that came with a file of answers does; the same tables come of it."""
    first = run(Book(), Typing(RIGHT | {"bms.modbus": ""}))
    assert first is not None

    class Entering(Typing):
        def answer(self, step: Ask) -> str:
            assert step.default is not None, step
            self.asked += 1
            assert self.asked < MOST, step
            return step.default

    again = run(
        Book(),
        Entering({}),
        lambda step: Seen() if isinstance(step, LookForStations) else probe(step),
        defaults=Defaults(document=first),
    )
    assert again is not None
    assert merged(first, again) == first


def test_a_broker_that_lets_nobody_in_is_asked_for_again_with_its_login() -> None:
    """The password may be the wrong one; a broker without users is logged in to without any."""
    tried: list[Step] = []

    def refusing(step: Step) -> Any:
        if isinstance(step, TryBroker):
            tried.append(step)
            return Failure(problem="Not authorized") if step.password == "wrong" else None
        return probe(step)

    typing = Typing(RIGHT | {"bms.password": ["wrong", "s3cret"], "bms.keep": "n"})
    document = run(Book(), typing, refusing)
    assert document is not None
    assert document["bms"]["mqtt"]["password"] == "s3cret"
    assert "bms.away" in typing.told
    document = run(Book(), Typing(RIGHT | {"bms.username": ""}), refusing)
    assert document is not None
    assert document["bms"]["mqtt"] == {"broker": "mqtt://192.0.2.20"}
    assert tried[-1] == TryBroker(broker="mqtt://192.0.2.20")


def test_two_with_one_identity_are_told() -> None:
    """As they come from the factory: adopted so, they would take each other's place for ever."""
    typing = Typing(RIGHT)
    run(Book(), typing, lambda step: Seen(stations=(replace(CP, also_at="192.168.10.12"),))
        if isinstance(step, LookForStations) else probe(step))  # fmt: skip
    assert "stations.twins" in typing.told


def test_an_address_of_somebody_else() -> None:
    """The building's Modbus address is tried at once: the service wouldn't start with one that isn't the gateway's."""

    def elsewhere(step: Step) -> Any:
        if isinstance(step, TryListen) and step.listen == "192.168.1.20:5502":
            return Failure(problem="Cannot assign requested address")
        return probe(step)

    typing = Typing(RIGHT | {"bms.modbus": ["192.168.1.20:5502", "192.168.1.10:5502"]})
    assert run(Book(), typing, elsewhere) == run(Book(), Typing(RIGHT))
    assert "bms.deaf" in typing.told


def test_an_address_for_the_stations_that_is_somebody_elses() -> None:
    """It is asked again: who had mistyped it heard no station, and could only go on. Or it is kept, and asked once."""
    mistyped = "192.168.10.2:9000"

    def elsewhere(step: Step) -> Any:
        if isinstance(step, LookForStations) and step.listen == mistyped:
            return Failure(problem="no network that is up has 192.168.10.2")
        return probe(step)

    typing = Typing(RIGHT | {"ocpp.listen": [mistyped, "192.168.10.1:9000"], "stations.keep": "n"})
    assert run(Book(), typing, elsewhere) == run(Book(), Typing(RIGHT))
    assert "stations.deaf" in typing.told
    kept = {"stations.keep": ["y", "not asked again"], "station.which": ["+", "CP-1", "0"]}
    document = run(Book(), Typing(RIGHT | {"ocpp.listen": mistyped} | kept), elsewhere)
    assert document is not None
    assert (document["ocpp"]["listen"], document["station"][0]["id"]) == (mistyped, "CP-1")


def test_a_site_that_does_not_fit_goes_back() -> None:
    """The finding is shown, the part chosen is gone through again."""
    verdicts = [Proof(findings=("circuit[0].fuse_a has no room",)), Proof()]

    def strict(step: Step) -> Any:
        return verdicts.pop(0) if isinstance(step, Prove) else probe(step)

    fuses = {"grid.fuse_a": ["6", "63"], "grid.margin_a": ["0", "2"]}
    typing = Typing(RIGHT | fuses | {"again": "2", "bms.modbus": ""})
    document = run(Book(), typing, strict)
    assert document is not None
    assert document["circuit"][0]["fuse_a"] == 63
    assert "finding" in typing.told


def test_what_is_worth_knowing_is_told_before_it_is_written() -> None:
    """A fuse larger than the one before it is sound, and often a slip: `edge check` alone said so, afterwards."""
    note = "circuit[1].fuse_a: is 400 A, more than the 250 A of 'main' which feeds it"

    def noting(step: Step) -> Any:
        return Proof(notes=(note,)) if isinstance(step, Prove) else probe(step)

    typing = Typing(RIGHT)
    assert run(Book(), typing, noting) == run(Book(), Typing(RIGHT))
    assert typing.told.index("note") == typing.told.index("proved") + 1


def test_the_sites_name_can_be_put_right() -> None:
    """As every other part: it is on each topic of the building, and a slip in it was final."""
    typing = Typing(RIGHT | {"site.id": ["habour-3", "harbour-3"], "write": ["n", "y"], "again": "1"})
    assert run(Book(), typing) == run(Book(), Typing(RIGHT))


def test_a_password_that_was_left_is_shown_anew() -> None:
    """It is shown once: whoever lost the connection while it stood there could neither read it nor get another."""
    kept = Book()
    made: list[str] = []

    def cut_off(step: Step) -> Any:
        if isinstance(step, NewKey):
            made.append(f"pbkdf2-sha256$10000${'0' * 32}${len(made):064d}")
            return "A1B2", made[-1]
        if isinstance(step, Pause) and step.text == "stations.key" and len(made) == 1:
            raise KeyboardInterrupt
        return probe(step)

    with pytest.raises(KeyboardInterrupt):
        run(kept, Typing(RIGHT), cut_off)
    resumed = read_book(kept.text(), name="kept")
    document = run(resumed, Typing(RIGHT | _rest_of_lists(resumed)), cut_off)
    assert document is not None
    assert (len(made), document["station"][0]["key_hash"]) == (2, made[1])


def test_one_station_is_gone_through_again() -> None:
    """What is wrong at one costs nobody the others' answers, nor the passwords that are in the stations already."""
    made: list[str] = []

    def two(step: Step) -> Any:
        match step:
            case LookForStations():
                return Seen(stations=(CP, replace(CP, identity="CP-2", serial="S2")))
            case NewKey():
                made.append(f"pbkdf2-sha256$10000${'0' * 32}${len(made):064d}")
                return "A1B2", made[-1]
        return probe(step)

    typed: dict[str, str | list[str]] = RIGHT | {
        "station.which": ["1", "CP-2", "0"],
        "station.evses": "1",
        "station.max_a": ["16", "32", "20"],
        "station.phases": ["L1 L2 L3", "L1 L2 L3", "L3 L1 L2"],
        "write": ["n", "y"],
        "again": "station",
    }
    one: dict[str, str | list[str]] = {"again.station": "CP-2", "again.identity": ["CP-1", "CP-2"]}
    document = run(Book(), Typing({**typed, **one}), two)
    assert document is not None
    assert [each["evse"][0]["max_a"] for each in document["station"]] == [16, 20]
    assert [each["evse"][0]["phases"] for each in document["station"]] == [["L1", "L2", "L3"], ["L3", "L1", "L2"]]
    assert [each["key_hash"] for each in document["station"]] == made[:2]
    made.clear()
    anew: dict[str, str | list[str]] = {"again.station": "3", "station.which": ["1", "CP-2", "0", "CP-2", "0"]}
    document = run(Book(), Typing(typed | anew), two)
    assert document is not None
    assert [(each["id"], each["key_hash"]) for each in document["station"]] == [("CP-2", made[2])]


def test_a_mistyped_identity_can_be_put_right_or_taken_out() -> None:
    """It was final, but for all stations anew with new passwords. What another said of itself isn't kept for it."""
    typed: dict[str, str | list[str]] = RIGHT | {
        "station.which": ["1", "y", "CP-2", "0"],
        "station.evses": "1",
        "station.max_a": ["16", "20", "32"],
        "write": ["n", "y"],
        "again": "station",
        "again.station": "y",
        "again.identity": "0",
    }
    book = Book()
    document = run(book, Typing(typed))
    assert document is not None
    assert [(each["id"], each["evse"][0]["max_a"]) for each in document["station"]] == [("CP-1", 16), ("CP-2", 32)]
    assert [book.get("station", index, "serial") for index in range(book.count("station"))] == ["S", None]
    book = Book()
    document = run(book, Typing({**typed, "again.station": "CP-1", "again.identity": ["CP-2", "CP-01"]}))
    assert document is not None
    assert [each["id"] for each in document["station"]] == ["CP-01", "y", "CP-2"]
    assert [book.get("station", index, "serial") for index in range(3)] == [None, None, None]


def test_phases_are_measured() -> None:
    """The load on the station's own L1 and L2 moves the grid's L3 and L1; what is unclear is tried again."""
    base = PhaseAmps(5.0, 5.0, 5.0)
    on_l3, on_l1, on_two = (PhaseAmps(5.0, 5.0, 13.7), PhaseAmps(13.7, 5.0, 5.0), PhaseAmps(13.7, 13.7, 5.0))
    levels = [each for level in (base, on_two, base, on_l3, on_l1) for each in [level] * 3]
    seen = [base]  # the first reading is the choice of the meter

    def metered(step: Step) -> Any:
        if isinstance(step, ReadMeter):
            return seen.pop() if seen else levels.pop(0)
        return probe(step)

    typing = Typing(RIGHT | {"station.evses": "1", "station.way": "2"})
    document = run(Book(), typing, metered)
    assert document is not None
    assert document["station"][0]["evse"][0]["phases"] == ["L3", "L1", "L2"]
    assert typing.told.count("phases.unclear") == 1


def test_a_meter_without_currents_measures_no_phases() -> None:
    """That of a DSMR 2 port: it is said, and asked again how the phases are known."""

    def without(step: Step) -> Any:
        return None if isinstance(step, ReadMeter) else probe(step)

    typing = Typing(RIGHT | {"station.evses": "1", "station.way": ["2", "1"], "station.phases": "L1 L2 L3"})
    document = run(Book(), typing, without)
    assert document is not None
    assert document["station"][0]["evse"][0]["phases"] == ["L1", "L2", "L3"]
    assert typing.told.count("meter.mute") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x =", "is no TOML"),
        ('[sites]\nid = "x"', "sites: is asked by no question"),
        ("[[station]]\nmax = 16", "station.max: is asked by no question"),
        ("[grid]\nfuse = 63", "grid.fuse: is asked by no question"),
        ("site = 3", "site: is not of its form"),
        ("circuit = [1]", "circuit: is no list of tables"),
        ('done = ["circuits", 3]', "done: is no list of names"),
        ("done = [[1]]", "done: is no list of names"),
    ],
)
def test_a_file_of_answers_that_is_none(text: str, words: str) -> None:
    """One sentence names the file and the place."""
    with pytest.raises(SetupStopped, match=r"f\.toml") as caught:
        read_book(text, name="f.toml")
    assert words in str(caught.value)


@pytest.mark.parametrize("word", ["none", "Ingen", " geen ", "keine"])
def test_a_site_without_a_cloud_says_so_in_any_language(word: str) -> None:
    """Nobody is dialled, and the file has no address; the file of answers has the word, too."""
    book, typing = Book(), Typing(RIGHT | {"ocpp.upstream": word})

    def nobody(step: Step) -> Any:
        assert not isinstance(step, TryCloud)
        return probe(step)

    document = run(book, typing, nobody)
    assert document is not None
    assert "cloud.none" in typing.told
    assert "upstream" not in merged({}, document)["ocpp"]
    assert "upstream" not in fresh(document)
    assert run(read_book(book.text(), name="kept"), Typing({"write": "y"}), nobody) == document


class Entering(Typing):
    """Takes what is proposed for the cloud."""

    def answer(self, step: Ask) -> str:
        return str(step.default) if step.text == "ocpp.upstream" else super().answer(step)


def test_a_site_gives_its_cloud_up_and_takes_one_again() -> None:
    """By going through the questions once more: what the file says is proposed, its address taken out, or put in."""
    old = '[ocpp]\nlisten = "127.0.0.1:9000"\nupstream = "wss://csms.example.com/{station}" # for now\n'
    document = run(Book(), Typing(RIGHT | {"ocpp.upstream": "none"}), defaults=Defaults(document=tomli.loads(old)))
    assert document is not None
    without = updated(old, {"ocpp": document["ocpp"]})
    assert "upstream" not in tomli.loads(without)["ocpp"]
    defaults = Defaults(document=tomli.loads(without))
    kept = run(Book(), Entering(RIGHT), defaults=defaults)
    assert kept is not None
    assert kept["ocpp"]["upstream"] is None
    again = run(Book(), Typing(RIGHT), defaults=defaults)
    assert again is not None
    assert tomli.loads(updated(without, {"ocpp": again["ocpp"]}))["ocpp"]["upstream"] == (
        "wss://csms.example.com/ocpp/{station}"
    )
