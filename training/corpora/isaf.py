"""ISAF press releases, Afghanistan 2009-2013 (strickvl/isafpressreleases, CC BY-SA 4.0), annotated anew."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from sitrep_ie.document import Example
from sitrep_ie.formats import read_inline
from sitrep_ie.ontology import Ontology
from training.corpora._annotated import OUTSIDE_FOLDER, split_path

SPLITS = ("train", "dev")


def read(folder: Path | None, split: str, ontology: Ontology) -> list[Example]:
    """Returns the documents of a split. See `training.corpora.read_corpus`.

    The title in the file is one and the same for all releases, and so is none.
    """
    examples = read_inline(split_path(folder or OUTSIDE_FOLDER, "isaf", split, SPLITS), ontology)
    return [Example(dataclasses.replace(example.document, title=None), example.gold) for example in examples]
