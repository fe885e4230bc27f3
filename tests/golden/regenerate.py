"""Writes tests/golden/records.jsonl anew: `python -m tests.golden.regenerate`; then read the diff.

Dates and quantities are resolved as shipped; actors and places are not, so that new aliases or a new
gazetteer leave the file as it is.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.formats.inline import read_inline
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.dates import resolve_date
from sitrep_ie.resolve.quantities import bare_count, resolve_quantity

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent


def resolvers() -> Resolvers:
    return replace(Resolvers.none(), date=resolve_date, quantity=resolve_quantity, bare_count=bare_count)


def record_lines() -> list[str]:
    ontology = Ontology.load(ROOT / "configs" / "ontology.toml")
    examples = read_inline(FOLDER / "documents.ann", ontology)
    return [assemble(e.document, e.gold, ontology, resolvers()).to_json() for e in examples]


if __name__ == "__main__":
    (FOLDER / "records.jsonl").write_text("".join(f"{line}\n" for line in record_lines()), encoding="utf-8")
