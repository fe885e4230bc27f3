"""Readers of the corpora that models are trained and measured on, one module each.

A corpus lies in `folder/<name>/<split>.ann`, in the inline format. `re3d_ner`, a corpus of entities only, has
its own ontology and is read by its module alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sitrep_ie.document import Example
from sitrep_ie.errors import FormatError
from sitrep_ie.ontology import Ontology
from training.corpora import authored, isaf, plover, re3d

READERS: dict[str, Callable[[Path | None, str, Ontology], list[Example]]] = {
    "re3d": re3d.read,
    "isaf": isaf.read,
    "plover": plover.read,
    "authored": authored.read,
}
SPLITS: dict[str, tuple[str, ...]] = {
    "re3d": re3d.SPLITS,
    "isaf": isaf.SPLITS,
    "plover": plover.SPLITS,
    "authored": authored.SPLITS,
}


def read_corpus(name: str, split: str, folder: Path | None, ontology: Ontology) -> list[Example]:
    """Returns one split of a corpus; `folder` holds all corpora, None is where each lies by default.

    Raises:
        FormatError: no such corpus or split, a missing file, or one that does not follow the format.
    """
    if name not in READERS:
        raise FormatError(f"corpus {name!r}: expected one of {sorted(READERS)}")
    return READERS[name](folder, split, ontology)
