"""Writes the files that the configurations name: `data/train.jsonl` and one `data/dev.<corpus>.jsonl` each.

python -m training.prepare --corpus ../shared/corpus --out data
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sitrep_ie.document import Example
from sitrep_ie.errors import FormatError, SitrepError
from sitrep_ie.formats import data_digest, write_jsonl
from sitrep_ie.ontology import Ontology
from training.corpora import READERS, SPLITS, read_corpus
from training.corpora._annotated import OUTSIDE_FOLDER, ROOT


def prepare(folder: Path, out: Path, ontology: Ontology, names: list[str]) -> dict[str, list[Example]]:
    """Writes train and dev files of the corpora in `names`; returns their examples by file name.

    `authored` is read from this repository, the others from `folder`.

    Raises:
        FormatError: a corpus is missing or malformed, or a text of a dev file is in a train file too.
    """
    files: dict[str, list[Example]] = {"train.jsonl": []}
    for name in names:
        root = None if name == "authored" else folder
        files["train.jsonl"] += read_corpus(name, "train", root, ontology)
        if "dev" in SPLITS[name]:
            files[f"dev.{name}.jsonl"] = read_corpus(name, "dev", root, ontology)
    trained = {example.document.text: example.document.id for example in files["train.jsonl"]}
    for file_name, examples in files.items():
        for example in examples:
            if file_name != "train.jsonl" and (twin := trained.get(example.document.text)):
                raise FormatError(
                    f"{file_name}: document {example.document.id!r} has the text of {twin!r} in train"
                )
    for file_name, examples in files.items():
        write_jsonl(out / file_name, examples)
    return files


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.prepare", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--corpus", type=Path, default=OUTSIDE_FOLDER, help="folder of the outside corpora")
    parser.add_argument("--out", type=Path, default=ROOT / "data", help="folder to write to")
    parser.add_argument("--ontology", type=Path, default=ROOT / "configs" / "ontology.toml")
    parser.add_argument(
        "--corpora",
        nargs="+",
        choices=list(READERS),
        default=list(READERS),
        metavar="NAME",
        help=f"which ones, of {', '.join(READERS)} (default: all)",
    )
    options = parser.parse_args(arguments)
    try:
        files = prepare(options.corpus, options.out, Ontology.load(options.ontology), options.corpora)
    except SitrepError as error:
        print(error, file=sys.stderr)
        return 1
    for name, examples in files.items():
        gold = [example.gold for example in examples]
        print(
            f"{options.out / name}: {len(examples)} documents, "
            f"{sum(len(a.mentions) for a in gold)} mentions, {sum(len(a.triggers) for a in gold)} triggers, "
            f"{sum(len(a.relations) for a in gold)} relations, sha256 {data_digest(examples)}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
