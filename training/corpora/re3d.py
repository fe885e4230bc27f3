"""re3d: reports and articles on the war in Syria and Iraq (dstl/re3d), annotated anew with events.

CENTCOM, UK Government, US State Department, Australian DFAT, EU Delegation and Wikipedia; the texts carry
their publishers' licences.
"""

from __future__ import annotations

from pathlib import Path

from sitrep_ie.document import Example
from sitrep_ie.formats import read_inline
from sitrep_ie.ontology import Ontology
from training.corpora._annotated import OUTSIDE_FOLDER, split_path

SPLITS = ("train", "dev")


def read(folder: Path | None, split: str, ontology: Ontology) -> list[Example]:
    """Returns the documents of a split. See `training.corpora.read_corpus`."""
    return read_inline(split_path(folder or OUTSIDE_FOLDER, "re3d", split, SPLITS), ontology)
