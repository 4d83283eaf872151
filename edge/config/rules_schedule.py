"""Rules of ``[[schedule]]``: each limits a circuit, or says one thing of a class."""

from collections.abc import Iterator

from edge.config.draft import Draft
from edge.config.faults import Fault, one_of
from edge.config.schema_bms import ScheduleTable


def schedule_says_something(draft: Draft) -> Iterator[Fault]:
    """Each rule is a limit of a circuit, a rank of a class, or the hours of a class; and just one of them."""
    for index, rule in enumerate(draft.file.schedule):
        if rule.class_ is None:
            yield from _of_circuit(index, rule)
        else:
            yield from _of_class(index, rule)


def _of_circuit(index: int, rule: ScheduleTable) -> Iterator[Fault]:
    for key in ("rank", "at_close"):
        if getattr(rule, key) is not None:
            yield Fault(
                path=("schedule", index, key), problem="is given without class", remedy="give the class it is for"
            )
            return
    if rule.limit_a is None and rule.limit_kw is None:
        yield Fault(
            path=("schedule", index, "limit_a"),
            problem="is missing, and so is limit_kw",
            remedy="give limit_a in A per phase, or limit_kw; or a class with its rank or at_close",
        )


def _of_class(index: int, rule: ScheduleTable) -> Iterator[Fault]:
    for key in ("circuit", "limit_a", "limit_kw"):
        if getattr(rule, key) is not None:
            yield Fault(
                path=("schedule", index, key),
                problem="is for a circuit, and the rule is for a class",
                remedy="give circuits a [[schedule]] of their own",
            )
    if rule.rank is not None and rule.at_close is not None:
        yield Fault(
            path=("schedule", index, "rank"),
            problem="is given beside at_close",
            remedy="give the rank and the opening hours each a [[schedule]] of its own",
        )
    if rule.rank is None and rule.at_close is None:
        yield Fault(
            path=("schedule", index, "at_close"),
            problem="is missing, and so is rank",
            remedy='give at_close ("refuse", "reduce" or "finish") for opening hours, or the rank at these hours',
        )


def schedule_classes_exist(draft: Draft) -> Iterator[Fault]:
    """The class of a rule is there."""
    known = [each.id for each in draft.file.class_]
    for index, rule in enumerate(draft.file.schedule):
        if rule.class_ is not None and rule.class_ not in known and draft.ids_sound("class"):
            yield Fault(
                path=("schedule", index, "class"),
                problem=f"is '{rule.class_}', and there is no such class",
                remedy=one_of(known, rule.class_, kind="classes are", none="add a [[class]]"),
            )


def closing_agrees(draft: Draft) -> Iterator[Fault]:
    """A class is closed in one way: which of its hours were the last isn't asked."""
    first: dict[str, str] = {}
    for index, rule in enumerate(draft.file.schedule):
        if rule.class_ is None or rule.at_close is None:
            continue
        agreed = first.setdefault(rule.class_, rule.at_close)
        if rule.at_close != agreed:
            yield Fault(
                path=("schedule", index, "at_close"),
                problem=f"is '{rule.at_close}', and class '{rule.class_}' has '{agreed}' already",
                remedy=f'give all opening hours of the class the same, for example "{agreed}"',
            )
