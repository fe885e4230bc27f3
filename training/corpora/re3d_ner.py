"""Entities of defence reports in CoNLL columns (eventdata/ConfliBERT, data set re3d), for comparison only.

A line is `token<TAB>tag`, a blank line ends a sentence. The corpus has its own ten types and no events.
"""

from __future__ import annotations

import re
from pathlib import Path

from sitrep_ie.bio import spans_from_tags
from sitrep_ie.document import Annotation, Document, Example, Mention, Span
from sitrep_ie.errors import FormatError
from sitrep_ie.ontology import Ontology

SPLITS = ("train", "dev", "test")

ONTOLOGY = Ontology.from_dict(
    {
        "name": "re3d_ner",
        "version": "1",
        "mentions": {
            "DOCUMENT_REFERENCE": "a document or publication",
            "LOCATION": "a place, region or facility",
            "MILITARY_PLATFORM": "a vehicle, ship or aircraft of armed forces",
            "MONEY": "an amount of money",
            "NATIONALITY": "a nationality or an ethnic or religious belonging",
            "ORGANISATION": "a group, government, force or class of people",
            "PERSON": "a person, named or not",
            "QUANTITY": "a number with its unit",
            "TEMPORAL": "a date, time or period",
            "WEAPON": "a weapon",
        },
    },
    "training.corpora.re3d_ner",
)

_WORD_START = re.compile(r"(?<=[a-z])(?=[A-Z])")


def read(folder: Path, split: str) -> list[Example]:
    """Returns the sentences of `folder/<split>.txt`, a document each, its tokens joined by single blanks.

    Raises:
        FormatError: no such split or file, or a line that is not two columns with a tag of `ONTOLOGY`.
    """
    if split not in SPLITS:
        raise FormatError(f"corpus 're3d_ner' has no split {split!r}, expected one of {list(SPLITS)}")
    return read_conll(folder / f"{split}.txt", f"re3d_ner-{split}")


def read_conll(path: Path, id_prefix: str) -> list[Example]:
    """Returns the sentences of one file; document ids are `id_prefix` and a number from 1."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not UTF-8: {error}") from error
    examples: list[Example] = []
    tokens: list[str] = []
    tags: list[str] = []
    # Not `splitlines`: a token may hold a character that counts as a line break elsewhere.
    for number, line in enumerate([*text.split("\n"), ""], 1):
        at = f"{path}:{number}"
        if line.strip():
            token, tab, tag = line.strip().partition("\t")
            if not tab or not token or " " in token:
                raise FormatError(f"{at}: {line!r}: expected 'token<TAB>tag'")
            tokens.append(token)
            tags.append(_tag(tag, at))
        elif tokens:
            examples.append(_example(f"{id_prefix}-{len(examples) + 1}", tokens, tags))
            tokens, tags = [], []
    return examples


def _tag(tag: str, at: str) -> str:
    """Returns the tag with its type as `ONTOLOGY` has it: "B-MilitaryPlatform" is "B-MILITARY_PLATFORM"."""
    if tag == "O":
        return tag
    prefix, _, name = tag.partition("-")
    span_type = _WORD_START.sub("_", name).upper()
    if prefix not in ("B", "I") or span_type not in ONTOLOGY.mention_types:
        raise FormatError(f"{at}: unknown tag {tag!r}; types are {list(ONTOLOGY.mention_types)}")
    return f"{prefix}-{span_type}"


def _example(document_id: str, tokens: list[str], tags: list[str]) -> Example:
    spans = []
    position = 0
    for token in tokens:
        spans.append(Span(position, position + len(token)))
        position += len(token) + 1
    mentions = tuple(Mention(span, type_) for span, type_ in spans_from_tags(spans, tags))
    document = Document(id=document_id, text=" ".join(tokens), source="re3d_ner")
    return Example(document, Annotation(document_id, mentions=mentions))
