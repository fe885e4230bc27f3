"""The project's own reports, in `training/data`: invented events in the manner of many kinds of source."""

from __future__ import annotations

from pathlib import Path

from sitrep_ie.document import Example
from sitrep_ie.formats import read_inline
from sitrep_ie.ontology import Ontology
from training.corpora._annotated import ROOT, split_path

SPLITS = ("train", "dev")
OWN_FOLDER = ROOT / "training" / "data"


def read(folder: Path | None, split: str, ontology: Ontology) -> list[Example]:
    """Returns the documents of a split. See `training.corpora.read_corpus`.

    Beside `<split>.ann` there may be further files `<split>_<kind>.ann`.
    """
    path = split_path(folder or OWN_FOLDER, "authored", split, SPLITS)
    further = sorted(path.parent.glob(f"{split}_*.ann"))
    return [example for file in (path, *further) for example in read_inline(file, ontology)]
