from __future__ import annotations

from pathlib import Path

import pytest

from sitrep_ie.document import Example
from sitrep_ie.extractor import Extractor
from sitrep_ie.formats import write_inline
from sitrep_ie.ontology import Ontology
from training.benchmarks import assembly_speed


def test_every_stage_is_timed_and_the_encoder_is_left_as_it_was(
    tiny_extractor: Extractor, tiny_examples: list[Example]
) -> None:
    documents = [example.document for example in tiny_examples]
    before = list(tiny_extractor.annotate_many(documents))
    seconds = assembly_speed.measure(tiny_extractor, documents)
    assert {
        "encoder",
        "network and decoding",
        "assembly",
        "places",
        "date",
        "quantity",
        "actor",
    } <= seconds.keys()
    assert min(seconds.values()) >= 0.0
    assert seconds["encoder"] > 0.0
    assert "forward" not in vars(tiny_extractor.model.encoder)
    assert list(tiny_extractor.annotate_many(documents)) == before


def test_table(
    tmp_path: Path,
    tiny_model_path: Path,
    tiny_examples: list[Example],
    ontology: Ontology,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "reports.ann"
    write_inline(path, tiny_examples, ontology)
    assert assembly_speed.main([str(path), "--model", str(tiny_model_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1 documents of ")
    assert [line.split()[0] for line in lines[2:5]] == ["encoder", "network", "assembly"]
    assert assembly_speed.main([str(tmp_path / "none.ann"), "--model", str(tiny_model_path)]) == 1
    assert "none.ann" in capsys.readouterr().err
