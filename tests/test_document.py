"""Records of the annotation side and the paragraphs of a text; the JSON form of reports has its own tests."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import LINE_BREAKS

from sitrep_ie.document import Annotation, Document, Mention, Relation, Span, Trigger, paragraph_spans
from sitrep_ie.errors import DocumentError

WRAPPED = """\
The patrol left the northern gate of the base at dawn and
returned by noon after it had toured the villages along the
river."""


def paragraphs(text: str) -> list[str]:
    return [text[span.start : span.end] for span in paragraph_spans(text)]


# ---- spans and annotations ----


@pytest.mark.parametrize(("start", "end"), [(0, 0), (3, 2), (-1, 2)])
def test_a_span_is_never_empty(start: int, end: int) -> None:
    with pytest.raises(DocumentError, match=rf"\[{start}, {end}\): expected 0 <= start < end"):
        Span(start, end)


def test_spans_in_relation_to_each_other() -> None:
    span = Span(2, 5)
    assert len(span) == 3
    assert [span.overlaps(Span(a, b)) for a, b in [(0, 2), (0, 3), (3, 4), (4, 9), (5, 9)]] == [
        False, True, True, True, False,
    ]  # fmt: skip
    assert [span.contains(Span(a, b)) for a, b in [(2, 5), (3, 4), (1, 3), (4, 6)]] == [
        True,
        True,
        False,
        False,
    ]
    assert sorted([Span(2, 6), span, Span(0, 9)]) == [Span(0, 9), span, Span(2, 6)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"id": "", "text": ""}, "document id '': expected a non-empty string"),
        ({"id": None, "text": ""}, "document id None"),
        ({"id": "a", "text": b"x"}, "document 'a': text is bytes, expected str"),
        ({"id": "a", "text": None}, "document 'a': text is NoneType, expected str"),
    ],
)
def test_a_document_needs_id_and_text(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        Document(**values)


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_a_score_is_a_probability(score: float) -> None:
    actor = Mention(Span(0, 3), "ACTOR")
    with pytest.raises(DocumentError, match=r"mention ACTOR \[0, 3\): score .* expected a probability"):
        Mention(Span(0, 3), "ACTOR", score)
    with pytest.raises(DocumentError, match=r"trigger CLASH \[0, 3\): score"):
        Trigger(Span(0, 3), "CLASH", score=score)
    with pytest.raises(DocumentError, match="relation SAME_AS: score"):
        Relation(actor, actor, "SAME_AS", score)


def test_scores_do_not_tell_gold_from_predicted() -> None:
    gold, predicted = Mention(Span(0, 3), "ACTOR"), Mention(Span(0, 3), "ACTOR", 0.4)
    trigger = Trigger(Span(4, 5), "CLASH", frozenset({"NEGATED"}))
    scored = Trigger(Span(4, 5), "CLASH", frozenset({"NEGATED"}), 0.3, (("NEGATED", 0.9),))
    assert {gold, trigger} == {predicted, scored}
    assert Relation(trigger, gold, "AGENT") == Relation(scored, predicted, "AGENT", 0.2)
    assert trigger != Trigger(Span(4, 5), "CLASH")


def test_all_spans_come_in_text_order() -> None:
    actor, trigger, place = (
        Mention(Span(0, 2), "ACTOR"),
        Trigger(Span(3, 5), "CLASH"),
        Mention(Span(6, 7), "LOCATION"),
    )
    assert Annotation("d", (place, actor), (trigger,)).spans() == [actor, trigger, place]


ACTOR = Mention(Span(0, 4), "ACTOR")
CLASH = Trigger(Span(5, 9), "CLASH")


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Annotation("other"), "annotation of 'other' on document 'd'"),
        (
            Annotation("d", (Mention(Span(5, 10), "ACTOR"),)),
            r"'d': ACTOR \[5, 10\) lies outside the text of 9",
        ),
        (
            Annotation("d", (ACTOR,), (Trigger(Span(3, 9), "CLASH"),)),
            r"ACTOR \[0, 4\) overlaps CLASH \[3, 9\)",
        ),
        (Annotation("d", (ACTOR, Mention(Span(0, 4), "OBJECT"))), "overlaps"),
        (
            Annotation("d", (), (CLASH,), (Relation(CLASH, ACTOR, "AGENT"),)),
            r"AGENT has an end ACTOR \[0, 4\)",
        ),
        (
            Annotation("d", (ACTOR,), (), (Relation(CLASH, ACTOR, "AGENT"),)),
            r"AGENT has an end CLASH \[5, 9\)",
        ),
    ],
)
def test_an_annotation_that_does_not_fit_its_document(annotation: Annotation, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        annotation.check(Document("d", "Army left"))


def test_an_annotation_that_fits() -> None:
    Annotation("d", (ACTOR,), (CLASH,), (Relation(CLASH, ACTOR, "AGENT"),)).check(Document("d", "Army left"))


# ---- paragraphs ----


def test_lines_and_blank_lines_part_paragraphs() -> None:
    text = "\n Daily report \n\nOne.\nTwo.\n \t\n  Three.  \n"
    assert paragraphs(text) == ["Daily report", "One.", "Two.", "Three."]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\r\n\u2028\x0c"])
def test_a_text_of_blanks_has_no_paragraphs(text: str) -> None:
    assert paragraph_spans(text) == []


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\u2028"])
def test_lines_broken_to_fit_a_page_are_joined(line_break: str) -> None:
    wrapped = WRAPPED.replace("\n", line_break)
    text = f"😀 Log{line_break}{line_break}{wrapped}{line_break}{line_break}{wrapped}"
    assert paragraphs(text) == ["😀 Log", wrapped, wrapped]


@pytest.mark.parametrize(
    "blank", ["\n\n", "\r\n\r\n", "\r\r", "\u2028\u2028", "\n \n", "\n\u2028", "\f", "\u2029"]
)
def test_wrapped_paragraphs_end_at_a_blank_line(blank: str) -> None:
    first, second = WRAPPED.removesuffix("\nriver."), "river banks were calm"
    assert paragraphs(first + "\n" + second) == [first + "\n" + second]
    assert paragraphs(first + blank + second) == [first, second]


@pytest.mark.parametrize("mark", ["- ", "* ", "• ", "1. ", "12) ", "(a) ", "iv. ", "– "])
def test_a_list_mark_begins_a_paragraph(mark: str) -> None:
    first, last = WRAPPED.rsplit("\n", 1)
    assert paragraphs(f"{first}\n{last}") == [f"{first}\n{last}"]
    assert paragraphs(f"{first}\n{mark}{last}") == [first, f"{mark}{last}"]


def test_a_line_with_room_left_ends_its_paragraph() -> None:
    first = "The convoy reached the depot at nine."
    second = "Quiet elsewhere."
    third = "Observers counted eleven lorries, four of them under armour."
    assert paragraphs("\n".join([first, second, third])) == [first, second, third]


def test_short_lines_are_never_joined() -> None:
    text = "Situation report\nNorthern sector\nMonday morning"
    assert paragraphs(text) == text.split("\n")


def test_long_lines_are_paragraphs() -> None:
    lines = ["word " * 40 + "end", "other " * 40 + "end"]
    assert paragraphs("\n".join(lines)) == lines


@given(st.text(st.one_of(st.sampled_from("a. -1" + LINE_BREAKS), st.characters()), max_size=200))
def test_paragraphs_hold_every_character_that_is_no_blank(text: str) -> None:
    spans = paragraph_spans(text)
    assert all(before.end <= after.start for before, after in zip(spans, spans[1:], strict=False))
    assert all(text[s.start : s.end] == text[s.start : s.end].strip() for s in spans)
    inside = {i for span in spans for i in range(span.start, span.end)}
    assert all(text[i].isspace() for i in range(len(text)) if i not in inside)
