"""One document's links -> its event records."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

from sitrep_ie.assemble.appositions import appositions
from sitrep_ie.assemble.arguments import Arguments, Values, role_name, unclaimed_places
from sitrep_ie.assemble.layout import Layout
from sitrep_ie.assemble.links import Links, Occurrence
from sitrep_ie.assemble.outcomes import OutcomeGatherer
from sitrep_ie.assemble.resolvers import Period, Resolvers
from sitrep_ie.assemble.retold import retold
from sitrep_ie.assemble.times import Timeline
from sitrep_ie.assemble.totals import itemised, num_opening_paragraphs, reconcile
from sitrep_ie.calibration import Calibration
from sitrep_ie.document import (
    Annotation,
    Document,
    Event,
    EventTime,
    Mention,
    PlaceArgument,
    Quantity,
    Relation,
    Report,
    Span,
    Trigger,
    TriggerText,
)
from sitrep_ie.errors import ConfigError
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.dates import DateContext

# A place beside a statement is mostly that of its subject; movements have from, to and through instead.
_SELDOM_AT = frozenset({"MOVEMENT", "STATEMENT"})


def assemble(
    document: Document,
    annotation: Annotation,
    ontology: Ontology,
    resolvers: Resolvers,
    calibration: Calibration | None = None,
    *,
    min_score: float = 0.0,
) -> Report:
    """Returns the report with one event record per occurrence, in text order: e1, e2, ...

    - Triggers tied by SAME_EVENT are one record; type and modality are those of the first one.
    - A sub-event without time or place has those of its parent; what has none at all takes a relative
      date, or a place, of its own sentence that is tied to nothing else.
    - `score` of a record is that of its surest trigger: how likely there is an event of this type. How sure
      an argument is, and the record with it, stands at the argument: the product of its trigger's, its
      link's and its mention's score. An inherited place has its score in the parent's record times that of
      the record; a place tied to nothing, that of its mention times that of the record.
    - Types, roles and attributes that the ontology lacks do not occur; mention types other than ACTOR,
      LOCATION, DATE and QUANTITY are objects.

    Args:
        document: the text.
        annotation: what was found in it, with the scores of the model; `annotation` of the report has
            calibrated ones.
        ontology: of the annotation.
        resolvers: of values.
        calibration: of every score in the report; None leaves them as they are. It changes nothing else.
        min_score: leaves out what is less sure than this, by the scores that the report shows. Records below
            it go, with their triggers and all relations of these; so do actors (reporters too), objects,
            places and amounts below it, with the role relations that gave them. Everything else stays as it
            is, ids included, except that a record's parent is then the nearest one above that stays,
            children and items are those that stay, and outcomes, totals and evidence rest on what stays.
            Mentions, and relations between mentions, stay: they are what the text mentions, event or not.

    Raises:
        DocumentError: a span lies outside the text, or a relation has an end that is no mention.
        OntologyError: the annotation does not fit `ontology`.
        ConfigError: `min_score` is no number from 0 to 1.
    """
    check_min_score(min_score)
    annotation.check(document)
    ontology.check(annotation)
    calibration = calibration or Calibration()
    published = document.published or resolvers.document_date(document.text)
    layout = Layout(document.text)
    period = document.period or _period(document, _header(document, annotation, layout), resolvers, published)
    links = Links(annotation, appositions(document.text, annotation))
    values = Values(document, annotation, links, resolvers)
    known = period if period is not None or published is not None else resolvers.release_month(document.text)
    timeline = Timeline(document, annotation, layout, resolvers, published, known)
    assembler = _Assembler(annotation, layout, links, ontology, values, timeline, calibration)
    if pairs := assembler.retold():
        links = links.joined(pairs)
        assembler = _Assembler(annotation, layout, links, ontology, values, timeline, calibration)
    weak = assembler.below(min_score)
    return Report(
        document=document,
        annotation=calibration.annotation(_without(annotation, weak), ontology),
        events=assembler.events(weak, min_score),
        published=published,
        period=period,
    )


def check_min_score(min_score: float) -> None:
    """Raises ConfigError unless it is a number from 0 to 1."""
    given: object = min_score
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0.0 <= given <= 1.0:
        raise ConfigError(f"min_score {given!r}: expected a number from 0 to 1")


@dataclass(frozen=True)
class _Weak:
    """What is left out of a report: occurrences by index, their triggers, and relations."""

    occurrences: frozenset[int] = frozenset()
    triggers: frozenset[Trigger] = frozenset()
    relations: frozenset[Relation] = frozenset()


def _without(annotation: Annotation, weak: _Weak) -> Annotation:
    return replace(
        annotation,
        triggers=tuple(trigger for trigger in annotation.triggers if trigger not in weak.triggers),
        relations=tuple(link for link in annotation.relations if link not in weak.relations),
    )


def _header(document: Document, annotation: Annotation, layout: Layout) -> str:
    """The text before the first paragraph with an event: an event's own dates are not those of the report."""
    if not annotation.triggers:
        return ""
    first = layout.paragraph(min(trigger.span for trigger in annotation.triggers))
    return document.text[: layout.paragraphs[first].start] if first >= 0 else ""


def _period(
    document: Document, header: str, resolvers: Resolvers, published: datetime.date | None
) -> Period | None:
    """The period that the title, or else the text above the first event, says the report covers."""
    context = DateContext(published=published, day_first=resolvers.is_day_first(document.text, published))
    for text in filter(None, [document.title, header]):
        if (period := resolvers.document_period(text, context)) is not None:
            return period
    return None


class _Assembler:
    """Makes the records of one document from its occurrences."""

    def __init__(
        self,
        annotation: Annotation,
        layout: Layout,
        links: Links,
        ontology: Ontology,
        values: Values,
        timeline: Timeline,
        calibration: Calibration,
    ) -> None:
        self._annotation = annotation
        self._ontology = ontology
        self._calibration = calibration
        self._layout = layout
        self._links = links
        self._values = values
        self._timeline = timeline
        self._arguments = [Arguments(o, links, ontology, values) for o in links.occurrences]
        self._unclaimed = unclaimed_places(annotation, values)
        self._times: dict[int, EventTime] = {}
        self._places: dict[int, tuple[PlaceArgument, ...]] = {}
        self._outcomes = OutcomeGatherer(layout, links, values, lambda o: self._arguments[o.index], ontology)

        # With raw scores; each is calibrated once, as it is handed out.
        self._records = [self._event(occurrence) for occurrence in links.occurrences]

    def retold(self) -> list[tuple[int, int]]:
        """Indices of occurrences that are one, told in several paragraphs."""
        return retold(self._records, self._layout, self._num_opening(with_lead=True), self._timeline.is_item)

    def below(self, min_score: float) -> _Weak:
        """What is less sure than `min_score`, by calibrated scores."""
        if not min_score:
            return _Weak()
        index: dict[Mention | Trigger, int] = {}
        weak_occurrences: set[int] = set()
        weak_parts: list[set[tuple[str, Span]]] = []
        for occurrence, record, arguments in zip(
            self._links.occurrences, self._records, self._arguments, strict=True
        ):
            index |= dict.fromkeys(occurrence.triggers, occurrence.index)
            if self._calibration.score("event", record.score) < min_score:
                weak_occurrences.add(occurrence.index)
            weak_parts.append(
                {
                    (item.role, span)
                    for item in arguments.all()
                    if self._calibration.score("argument", item.score) < min_score
                    for span in arguments.parts[item.role, item.span]
                }
            )
        weak_triggers = frozenset(t for t in self._annotation.triggers if index[t] in weak_occurrences)
        return _Weak(
            occurrences=frozenset(weak_occurrences),
            triggers=weak_triggers,
            relations=frozenset(
                link
                for link in self._annotation.relations
                if link.head in weak_triggers
                or link.tail in weak_triggers
                or (
                    link.head in index
                    and (role_name(link.relation_type), link.tail.span) in weak_parts[index[link.head]]
                )
            ),
        )

    def events(self, weak: _Weak, min_score: float) -> tuple[Event, ...]:
        """The records with calibrated scores, less what is weak."""
        occurrences, outcomes, records = self._links.occurrences, self._outcomes, self._records
        if weak.occurrences or weak.relations:
            links = self._links.without(weak.relations, weak.occurrences)
            rest = [Arguments(o, links, self._ontology, self._values) for o in links.occurrences]
            outcomes = OutcomeGatherer(
                self._layout, links, self._values, lambda o: rest[o.index], self._ontology
            )
            occurrences = [o for o in links.occurrences if o.index not in weak.occurrences]
            records = [
                replace(
                    self._records[o.index],
                    outcomes=outcomes.of(o),
                    evidence=self._evidence(o, rest[o.index]),
                    **_tree(o),
                )
                for o in occurrences
            ]
        events = [
            self._calibration.event(event) for event in self._with_items(occurrences, records, outcomes)
        ]
        return tuple(_sure_arguments(event, min_score) for event in events) if min_score else tuple(events)

    def _event(self, occurrence: Occurrence) -> Event:
        arguments = self._arguments[occurrence.index]
        count = self._count(occurrence)
        time = self._time(occurrence)
        triggers = occurrence.triggers
        return Event(
            id=_event_id(occurrence.index),
            type=occurrence.event_type,
            score=_surest(occurrence),
            triggers=tuple(TriggerText(self._values.text(t.span), t.span) for t in triggers),
            modality=occurrence.modality,
            time=time,
            actors=arguments.actors,
            objects=arguments.objects,
            places=self._place_arguments(occurrence),
            amounts=arguments.amounts,
            outcomes=self._outcomes.of(occurrence),
            count=count,
            aggregate=occurrence.has("AGGREGATE"),
            release=occurrence.has("RELEASE"),
            evidence=self._evidence(occurrence, arguments),
            **_tree(occurrence),
        )

    def _evidence(self, occurrence: Occurrence, arguments: Arguments) -> tuple[Span, ...]:
        triggers = [trigger.span for trigger in occurrence.triggers]
        paragraphs = sorted({self._layout.paragraph(span) for span in triggers})
        found = [self._layout.evidence(triggers + arguments.spans, paragraph) for paragraph in paragraphs]
        return tuple(span for spans in found for span in spans) or tuple(triggers)

    def _count(self, occurrence: Occurrence) -> Quantity | None:
        counts = self._links.arguments(occurrence, "COUNT")
        if not counts:
            return None
        # "six operations, four of them raids": the first trigger's count is that of all.
        _, _, mention = min(counts, key=lambda item: (item[0].span, -item[1].score, item[2].span))
        return self._values.grounded(mention)

    def _time(self, occurrence: Occurrence) -> EventTime:
        if occurrence.index not in self._times:
            above = None if occurrence.parent is None else self._links.occurrences[occurrence.parent]
            parent = None if above is None else self._time(above)
            self._times[occurrence.index] = self._timeline.of(occurrence, self._links, parent)
        return self._times[occurrence.index]

    def _place_arguments(self, occurrence: Occurrence) -> tuple[PlaceArgument, ...]:
        if occurrence.index not in self._places:
            places = self._arguments[occurrence.index].places
            if not places and occurrence.parent is not None:
                above = self._place_arguments(self._links.occurrences[occurrence.parent])
                at = [place for place in above if place.role == "at"]
                hit = [replace(place, role="at") for place in above if place.role == "target"]
                places = _scaled(at or hit, occurrence)
            if not places and occurrence.modality == "actual" and occurrence.event_type not in _SELDOM_AT:
                places = self._places_beside(occurrence)
            self._places[occurrence.index] = places
        return self._places[occurrence.index]

    def _places_beside(self, occurrence: Occurrence) -> tuple[PlaceArgument, ...]:
        """The nearest place that a sentence of the occurrence names with "in" or "near" for nothing else."""
        found: list[tuple[int, PlaceArgument]] = []
        for trigger in occurrence.triggers:
            sentence = self._layout.sentence(trigger.span)
            if sentence is not None:
                found += [
                    (abs(place.span.start - trigger.span.start), place)
                    for place in self._unclaimed
                    if sentence.contains(place.span)
                ]
        return _scaled([min(found, key=lambda item: item[0])[1]], occurrence) if found else ()

    def _paragraph(self, event: Event) -> int:
        return self._layout.paragraph(event.triggers[0].span)

    def _num_opening(self, *, with_lead: bool = False) -> int:
        """How many paragraphs open the report; under a title, the lead may be one of them."""
        eventful = sorted({self._paragraph(event) for event in self._records})
        first = eventful[0] if eventful else None
        opening = num_opening_paragraphs(self._layout, self._timeline.first_item, first)
        if with_lead and self._timeline.first_item is None and len(eventful) > 1:
            return eventful[1] + 1 if self._layout.is_title(eventful[0]) else opening
        return opening

    def _with_items(
        self, occurrences: Sequence[Occurrence], events: Sequence[Event], outcomes: OutcomeGatherer
    ) -> tuple[Event, ...]:
        """Ties totals to their items; both lists hold the same records, or a part of them."""
        opening = self._num_opening()
        placed = [(self._paragraph(event), event) for event in events]
        by_id = {event.id: event for event in events}
        done = []
        for occurrence, (paragraph, event) in zip(occurrences, placed, strict=True):
            if event.aggregate:
                items = itemised(event, paragraph, placed, opening)
                stated = outcomes.of(occurrence, items=False)
                reconciliation = reconcile(event, stated, [by_id[item] for item in items])
                event = replace(event, items=items, reconciliation=reconciliation)
            done.append(event)
        return tuple(done)


def _surest(occurrence: Occurrence) -> float:
    return max(trigger.score for trigger in occurrence.triggers)


def _scaled(places: Sequence[PlaceArgument], occurrence: Occurrence) -> tuple[PlaceArgument, ...]:
    """Places that no link of the occurrence gives: right only where the occurrence is, too."""
    return tuple(replace(place, score=place.score * _surest(occurrence)) for place in places)


class _Tree(TypedDict):
    parent: str | None
    children: tuple[str, ...]


def _tree(occurrence: Occurrence) -> _Tree:
    return {
        "parent": None if occurrence.parent is None else _event_id(occurrence.parent),
        "children": tuple(_event_id(child) for child in occurrence.children),
    }


def _sure_arguments(event: Event, min_score: float) -> Event:
    return replace(
        event,
        actors=tuple(item for item in event.actors if item.score >= min_score),
        objects=tuple(item for item in event.objects if item.score >= min_score),
        places=tuple(item for item in event.places if item.score >= min_score),
        amounts=tuple(item for item in event.amounts if item.score >= min_score),
    )


def _event_id(index: int) -> str:
    return f"e{index + 1}"
