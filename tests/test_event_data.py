"""Rows for ACLED and PLOVER: which events get one, and what stands in it."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
from pathlib import Path

import pytest

from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.document import (
    ActorValue,
    Annotation,
    Document,
    EventTime,
    PlaceValue,
    Quantity,
    Report,
)
from sitrep_ie.errors import DocumentError
from sitrep_ie.export import (
    ACLED_COLUMNS,
    PLOVER_COLUMNS,
    EventData,
    to_acled,
    to_plover,
    write_rows,
)
from sitrep_ie.formats.inline import parse_inline
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.dates import resolve_date
from sitrep_ie.resolve.gazetteer import Gazetteer, GazetteerRow
from sitrep_ie.resolve.quantities import bare_count, resolve_quantity

ACTORS = {
    "army": ActorValue("Norwegian Army", "state_force", "NO", "Norway"),
    "guards": ActorValue("Swedish Guards", "state_force", "SE", "Sweden"),
    "rebels": ActorValue("Orm Front", "armed_group"),
    "farmers": ActorValue("farmers", "civilians"),
    "crowd": ActorValue("crowd", "civilians"),
}
PLACES = {
    "Orm": PlaceValue("exact", "Orm", "3", 61.5, 8.25, "NO"),
    "Veld": PlaceValue("admin", "Veld", "2", 61.0, 8.0, "NO"),
    "Norway": PlaceValue("country", "Norway", "1", 62.0, 10.0, "NO"),
}
ROWS = [
    GazetteerRow(1, "Norway", "country", 62.0, 10.0, "NO"),
    GazetteerRow(2, "Veld", "admin1", 61.0, 8.0, "NO"),
    GazetteerRow(3, "Orm", "settlement", 61.5, 8.25, "NO", admin1=2),
]
RESOLVERS = dataclasses.replace(
    Resolvers.none(),
    date=resolve_date,
    quantity=resolve_quantity,
    bare_count=bare_count,
    actor=lambda query: ACTORS.get(query.text, ActorValue(query.text, "unknown")),
    places=lambda queries, texts: [PLACES.get(query.text, PlaceValue("unresolved")) for query in queries],
)


@pytest.fixture(scope="module")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    path = tmp_path_factory.mktemp("gazetteer") / "places.sqlite"
    Gazetteer.build(ROWS, path)
    return Gazetteer.open(path)


def report_of(ontology: Ontology, text: str) -> Report:
    (example,) = parse_inline(
        f"# id: log | source: Field desk | published: 2031-05-10\n{text}", "t", ontology
    )
    return assemble(example.document, example.gold, ontology, RESOLVERS)


STRIKE = """\
{DATE d1|May 3}: an {AIRSTRIKE e1|airstrike} by the {ACTOR a1|army} on {LOCATION l1|Orm} {DEATH e2|killed} \
{QUANTITY q1|two} {ACTOR a2|farmers}, {DAMAGE e3|destroyed} {OBJECT o1|houses}; more {AIRSTRIKE e4|strikes} \
will follow.
> e1 AGENT a1
> e1 TARGET l1
> e1 TIME d1
> e2 SUBEVENT_OF e1
> e2 TARGET a2
> e3 SUBEVENT_OF e1
> e3 TARGET o1
> e4 IS PLANNED
> q1 QUANTITY_OF a2
"""


def test_outcomes_and_plans_give_no_rows_of_their_own(ontology: Ontology, gazetteer: Gazetteer) -> None:
    report = report_of(ontology, STRIKE)
    assert len(report.events) == 4
    (row,) = to_acled(report, ontology, gazetteer)
    assert tuple(row) == ACLED_COLUMNS
    notes = "May 3: an airstrike by the army on Orm killed two farmers, destroyed houses; more strikes will "
    notes += "follow."
    assert row == dict.fromkeys(ACLED_COLUMNS, "") | {
        "event_id_cnty": "log/e1", "event_date": "2031-05-03", "year": 2031, "time_precision": 1,
        "disorder_type": "Political violence", "event_type": "Explosions/Remote violence",
        "sub_event_type": "Air/drone strike", "actor1": "Norwegian Army", "inter1": "State forces",
        "actor2": "farmers", "inter2": "Civilians", "interaction": "State forces-Civilians",
        "civilian_targeting": "Civilian targeting", "iso": 578, "country": "Norway", "admin1": "Veld",
        "location": "Orm", "latitude": 61.5, "longitude": 8.25, "geo_precision": 1, "source": "Field desk",
        "notes": notes, "fatalities": 2, "timestamp": None,
    }  # fmt: skip
    (row,) = to_plover(report, ontology, gazetteer)
    assert tuple(row) == PLOVER_COLUMNS
    assert {key: value for key, value in row.items() if value not in ("", None)} == {
        "Event ID": "log/e1", "Event Date": "2031-05-03", "Event Type": "ASSAULT", "Event Mode": "aerial",
        "Quad Code": 4, "Actor Name": "Norwegian Army", "Actor Country": "NOR", "Actor Name Raw": "army",
        "Recipient Name": "farmers", "Recipient Name Raw": "farmers", "Primary Recipient Sector": "CVL",
        "Recipient Sectors": "CVL", "Placename": "Orm", "City": "Orm", "Province": "Veld", "Country": "NOR",
        "Latitude": 61.5, "Longitude": 8.25, "GeoNames ID": "3", "Raw Placename": "Orm",
        "Source": "Field desk",
        "Publication Date": "2031-05-10", "Story Organizations": "Norwegian Army", "Story Locations": "Orm",
        "Version": row["Version"],
    }  # fmt: skip


def test_an_aggregate_gives_way_to_its_items(ontology: Ontology, gazetteer: Gazetteer) -> None:
    text = """\
{QUANTITY q1|Two} {SHELLING e1|attacks} {DEATH e2|killed} {QUANTITY q2|five} {ACTOR a1|farmers}: \
{ACTOR a2|rebels} {SHELLING e3|shelled} {LOCATION l1|Orm} and {SHELLING e4|hit} {LOCATION l2|Veld}.
> e1 COUNT q1
> e1 IS AGGREGATE
> e2 SUBEVENT_OF e1
> e2 TARGET a1
> q2 QUANTITY_OF a1
> e3 SUBEVENT_OF e1
> e3 AGENT a2
> e3 TARGET l1
> e4 SUBEVENT_OF e1
> e4 AGENT a2
> e4 TARGET l2
"""
    report = report_of(ontology, text)
    assert report.events[0].items == ("e3", "e4")
    for rows, key in ((to_acled(report, ontology, gazetteer), "event_id_cnty"),
                      (to_plover(report, ontology, gazetteer), "Event ID")):  # fmt: skip
        assert [row[key] for row in rows] == ["log/e3", "log/e4"]
    lone = report_of(ontology, text.split(": ")[0] + ".\n> e1 COUNT q1\n> e1 IS AGGREGATE\n")
    (row,) = [row for row in to_acled(lone, ontology, gazetteer) if row["event_id_cnty"] == "log/e1"]
    assert (row["tags"], row["fatalities"]) == ("number of occurrences=Two", None)


def test_a_part_tells_what_the_whole_leaves_open(ontology: Ontology, gazetteer: Gazetteer) -> None:
    text = """\
The {ACTOR a1|army} {RAID e1|raided} {LOCATION l1|Orm} and {DETENTION e2|arrested} {ACTOR a2|farmers}.
> e1 AGENT a1
> e1 TARGET l1
> e2 SUBEVENT_OF e1
> e2 TARGET a2
"""
    report = report_of(ontology, text)
    (row,) = to_acled(report, ontology, gazetteer)
    assert (row["event_type"], row["sub_event_type"]) == ("Strategic developments", "Arrests")
    (row,) = to_plover(report, ontology, gazetteer)
    assert (row["Event Type"], row["Event Mode"]) == ("COERCE", "arrest")


BATTLE = ("Battles", "Armed clash")
REMOTE, STRATEGIC = "Explosions/Remote violence", "Strategic developments"


@pytest.mark.parametrize(
    ("text", "acled", "plover"),
    [
        ("{SEIZURE e1|took}", ("Battles", "Government regains territory"), ("ASSAULT", "")),
        ("{CLASH e1|shot at}", BATTLE, ("ASSAULT", "firearms")),
        ("{CLASH e1|fought in}", BATTLE, ("ASSAULT", "")),
        ("{BOMBING e1|suicide attack}", (REMOTE, "Suicide bomb"), ("ASSAULT", "suicide-attack")),
        ("{STATEMENT e1|accused}", None, ("ACCUSE", "")),
        ("{STATEMENT e1|announced}", None, None),
        ("{AID e1|gave}", None, ("AID", "humanitarian")),
        ("{DISPLACEMENT e1|fled}", ("Strategic developments", "Other"), None),
        ("{MOVEMENT e1|withdrew from}", (STRATEGIC, "Change to group/activity"), ("RETREAT", "withdraw")),
        ("{PROTEST e1|riot}", ("Riots", "Violent demonstration"), ("PROTEST", "riot")),
        ("{DEATH e1|died}", None, ("ASSAULT", "")),
    ],
)  # fmt: skip
def test_codes_depend_on_the_record(
    ontology: Ontology, gazetteer: Gazetteer, text: str, acled: tuple[str, str] | None,
    plover: tuple[str, str] | None,
) -> None:  # fmt: skip
    line = f"The {{ACTOR a1|army}} {text} {{LOCATION l1|Orm}}.\n> e1 AGENT a1\n> e1 TARGET l1\n"
    report = report_of(ontology, line)
    found = [(row["event_type"], row["sub_event_type"]) for row in to_acled(report, ontology, gazetteer)]
    assert found == ([] if acled is None else [acled])
    found = [(row["Event Type"], row["Event Mode"]) for row in to_plover(report, ontology, gazetteer)]
    assert found == ([] if plover is None else [plover])


@pytest.mark.parametrize(
    ("agent", "target", "acled"),
    [
        ("rebels", "{LOCATION t1|Orm}", ("Battles", "Non-state actor overtakes territory")),
        ("guards", "{LOCATION t1|Orm}", ("Battles", "Non-state actor overtakes territory")),
        ("somebody", "{LOCATION t1|Orm}", ("Battles", "")),
        ("rebels", "{OBJECT t1|rifles}", ("Strategic developments", "Disrupted weapons use")),
        ("rebels", "{OBJECT t1|fuel tankers}", ("Strategic developments", "Looting/property destruction")),
    ],
)
def test_seizures_by_who_and_what(
    ontology: Ontology, gazetteer: Gazetteer, agent: str, target: str, acled: tuple[str, str]
) -> None:
    sort = "l" if "LOCATION" in target else "o"
    target = target.replace("t1", f"{sort}1")
    text = f"{{ACTOR a1|{agent}}} {{SEIZURE e1|took}} {target} in {{LOCATION l9|Veld}}.\n"
    text += f"> e1 AGENT a1\n> e1 TARGET {sort}1\n> e1 PLACE l9\n"
    (row,) = to_acled(report_of(ontology, text), ontology, gazetteer)
    assert (row["event_type"], row["sub_event_type"]) == acled


def test_a_release_is_another_code(ontology: Ontology, gazetteer: Gazetteer) -> None:
    report = report_of(
        ontology,
        "{ACTOR a1|rebels} {DETENTION e1|freed} {ACTOR a2|farmers}.\n"
        "> e1 AGENT a1\n> e1 TARGET a2\n> e1 IS RELEASE\n",
    )
    assert to_plover(report, ontology, gazetteer)[0]["Event Mode"] == "release"
    assert to_acled(report, ontology, gazetteer)[0]["sub_event_type"] == "Agreement"


def test_parties_to_a_battle(ontology: Ontology, gazetteer: Gazetteer) -> None:
    text = "{ACTOR a1|army} and {ACTOR a2|guards} {CLASH e1|fought} in {LOCATION l1|Orm}.\n"
    text += "> e1 AGENT a1\n> e1 AGENT a2\n> e1 PLACE l1\n"
    (row,) = to_acled(report_of(ontology, text), ontology, gazetteer)
    assert (row["actor1"], row["actor2"]) == ("Norwegian Army", "Swedish Guards")
    assert row["interaction"] == "State forces-External/Other forces"
    text = text.replace("guards", "rebels")
    (row,) = to_acled(report_of(ontology, text), ontology, gazetteer)
    assert (row["inter1"], row["inter2"], row["interaction"]) == ("State forces", "", "")


def test_a_crowd(ontology: Ontology, gazetteer: Gazetteer) -> None:
    text = (
        "A {ACTOR a1|crowd} of {QUANTITY q1|about 200} {PROTEST e1|demonstrated} in {LOCATION l1|Norway}.\n"
    )
    text += "> e1 AGENT a1\n> q1 QUANTITY_OF a1\n> e1 PLACE l1\n"
    (row,) = to_acled(report_of(ontology, text), ontology, gazetteer)
    assert (row["disorder_type"], row["inter1"], row["interaction"], row["tags"]) == (
        "Demonstrations", "Protesters", "Protesters only", "crowd size=about 200",
    )  # fmt: skip
    # A country alone is no location, a missing date no date, no word of deaths no zero.
    assert (row["country"], row["location"], row["latitude"], row["geo_precision"]) == (
        "Norway",
        "",
        None,
        None,
    )
    assert (row["event_date"], row["year"], row["time_precision"], row["fatalities"]) == (
        None,
        None,
        None,
        None,
    )


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "end", "precision", "expected", "plover"),
    [
        ("2031-05-03", "2031-05-03", "day", ("2031-05-03", 2031, 1), "2031-05-03"),
        ("2031-05-01", "2031-05-04", "day", ("2031-05-02", 2031, 2), "2031-05-01"),
        ("2031-05-05", "2031-05-11", "week", ("2031-05-08", 2031, 2), None),
        ("2031-05-01", "2031-05-31", "month", ("2031-05-16", 2031, 3), None),
        ("2031-01-01", "2031-12-31", "year", (None, 2031, None), None),
        ("2030-12-01", "2031-02-28", "month", (None, None, None), None),
        ("2031-05-03", None, "day", (None, None, None), "2031-05-03"),
    ],
)
def test_dates_follow_the_codebooks(
    ontology: Ontology, gazetteer: Gazetteer, start: str, end: str | None, precision: str,
    expected: tuple[object, ...], plover: str | None,
) -> None:  # fmt: skip
    report = report_of(ontology, "{PATROL e1|Patrol} in the hills.\n")
    time = EventTime(day(start), day(end) if end else None, precision, "explicit")  # type: ignore[arg-type]
    report = dataclasses.replace(report, events=(dataclasses.replace(report.events[0], time=time),))
    (row,) = to_acled(report, ontology, gazetteer)
    assert (row["event_date"], row["year"], row["time_precision"]) == expected
    assert to_plover(report, ontology, gazetteer)[0]["Event Date"] == plover


def test_separate_days_are_rows_that_share_the_deaths(ontology: Ontology, gazetteer: Gazetteer) -> None:
    text = STRIKE.replace("May 3}", "May 3, 5 and 9}").replace("two}", "seven}")
    report = report_of(ontology, text)
    rows = to_acled(report, ontology, gazetteer)
    assert [row["event_date"] for row in rows] == ["2031-05-03", "2031-05-05", "2031-05-09"]
    assert [row["fatalities"] for row in rows] == [3, 2, 2]
    assert rows[1]["event_id_cnty"] == "log/e1/2031-05-05"
    assert [row["Event Date"] for row in to_plover(report, ontology, gazetteer)] == [
        row["event_date"] for row in rows
    ]


@pytest.mark.parametrize(
    ("words", "fatalities"),
    [
        ("at least three", 3),
        ("about 20", 20),
        ("between 20 and 30", 20),
        ("several", 3),
        ("up to ten", None),
    ],
)
def test_vague_tolls(ontology: Ontology, gazetteer: Gazetteer, words: str, fatalities: int | None) -> None:
    report = report_of(ontology, STRIKE.replace("|two}", f"|{words}}}"))
    assert to_acled(report, ontology, gazetteer)[0]["fatalities"] == fatalities


def test_a_bare_plural_is_no_figure(ontology: Ontology, gazetteer: Gazetteer) -> None:
    text = STRIKE.replace("{QUANTITY q1|two} ", "").replace("> q1 QUANTITY_OF a2\n", "")
    report = report_of(ontology, text)
    killed = report.events[0].outcomes.killed
    assert killed == Quantity(2.0, None, None, "vague")
    assert to_acled(report, ontology, gazetteer)[0]["fatalities"] is None


def test_an_id_of_another_gazetteer_gives_no_division(ontology: Ontology, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    Gazetteer.build([GazetteerRow(3, "Elsewhere", "settlement", 1.0, 2.0, "SE")], other)
    (row,) = to_acled(report_of(ontology, STRIKE), ontology, Gazetteer.open(other))
    assert (row["location"], row["admin1"]) == ("Orm", "")


def test_a_report_knows_its_coder(ontology: Ontology, gazetteer: Gazetteer, tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    Gazetteer.build(ROWS, path)
    plain = report_of(ontology, STRIKE)
    report = dataclasses.replace(plain, coder=EventData(ontology, path))
    assert report == plain
    assert report.to_dict() == plain.to_dict()
    assert report.to_acled() == to_acled(plain, ontology, gazetteer)
    assert report.to_plover() == to_plover(plain, ontology, gazetteer)
    for method in (plain.to_acled, plain.to_plover):
        with pytest.raises(
            DocumentError, match=rf"'log': made without .* export\.{method.__name__}\(report, "
        ):
            method()
    empty = Report(Document("a", "b"), Annotation("a"), coder=EventData(ontology))
    assert empty.to_acled() == []


def test_types_of_another_ontology_give_no_rows(tiny_ontology: Ontology, ontology: Ontology) -> None:
    assert to_acled(report_of(ontology, STRIKE), tiny_ontology) == []


def test_cells_are_no_formulas(ontology: Ontology, gazetteer: Gazetteer) -> None:
    report = report_of(ontology, STRIKE.replace("a1|army", "a1|=SUM(A1)"))
    stream = io.StringIO(newline="")
    assert write_rows(to_acled(report, ontology, gazetteer), ACLED_COLUMNS, stream) == 1
    stream.seek(0)
    (row,) = csv.DictReader(stream)
    assert (row["actor1"], row["fatalities"], row["timestamp"]) == ("'=SUM(A1)", "2", "")


def test_every_code_of_the_shipped_ontology_is_one_of_the_codebooks(ontology: Ontology) -> None:
    sub_events = {
        "Battles": {"", "Armed clash", "Government regains territory", "Non-state actor overtakes territory"},
        "Explosions/Remote violence": {
            "Air/drone strike", "Suicide bomb", "Shelling/artillery/missile attack",
            "Remote explosive/landmine/IED", "Grenade",
        },
        "Violence against civilians": {"Attack", "Abduction/forced disappearance"},
        "Protests": {"Peaceful protest"},
        "Riots": {"Violent demonstration"},
        "Strategic developments": {
            "Agreement", "Arrests", "Change to group/activity", "Disrupted weapons use",
            "Looting/property destruction", "Other",
        },
        "": {""},
    }  # fmt: skip
    modes = {
        "ASSAULT": {"abduct", "aerial", "assassinate", "destroy", "drone", "execute", "explosives",
                    "firearms", "heavy-weapons", "massacre", "suicide-attack"},
        "COERCE": {"arrest", "curfew", "restrict", "seize"},
        "MOBILIZE": {"troops"},
        "PROTEST": {"boycott", "demo", "hunger", "obstruct", "riot", "strike"},
        "RETREAT": {"release", "withdraw"},
        "AID": {"humanitarian"},
        **dict.fromkeys(
            ("ACCUSE", "AGREE", "CONSULT", "COOPERATE", "REJECT", "REQUEST", "SUPPORT", "THREATEN", ""), set()
        ),
    }  # fmt: skip
    for event in ontology.event_types:
        for acled in [event.acled, *(case.acled for case in event.cases if case.acled)]:
            assert acled[1] in sub_events[acled[0]], event.name
        for plover in [event.plover, *(case.plover for case in event.cases if case.plover)]:
            assert plover[1] in modes[plover[0]] | {""}, event.name
