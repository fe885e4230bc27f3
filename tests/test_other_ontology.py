"""Another ontology than the shipped one: its data, and what its records hold."""

from __future__ import annotations

import copy
import re

import jsonschema
import pytest

from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.document import Report
from sitrep_ie.errors import OntologyError
from sitrep_ie.export import report_schema
from sitrep_ie.formats.inline import parse_inline, read_inline
from sitrep_ie.ontology import OUTCOMES, Ontology
from tests.conftest import ROOT

FOLDER = ROOT / "training" / "data" / "disasters"
DISASTERS = Ontology.load(ROOT / "configs" / "disasters_ontology.toml")
FILES = {name: read_inline(FOLDER / f"{name}.ann", DISASTERS) for name in ("train", "dev")}

VILLAGE = """\
# id: made-up | published: 2031-05-20
{LANDSLIDE e1|Landslide} at {LOCATION l1|Lusaka} on {DATE d1|18 May}: {QUANTITY q1|90} {ACTOR a1|villagers} \
{EVACUATION e2|left}, {QUANTITY q2|two} {ASSET s1|barns} were {DAMAGE e3|crushed}, {QUANTITY q3|three} \
{ACTOR a2|miners} {DEATH e4|died} and {QUANTITY q4|four} {ACTOR a3|guests} are {MISSING e5|missing}. The \
{HAZARD h1|mud} was {QUANTITY q5|two metres} deep.
> e1 PLACE l1
> e1 TIME d1
> e1 MEASURE q5
> e1 AGENT h1
> e2 SUBEVENT_OF e1
> e2 TARGET a1
> q1 QUANTITY_OF a1
> e3 SUBEVENT_OF e1
> e3 TARGET s1
> q2 QUANTITY_OF s1
> e4 SUBEVENT_OF e1
> e4 TARGET a2
> q3 QUANTITY_OF a2
> e5 SUBEVENT_OF e1
> e5 TARGET a3
> q4 QUANTITY_OF a3
"""


def village(ontology: Ontology = DISASTERS) -> Report:
    (example,) = parse_inline(VILLAGE, "made up", ontology)
    return assemble(example.document, example.gold, ontology, Resolvers.default())


def changed(name: str, outcome: object) -> Ontology:
    raw = copy.deepcopy(DISASTERS.to_dict())
    raw["events"][name]["outcome"] = outcome
    return Ontology.from_dict(raw, "changed")


# ---- the data ----


def test_the_counts_are_those_of_the_readme():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, examples in FILES.items():
        numbers = (
            len(examples),
            sum(len(example.document.text.split("\n\n")) for example in examples),
            sum(len(example.gold.mentions) for example in examples),
            sum(len(example.gold.triggers) for example in examples),
            sum(len(example.gold.relations) for example in examples),
        )
        assert f"| `{name}.ann` | " + " | ".join(f"{number:,}" for number in numbers) + " |" in readme
    page = " ".join((ROOT / "docs" / "ontology.md").read_text(encoding="utf-8").split())
    (trained, num_trained), (measured, num_measured) = (
        (sum(e.document.text.count("\n\n") + 1 for e in examples), len(examples))
        for examples in FILES.values()
    )
    assert f"{trained} paragraphs to train on ({num_trained} made-up documents)" in page
    assert f"{measured} to measure on ({num_measured} others)" in page
    kinds = (DISASTERS.event_types, DISASTERS.mention_types, DISASTERS.relation_types, DISASTERS.attributes)
    told = "has {} event types, {} mention types, {} relations and {} attributes"
    assert told.format(*map(len, kinds)) in page


def test_every_type_relation_and_attribute_occurs_in_train():
    gold = [example.gold for example in FILES["train"]]
    nodes = [node for one in gold for node in (*one.mentions, *one.triggers)]
    assert {node.type for node in nodes} == set(DISASTERS.span_types)
    assert {link.relation_type for one in gold for link in one.relations} == set(DISASTERS.relation_names)
    assert {name for one in gold for t in one.triggers for name in t.attributes} == set(DISASTERS.attributes)


def test_train_and_dev_share_nothing():
    train, dev = FILES["train"], FILES["dev"]
    assert not {e.document.id for e in train} & {e.document.id for e in dev}
    texts = [set(re.split(r"(?<=[.;])\s", e.document.text)) for e in (*train, *dev)]
    assert sum(map(len, texts)) == len(set().union(*texts))


# ---- its records ----


def test_records_have_places_times_amounts_and_outcomes():
    report = village()
    slide, evacuation, damage, death, missing = report.events
    assert slide.type == "LANDSLIDE"
    assert (slide.time.start.isoformat(), slide.time.precision) == ("2031-05-18", "day")
    assert [(place.role, place.country) for place in slide.places] == [("at", "ZM")]
    assert [(thing.role, thing.text) for thing in slide.objects] == [("agent", "mud")]
    assert [(a.role, a.quantity.best, a.quantity.unit) for a in slide.amounts] == [("measure", 2.0, "meter")]
    outcomes = slide.outcomes
    assert (outcomes.displaced.best, outcomes.killed.best, outcomes.injured) == (90.0, 3.0, None)
    assert [thing.text for thing in outcomes.damaged] == ["barns"]
    assert (evacuation.outcomes.displaced.best, death.outcomes.killed.best) == (90.0, 3.0)
    assert [thing.quantity.best for thing in damage.outcomes.damaged] == [2.0]
    assert [(actor.text, actor.quantity.best) for actor in missing.actors] == [("guests", 4.0)]
    assert missing.parent == slide.id
    assert missing.time == slide.time


@pytest.mark.parametrize("name", FILES)
def test_its_reports_follow_the_schema(name):
    resolvers = Resolvers.default()
    for example in FILES[name]:
        report = assemble(example.document, example.gold, DISASTERS, resolvers)
        assert report.events
        jsonschema.validate(report.to_dict(), report_schema())


def test_what_an_event_type_leads_to_is_data():
    assert village(changed("EVACUATION", "")).events[0].outcomes.displaced is None
    assert village(changed("DEATH", "")).events[0].outcomes.killed is None
    assert village(changed("MISSING", "abducted")).events[0].outcomes.abducted.best == 4.0


def test_shipped_names_have_their_outcomes_without_the_key(ontology):
    assert {ontology.outcome(name) for name in ontology.event_names} == {None, *OUTCOMES}
    assert all(event.outcome is None for event in ontology.event_types)
    assert changed("DEATH", None).outcome("DEATH") == "killed"
    assert changed("EVACUATION", None).outcome("EVACUATION") is None


@pytest.mark.parametrize("outcome", ["dead", "released", 1, ["killed"]])
def test_another_outcome_is_refused(outcome):
    with pytest.raises(
        OntologyError, match=r"changed: events\.DEATH: 'outcome': .*expected one of \['killed'"
    ):
        changed("DEATH", outcome)


def test_outcomes_do_not_change_what_a_model_means():
    assert changed("DEATH", "").digest() == DISASTERS.digest()
    assert Ontology.from_dict(DISASTERS.to_dict(), "again") == DISASTERS
