"""Reports without what is less sure than asked: what goes, what stays, and that nothing dangles."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.calibration import Calibration, ScoreMap
from sitrep_ie.cli import main
from sitrep_ie.document import Annotation, Document, Event, Example, Report
from sitrep_ie.errors import ConfigError
from sitrep_ie.extractor import Extractor
from sitrep_ie.formats.inline import parse_inline
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.dates import resolve_date
from sitrep_ie.resolve.quantities import bare_count, resolve_quantity
from tests import strategies
from tests.conftest import ROOT

SHIPPED = Ontology.load(ROOT / "configs" / "ontology.toml")
RESOLVERS = replace(Resolvers.none(), date=resolve_date, quantity=resolve_quantity, bare_count=bare_count)


def scored(inline: str, scores: dict[str, float]) -> tuple[Document, Annotation]:
    """An annotation with the scores of spans by their text, and of links as "head TYPE tail"; else 1."""
    (example,) = parse_inline(f"# id: made-up | published: 2031-05-10\n{inline}", "test", SHIPPED)
    text, gold, left = example.document.text, example.gold, dict(scores)

    def words(node: Any) -> str:
        return text[node.span.start : node.span.end]

    nodes = {node: replace(node, score=left.pop(words(node), 1.0)) for node in gold.spans()}
    relations = tuple(
        replace(
            link,
            head=nodes[link.head],
            tail=nodes[link.tail],
            score=left.pop(f"{words(link.head)} {link.relation_type} {words(link.tail)}", 1.0),
        )
        for link in gold.relations
    )
    assert not left, f"no such span or link: {left}"
    return example.document, Annotation(
        gold.document_id,
        tuple(nodes[mention] for mention in gold.mentions),
        tuple(nodes[trigger] for trigger in gold.triggers),
        relations,
    )


def sure(inline: str, scores: dict[str, float], min_score: float, **options: Any) -> Report:
    return assemble(*scored(inline, scores), SHIPPED, RESOLVERS, min_score=min_score, **options)


RAID = """\
On {DATE d1|May 3} {ACTOR a1|police} {RAID e1|raided} {LOCATION l1|Karsk}, {DETENTION e2|taking} \
{QUANTITY q1|six} {ACTOR a2|men}; {QUANTITY q2|two} {ACTOR a3|guards} {DEATH e3|died} and a {OBJECT o1|mill} \
{DAMAGE e4|burned}, {ACTOR a4|neighbours} said.
> e1 AGENT a1
> e1 TARGET l1
> e1 TIME d1
> e1 REPORTER a4
> e2 SUBEVENT_OF e1
> e2 TARGET a2
> q1 QUANTITY_OF a2
> e3 SUBEVENT_OF e2
> e3 TARGET a3
> q2 QUANTITY_OF a3
> e4 SUBEVENT_OF e1
> e4 TARGET o1"""


def test_everything_is_above_nothing() -> None:
    raid, detention, death, damage = sure(RAID, {}, 0.0).events
    assert sure(RAID, {}, 1.0).events == (raid, detention, death, damage)
    assert raid.outcomes.detained is not None
    assert raid.outcomes.killed is not None
    assert (raid.outcomes.detained.best, raid.outcomes.killed.best) == (6, 2)


def test_events_below_go_with_their_triggers_and_links_and_keep_ids() -> None:
    report = sure(RAID, {"taking": 0.4}, 0.5)
    assert [(event.id, event.type) for event in report] == [("e1", "RAID"), ("e3", "DEATH"), ("e4", "DAMAGE")]
    text = report.document.text
    assert [text[t.span.start : t.span.end] for t in report.annotation.triggers] == [
        "raided",
        "died",
        "burned",
    ]
    types = [relation.relation_type for relation in report.annotation.relations]
    assert types.count("SUBEVENT_OF") == 1  # burned -> raided; both others had taking at an end
    assert types.count("QUANTITY_OF") == 2
    # The men are still mentioned, with their number.
    assert len(report.annotation.mentions) == len(sure(RAID, {}, 0.0).annotation.mentions)


def test_the_score_itself_is_enough() -> None:
    assert [event.id for event in sure(RAID, {"taking": 0.5}, 0.5)] == ["e1", "e2", "e3", "e4"]


def test_children_of_an_event_that_went_belong_to_the_one_above() -> None:
    raid, death, damage = sure(RAID, {"taking": 0.4}, 0.5).events
    assert (raid.children, death.parent, damage.parent) == (("e3", "e4"), "e1", "e1")
    # What it inherited it keeps; what the event that went told of the whole, the whole no longer tells.
    assert str(death.time.start) == "2031-05-03"
    assert raid.outcomes.detained is None
    assert raid.outcomes.killed is not None
    assert raid.outcomes.killed.best == 2
    (detention, *_) = sure(RAID, {"raided": 0.4}, 0.5).events
    assert (detention.id, detention.parent, detention.children) == ("e2", None, ("e3",))
    assert str(detention.time.start) == "2031-05-03"
    # A place that it had from there was no surer than the event above.
    assert detention.places == ()


def test_arguments_below_go_with_their_links() -> None:
    report = sure(RAID, {"raided AGENT police": 0.4, "raided REPORTER neighbours": 0.4}, 0.5)
    assert report.events[0].actors == ()
    assert [place.text for place in report.events[0].places] == ["Karsk"]
    types = {relation.relation_type for relation in report.annotation.relations}
    assert not types & {"AGENT", "REPORTER"}
    assert "TIME" in types


def test_an_argument_is_as_sure_as_trigger_link_and_mention_together() -> None:
    scores = {"raided": 0.8, "raided AGENT police": 0.8, "police": 0.8}
    assert [a.text for a in sure(RAID, scores, 0.51).events[0].actors] == ["police", "neighbours"]
    assert [a.text for a in sure(RAID, scores, 0.52).events[0].actors] == ["neighbours"]


def test_people_and_things_that_went_are_no_outcome() -> None:
    report = sure(RAID, {"died TARGET guards": 0.4, "burned TARGET mill": 0.4}, 0.5)
    raid, _, death, damage = report.events
    assert (death.actors, damage.objects) == ((), ())
    assert raid.outcomes.killed is None
    assert raid.outcomes.damaged == damage.outcomes.damaged == ()
    assert raid.outcomes.detained is not None
    assert raid.outcomes.detained.best == 6


def test_amounts_and_places_go_too() -> None:
    inline = (
        "{ACTOR a1|Norland} {AID e1|pledged} {QUANTITY q1|$3 million} in {LOCATION l1|Karsk}.\n"
        "> e1 AGENT a1\n> e1 THEME q1\n> e1 PLACE l1"
    )
    (event,) = sure(inline, {"$3 million": 0.3, "Karsk": 0.3}, 0.5).events
    assert (event.amounts, event.places, len(event.actors)) == ((), (), 1)
    assert len(sure(inline, {}, 0.5).events[0].amounts) == 1


def test_a_place_tied_to_nothing_goes_with_its_mention() -> None:
    inline = "{ACTOR a1|Police} {RAID e1|raided} a farm in {LOCATION l1|Karsk}.\n> e1 AGENT a1"
    assert [p.score for p in sure(inline, {"Karsk": 0.8, "raided": 0.5}, 0.0).events[0].places] == [0.4]
    assert sure(inline, {"Karsk": 0.4}, 0.5).events[0].places == ()


def test_an_argument_with_several_mentions_is_as_sure_as_the_surest() -> None:
    inline = (
        "The {ACTOR a1|Orm Relief Committee} ({ACTOR a2|ORC}) {AID e1|delivered} bread.\n"
        "> a2 SAME_AS a1\n> e1 AGENT a1\n> e1 AGENT a2"
    )
    scores = {"Orm Relief Committee": 0.3, "ORC": 0.7}
    (event,) = sure(inline, scores, 0.5).events
    assert [(actor.text, actor.score) for actor in event.actors] == [("Orm Relief Committee", 0.7)]
    report = sure(inline, scores, 0.8)
    assert report.events[0].actors == ()
    assert [relation.relation_type for relation in report.annotation.relations] == ["SAME_AS"]


TOTAL = """\
In May {ACTOR a1|police} carried out {QUANTITY q1|three} {RAID e1|raids}.
> e1 AGENT a1
> e1 COUNT q1
> e1 IS AGGREGATE

{DATE d1|May 3}: {ACTOR a1|police} {RAID e1|stormed} a farm.
> e1 AGENT a1
> e1 TIME d1

{DATE d1|May 4}: {ACTOR a1|police} {RAID e1|searched} a mill.
> e1 AGENT a1
> e1 TIME d1

{DATE d1|May 5}: {ACTOR a1|police} {RAID e1|combed} a yard.
> e1 AGENT a1
> e1 TIME d1"""


def test_totals_are_of_the_items_that_stay() -> None:
    total = sure(TOTAL, {}, 0.5).events[0]
    assert total.items == ("e2", "e3", "e4")
    assert total.reconciliation is not None
    assert (total.reconciliation.summed, total.reconciliation.agrees) == (3, True)
    total = sure(TOTAL, {"searched": 0.4}, 0.5).events[0]
    assert total.items == ("e2", "e4")
    assert total.reconciliation is not None
    assert (total.reconciliation.stated, total.reconciliation.summed) == (3, 2)
    assert total.reconciliation.agrees is False
    none = sure(TOTAL, {"stormed": 0.4, "searched": 0.4, "combed": 0.4}, 0.5).events[0]
    assert (none.items, none.reconciliation) == ((), None)


def test_an_item_whose_agent_went_stays_an_item() -> None:
    total, *items = sure(TOTAL, {"searched AGENT police": 0.4}, 0.5).events
    assert items[1].actors == ()
    assert total.items == ("e2", "e3", "e4")


def test_the_bar_is_for_calibrated_scores() -> None:
    calibration = Calibration({"event": ScoreMap(1.0, -math.log(9))})  # 0.9 becomes 1/2
    report = sure(RAID, {"taking": 0.85, "died": 0.95}, 0.5, calibration=calibration)
    assert [event.id for event in report] == ["e1", "e3", "e4"]
    assert all(event.score >= 0.5 for event in report)
    arguments = Calibration({"argument": ScoreMap(1.0, -math.log(9))})
    weak = sure(RAID, {"raided AGENT police": 0.85}, 0.5, calibration=arguments)
    assert [actor.text for actor in weak.events[0].actors] == ["neighbours"]


def plain(event: Event) -> Event:
    """What the bar must not change."""
    return replace(
        event,
        actors=(),
        objects=(),
        places=(),
        amounts=(),
        outcomes=type(event.outcomes)(),
        parent=None,
        children=(),
        items=(),
        reconciliation=None,
        evidence=(),
    )


CLASSES = ("actors", "objects", "places", "amounts")


@given(strategies.examples(SHIPPED), st.floats(0.01, 1))
@settings(max_examples=60, deadline=None)
def test_nothing_dangles(example: Example, min_score: float) -> None:
    calibration = Calibration({"event": ScoreMap(0.7, 0.4), "argument": ScoreMap(0.6, 0.8)})

    def run(bar: float) -> Report:
        return assemble(example.document, example.gold, SHIPPED, RESOLVERS, calibration, min_score=bar)

    complete, report = run(0.0), run(min_score)
    by_id = {event.id: event for event in report}
    before = {event.id: event for event in complete}
    assert list(by_id) == [event.id for event in complete if event.score >= min_score]
    for event in report:
        old = before[event.id]
        assert plain(event) == plain(old)
        for name in CLASSES:
            kept = [item for item in getattr(old, name) if item.score >= min_score]
            assert list(getattr(event, name)) == kept
        for thing in (*event.outcomes.damaged, *event.outcomes.seized):
            assert thing.score >= min_score
        assert all(event.id == by_id[child].parent for child in event.children)
        assert event.parent is None or event.id in by_id[event.parent].children
        assert set(event.items) <= set(by_id) - {event.id}
        assert (event.reconciliation is None) == (not event.items)
        assert event.evidence
        assert all(any(whole.contains(part) for whole in old.evidence) for part in event.evidence)
    triggers = {trigger.span for event in report for trigger in event.triggers}
    assert {trigger.span for trigger in report.annotation.triggers} == triggers
    assert report.annotation.mentions == complete.annotation.mentions
    report.annotation.check(example.document)
    raw = report.to_dict()
    assert Report.from_dict(raw).to_dict() == raw


@given(strategies.examples(SHIPPED))
@settings(max_examples=30, deadline=None)
def test_a_bar_under_all_scores_changes_nothing(example: Example) -> None:
    scores = [*example.gold.spans(), *example.gold.relations]
    if all(item.score > 1e-3 for item in scores):
        whole, report = (
            assemble(example.document, example.gold, SHIPPED, RESOLVERS, min_score=bar)
            for bar in (0.0, 1e-10)
        )
        assert report == whole


# ---- how it is asked for ----

BAD = [-0.1, 1.1, math.nan, math.inf, True, "0.5", None]


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_a_bar_that_is_no_score(tiny_extractor: Extractor, value: Any) -> None:
    message = f"min_score {value!r}: expected a number from 0 to 1"
    for call in (
        lambda: tiny_extractor.extract("Men left.", min_score=value),
        lambda: next(tiny_extractor.extract_many(["Men left."], min_score=value)),
        lambda: sure(RAID, {}, value),
    ):
        with pytest.raises(ConfigError) as caught:
            call()
        assert str(caught.value) == message


def test_extractor_leaves_out_what_is_unsure(tiny_extractor: Extractor, tiny_examples: list[Example]) -> None:
    document = tiny_examples[1].document
    whole = tiny_extractor.extract(document)
    bar = sorted(event.score for event in whole)[1]
    report = tiny_extractor.extract(document, min_score=bar)
    assert [event.id for event in report] == [event.id for event in whole if event.score >= bar]
    assert 0 < len(report.events) < len(whole.events)
    assert next(tiny_extractor.extract_many([document], min_score=bar)) == report


def test_command(
    tiny_model_path: Path, tiny_examples: list[Example], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "report.txt"
    text.write_bytes(tiny_examples[1].document.text.encode())
    command = ["extract", str(text), "--model", str(tiny_model_path), "--device", "cpu", "--format", "json"]
    assert main(command) == 0
    whole = json.loads(capsys.readouterr().out)
    bar = sorted(event["score"] for event in whole["events"])[1] - 5e-5
    kept = [event["id"] for event in whole["events"] if event["score"] >= bar]
    assert main([*command, "--min-score", str(bar)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [event["id"] for event in report["events"]] == kept
    assert main([*command, "--min-score", "1.5"]) == 2
    assert capsys.readouterr().err == "sitrep-ie: min_score 1.5: expected a number from 0 to 1\n"
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--min-score", "much"])
    assert "--min-score: invalid float value: 'much'" in capsys.readouterr().err
