"""doccano: JSON lines of a sequence labelling project, with or without relations.

    {"id": 1, "text": "...", "document": "r1", "published": "2024-03-02", "source": null, "title": null,
     "period": null, "entities": [{"id": 1, "label": "ACTOR", "start_offset": 0, "end_offset": 9}],
     "relations": [{"id": 1, "from_id": 2, "to_id": 1, "type": "AGENT"}]}

doccano's numbers of examples are its own: a document's id stands under `document`, a key that doccano keeps
as metadata, as the other things known of it. The older form, `"label": [[0, 9, "ACTOR"]]`, is read too.
Offsets are UTF-16 code units, as doccano counts unless a project counts grapheme clusters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sitrep_ie.document import Example, Relation
from sitrep_ie.errors import FormatError
from sitrep_ie.formats._common import (
    ATTRIBUTES,
    MENTION_SCORES,
    RELATION_SCORES,
    Names,
    Node,
    check_distinct,
    make_example,
    note,
    span_in,
    utf16_offsets,
    write_json_lines,
)
from sitrep_ie.formats._json import as_integer, as_list, as_object, as_string, iter_json_lines, wrong
from sitrep_ie.formats.jsonl import document_from_dict, document_to_dict
from sitrep_ie.ontology import Ontology

_METADATA = ("source", "title", "published", "period")
_KEYS = ("id", "text", "entities", "relations", "label", "labels", "meta", "metadata")


def read_doccano(
    path: Path | str, ontology: Ontology, *, left_out: Counter[str] | None = None
) -> list[Example]:
    """Returns the documents of a file in file order; one without `document` is called by doccano's number.

    Args:
        path: the file; a line without entities is a document without mentions.
        ontology: its type names are found whatever their case and separators are in the file.
        left_out: takes the counts of other keys of lines (comments, metadata).

    Raises:
        FormatError: a line does not follow the format or the ontology; starts with `path:line:`.
    """
    names = Names(ontology)
    return check_distinct(
        (at, _example(raw, number, names, left_out, at))
        for number, (at, raw) in enumerate(iter_json_lines(Path(path)), 1)
    )


def write_doccano(path: Path | str, examples: Iterable[Example], ontology: Ontology) -> Counter[str]:
    """Writes one line a document, the file whole or not at all.

    Returns:
        What was left out, and how often: attributes and scores.

    Raises:
        FormatError: a document, named in the message, cannot be written.
    """
    unheld = {ATTRIBUTES, MENTION_SCORES, RELATION_SCORES}
    return write_json_lines(path, examples, ontology, _line, unheld)


def _line(example: Example, number: int) -> dict[str, Any]:
    known = document_to_dict(example.document)
    units = utf16_offsets(example.document.text)
    ids = {node: index for index, node in enumerate(example.gold.spans(), 1)}
    return {
        "id": number,
        "text": known["text"],
        "document": known["id"],
        **{key: known[key] for key in _METADATA},
        "entities": [
            {
                "id": index,
                "label": node.type,
                "start_offset": units[node.span.start],
                "end_offset": units[node.span.end],
            }
            for node, index in ids.items()
        ],
        "relations": [
            {
                "id": index,
                "from_id": ids[relation.head],
                "to_id": ids[relation.tail],
                "type": relation.relation_type,
            }
            for index, relation in enumerate(example.gold.relations, 1)
        ],
    }


def _example(
    raw: dict[str, Any], number: int, names: Names, left_out: Counter[str] | None, at: str
) -> Example:
    known: dict[str, Any] = {}
    # doccano has written metadata beside the other keys, or under one of these.
    for place in (raw.get("meta"), raw.get("metadata"), raw):
        if isinstance(place, dict):
            known.update({key: place[key] for key in ("document", *_METADATA) if place.get(key) is not None})
    note("other keys of lines", left_out, len(set(raw) - {*_KEYS, "document", *_METADATA}))
    known["id"] = str(known.pop("document", raw.get("id", number)))
    document = document_from_dict({**known, "text": raw.get("text")}, at)
    at = f"{at}: document {document.id!r}"
    given = [key for key in ("entities", "label", "labels") if key in raw]
    if len(given) != 1:
        raise FormatError(f"{at}: expected one of the keys 'entities', 'label' and 'labels', found {given}")
    positions = {unit: position for position, unit in enumerate(utf16_offsets(document.text))}
    nodes: dict[int, Node] = {}
    for index, (name, label, start, end) in enumerate(_entities(raw, given[0], at)):
        here = f"{at}: {given[0]}[{index}]"
        if name in nodes:
            raise FormatError(f"{here}: id {name} is used twice")
        for unit in (start, end):
            if unit not in positions:
                raise FormatError(
                    f"{here}: offset {unit} is inside a character or outside the text, expected UTF-16 code "
                    "units; projects that count grapheme clusters cannot be read"
                )
        span = span_in(document.text, positions[start], positions[end], here)
        nodes[name] = names.node(label, span, (), 1.0, here)
    relations = []
    for index, item in enumerate(as_list(raw.get("relations", []), f"{at}: 'relations'")):
        here = f"{at}: relations[{index}]"
        keys = ("from_id", "to_id", "type")
        as_object(item, ("id", *keys), keys, here)
        ends = [as_integer(item[key], f"{here}: {key!r}") for key in keys[:2]]
        for end in ends:
            if end not in nodes:
                raise FormatError(f"{here}: no entity has the id {end}")
        name_of = names.relation(as_string(item["type"], f"{here}: 'type'"), here)
        relations.append(Relation(nodes[ends[0]], nodes[ends[1]], name_of))
    return make_example(document, nodes.values(), relations, names.ontology, at)


def _entities(raw: dict[str, Any], key: str, at: str) -> Iterator[tuple[int, str, int, int]]:
    """Id, label, start and end of every entity in either form."""
    for index, item in enumerate(as_list(raw[key], f"{at}: {key!r}")):
        here = f"{at}: {key}[{index}]"
        if key == "entities":
            keys = ("label", "start_offset", "end_offset")
            as_object(item, ("id", *keys), ("id", *keys), here)
            name = as_integer(item["id"], f"{here}: 'id'")
            label, start, end = (item[part] for part in keys)
        elif isinstance(item, list) and len(item) == 3:
            name, (start, end, label) = index, item
        else:
            raise wrong(item, "[start, end, label]", here)
        yield (
            name,
            as_string(label, f"{here}: label"),
            as_integer(start, f"{here}: start"),
            as_integer(end, f"{here}: end"),
        )
