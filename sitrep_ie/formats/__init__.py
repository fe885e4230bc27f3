"""Annotated documents on disk, and back: one reader and one writer for each format.

Everything that is read has been checked against the ontology; errors start with `path:line:`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from sitrep_ie.document import Example, Trigger
from sitrep_ie.errors import FormatError
from sitrep_ie.formats.inline import format_inline, parse_inline, read_inline, write_inline
from sitrep_ie.formats.jsonl import iter_documents, iter_jsonl, read_documents, read_jsonl, write_jsonl
from sitrep_ie.ontology import Ontology

__all__ = [
    "data_digest",
    "format_inline",
    "iter_documents",
    "iter_jsonl",
    "parse_inline",
    "read_documents",
    "read_examples",
    "read_inline",
    "read_jsonl",
    "write_inline",
    "write_jsonl",
]

_INLINE_SUFFIXES = (".ann", ".inline")
_JSONL_SUFFIXES = (".jsonl", ".jsonl.gz")


def read_examples(path: Path | str, ontology: Ontology) -> list[Example]:
    """Returns the annotated documents of a file, its format told by the end of its name.

    `.ann` and `.inline` are the inline format, `.jsonl` and `.jsonl.gz` JSON lines.

    Raises:
        FormatError: the name has another end, or the file does not follow its format.
    """
    name = Path(path).name.lower()
    if name.endswith(_JSONL_SUFFIXES):
        return read_jsonl(path, ontology)
    if name.endswith(_INLINE_SUFFIXES):
        return read_inline(path, ontology)
    raise FormatError(
        f"{path}: format unknown by the name's end; expected one of {[*_INLINE_SUFFIXES, *_JSONL_SUFFIXES]}"
    )


def data_digest(examples: Iterable[Example]) -> str:
    """Returns the SHA-256 (hex) of what the examples say, whatever file they came from.

    Scores do not count, neither does the order of documents, nor that of mentions and relations in one.
    """
    lines = sorted(_canonical(example) for example in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _canonical(example: Example) -> str:
    document = example.document
    nodes = example.gold.spans()
    position = {node: index for index, node in enumerate(nodes)}
    # ASCII, so that no text can fail to encode.
    return json.dumps(
        [
            document.id,
            document.text,
            document.source,
            document.title,
            document.published and document.published.isoformat(),
            document.period and [day.isoformat() for day in document.period],
            [
                [node.span.start, node.span.end, node.type, sorted(node.attributes)]
                if isinstance(node, Trigger)
                else [node.span.start, node.span.end, node.type]
                for node in nodes
            ],
            sorted((position[r.head], position[r.tail], r.relation_type) for r in example.gold.relations),
        ]
    )
