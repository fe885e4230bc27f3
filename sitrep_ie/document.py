"""The records that flow through the library: documents, annotations, event records, reports.

Every span is half-open, in Unicode code points of `Document.text` as given. Gold and predicted
annotations are the same class. Nothing here knows tensors, files or models.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from sitrep_ie.errors import DocumentError

TimePrecision = Literal["hour", "day", "week", "month", "year"]
TimeAnchor = Literal["explicit", "heading", "relative", "report_period", "unknown"]
QuantityQualifier = Literal["exact", "about", "at_least", "at_most", "range", "vague"]
PlacePrecision = Literal["exact", "near", "admin", "country", "unresolved"]
ActorKind = Literal["state_force", "armed_group", "civilians", "organisation", "person", "unknown"]
Modality = Literal["actual", "planned", "hypothetical", "negated"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open stretch `text[start:end]`; never empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise DocumentError(
                f"span [{self.start}, {self.end}): expected 0 <= start < end"
            )

    def __len__(self) -> int:
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        """True when the two share at least one character."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: Span) -> bool:
        """True when `other` lies wholly inside this span."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Document:
    """A report as given: `text` is never altered after reading.

    `period` is the stretch of days that the report covers (inclusive), where the caller knows it.
    """

    id: str
    text: str
    source: str | None = None
    published: datetime.date | None = None
    title: str | None = None
    period: tuple[datetime.date, datetime.date] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise DocumentError(f"document id {self.id!r}: expected a non-empty string")
        if not isinstance(self.text, str):
            raise DocumentError(
                f"document {self.id!r}: text is {type(self.text).__name__}, expected str"
            )


def _check_score(score: float, what: str) -> None:
    if not 0.0 <= score <= 1.0:
        raise DocumentError(f"{what}: score {score!r}, expected a probability in [0, 1]")


@dataclass(frozen=True, slots=True)
class Mention:
    """A span with an entity type (ACTOR, OBJECT, QUANTITY, DATE, LOCATION in the shipped ontology)."""

    span: Span
    entity_type: str
    score: float = field(default=1.0, compare=False)

    def __post_init__(self) -> None:
        _check_score(self.score, f"mention {self.entity_type} [{self.span.start}, {self.span.end})")

    @property
    def type(self) -> str:
        return self.entity_type


@dataclass(frozen=True, slots=True)
class Trigger:
    """A span that names an event, with the event's type and attributes (NEGATED, PLANNED, ...).

    `attribute_scores` holds the model's probability of every attribute, set or not.
    """

    span: Span
    event_type: str
    attributes: frozenset[str] = frozenset()
    score: float = field(default=1.0, compare=False)
    attribute_scores: tuple[tuple[str, float], ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        _check_score(self.score, f"trigger {self.event_type} [{self.span.start}, {self.span.end})")

    @property
    def type(self) -> str:
        return self.event_type


@dataclass(frozen=True, slots=True)
class Relation:
    """A typed, directed pair: trigger -> mention (a role), mention -> mention or trigger -> trigger."""

    head: Mention | Trigger
    tail: Mention | Trigger
    relation_type: str
    score: float = field(default=1.0, compare=False)

    def __post_init__(self) -> None:
        _check_score(self.score, f"relation {self.relation_type}")


@dataclass(frozen=True, slots=True)
class Annotation:
    """What gold is and what prediction is: mentions, triggers and relations of one document.

    Mentions and triggers are sorted by span. Every relation's ends are among them.
    """

    document_id: str
    mentions: tuple[Mention, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    relations: tuple[Relation, ...] = ()

    def check(self, document: Document) -> None:
        """Raises DocumentError unless all spans lie in the text and all relation ends are present."""
        if self.document_id != document.id:
            raise DocumentError(f"annotation of {self.document_id!r} on document {document.id!r}")
        spans = self.spans()
        for node in spans:
            if node.span.end > len(document.text):
                raise DocumentError(
                    f"document {document.id!r}: {node.type} [{node.span.start}, {node.span.end}) "
                    f"lies outside the text of {len(document.text)} characters"
                )
        for before, after in zip(spans, spans[1:], strict=False):
            if before.span.overlaps(after.span):
                raise DocumentError(
                    f"document {document.id!r}: {before.type} [{before.span.start}, {before.span.end}) "
                    f"overlaps {after.type} [{after.span.start}, {after.span.end})"
                )
        present = set(spans)
        for relation in self.relations:
            for end in (relation.head, relation.tail):
                if end not in present:
                    raise DocumentError(
                        f"document {document.id!r}: {relation.relation_type} has an end "
                        f"{end.type} [{end.span.start}, {end.span.end}) that is no mention"
                    )

    def spans(self) -> list[Mention | Trigger]:
        """All mentions and triggers in text order."""
        nodes: list[Mention | Trigger] = [*self.mentions, *self.triggers]
        return sorted(nodes, key=lambda node: (node.span, node.type))


@dataclass(frozen=True, slots=True)
class Example:
    """A document with its gold annotation."""

    document: Document
    gold: Annotation


# ---- values that resolvers give ----


@dataclass(frozen=True, slots=True)
class DateValue:
    """An interval of days, inclusive. `dates` lists the days when they are a set of separate ones."""

    start: datetime.date | None
    end: datetime.date | None
    precision: TimePrecision
    anchor: TimeAnchor
    dates: tuple[datetime.date, ...] = ()


@dataclass(frozen=True, slots=True)
class QuantityValue:
    """Bounds of a number: "several" is low 3, best None; "between 20 and 30" is 20/25/30."""

    low: float | None
    best: float | None
    high: float | None
    qualifier: QuantityQualifier
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceValue:
    """A gazetteer entry, or precision "unresolved" and everything else None. Degrees WGS 84."""

    precision: PlacePrecision
    name: str | None = None
    gazetteer_id: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class ActorValue:
    """Canonical name, kind and the state or organisation it belongs to (`affiliation`)."""

    name: str
    kind: ActorKind
    country: str | None = None
    affiliation: str | None = None


# ---- event records ----


@dataclass(frozen=True, slots=True)
class TriggerText:
    """One trigger of an occurrence, as it stands in the text."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class EventTime:
    """When: inclusive ISO dates; `spans` are the date mentions it was read from."""

    start: datetime.date | None
    end: datetime.date | None
    precision: TimePrecision | None
    anchor: TimeAnchor
    text: str | None = None
    spans: tuple[Span, ...] = ()
    dates: tuple[datetime.date, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount grounded in the text; a bare plural has neither text nor span."""

    low: float | None
    best: float | None
    high: float | None
    qualifier: QuantityQualifier
    unit: str | None = None
    text: str | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class ActorArgument:
    """Who: role is agent, partner, target or reporter."""

    role: str
    text: str
    span: Span
    name: str
    kind: ActorKind
    country: str | None
    affiliation: str | None
    members: tuple[str, ...]
    quantity: Quantity | None
    score: float


@dataclass(frozen=True, slots=True)
class ObjectArgument:
    """What: role is theme, instrument, target or agent (a vehicle that acts)."""

    role: str
    text: str
    span: Span
    quantity: Quantity | None
    score: float


@dataclass(frozen=True, slots=True)
class PlaceArgument:
    """Where: role is at, origin, destination, via or target; `within` is the chain of holders."""

    role: str
    text: str
    span: Span
    within: tuple[str, ...]
    name: str | None
    gazetteer_id: str | None
    latitude: float | None
    longitude: float | None
    country: str | None
    precision: PlacePrecision
    score: float


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What an occurrence led to, gathered from its sub-events. None: the text does not say."""

    killed: Quantity | None = None
    injured: Quantity | None = None
    detained: Quantity | None = None
    released: Quantity | None = None
    abducted: Quantity | None = None
    displaced: Quantity | None = None
    damaged: tuple[ObjectArgument | PlaceArgument, ...] = ()
    seized: tuple[ObjectArgument | PlaceArgument, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Stated against summed totals of an aggregate; `agrees` is None where either is unknown."""

    stated: float | None
    summed: float | None
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class Event:
    """One occurrence: all its SAME_EVENT triggers merged, every value grounded in the text.

    `id`, `parent`, `children` and `items` refer to events of the same report.
    """

    id: str
    type: str
    score: float
    triggers: tuple[TriggerText, ...]
    modality: Modality
    time: EventTime | None
    actors: tuple[ActorArgument, ...] = ()
    objects: tuple[ObjectArgument, ...] = ()
    places: tuple[PlaceArgument, ...] = ()
    amounts: tuple[Quantity, ...] = ()
    outcomes: Outcomes = Outcomes()
    count: Quantity | None = None
    aggregate: bool = False
    release: bool = False
    parent: str | None = None
    children: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    reconciliation: Reconciliation | None = None
    evidence: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything extracted from one document: its annotation and the event records made of it."""

    document: Document
    annotation: Annotation
    events: tuple[Event, ...] = ()
    published: datetime.date | None = None
    period: tuple[datetime.date, datetime.date] | None = None

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)


# Line breaks of all systems; PARAGRAPH SEPARATOR and form feed count as blank lines.
_LINE = re.compile(r"[^\r\n\v\f\x85\u2028\u2029]+")
_BLANK = re.compile(r"(?:\r\n|[\r\n\v\x85\u2028])\s*(?:\r\n|[\r\n\v\x85\u2028])|[\f\u2029]")
_LIST_MARK = re.compile(r"\s*(?:[-*+•·▪‣–—○●◦>]|\(?\w{1,3}[.)])\s")
# A hard-wrapped line is at least this long: shorter ones are headings, addresses or list items.
_MIN_WRAPPED_CHARS = 50


def paragraph_spans(text: str) -> list[Span]:
    """Returns the paragraphs of `text` in order: the units in which mentions and relations live.

    A line is a paragraph, except that lines broken to fit a page are joined again: within a block
    without blank lines, a line goes on with the paragraph before it when its first word would not have
    fitted on the line above (a forced break) and it bears no list mark. Blank lines belong to no paragraph,
    nor do blanks at a paragraph's ends.
    """
    paragraphs: list[Span] = []
    block: list[Span] = []
    for match in _LINE.finditer(text):
        line = _stripped(text, match.start(), match.end())
        if line is None:
            continue
        if block and _BLANK.search(text, block[-1].end, line.start):
            paragraphs += _unwrap(text, block)
            block = []
        block.append(line)
    return paragraphs + _unwrap(text, block)


def _stripped(text: str, start: int, end: int) -> Span | None:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return Span(start, end) if start < end else None


def _unwrap(text: str, block: list[Span]) -> list[Span]:
    if len(block) < 2:
        return block
    width = max(len(line) for line in block)
    if not _MIN_WRAPPED_CHARS <= width <= 132:
        return block
    joined = [block[0]]
    for before, line in zip(block, block[1:], strict=False):
        first_word_chars = len(text[line.start : line.end].split(None, 1)[0])
        # The break was forced when the next word would not have fitted on the line before.
        forced = len(before) + 1 + first_word_chars > width - 2
        if forced and not _LIST_MARK.match(text, line.start, line.end):
            joined[-1] = Span(joined[-1].start, line.end)
        else:
            joined.append(line)
    return joined
