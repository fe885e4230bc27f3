"""Calibration error, counted by hand: bins, and what is judged right in annotations and in records."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.document import (
    ActorArgument,
    AmountArgument,
    Annotation,
    Document,
    Event,
    EventTime,
    Mention,
    ObjectArgument,
    PlaceArgument,
    Quantity,
    Relation,
    Report,
    Span,
    Trigger,
    TriggerText,
)
from sitrep_ie.errors import DependencyError, DocumentError
from sitrep_ie.formats.inline import parse_inline
from sitrep_ie.ontology import Ontology
from sitrep_ie.score import (
    Bin,
    judge_annotations,
    judge_reports,
    reliability,
    reliability_dict,
    reliability_table,
)

# ---- bins ----


def test_two_bins_by_hand() -> None:
    judged = [(0.9, True), (0.2, False), (0.8, True), (0.4, True), (0.7, False), (0.3, False)]
    found = reliability(judged, num_bins=2)
    assert found.bins == (
        Bin(3, pytest.approx(0.3), pytest.approx(1 / 3)),
        Bin(3, pytest.approx(0.8), pytest.approx(2 / 3)),
    )
    # 1/2 * |0.3 - 1/3| + 1/2 * |0.8 - 2/3|
    assert found.ece == pytest.approx(0.5 * (1 / 30) + 0.5 * (2 / 15))
    assert found.num == 6
    assert found.mean_score == pytest.approx(3.3 / 6)
    assert found.share_right == pytest.approx(0.5)


def test_bins_that_do_not_divide_evenly_weigh_by_their_size() -> None:
    found = reliability([(0.1, False), (0.2, False), (0.6, True), (0.7, True), (0.9, False)], num_bins=2)
    assert [part.num for part in found.bins] == [2, 3]
    # 2/5 * |0.15 - 0| + 3/5 * |2.2/3 - 2/3|
    assert found.ece == pytest.approx(0.4 * 0.15 + 0.6 * (0.2 / 3))


def test_one_score_across_bins_is_right_as_often_in_all() -> None:
    found = reliability([(0.5, True), (0.5, False), (0.5, True), (0.5, False)], num_bins=2)
    assert found.bins == (Bin(2, 0.5, 0.5), Bin(2, 0.5, 0.5))
    assert found.ece == 0.0


def test_fewer_predictions_than_bins_and_none() -> None:
    assert [part.num for part in reliability([(0.5, True), (0.6, False)]).bins] == [1, 1]
    empty = reliability([])
    assert (empty.num, empty.ece, empty.mean_score, empty.share_right, empty.bins) == (0, 0.0, 0.0, 0.0, ())
    with pytest.raises(DocumentError, match="num_bins 0: expected at least 1"):
        reliability([(0.5, True)], num_bins=0)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]), st.booleans()), max_size=40))
@settings(max_examples=100)
def test_order_is_no_matter_and_one_bin_is_the_least(judged: list[tuple[float, bool]]) -> None:
    shuffled = list(judged)
    random.Random(1).shuffle(shuffled)
    assert reliability(shuffled) == reliability(judged)
    one = reliability(judged, num_bins=1)
    if judged:
        gap = sum(score for score, _ in judged) - sum(right for _, right in judged)
        assert one.ece == pytest.approx(abs(gap) / len(judged))
    assert one.ece <= reliability(judged).ece + 1e-12 <= 1 + 1e-12


def test_sure_and_wrong_is_the_worst() -> None:
    assert reliability([(1.0, False)] * 25).ece == 1.0
    assert reliability([(1.0, True)] * 25 + [(0.0, False)] * 25).ece == 0.0


def test_table_and_json() -> None:
    judged = {"mentions": [(0.9, True), (0.7, False)], "records": []}
    lines = reliability_table(judged).splitlines()
    assert lines[0].split() == ["Calibration", "ECE", "score", "right", "pred."]
    # A bin each: |0.7 - 0| / 2 + |0.9 - 1| / 2
    assert lines[1].split() == ["Mentions", "0.400", "0.800", "0.500", "2"]
    assert lines[2].split() == ["Event", "records", "-", "-", "-", "0"]
    plain = reliability_dict(judged)
    assert plain["records"] == {"num": 0, "mean_score": 0.0, "share_right": 0.0, "ece": 0.0, "bins": []}
    assert plain["mentions"]["bins"] == [
        {"num": 1, "mean_score": 0.7, "share_right": 0.0},
        {"num": 1, "mean_score": 0.9, "share_right": 1.0},
    ]


# ---- annotations ----


def test_annotations_by_hand(ontology: Ontology) -> None:
    men, town = Mention(Span(0, 3), "ACTOR"), Mention(Span(12, 16), "LOCATION")
    ran = Trigger(Span(4, 7), "MOVEMENT", frozenset({"NEGATED"}))
    gold = Annotation(
        "d", (men, town), (ran,), (Relation(ran, men, "AGENT"), Relation(ran, town, "DESTINATION"))
    )
    found_men, found_town = Mention(Span(0, 3), "ACTOR", 0.9), Mention(Span(12, 16), "OBJECT", 0.8)
    more = Mention(Span(8, 10), "QUANTITY", 0.6)
    found_ran = Trigger(
        Span(4, 7),
        "MOVEMENT",
        frozenset({"NEGATED", "PLANNED"}),
        0.7,
        (("NEGATED", 0.95), ("PLANNED", 0.55), ("AGGREGATE", 0.05)),
    )
    predicted = Annotation(
        "d",
        (found_men, more, found_town),
        (found_ran,),
        (
            Relation(found_ran, found_men, "AGENT", 0.85),
            Relation(found_ran, found_town, "THEME", 0.65),
            Relation(more, found_town, "QUANTITY_OF", 0.5),
        ),
    )
    assert judge_annotations([gold], [predicted], ontology) == {
        "mentions": [(0.9, True), (0.6, False), (0.8, False)],
        "triggers": [(0.7, True)],
        "arguments": [(0.85, True), (0.65, False)],
        "other_relations": [(0.5, False)],
        "attributes": [(0.95, True), (0.55, False)],
        "attribute_scores": [(0.95, True), (0.55, False), (0.05, False)],
    }


def test_a_trigger_of_the_wrong_type_is_wrong_and_its_links_are_not(ontology: Ontology) -> None:
    men, ran = Mention(Span(0, 3), "ACTOR"), Trigger(Span(4, 7), "MOVEMENT")
    other = Trigger(Span(4, 7), "PATROL", score=0.6)
    gold = Annotation("d", (men,), (ran,), (Relation(ran, men, "AGENT"),))
    predicted = Annotation("d", (men,), (other,), (Relation(other, men, "AGENT", 0.7),))
    found = judge_annotations([gold], [predicted], ontology)
    assert (found["triggers"], found["arguments"]) == ([(0.6, False)], [(0.7, True)])


def test_documents_are_paired_by_id(ontology: Ontology) -> None:
    a, b = Annotation("a", (Mention(Span(0, 3), "ACTOR", 0.6),)), Annotation("b")
    found = judge_annotations([b, a], [a, b], ontology)
    assert found["mentions"] == [(0.6, True)]
    with pytest.raises(DocumentError, match="'b' is in gold but was not predicted"):
        judge_annotations([a, b], [a], ontology)


# ---- records ----

TEXT = "On 3 May guards sent trucks to Karsk; the Guard left."


def span_of(text: str) -> Span:
    return Span(TEXT.index(text), TEXT.index(text) + len(text))


def event(number: int, event_type: str, trigger: str, score: float = 1.0, **values: Any) -> Event:
    values.setdefault("time", EventTime(None, None, None, "unknown"))
    triggers = (TriggerText(trigger, span_of(trigger)),)
    return Event(f"e{number}", event_type, score, triggers, "actual", evidence=(Span(0, 36),), **values)


def actor(role: str, text: str, score: float = 1.0) -> ActorArgument:
    return ActorArgument(role, text, span_of(text), text, "unknown", None, None, (), None, score)


def thing(role: str, text: str, score: float = 1.0) -> ObjectArgument:
    return ObjectArgument(role, text, span_of(text), None, score)


def place(role: str, text: str, score: float = 1.0) -> PlaceArgument:
    return PlaceArgument(role, text, span_of(text), (), None, None, None, None, None, "unresolved", score)


def report(*events: Event, same_as: tuple[str, str] | None = None) -> Report:
    mentions, relations = (), ()
    if same_as:
        mentions = tuple(Mention(span_of(text), "ACTOR") for text in same_as)
        relations = (Relation(mentions[1], mentions[0], "SAME_AS"),)
    return Report(Document("d", TEXT), Annotation("d", mentions, (), relations), events)


GOLD_EVENT = event(
    1,
    "MOVEMENT",
    "sent",
    actors=(actor("agent", "guards"),),
    objects=(thing("theme", "trucks"),),
    places=(place("destination", "Karsk"),),
)


def test_records_and_arguments_by_hand() -> None:
    found = judge_reports(
        [report(GOLD_EVENT)],
        [
            report(
                event(
                    1,
                    "MOVEMENT",
                    "sent",
                    0.9,
                    actors=(actor("agent", "guards", 0.8), actor("reporter", "guards", 0.3)),
                    objects=(thing("theme", "trucks", 0.7),),
                    places=(place("at", "Karsk", 0.6),),
                    amounts=(AmountArgument("theme", "3", span_of("3"), Quantity(3, 3, 3, "exact"), 0.2),),
                ),
                event(2, "PATROL", "left", 0.4, actors=(actor("agent", "guards", 0.5),)),
            )
        ],
    )
    assert found == {
        "records": [(0.9, True), (0.4, False)],
        "record_arguments": [
            (0.8, True),
            (0.3, False),  # the right party in another role
            (0.7, True),
            (0.6, False),  # the right place in another role
            (0.2, False),
            (0.5, False),  # the right party of a record that is wrong
        ],
        "record_actors": [(0.8, True), (0.3, False), (0.5, False)],
        "record_objects": [(0.7, True)],
        "record_places": [(0.6, False)],
        "record_amounts": [(0.2, False)],
    }


def test_one_gold_record_makes_one_right() -> None:
    twice = report(
        event(1, "MOVEMENT", "sent", 0.9, actors=(actor("agent", "guards"),)),
        event(2, "MOVEMENT", "left", 0.6, actors=(actor("agent", "Guard"),)),
    )
    assert judge_reports([report(GOLD_EVENT)], [twice])["records"] == [(0.9, True), (0.6, False)]


def test_another_mention_of_the_entity_is_right_where_gold_ties_the_two() -> None:
    predicted = report(replace(GOLD_EVENT, actors=(actor("agent", "Guard", 0.7),)))
    tied = report(GOLD_EVENT, same_as=("guards", "Guard"))
    assert judge_reports([tied], [predicted])["record_actors"] == [(0.7, True)]
    assert judge_reports([report(GOLD_EVENT)], [predicted])["record_actors"] == [(0.7, False)]


def test_sub_events_are_records_too(ontology: Ontology) -> None:
    (example,) = parse_inline(
        "# id: d\n{ACTOR a1|Men} {RAID e1|raided} {LOCATION l1|Karsk}; one {DEATH e2|died}.\n"
        "> e1 AGENT a1\n> e1 TARGET l1\n> e2 SUBEVENT_OF e1\n",
        "test",
        ontology,
    )
    gold = assemble(example.document, example.gold, ontology, Resolvers.none())
    assert judge_reports([gold], [gold])["records"] == [(1.0, True), (1.0, True)]


def test_records_need_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(DependencyError, match="scipy"):
        judge_reports([report(GOLD_EVENT)], [report(GOLD_EVENT)])
