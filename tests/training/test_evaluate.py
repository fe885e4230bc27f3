from __future__ import annotations

import json
from pathlib import Path

import pytest

from sitrep_ie.document import Example
from sitrep_ie.formats import data_digest, write_inline, write_jsonl
from sitrep_ie.ontology import Ontology
from sitrep_ie.score import Scores
from tests.conftest import ROOT
from training.evaluate import main

ONTOLOGY = ["--ontology", str(ROOT / "configs" / "ontology.toml")]


def test_two_files_of_different_formats(
    tmp_path: Path, tiny_examples: list[Example], ontology: Ontology, capsys: pytest.CaptureFixture[str]
) -> None:
    gold, predicted = tmp_path / "gold.ann", tmp_path / "predicted.jsonl"
    write_inline(gold, tiny_examples, ontology)
    write_jsonl(predicted, tiny_examples)
    errors, scores = tmp_path / "errors.md", tmp_path / "scores.json"
    arguments = [str(predicted), str(gold), *ONTOLOGY, "--errors", str(errors), "--json", str(scores)]
    assert main(arguments) == 0
    assert "Trig-C                100.0  100.0  100.0" in capsys.readouterr().out
    assert "3 documents, 0 errors." in errors.read_text(encoding="utf-8")
    body = json.loads(scores.read_text(encoding="utf-8"))
    assert body["data_digest"] == data_digest(tiny_examples)
    assert Scores.from_dict(body["scores"]).num_documents == 3


def test_what_cannot_be_compared_is_one_line(
    tmp_path: Path, tiny_examples: list[Example], ontology: Ontology, capsys: pytest.CaptureFixture[str]
) -> None:
    gold, predicted = tmp_path / "gold.ann", tmp_path / "predicted.ann"
    write_inline(gold, tiny_examples, ontology)
    write_inline(predicted, tiny_examples[1:], ontology)
    assert main([str(predicted), str(gold), *ONTOLOGY]) == 1
    assert capsys.readouterr().err == (
        "error: document 'tiny-convoy' is in gold but was not predicted; "
        "expected the same documents on both sides\n"
    )
    assert main([str(tmp_path / "none.ann"), str(gold), *ONTOLOGY]) == 1
    assert "none.ann" in capsys.readouterr().err
