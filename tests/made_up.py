"""What the tests of outputs share: ontology, schema, resolvers of made-up values, a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from jsonschema import Draft202012Validator

from sitrep_ie.assemble import Resolvers
from sitrep_ie.document import ActorValue, PlaceValue
from sitrep_ie.export import report_schema
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.dates import resolve_date
from sitrep_ie.resolve.quantities import bare_count, resolve_quantity

SHIPPED = Ontology.load(Path(__file__).resolve().parent.parent / "configs" / "ontology.toml")
VALIDATOR = Draft202012Validator(report_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
RESOLVERS = replace(
    Resolvers.none(),
    date=resolve_date,
    quantity=resolve_quantity,
    bare_count=bare_count,
    actor=lambda query: ActorValue(query.text.title(), "armed_group", "NO", "Orm Council"),
    places=lambda queries, texts: [PlaceValue("exact", q.text, "x:1", 61.5, 8.25, "NO") for q in queries],
)
# The paragraphs of one annotated report; a test puts its own header before them.
PARAGRAPHS = """\
{DATE d1|May 3 and 5}: {ACTOR a1|gunmen} {SEIZURE e1|took} {QUANTITY q1|about 20} {OBJECT o1|trucks} in \
{LOCATION l1|Ørm} and {DEATH e2|killed} {ACTOR a2|drivers}.
> e1 AGENT a1
> e1 TARGET o1
> e1 PLACE l1
> e1 TIME d1
> q1 QUANTITY_OF o1
> e2 SUBEVENT_OF e1
> e2 TARGET a2

{QUANTITY q1|Two} {AIRSTRIKE e1|strikes}: {QUANTITY q2|one} {AIRSTRIKE e2|strike} {DAMAGE e3|hit} \
{LOCATION l1|Orm}; \
nobody was {INJURY e4|hurt}. {QUANTITY q3|€3 million} was {AID e5|pledged}.
> e1 COUNT q1
> e1 IS AGGREGATE
> e2 SUBEVENT_OF e1
> e2 COUNT q2
> e3 SUBEVENT_OF e2
> e3 TARGET l1
> e4 SUBEVENT_OF e2
> e4 IS NEGATED
> e5 THEME q3
> e5 IS PLANNED
"""
