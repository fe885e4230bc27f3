"""Event records scored: a flat form of them, gold records from JSONL, one-to-one alignment, F1 over fields.

Gold records are flat and hold strings as they stand in the text; `records_of` brings the events of a report
into that form. Nothing here knows models or tensors.
"""

from __future__ import annotations

import datetime
import json
import re
import statistics
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from sitrep_ie.document import (
    ActorArgument,
    Event,
    Modality,
    ObjectArgument,
    PlaceArgument,
    Quantity,
    Report,
)
from sitrep_ie.errors import DependencyError, DocumentError, FormatError
from sitrep_ie.ontology import Ontology
from sitrep_ie.score.counts import Counts, Level

# Sub-events of these types are told by their parent's record (killed, injured, detained, items); where
# they have no parent they are records of their own.
FOLDED_TYPES = frozenset({"DEATH", "INJURY", "DETENTION", "DAMAGE"})

# Pairs less alike than this are not taken for one occurrence. Between records made of gold annotations and
# gold records, nineteen in twenty aligned pairs are more than 0.65 alike, and of pairs from different
# documents nineteen in twenty less than 0.15.
MIN_SIMILARITY = 0.3


@dataclass(frozen=True, slots=True)
class Item:
    """A thing, or a counted group of people, that an event is about: moved, delivered, used, destroyed."""

    what: str
    count: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One occurrence in the flat form of gold records; None: the text does not say.

    Attributes:
        start: first day, `end` the last one, inclusive.
        killed: numbers of people; a range stands as its lower bound.
        detained: people taken, not those set free.
        release: detained people were set free.
        count: number of occurrences; 1 for a record that sums up nothing.
        paragraph: 0-based index in the document, for readers of gold.
        quote: where the text says so; not compared as a field, but helps to align.
    """

    document_id: str
    id: str
    type: str
    start: datetime.date | None = None
    end: datetime.date | None = None
    agents: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    reporters: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    place: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    destination: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    killed: float | None = None
    injured: float | None = None
    detained: float | None = None
    release: bool = False
    count: float | None = 1
    aggregate: bool = False
    modality: Modality = "actual"
    paragraph: int | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class RecordScores:
    """Counts over records and over their fields.

    Attributes:
        num_documents: documents that were compared.
        records: a gold record is found when a predicted one of its type was aligned with it.
        fields: values of each field by `field_values`, those of records without a partner included.
        aligned_fields: the same over aligned pairs only: how good the records are that were found.
    """

    num_documents: int
    records: Level
    fields: Mapping[str, Counts]
    aligned_fields: Mapping[str, Counts]

    @property
    def field_f1(self) -> float:
        """Micro-averaged F1 over the values of all fields."""
        return sum(self.fields.values(), Counts()).f1

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "num_documents": self.num_documents,
            "records": self.records.to_dict(),
            "field_f1": self.field_f1,
            "fields": {name: counts.to_dict() for name, counts in self.fields.items()},
            "aligned_fields": {name: counts.to_dict() for name, counts in self.aligned_fields.items()},
        }

    def table(self) -> str:
        """Returns a plain-text table in per cent: records by type, then fields."""
        header = f"{'':<20} {'P':>6} {'R':>6} {'F1':>6} {'aligned':>8} {'gold':>6} {'pred.':>6}"
        lines = [f"{self.num_documents} documents", header, _row("Records", self.records.total, None)]
        lines += [_row("  " + name, counts, None) for name, counts in self.records.by_type.items()]
        lines.append(_row("Fields", sum(self.fields.values(), Counts()), None))
        lines += [_row("  " + name, self.fields[name], self.aligned_fields[name]) for name in self.fields]
        return "\n".join(lines)


# ---- from events ----


def records_of(report: Report) -> list[EventRecord]:
    """Returns the events of `report` in the flat form.

    - Deaths, injuries, arrests and damage that are sub-events are no records of their own: the people
      stand in `killed`, `injured` and `detained` of the parent, the things damaged among its `items`.
    - `items` are the objects that are moved, used or hit, people carried, and groups of people with a number.
    - A number is its lower bound; a vague one ("several", a bare plural) is unknown.
    """
    known = {event.id for event in report.events}
    return [
        from_event(event, report)
        for event in report.events
        if not (event.type in FOLDED_TYPES and event.parent in known and not event.release)
    ]


def from_event(event: Event, report: Report) -> EventRecord:
    """Returns one event of `report` in the flat form; see `records_of`."""
    text = report.document.text
    named: list[ActorArgument | ObjectArgument | PlaceArgument]
    named = [*event.actors, *event.objects, *event.places]

    def names(role: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(argument.text for argument in named if argument.role == role))

    return EventRecord(
        document_id=report.document.id,
        id=event.id,
        type=event.type,
        start=event.time.start,
        end=event.time.end,
        agents=names("agent"),
        partners=names("partner"),
        targets=names("target"),
        reporters=names("reporter"),
        items=_items(event),
        place=names("at"),
        origin=names("origin"),
        destination=names("destination"),
        via=names("via"),
        killed=_number(event.outcomes.killed),
        injured=_number(event.outcomes.injured),
        detained=_number(event.outcomes.detained),
        release=event.release,
        count=_number(event.count) if event.count or event.aggregate else 1,
        aggregate=event.aggregate,
        modality=event.modality,
        quote=" ".join(text[span.start : span.end] for span in event.evidence) or None,
    )


def _items(event: Event) -> tuple[Item, ...]:
    items: dict[str, Item] = {}
    damaged = [thing for thing in event.outcomes.damaged if isinstance(thing, ObjectArgument)]
    things: list[ObjectArgument] = [*event.objects, *damaged]
    for thing in things:
        if thing.role in ("theme", "instrument", "target"):
            items.setdefault(thing.text, Item(thing.text, _number(thing.quantity)))
    # People killed, injured or detained are told by these fields.
    told = event.type in FOLDED_TYPES and not event.release
    for actor in event.actors:
        number = _number(actor.quantity)
        counted = number is not None and actor.role in ("agent", "partner", "target") and not told
        if actor.role in ("theme", "instrument") or counted:
            items.setdefault(actor.text, Item(actor.text, number))
    for amount in event.amounts:
        if amount.role == "theme":
            items.setdefault(amount.text, Item(amount.text, _number(amount.quantity)))
    return tuple(items.values())


def _number(quantity: Quantity | None) -> float | None:
    if quantity is None or quantity.qualifier == "vague":
        return None
    bounds = (quantity.low, quantity.best, quantity.high)
    return next((bound for bound in bounds if bound is not None), None)


# ---- from files ----

_NAME_FIELDS = ("agents", "partners", "targets", "reporters", "place", "origin", "destination", "via")
_NUMBER_FIELDS = ("killed", "injured", "detained", "count")
_FLAG_FIELDS = ("aggregate", "release")
_KEYS = frozenset({"doc"} | {field.name for field in fields(EventRecord)} - {"document_id"})


def read_records(path: Path | str, ontology: Ontology) -> list[EventRecord]:
    """Returns the gold records of a JSONL file, one object per line with exactly the keys of `EventRecord`.

    The document's id is called `doc`; dates are ISO; `items` are objects with `what` and `count`.

    Raises:
        FormatError: the file cannot be read or does not follow the format; starts with `path:line:`.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read: {error}") from error
    records: list[EventRecord] = []
    seen: set[tuple[str, str]] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            raw = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{where}: not valid JSON: {error}") from error
        record = _record(raw, where, ontology)
        if (key := (record.document_id, record.id)) in seen:
            raise FormatError(
                f"{where}: record {record.id!r} of document {record.document_id!r} occurs twice"
            )
        seen.add(key)
        records.append(record)
    return records


def _record(raw: Any, where: str, ontology: Ontology) -> EventRecord:
    if not isinstance(raw, dict):
        raise FormatError(f"{where}: expected an object, found {type(raw).__name__}")
    if unknown := sorted(raw.keys() - _KEYS):
        raise FormatError(f"{where}: unknown key {unknown[0]!r}; expected {sorted(_KEYS)}")
    if missing := sorted(_KEYS - raw.keys()):
        raise FormatError(f"{where}: key {missing[0]!r} is missing")

    def check(key: str, good: bool, wanted: str) -> Any:
        if not good:
            raise FormatError(f"{where}: {key}: {raw[key]!r}, expected {wanted}")
        return raw[key]

    def text(key: str) -> str:
        value = raw[key]
        return str(check(key, isinstance(value, str) and bool(value), "a string that is not empty"))

    def day(key: str) -> datetime.date | None:
        value = raw[key]
        try:
            return None if value is None else datetime.date.fromisoformat(value)
        except (TypeError, ValueError):
            raise FormatError(f"{where}: {key}: {value!r}, expected an ISO date or null") from None

    def items() -> tuple[Item, ...]:
        good = isinstance(raw["items"], list) and all(
            isinstance(item, dict)
            and item.keys() == {"what", "count"}
            and isinstance(item["what"], str)
            and (item["count"] is None or _is_number(item["count"]))
            for item in raw["items"]
        )
        check("items", good, 'a list of {"what": string, "count": number or null}')
        return tuple(Item(item["what"], item["count"]) for item in raw["items"])

    if raw["type"] not in ontology.event_names:
        raise FormatError(f"{where}: type: {raw['type']!r} is no event type of ontology {ontology.name!r}")
    names: dict[str, Any] = {}
    for key in _NAME_FIELDS:
        good = isinstance(raw[key], list) and all(isinstance(name, str) and name for name in raw[key])
        names[key] = tuple(check(key, good, "a list of strings"))
    numbers = {
        key: check(key, raw[key] is None or _is_number(raw[key]), "a number from 0 or null")
        for key in _NUMBER_FIELDS
    }
    flags = {key: check(key, isinstance(raw[key], bool), "true or false") for key in _FLAG_FIELDS}
    modality = check("modality", raw["modality"] in get_args(Modality), f"one of {get_args(Modality)}")
    paragraph = raw["paragraph"]
    check("paragraph", paragraph is None or _is_number(paragraph), "a whole number from 0 or null")
    start, end = day("start"), day("end")
    if start and end and start > end:
        raise FormatError(f"{where}: start {start} lies after end {end}")
    return EventRecord(
        document_id=text("doc"),
        id=text("id"),
        type=raw["type"],
        start=start,
        end=end,
        items=items(),
        modality=modality,
        paragraph=paragraph,
        quote=text("quote") if raw["quote"] is not None else None,
        **names,
        **numbers,
        **flags,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


# ---- names ----

# Letters that Unicode does not decompose.
_LETTERS = str.maketrans(
    {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ə": "a"}
    # Apostrophes and the signs for ayn and hamza, written or left out at will.
    | dict.fromkeys("'`´‘’ʻʼʽʾʿˈ′", "")
)
# The Arabic article before a sun letter takes its sound: ash-Shaddadi, az-Zor, ed-Din.
_SUN_ARTICLE = re.compile(r"\b[aeu](sh|th|dh|[rsdtzn])[-\s](?=\1)")
_ARTICLES = frozenset({"a", "an", "the", "al", "el", "ul"})
_WORD = re.compile(r"[^\W_]+")
# Spellings of one sound in transliterations: Waleed and Walid, Mahmoud and Mahmud, Raqqah and Raqqa.
_SPELLINGS = (
    (re.compile(r"ee"), "i"),
    (re.compile(r"oo|ou"), "u"),
    (re.compile(r"q"), "k"),
    (re.compile(r"dj"), "j"),
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile(r"(?<=.a)h\b"), ""),
)


def fold_name(name: str) -> str:
    """Returns what is compared of a name: case, marks, quotes, articles and transliteration taken out."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).translate(_LETTERS)
    words = _WORD.findall(_SUN_ARTICLE.sub("", plain))
    words = [word for word in words if word not in _ARTICLES] or words
    folded = " ".join(words)
    for written, sound in _SPELLINGS:
        folded = written.sub(sound, folded)
    return folded


# ---- alignment ----


def align(
    gold: Sequence[EventRecord], predicted: Sequence[EventRecord]
) -> list[tuple[EventRecord, EventRecord]]:
    """Returns the one-to-one pairs of one document with the greatest total `similarity`.

    Only records of one type are paired, and only those that are at least `MIN_SIMILARITY` alike.

    Raises:
        DependencyError: scipy is not installed.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise DependencyError("scoring records needs scipy: pip install 'sitrep_ie[train]'") from error
    pairs = []
    for event_type in dict.fromkeys(record.type for record in gold):
        rows = [record for record in gold if record.type == event_type]
        columns = [record for record in predicted if record.type == event_type]
        if not columns:
            continue
        alike = [[similarity(a, b) for b in columns] for a in rows]
        # A pair that will not be taken must not draw a record away from one that would be.
        alike = [[value if value >= MIN_SIMILARITY else 0.0 for value in row] for row in alike]
        for i, j in zip(*linear_sum_assignment(alike, maximize=True), strict=True):
            if alike[i][j]:
                pairs.append((rows[i], columns[j]))
    return pairs


def similarity(a: EventRecord, b: EventRecord) -> float:
    """Returns how likely `a` and `b` are one occurrence, in [0, 1]; symmetric, whatever their types.

    The mean over what either of them states: days, parties, things, places, numbers of people and modality,
    and, where both have one, over the quotes, which weigh double since they say where in the text it stands.
    A party or a place counts as the same one in another role, too; names by the words that they share.
    """
    parts = [
        _intervals_alike(a, b),
        _names_alike((*a.agents, *a.partners, *a.targets), (*b.agents, *b.partners, *b.targets)),
        _names_alike([item.what for item in a.items], [item.what for item in b.items]),
        _names_alike(_places(a), _places(b)),
        _numbers_alike(a, b),
        None if a.modality == b.modality == "actual" else float(a.modality == b.modality),
    ]
    if a.quote and b.quote:
        quotes = _quotes_alike(a.quote, b.quote)
        parts += [quotes, quotes]
    stated = [part for part in parts if part is not None]
    return statistics.fmean(stated) if stated else 1.0


def _places(record: EventRecord) -> tuple[str, ...]:
    return record.place + record.origin + record.destination + record.via


def _intervals_alike(a: EventRecord, b: EventRecord) -> float | None:
    """1 for the same days, 1/2 for some in common; None where neither states any."""
    if (a.start, a.end) == (b.start, b.end):
        return None if a.start is a.end is None else 1.0
    if not (a.start or a.end) or not (b.start or b.end):
        return 0.0
    a_start, a_end = _closed(a)
    b_start, b_end = _closed(b)
    return 0.5 if a_start <= b_end and b_start <= a_end else 0.0


def _closed(record: EventRecord) -> tuple[datetime.date, datetime.date]:
    # An open side tells one day only.
    start, end = record.start or record.end, record.end or record.start
    assert start is not None
    assert end is not None
    return start, end


def _numbers_alike(a: EventRecord, b: EventRecord) -> float | None:
    pairs = [(a.killed, b.killed), (a.injured, b.injured), (a.detained, b.detained)]
    stated = [left == right for left, right in pairs if left is not None or right is not None]
    return statistics.fmean(stated) if stated else None


def _names_alike(a: Iterable[str], b: Iterable[str]) -> float | None:
    """Mean of the best match of every name on either side; None where there are no names."""
    left, right = [set(fold_name(name).split()) for name in a], [set(fold_name(name).split()) for name in b]
    if not left and not right:
        return None
    best = [max((_dice(words, other) for other in right), default=0.0) for words in left]
    best += [max((_dice(words, other) for other in left), default=0.0) for words in right]
    return statistics.fmean(best)


def _quotes_alike(a: str, b: str) -> float:
    """Share of the shorter one's words that stand in the other: a clause of a sentence is that sentence."""
    left, right = set(fold_name(a).split()), set(fold_name(b).split())
    shorter = min(len(left), len(right))
    return len(left & right) / shorter if shorter else 0.0


def _dice(a: set[str], b: set[str]) -> float:
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0


# ---- scores ----


def _names(key: str) -> Callable[[EventRecord], set[Hashable]]:
    return lambda record: {fold_name(name) for name in getattr(record, key)}


def _value(key: str) -> Callable[[EventRecord], set[Hashable]]:
    return lambda record: set() if (value := getattr(record, key)) is None else {value}


def _flag(key: str) -> Callable[[EventRecord], set[Hashable]]:
    return lambda record: {True} if getattr(record, key) else set()


_FIELDS: Mapping[str, Callable[[EventRecord], set[Hashable]]] = {
    "time": lambda r: set() if r.start is r.end is None else {(r.start, r.end)},
    **{key: _names(key) for key in _NAME_FIELDS},
    "items": lambda r: {fold_name(item.what) for item in r.items},
    "item_counts": lambda r: {(fold_name(i.what), i.count) for i in r.items if i.count is not None},
    **{key: _value(key) for key in _NUMBER_FIELDS},
    "modality": lambda r: {r.modality},
    **{key: _flag(key) for key in _FLAG_FIELDS},
}


def field_values(record: EventRecord) -> dict[str, set[Hashable]]:
    """Returns what `record` states, as sets by field; the empty set is "does not say".

    Names are folded; `time` is the pair of first and last day; `item_counts` are things with their number.
    The flags `aggregate` and `release` hold a value only where they are set, so that their absence earns
    nothing.
    """
    return {name: values(record) for name, values in _FIELDS.items()}


def score_reports(gold: Sequence[EventRecord], reports: Sequence[Report]) -> RecordScores:
    """Returns the scores of the events of `reports` against gold records.

    Raises:
        DocumentError: a document has gold records but no report, the other way round, or two reports.
        DependencyError: scipy is not installed.
    """
    ids = [report.document.id for report in reports]
    gold_ids = dict.fromkeys(record.document_id for record in gold)
    if repeated := next((key for i, key in enumerate(ids) if key in ids[:i]), None):
        raise DocumentError(f"document {repeated!r} has two reports, expected one")
    if missing := [key for key in gold_ids if key not in ids]:
        raise DocumentError(f"document {missing[0]!r} has gold records but no report ({len(missing)} in all)")
    if surplus := [key for key in ids if key not in gold_ids]:
        raise DocumentError(
            f"document {surplus[0]!r} has a report but no gold records ({len(surplus)} in all)"
        )
    return score_records(gold, [record for report in reports for record in records_of(report)])


def score_records(gold: Sequence[EventRecord], predicted: Sequence[EventRecord]) -> RecordScores:
    """Returns the counts over records and fields, aligned document by document.

    Raises:
        DocumentError: a record was predicted for a document without gold records: such documents
            were not annotated.
        DependencyError: scipy is not installed.
    """
    document_ids = dict.fromkeys(record.document_id for record in gold)
    for record in predicted:
        if record.document_id not in document_ids:
            raise DocumentError(f"document {record.document_id!r}: record {record.id!r}, but no gold records")
    by_type: dict[str, Counts] = {}
    totals = dict.fromkeys(_FIELDS, Counts())
    aligned = dict.fromkeys(_FIELDS, Counts())
    for document_id in document_ids:
        gold_here = [record for record in gold if record.document_id == document_id]
        predicted_here = [record for record in predicted if record.document_id == document_id]
        pairs = align(gold_here, predicted_here)
        found, used = {id(a) for a, _ in pairs}, {id(b) for _, b in pairs}
        missed = [record for record in gold_here if id(record) not in found]
        spurious = [record for record in predicted_here if id(record) not in used]
        for a, b in pairs:
            _add(by_type, a.type, Counts(tp=1))
            gold_values, predicted_values = field_values(a), field_values(b)
            for name in _FIELDS:
                counts = _compare(gold_values[name], predicted_values[name])
                totals[name] += counts
                aligned[name] += counts
        for record in missed:
            _add(by_type, record.type, Counts(fn=1))
            for name, values in field_values(record).items():
                totals[name] += Counts(fn=len(values))
        for record in spurious:
            _add(by_type, record.type, Counts(fp=1))
            for name, values in field_values(record).items():
                totals[name] += Counts(fp=len(values))
    level = Level(sum(by_type.values(), Counts()), dict(sorted(by_type.items())))
    return RecordScores(len(document_ids), level, totals, aligned)


def _add(table: dict[str, Counts], key: str, counts: Counts) -> None:
    table[key] = table.get(key, Counts()) + counts


def _compare(gold: set[Hashable], predicted: set[Hashable]) -> Counts:
    return Counts(len(gold & predicted), len(predicted - gold), len(gold - predicted))


def _row(title: str, counts: Counts, aligned: Counts | None) -> str:
    shares = " ".join(f"{100 * share:6.1f}" for share in (counts.precision, counts.recall, counts.f1))
    on_aligned = f"{100 * aligned.f1:8.1f}" if aligned is not None else " " * 8
    return f"{title:<20} {shares} {on_aligned} {counts.num_gold:6d} {counts.num_predicted:6d}"
