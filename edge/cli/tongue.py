"""Which language the verbs of set-up and care speak."""

import os
from pathlib import Path
from typing import Annotated

import typer

from edge.config.write import save
from edge.language import LANGUAGES, Speaker

FILE = "language"  # in the state folder: what edge setup was answered in
LanguageOption = Annotated[
    str | None,
    typer.Option(
        "--language",
        metavar="|".join(LANGUAGES),
        help="Default: that of edge setup, else of $LANG.",
        show_default=False,
    ),
]


def speaker(wanted: str | None, state: Path) -> Speaker:
    """Who speaks the language that is wanted, else that of the set-up, else the terminal's, else English.

    :raises typer.BadParameter: there is no such language.
    """
    if wanted is not None and wanted not in LANGUAGES:
        raise typer.BadParameter(f"--language is none of {', '.join(LANGUAGES)}")
    terminal = (os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or "")[:2]
    known = [each for each in (wanted, _of_set_up(state), terminal) if each in LANGUAGES]
    return Speaker(known[0] if known else LANGUAGES[0])


def note_language(state: Path, language: str) -> None:
    """Keep the language of the set-up.

    :raises SiteFileUnwritable: the state folder can't be written to.
    """
    save(state / FILE, f"{language}\n")


def _of_set_up(state: Path) -> str | None:
    try:
        return (state / FILE).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
