"""The samples of the few-shot curve nest, and its arms differ in their start alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from sitrep_ie.config import Config
from sitrep_ie.errors import FormatError
from sitrep_ie.score import score_examples
from training.few_shot import few_shot_config, sample, table


def test_a_small_sample_is_part_of_the_larger_one_of_its_seed(tiny_examples):
    for seed in (1, 2):
        small, large = sample(tiny_examples, 1, seed), sample(tiny_examples, len(tiny_examples), seed)
        assert small == large[:1]
        assert sorted(e.document.id for e in large) == sorted(e.document.id for e in tiny_examples)


def test_seeds_draw_different_documents():
    numbers = list(range(40))
    assert sample(numbers, 10, 1) != sample(numbers, 10, 2)


def test_more_documents_than_there_are_is_an_error(tiny_examples):
    with pytest.raises(FormatError, match="1000 documents asked for"):
        sample(tiny_examples, 1000, 1)


def test_arms_differ_in_their_start_alone():
    one, other = (
        few_shot_config(Config(), start, Path("some.jsonl"), "isaf=dev.jsonl", 30) for start in ("a", "b")
    )
    assert one.train.epochs == 30
    assert one.data.train == ("some.jsonl",)
    assert one.model.encoder == "a"
    assert one.to_dict() | {"model": None} == other.to_dict() | {"model": None}
    assert few_shot_config(Config(), "a", Path("some.jsonl"), "isaf=dev.jsonl", 30) == one


def test_table_has_a_row_for_every_size_and_arm(tiny_examples, ontology):
    perfect = score_examples(tiny_examples, tiny_examples, ontology)
    runs = {(arm, size): [perfect, perfect] for arm in ("start", "scratch") for size in (10, 25)}
    rows = [row.split(" | ") for row in table(runs, perfect, [10, 25]).splitlines()[2:]]
    assert [row[:2] for row in rows] == [
        ["| 0", "start"],
        ["| 10", "start"],
        ["| 10", "scratch"],
        ["| 25", "start"],
        ["| 25", "scratch"],
    ]
    assert rows[0][2] == "100.0"
