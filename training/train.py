"""Trains one configuration with several seeds and prints each dev set's mean and standard deviation.

python -m training.train configs/default.toml --out runs/default --seeds 1 2 3
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sitrep_ie.config import Config
from sitrep_ie.score import Scores, summarise
from sitrep_ie.train import train


def main() -> None:
    """Trains the seeds one after the other; a seed that is finished is not trained again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="the runs go to OUT/seed-N")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--weights", choices=("float32", "float16", "int8"), default="float32")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()

    config = Config.load(options.config)
    runs: dict[str, list[Scores]] = {}
    for seed in options.seeds:
        out = options.out / f"seed-{seed}"
        if not (out / "scores.json").is_file():
            train(config.with_seed(seed), out, device=options.device, weights=options.weights)
        record = json.loads((out / "scores.json").read_text(encoding="utf-8"))
        print(f"seed {seed}: {record['epochs']} epochs, {record['training_seconds']} s")
        for name, dev in record["dev"].items():
            runs.setdefault(name, []).append(Scores.from_dict(dev["scores"]))
    for name, scores in runs.items():
        print(f"\n{name}: F1, mean and standard deviation of seeds {', '.join(map(str, options.seeds))}")
        for level, figures in summarise(scores).items():
            print(f"  {level:12} {figures['f1']}")


if __name__ == "__main__":
    main()
