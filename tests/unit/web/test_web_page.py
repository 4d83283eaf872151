"""The page: what it shows of a report, that it is sound HTML whatever that holds, and what browsers may do with it."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.language import LANGUAGES, Speaker, printable
from edge.web import words
from edge.web.app import make_app
from edge.web.page.picture import picture
from edge.web.page.wanted import wanted_language
from tests.fake_needs import FakeNeeds
from tests.unit.web.test_web_app import REPORT, STARTING

ENGLISH = Speaker("en")
VOID = {"meta", "link"}


class Seen(HTMLParser):
    """What a browser makes of it: the texts in order, and each element with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open, "an element has no end"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


def shown(**changes: Any) -> list[str]:
    """The texts of the page of the usual report with these changes."""
    return Seen(picture(ENGLISH, REPORT | changes)).texts


def evse(**changes: Any) -> dict[str, Any]:
    """The one station of the report, its EVSE changed."""
    (station,) = REPORT["stations"]
    return {"stations": [station | {"evses": [station["evses"][0] | changes]}]}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(status=lambda: REPORT, healthy=lambda: True, needs=FakeNeeds())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as each:
        yield each


async def test_it_is_served_with_all_that_it_wants(client: httpx.AsyncClient) -> None:
    """What it names is there, from here and nowhere else."""
    answer = await client.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (await client.head("/")).status_code == 200
    wanted = [
        address
        for _, attributes in Seen(answer.text).elements
        for name in ("src", "href")
        if (address := attributes.get(name)) is not None and not address.startswith("data:")
    ]
    assert {"page.css", "page.js"} < set(wanted)
    for each in wanted:
        assert (await client.get(f"/{each}")).status_code == 200


async def test_browsers_may_do_nothing_else_with_it(client: httpx.AsyncClient) -> None:
    """No script and no style but its own files; not within another page; not kept."""
    answer = await client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    for tag, attributes in Seen(answer.text).elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
    for part, kind in (("page.css", "text/css"), ("page.js", "text/javascript")):
        found = await client.get(f"/{part}")
        assert found.headers["content-type"].startswith(kind)
        assert found.headers["x-content-type-options"] == "nosniff"


def test_it_says_what_edge_status_says() -> None:
    """The same sentences, each once."""
    texts = shown()
    for said in (
        words.headline(ENGLISH, REPORT),
        *words.on_control(ENGLISH, REPORT),
        *words.on_the_rest(ENGLISH, REPORT),
        *(load.said for circuit in REPORT["circuits"] for load in words.loads(ENGLISH, circuit)),
    ):
        assert texts.count(said.text) == 1, said
    assert {"meter deck: no answer", "CP-01/1", "5.9 5.8 6.0", "8.0 kWh in 2 h", "6.0 A: main L3 is full"} < set(texts)


def test_columns_that_nobody_fills_are_left_out() -> None:
    assert {"cloud", "needs"} < set(shown())
    assert "uses" not in shown()
    assert "cloud" not in shown(has_cloud=False)
    assert "needs" not in shown(**evse(need=None))
    texts = shown(**evse(phases_in_use=["L2"]))
    assert "uses" in texts
    assert "L2" in texts


def test_where_nothing_is_commanded_it_says_so() -> None:
    texts = shown(mode="observe")
    assert "would be A" in texts
    assert "limit A" not in texts
    assert "Stations: nothing is commanded, the limits are what they would be" in texts


def test_a_gateway_that_starts_has_a_page() -> None:
    texts = Seen(picture(ENGLISH, STARTING)).texts
    assert "harbour-3" in texts
    assert not {"Circuits", "Stations"} & set(texts)


def bars(**changes: Any) -> list[dict[str, str | None]]:
    """The bars of the one circuit with these changes."""
    page = Seen(picture(ENGLISH, REPORT | {"circuits": [REPORT["circuits"][0] | changes]}))
    return [attributes for tag, attributes in page.elements if tag == "meter"]


def test_bars_are_full_at_the_rating() -> None:
    """What flows back to the grid is none; what is too much is full, and above `high`."""
    for_each = bars(measured_a=[30.5, -11.0, 70.0])
    assert [(each["value"], each["max"]) for each in for_each] == [("30.5", "61"), ("0", "61"), ("70", "70")]
    assert [each["high"] for each in for_each] == ["61", "61", "61"]
    assert bars(measured_stale=True) == []  # what flows now isn't known
    assert [each["value"] for each in bars(measured_a=None)] == ["6", "6", "6"]  # what may flow


def test_what_is_overloaded_is_said_below_its_circuit() -> None:
    texts = shown(circuits=[REPORT["circuits"][0] | {"measured_a": [70.0, 0.0, 0.0]}])
    assert ("12.0 / 61" in texts, "L1 is overloaded: 70.0 of 61 A" in texts) == (False, True)


@given(name=st.text(min_size=1))
def test_names_are_text_whatever_is_in_them(name: str) -> None:
    """A station may call itself what it likes; it adds no element, no attribute, and nothing that isn't to be seen."""
    plain = Seen(picture(ENGLISH, REPORT))
    (station,), (waiting,) = REPORT["stations"], REPORT["waiting_stations"]
    changed = REPORT | {
        "site": name,
        "stations": [station | {"id": name, "evses": [station["evses"][0] | {"status": name, "text": name}]}],
        "waiting_stations": [waiting | {"id": name, "vendor": name}],
    }
    seen = Seen(picture(ENGLISH, changed))
    assert seen.elements == plain.elements
    assert all(character.isprintable() for text in seen.texts for character in text)
    assert name.isspace() or any(printable(name).strip() in text for text in seen.texts)


def test_a_name_of_markup_is_shown_as_it_is() -> None:
    name = "<script>alert(1)</script>&amp;'\""
    assert f"{name}/1" in shown(stations=[REPORT["stations"][0] | {"id": name}])


def test_what_wants_to_be_looked_at_has_its_class() -> None:
    lines = picture(ENGLISH, REPORT).splitlines()
    assert '<li class="bad">meter deck: no answer</li>' in lines
    assert any(line.startswith('<li class="look">waiting to be let in: CP-99') for line in lines)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr-BE, nl-BE;q=0.7, en;q=0.5", "nl"),  # French isn't there: the next that is
        ("en;q=0.5, da;q=0.9", "da"),  # by weight, not by place
        ("DE", "de"),
        ("pl,*", "en"),
        ("", "en"),
        ("de;q=0", "en"),  # expressly not
        ("de;q=0,nl;q=0.1", "nl"),
        ("de;q=high, da", "da"),
        ("de;q=nan, nl;q=0.2", "nl"),
        (";;,,=;q=", "en"),
        ("nl,da", "nl"),
    ],
)
def test_the_browser_chooses_the_language(accepted: str, language: str) -> None:
    assert wanted_language(accepted) == language


@given(accepted=st.text())
def test_whatever_a_browser_asks_for_there_is_a_language(accepted: str) -> None:
    assert wanted_language(accepted) in LANGUAGES


async def test_the_page_is_in_the_language_that_is_asked_for(client: httpx.AsyncClient) -> None:
    """And says so, to who reads it aloud and to who keeps it for others."""
    answer = await client.get("/", headers={"accept-language": "de-CH,de;q=0.9"})
    assert (answer.headers["content-language"], answer.headers["vary"]) == ("de", "accept-language")
    seen = Seen(answer.text)
    assert ("html", {"lang": "de"}) in seen.elements
    assert {"Stromkreise", "Ladestationen", "lädt", "Zähler deck: no answer", "5,9 5,8 6,0"} < set(seen.texts)
    assert (await client.get("/")).headers["content-language"] == "en"


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_in_each_language_it_is_the_same_page(language: str) -> None:
    """The same elements, whatever the words; and no heading is left in English."""
    english, other = Seen(picture(ENGLISH, REPORT)), Seen(picture(Speaker(language), REPORT))
    assert [tag for tag, _ in other.elements] == [tag for tag, _ in english.elements]
    left = set(other.texts) & set(english.texts)
    assert not left & {"Circuits", "Stations", "circuit", "link", "cloud", "limit A", "draw A", "needs", "up"}
