from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings

from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Span, Trigger
from sitrep_ie.errors import DocumentError
from sitrep_ie.formats.inline import parse_inline
from sitrep_ie.ontology import Ontology
from sitrep_ie.score import ErrorAnalysis, ErrorCase, analyse, format_errors, score, write_errors
from sitrep_ie.score.analysis import CAUSES, excerpt
from tests.conftest import TINY_ONTOLOGY
from tests.test_score import SLOTS, WIDTH, annotations

TINY = Ontology.from_dict(TINY_ONTOLOGY, "tiny ontology")


def compare(gold: str, predicted: str) -> ErrorAnalysis:
    """Both sides in the inline format, of the same text."""
    examples = parse_inline("# id: d\n" + gold, "gold", TINY)
    predictions = parse_inline("# id: d\n" + predicted, "predicted", TINY)
    assert [e.document.text for e in examples] == [e.document.text for e in predictions]
    return analyse(examples, [prediction.gold for prediction in predictions], TINY)


def causes(analysis: ErrorAnalysis) -> list[tuple[str, str, str | None, str | None]]:
    return [(case.level, case.cause, case.gold_type, case.predicted_type) for case in analysis.cases]


def test_spans_by_cause() -> None:
    analysis = compare(
        "{ACTOR a1|Border guards} {MOVEMENT e1|sent} {OBJECT o1|six-wheel trucks} and {OBJECT o2|fuel} "
        "from {LOCATION l1|Karsk} to the village; {DEATH e2|killed} were {QUANTITY q1|two}.",
        "{ACTOR a1|Border} guards {AIRSTRIKE e1|sent} six-wheel {ACTOR a2|trucks} and fuel "
        "from {LOCATION l1|Karsk} to the {LOCATION l2|village}; {ACTOR a3|killed} were {QUANTITY q1|two}.",
    )
    assert causes(analysis) == [
        ("mentions", "wrong boundary", "ACTOR", "ACTOR"),
        ("triggers", "wrong type", "MOVEMENT", "AIRSTRIKE"),
        ("mentions", "wrong type and boundary", "OBJECT", "ACTOR"),
        ("mentions", "missed", "OBJECT", None),
        ("mentions", "spurious", None, "LOCATION"),
        ("triggers", "wrong type", "DEATH", "ACTOR"),
    ]
    assert analysis.num_right == {("mentions", "LOCATION"): 1, ("mentions", "QUANTITY"): 1}
    assert analysis.confusion == {
        ("ACTOR", "ACTOR"): 1,
        ("MOVEMENT", "AIRSTRIKE"): 1,
        ("OBJECT", "ACTOR"): 1,
        ("OBJECT", "(none)"): 1,
        ("(none)", "LOCATION"): 1,
        ("DEATH", "ACTOR"): 1,
        ("LOCATION", "LOCATION"): 1,
        ("QUANTITY", "QUANTITY"): 1,
    }
    assert analysis.by_cause("mentions") == {
        "wrong boundary": 1,
        "wrong type and boundary": 1,
        "missed": 1,
        "spurious": 1,
    }
    assert analysis.by_type("mentions")["OBJECT"] == {"wrong type and boundary": 1, "missed": 1}


def test_a_span_is_paired_with_its_own_type_before_a_greater_overlap() -> None:
    analysis = compare(
        "{ACTOR a1|members of the old guard} left.",
        "{OBJECT o1|members of} the old {ACTOR a1|guard} left.",
    )
    assert causes(analysis) == [
        ("mentions", "spurious", None, "OBJECT"),
        ("mentions", "wrong boundary", "ACTOR", "ACTOR"),
    ]


def test_relations_by_cause() -> None:
    text = (
        "{ACTOR a1|Guards} {MOVEMENT e1|sent} {OBJECT o1|old trucks} to {LOCATION l1|Karsk} "
        "in {LOCATION l2|Veld} on {DATE d1|Friday}, {ACTOR a2|drivers} said."
    )
    analysis = compare(
        text
        + """
> e1 AGENT a1
> e1 THEME o1
> e1 DESTINATION l1
> l1 LOCATED_IN l2
> e1 TIME d1
> e1 REPORTER a2""",
        text.replace("{OBJECT o1|old trucks}", "old {OBJECT o1|trucks}")
        .replace("{DATE d1|Friday}", "Friday")
        .replace("{ACTOR a2|drivers}", "{OBJECT o2|drivers}")
        + """
> e1 TARGET a1
> e1 THEME o1
> l2 LOCATED_IN l1
> e1 PLACE l2
> e1 AGENT o2""",
    )
    relations = [case for case in analysis.cases if case.level == "relations"]
    assert {(case.cause, case.gold_type, case.predicted_type) for case in relations} == {
        ("wrong type", "AGENT", "TARGET"),
        ("end boundary", "THEME", "THEME"),
        ("link missing", "DESTINATION", None),
        ("reversed", "LOCATED_IN", "LOCATED_IN"),
        ("end missing", "TIME", None),
        ("wrong type", "REPORTER", "AGENT"),
        ("link spurious", None, "PLACE"),
    }
    assert len(relations) == 7
    assert analysis.by_type("relations")["THEME"] == {"end boundary": 1}


def test_relations_whose_end_is_at_fault() -> None:
    # DATE cannot be an AGENT, so no link could have been made; "Karsk" and "old" are no mentions in gold.
    analysis = compare(
        "{ACTOR a1|Friday} {DEATH e1|killed} {ACTOR a2|old drivers} in Karsk.\n> e1 AGENT a1",
        "{DATE d1|Friday} {DEATH e1|killed} {ACTOR a1|old} drivers in {LOCATION l1|Karsk}."
        "\n> e1 PLACE l1\n> e1 TARGET a1\n> e1 TIME d1",
    )
    relations = {(c.cause, c.gold_type, c.predicted_type) for c in analysis.cases if c.level == "relations"}
    assert relations == {
        ("wrong type", "AGENT", "TIME"),
        ("end spurious", None, "PLACE"),
        ("end boundary", None, "TARGET"),
    }
    unlinked = compare(
        "{ACTOR a1|Friday} {DEATH e1|killed}.\n> e1 AGENT a1", "{DATE d1|Friday} {DEATH e1|killed}."
    )
    assert causes(unlinked)[1:] == [("relations", "end type", "AGENT", None)]


def test_links_within_the_right_chain_stand_apart() -> None:
    text = "{ACTOR a1|Guards} and {ACTOR a2|they} and {ACTOR a3|they}."
    analysis = compare(
        text + "\n> a2 SAME_AS a1\n> a3 SAME_AS a1", text + "\n> a2 SAME_AS a1\n> a3 SAME_AS a2"
    )
    assert causes(analysis) == [
        ("relations", "same chain", "SAME_AS", None),
        ("relations", "same chain", None, "SAME_AS"),
    ]


def test_attributes_by_cause() -> None:
    analysis = compare(
        "{MOVEMENT e1|sent} {DEATH e2|killed} held.\n> e1 IS PLANNED\n> e1 IS AGGREGATE\n> e2 IS NEGATED",
        "{MOVEMENT e1|sent} killed {DETENTION e2|held}.\n> e1 IS NEGATED\n> e1 IS AGGREGATE\n> e2 IS RELEASE",
    )
    assert [case for case in causes(analysis) if case[0] == "attributes"] == [
        ("attributes", "missed", "PLANNED", None),
        ("attributes", "spurious", None, "NEGATED"),
        ("attributes", "trigger missing", "NEGATED", None),
        ("attributes", "trigger spurious", None, "RELEASE"),
    ]
    assert analysis.num_right["attributes", "AGGREGATE"] == 1


def test_gold_that_cannot_be_predicted_stands_apart() -> None:
    text = "Guards left Karsk.\n\nDrivers of old Karsk left."
    left, later = Trigger(Span(7, 11), "MOVEMENT"), Trigger(Span(41, 45), "MOVEMENT")
    guards, drivers = Mention(Span(0, 6), "ACTOR"), Mention(Span(20, 40), "ACTOR")
    nested = Mention(Span(31, 40), "LOCATION")  # inside "Drivers of old Karsk"
    across = Mention(Span(12, 27), "LOCATION")  # from one paragraph into the next, and over "Drivers"
    gold = Annotation(
        "d",
        mentions=(guards, across, drivers, nested),
        triggers=(left, later),
        relations=(
            Relation(left, guards, "AGENT"),
            Relation(later, guards, "AGENT"),
            Relation(later, nested, "PLACE"),
        ),
    )
    predicted = Annotation("d", mentions=(guards,), triggers=(left, later))
    analysis = analyse([Example(Document("d", text), gold)], [predicted], TINY)
    assert sorted(causes(analysis)) == [
        ("mentions", "missed", "ACTOR", None),
        ("mentions", "never predictable", "LOCATION", None),
        ("mentions", "never predictable", "LOCATION", None),
        ("relations", "link missing", "AGENT", None),
        ("relations", "never predictable", "AGENT", None),
        ("relations", "never predictable", "PLACE", None),
    ]


def test_documents_must_pair_up_and_spans_lie_in_the_text() -> None:
    example = Example(Document("d", "Guards left."), Annotation("d"))
    with pytest.raises(DocumentError, match="'d' is in gold but was not predicted"):
        analyse([example], [], TINY)
    beyond = Annotation("d", mentions=(Mention(Span(6, 13), "ACTOR"),))
    with pytest.raises(DocumentError, match=r"'d': ACTOR \[6, 13\) lies outside the text of 12"):
        analyse([example], [beyond], TINY)


def test_excerpt_marks_both_sides_and_leaves_out_what_is_far() -> None:
    text = "The border\n guards left."
    assert excerpt(text, [Span(4, 18)], [Span(12, 18)]) == "The ⟦border ⟪guards⟫⟧ left."
    assert excerpt(text, [Span(12, 24)], []) == "The border ⟦guards left.⟧"
    long = "Guards " + "word " * 60 + "left " + "word " * 60
    marked = excerpt(long, [Span(0, 6), Span(307, 311)], [])
    assert marked.startswith("⟦Guards⟧ᴴ word")
    assert marked.endswith("word…")
    assert "⟦left⟧ᵀ" in marked
    assert marked.count("…") == 2
    assert len(marked) < 270


def test_report_counts_all_cases_and_shows_some(tmp_path: Path) -> None:
    analysis = compare(
        "{ACTOR a1|Guards} *met* {ACTOR a2|drivers} and {ACTOR a3|traders}; "
        "{OBJECT o1|fuel} {MOVEMENT e1|left}.",
        "Guards *met* drivers and traders; {ACTOR a1|fuel} {MOVEMENT e1|left}.",
    )
    report = format_errors(analysis, max_cases=2)
    assert "1 documents, 4 errors." in report
    assert "| mentions | missed | 3 | nothing was predicted there |" in report
    assert "## Mentions: missed (3)" in report
    assert "- `d` **ACTOR**: ⟦Guards⟧ *met* drivers and traders; fuel left." in report
    assert "- and 1 more" in report
    assert "- `d` **OBJECT, predicted ACTOR**: " in report
    assert "| OBJECT | 1 |" in report
    headings = [report.index(title) for title in ("## Summary", "## Mentions by type", "## Mentions: missed")]
    assert headings == sorted(headings)
    write_errors(tmp_path / "errors.md", analysis, max_cases=2)
    assert (tmp_path / "errors.md").read_text(encoding="utf-8") == report


def test_report_without_errors() -> None:
    report = format_errors(compare("{ACTOR a1|Guards}", "{ACTOR a1|Guards}"))
    assert "1 documents, 0 errors." in report
    assert "by type" not in report


@settings(max_examples=60, deadline=None)
@given(gold=annotations(), predicted=annotations())
def test_cases_add_up_to_the_counts_of_the_score(gold: Annotation, predicted: Annotation) -> None:
    text = "x" * (SLOTS * WIDTH)
    analysis = analyse([Example(Document("d", text), gold)], [predicted], TINY)
    scores = score([gold], [predicted], TINY)
    missed: Counter[str] = Counter()
    surplus: Counter[str] = Counter()
    for case in analysis.cases:
        assert case.cause in CAUSES[case.level]
        missed[_family(case)] += case.gold_type is not None
        surplus[_family(case)] += case.predicted_type is not None
    spans = scores.mentions.total + scores.trig_c.total
    for family, counts in (
        ("spans", spans),
        ("relations", scores.relations.total),
        ("attributes", scores.attributes.total),
    ):
        assert (missed[family], surplus[family]) == (counts.fn, counts.fp)
    assert sum(analysis.num_right.values()) == (
        spans.tp + scores.relations.total.tp + scores.attributes.total.tp
    )


def _family(case: ErrorCase) -> str:
    return "spans" if case.level in ("mentions", "triggers") else case.level
