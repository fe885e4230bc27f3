"""One document's links -> its event records."""

from __future__ import annotations

import datetime
from dataclasses import replace

from sitrep_ie.assemble.arguments import Arguments, Values, unclaimed_places
from sitrep_ie.assemble.layout import Layout
from sitrep_ie.assemble.links import Links, Occurrence
from sitrep_ie.assemble.outcomes import OutcomeGatherer
from sitrep_ie.assemble.resolvers import Period, Resolvers
from sitrep_ie.assemble.times import Timeline
from sitrep_ie.assemble.totals import itemised, num_opening_paragraphs, reconcile
from sitrep_ie.document import (
    Annotation,
    Document,
    Event,
    EventTime,
    PlaceArgument,
    Quantity,
    Report,
    TriggerText,
)
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.dates import DateContext

# A place beside a statement is mostly that of its subject; movements have from, to and through instead.
_SELDOM_AT = frozenset({"MOVEMENT", "STATEMENT"})


def assemble(document: Document, annotation: Annotation, ontology: Ontology, resolvers: Resolvers) -> Report:
    """Returns the report with one event record per occurrence, in text order: e1, e2, ...

    - Triggers tied by SAME_EVENT are one record; type and modality are those of the first one.
    - A sub-event without time or place has those of its parent; what has none at all takes a relative
      date, or a place, of its own sentence that is tied to nothing else.
    - `score` of a record is that of its surest trigger: how likely there is an event of this type. How sure
      an argument is stands at the argument: the product of its link's and its mention's score.
    - Types, roles and attributes that the ontology lacks do not occur; mention types other than ACTOR,
      LOCATION, DATE and QUANTITY are objects.

    Raises:
        DocumentError: a span lies outside the text, or a relation has an end that is no mention.
        OntologyError: the annotation does not fit `ontology`.
    """
    annotation.check(document)
    ontology.check(annotation)
    published = document.published or resolvers.document_date(document.text)
    layout = Layout(document.text)
    period = document.period or _period(document, _header(document, annotation, layout), resolvers, published)
    links = Links(annotation)
    values = Values(document, annotation, links, resolvers)
    known = period if period is not None or published is not None else resolvers.release_month(document.text)
    timeline = Timeline(document, annotation, layout, resolvers, published, known)
    events = _Assembler(annotation, layout, links, ontology, values, timeline).events()
    return Report(document=document, annotation=annotation, events=events, published=published, period=period)


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
    ) -> None:
        self._layout = layout
        self._links = links
        self._values = values
        self._timeline = timeline
        self._arguments = [Arguments(o, links, ontology, values) for o in links.occurrences]
        self._unclaimed = unclaimed_places(annotation, values)
        self._times: dict[int, EventTime] = {}
        self._places: dict[int, tuple[PlaceArgument, ...]] = {}
        self._outcomes = OutcomeGatherer(layout, links, values, lambda o: self._arguments[o.index])

    def events(self) -> tuple[Event, ...]:
        events = [self._event(occurrence) for occurrence in self._links.occurrences]
        return self._with_items(events)

    def _event(self, occurrence: Occurrence) -> Event:
        arguments = self._arguments[occurrence.index]
        count = self._count(occurrence)
        time = self._time(occurrence)
        triggers = occurrence.triggers
        paragraph = self._layout.paragraph(triggers[0].span)
        spans = [trigger.span for trigger in triggers] + arguments.spans
        return Event(
            id=_event_id(occurrence.index),
            type=occurrence.event_type,
            score=max(trigger.score for trigger in triggers),
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
            parent=None if occurrence.parent is None else _event_id(occurrence.parent),
            children=tuple(_event_id(child) for child in occurrence.children),
            evidence=self._layout.evidence(spans, paragraph) or tuple(t.span for t in triggers),
        )

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
                places = tuple(at or hit)
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
        return (min(found, key=lambda item: item[0])[1],) if found else ()

    def _with_items(self, events: list[Event]) -> tuple[Event, ...]:
        paragraphs = [self._layout.paragraph(event.triggers[0].span) for event in events]
        placed = list(zip(paragraphs, events, strict=True))
        dated = self._timeline.first_item
        opening = num_opening_paragraphs(self._layout, dated, min(paragraphs, default=None))
        by_id = {event.id: event for event in events}
        done = []
        for occurrence, (paragraph, event) in zip(self._links.occurrences, placed, strict=True):
            if event.aggregate:
                items = itemised(event, paragraph, placed, opening)
                stated = self._outcomes.of(occurrence, items=False)
                reconciliation = reconcile(event, stated, [by_id[item] for item in items])
                event = replace(event, items=items, reconciliation=reconciliation)
            done.append(event)
        return tuple(done)


def _event_id(index: int) -> str:
    return f"e{index + 1}"
