"""The benchmark of suggestions, on the tiny model."""

from __future__ import annotations

from sitrep_ie.document import Example, Span
from sitrep_ie.extractor import Extractor
from training.benchmarks.suggest import LEVELS, compare, cut


def test_cut_keeps_what_lies_inside(tiny_examples: list[Example]) -> None:
    convoy = tiny_examples[0]
    end = convoy.document.text.index("\n\n")
    first = cut(convoy.gold, Span(0, end))
    assert 0 < len(first.spans()) < len(convoy.gold.spans())
    assert 0 < len(first.relations) < len(convoy.gold.relations)
    assert cut(convoy.gold, Span(0, len(convoy.document.text))) == convoy.gold


def test_a_model_that_knows_all_scores_the_same_everywhere(
    tiny_extractor: Extractor, tiny_examples: list[Example]
) -> None:
    found = compare(tiny_examples, tiny_extractor, 2, 3)
    assert set(found) == set(LEVELS)
    assert found["mentions"] == (100.0, 100.0, 0.0)
