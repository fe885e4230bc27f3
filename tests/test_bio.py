from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import tagged_tokens, tokens

from sitrep_ie.bio import (
    TokenRange,
    align_spans,
    allowed_starts,
    allowed_transitions,
    ranges_from_tags,
    spans_from_tags,
    tag_names,
    tags_from_ranges,
    tags_from_spans,
)
from sitrep_ie.document import Span
from sitrep_ie.errors import DocumentError

# "Two trucks, left" as Two | trucks | , | left
TOKENS = [Span(0, 3), Span(4, 10), Span(10, 11), Span(12, 16)]


def test_tag_names_follow_the_order_of_types() -> None:
    assert tag_names(["ACTOR", "CLASH"]) == ("O", "B-ACTOR", "I-ACTOR", "B-CLASH", "I-CLASH")
    assert tag_names([]) == ("O",)


def test_tags_from_spans() -> None:
    spans = [(Span(12, 16), "MOVEMENT"), (Span(0, 10), "OBJECT")]
    assert tags_from_spans(TOKENS, spans) == ["B-OBJECT", "I-OBJECT", "O", "B-MOVEMENT"]


def test_neighbours_of_one_type_stay_apart() -> None:
    spans = [(Span(0, 3), "OBJECT"), (Span(4, 11), "OBJECT")]
    tags = tags_from_spans(TOKENS, spans)
    assert tags == ["B-OBJECT", "B-OBJECT", "I-OBJECT", "O"]
    assert spans_from_tags(TOKENS, tags) == spans


@pytest.mark.parametrize(
    "span",
    [Span(0, 2), Span(5, 10), Span(3, 10), Span(1, 2), Span(0, 12)],
    ids=lambda s: f"{s.start}-{s.end}",
)
def test_a_span_off_the_tokens_is_reported(span: Span) -> None:
    spans = [(span, "OBJECT"), (Span(12, 16), "MOVEMENT")]
    alignment = align_spans(TOKENS, spans)
    assert alignment.misaligned == [(span, "OBJECT")]
    assert alignment.ranges == [TokenRange(3, 4, "MOVEMENT")]
    with pytest.raises(DocumentError, match=rf"OBJECT \[{span.start}, {span.end}\).*1 such"):
        tags_from_spans(TOKENS, spans)


def test_overlapping_spans_are_an_error() -> None:
    with pytest.raises(DocumentError, match=r"A \[0, 10\) overlaps B \[4, 10\)"):
        tags_from_spans(TOKENS, [(Span(4, 10), "B"), (Span(0, 10), "A")])


def test_tokens_out_of_order_are_an_error() -> None:
    with pytest.raises(DocumentError, match=r"token \[0, 3\) follows \[4, 10\)"):
        tags_from_spans([Span(4, 10), Span(0, 3)], [])


def test_an_inside_tag_without_beginning_begins_a_span() -> None:
    tags = ["I-A", "O", "B-A", "I-B", "I-B"]
    assert ranges_from_tags(tags) == [TokenRange(0, 1, "A"), TokenRange(2, 3, "A"), TokenRange(3, 5, "B")]


@pytest.mark.parametrize("tag", ["X-A", "B", "B-", "", "o", "BA"])
def test_a_malformed_tag_is_an_error(tag: str) -> None:
    with pytest.raises(DocumentError, match="expected 'O', 'B-TYPE' or 'I-TYPE'"):
        spans_from_tags(TOKENS[:1], [tag])


def test_tags_and_tokens_differ_in_number() -> None:
    with pytest.raises(DocumentError, match="1 tags for 4 tokens"):
        spans_from_tags(TOKENS, ["O"])


def test_allowed_transitions() -> None:
    tags = tag_names(["A", "B"])
    table = allowed_transitions(tags)
    allowed = {
        (b, a) for b, row in zip(tags, table, strict=True) for a, ok in zip(tags, row, strict=True) if ok
    }
    everywhere = {(before, after) for before in tags for after in ("O", "B-A", "B-B")}
    assert allowed == everywhere | {(f"{p}-{name}", f"I-{name}") for p in "BI" for name in "AB"}
    assert allowed_starts(tags) == [True, True, False, True, False]


@given(tagged_tokens())
def test_tags_to_spans_to_tags(tagged: tuple[list[Span], list[str]]) -> None:
    spans, tags = tagged
    assert tags_from_spans(spans, spans_from_tags(spans, tags)) == tags


@given(tagged_tokens())
def test_well_formed_tags_are_exactly_the_allowed_ones(tagged: tuple[list[Span], list[str]]) -> None:
    _, tags = tagged
    names = tag_names(["A", "B-C", "D_E"])
    table, starts = allowed_transitions(names), allowed_starts(names)
    path = [names.index(tag) for tag in tags]
    assert all(starts[first] for first in path[:1])
    assert all(table[before][after] for before, after in zip(path, path[1:], strict=False))


@given(st.lists(st.sampled_from(tag_names(["A", "B"])), max_size=10))
def test_any_tags_give_ranges_that_read_back_the_same(tags: list[str]) -> None:
    ranges = ranges_from_tags(tags)
    repaired = tags_from_ranges(len(tags), ranges)
    assert ranges_from_tags(repaired) == ranges
    assert [tag[1:] for tag in repaired] == [tag[1:] for tag in tags]


@given(tokens(), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=6))
def test_every_span_is_either_aligned_or_reported(
    token_spans: list[Span], drafts: list[tuple[int, int]]
) -> None:
    spans: list[tuple[Span, str]] = []
    for start, length in sorted(drafts):
        if not spans or spans[-1][0].end <= start:
            spans.append((Span(start, start + length), "A"))
    alignment = align_spans(token_spans, spans)
    aligned = [
        (Span(token_spans[r.first].start, token_spans[r.end - 1].end), r.type) for r in alignment.ranges
    ]
    assert sorted(aligned + alignment.misaligned) == spans
