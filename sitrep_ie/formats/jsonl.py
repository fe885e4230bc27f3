"""Annotated documents as JSON lines: the report form of `Report.to_dict`, as far as it is annotation.

    {"id": "r1", "text": "...", "source": null, "title": null, "published": "2024-03-02", "period": null,
     "mentions": [{"id": "m1", "type": "ACTOR", "start": 0, "end": 9, "text": "...", "score": 1.0,
       "attributes": []}],
     "relations": [{"head": "m2", "tail": "m1", "type": "AGENT", "score": 1.0}]}

`mentions` holds triggers too, under their event type, and only the ontology tells which they are: reading
annotation needs one. A line of predictions, which also has `events`, reads as annotation. Names in `.gz` are
compressed.
"""

from __future__ import annotations

import datetime
import difflib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Span, Trigger
from sitrep_ie.errors import DocumentError, FormatError, OntologyError
from sitrep_ie.formats._files import atomic_writer, read_lines
from sitrep_ie.ontology import Ontology

_DOCUMENT_KEYS = ("id", "text", "source", "title", "published", "period")
_ANNOTATION_KEYS = ("mentions", "relations")
# Part of the report form, but made from the annotation: never read back from here.
_DERIVED_KEYS = ("events",)
_KEYS = (*_DOCUMENT_KEYS, *_ANNOTATION_KEYS, *_DERIVED_KEYS)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def read_jsonl(path: Path | str, ontology: Ontology) -> list[Example]:
    """Returns the annotated documents of a file in file order. See `iter_jsonl`."""
    return list(iter_jsonl(path, ontology))


def iter_jsonl(path: Path | str, ontology: Ontology) -> Iterator[Example]:
    """Yields the annotated documents of a file one by one; blank lines are skipped.

    Every line needs `mentions`: an empty list says that a document holds none, no list that nobody looked.
    Optional: `relations`, and within a mention `text`, `score` (1) and `attributes`.

    Raises:
        FormatError: a line is no JSON, has an unknown or missing key, a value of the wrong type, offsets that
            do not give the mention's text, or anything else that the ontology does not allow. Starts with
            `path:line:`.
    """
    for raw, document, at in _iter_objects(Path(path)):
        yield Example(document, _annotation(raw, document, ontology, at))


def read_documents(path: Path | str) -> list[Document]:
    """Returns the documents of a file in file order, without any annotation. See `iter_documents`."""
    return list(iter_documents(path))


def iter_documents(path: Path | str) -> Iterator[Document]:
    """Yields the documents of a file one by one; needs `id` and `text`, ignores annotation and events.

    Raises:
        FormatError: see `iter_jsonl`.
    """
    for _, document, _ in _iter_objects(Path(path)):
        yield document


def write_jsonl(path: Path | str, examples: Iterable[Example]) -> None:
    """Writes one line a document, the file whole or not at all; `examples` may be a stream.

    `read_jsonl` gives the same examples back, scores included (but not `Trigger.attribute_scores`, which
    the form does not have).

    Raises:
        FormatError: a document id is used twice, an annotation does not fit its document, or a text cannot
            be written as UTF-8; names the document.
    """
    path = Path(path)
    seen: set[str] = set()
    with atomic_writer(path) as file:
        for example in examples:
            at = f"{path}: document {example.document.id!r}"
            if example.document.id in seen:
                raise FormatError(f"{at}: the id is used twice")
            seen.add(example.document.id)
            try:
                example.gold.check(example.document)
            except DocumentError as error:
                raise FormatError(f"{at}: {error}") from error
            line = json.dumps(example_to_dict(example), ensure_ascii=False)
            if _SURROGATE.search(line):
                raise FormatError(f"{at}: holds a lone surrogate, which UTF-8 cannot write")
            file.write(line + "\n")


def example_to_dict(example: Example) -> dict[str, Any]:
    """Returns the JSON object of one line; mentions are numbered in text order, from "m1"."""
    document = example.document
    nodes = example.gold.spans()
    names = {node: f"m{number}" for number, node in enumerate(nodes, 1)}
    period = document.period and {
        "start": document.period[0].isoformat(),
        "end": document.period[1].isoformat(),
    }
    return {
        "id": document.id,
        "text": document.text,
        "source": document.source,
        "title": document.title,
        "published": document.published.isoformat() if document.published else None,
        "period": period,
        "mentions": [
            {
                "id": name,
                "type": node.type,
                "start": node.span.start,
                "end": node.span.end,
                "text": document.text[node.span.start : node.span.end],
                "score": node.score,
                "attributes": sorted(node.attributes) if isinstance(node, Trigger) else [],
            }
            for node, name in names.items()
        ],
        "relations": [
            {
                "head": names[relation.head],
                "tail": names[relation.tail],
                "type": relation.relation_type,
                "score": relation.score,
            }
            for relation in example.gold.relations
        ],
    }


def _iter_objects(path: Path) -> Iterator[tuple[dict[str, Any], Document, str]]:
    """Yields the object of every line, the document in it and where it stands."""
    seen: set[str] = set()
    for number, line in read_lines(path):
        if not line.strip():
            continue
        at = f"{path}:{number}"
        try:
            raw = json.loads(line, object_pairs_hook=_distinct, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            raise FormatError(f"{at}: not valid JSON: {error.msg} at column {error.colno}") from error
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{at}: not valid JSON: {error}") from error
        if not isinstance(raw, dict):
            raise _wrong(raw, "an object", f"{at}: the line")
        raw = _object(raw, _KEYS, ("id", "text"), at)
        document = _document(raw, at)
        if document.id in seen:
            raise FormatError(f"{at}: document id {document.id!r} is used twice")
        seen.add(document.id)
        yield raw, document, f"{at}: document {document.id!r}"


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {twice!r} stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _document(raw: dict[str, Any], at: str) -> Document:
    texts: dict[str, str | None] = {}
    for key in ("id", "text", "source", "title"):
        value = raw.get(key)
        if value is None and key in ("source", "title"):
            texts[key] = None
        else:
            texts[key] = _string(value, f"{at}: {key!r}")
    if not texts["id"]:
        raise FormatError(f"{at}: 'id' is empty")
    published, period = raw.get("published"), raw.get("period")
    return Document(
        id=texts["id"],
        text=texts["text"] or "",
        source=texts["source"],
        title=texts["title"],
        published=None if published is None else _date(published, f"{at}: 'published'"),
        period=None if period is None else _period(period, f"{at}: 'period'"),
    )


def _period(value: Any, at: str) -> tuple[datetime.date, datetime.date]:
    raw = _object(value, ("start", "end"), ("start", "end"), at)
    start, end = _date(raw["start"], f"{at}: 'start'"), _date(raw["end"], f"{at}: 'end'")
    if end < start:
        raise FormatError(f"{at}: ends on {end}, before it starts on {start}")
    return start, end


def _annotation(raw: dict[str, Any], document: Document, ontology: Ontology, at: str) -> Annotation:
    if "mentions" not in raw:
        raise FormatError(f"{at}: key 'mentions' is missing; a document without any has an empty list")
    nodes: dict[str, Mention | Trigger] = {}
    for index, item in enumerate(_list(raw["mentions"], f"{at}: 'mentions'")):
        here = f"{at}: mentions[{index}]"
        name, node = _node(item, document, ontology, here)
        if name in nodes:
            raise FormatError(f"{here}: id {name!r} is used twice")
        nodes[name] = node
    relations: dict[Relation, None] = {}
    for index, item in enumerate(_list(raw.get("relations", []), f"{at}: 'relations'")):
        here = f"{at}: relations[{index}]"
        relation = _relation(item, nodes, ontology, here)
        if relation in relations:
            raise FormatError(f"{here}: {relation.relation_type} with these ends is given twice")
        relations[relation] = None
    ordered = sorted(nodes.values(), key=lambda node: node.span)
    annotation = Annotation(
        document_id=document.id,
        mentions=tuple(node for node in ordered if isinstance(node, Mention)),
        triggers=tuple(node for node in ordered if isinstance(node, Trigger)),
        relations=tuple(relations),
    )
    try:
        annotation.check(document)
        ontology.check(annotation)
    except (DocumentError, OntologyError) as error:
        raise FormatError(f"{at}: {error}") from error
    return annotation


def _node(item: Any, document: Document, ontology: Ontology, at: str) -> tuple[str, Mention | Trigger]:
    needed = ("id", "type", "start", "end")
    raw = _object(item, (*needed, "text", "score", "attributes"), needed, at)
    name, type_ = _string(raw["id"], f"{at}: 'id'"), _string(raw["type"], f"{at}: 'type'")
    start, end = (_integer(raw[key], f"{at}: {key!r}") for key in ("start", "end"))
    if not 0 <= start < end <= len(document.text):
        raise FormatError(
            f"{at}: [{start}, {end}): expected 0 <= start < end <= {len(document.text)}, the text's length"
        )
    text = document.text[start:end]
    if raw.get("text", text) != text:
        raise FormatError(
            f"{at}: [{start}, {end}) holds {text!r} in the text, not {raw['text']!r}; offsets count "
            "Unicode code points"
        )
    score = _score(raw.get("score", 1.0), f"{at}: 'score'")
    attributes = [
        _string(value, f"{at}: 'attributes'")
        for value in _list(raw.get("attributes", []), f"{at}: 'attributes'")
    ]
    if len(set(attributes)) < len(attributes):
        raise FormatError(f"{at}: 'attributes' names one twice")
    for attribute in attributes:
        if attribute not in ontology.attributes:
            hint = _hint(attribute, ontology.attributes)
            raise FormatError(f"{at}: unknown attribute {attribute!r}{hint}")
    if ontology.is_event(type_):
        return name, Trigger(Span(start, end), type_, frozenset(attributes), score)
    if type_ not in ontology.mention_types:
        raise FormatError(f"{at}: unknown type {type_!r}{_hint(type_, ontology.span_types)}")
    if attributes:
        raise FormatError(f"{at}: attribute {attributes[0]} on {type_}; only triggers have attributes")
    return name, Mention(Span(start, end), type_, score)


def _relation(item: Any, nodes: dict[str, Mention | Trigger], ontology: Ontology, at: str) -> Relation:
    needed = ("head", "tail", "type")
    raw = _object(item, (*needed, "score"), needed, at)
    head, tail, type_ = (_string(raw[key], f"{at}: {key!r}") for key in needed)
    for end in (head, tail):
        if end not in nodes:
            raise FormatError(f"{at}: no mention has the id {end!r}")
    if head == tail:
        raise FormatError(f"{at}: {type_} from {head!r} to itself")
    if type_ not in ontology.relation_names:
        raise FormatError(f"{at}: unknown type {type_!r}{_hint(type_, ontology.relation_names)}")
    if type_ not in ontology.allowed(nodes[head].type, nodes[tail].type):
        raise FormatError(f"{at}: {type_} cannot go from {nodes[head].type} to {nodes[tail].type}")
    return Relation(nodes[head], nodes[tail], type_, _score(raw.get("score", 1.0), f"{at}: 'score'"))


# ---- values of one JSON type ----


def _object(value: Any, known: tuple[str, ...], needed: tuple[str, ...], at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(value, "an object", at)
    for key in value:
        if key not in known:
            raise FormatError(f"{at}: unknown key {key!r}{_hint(key, known)}")
    for key in needed:
        if key not in value:
            raise FormatError(f"{at}: key {key!r} is missing")
    return value


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(value, "a list", at)
    return value


def _string(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "a string", at)
    if _SURROGATE.search(value):
        raise FormatError(f"{at} holds a lone surrogate, which is no character")
    return value


def _integer(value: Any, at: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(value, "an integer", at)
    return value


def _score(value: Any, at: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise _wrong(value, "a number from 0 to 1", at)
    return float(value)


def _date(value: Any, at: str) -> datetime.date:
    # `fromisoformat` alone takes other notations too, from Python 3.11 on.
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError as error:
            raise FormatError(f"{at}: {value!r}: {error}") from error
    raise _wrong(value, "YYYY-MM-DD or null", at)


def _wrong(value: Any, expected: str, at: str) -> FormatError:
    shown = json.dumps(value)
    return FormatError(f"{at} is {shown if len(shown) <= 40 else shown[:37] + '...'}, expected {expected}")


def _hint(value: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(value, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; expected one of {list(known)}"
