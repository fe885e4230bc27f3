"""Opening totals: which items of the report an aggregate covers, and whether the figures agree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sitrep_ie.assemble.layout import Layout
from sitrep_ie.assemble.outcomes import outcome_fields
from sitrep_ie.document import Event, Outcomes, OutcomeTotal, Quantity, Reconciliation

_NAME_WORD = re.compile(r"\b[^\W\d_a-z][^\W_]+")
# Capitalised in names of forces that have nothing else in common.
_COMMON_IN_NAMES = frozenset(
    "armed army border brigade command council defence defense democratic division forces front general "
    "government group guard internal international islamic joint military militia ministry movement "
    "national northern eastern party people police popular regiment security southern special state unit "
    "units western".split()
)


def itemised(
    aggregate: Event, paragraph: int, events: Sequence[tuple[int, Event]], num_opening: int
) -> tuple[str, ...]:
    """Returns the ids of the records that `aggregate` sums up, in text order.

    Sub-events of the same type are its items. Without any, an aggregate of the opening paragraphs covers the
    events of its type in the later ones that nothing sets apart: same modality, an agent in common, and a
    time not outside its own. An event without agent counts only where both times are known. A part of an
    event of the same type is no item beside it.

    Args:
        aggregate: a record with `aggregate` set.
        paragraph: where it stands.
        events: all records with their paragraphs.
        num_opening: how many paragraphs open the report.
    """
    children = set(aggregate.children)
    linked = tuple(event.id for _, event in events if event.id in children and event.type == aggregate.type)
    if linked or paragraph >= num_opening:
        return linked
    types = {event.id: event.type for _, event in events}
    return tuple(
        event.id
        for where, event in events
        if where >= num_opening
        and types.get(event.parent or "") != event.type
        and _may_be_item(event, aggregate)
    )


def _may_be_item(event: Event, aggregate: Event) -> bool:
    if event.type != aggregate.type or event.release != aggregate.release:
        return False
    if event.modality != aggregate.modality:
        return False
    whole, part = aggregate.time, event.time
    dated = False
    if whole.start and whole.end and part.start and part.end:
        dated = True
        if part.start < whole.start or part.end > whole.end:
            return False
        if whole.dates and not any(part.start <= day <= part.end for day in whole.dates):
            return False
    if not _names(event, ("agent",)):
        return dated
    return bool(_key_words(event) & _key_words(aggregate))


def _names(event: Event, roles: tuple[str, ...]) -> list[str]:
    names = [actor.name for actor in event.actors if actor.role in roles]
    names += [actor.affiliation for actor in event.actors if actor.role in roles and actor.affiliation]
    return names + [thing.text for thing in event.objects if thing.role in roles]


def _key_words(event: Event) -> set[str]:
    """What two names of one party have in common: the whole, or a word that few others have."""
    names = _names(event, ("agent", "partner"))
    return {name.casefold() for name in names} | name_words(names)


def name_words(names: Iterable[str]) -> set[str]:
    """The capitalised words of names that few other names have, in lower case."""
    words = {word.casefold() for name in names for word in _NAME_WORD.findall(name)}
    return words - _COMMON_IN_NAMES


def reconcile(aggregate: Event, stated: Outcomes, items: Sequence[Event]) -> Reconciliation | None:
    """Returns stated against summed figures, or None for an aggregate without items.

    Args:
        aggregate: the record whose `count` is the stated number of occurrences.
        stated: the people that the aggregate itself states, without those of its items.
        items: its itemised records; one without `count` is one occurrence, or one for each day that its time
            lists, unless it is an aggregate itself.
    """
    if not items:
        return None
    counts = [_occurrences(item) for item in items]
    totals = []
    for field, figure in outcome_fields(stated).items():
        parts = [part for item in items if (part := outcome_fields(item.outcomes)[field]) is not None]
        if figure is None:
            continue
        summed = _sum(parts)
        totals.append(OutcomeTotal(field, _value(figure), _value(summed), _agrees(figure, summed)))
    summed_count = _sum(counts)
    return Reconciliation(
        stated=_value(aggregate.count),
        summed=_value(summed_count),
        agrees=_agrees(aggregate.count, summed_count),
        outcomes=tuple(totals),
    )


def _occurrences(item: Event) -> Quantity | None:
    if item.count is not None or (item.aggregate and not item.time.dates):
        return item.count
    number = float(len(item.time.dates) or 1)
    return Quantity(number, number, number, "exact")


def _sum(parts: Sequence[Quantity | None]) -> Quantity | None:
    known = [part for part in parts if part is not None and part.low is not None]
    if not known or len(known) < len(parts):
        return None
    low = sum(part.low or 0.0 for part in known)
    bests = [part.best for part in known if part.best is not None]
    highs = [part.high for part in known if part.high is not None]
    return Quantity(
        low=low,
        best=sum(bests) if len(bests) == len(known) else None,
        high=sum(highs) if len(highs) == len(known) else None,
        qualifier="exact",
    )


def _value(quantity: Quantity | None) -> float | None:
    if quantity is None:
        return None
    return quantity.best if quantity.best is not None else quantity.low


def _agrees(stated: Quantity | None, summed: Quantity | None) -> bool | None:
    """True where the bounds meet: "at least 30" agrees with 34."""
    if stated is None or summed is None or stated.low is None or summed.low is None:
        return None
    infinite = float("inf")
    stated_high = infinite if stated.high is None else stated.high
    summed_high = infinite if summed.high is None else summed.high
    return stated.low <= summed_high and summed.low <= stated_high


def num_opening_paragraphs(layout: Layout, first_dated: int | None, first_eventful: int | None) -> int:
    """Returns how many paragraphs open a report.

    All before the first item with a heading date; in a report without such items, all up to the first
    paragraph that has an event.
    """
    if first_dated is not None:
        return first_dated
    return 0 if first_eventful is None else min(first_eventful + 1, len(layout.paragraphs))
