"""Makes a shipped model of a training run: smaller weights, scored against the run's own, and calibrated.

python -m training.ship runs/default/seed-1 --out models/default
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sitrep_ie.extractor import Extractor
from sitrep_ie.formats import data_digest, read_examples
from sitrep_ie.ontology import Ontology
from sitrep_ie.score import Scores, merge
from sitrep_ie.train import DevSet, finish, read_dev_set
from training.calibrate import calibrate
from training.pretrain import FACTS_FILE

DATA = """
## Training data

| corpus | texts | licence of the texts |
|---|---|---|
| authored | reports written for this project, with invented events (`training/data`) | Apache-2.0 |
| re3d | defence reports of dstl/re3d: CENTCOM, UK Government, US State Department, Australian DFAT, EU \
Delegation to Syria, Wikipedia | public domain; OGL 3.0; CC BY 3.0 AU; EEAS notice; CC BY-SA 3.0 |
| isaf | press releases of ISAF (strickvl/isafpressreleases) | CC BY-SA 4.0 |
| plover | sentences of openeventdata/PLOVER's gold standard records | CC BY-SA 4.0 |

Most reports are about armed conflict between 2003 and 2026, above all in the Middle East and Afghanistan;
other regions, kinds of event and ways of writing fare worse. The base encoder is all-MiniLM-L6-v2
(Apache-2.0).
"""
PRETRAINING = """It was first trained on masked words of {texts} training texts: {epochs} epochs of {tokens} \
tokens, seed {seed}, SHA-256 of the texts {sha256}; loss on {held_out_texts} texts held out: {held_out_loss}.
"""
FACTS = ("seed", "epochs", "best_epoch", "training_tokens", "training_seconds")


def main() -> None:
    """Saves, scores and prints what the smaller weights cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a folder written by training.train, in float32")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", choices=("float16", "int8"), default="int8")
    options = parser.parse_args()

    extractor = Extractor.load(options.run, device="cpu")
    record = json.loads((options.run / "scores.json").read_text(encoding="utf-8"))
    data = extractor.config.data
    # Codes and descriptions may have been mended since; what the model means may not.
    ontology = Ontology.load(data.ontology)
    if ontology.digest() != extractor.ontology.digest():
        raise SystemExit(f"{data.ontology}: the ontology has changed since")
    extractor.ontology = ontology
    examples = [example for path in data.train for example in read_examples(path, extractor.ontology)]
    if data_digest(examples) != record["train"]["sha256"]:
        raise SystemExit(f"{options.run}: the training data has changed since")
    dev_sets: list[DevSet] = [read_dev_set(entry, extractor.ontology) for entry in data.dev]
    facts = {name: record[name] for name in FACTS}
    shipped = finish(extractor, options.out, examples, dev_sets, facts, options.weights)
    # The smaller weights have scores of their own.
    calibrate(Extractor.load(options.out, device="cpu"), options.out, dev_sets)
    card = options.out / "README.md"
    pretraining = Path(extractor.config.model.encoder) / FACTS_FILE
    told = ""
    if pretraining.is_file():
        told = PRETRAINING.format(**json.loads(pretraining.read_text(encoding="utf-8")))
    card.write_text(card.read_text(encoding="utf-8") + DATA + told, encoding="utf-8")
    full = {name: Scores.from_dict(dev["scores"]) for name, dev in record["dev"].items()}
    pooled = {"all": (merge(full.values()), merge(shipped.values()))}
    for name, (before, after) in (pooled | {name: (full[name], shipped[name]) for name in shipped}).items():
        for level in ("mentions", "trig_c", "arg_c", "relations", "attributes"):
            old, new = (100 * getattr(scores, level).f1 for scores in (before, after))
            print(f"{name:10} {level:10} {old:6.2f} -> {new:6.2f}  ({new - old:+.2f})")
    size = sum(path.stat().st_size for path in options.out.iterdir())
    print(f"{options.out}: {size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
