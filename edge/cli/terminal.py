"""The terminal of an interview: questions out, typed answers in, on a terminal as on a pipe."""

import asyncio
import contextlib
import getpass
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from itertools import zip_longest
from typing import Any, TypeVar

import typer

from edge.errors import TerminalGone
from edge.language import Speaker
from edge.setup.checks import are_numbered
from edge.setup.steps import Ask, Pause, Tell

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own: what listens goes on while the main thread waits for the keyboard."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="probes", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of the work, once it is done."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End what is under way, the loop and its thread."""
        self.run(_end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _end_all() -> None:
    """What Ctrl-C has left behind: nobody waits for it any more."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """What belongs together is written together, and a machine that was started is put in order: seconds at most, in
    which Ctrl-C, a lost terminal and SIGTERM are not heard. Whoever leaves in a hurry presses Ctrl-C more than once.
    """
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


HIDDEN = "***"
FEW = 12  # options, one below the other: half of the smallest screen, which has 24 lines
COLUMN = 38  # columns of an option, where two stand in a line of 80


class Terminal:
    """Puts the interview's steps to who sits there."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker

    def tell(self, step: Tell) -> None:
        """Show something."""
        if step.text.startswith("part."):
            typer.echo("")
        typer.echo(self.speaker.say(step.text, step.values))

    def pause(self, step: Pause) -> None:
        """Show what is to be done, and wait."""
        self.line(self.speaker.say("pause", {"text": self.speaker.say(step.text, step.values)}) + " ")

    def ask(self, step: Ask) -> str:
        """The answer to a question, or what Enter means."""
        say = self.speaker.say
        is_yes_no = tuple(option.name for option in step.options) == ("yes", "no")
        numbered = are_numbered(step.options)
        shown = [] if is_yes_no else self._listed(step, numbered=numbered)
        if step.refused is not None:
            help_text = say(f"help.{step.text}", step.values)
            told = say("refused", {"answer": HIDDEN if step.is_secret else step.refused, "help": help_text})
            shown.insert(len(shown) if len(shown) > FEW else 0, told)  # above a long list it would scroll away
        for line in shown:
            typer.echo(line)
        default = meant = step.default
        choice = ""
        if is_yes_no:
            labels = {option.name: self.speaker.label(option.label) for option in step.options}
            choice = f" ({'/'.join(labels.values())})"
            meant = labels.get(default or "")
        elif numbered:  # its own name is an English word of the answers file, where another is shown
            places = {each.name: str(place) for place, each in enumerate(step.options, 1) if each.label != each.name}
            meant = places.get(default or "", default)
        meant = f" [{HIDDEN if step.is_secret else meant}]" if meant else ""
        question = f"{say(step.text, step.values)}{choice}{meant}"
        said = (self.secret(question) if step.is_secret else self.line(f"{question}: ")).strip()
        return said if said or default is None else default

    def _listed(self, step: Ask, *, numbered: bool) -> list[str]:
        """The options, a line each; many of them two a line, and of many those alone in which a refused answer is."""
        told = [
            (option.name, f"  {f'{number}) ' if numbered else ''}{self.speaker.label(option.label)}")
            for number, option in enumerate(step.options, 1)
        ]
        if len(told) > FEW and step.refused:
            near = [each for each in told if step.refused.casefold() in each[0].casefold()]
            told = near or told
        lines = [line for _, line in told]
        if len(lines) <= FEW or max(map(len, lines)) > COLUMN:
            return lines
        left, right = lines[: (len(lines) + 1) // 2], lines[(len(lines) + 1) // 2 :]
        return [f"{one:{COLUMN}} {other}".rstrip() for one, other in zip_longest(left, right, fillvalue="")]

    def line(self, prompt: str) -> str:
        """One line that was typed.

        :raises TerminalGone: there is nobody any more.
        """
        return self._typed(lambda: input(prompt))

    def secret(self, prompt: str) -> str:
        """One line that isn't shown while it is typed.

        :raises TerminalGone: there is nobody any more.
        """
        return self._typed(lambda: getpass.getpass(f"{prompt}: ") if sys.stdin.isatty() else input(f"{prompt}: "))

    def _typed(self, read: Callable[[], str]) -> str:
        while True:
            try:
                said = read()
                said.encode()  # what isn't UTF-8 is an error or, by the locale, comes as lone surrogates
            except EOFError:
                typer.echo("")
                raise TerminalGone(self.speaker.say("left.early")) from None
            except UnicodeError:
                typer.echo(self.speaker.say("unreadable"))
            else:
                return said
