"""Prodigy: JSON lines of its span and relation recipes (`ner.manual`, `rel.manual`).

    {"text": "...", "meta": {"id": "r1", "published": "2024-03-02"},
     "tokens": [{"id": 0, "text": "Observers", "start": 0, "end": 9, "ws": true}],
     "spans": [{"start": 0, "end": 9, "token_start": 0, "token_end": 0, "label": "ACTOR"}],
     "relations": [{"head": 1, "child": 0, "label": "AGENT", "head_span": {...}, "child_span": {...}}]}

What is known of a document stands in `meta`, which Prodigy shows and keeps. Tokens cover the whole text; a
relation goes between the last tokens of its spans. Offsets are Unicode code points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sitrep_ie.document import Example, Relation, Span
from sitrep_ie.errors import FormatError
from sitrep_ie.formats._common import (
    ATTRIBUTES,
    MENTION_SCORES,
    RELATION_SCORES,
    Names,
    Node,
    check_distinct,
    leave_out,
    make_example,
    note,
    span_in,
    split_tokens,
    write_json_lines,
)
from sitrep_ie.formats._json import any_object, as_integer, as_list, as_string, iter_json_lines
from sitrep_ie.formats.jsonl import document_from_dict, document_to_dict
from sitrep_ie.ontology import Ontology

_METADATA = ("id", "source", "title", "published", "period")


def read_prodigy(
    path: Path | str, ontology: Ontology, *, left_out: Counter[str] | None = None
) -> list[Example]:
    """Returns the accepted documents of a file in file order; one without `meta.id` is called by its line.

    Args:
        path: the file, as `prodigy db-out` writes it.
        ontology: its type names are found whatever their case and separators are in the file.
        left_out: takes the counts of answers that were no "accept"; without it they are refused.

    Raises:
        FormatError: a line does not follow the format or the ontology; starts with `path:line:`.
    """
    path = Path(path)
    names = Names(ontology)
    stem = path.name.split(".")[0]
    examples = []
    for number, (at, raw) in enumerate(iter_json_lines(path), 1):
        answer = raw.get("answer", "accept")
        if answer == "accept":
            examples.append((at, _example(raw, f"{stem}-{number}", names, left_out, at)))
        else:
            leave_out(f"answers {answer!r}", left_out, at)
    return check_distinct(examples)


def write_prodigy(path: Path | str, examples: Iterable[Example], ontology: Ontology) -> Counter[str]:
    """Writes one accepted task a line and returns how many attributes and scores were left out.

    Raises:
        FormatError: a document, named in the message, cannot be written; then there is no file.
    """
    lost = (ATTRIBUTES, MENTION_SCORES, RELATION_SCORES)
    return write_json_lines(path, examples, ontology, lambda example, _: _line(example), lost)


def _line(example: Example) -> dict[str, Any]:
    document = example.document
    nodes = example.gold.spans()
    tokens = split_tokens(document.text, nodes)
    first_at = {span.start: index for index, (span, _) in enumerate(tokens)}
    last_at = {span.end: index for index, (span, _) in enumerate(tokens)}
    spans = {
        node: {
            "start": node.span.start,
            "end": node.span.end,
            "token_start": first_at[node.span.start],
            "token_end": last_at[node.span.end],
            "label": node.type,
        }
        for node in nodes
    }
    known = document_to_dict(document)
    return {
        "text": document.text,
        "meta": {key: known[key] for key in _METADATA if known[key] is not None},
        "tokens": [
            {
                "id": index,
                "text": document.text[span.start : span.end],
                "start": span.start,
                "end": span.end,
                "ws": has_blank,
            }
            for index, (span, has_blank) in enumerate(tokens)
        ],
        "spans": list(spans.values()),
        "relations": [
            {
                "head": spans[relation.head]["token_end"],
                "child": spans[relation.tail]["token_end"],
                "label": relation.relation_type,
                "head_span": spans[relation.head],
                "child_span": spans[relation.tail],
            }
            for relation in example.gold.relations
        ],
        "answer": "accept",
    }


def _example(
    raw: dict[str, Any], default_id: str, names: Names, left_out: Counter[str] | None, at: str
) -> Example:
    meta = any_object(raw.get("meta", {}), f"{at}: 'meta'")
    known = {key: meta[key] for key in _METADATA if meta.get(key) is not None}
    note("other metadata", left_out, len(set(meta) - set(_METADATA)))
    known["id"] = str(known.get("id", default_id))
    document = document_from_dict({**known, "text": raw.get("text")}, at)
    at = f"{at}: document {document.id!r}"
    if "spans" not in raw:
        raise FormatError(f"{at}: key 'spans' is missing; a document without any has an empty list")
    nodes: dict[Span, Node] = {}
    for index, item in enumerate(as_list(raw["spans"], f"{at}: 'spans'")):
        here = f"{at}: spans[{index}]"
        span = _span(any_object(item, here), document.text, here)
        if span in nodes:
            raise FormatError(f"{here}: [{span.start}, {span.end}) is given twice")
        nodes[span] = names.node(as_string(item.get("label"), f"{here}: 'label'"), span, (), 1.0, here)
    relations = []
    for index, item in enumerate(as_list(raw.get("relations", []), f"{at}: 'relations'")):
        here = f"{at}: relations[{index}]"
        item = any_object(item, here)
        ends = [_end(item, key, raw, nodes, document.text, here) for key in ("head", "child")]
        label = names.relation(as_string(item.get("label"), f"{here}: 'label'"), here)
        relations.append(Relation(ends[0], ends[1], label))
    return make_example(document, nodes.values(), relations, names.ontology, at)


def _span(item: dict[str, Any], text: str, at: str) -> Span:
    start, end = (as_integer(item.get(key), f"{at}: {key!r}") for key in ("start", "end"))
    return span_in(text, start, end, at)


def _end(
    item: dict[str, Any], key: str, raw: dict[str, Any], nodes: dict[Span, Node], text: str, at: str
) -> Node:
    """The mention at one end of a relation: by its span, else by the token that the end is."""
    if f"{key}_span" in item:
        span = _span(any_object(item[f"{key}_span"], f"{at}: '{key}_span'"), text, f"{at}: '{key}_span'")
        if span in nodes:
            return nodes[span]
        raise FormatError(f"{at}: {key} [{span.start}, {span.end}): there is no such span")
    number = as_integer(item.get(key), f"{at}: {key!r}")
    tokens = as_list(raw.get("tokens"), f"{at}: 'tokens' of the line")
    if not 0 <= number < len(tokens):
        raise FormatError(f"{at}: {key} is token {number}, expected one of {len(tokens)} tokens")
    token = _span(any_object(tokens[number], f"{at}: tokens[{number}]"), text, f"{at}: tokens[{number}]")
    for span, node in nodes.items():
        if span.contains(token):
            return node
    raise FormatError(f"{at}: {key} is token {number}, which lies in no span")
