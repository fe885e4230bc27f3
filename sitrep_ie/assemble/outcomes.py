"""What occurrences led to: people and things, summed over distinct victims of an event and its sub-events."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sitrep_ie.assemble.appositions import is_name
from sitrep_ie.assemble.arguments import Arguments, Values
from sitrep_ie.assemble.layout import Layout
from sitrep_ie.assemble.links import Links, Occurrence
from sitrep_ie.document import (
    Mention,
    ObjectArgument,
    Outcomes,
    PlaceArgument,
    Quantity,
    QuantityQualifier,
    Span,
    Trigger,
)
from sitrep_ie.ontology import Ontology

PEOPLE_FIELDS = ("killed", "injured", "detained", "released", "abducted", "displaced")
_PEOPLE_TYPES = frozenset({"ACTOR", "QUANTITY"})
# Those who flee by themselves are AGENT.
_VICTIM_ROLES = {"DISPLACEMENT": ("TARGET", "AGENT", "THEME")}
_NO_BEFORE = re.compile(r"\b(no|none|neither|nobody|without|nil|zero)\s+(?:\w+\s+){0,2}\Z", re.IGNORECASE)
_PART_BEFORE = re.compile(
    r"\b(?:including|incl\.?|among (?:them|whom)|of (?:them|whom|these|those))\s+(?:\w+\s+)?\Z", re.IGNORECASE
)
_PART_AFTER = re.compile(
    r"\s+(?:of\s+(?:them|whom|these|those)|(?:was|were|is|are)\s+(?:one\s+of|among(?:st)?)\s+(?:the|them|those))\b",
    re.IGNORECASE,
)
# "two were killed and a third was wounded": one more person. "A third of them", "a third were": a share.
_ONE_MORE = re.compile(
    r"(?:an?\s+)?(?:second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)\Z", re.IGNORECASE
)
_SINGULAR_VERB = re.compile(r"\s+(?:was|is|has|had|dies?d?|lost|remains|suffered|later)\b", re.IGNORECASE)
_ONE = Quantity(1.0, 1.0, 1.0, "exact")
_DEFINITE = frozenset("the his her its their this that these those".split())


@dataclass(frozen=True)
class _Victims:
    """One group of people: `key` is what makes it distinct, `holders` the groups that it is part of."""

    key: Mention
    span: Span
    quantity: Quantity | None
    holders: frozenset[Mention]


class OutcomeGatherer:
    """Gathers the outcomes of the occurrences of one document."""

    def __init__(
        self,
        layout: Layout,
        links: Links,
        values: Values,
        arguments: Callable[[Occurrence], Arguments],
        ontology: Ontology,
    ) -> None:
        self._ontology = ontology
        self._layout = layout
        self._links = links
        self._values = values
        self._arguments = arguments

    def of(self, occurrence: Occurrence, *, items: bool = True) -> Outcomes:
        """What `occurrence` and its sub-events led to.

        Args:
            occurrence: an event; one that is only planned or feared, or denied, led to nothing.
            items: whether sub-events of the same type count, where the event itself states no figure.
        """
        people: dict[str, Quantity | None] = {
            field: self._people(occurrence, field, items) for field in PEOPLE_FIELDS
        }
        return Outcomes(
            **people,
            damaged=self._things(occurrence, "damaged", items),
            seized=self._things(occurrence, "seized", items),
        )

    def _sources(self, occurrence: Occurrence, field: str, items: bool) -> list[Occurrence]:
        """The events that state an outcome of `occurrence`: itself, or those below it."""
        if self._field(occurrence) == field and (
            self._victims_by_trigger(occurrence) or not occurrence.children
        ):
            return [occurrence]
        children = [self._links.occurrences[i] for i in occurrence.children]
        own = [child for child in children if child.event_type != occurrence.event_type]
        below = [source for child in own for source in self._sources(child, field, True)]
        if items and not (below and occurrence.has("AGGREGATE")):
            same = [child for child in children if child.event_type == occurrence.event_type]
            below += [source for child in same for source in self._sources(child, field, True)]
        return below or ([occurrence] if self._field(occurrence) == field else [])

    def _field(self, occurrence: Occurrence) -> str | None:
        field = self._ontology.outcome(occurrence.event_type)
        return "released" if field == "detained" and occurrence.has("RELEASE") else field

    def _people(self, occurrence: Occurrence, field: str, items: bool) -> Quantity | None:
        if occurrence.modality != "actual" and (
            occurrence.modality != "negated" or self._field(occurrence) != field
        ):
            return None
        sources = self._sources(occurrence, field, items)
        actual = [source for source in sources if source.modality == "actual"]
        groups: dict[Mention, _Victims] = {}
        totals: list[tuple[Span, Quantity | None]] = []
        for source in actual:
            tolls = list(self._victims_by_trigger(source).values())
            if len(tolls) > 1:
                # Several triggers of one occurrence with victims of their own: several figures for the same.
                totals.append((tolls[0][0].span, self._competing(source, tolls)))
                continue
            for victims in tolls:
                groups |= {victim.key: victim for victim in victims if victim.key not in groups}
        totals += self._distinct(groups.values())
        if totals:
            return self._sum(totals)
        # That a part of it hurt nobody does not clear the whole.
        direct = [source for source in sources if source.parent == occurrence.index or source is occurrence]
        denied = [self._none_stated(source) for source in direct if source.modality == "negated"]
        return next((zero for zero in denied if zero is not None), None)

    def _victims_by_trigger(self, occurrence: Occurrence) -> dict[Trigger, list[_Victims]]:
        found: dict[Trigger, list[_Victims]] = {}
        for role in _VICTIM_ROLES.get(occurrence.event_type, ("TARGET",)):
            for trigger, _, mention in self._links.arguments(occurrence, role):
                if mention.entity_type in _PEOPLE_TYPES:
                    victims, victim = found.setdefault(trigger, []), self._victim(mention)
                    # Name and description of one: the one that says how many they are.
                    again = next((other for other in victims if other.key == victim.key), None)
                    if again is None:
                        victims.append(victim)
                    elif not _is_exact(again.quantity) and _is_exact(victim.quantity):
                        victims[victims.index(again)] = victim
            if found:
                break
        return found

    def _victim(self, mention: Mention) -> _Victims:
        holders: set[Mention] = set()
        waiting = [mention]
        while waiting:
            current = waiting.pop()
            for same in self._links.mentions_of(current):
                for link in self._links.out("MEMBER_OF", same):
                    holder = link.tail
                    if isinstance(holder, Mention) and self._links.entity(holder) not in holders:
                        holders.add(self._links.entity(holder))
                        waiting.append(holder)
        key = self._links.entity(mention)
        if mention.entity_type == "QUANTITY":
            if self._is_one_more(mention.span):
                one = replace(_ONE, text=self._values.text(mention.span), span=mention.span)
                return _Victims(key, mention.span, one, frozenset(holders))
            return _Victims(key, mention.span, _people(self._values.grounded(mention)), frozenset(holders))
        number = self._values.number(mention)
        if number is None and self._is_unknown_name(mention):
            number = _ONE
        return _Victims(key, mention.span, _people(number), frozenset(holders - {key}))

    def _is_unknown_name(self, mention: Mention) -> bool:
        """True for a name that no table knows as a group's: who is killed or held is mostly a person."""
        text = self._values.text(mention.span)
        return (
            is_name(text)
            and self._values.article(mention.span) is None
            and self._values.actor(mention).kind == "unknown"
        )

    def _distinct(self, groups: Iterable[_Victims]) -> list[tuple[Span, Quantity | None]]:
        """The figures to be added: no subset beside its whole, no shared figure twice."""
        victims = sorted(groups, key=lambda victim: victim.span)
        keys = {victim.key for victim in victims}
        counted: set[Span] = set()
        figures: list[tuple[Span, Quantity | None]] = []
        parts = [victim for victim in victims if victim.holders & keys or self._is_part(victim)]
        if len(parts) == len(victims):
            parts = []
        for victim in victims:
            if victim in parts:
                continue
            grounded = victim.quantity.span if victim.quantity else None
            if grounded is not None:
                if grounded in counted:
                    continue
                counted.add(grounded)
            figures.append((victim.span, victim.quantity))
        return figures

    def _is_one_more(self, span: Span) -> bool:
        """True for an ordinal that stands for a person: "a third was wounded"."""
        text = self._layout.text
        return bool(_ONE_MORE.match(text, span.start, span.end) and _SINGULAR_VERB.match(text, span.end))

    def _is_part(self, victim: _Victims) -> bool:
        """True where the words make the group a part of one named before: "two of them", "including"."""
        span = victim.quantity.span if victim.quantity and victim.quantity.span else victim.span
        text = self._layout.text
        if _PART_BEFORE.search(text, max(0, span.start - 30), span.start):
            return True
        return any(_PART_AFTER.match(text, end, end + 40) for end in {span.end, victim.span.end})

    def _competing(self, occurrence: Occurrence, tolls: Sequence[Sequence[_Victims]]) -> Quantity | None:
        """One figure of several for the same people.

        Claims of different reporters give a range without a best figure; else the larger one stands, since
        the others detail it or came before it.
        """
        sums = [self._sum(self._distinct(victims)) for victims in tolls]
        known = [total for total in sums if total is not None and total.low is not None]
        if not known:
            return sums[0]
        largest = max(known, key=lambda total: (total.best or total.low or 0.0, total.span is not None))
        reporters = [self._reporters(trigger) for trigger in self._victims_by_trigger(occurrence)]
        if len(known) < 2 or not any(reporters) or all(group == reporters[0] for group in reporters):
            return largest
        lows = [total.low for total in known if total.low is not None]
        highs = [total.high for total in known]
        high = max((bound for bound in highs if bound is not None), default=None)
        low = min(lows)
        if low == high:
            return known[0]
        first = known[0]
        victims = [victim for group in tolls for victim in group]
        cover = self._cover([(victim.span, victim.quantity) for victim in victims])
        return Quantity(
            low=low,
            best=None,
            high=None if None in highs else high,
            qualifier="range",
            text=self._values.text(cover) if cover else first.text,
            span=cover or first.span,
        )

    def _reporters(self, trigger: Trigger) -> set[Mention]:
        tails = [link.tail for link in self._links.out("REPORTER", trigger)]
        return {self._links.entity(tail) for tail in tails if isinstance(tail, Mention)}

    def _sum(self, figures: Sequence[tuple[Span, Quantity | None]]) -> Quantity | None:
        known = [quantity for _, quantity in figures if quantity is not None and quantity.low is not None]
        if not known:
            return figures[0][1]
        if len(figures) == 1:
            return known[0]
        qualifiers = {quantity.qualifier for quantity in known}
        if len(known) < len(figures):
            qualifiers.add("vague")
        complete = "vague" not in qualifiers
        cover = self._cover(figures)
        return Quantity(
            low=_total(quantity.low for quantity in known),
            best=_total(quantity.best for quantity in known) if complete else None,
            high=_total(quantity.high for quantity in known) if complete else None,
            qualifier=_qualifier(qualifiers),
            text=self._values.text(cover) if cover else None,
            span=cover,
        )

    def _cover(self, figures: Sequence[tuple[Span, Quantity | None]]) -> Span | None:
        """From the first to the last of several groups or their numbers, where one sentence holds them."""
        spans = [span for span, _ in figures] + [q.span for _, q in figures if q is not None and q.span]
        cover = Span(min(span.start for span in spans), max(span.end for span in spans))
        return cover if self._layout.in_one_sentence(cover) else None

    def _none_stated(self, occurrence: Occurrence) -> Quantity | None:
        """Zero where a denial is about all: "no civilians were hurt", not "the pilot was not hurt"."""
        victims = [victim for group in self._victims_by_trigger(occurrence).values() for victim in group]
        places = [victim.span for victim in victims] + [trigger.span for trigger in occurrence.triggers]
        for span in places:
            start = max(0, span.start - 40)
            match = (
                _NO_BEFORE.search(self._values.text(Span(start, span.start))) if start < span.start else None
            )
            if match is not None:
                word = Span(start + match.start(1), start + match.end(1))
                return Quantity(0.0, 0.0, 0.0, "exact", None, self._values.text(word), word)
        if not victims or all(self._is_general(victim) for victim in victims):
            return Quantity(0.0, 0.0, 0.0, "exact")
        return None

    def _is_general(self, victim: _Victims) -> bool:
        """True for a bare plural; a number, a name or a definite phrase is about those people only."""
        quantity = victim.quantity
        vague = quantity is not None and quantity.qualifier == "vague" and quantity.span is None
        return vague and self._values.article(victim.span) not in _DEFINITE

    def _things(
        self, occurrence: Occurrence, field: str, items: bool
    ) -> tuple[ObjectArgument | PlaceArgument, ...]:
        if occurrence.modality != "actual":
            return ()
        found: dict[Mention, ObjectArgument | PlaceArgument] = {}
        for source in self._sources_of_things(occurrence, field, items):
            arguments = self._arguments(source)
            candidates: Sequence[ObjectArgument | PlaceArgument] = (*arguments.objects, *arguments.places)
            for thing in candidates:
                if thing.role == "target":
                    found.setdefault(arguments.entities[thing.span], thing)
        return tuple(sorted(found.values(), key=lambda thing: thing.span))

    def _sources_of_things(self, occurrence: Occurrence, field: str, items: bool) -> list[Occurrence]:
        own = [occurrence] if self._field(occurrence) == field else []
        found = own if occurrence.modality == "actual" else []  # a child may be denied
        for i in occurrence.children:
            child = self._links.occurrences[i]
            if items or child.event_type != occurrence.event_type:
                found = found + self._sources_of_things(child, field, True)
        return found


def _is_exact(quantity: Quantity | None) -> bool:
    return quantity is not None and quantity.best is not None


def _people(quantity: Quantity | None) -> Quantity | None:
    """A share says nothing of how many people: "40 per cent of the villagers", "a third was wounded"."""
    return None if quantity is not None and quantity.unit == "%" else quantity


def _total(bounds: Iterable[float | None]) -> float | None:
    total = 0.0
    for bound in bounds:
        if bound is None:
            return None
        total += bound
    return total


def _qualifier(qualifiers: set[QuantityQualifier]) -> QuantityQualifier:
    """Of a sum: as sure as its least sure part."""
    inexact = qualifiers - {"exact"}
    if not inexact:
        return "exact"
    if len(inexact) == 1 and "vague" not in inexact:
        return next(iter(inexact))
    if inexact & {"vague", "at_least"}:
        return "at_least"
    return "about" if "about" in inexact else "range"


def outcome_fields(outcomes: Outcomes) -> Mapping[str, Quantity | None]:
    """The people of `outcomes`, by field."""
    return {field: getattr(outcomes, field) for field in PEOPLE_FIELDS}
