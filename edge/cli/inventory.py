"""What the set-up has learned of each station besides the site file: for the hand-over document."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.config.write import save
from edge.setup.book import Book
from edge.setup.stations import KEPT

FILE = "inventory.json"  # in the state folder


def read_inventory(state: Path) -> dict[str, Mapping[str, Any]]:
    """By station; empty where nothing is known."""
    try:
        known = json.loads((state / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def note_stations(state: Path, book: Book) -> None:
    """Keep what the interview has learned; what was known of other stations stays.

    :raises SiteFileUnwritable: the state folder can't be written to.
    """
    learned = {
        str(answers["id"]): {key: answers[key] for key in (*KEPT, "location") if answers.get(key)}
        for answers in (book.table("station", index) for index in range(book.count("station")))
        if "id" in answers
    }
    if learned:
        save(state / FILE, json.dumps(read_inventory(state) | learned, indent=2, ensure_ascii=False) + "\n")
