from __future__ import annotations

import dataclasses
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Span, Trigger
from sitrep_ie.errors import DocumentError, FormatError, OntologyError
from sitrep_ie.ontology import Ontology
from sitrep_ie.score import Counts, Level, Scores, merge, score, score_examples, summarise
from tests.conftest import TINY_ONTOLOGY

TINY = Ontology.from_dict(TINY_ONTOLOGY, "tiny ontology")


def annotate(
    document_id: str, spans: dict[str, tuple[int, int, str, set[str]] | tuple[int, int, str]], *links: str
) -> Annotation:
    """Spans by a name of their own, links as "head TYPE tail"."""
    nodes: dict[str, Mention | Trigger] = {}
    for name, (start, end, span_type, *attributes) in spans.items():
        if TINY.is_event(span_type):
            held = frozenset(attributes[0]) if attributes else frozenset()
            nodes[name] = Trigger(Span(start, end), span_type, held)
        else:
            nodes[name] = Mention(Span(start, end), span_type)
    parts = [link.split() for link in links]
    return Annotation(
        document_id,
        mentions=tuple(node for node in nodes.values() if isinstance(node, Mention)),
        triggers=tuple(node for node in nodes.values() if isinstance(node, Trigger)),
        relations=tuple(Relation(nodes[head], nodes[tail], name) for head, name, tail in parts),
    )


FIVE_GOLD = [
    annotate(
        "all right",
        {"a": (0, 3, "ACTOR"), "e": (4, 9, "MOVEMENT"), "l": (10, 15, "LOCATION")},
        "e AGENT a",
        "e DESTINATION l",
    ),
    annotate("boundary", {"a": (0, 5, "ACTOR"), "e": (6, 10, "DEATH", {"NEGATED"})}, "e TARGET a"),
    annotate("types", {"e": (0, 4, "MOVEMENT"), "a": (5, 9, "ACTOR")}, "e AGENT a"),
    annotate("role", {"e": (0, 4, "DETENTION", {"PLANNED"}), "a": (5, 9, "ACTOR")}, "e TARGET a"),
    annotate(
        "chain",
        {"a": (0, 3, "ACTOR"), "b": (10, 13, "ACTOR"), "c": (20, 23, "ACTOR"), "q": (30, 33, "QUANTITY")},
        "b SAME_AS a",
        "c SAME_AS a",
        "q QUANTITY_OF c",
    ),
]
FIVE_PREDICTED = [
    annotate(
        "chain",
        {"a": (0, 3, "ACTOR"), "b": (10, 13, "ACTOR"), "c": (20, 23, "ACTOR"), "d": (40, 44, "DATE")},
        "b SAME_AS a",
        "c SAME_AS b",
    ),
    annotate("role", {"e": (0, 4, "DETENTION", {"PLANNED", "RELEASE"}), "a": (5, 9, "ACTOR")}, "e AGENT a"),
    annotate("types", {"e": (0, 4, "AIRSTRIKE"), "o": (5, 9, "OBJECT")}, "e AGENT o"),
    annotate("boundary", {"a": (0, 4, "ACTOR"), "e": (6, 10, "DEATH")}, "e TARGET a"),
    FIVE_GOLD[0],
]
# Counted by hand: (right, predicted wrongly, missed).
FIVE_COUNTS = {
    "mentions": (6, 3, 3),
    "trig_i": (4, 0, 0),
    "trig_c": (3, 1, 1),
    "arg_i": (4, 1, 1),
    "arg_c": (3, 2, 2),
    "arg_c_typed": (2, 3, 3),
    "relations": (4, 3, 4),
    "coref": (3, 0, 0),
    "attributes": (1, 1, 1),
}


def test_five_documents_counted_by_hand() -> None:
    scores = score(FIVE_GOLD, FIVE_PREDICTED, TINY)
    assert scores.num_documents == 5
    assert {name: level.total for name, level in scores.levels().items()} == {
        name: Counts(*counts) for name, counts in FIVE_COUNTS.items()
    }
    assert scores.mentions.precision == scores.mentions.recall == pytest.approx(6 / 9)
    assert scores.relations.precision == pytest.approx(4 / 7)
    assert scores.relations.recall == pytest.approx(4 / 8)
    assert scores.relations.f1 == pytest.approx(8 / 15)


def test_types_are_counted_apart_and_macro_is_over_those_in_gold() -> None:
    scores = score(FIVE_GOLD, FIVE_PREDICTED, TINY)
    assert scores.mentions.by_type == {
        "ACTOR": Counts(5, 1, 2),
        "OBJECT": Counts(0, 1, 0),
        "QUANTITY": Counts(0, 0, 1),
        "DATE": Counts(0, 1, 0),
        "LOCATION": Counts(1, 0, 0),
    }
    # ACTOR 10/13, QUANTITY 0, LOCATION 1; OBJECT and DATE occur in prediction only.
    assert scores.mentions.macro_f1 == pytest.approx((10 / 13 + 0 + 1) / 3)
    assert scores.relations.by_type == {
        "AGENT": Counts(2, 1, 0),
        "TARGET": Counts(0, 1, 2),
        "DESTINATION": Counts(1, 0, 0),
        "QUANTITY_OF": Counts(0, 0, 1),
        "SAME_AS": Counts(1, 1, 1),
    }
    assert list(scores.trig_c.by_type) == ["MOVEMENT", "AIRSTRIKE", "DETENTION", "DEATH"]
    assert scores.trig_i.by_type == {}
    assert scores.trig_i.macro_f1 == scores.trig_i.f1 == 1.0


def test_direction_of_a_relation_counts_but_not_in_coreference() -> None:
    spans = {"a": (0, 3, "ACTOR"), "b": (4, 7, "ACTOR")}
    gold, predicted = annotate("d", spans, "b SAME_AS a"), annotate("d", spans, "a SAME_AS b")
    scores = score([gold], [predicted], TINY)
    assert scores.relations.total == Counts(0, 1, 1)
    assert scores.coref.total == Counts(1, 0, 0)


def test_two_roles_of_one_pair_are_one_argument_at_arg_i() -> None:
    spans = {"e": (0, 3, "MOVEMENT"), "a": (4, 7, "ACTOR")}
    gold, predicted = annotate("d", spans, "e AGENT a"), annotate("d", spans, "e AGENT a", "e THEME a")
    scores = score([gold], [predicted], TINY)
    assert scores.arg_i.total == Counts(1, 0, 0)
    assert scores.arg_c.total == Counts(1, 1, 0)


def test_nothing_to_find_and_nothing_found_is_no_error() -> None:
    empty = score([Annotation("d")], [Annotation("d")], TINY)
    assert empty.mentions.f1 == empty.mentions.macro_f1 == 1.0
    spurious = score([Annotation("d")], [annotate("d", {"a": (0, 3, "ACTOR")})], TINY)
    assert (spurious.mentions.precision, spurious.mentions.recall, spurious.mentions.f1) == (0.0, 0.0, 0.0)
    missed = score([annotate("d", {"a": (0, 3, "ACTOR")})], [Annotation("d")], TINY)
    assert (missed.mentions.precision, missed.mentions.recall, missed.mentions.f1) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        (["a", "b", "c"], ["a"], r"'b' \(and 1 more\) is in gold but was not predicted"),
        (["a"], ["a", "b"], r"'b' is predicted but not in gold"),
        (["a", "a"], ["a"], r"'a' occurs twice among the gold"),
        (["a"], ["a", "a"], r"'a' occurs twice among the predicted"),
    ],
)
def test_documents_must_pair_up(gold: list[str], predicted: list[str], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        score([Annotation(key) for key in gold], [Annotation(key) for key in predicted], TINY)


def test_texts_must_be_the_same_to_compare_offsets() -> None:
    def example(text: str, *mentions: Mention) -> Example:
        return Example(Document("d", text), Annotation("d", mentions))

    gold = example("Guards left.", Mention(Span(0, 6), "ACTOR"))
    assert score_examples([gold], [gold], TINY) == score([gold.gold], [gold.gold], TINY)
    with pytest.raises(DocumentError, match="'d': gold and predicted text differ from character 7 on"):
        score_examples([gold], [example("Guards  left.")], TINY)
    with pytest.raises(DocumentError, match="from character 12 on"):
        score_examples([gold], [example("Guards left..")], TINY)
    with pytest.raises(DocumentError, match="'d' is predicted but not in gold"):
        score_examples([], [gold], TINY)


def test_a_type_of_another_ontology_is_refused() -> None:
    foreign = Annotation("d", mentions=(Mention(Span(0, 3), "WEAPON"),))
    with pytest.raises(OntologyError, match="'WEAPON'"):
        score([Annotation("d")], [foreign], TINY)


def test_dict_form_reads_back_and_refuses_what_is_not_scores() -> None:
    scores = score(FIVE_GOLD, FIVE_PREDICTED, TINY)
    raw = scores.to_dict()
    assert raw["mentions"]["f1"] == scores.mentions.f1
    assert raw["mentions"]["types"]["ACTOR"]["tp"] == 5
    assert Scores.from_dict(raw) == scores
    with pytest.raises(FormatError, match="s.json: expected exactly the keys"):
        Scores.from_dict({**raw, "extra": {}}, "s.json")
    with pytest.raises(FormatError, match="s.json: num_documents: -1"):
        Scores.from_dict({**raw, "num_documents": -1}, "s.json")
    with pytest.raises(FormatError, match="s.json: coref: expected counts"):
        Scores.from_dict({**raw, "coref": {}}, "s.json")
    broken = {**raw["mentions"], "types": {"ACTOR": {"tp": 1}}}
    with pytest.raises(FormatError, match="s.json: mentions.ACTOR: expected the counts"):
        Scores.from_dict({**raw, "mentions": broken}, "s.json")


def test_table_shows_per_cent_and_counts() -> None:
    table = score(FIVE_GOLD, FIVE_PREDICTED, TINY).table()
    rows = {line[:20].strip(): line[20:].split() for line in table.splitlines()[2:]}
    assert rows["Mentions"] == ["66.7", "66.7", "66.7", "59.0", "9", "9", "6"]
    assert rows["Arg-C, ends typed"][-3:] == ["5", "5", "2"]
    assert rows["QUANTITY_OF"] == ["0.0", "0.0", "0.0", "1", "0", "0"]
    short = score([Annotation("d")], [Annotation("d")], TINY).table(types=False)
    assert short.splitlines()[2].split() == ["Mentions", "-", "-", "-", "-", "0", "0", "0"]


def test_merging_adds_counts_and_equals_scoring_at_once() -> None:
    by_id = {annotation.document_id: annotation for annotation in FIVE_PREDICTED}
    parts = [score([gold], [by_id[gold.document_id]], TINY) for gold in FIVE_GOLD]
    whole = score(FIVE_GOLD, FIVE_PREDICTED, TINY)
    assert merge(parts) == whole
    with pytest.raises(DocumentError, match="at least one"):
        merge([])


def test_summary_over_seeds() -> None:
    runs = [score(FIVE_GOLD, FIVE_PREDICTED, TINY), score(FIVE_GOLD, FIVE_GOLD, TINY)]
    trig_c = summarise(runs)["trig_c"]["f1"]
    assert trig_c.mean == pytest.approx((0.75 + 1) / 2)
    assert trig_c.sd == pytest.approx(0.25 / 2**0.5)
    assert str(trig_c) == "87.5 ± 17.7"
    alone = summarise(runs[:1])["trig_c"]["f1"]
    assert alone.sd is None
    assert str(alone) == "75.0"
    with pytest.raises(DocumentError, match="different gold"):
        summarise([runs[0], score(FIVE_GOLD[:1], FIVE_GOLD[:1], TINY)])
    with pytest.raises(DocumentError, match="at least one run"):
        summarise([])


# ---- properties ----

SLOTS = 8
WIDTH = 6
# One slot of a text: nothing, or a type, a length and attributes (of a trigger).
slot = st.one_of(
    st.none(),
    st.tuples(
        st.sampled_from(TINY.span_types),
        st.integers(1, WIDTH),
        st.frozensets(st.sampled_from(TINY.attributes)),
    ),
)


@st.composite
def annotations(draw: st.DrawFn, document_id: str = "d") -> Annotation:
    mentions, triggers = [], []
    for i, filled in enumerate(draw(st.lists(slot, max_size=SLOTS))):
        if filled is None:
            continue
        span_type, length, attributes = filled
        span = Span(i * WIDTH, i * WIDTH + length)
        if TINY.is_event(span_type):
            triggers.append(Trigger(span, span_type, attributes))
        else:
            mentions.append(Mention(span, span_type))
    nodes = [*mentions, *triggers]
    links = [
        Relation(head, tail, name)
        for head in nodes
        for tail in nodes
        if head is not tail
        for name in sorted(TINY.allowed(head.type, tail.type))
    ]
    kept = draw(st.lists(st.sampled_from(links), max_size=6, unique=True)) if links else []
    return Annotation(document_id, tuple(mentions), tuple(triggers), tuple(kept))


@settings(max_examples=60, deadline=None)
@given(gold=annotations())
def test_gold_against_itself_is_perfect(gold: Annotation) -> None:
    for level in score([gold], [gold], TINY).levels().values():
        assert level.precision == level.recall == level.f1 == level.macro_f1 == 1.0


@settings(max_examples=60, deadline=None)
@given(gold=annotations(), predicted=annotations(), length=st.integers(1, 5))
def test_a_wrong_prediction_never_raises_precision(
    gold: Annotation, predicted: Annotation, length: int
) -> None:
    before = score([gold], [predicted], TINY)
    beyond = Span(SLOTS * WIDTH, SLOTS * WIDTH + length)  # where gold has nothing
    trigger, mention = Trigger(beyond, "DEATH", frozenset({"NEGATED"})), Mention(beyond, "ACTOR")
    worse = dataclasses.replace(
        predicted,
        mentions=(*predicted.mentions, mention),
        triggers=(*predicted.triggers, trigger),
        relations=(*predicted.relations, Relation(trigger, mention, "TARGET")),
    )
    after = score([gold], [worse], TINY)
    for name, level in after.levels().items():
        assert level.precision <= before.levels()[name].precision
        assert level.f1 <= before.levels()[name].f1


@settings(max_examples=60, deadline=None)
@given(gold=annotations(), predicted=annotations())
def test_repeating_a_prediction_changes_nothing(gold: Annotation, predicted: Annotation) -> None:
    twice = Annotation(
        predicted.document_id, predicted.mentions * 2, predicted.triggers * 2, predicted.relations * 2
    )
    assert score([gold], [twice], TINY) == score([gold], [predicted], TINY)


@settings(max_examples=60, deadline=None)
@given(gold=annotations(), predicted=annotations())
def test_swapping_the_sides_swaps_precision_and_recall(gold: Annotation, predicted: Annotation) -> None:
    forth, back = score([gold], [predicted], TINY), score([predicted], [gold], TINY)
    for name, level in forth.levels().items():
        assert level.precision == back.levels()[name].recall
        assert level.f1 == back.levels()[name].f1


@settings(max_examples=60, deadline=None)
@given(gold=annotations(), predicted=annotations())
def test_mentions_agree_with_seqeval(gold: Annotation, predicted: Annotation) -> None:
    with warnings.catch_warnings():  # seqeval warns where a quotient is 0/0, and numpy on its behalf
        warnings.simplefilter("ignore")
        from seqeval.metrics import classification_report
        from seqeval.scheme import IOB2

        if not gold.mentions or not predicted.mentions:
            return  # seqeval's 0/0 is 0 where nothing was asked; ours is tested above
        report = classification_report(
            [_bio(gold)], [_bio(predicted)], mode="strict", scheme=IOB2, output_dict=True, zero_division=0
        )
    level = score([gold], [predicted], TINY).mentions
    _agree(level.total, report["micro avg"])
    for name in {mention.entity_type for mention in gold.mentions}:
        _agree(level.by_type[name], report[name])


def _agree(counts: Counts, theirs: dict[str, float]) -> None:
    assert counts.precision == pytest.approx(theirs["precision"])
    assert counts.recall == pytest.approx(theirs["recall"])
    assert counts.f1 == pytest.approx(theirs["f1-score"])
    assert counts.num_gold == theirs["support"]


def _bio(annotation: Annotation) -> list[str]:
    """One tag per character."""
    tags = ["O"] * (SLOTS * WIDTH)
    for mention in annotation.mentions:
        tags[mention.span.start : mention.span.end] = ["I-" + mention.entity_type] * len(mention.span)
        tags[mention.span.start] = "B-" + mention.entity_type
    return tags


def test_level_sum_keeps_types_of_both_sides() -> None:
    total = Level(Counts(1, 0, 0), {"A": Counts(1, 0, 0)}) + Level(Counts(0, 1, 0), {"B": Counts(0, 1, 0)})
    assert total == Level(Counts(1, 1, 0), {"A": Counts(1, 0, 0), "B": Counts(0, 1, 0)})
