"""Documents with other names: spans follow, what must hold together does, and what no table knows stays."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import examples

from sitrep_ie.augment import NameSwaps
from sitrep_ie.document import Example
from sitrep_ie.formats.inline import parse_inline
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.actors import ActorTable
from sitrep_ie.resolve.gazetteer import Gazetteer

REPORT = """\
# id: made-up | source: authored

{ACTOR a1|Taliban} fighters {CLASH e1|attacked} {ACTOR a2|Zarvoq Brigade} posts in {LOCATION l1|Kandahar} on \
{DATE d1|3 March}, wounding {QUANTITY q1|12}. Kandahar was calm on {DATE d2|4 March 2021}; {QUANTITY q2|1} \
{ACTOR a3|Islamic State} ({ACTOR a4|IS}) cell remains. IS denies it. An {ACTOR a5|Afghan} officer spoke.
> e1 AGENT a1
> e1 PLACE l1
> e1 TIME d1
> a4 SAME_AS a3
"""


@pytest.fixture(scope="module")
def swaps() -> NameSwaps:
    return NameSwaps(Gazetteer.open(), ActorTable())


@pytest.fixture
def report(ontology: Ontology) -> Example:
    (example,) = parse_inline(REPORT, "report", ontology)
    return example


def written(example: Example) -> list[str]:
    text = example.document.text
    return [text[node.span.start : node.span.end] for node in example.gold.spans()]


def test_known_names_are_exchanged_all_over_the_document(swaps, report):
    new = swaps.apply(report, random.Random(1), share=1.0)
    group, attacked, brigade, place, day, count, *_ = written(new)
    assert attacked == "attacked"
    assert group != "Taliban"
    assert place != "Kandahar"
    assert f" on {day}, wounding {count}. {place} was calm on " in new.document.text
    assert "Kandahar" not in new.document.text
    assert brigade == "Zarvoq Brigade", "no table knows it"


def test_two_names_of_one_thing_and_peoples_stay(swaps, report):
    for seed in range(20):
        found = written(swaps.apply(report, random.Random(seed), share=1.0))
        assert found[-3:] == ["Islamic State", "IS", "Afghan"]


def test_months_agree_and_years_stay(swaps, report):
    days = set()
    for seed in range(20):
        found = written(swaps.apply(report, random.Random(seed), share=1.0))
        (first, month), (second, other, year) = found[4].split(), found[6].split()
        assert (first, second, year) == ("3", "4", "2021")
        assert month == other
        days.add(month)
    assert len(days) > 5


def test_numbers_keep_their_length_and_one_stays_one(swaps, report):
    counts = set()
    for seed in range(20):
        found = written(swaps.apply(report, random.Random(seed), share=1.0))
        assert found[7] == "1"
        counts.add(found[5])
    assert len(counts) > 5
    assert {len(count) for count in counts} == {2}
    assert all(count.isdigit() and count[0] != "0" for count in counts)


def test_a_share_of_nothing_changes_no_name(swaps, report):
    new = swaps.apply(report, random.Random(1), share=0.0)
    assert [word for word in written(new) if word != written(new)[5]] == [
        word for word in written(report) if word != "12"
    ]


def test_the_same_seed_gives_the_same_text(swaps, report):
    first, second = (swaps.apply(report, random.Random(7)) for _ in range(2))
    assert first == second
    assert swaps.apply(report, random.Random(8)) != first


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spans_lie_in_the_text_and_only_names_change(swaps, ontology, data):
    example = data.draw(examples(ontology))
    new = swaps.apply(example, random.Random(3), share=1.0)
    new.gold.check(new.document)
    ontology.check(new.gold)
    assert [node.type for node in new.gold.spans()] == [node.type for node in example.gold.spans()]
    changed = {
        node.type
        for node, old, word in zip(example.gold.spans(), written(example), written(new), strict=True)
        if old != word
    }
    assert changed <= {"LOCATION", "ACTOR", "QUANTITY", "DATE", *ontology.event_names}
    # Relations tie the same nodes as before.
    order, new_order = example.gold.spans(), new.gold.spans()
    assert [(new_order.index(r.head), new_order.index(r.tail)) for r in new.gold.relations] == [
        (order.index(r.head), order.index(r.tail)) for r in example.gold.relations
    ]
