"""How few documents of a new source will do: from a model that is trained already, and from scratch.

python -m training.few_shot configs/default.toml --source isaf --start runs/leave-one-out/isaf/seed-1 \
    --out runs/few-shot

The start is a model that has read no document of the source (`training.leave_one_out` trains it). Each seed
draws its own documents, the smaller samples from the larger ones; both arms learn from the same ones, for the
same number of epochs, the last of which is kept. The scores are on the source's whole dev set.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
from collections.abc import Sequence
from pathlib import Path

from sitrep_ie.config import Config
from sitrep_ie.document import Example
from sitrep_ie.errors import FormatError
from sitrep_ie.extractor import Extractor
from sitrep_ie.formats import write_jsonl
from sitrep_ie.ontology import Ontology
from sitrep_ie.score import Scores, summarise
from sitrep_ie.train import evaluate, read_dev_set, train
from training.corpora import READERS, SPLITS, read_corpus
from training.corpora._annotated import OUTSIDE_FOLDER
from training.leave_one_out import BASE_ENCODER, LEVELS

ARMS = ("start", "scratch")
Runs = dict[tuple[str, int], list[Scores]]


def sample(examples: Sequence[Example], size: int, seed: int) -> list[Example]:
    """Returns so many documents; a smaller sample of the same seed is part of a larger one.

    Raises:
        FormatError: there are fewer documents.
    """
    if size > len(examples):
        raise FormatError(f"{size} documents asked for, the source has {len(examples)} for training")
    return random.Random(seed).sample(list(examples), len(examples))[:size]


def few_shot_config(config: Config, encoder: str, train_file: Path, dev: str, epochs: int) -> Config:
    """The configuration of one run: the same but for its start, its data and its epochs."""
    return dataclasses.replace(
        config,
        name=f"{config.name}-few-shot",
        model=dataclasses.replace(config.model, encoder=encoder),
        data=dataclasses.replace(config.data, train=(str(train_file),), dev=(dev,)),
        train=dataclasses.replace(config.train, epochs=epochs, evaluate_from=0.99),
    )


def table(runs: Runs, start: Scores, sizes: Sequence[int]) -> str:
    """A Markdown table: a row for each size and arm, F1 in percent, mean and deviation of the seeds."""
    lines = [
        f"| documents | from | {' | '.join(LEVELS)} |",
        f"|---|---|{'---|' * len(LEVELS)}",
        f"| 0 | start | {' | '.join(f'{100 * getattr(start, level).f1:.1f}' for level in LEVELS)} |",
    ]
    for size in sizes:
        for arm in ARMS:
            figures = summarise(runs[arm, size])
            cells = [str(figures[level]["f1"]) for level in LEVELS]
            lines.append(f"| {size} | {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(runs: Runs, start: Scores, sizes: Sequence[int], source: str, path: Path) -> None:
    """Draws F1 against the number of documents; needs matplotlib."""
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 3, figsize=(9, 3), sharey=True, layout="constrained")
    for panel, level in zip(panels, ("mentions", "trig_c", "arg_c"), strict=True):
        for arm, style in zip(ARMS, ("o-", "s--"), strict=True):
            found = [[100 * getattr(run, level).f1 for run in runs[arm, size]] for size in sizes]
            means = [sum(values) / len(values) for values in found]
            first = [100 * getattr(start, level).f1] if arm == "start" else [0.0]
            label = "from a trained model" if arm == "start" else "from the base encoder"
            panel.plot([0, *sizes], first + means, style, label=label)
            panel.fill_between(sizes, [min(v) for v in found], [max(v) for v in found], alpha=0.2)
        panel.set(title=level, xlabel=f"annotated documents of {source}", ylim=(0, 100), xticks=[0, *sizes])
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("F1")
    panels[-1].legend(loc="lower right", fontsize="small")
    figure.savefig(path, dpi=120)


def main() -> None:
    """Trains what is not trained yet, prints the table and draws the plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--source", choices=[n for n in READERS if "dev" in SPLITS[n]], default="isaf")
    parser.add_argument("--start", type=Path, required=True, help="a model that never saw the source")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 25, 50])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--corpus", type=Path, default=OUTSIDE_FOLDER, help="folder of the outside corpora")
    parser.add_argument("--plot", type=Path, help="a .png or .svg file")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()

    config = Config.load(options.config)
    ontology = Ontology.load(config.data.ontology)
    corpora = None if options.source == "authored" else options.corpus
    examples = read_corpus(options.source, "train", corpora, ontology)
    (dev,) = (entry for entry in config.data.dev if read_dev_set(entry, ontology).name == options.source)
    start = evaluate(Extractor.load(options.start, options.device), read_dev_set(dev, ontology).examples)
    encoders = {"start": str(options.start), "scratch": BASE_ENCODER}
    runs: Runs = {}
    for seed in options.seeds:
        for size in options.sizes:
            train_file = options.out / f"{options.source}-{size}-{seed}.jsonl"
            train_file.parent.mkdir(parents=True, exist_ok=True)
            write_jsonl(train_file, sample(examples, size, seed))
            for arm in ARMS:
                run = options.out / f"{options.source}-{size}-{arm}" / f"seed-{seed}"
                if not (run / "scores.json").is_file():
                    changed = few_shot_config(config, encoders[arm], train_file, dev, options.epochs)
                    train(changed.with_seed(seed), run, device=options.device, weights="float32")
                record = json.loads((run / "scores.json").read_text(encoding="utf-8"))
                runs.setdefault((arm, size), []).append(
                    Scores.from_dict(record["dev"][options.source]["scores"])
                )
    print(f"{options.source}: seeds {', '.join(map(str, options.seeds))}, {options.epochs} epochs")
    print(table(runs, start, options.sizes))
    if options.plot:
        plot(runs, start, options.sizes, options.source, options.plot)


if __name__ == "__main__":
    main()
