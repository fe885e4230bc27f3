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
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Trigger
from sitrep_ie.errors import FormatError
from sitrep_ie.formats._common import check_new, make_example, span_in
from sitrep_ie.formats._files import atomic_writer
from sitrep_ie.formats._json import (
    SURROGATE,
    as_date,
    as_integer,
    as_list,
    as_object,
    as_score,
    as_string,
    hint,
    iter_json_lines,
)
from sitrep_ie.ontology import Ontology

DOCUMENT_KEYS = ("id", "text", "source", "title", "published", "period")
_ANNOTATION_KEYS = ("mentions", "relations")
# Part of the report form, but made from the annotation: never read back from here.
_DERIVED_KEYS = ("events",)
_KEYS = (*DOCUMENT_KEYS, *_ANNOTATION_KEYS, *_DERIVED_KEYS)


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
        yield _example(raw, document, ontology, at)


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
            check_new(example, seen, None, at)
            line = json.dumps(example_to_dict(example), ensure_ascii=False)
            if SURROGATE.search(line):
                raise FormatError(f"{at}: holds a lone surrogate, which UTF-8 cannot write")
            file.write(line + "\n")


def example_to_dict(example: Example) -> dict[str, Any]:
    """Returns the JSON object of one line; mentions are numbered in text order, from "m1"."""
    document = example.document
    nodes = example.gold.spans()
    names = {node: f"m{number}" for number, node in enumerate(nodes, 1)}
    return {
        **document_to_dict(document),
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
        "relations": relations_to_list(example.gold, names),
    }


def relations_to_list(gold: Annotation, names: Mapping[Mention | Trigger, str]) -> list[dict[str, Any]]:
    """Returns the relations of a line, their ends called by `names`."""
    return [
        {
            "head": names[relation.head],
            "tail": names[relation.tail],
            "type": relation.relation_type,
            "score": relation.score,
        }
        for relation in gold.relations
    ]


def document_to_dict(document: Document) -> dict[str, Any]:
    """Returns the keys of a line that are about the document; `document_from_dict` reads them."""
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
    }


def _iter_objects(path: Path) -> Iterator[tuple[dict[str, Any], Document, str]]:
    """Yields the object of every line, the document in it and where it stands."""
    seen: set[str] = set()
    for at, raw in iter_json_lines(path):
        as_object(raw, _KEYS, ("id", "text"), at)
        document = document_from_dict(raw, at)
        if document.id in seen:
            raise FormatError(f"{at}: document id {document.id!r} is used twice")
        seen.add(document.id)
        yield raw, document, f"{at}: document {document.id!r}"


def document_from_dict(raw: dict[str, Any], at: str) -> Document:
    """The document of an object with the keys of a line; other keys are not looked at."""
    texts: dict[str, str | None] = {}
    for key in ("id", "text", "source", "title"):
        value = raw.get(key)
        if value is None and key in ("source", "title"):
            texts[key] = None
        else:
            texts[key] = as_string(value, f"{at}: {key!r}")
    if not texts["id"]:
        raise FormatError(f"{at}: 'id' is empty")
    published, period = raw.get("published"), raw.get("period")
    return Document(
        id=texts["id"],
        text=texts["text"] or "",
        source=texts["source"],
        title=texts["title"],
        published=None if published is None else as_date(published, f"{at}: 'published'"),
        period=None if period is None else _period(period, f"{at}: 'period'"),
    )


def _period(value: Any, at: str) -> tuple[datetime.date, datetime.date]:
    raw = as_object(value, ("start", "end"), ("start", "end"), at)
    start, end = as_date(raw["start"], f"{at}: 'start'"), as_date(raw["end"], f"{at}: 'end'")
    if end < start:
        raise FormatError(f"{at}: ends on {end}, before it starts on {start}")
    return start, end


def _example(raw: dict[str, Any], document: Document, ontology: Ontology, at: str) -> Example:
    if "mentions" not in raw:
        raise FormatError(f"{at}: key 'mentions' is missing; a document without any has an empty list")
    nodes: dict[str, Mention | Trigger] = {}
    for index, item in enumerate(as_list(raw["mentions"], f"{at}: 'mentions'")):
        here = f"{at}: mentions[{index}]"
        name, node = _node(item, document, ontology, here)
        if name in nodes:
            raise FormatError(f"{here}: id {name!r} is used twice")
        nodes[name] = node
    relations: dict[Relation, None] = {}
    for index, item in enumerate(as_list(raw.get("relations", []), f"{at}: 'relations'")):
        here = f"{at}: relations[{index}]"
        relation = _relation(item, nodes, ontology, here)
        if relation in relations:
            raise FormatError(f"{here}: {relation.relation_type} with these ends is given twice")
        relations[relation] = None
    return make_example(document, nodes.values(), relations, ontology, at)


def _node(item: Any, document: Document, ontology: Ontology, at: str) -> tuple[str, Mention | Trigger]:
    needed = ("id", "type", "start", "end")
    raw = as_object(item, (*needed, "text", "score", "attributes"), needed, at)
    name, type_ = as_string(raw["id"], f"{at}: 'id'"), as_string(raw["type"], f"{at}: 'type'")
    start, end = (as_integer(raw[key], f"{at}: {key!r}") for key in ("start", "end"))
    span = span_in(document.text, start, end, at)
    text = document.text[start:end]
    if raw.get("text", text) != text:
        raise FormatError(
            f"{at}: [{start}, {end}) holds {text!r} in the text, not {raw['text']!r}; offsets count "
            "Unicode code points"
        )
    score = as_score(raw.get("score", 1.0), f"{at}: 'score'")
    attributes = [
        as_string(value, f"{at}: 'attributes'")
        for value in as_list(raw.get("attributes", []), f"{at}: 'attributes'")
    ]
    if len(set(attributes)) < len(attributes):
        raise FormatError(f"{at}: 'attributes' names one twice")
    for attribute in attributes:
        if attribute not in ontology.attributes:
            near = hint(attribute, ontology.attributes)
            raise FormatError(f"{at}: unknown attribute {attribute!r}{near}")
    if ontology.is_event(type_):
        return name, Trigger(span, type_, frozenset(attributes), score)
    if type_ not in ontology.mention_types:
        raise FormatError(f"{at}: unknown type {type_!r}{hint(type_, ontology.span_types)}")
    if attributes:
        raise FormatError(f"{at}: attribute {attributes[0]} on {type_}; only triggers have attributes")
    return name, Mention(span, type_, score)


def _relation(item: Any, nodes: dict[str, Mention | Trigger], ontology: Ontology, at: str) -> Relation:
    needed = ("head", "tail", "type")
    raw = as_object(item, (*needed, "score"), needed, at)
    head, tail, type_ = (as_string(raw[key], f"{at}: {key!r}") for key in needed)
    for end in (head, tail):
        if end not in nodes:
            raise FormatError(f"{at}: no mention has the id {end!r}")
    if head == tail:
        raise FormatError(f"{at}: {type_} from {head!r} to itself")
    if type_ not in ontology.relation_names:
        raise FormatError(f"{at}: unknown type {type_!r}{hint(type_, ontology.relation_names)}")
    if type_ not in ontology.allowed(nodes[head].type, nodes[tail].type):
        raise FormatError(f"{at}: {type_} cannot go from {nodes[head].type} to {nodes[tail].type}")
    return Relation(nodes[head], nodes[tail], type_, as_score(raw.get("score", 1.0), f"{at}: 'score'"))
