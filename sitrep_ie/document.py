"""The records that flow through the library: documents, annotations, event records, reports.

Every span is half-open, in Unicode code points of `Document.text` as given. Gold and predicted
annotations are the same class. The JSON form of a report is written and read here, next to the classes that
it mirrors. Nothing here knows tensors, files or models.
"""

from __future__ import annotations

import datetime
import functools
import json
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from sitrep_ie.errors import DocumentError

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")

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
            raise DocumentError(f"span [{self.start}, {self.end}): expected 0 <= start < end")

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
        given: object = self.id
        if not isinstance(given, str) or not given:
            raise DocumentError(f"document id {given!r}: expected a non-empty string")
        if not isinstance(self.text, str):
            raise DocumentError(f"document {self.id!r}: text is {type(self.text).__name__}, expected str")


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
    """Who: role is agent, partner, target or reporter (theme or instrument where people are carried).

    `affiliation` is the state or organisation it belongs to, `members` the actors said to belong to it.
    """

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
class AmountArgument:
    """An amount that stands for what it counts: "killing [two]", "pledged [$350 million]"."""

    role: str
    text: str
    span: Span
    quantity: Quantity
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
    """What an occurrence led to, gathered from its sub-events. None: the text does not say.

    A sum over several groups has the text from the first to the last of them where they share a sentence.
    """

    killed: Quantity | None = None
    injured: Quantity | None = None
    detained: Quantity | None = None
    released: Quantity | None = None
    abducted: Quantity | None = None
    displaced: Quantity | None = None
    damaged: tuple[ObjectArgument | PlaceArgument, ...] = ()
    seized: tuple[ObjectArgument | PlaceArgument, ...] = ()


@dataclass(frozen=True, slots=True)
class OutcomeTotal:
    """One outcome ("killed", ...) of an aggregate: what it states against what its items add up to."""

    outcome: str
    stated: float | None
    summed: float | None
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Stated against summed totals of an aggregate; `agrees` is None where either is unknown.

    `stated`, `summed` and `agrees` are about the number of occurrences, `outcomes` about people.
    """

    stated: float | None
    summed: float | None
    agrees: bool | None
    outcomes: tuple[OutcomeTotal, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One occurrence: all its SAME_EVENT triggers merged, every value grounded in the text.

    `id`, `parent`, `children` and `items` refer to events of the same report. `score` is how likely there is
    such an event; the score of an argument is how likely it is right that the event has it in this role, so
    that it counts the event's own doubts, too. Both are probabilities where the model is calibrated.
    """

    id: str
    type: str
    score: float
    triggers: tuple[TriggerText, ...]
    modality: Modality
    time: EventTime
    actors: tuple[ActorArgument, ...] = ()
    objects: tuple[ObjectArgument, ...] = ()
    places: tuple[PlaceArgument, ...] = ()
    amounts: tuple[AmountArgument, ...] = ()
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
class ReportWarning:
    """What a reader of the records should know: a word for programs ("language") and a sentence."""

    code: str
    message: str


class EventCoder(Protocol):
    """Codes the events of a report in the schemes of other projects; `export.EventData` does."""

    def acled(self, report: Report) -> list[dict[str, Any]]:
        """Returns a row for every event that ACLED has a code for."""

    def plover(self, report: Report) -> list[dict[str, Any]]:
        """Returns a row for every event that PLOVER has a code for."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything extracted from one document: its annotation and the event records made of it.

    `coder` knows the ontology that the events are of, where their types' codes in other schemes come from. An
    extractor sets it; it is no part of the JSON form.
    """

    document: Document
    annotation: Annotation
    events: tuple[Event, ...] = ()
    published: datetime.date | None = None
    period: tuple[datetime.date, datetime.date] | None = None
    warnings: tuple[ReportWarning, ...] = ()
    coder: EventCoder | None = field(default=None, compare=False, repr=False)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: one object per document; `export.report_schema()` describes it.

        Scores are rounded to four digits. `title`, `source` and `warnings` stand in it only where there are
        any.
        """
        document = self.document
        nodes = self.annotation.spans()
        index = {node: i for i, node in enumerate(nodes, 1)}
        links = sorted(
            self.annotation.relations,
            key=lambda link: (index[link.head], index[link.tail], link.relation_type),
        )
        period = self.period and {"start": _plain(self.period[0]), "end": _plain(self.period[1])}
        return {
            "id": document.id,
            **{key: value for key in ("title", "source") if (value := getattr(document, key)) is not None},
            "text": document.text,
            "published": _plain(self.published),
            "period": period,
            **({"warnings": [_plain(warning) for warning in self.warnings]} if self.warnings else {}),
            "mentions": [
                {
                    "id": f"m{i}",
                    "type": node.type,
                    "start": node.span.start,
                    "end": node.span.end,
                    "text": document.text[node.span.start : node.span.end],
                    "score": round(node.score, 4),
                    "attributes": sorted(node.attributes) if isinstance(node, Trigger) else [],
                }
                for node, i in index.items()
            ],
            "relations": [
                {
                    "head": f"m{index[link.head]}",
                    "tail": f"m{index[link.tail]}",
                    "type": link.relation_type,
                    "score": round(link.score, 4),
                }
                for link in links
            ],
            "events": [_plain(event) for event in self.events],
        }

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict` as JSON; one line unless `indent` is given, characters outside ASCII as they are."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Report:
        """Reads the JSON form: `Report.from_dict(report.to_dict()).to_dict() == report.to_dict()`.

        Publication date and period become those of the document too.

        Raises:
            DocumentError: a key is missing, unknown or of the wrong type, or spans, ids or texts do not fit.
        """
        return _read_report(raw)

    def redacted(self) -> Report:
        """Returns the report without the names of persons, see `redact.redact_persons`.

        "Gen. Jan Novak" becomes "Gen. [person 1]" wherever he is named. A name that the model missed stays:
        it is no guarantee of anonymity.
        """
        # In the call, and from a layer above: a convenience of users, which no record depends on.
        from sitrep_ie.redact import redact_persons

        return redact_persons(self)

    def rows(self) -> list[dict[str, Any]]:
        """One flat row per event, for tables: names joined by "; ", numbers or None, ISO dates."""
        return [_row(self, event) for event in self.events]

    def to_frame(self, table: str = "events") -> pandas.DataFrame:
        """A table as a pandas data frame, with all columns even when it has no row.

        Args:
            table: "events" (`rows()`), "mentions", "relations", "actors", "objects", "amounts" or "places";
                see `export.table_rows`.

        Raises:
            DependencyError: pandas is not installed.
            FormatError: there is no such table.
        """
        # In the call, and from a layer above, as in `to_html`.
        from sitrep_ie.export import reports_to_frame

        return reports_to_frame([self], table)

    def to_acled(self) -> list[dict[str, Any]]:
        """Rows with ACLED's columns, of the events that happened and that ACLED has a code for.

        See `export.to_acled`.

        Raises:
            DocumentError: the report has no `coder`.
        """
        return self._coder("to_acled").acled(self)

    def to_plover(self) -> list[dict[str, Any]]:
        """Rows with the columns of POLECAT, of the events that happened and that PLOVER has a code for.

        See `export.to_plover`.

        Raises:
            DocumentError: the report has no `coder`.
        """
        return self._coder("to_plover").plover(self)

    def to_geojson(self) -> dict[str, Any]:
        """Returns the located places and the movements of the events, as a FeatureCollection of RFC 7946.

        See `export.reports_to_geojson`.
        """
        # In the call, and from a layer above, as in `to_html`.
        from sitrep_ie.export import reports_to_geojson

        return reports_to_geojson([self])

    def to_html(self, path: Path | str | None = None) -> str:
        """Returns a page for a browser, complete in one file, without network; writes it to `path` if given.

        It shows the text with its mentions and triggers, the events as a table, on a timeline and on a map,
        and totals against their items. It holds the whole report, text included.

        Raises:
            DocumentError: mentions overlap or lie outside the text.
        """
        # In the call, and from a layer above: a convenience of users, which no record depends on.
        from sitrep_ie.view import reports_to_html

        page = reports_to_html([self])
        if path is not None:
            Path(path).write_text(page, encoding="utf-8", newline="")
        return page

    def _repr_html_(self) -> str:
        """The page of `to_html` in a frame, which notebooks show for a report."""
        from sitrep_ie.view import notebook_frame

        return notebook_frame(self)

    def _coder(self, method: str) -> EventCoder:
        if self.coder is None:
            raise DocumentError(
                f"report {self.document.id!r}: made without an extractor, the codes of its event types are "
                f"not known; expected export.{method}(report, ontology)"
            )
        return self.coder


# ---- the JSON form ----

_OPTIONAL_KEYS = {"dates"}  # of EventTime: only there when the time is a set of separate days


def _number(value: float | None) -> float | None:
    """60.0 becomes 60, as people write it."""
    return int(value) if value is not None and value == int(value) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Span):
        return [value.start, value.end]
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, TriggerText):
        return {"start": value.span.start, "end": value.span.end, "text": value.text}
    if not is_dataclass(value):
        return value
    plain: dict[str, Any] = {}
    record: Any = type(value)
    for name in _hints(record):
        item = getattr(value, name)
        if name == "score":
            plain[name] = round(item, 4)
        elif name in ("low", "best", "high", "stated", "summed"):
            plain[name] = _number(item)
        elif name not in _OPTIONAL_KEYS or item:
            plain[name] = _plain(item)
    return plain


@functools.cache
def _hints(record: Any) -> dict[str, Any]:
    hints = get_type_hints(record)
    return {item.name: hints[item.name] for item in fields(record)}


def _fail(where: str, expected: str, value: object) -> DocumentError:
    return DocumentError(f"{where}: expected {expected}, found {value!r:.80}")


def _keys(raw: Any, known: set[str], optional: set[str], where: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise _fail(where, "an object", raw)
    if unknown := sorted(map(str, set(raw) - known - optional)):
        expected = sorted(known | optional)
        raise DocumentError(f"{where}: unknown key {unknown[0]!r}, expected one of {expected}")
    if missing := sorted(known - set(raw)):
        raise DocumentError(f"{where}: key {missing[0]!r} is missing")
    return raw


def _read(hint: Any, value: Any, where: str) -> Any:
    """The value of type `hint` that `value` is the JSON form of."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        options = get_args(hint)
        if value is None and type(None) in options:
            return None
        options = tuple(option for option in options if option is not type(None))
        if len(options) > 1:  # damaged and seized things: an object or a place
            is_place = isinstance(value, Mapping) and "within" in value
            options = (PlaceArgument if is_place else ObjectArgument,)
        return _read(options[0], value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise _fail(where, "a list", value)
        return tuple(_read(get_args(hint)[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is Literal:
        if value not in get_args(hint):
            raise _fail(where, f"one of {get_args(hint)}", value)
        return value
    if hint is Span:
        if not (isinstance(value, list) and len(value) == 2 and all(type(end) is int for end in value)):
            raise _fail(where, "[start, end]", value)
        return Span(*value)
    if hint is datetime.date:
        try:
            return datetime.date.fromisoformat(value)
        except (TypeError, ValueError):
            raise _fail(where, "a date YYYY-MM-DD", value) from None
    if hint is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _fail(where, "a number", value)
        return float(value)
    if hint is TriggerText:
        raw = _keys(value, {"start", "end", "text"}, set(), where)
        span = _read(Span, [raw["start"], raw["end"]], where)
        return TriggerText(text=_read(str, raw["text"], f"{where}.text"), span=span)
    if is_dataclass(hint):
        record: Any = hint
        hints = _hints(record)
        raw = _keys(value, set(hints) - _OPTIONAL_KEYS, set(hints) & _OPTIONAL_KEYS, where)
        return record(**{name: _read(hints[name], item, f"{where}.{name}") for name, item in raw.items()})
    if type(value) is not hint:
        raise _fail(where, hint.__name__, value)
    return value


def _read_report(raw: Any) -> Report:
    known = {"id", "text", "published", "period", "mentions", "relations", "events"}
    _keys(raw, known, {"title", "source", "warnings"}, "report")
    at = f"report {raw['id']!r}"
    published = _read(datetime.date | None, raw["published"], f"{at}: published")
    period = None
    if raw["period"] is not None:
        ends = _keys(raw["period"], {"start", "end"}, set(), f"{at}: period")
        period = (
            _read(datetime.date, ends["start"], f"{at}: period.start"),
            _read(datetime.date, ends["end"], f"{at}: period.end"),
        )
    document = Document(
        id=raw["id"],
        text=raw["text"],
        source=_read(str | None, raw.get("source"), f"{at}: source"),
        published=published,
        title=_read(str | None, raw.get("title"), f"{at}: title"),
        period=period,
    )
    events = _read(tuple[Event, ...], raw["events"], f"{at}: events")
    # Every trigger is in an event: that tells them from the mentions in the same list.
    trigger_spans = {trigger.span for event in events for trigger in event.triggers}
    nodes = _read_nodes(raw["mentions"], document, trigger_spans, at)
    annotation = Annotation(
        document_id=document.id,
        mentions=tuple(node for node in nodes.values() if isinstance(node, Mention)),
        triggers=tuple(node for node in nodes.values() if isinstance(node, Trigger)),
        relations=_read_relations(raw["relations"], nodes, at),
    )
    annotation.check(document)
    ids = {event.id for event in events}
    for event in events:
        for other in (*event.children, *event.items, *filter(None, [event.parent])):
            if other not in ids:
                raise DocumentError(f"{at}: event {event.id!r} refers to {other!r}, which is no event of it")
    return Report(
        document=document,
        annotation=annotation,
        events=events,
        published=published,
        period=period,
        warnings=_read(tuple[ReportWarning, ...], raw.get("warnings", []), f"{at}: warnings"),
    )


def _read_nodes(
    raw: Any, document: Document, trigger_spans: set[Span], at: str
) -> dict[str, Mention | Trigger]:
    if not isinstance(raw, list):
        raise _fail(f"{at}: mentions", "a list", raw)
    nodes: dict[str, Mention | Trigger] = {}
    for i, item in enumerate(raw):
        here = f"{at}: mentions[{i}]"
        _keys(item, {"id", "type", "start", "end", "text", "score", "attributes"}, set(), here)
        span = _read(Span, [item["start"], item["end"]], here)
        if document.text[span.start : span.end] != item["text"]:
            raise _fail(f"{here}.text", repr(document.text[span.start : span.end]), item["text"])
        node_type = _read(str, item["type"], f"{here}.type")
        score = _read(float, item["score"], f"{here}.score")
        attributes = frozenset(_read(tuple[str, ...], item["attributes"], f"{here}.attributes"))
        if item["id"] in nodes:
            raise DocumentError(f"{here}: id {item['id']!r} is used twice")
        if span in trigger_spans:
            nodes[item["id"]] = Trigger(span, node_type, attributes, score)
        else:
            nodes[item["id"]] = Mention(span, node_type, score)
    return nodes


def _read_relations(raw: Any, nodes: Mapping[str, Mention | Trigger], at: str) -> tuple[Relation, ...]:
    if not isinstance(raw, list):
        raise _fail(f"{at}: relations", "a list", raw)
    relations = []
    for i, item in enumerate(raw):
        here = f"{at}: relations[{i}]"
        _keys(item, {"head", "tail", "type", "score"}, set(), here)
        for end in ("head", "tail"):
            if item[end] not in nodes:
                raise _fail(f"{here}.{end}", "the id of a mention", item[end])
        relation_type = _read(str, item["type"], f"{here}.type")
        score = _read(float, item["score"], f"{here}.score")
        relations.append(Relation(nodes[item["head"]], nodes[item["tail"]], relation_type, score))
    return tuple(relations)


# ---- flat rows ----

_PEOPLE = ("killed", "injured", "detained", "released", "abducted", "displaced")
ROW_COLUMNS = (
    "document", "event", "type", "score", "modality", "aggregate", "release", "trigger",
    "start", "end", "precision", "anchor",
    "agents", "partners", "targets", "reporters", "themes", "instruments",
    "at", "origins", "destinations", "via", "latitude", "longitude", "country",
    "count",
    *(f"{people}{bound}" for people in _PEOPLE for bound in ("", "_low", "_high")),
    "damaged", "seized",
    "parent", "children", "items", "agrees", "evidence",
)  # fmt: skip


def _row(report: Report, event: Event) -> dict[str, Any]:
    text = report.document.text

    def names(role: str) -> str:
        found = [actor.name for actor in event.actors if actor.role == role]
        found += [_counted(thing) for thing in event.objects if thing.role == role]
        found += [place.name or place.text for place in event.places if place.role == role]
        found += [amount.text for amount in event.amounts if amount.role == role]
        return "; ".join(dict.fromkeys(found))

    located = next((place for place in event.places if place.latitude is not None), None)
    row: dict[str, Any] = {
        "document": report.document.id,
        "event": event.id,
        "type": event.type,
        "score": round(event.score, 4),
        "modality": event.modality,
        "aggregate": event.aggregate,
        "release": event.release,
        "trigger": "; ".join(trigger.text for trigger in event.triggers),
        "start": _plain(event.time.start),
        "end": _plain(event.time.end),
        "precision": event.time.precision,
        "anchor": event.time.anchor,
        "agents": names("agent"),
        "partners": names("partner"),
        "targets": names("target"),
        "reporters": names("reporter"),
        "themes": names("theme"),
        "instruments": names("instrument"),
        "at": names("at"),
        "origins": names("origin"),
        "destinations": names("destination"),
        "via": names("via"),
        "latitude": located and located.latitude,
        "longitude": located and located.longitude,
        "country": next((place.country for place in event.places if place.country), None),
        "count": _number(event.count.best) if event.count else None,
    }
    for people in _PEOPLE:
        quantity: Quantity | None = getattr(event.outcomes, people)
        row[people] = _number(quantity.best) if quantity else None
        row[f"{people}_low"] = _number(quantity.low) if quantity else None
        row[f"{people}_high"] = _number(quantity.high) if quantity else None
    row |= {
        "damaged": "; ".join(_counted(thing) for thing in event.outcomes.damaged),
        "seized": "; ".join(_counted(thing) for thing in event.outcomes.seized),
        "parent": event.parent,
        "children": "; ".join(event.children),
        "items": "; ".join(event.items),
        "agrees": event.reconciliation and event.reconciliation.agrees,
        "evidence": " ".join(" ".join(text[span.start : span.end].split()) for span in event.evidence),
    }
    return row


def _counted(thing: ObjectArgument | PlaceArgument) -> str:
    if isinstance(thing, ObjectArgument) and thing.quantity and thing.quantity.text:
        return f"{thing.quantity.text} {thing.text}"
    return thing.text


# Line breaks of all systems; PARAGRAPH SEPARATOR and form feed count as blank lines.
_LINE = re.compile(r"[^\r\n\v\f\x85\u2028\u2029]+")
# `\r(?!\n)`: one CRLF is one break, never two.
_BLANK = re.compile(r"(?:\r\n|\r(?!\n)|[\n\v\x85\u2028])\s*(?:\r\n|\r(?!\n)|[\n\v\x85\u2028])|[\f\u2029]")
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
