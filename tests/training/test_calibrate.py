"""Calibration of a model folder: what it is fitted on, what it writes, how it is measured."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from sitrep_ie.calibration import Calibration, ScoreMap
from sitrep_ie.document import Example
from sitrep_ie.extractor import Extractor
from sitrep_ie.formats import data_digest
from sitrep_ie.score import Judged, reliability
from sitrep_ie.train import DevSet
from training.calibrate import (
    KIND_OF,
    NUM_FOLDS,
    JudgedDocument,
    calibrate,
    chance,
    cross_fitted,
    cross_validate,
    fit,
    folds,
    judge,
    main,
)

TRUE = ScoreMap(0.5, -0.5)


def made_up(number: int, num: int = 40) -> JudgedDocument:
    """A document whose network is too sure of triggers, in the same way everywhere."""
    generator = random.Random(number)
    scores = [generator.uniform(0.5, 1.0) for _ in range(num)]
    triggers = [(score, generator.random() < TRUE(score)) for score in scores]
    return JudgedDocument(
        "ab"[number % 2], {name: triggers if name == "triggers" else [] for name in KIND_OF}
    )


def test_fit_pools_documents_and_leaves_out_kinds_without_predictions() -> None:
    documents = [made_up(number) for number in range(50)]
    maps = fit(documents)
    assert set(maps) == {"trigger"}
    judged = [item for document in documents for item in document.judged["triggers"]]
    assert maps["trigger"] == ScoreMap.fit([s for s, _ in judged], [right for _, right in judged])


def test_no_document_has_a_part_in_its_own_map() -> None:
    # In one group all is right, in the other all is wrong: each gets the other's map.
    right: list[Judged] = [(0.8, True)] * 200
    wrong: list[Judged] = [(0.8, False)] * 200
    documents = [
        JudgedDocument("a", {name: right for name in KIND_OF}),
        JudgedDocument("b", {name: wrong for name in KIND_OF}),
    ]
    found = cross_fitted(documents, ["a", "b"])["triggers"]
    assert [hit for _, hit in found] == [True] * 200 + [False] * 200
    assert max(score for score, _ in found[:200]) < 0.05
    assert min(score for score, _ in found[200:]) > 0.95


def test_folds_are_of_equal_size_and_always_the_same() -> None:
    found = folds(23)
    assert sorted(found.count(number) for number in range(NUM_FOLDS)) == [4, 4, 5, 5, 5]
    assert found == folds(23)
    assert found != sorted(found)


def test_chance_is_the_error_of_exact_probabilities() -> None:
    generator = random.Random(3)
    scores = [generator.random() for _ in range(500)]
    errors = [reliability((s, generator.random() < s) for s in scores).ece for _ in range(100)]
    told = chance([(score, False) for score in scores])
    assert told == pytest.approx(sum(errors) / len(errors), rel=0.1)
    assert chance([(1.0, True)] * 30) == 0.0


def test_cross_validation_takes_away_what_is_the_same_everywhere() -> None:
    title, header, *rows = cross_validate([made_up(number) for number in range(50)])
    assert "50 documents" in title
    assert header.split() == ["pred.", "right", "before", "5-fold", "chance", "by", "source"]
    (row,) = rows  # the only kind with predictions
    name, num, _, before, by_fold, by_chance, by_source = row.split()
    assert (name, num) == ("Triggers", "2000")
    assert float(before) > 0.15
    assert float(by_fold) < 0.04
    assert float(by_source) < 0.04
    assert 0 < float(by_chance) < 0.04


def test_one_source_is_not_left_out() -> None:
    documents = [JudgedDocument("a", made_up(number).judged) for number in range(10)]
    assert list(cross_validate(documents))[-1].endswith(" -")


# ---- with a model ----


@pytest.fixture
def model(tiny_model_path: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model_path, tmp_path / "model")


def test_a_calibrated_folder_is_judged_by_its_raw_scores(model: Path, tiny_examples: list[Example]) -> None:
    extractor = Extractor.load(model, device="cpu")
    dev_sets = [DevSet("seen", tiny_examples)]
    before = judge(extractor, dev_sets)
    found = calibrate(extractor, model, dev_sets)
    assert Extractor.load(model, device="cpu").calibration == extractor.calibration == found
    assert (found.num_documents, found.data_sha256) == (3, data_digest(tiny_examples))
    assert set(found.maps) == {"mention", "trigger", "role", "relation", "attribute", "event", "argument"}
    # A second time gives the same: maps are never fitted on mapped scores.
    assert judge(extractor, dev_sets) == before
    assert extractor.calibration == found
    assert calibrate(extractor, model, dev_sets) == found


def test_command_writes_the_file(
    model: Path, tiny_examples: list[Example], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(model)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("calibration.json: written, from 3 documents")
    raw = json.loads((model / "calibration.json").read_text(encoding="utf-8"))
    assert raw["data"] == {"documents": 3, "sha256": data_digest(tiny_examples)}


def test_cross_validation_writes_nothing(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(model), "--cross-validate"]) == 0
    assert "Event records" in capsys.readouterr().out
    assert not (model / "calibration.json").exists()


def test_what_cannot_be_calibrated_is_one_line(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    for more in ([], ["--cross-validate"]):
        assert main([str(model), "--dev", f"none={empty}", *more]) == 1
        assert "no dev documents to calibrate on" in capsys.readouterr().err
    assert main([str(tmp_path / "nowhere")]) == 1
    assert "nowhere: no model folder" in capsys.readouterr().err
    assert Calibration.load(model, Extractor.load(model, device="cpu").ontology) == Calibration()
