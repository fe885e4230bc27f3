"""Calibrates a model folder on its dev sets, or measures how well that would do on reports not used for it.

python -m training.calibrate models/default                   # writes models/default/calibration.json
python -m training.calibrate models/default --cross-validate  # prints errors before and after, writes nothing
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sitrep_ie.calibration import CALIBRATION_FILE, Calibration, ScoreMap
from sitrep_ie.errors import ConfigError, SitrepError
from sitrep_ie.extractor import Extractor
from sitrep_ie.formats import data_digest
from sitrep_ie.score import Judged, judge_annotations, judge_reports, reliability
from sitrep_ie.score.reliability import JUDGED_TITLES
from sitrep_ie.train import DevSet, read_dev_set

# What is judged -> the kind whose map calibrates it. A map is fitted on the largest set of its kind.
KIND_OF: Mapping[str, str] = {
    "mentions": "mention",
    "triggers": "trigger",
    "arguments": "role",
    "other_relations": "relation",
    "attributes": "attribute",
    "attribute_scores": "attribute",
    "records": "event",
    "record_arguments": "argument",
    "record_actors": "argument",
    "record_objects": "argument",
    "record_places": "argument",
    "record_amounts": "argument",
}
FITTED_ON = (
    "mentions",
    "triggers",
    "arguments",
    "other_relations",
    "attribute_scores",
    "records",
    "record_arguments",
)
NUM_FOLDS = 5
NUM_DRAWS = 200


@dataclass(frozen=True)
class JudgedDocument:
    """The raw scores of one dev document's predictions, by what they are of, each right or wrong."""

    source: str
    judged: Mapping[str, list[Judged]]


def judge(extractor: Extractor, dev_sets: Sequence[DevSet]) -> list[JudgedDocument]:
    """Returns all predictions on the dev sets with the scores that the network gives them.

    Raises:
        ConfigError: the dev sets hold no documents.
    """
    if not any(dev.examples for dev in dev_sets):
        raise ConfigError("no dev documents to calibrate on, expected some in data.dev")
    calibration, extractor.calibration = extractor.calibration, Calibration()
    try:
        found = []
        for dev in dev_sets:
            reports = extractor.extract_many(example.document for example in dev.examples)
            for example, report in zip(dev.examples, reports, strict=True):
                judged = judge_annotations([example.gold], [report.annotation], extractor.ontology)
                judged |= judge_reports([extractor.assemble(example.document, example.gold)], [report])
                found.append(JudgedDocument(dev.name, judged))
        return found
    finally:
        extractor.calibration = calibration


def pooled(documents: Sequence[JudgedDocument], name: str) -> list[Judged]:
    """All predictions of a sort, in order."""
    return [judged for document in documents for judged in document.judged[name]]


def fit(documents: Sequence[JudgedDocument]) -> dict[str, ScoreMap]:
    """Returns the map of each kind of score; a kind without any prediction has none."""
    maps = {}
    for name in FITTED_ON:
        judged = pooled(documents, name)
        if judged:
            maps[KIND_OF[name]] = ScoreMap.fit([score for score, _ in judged], [right for _, right in judged])
    return maps


def calibrate(extractor: Extractor, folder: Path, dev_sets: Sequence[DevSet]) -> Calibration:
    """Fits all maps on the dev sets together, gives them to the extractor and writes `calibration.json`.

    Raises:
        ConfigError: the dev sets hold no documents.
        ModelError: the file cannot be written.
    """
    maps = fit(judge(extractor, dev_sets))
    examples = [example for dev in dev_sets for example in dev.examples]
    extractor.calibration = Calibration(maps, len(examples), data_digest(examples))
    extractor.calibration.save(folder, extractor.ontology)
    return extractor.calibration


def cross_fitted(documents: Sequence[JudgedDocument], groups: Sequence[int | str]) -> dict[str, list[Judged]]:
    """Returns all predictions with scores by maps that were fitted without the group of their document."""
    found: dict[str, list[Judged]] = {name: [] for name in KIND_OF}
    for group in dict.fromkeys(groups):
        inside = [d for d, own in zip(documents, groups, strict=True) if own == group]
        calibration = Calibration(fit([d for d, own in zip(documents, groups, strict=True) if own != group]))
        for name, kind in KIND_OF.items():
            found[name] += [(calibration.score(kind, score), right) for score, right in pooled(inside, name)]
    return found


def folds(num_documents: int) -> list[int]:
    """Returns the fold of each document: by chance, of equal size, always the same."""
    numbers = np.arange(num_documents) % NUM_FOLDS
    return [int(number) for number in np.random.default_rng(0).permutation(numbers)]


def chance(judged: Sequence[Judged]) -> float:
    """Returns the mean error that exact probabilities with these values would have by chance alone."""
    rng = np.random.default_rng(0)
    scores = np.array([score for score, _ in judged])
    draws = rng.random((NUM_DRAWS, len(scores))) < scores
    return float(np.mean([reliability(zip(scores, draw, strict=True)).ece for draw in draws.tolist()]))


def cross_validate(documents: Sequence[JudgedDocument]) -> Iterator[str]:
    """Yields the lines of a table: expected calibration error before and after, on documents held out."""
    before = {name: pooled(documents, name) for name in KIND_OF}
    by_fold = cross_fitted(documents, folds(len(documents)))
    sources = [document.source for document in documents]
    by_source = cross_fitted(documents, sources) if len(set(sources)) > 1 else None
    yield (
        f"expected calibration error, 10 bins of equal size, {len(documents)} documents; chance: of exact "
        "probabilities"
    )
    yield f"{'':<24} {'pred.':>6} {'right':>6} {'before':>7} {'5-fold':>7} {'chance':>7} {'by source':>9}"
    for name, judged in before.items():
        if judged:
            figures = reliability(judged)
            left_out = f"{reliability(by_source[name]).ece:9.3f}" if by_source else f"{'-':>9}"
            yield (
                f"{JUDGED_TITLES[name]:<24} {figures.num:6d} {figures.share_right:6.3f} {figures.ece:7.3f} "
                f"{reliability(by_fold[name]).ece:7.3f} {chance(by_fold[name]):7.3f} {left_out}"
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.calibrate", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("model", type=Path, help="a model folder, written by training")
    parser.add_argument(
        "--dev", nargs="+", metavar="NAME=PATH", help="dev sets; else those of the model's configuration"
    )
    parser.add_argument(
        "--cross-validate", action="store_true", help="print errors on documents held out, write nothing"
    )
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    try:
        extractor = Extractor.load(options.model, device=options.device)
        dev_sets = [
            read_dev_set(entry, extractor.ontology) for entry in options.dev or extractor.config.data.dev
        ]
        if options.cross_validate:
            for line in cross_validate(judge(extractor, dev_sets)):
                print(line)
        else:
            calibration = calibrate(extractor, options.model, dev_sets)
            for kind, found in calibration.maps.items():
                print(f"{kind:10} slope {found.slope:.3f}, intercept {found.intercept:+.3f}")
            path = options.model / CALIBRATION_FILE
            print(f"{path}: written, from {calibration.num_documents} documents")
    except (SitrepError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
