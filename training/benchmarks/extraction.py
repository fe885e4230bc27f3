"""Extracts every document of some files and tells how it went.

python -m training.benchmarks.extraction ../shared/benchmarks/isaf/dev.jsonl ../shared/corpus/re3d/dev.ann

Annotated files (.ann) give their documents' texts; in other JSONL files every line needs a "text".
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sitrep_ie import Document, Extractor
from sitrep_ie.formats import read_examples


def documents(path: Path, extractor: Extractor) -> Iterator[Document]:
    """Yields the texts of a file, without their annotation."""
    if path.suffix == ".ann":
        for example in read_examples(path, extractor.ontology):
            yield example.document
        return
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            yield Document(id=str(row.get("id", number)), text=row["text"])


def main() -> None:
    """Prints documents, events, failures and seconds of each file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    extractor = Extractor.load(options.model)
    for path in options.files:
        texts = list(documents(path, extractor))
        types: Counter[str] = Counter()
        num_failures = num_empty = 0
        started = time.perf_counter()
        # One document a call, so that a failure is counted and the others go on.
        for document in texts:
            try:
                report = extractor.extract(document)
            except Exception as error:  # noqa: BLE001 (every failure counts, whatever it is)
                num_failures += 1
                print(f"{path}: document {document.id!r}: {type(error).__name__}: {error}")
                continue
            types.update(event.type for event in report.events)
            num_empty += not report.events
        seconds = time.perf_counter() - started
        num_words = sum(len(document.text.split()) for document in texts)
        print(
            f"{path}: {len(texts)} documents, {num_words} words, {sum(types.values())} events "
            f"({sum(types.values()) / max(1, len(texts)):.2f} a document, {num_empty} documents without), "
            f"{num_failures} failures, {seconds:.1f} s"
        )
        print("  " + ", ".join(f"{name} {count}" for name, count in types.most_common()))


if __name__ == "__main__":
    main()
