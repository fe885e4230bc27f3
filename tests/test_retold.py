"""Occurrences told in several paragraphs of made-up reports."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.document import Event, Report
from sitrep_ie.export import to_acled
from sitrep_ie.formats.inline import parse_inline
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.dates import resolve_date
from sitrep_ie.resolve.quantities import bare_count, resolve_quantity

Day = datetime.date
SHIPPED = Ontology.load(Path(__file__).resolve().parent.parent / "configs" / "ontology.toml")
RESOLVERS = replace(Resolvers.none(), date=resolve_date, quantity=resolve_quantity, bare_count=bare_count)


def report_of(inline: str) -> Report:
    (example,) = parse_inline(f"# id: made-up | published: 2031-05-10\n{inline}", "test", SHIPPED)
    return assemble(example.document, example.gold, SHIPPED, RESOLVERS)


def told(report: Report) -> list[tuple[str, list[str]]]:
    return [(event.type, [trigger.text for trigger in event.triggers]) for event in report.events]


def first(report: Report, event_type: str) -> Event:
    return next(event for event in report.events if event.type == event_type)


RELEASE = """\
Three {ACTOR a1|Guards} {DEATH e1|Killed} in {LOCATION l1|Dorvan} {BOMBING e2|Blast}
> e1 SUBEVENT_OF e2
> e2 PLACE l1
> e1 TARGET a1

A {OBJECT o1|mine} {BOMBING e1|exploded} in {LOCATION l1|Dorvan} on {DATE d1|Tuesday}, {DEATH e2|killing} \
{QUANTITY q1|three} {ACTOR a1|guards} of the bridge.
> e1 INSTRUMENT o1
> e1 PLACE l1
> e1 TIME d1
> e2 SUBEVENT_OF e1
> e2 TARGET a1
> q1 QUANTITY_OF a1

The {BOMBING e1|blast} {DAMAGE e2|destroyed} a {OBJECT o1|truck}. Its {ACTOR a1|driver} was {INJURY e3|hurt}.
> e2 SUBEVENT_OF e1
> e2 TARGET o1
> e3 SUBEVENT_OF e1
> e3 TARGET a1
"""


def test_title_lead_and_body_tell_of_one_event() -> None:
    report = report_of(RELEASE)
    assert told(report) == [
        ("DEATH", ["Killed", "killing"]),
        ("BOMBING", ["Blast", "exploded", "blast"]),
        ("DAMAGE", ["destroyed"]),
        ("INJURY", ["hurt"]),
    ]
    bombing = first(report, "BOMBING")
    assert (bombing.time.start, bombing.time.end) == (Day(2031, 5, 6), Day(2031, 5, 6))
    killed, injured = bombing.outcomes.killed, bombing.outcomes.injured
    assert killed is not None
    assert (killed.low, killed.best) == (3, 3)
    assert injured is not None
    assert injured.best == 1
    assert [thing.text for thing in bombing.outcomes.damaged] == ["truck"]
    # A sentence of each paragraph is evidence.
    assert len(bombing.evidence) == 3


def test_no_death_is_counted_twice() -> None:
    report = report_of(RELEASE)
    assert [row["fatalities"] for row in to_acled(report, SHIPPED)] == [3]
    leaves = [event for event in report.events if not event.children and event.outcomes.killed]
    assert sum(event.outcomes.killed.best or 0 for event in leaves if event.outcomes.killed) == 3


CONVOY = """\
On {DATE d1|Monday} a {OBJECT o1|convoy} of {QUANTITY q1|30} {OBJECT o2|trucks} {MOVEMENT e1|entered} \
{LOCATION l1|Veldar} from {LOCATION l2|Karsk}.
> e1 TIME d1
> e1 THEME o1
> e1 THEME o2
> q1 QUANTITY_OF o2
> e1 DESTINATION l1
> e1 ORIGIN l2

{ARTICLE} {OBJECT o1|convoy} then {MOVEMENT e1|headed} for {LOCATION l1|Imra}.
> e1 THEME o1
> e1 DESTINATION l1
"""


def test_the_convoy_carries_the_movement_on() -> None:
    (event,) = report_of(CONVOY.replace("{ARTICLE}", "The")).events
    assert [trigger.text for trigger in event.triggers] == ["entered", "headed"]
    assert [place.text for place in event.places if place.role == "destination"] == ["Veldar", "Imra"]
    assert [thing.text for thing in event.objects] == ["convoy", "trucks"]
    assert event.time.start == Day(2031, 5, 5)


@pytest.mark.parametrize("article", ["A", "Another", "A second"])
def test_a_convoy_is_another_one(article: str) -> None:
    assert len(report_of(CONVOY.replace("{ARTICLE}", article)).events) == 2


PARAGRAPHS = """\
{DATE d1|Monday}'s {CLASH e1|fighting} in {LOCATION l1|Dorvan} between the {ACTOR a1|Karsk Front} and \
{ACTOR a2|police} went on for hours.
> e1 TIME d1
> e1 PLACE l1
> e1 AGENT a1
> e1 AGENT a2

{SECOND}
"""


@pytest.mark.parametrize(
    ("second", "num_events"),
    [
        ("The {CLASH e1|clashes} ended at {DATE d1|dusk}.\n> e1 TIME d1", 1),
        ("The {CLASH e1|clashes} left a {OBJECT o1|mill} {DAMAGE e2|in ruins}.\n> e1 TARGET o1", 2),
        ("The {CLASH e1|clashes} in {LOCATION l1|Imra} ended.\n> e1 PLACE l1", 2),
        ("The earlier {CLASH e1|clashes} had been worse.", 2),
        ("The April {CLASH e1|clashes} had been worse.", 2),
        ("On {DATE d1|Thursday} the {CLASH e1|clashes} flared up.\n> e1 TIME d1", 2),
        ("{CLASH e1|Clashes} broke out.", 2),
        ("The {ACTOR a1|army} {CLASH e1|attacked}.\n> e1 AGENT a1", 2),
        ("The {CLASH e1|clashes} would go on.\n> e1 IS PLANNED", 2),
    ],
)
def test_what_points_back_is_the_event_before_unless_something_tells_them_apart(
    second: str, num_events: int
) -> None:
    assert len(report_of(PARAGRAPHS.replace("{SECOND}", second)).events) == num_events


def test_what_points_back_to_two_events_is_neither() -> None:
    two = "{CLASH e1|Fighting} shook {LOCATION l1|Dorvan}; {CLASH e2|fighting} shook {LOCATION l2|Imra}."
    places = "> e1 PLACE l1\n> e2 PLACE l2"
    assert len(report_of(f"{two}\n{places}\n\nThe {{CLASH e1|fighting}} went on.").events) == 3


def test_entries_of_a_log_are_different_events() -> None:
    entry = """\
{DATE d1|CLOCK}: {ACTOR a1|Patrol} {CLASH e1|shot at} near {LOCATION l1|Dorvan}, {QUANTITY q1|two} \
{ACTOR a2|soldiers} {INJURY e2|hurt}.
> e1 TARGET a1
> e1 TIME d1
> e1 PLACE l1
> e2 SUBEVENT_OF e1
> e2 TARGET a2
> q1 QUANTITY_OF a2
"""
    log = f"{entry.replace('CLOCK', '0945')}\n{entry.replace('CLOCK', '1120')}"
    assert [event.type for event in report_of(log).events] == ["CLASH", "INJURY"] * 2


SUMMARY = """\
The worst was the {CLASH e1|ambush} near {LOCATION l1|Dorvan}, in which {QUANTITY q1|four} {ACTOR a1|guards} \
{DEATH e2|died}.
> e1 PLACE l1
> e2 SUBEVENT_OF e1
> e2 TARGET a1
> q1 QUANTITY_OF a1

{DATE d1|6 May}: {ACTOR a1|Bandits} {CLASH e1|ambushed} {ACTOR a2|guards} near {LOCATION l1|Dorvan}, \
{DEATH e2|killing} {QUANTITY q1|four}.
> e1 TIME d1
> e1 AGENT a1
> e1 TARGET a2
> e1 PLACE l1
> e2 SUBEVENT_OF e1
> e2 TARGET q1

{DATE d1|8 May}: {ACTOR a1|Bandits} {CLASH e1|ambushed} {ACTOR a2|traders} near {LOCATION l1|Imra}, \
{DEATH e2|killing} {QUANTITY q1|two}.
> e1 TIME d1
> e1 AGENT a1
> e1 TARGET a2
> e1 PLACE l1
> e2 SUBEVENT_OF e1
> e2 TARGET q1
"""


def test_a_summary_and_its_item_are_one_record_with_the_day_of_the_item() -> None:
    report = report_of(SUMMARY)
    clashes = [event for event in report.events if event.type == "CLASH"]
    assert [[trigger.text for trigger in event.triggers] for event in clashes] == [
        ["ambush", "ambushed"],
        ["ambushed"],
    ]
    assert [event.time.start for event in clashes] == [Day(2031, 5, 6), Day(2031, 5, 8)]
    assert [event.outcomes.killed and event.outcomes.killed.best for event in clashes] == [4, 2]
    assert sum(int(row["fatalities"] or 0) for row in to_acled(report, SHIPPED)) == 6


def test_a_log_goes_past_midnight() -> None:
    entry = "{DATE d1|CLOCK}: A {ACTOR a1|patrol} was {CLASH e1|shot at}.\n> e1 TARGET a1\n> e1 TIME d1\n"
    log = "\n".join(entry.replace("CLOCK", clock) for clock in ("2315", "23:50", "0010 hrs", "0140"))
    report = report_of(f"Incident log, 3 May 2031\n\n{log}")
    assert [event.time.start for event in report.events] == [
        Day(2031, 5, 3),
        Day(2031, 5, 3),
        Day(2031, 5, 4),
        Day(2031, 5, 4),
    ]


def test_entries_out_of_order_by_an_hour_are_of_one_day() -> None:
    entry = "{DATE d1|CLOCK}: A {ACTOR a1|patrol} was {CLASH e1|shot at}.\n> e1 TARGET a1\n> e1 TIME d1\n"
    log = "\n".join(entry.replace("CLOCK", clock) for clock in ("1120", "1040"))
    report = report_of(f"Incident log, 3 May 2031\n\n{log}")
    assert [event.time.start for event in report.events] == [Day(2031, 5, 3), Day(2031, 5, 3)]
