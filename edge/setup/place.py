"""Site, grid connection and circuits: the first parts of the interview."""

from edge.config.schema_site import CircuitTable, SiteTable
from edge.setup.asking import ask, choose
from edge.setup.book import Book
from edge.setup.checks import Check, of_schema, other_than, timezone, unless_empty
from edge.setup.defaults import Defaults
from edge.setup.steps import Option, Talk

MARGIN_A = 2  # of the grid connection's fuse: meters, clamps and cars are each some per cent off


def site(book: Book, defaults: Defaults) -> Talk[None]:
    """The site's name and time zone."""
    yield from ask(book, ("site", "id"), of_schema(SiteTable, "id"), default=defaults.of("site", "id"))
    zone = defaults.of("site", "timezone") or defaults.timezone
    yield from ask(book, ("site", "timezone"), timezone, default=zone)


def grid(book: Book, defaults: Defaults) -> Talk[None]:
    """The fuse before everything, what to stay below it, and the building's worst load."""
    known = defaults.grid
    fuse_a = yield from ask(book, ("grid", "fuse_a"), of_schema(CircuitTable, "fuse_a"), default=known.get("fuse_a"))
    margin = _below(of_schema(CircuitTable, "margin_a"), fuse_a)
    default_a = known.get("margin_a", MARGIN_A if fuse_a > MARGIN_A else 0)
    yield from ask(book, ("grid", "margin_a"), margin, default=default_a, values={"fuse_a": fuse_a})
    reserve = of_schema(CircuitTable, "background_reserve_a")
    yield from ask(book, ("grid", "background_reserve_a"), reserve, default=known.get("background_reserve_a"))


def circuits(book: Book, defaults: Defaults) -> Talk[None]:
    """The fuses between the grid connection and the stations, until no more are named."""
    while not book.is_done("circuits"):
        number = _unfinished(book)
        taken = [defaults.grid_id, *defaults.circuits, *(book.get("circuit", index, "id") for index in range(number))]
        name = other_than(taken, of_schema(SiteTable, "id"))  # a short one, that stands in topics as it is
        said = yield from ask(book, ("circuit", number, "id"), unless_empty(name), default="")
        if not said:
            book.drop("circuit", number)
            book.finish("circuits")
            return
        yield from ask(book, ("circuit", number, "fuse_a"), of_schema(CircuitTable, "fuse_a"), values={"circuit": said})
        parents = [Option(name=each, label=each) for each in taken]
        if len(parents) == 1:
            book.put(("circuit", number, "parent"), defaults.grid_id)
        yield from choose(
            book, ("circuit", number, "parent"), parents, default=defaults.grid_id, values={"circuit": said}
        )


def _unfinished(book: Book) -> int:
    """The first circuit that lacks an answer, or the next."""
    for index in range(book.count("circuit")):
        if any(book.get("circuit", index, key) is None for key in ("id", "fuse_a", "parent")):
            return index
    return book.count("circuit")


def _below(check: Check, fuse_a: float) -> Check:
    def checked(text: str) -> float:
        value: float = check(text)
        if value >= fuse_a:
            raise ValueError("leaves nothing of the fuse")
        return value

    return checked
