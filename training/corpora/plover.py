"""PLOVER's gold standard records, single sentences of news (openeventdata/PLOVER, CC BY-SA 4.0)."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path

from sitrep_ie.document import Example
from sitrep_ie.errors import FormatError
from sitrep_ie.formats import parse_inline
from sitrep_ie.ontology import Ontology
from training.corpora._annotated import OUTSIDE_FOLDER, split_path

SPLITS = ("train",)
_ID = re.compile(r"^# id: ([^|\n]*[^|\s])", re.MULTILINE)


def read(folder: Path | None, split: str, ontology: Ontology) -> list[Example]:
    """Returns the sentences of a split, a document each. See `training.corpora.read_corpus`.

    A record number may stand twice in the source: the second "X" becomes "X-2". The title in the file is
    PLOVER's event code, which a model must not see: it is dropped.
    """
    path = split_path(folder or OUTSIDE_FOLDER, "plover", split, SPLITS)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not UTF-8: {error}") from error
    seen: Counter[str] = Counter()

    def distinct(match: re.Match[str]) -> str:
        seen[match[1]] += 1
        return match[0] if seen[match[1]] == 1 else f"{match[0]}-{seen[match[1]]}"

    examples = parse_inline(_ID.sub(distinct, text), str(path), ontology)
    return [Example(dataclasses.replace(example.document, title=None), example.gold) for example in examples]
