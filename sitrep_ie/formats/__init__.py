"""Annotated documents on disk, and back: one reader and one writer for each format.

Everything that is read has been checked against the ontology; errors start with `path:line:`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sitrep_ie.document import Example, Trigger
from sitrep_ie.errors import FormatError
from sitrep_ie.formats._common import MENTION_SCORES, PERIODS, RELATION_SCORES, count_unheld
from sitrep_ie.formats.brat import brat_configuration, read_brat, write_brat
from sitrep_ie.formats.conll import read_conll, write_conll
from sitrep_ie.formats.doccano import read_doccano, write_doccano
from sitrep_ie.formats.inline import format_inline, parse_inline, read_inline, write_inline
from sitrep_ie.formats.jsonl import iter_documents, iter_jsonl, read_documents, read_jsonl, write_jsonl
from sitrep_ie.formats.labelstudio import labelstudio_configuration, read_labelstudio, write_labelstudio
from sitrep_ie.formats.prodigy import read_prodigy, write_prodigy
from sitrep_ie.formats.spacy import read_spacy, write_spacy
from sitrep_ie.ontology import Ontology

__all__ = [
    "FORMATS",
    "brat_configuration",
    "data_digest",
    "format_inline",
    "format_of",
    "iter_documents",
    "iter_jsonl",
    "labelstudio_configuration",
    "parse_inline",
    "read_brat",
    "read_conll",
    "read_doccano",
    "read_documents",
    "read_examples",
    "read_inline",
    "read_jsonl",
    "read_labelstudio",
    "read_prodigy",
    "read_spacy",
    "write_brat",
    "write_conll",
    "write_doccano",
    "write_examples",
    "write_inline",
    "write_jsonl",
    "write_labelstudio",
    "write_prodigy",
    "write_spacy",
]

# The ends of names that tell a format. The longest that fits decides: x.doccano.jsonl is doccano's.
_SUFFIXES = {
    ".ann": "inline",
    ".inline": "inline",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".conll": "conll",
    ".bio": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".txt": "conll",
    ".json": "labelstudio",
    ".doccano.jsonl": "doccano",
    ".prodigy.jsonl": "prodigy",
    ".spacy": "spacy",
}
FORMATS = ("inline", "jsonl", "conll", "brat", "labelstudio", "doccano", "prodigy", "spacy")


def format_of(path: Path | str) -> str:
    """Returns the format of a file by the end of its name; a folder is brat's.

    Raises:
        FormatError: no format has names of this end.
    """
    path = Path(path)
    name = path.name.lower()
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix) and not path.is_dir():
            return _SUFFIXES[suffix]
    if path.is_dir():
        return "brat"
    raise FormatError(
        f"{path}: format unknown by the name's end; expected one of {list(_SUFFIXES)}, or a folder (brat)"
    )


def read_examples(
    path: Path | str,
    ontology: Ontology,
    form: str | None = None,
    *,
    num_sentences: int = 1,
    left_out: Counter[str] | None = None,
) -> list[Example]:
    """Returns the annotated documents of a file, its format told by the end of its name.

    `.ann` and `.inline` are the inline format, `.jsonl` and `.jsonl.gz` JSON lines, `.conll`, `.bio`, `.iob`,
    `.iob2` and `.txt` CoNLL columns, `.json` a Label Studio export, `.doccano.jsonl` and `.prodigy.jsonl`
    theirs, `.spacy` spaCy's, and a folder is brat's.

    Args:
        path: the file or folder.
        ontology: what the file's types, relations and attributes have to be in.
        form: the format, one of `FORMATS`, whatever the name is.
        num_sentences: how many sentences of CoNLL columns make a document where no line says so.
        left_out: takes the counts of what the file says and no example holds; without it, that is refused
            where it is annotation.

    Raises:
        FormatError: the name has another end, or the file does not follow its format.
    """
    form = _known(form) if form is not None else format_of(path)
    if form == "jsonl":
        return read_jsonl(path, ontology)
    if form == "inline":
        return read_inline(path, ontology)
    if form == "conll":
        return read_conll(path, ontology, num_sentences=num_sentences)
    if form == "brat":
        return read_brat(path, ontology, left_out=left_out)
    if form == "labelstudio":
        return read_labelstudio(path, ontology, left_out=left_out)
    if form == "doccano":
        return read_doccano(path, ontology, left_out=left_out)
    if form == "prodigy":
        return read_prodigy(path, ontology, left_out=left_out)
    return read_spacy(path, ontology, left_out=left_out)


def write_examples(
    path: Path | str, examples: Iterable[Example], ontology: Ontology, form: str | None = None
) -> Counter[str]:
    """Writes annotated documents, the format told by the end of the name unless `form` is one of `FORMATS`.

    Returns:
        What the format could not hold and was left out, and how often.

    Raises:
        FormatError: the name has another end, or a document, named in the message, cannot be written.
    """
    form = _known(form) if form is not None else format_of(path)
    if form == "jsonl":
        write_jsonl(path, examples)
        return Counter()
    if form == "inline":
        written = list(examples)
        left_out = count_unheld(written, {PERIODS, MENTION_SCORES, RELATION_SCORES})
        write_inline(path, [replace(e, document=replace(e.document, period=None)) for e in written], ontology)
        return left_out
    writers = {
        "conll": write_conll,
        "brat": write_brat,
        "labelstudio": write_labelstudio,
        "doccano": write_doccano,
        "prodigy": write_prodigy,
        "spacy": write_spacy,
    }
    return writers[form](path, examples, ontology)


def _known(form: str) -> str:
    if form not in FORMATS:
        raise FormatError(f"format {form!r}: expected one of {list(FORMATS)}")
    return form


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
