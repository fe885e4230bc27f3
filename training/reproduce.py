"""Makes the shipped model again from the named data and holds its scores against those of the shipped one.

python -m training.reproduce --out runs/reproduced      # about an hour on two cores

Every step is skipped whose result lies in the folder already, so that a run that was cut off goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sitrep_ie.extractor import default_model_folder
from sitrep_ie.score import Scores
from training.corpora._annotated import OUTSIDE_FOLDER, ROOT

LEVELS = ("mentions", "trig_i", "trig_c", "arg_i", "arg_c", "relations", "attributes")
# Twice the largest standard deviation between seeds that was seen at any level with enough gold.
TOLERANCE = 3.0


def differences(shipped: Mapping[str, Any], made: Mapping[str, Any]) -> list[tuple[str, str, float, float]]:
    """Dev set, level, F1 of the shipped model and of the one made again, from two `scores.json`.

    Raises:
        ValueError: they were not scored on the same dev sets.
    """
    rows = []
    for name, dev in shipped["dev"].items():
        other = made["dev"].get(name)
        if other is None or other["sha256"] != dev["sha256"]:
            raise ValueError(f"dev set {name!r}: not the data that the shipped model was scored on")
        before, after = (Scores.from_dict(each["scores"]) for each in (dev, other))
        rows += [
            (name, level, 100 * getattr(before, level).f1, 100 * getattr(after, level).f1) for level in LEVELS
        ]
    return rows


def _run(module: str, *arguments: Path | str) -> None:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    print("$ python", *command[1:], flush=True)
    subprocess.run(command, cwd=ROOT, check=True)


def main() -> int:
    """Prepares, pretrains, trains, ships and compares; 1 where a score lies outside the noise."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "reproduced")
    parser.add_argument("--corpus", type=Path, default=OUTSIDE_FOLDER, help="folder of the outside corpora")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    out: Path = options.out.resolve()
    shipped = json.loads((default_model_folder() / "scores.json").read_text(encoding="utf-8"))

    _run("training.prepare", "--corpus", options.corpus.resolve())
    encoder = ROOT / "runs" / "encoder"  # where configs/default.toml looks for it
    if not (encoder / "pretraining.json").is_file():
        _run("training.pretrain", ROOT / "data" / "train.jsonl", "--out", encoder)
    _run("training.train", ROOT / "configs" / "default.toml", "--out", out, "--seeds", str(options.seed))
    run = out / f"seed-{options.seed}"
    trained = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    if trained["train"]["sha256"] != shipped["train"]["sha256"]:
        raise SystemExit(
            f"training data {trained['train']['sha256'][:12]}: the shipped model learnt from "
            f"{shipped['train']['sha256'][:12]}"
        )
    _run("training.ship", run, "--out", out / "shipped")
    made = json.loads((out / "shipped" / "scores.json").read_text(encoding="utf-8"))
    apart = 0
    for name, level, before, after in differences(shipped, made):
        far = abs(after - before) > TOLERANCE
        apart += far
        print(f"{name:10} {level:10} {before:6.2f} {after:6.2f} {'<- apart' if far else ''}")
    return 1 if apart else 0


if __name__ == "__main__":
    sys.exit(main())
