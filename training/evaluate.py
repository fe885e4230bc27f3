"""Scores one annotated file against another, with no model: `python -m training.evaluate PREDICTED GOLD`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sitrep_ie.errors import SitrepError
from sitrep_ie.formats import data_digest, read_examples
from sitrep_ie.ontology import Ontology
from sitrep_ie.score import analyse, score_examples, write_errors


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table of scores, writes the files asked for, and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("predicted", type=Path, help="annotated documents, .jsonl or .ann")
    parser.add_argument("gold", type=Path, help="the same documents with gold annotations, .jsonl or .ann")
    parser.add_argument("--ontology", type=Path, default=Path("configs/ontology.toml"))
    parser.add_argument("--errors", type=Path, help="Markdown file for the error analysis")
    parser.add_argument("--json", type=Path, help="JSON file for the scores")
    options = parser.parse_args(arguments)
    try:
        ontology = Ontology.load(options.ontology)
        gold = read_examples(options.gold, ontology)
        predicted = read_examples(options.predicted, ontology)
        scores = score_examples(gold, predicted, ontology)
        print(scores.table())
        if options.errors:
            write_errors(options.errors, analyse(gold, [example.gold for example in predicted], ontology))
        if options.json:
            body = {"data_digest": data_digest(gold), "scores": scores.to_dict()}
            options.json.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    except (SitrepError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
