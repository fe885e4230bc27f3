from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitrep_ie.assemble import ActorQuery, Resolvers, assemble
from sitrep_ie.assemble.layout import Layout, sentence_spans
from sitrep_ie.document import (
    ActorValue,
    Annotation,
    Document,
    Event,
    Example,
    Mention,
    PlaceValue,
    Relation,
    Report,
    Span,
    Trigger,
)
from sitrep_ie.errors import DocumentError, OntologyError
from sitrep_ie.formats.inline import parse_inline
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.dates import document_period, release_month, resolve_date
from sitrep_ie.resolve.quantities import bare_count, resolve_quantity
from tests import strategies
from tests.golden.regenerate import FOLDER, record_lines

Day = datetime.date
SHIPPED = Ontology.load(Path(__file__).resolve().parent.parent / "configs" / "ontology.toml")

RESOLVERS = replace(
    Resolvers.none(),
    document_period=document_period,
    date=resolve_date,
    quantity=resolve_quantity,
    bare_count=bare_count,
)


def report_of(inline: str, *, resolvers: Resolvers = RESOLVERS, **changes: object) -> Report:
    (example,) = parse_inline(f"# id: made-up | published: 2031-05-10\n{inline}", "test", SHIPPED)
    document = replace(example.document, **changes) if changes else example.document
    return assemble(document, example.gold, SHIPPED, resolvers)


def event_of(inline: str, event_id: str = "e1", **changes: object) -> Event:
    return next(event for event in report_of(inline, **changes) if event.id == event_id)


def bounds(quantity: object) -> tuple[object, ...] | None:
    if quantity is None:
        return None
    return tuple(getattr(quantity, name) for name in ("low", "best", "high", "qualifier"))


def test_a_release_number_gives_the_year_that_a_report_without_date_leaves_out() -> None:
    text = "Veld Command 2029-07-CA-075\n\nA {ACTOR a1|patrol} {CLASH e1|fought} on {DATE d1|July 16}."
    inline = f"{text}\n> e1 TIME d1"
    report = report_of(inline, resolvers=replace(RESOLVERS, release_month=release_month), published=None)
    assert (report.published, report.period) == (None, None)
    assert report.events[0].time.start == Day(2029, 7, 16)
    dated = report_of(inline, resolvers=replace(RESOLVERS, release_month=release_month))
    assert dated.events[0].time.start == Day(2030, 7, 16)


def test_coordinated_actors_share_the_head_of_the_last() -> None:
    inline = """\
{ACTOR a1|Afghan}, {ACTOR a2|Turkish} and {ACTOR a3|coalition forces} {RAID e1|raided} a farm; an \
{ACTOR a4|Iraqi} {CLASH e2|fought} them.
> e1 AGENT a1
> e1 AGENT a2
> e1 AGENT a3
> e2 AGENT a4
"""
    raid, clash = report_of(inline, resolvers=Resolvers.default()).events
    assert [(a.text, a.kind, a.country) for a in raid.actors] == [
        ("Afghan", "state_force", "AF"),
        ("Turkish", "state_force", "TR"),
        ("coalition forces", "state_force", None),
    ]
    assert [(a.name, a.kind) for a in clash.actors] == [("Iraqi", "unknown")]


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        ("{OBJECT o1|armoured vehicles}", (2, None, None, "vague")),
        ("the {OBJECT o1|armoured vehicles}", (2, None, None, "vague")),
        ("{ACTOR o1|armed men}", (2, None, None, "vague")),
        ("a {ACTOR o1|group of insurgents}", (2, None, None, "vague")),
        ("{OBJECT o1|F-16s}", (2, None, None, "vague")),
        ("{QUANTITY q1|60} {OBJECT o1|vehicles}", (60, 60, 60, "exact")),
        ("no {OBJECT o1|vehicles}", None),
        ("a {OBJECT o1|vehicle}", None),
        ("{OBJECT o1|ammunition}", None),
        ("{OBJECT o1|medicines}", None),
        ("{ACTOR o1|US forces}", None),
        ("the {ACTOR o1|authorities}", None),
        ("{ACTOR o1|Houthis}", None),
        ("{ACTOR o1|Red Crescent Volunteers}", None),
    ],
)
def test_a_plural_that_nothing_counts_is_two_or_more(thing: str, expected: tuple[object, ...] | None) -> None:
    inline = f"Convoys {{MOVEMENT e1|brought}} {thing} to the town.\n> e1 THEME o1\n"
    inline += "> q1 QUANTITY_OF o1\n" if "{QUANTITY" in thing else ""
    event = event_of(inline.replace("o1", "a1") if "ACTOR" in thing else inline)
    (only,) = (*event.actors, *event.objects)
    assert bounds(only.quantity) == expected
    if expected and expected[-1] == "vague":
        assert (only.quantity.text, only.quantity.span) == (None, None)


def test_a_plural_that_is_counted_elsewhere_keeps_that_count() -> None:
    inline = """\
{QUANTITY q1|60} {OBJECT o1|trucks} {MOVEMENT e1|arrived}; the {OBJECT o2|trucks} {MOVEMENT e2|left} at \
{DATE d1|dawn}.
> e1 THEME o1
> q1 QUANTITY_OF o1
> e2 THEME o2
> o2 SAME_AS o1
"""
    assert [event.objects[0].quantity.best for event in report_of(inline)] == [60, 60]
    once = inline.replace("> o2 SAME_AS o1", "> e2 SAME_EVENT e1")
    assert [thing.quantity.best for thing in event_of(once).objects] == [60]
    # A capital that the sentence explains is no name's.
    opening = "{ACTOR a1|Gunmen} {CLASH e1|fought} {ACTOR a2|Houthis}.\n> e1 AGENT a1\n> e1 TARGET a2"
    assert [bounds(actor.quantity) for actor in event_of(opening).actors] == [(2, None, None, "vague"), None]


# ---- occurrences ----

CONVOY = """\
{DATE d1|May 2}: {ACTOR a1|Border guards} {MOVEMENT e1|sent} a {OBJECT o1|supply convoy} of {QUANTITY q1|20} \
{OBJECT o2|trucks} to a {LOCATION l1|base} near {LOCATION l2|Karsk} in {LOCATION l3|northern Veld}. The \
{OBJECT o3|convoy} {MOVEMENT e2|crossed} the {LOCATION l4|Orm bridge}; it {MOVEMENT e3|arrived} at \
{DATE d2|dawn}.
> e1 AGENT a1
> e1 TIME d1
> e1 THEME o1
> e1 THEME o2
> e1 DESTINATION l1
> q1 QUANTITY_OF o2
> l1 LOCATED_IN l2
> l2 LOCATED_IN l3
> o3 SAME_AS o1
> e2 SAME_EVENT e1
> e2 THEME o3
> e2 VIA l4
> e3 SAME_EVENT e2
> e3 TIME d2
"""


def test_triggers_of_one_occurrence_are_one_record() -> None:
    (event,) = report_of(CONVOY)
    assert [trigger.text for trigger in event.triggers] == ["sent", "crossed", "arrived"]
    assert event.type == "MOVEMENT"
    assert [(thing.role, thing.text) for thing in event.objects] == [
        ("theme", "supply convoy"),
        ("theme", "trucks"),
    ]
    assert event.objects[0].quantity is None
    assert bounds(event.objects[1].quantity) == (20, 20, 20, "exact")
    assert [(p.role, p.text, p.within) for p in event.places] == [
        ("destination", "base", ("Karsk", "northern Veld")),
        ("via", "Orm bridge", ()),
    ]


def test_day_and_part_of_day_combine() -> None:
    when = event_of(CONVOY).time
    assert (when.start, when.end, when.precision, when.anchor) == (
        Day(2031, 5, 2),
        Day(2031, 5, 2),
        "hour",
        "heading",
    )
    assert when.text == "May 2; dawn"
    assert len(when.spans) == 2


def test_evidence_is_the_sentences_of_triggers_and_arguments() -> None:
    report = report_of(CONVOY + "\n{ACTOR a1|Nobody} {STATEMENT e1|commented}. Rain fell.\n> e1 AGENT a1")
    texts = [[report.document.text[s.start : s.end] for s in event.evidence] for event in report]
    assert texts[0][0].startswith("May 2: Border guards")
    assert texts[0][0].endswith("northern Veld.")
    assert texts[0][1].endswith("at dawn.")
    assert len(texts[0]) == 2
    assert texts[1] == ["Nobody commented."]


def test_a_name_tells_more_than_an_acronym_or_a_noun() -> None:
    event = event_of(
        "The {ACTOR a1|ORC}, or {ACTOR a2|Orm Relief Committee}, {AID e1|brought} bread; the "
        "{ACTOR a3|committee} {AID e2|handed out} soup.\n"
        "> e1 AGENT a1\n> e2 AGENT a3\n> e2 AGENT a2\n> a2 SAME_AS a1\n> a3 SAME_AS a1\n> e2 SAME_EVENT e1"
    )
    assert [actor.text for actor in event.actors] == ["Orm Relief Committee"]


def test_two_of_a_kind_on_one_trigger_stay_two() -> None:
    event = event_of(
        "A {ACTOR a1|soldier} and another {ACTOR a2|soldier} were {DEATH e1|killed}.\n> e1 TARGET a1\n> "
        "e1 TARGET a2"
    )
    assert len(event.actors) == 2
    assert bounds(event.outcomes.killed) == (2, 2, 2, "exact")
    assert event.outcomes.killed is not None
    assert event.outcomes.killed.text == "soldier and another soldier"


def test_quantity_is_kept_when_a_repeat_has_it() -> None:
    event = event_of(
        "{ACTOR a1|Gunmen} {CLASH e1|attacked} the post; {QUANTITY q1|six} {ACTOR a2|gunmen} {CLASH "
        "e2|fired}.\n"
        "> e1 AGENT a1\n> e2 AGENT a2\n> q1 QUANTITY_OF a2\n> e2 SAME_EVENT e1"
    )
    (actor,) = event.actors
    assert bounds(actor.quantity) == (6, 6, 6, "exact")


def test_count_before_the_noun_wins_over_a_part() -> None:
    event = event_of(
        "{QUANTITY q1|60} {OBJECT o1|trucks}, a {QUANTITY q2|dozen} of them empty, {MOVEMENT e1|came}.\n"
        "> e1 THEME o1\n> q1 QUANTITY_OF o1\n> q2 QUANTITY_OF o1"
    )
    assert bounds(event.objects[0].quantity) == (60, 60, 60, "exact")


def test_a_later_denial_leaves_the_claim_actual() -> None:
    event = event_of(
        "{ACTOR a1|Rebels} said they had {SEIZURE e1|taken} {LOCATION l1|Orm}; the {ACTOR a2|army} said "
        "it was not "
        "{SEIZURE e2|lost}.\n> e1 AGENT a1\n> e1 TARGET l1\n> e2 SAME_EVENT e1\n> e2 REPORTER a2\n> e2 "
        "IS NEGATED"
    )
    assert event.modality == "actual"
    assert [place.role for place in event.places] == ["target"]


@pytest.mark.parametrize(
    ("attributes", "modality"),
    [
        ([], "actual"),
        (["PLANNED"], "planned"),
        (["PLANNED", "HYPOTHETICAL"], "hypothetical"),
        (["PLANNED", "HYPOTHETICAL", "NEGATED"], "negated"),
        (["AGGREGATE"], "actual"),
    ],
)
def test_modality(attributes: list[str], modality: str) -> None:
    lines = "".join(f"\n> e1 IS {attribute}" for attribute in attributes)
    event = event_of(f"They {{MOVEMENT e1|left}}.{lines}")
    assert event.modality == modality
    assert event.aggregate == ("AGGREGATE" in attributes)


def test_release_and_amount_as_theme() -> None:
    report = report_of(
        "{ACTOR a1|Gunmen} {DETENTION e1|freed} {QUANTITY q1|five} {ACTOR a2|drivers}. {ACTOR a3|Norland} "
        "{AID e2|pledged} {QUANTITY q2|$3 million}.\n> e1 AGENT a1\n> e1 TARGET a2\n> q1 QUANTITY_OF a2\n"
        "> e1 IS RELEASE\n> e2 AGENT a3\n> e2 THEME q2"
    )
    freed, pledged = report.events
    assert freed.release
    assert bounds(freed.outcomes.released) == (5, 5, 5, "exact")
    assert freed.outcomes.detained is None
    (amount,) = pledged.amounts
    assert (amount.role, amount.text, amount.quantity.best) == ("theme", "$3 million", 3_000_000)


def test_membership_gives_affiliation_and_members() -> None:
    def actor(query: ActorQuery) -> ActorValue | None:
        return ActorValue("Orm Front", "armed_group") if query.text == "OF" else None

    report = report_of(
        "{ACTOR a1|Snipers} of the {ACTOR a2|OF} {CLASH e1|fired}; the {ACTOR a3|OF} {STATEMENT "
        "e2|denied} it.\n"
        "> a1 MEMBER_OF a2\n> a3 SAME_AS a2\n> e1 AGENT a1\n> e2 AGENT a3",
        resolvers=replace(RESOLVERS, actor=actor),
    )
    fired, denied = report.events
    assert fired.actors[0].affiliation == "Orm Front"
    assert denied.actors[0].name == "Orm Front"
    assert denied.actors[0].members == ("Snipers",)


def test_resolvers_see_the_document_once_with_all_names() -> None:
    seen: list[ActorQuery] = []
    asked: list[list[tuple[str, tuple[str, ...]]]] = []

    def actor(query: ActorQuery) -> None:
        seen.append(query)

    def places(queries: object, texts: object) -> list[PlaceValue]:
        asked.append([(query.text, query.within) for query in queries])  # type: ignore[attr-defined]
        return [PlaceValue("exact", "Orm", "x:1", 1.5, 2.5, "NO") for _ in asked[-1]]

    resolvers = replace(
        RESOLVERS, actor=actor, places=places, acronyms=lambda text: {"ORC": "Orm Relief Committee"}
    )
    report = report_of(
        "The {ACTOR a1|ORC} ({ACTOR a2|committee}) {AID e1|gave} bread in {LOCATION l1|Orm} in "
        "{LOCATION l2|Veld}.\n"
        "> a2 SAME_AS a1\n> e1 AGENT a1\n> e1 PLACE l1\n> l1 LOCATED_IN l2",
        resolvers=resolvers,
    )
    assert seen == [
        ActorQuery("ORC", ("committee",), {"ORC": "Orm Relief Committee"}, frozenset({"NO"})),
    ]
    assert asked == [[("Orm", ("Veld",)), ("Veld", ())]]
    (place,) = report.events[0].places
    assert (place.name, place.latitude, place.longitude, place.country) == ("Orm", 1.5, 2.5, "NO")


# ---- tree ----


def test_children_inherit_time_and_place() -> None:
    report = report_of(
        "{DATE d1|May 3}: {ACTOR a1|Police} {RAID e1|searched} {LOCATION l1|Orm}; {ACTOR a2|men} were "
        "{DETENTION e2|taken} and one {DEATH e3|died} in {LOCATION l2|Karsk} on {DATE d2|May 4}.\n"
        "> e1 TARGET l1\n> e1 TIME d1\n> e2 SUBEVENT_OF e1\n> e2 TARGET a2\n> e3 SUBEVENT_OF e2\n"
        "> e3 PLACE l2\n> e3 TIME d2"
    )
    raid, taken, died = report.events
    assert (raid.parent, raid.children) == (None, ("e2",))
    assert (taken.parent, taken.children) == ("e1", ("e3",))
    assert died.parent == "e2"
    assert taken.time == raid.time
    assert [(place.role, place.text) for place in taken.places] == [("at", "Orm")]
    assert [(place.role, place.text) for place in died.places] == [("at", "Karsk")]
    assert died.time.start == Day(2031, 5, 4)


def links(triggers: list[Trigger], *pairs: tuple[int, int, float]) -> Report:
    document = Document(id="tree", text="a b c d")
    relations = tuple(Relation(triggers[h], triggers[t], "SUBEVENT_OF", score) for h, t, score in pairs)
    annotation = Annotation("tree", triggers=tuple(triggers), relations=relations)
    return assemble(document, annotation, SHIPPED, Resolvers.none())


TRIGGERS = [Trigger(Span(i, i + 1), "CLASH") for i in (0, 2, 4, 6)]


@pytest.mark.parametrize("order", [1, -1])
def test_the_surest_parent_wins(order: int) -> None:
    report = links(TRIGGERS, *[(2, 0, 0.6), (2, 3, 0.8)][::order])
    assert [event.parent for event in report] == [None, None, "e4", None]


@pytest.mark.parametrize("order", [1, -1])
def test_cycles_break_at_the_weakest_link(order: int) -> None:
    report = links(TRIGGERS, *[(0, 1, 0.9), (1, 2, 0.8), (2, 0, 0.7), (3, 3, 1.0)][::order])
    assert [event.parent for event in report] == ["e2", "e3", None, None]


def test_ids_follow_the_first_trigger() -> None:
    first, second, third, _ = TRIGGERS
    document = Document(id="tree", text="a b c d")
    annotation = Annotation(
        "tree", triggers=(first, second, third), relations=(Relation(third, first, "SAME_EVENT"),)
    )
    report = assemble(document, annotation, SHIPPED, Resolvers.none())
    assert [(event.id, [t.text for t in event.triggers]) for event in report] == [
        ("e1", ["a", "c"]),
        ("e2", ["b"]),
    ]


def test_score_is_that_of_the_surest_trigger_and_arguments_have_their_own() -> None:
    document = Document(id="scores", text="Men ran, ran")
    man = Mention(Span(0, 3), "ACTOR", 0.5)
    first, second = Trigger(Span(4, 7), "MOVEMENT", score=0.6), Trigger(Span(9, 12), "MOVEMENT", score=0.9)
    annotation = Annotation(
        "scores",
        (man,),
        (first, second),
        (Relation(second, first, "SAME_EVENT"), Relation(first, man, "AGENT", 0.8)),
    )
    (event,) = assemble(document, annotation, SHIPPED, Resolvers.none())
    assert event.score == 0.9
    assert event.actors[0].score == pytest.approx(0.6 * 0.8 * 0.5)  # its own trigger, its link, its mention


# ---- time ----


def start_of(inline: str, event_id: str = "e1", **changes: object) -> tuple[object, str]:
    when = event_of(inline, event_id, **changes).time
    return when.start, when.anchor


def test_heading_date_dates_the_item() -> None:
    assert start_of("{DATE d1|May 3}: {ACTOR a1|men} {MOVEMENT e1|left}.") == (Day(2031, 5, 3), "heading")
    assert start_of("- {DATE d1|3 May} – {ACTOR a1|men} {MOVEMENT e1|left}.") == (Day(2031, 5, 3), "heading")
    assert start_of("{DATE d1|3 May}, Karsk: {ACTOR a1|men} {MOVEMENT e1|left}.") == (
        Day(2031, 5, 3),
        "heading",
    )
    assert start_of("{DATE d1|3 May} {ACTOR a1|men} {MOVEMENT e1|left}: why?") == (None, "unknown")
    assert start_of("On {DATE d1|3 May} {ACTOR a1|men} {MOVEMENT e1|left}.\n> e1 TIME d1") == (
        Day(2031, 5, 3),
        "explicit",
    )


def test_section_heading_dates_what_stands_below() -> None:
    text = (
        "{DATE d1|Saturday, 3 May}\n\nMen {MOVEMENT e1|left}.\n\nElsewhere they {MOVEMENT e1|came}.\n\n"
        "{DATE d1|5 May}\n\nAll {MOVEMENT e1|slept}."
    )
    report = report_of(text)
    assert [event.time.start for event in report] == [Day(2031, 5, 3), Day(2031, 5, 3), Day(2031, 5, 5)]
    assert {event.time.anchor for event in report} == {"heading"}


def test_dateline_is_no_section_heading() -> None:
    assert start_of("{DATE d1|10 May 2031}\n\nMen {MOVEMENT e1|left}.") == (None, "unknown")


def test_what_did_not_happen_has_no_heading_date() -> None:
    text = "{DATE d1|May 3}: men may {MOVEMENT e1|leave}.\n> e1 IS HYPOTHETICAL"
    assert start_of(text) == (None, "unknown")


def test_period_of_the_caller_dates_undated_events() -> None:
    period = (Day(2031, 5, 1), Day(2031, 5, 7))
    event = event_of("Men {MOVEMENT e1|left}.", period=period)
    assert (event.time.start, event.time.end, event.time.precision, event.time.anchor) == (
        *period,
        "week",
        "report_period",
    )


def test_period_of_the_title_is_the_reports_but_dates_no_event() -> None:
    report = report_of("Men {MOVEMENT e1|left}.", title="Weekly log, 1 to 7 May 2031")
    assert report.period == (Day(2031, 5, 1), Day(2031, 5, 7))
    assert report.events[0].time.anchor == "unknown"


def test_clock_times_belong_to_the_day_of_the_report() -> None:
    text = "{DATE d1|0540 hrs}: men {MOVEMENT e1|left}.\n> e1 TIME d1"
    for title in ("Orm (north): events of Friday 9 May", "Control room log, 9 May", "Night of 9 May - Orm"):
        assert start_of(text, title=title)[0] == Day(2031, 5, 9)
    assert start_of(text, title="Control room log")[0] is None
    assert start_of(text)[0] is None


def test_clock_headings_take_no_day_from_the_background() -> None:
    text = (
        "{DATE d1|9 May, 0200 hrs}: men {MOVEMENT e1|left}, as on {DATE d2|1 April}.\n> e1 TIME d1\n\n"
        "{DATE d1|0540 hrs}: men {MOVEMENT e1|came}.\n> e1 TIME d1"
    )
    assert start_of(text, "e2") == (Day(2031, 5, 9), "heading")


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("between {DATE d1|3 and 6 May}", Day(2031, 5, 3), Day(2031, 5, 6)),
        ("since {DATE d1|3 May}", Day(2031, 5, 3), Day(2031, 5, 10)),
        ("until the {DATE d1|end of April}", None, Day(2031, 4, 30)),
        ("after {DATE d1|3 May}", Day(2031, 5, 3), Day(2031, 5, 3)),
    ],
)
def test_the_preposition_before_a_date_counts(words: str, start: object, end: object) -> None:
    when = event_of(f"Men {{MOVEMENT e1|left}} {words}.\n> e1 TIME d1").time
    assert (when.start, when.end, when.dates) == (start, end, ())


def test_focus_follows_the_text() -> None:
    text = (
        "On {DATE d1|3 May} men {MOVEMENT e1|left}. They {MOVEMENT e2|came back} the {DATE d2|next day}.\n"
        "> e1 TIME d1\n> e2 TIME d2"
    )
    assert start_of(text, "e2") == (Day(2031, 5, 4), "relative")


def test_separate_dates_are_a_set_and_a_range_is_none() -> None:
    both = event_of(
        "On {DATE d1|3 May} and {DATE d2|6 May} men {MOVEMENT e1|left}.\n> e1 TIME d1\n> e1 TIME d2"
    ).time
    assert (both.start, both.end, both.dates) == (
        Day(2031, 5, 3),
        Day(2031, 5, 6),
        (Day(2031, 5, 3), Day(2031, 5, 6)),
    )
    joined = event_of(
        "From {DATE d1|3 May} to {DATE d2|6 May} men {MOVEMENT e1|left}.\n> e1 TIME d1\n> e1 TIME d2"
    )
    assert (joined.time.start, joined.time.end, joined.time.dates) == (Day(2031, 5, 3), Day(2031, 5, 6), ())


def test_the_finer_date_wins() -> None:
    when = event_of(
        "In {DATE d1|May}, on {DATE d2|3 May}, men {MOVEMENT e1|left}.\n> e1 TIME d1\n> e1 TIME d2"
    ).time
    assert (when.start, when.end, when.precision) == (Day(2031, 5, 3), Day(2031, 5, 3), "day")


def test_a_plan_looks_forward() -> None:
    text = "Men will {MOVEMENT e1|leave} on {DATE d1|14 May}.\n> e1 TIME d1\n> e1 IS PLANNED"
    assert start_of(text)[0] == Day(2031, 5, 14)


def test_publication_date_is_read_where_none_is_given() -> None:
    resolvers = replace(RESOLVERS, document_date=lambda text: Day(2030, 1, 2))
    text = "Men {MOVEMENT e1|left} {DATE d1|yesterday}.\n> e1 TIME d1"
    report = report_of(text, resolvers=resolvers, published=None)
    assert report.published == Day(2030, 1, 2)
    assert report.events[0].time.start == Day(2030, 1, 1)
    assert report_of(text, resolvers=resolvers).published == Day(2031, 5, 10)


# ---- outcomes ----


@pytest.mark.parametrize(
    ("sentence", "relations", "expected"),
    [
        ("killing {QUANTITY q1|two}", "> e2 TARGET q1", (2, 2, 2, "exact")),
        ("killing a {ACTOR a1|guard}", "> e2 TARGET a1", (1, 1, 1, "exact")),
        ("killing his {ACTOR a1|driver}", "> e2 TARGET a1", (1, 1, 1, "exact")),
        ("killing {ACTOR a1|guards}", "> e2 TARGET a1", (2, None, None, "vague")),
        (
            "killing {QUANTITY q1|at least 3} {ACTOR a1|guards}",
            "> e2 TARGET a1\n> q1 QUANTITY_OF a1",
            (3, None, None, "at_least"),
        ),
        (
            "killing {QUANTITY q1|nine} {ACTOR a1|people}, including {QUANTITY q2|two} {ACTOR a2|children}",
            "> e2 TARGET a1\n> e2 TARGET a2\n> q1 QUANTITY_OF a1\n> q2 QUANTITY_OF a2\n> a2 MEMBER_OF a1",
            (9, 9, 9, "exact"),
        ),
        (
            "killing {QUANTITY q1|nine} {ACTOR a1|people}, {QUANTITY q2|two} of them {ACTOR a2|children}",
            "> e2 TARGET a1\n> e2 TARGET a2\n> q1 QUANTITY_OF a1\n> q2 QUANTITY_OF a2",
            (9, 9, 9, "exact"),
        ),
        (
            "killing {QUANTITY q1|nine}, one of them a {ACTOR a1|child}",
            "> e2 TARGET q1\n> e2 TARGET a1",
            (9, 9, 9, "exact"),
        ),
        (
            "killing {QUANTITY q1|nine} {ACTOR a1|men} and {ACTOR a2|women}",
            "> e2 TARGET a1\n> e2 TARGET a2\n> q1 QUANTITY_OF a1\n> q1 QUANTITY_OF a2",
            (9, 9, 9, "exact"),
        ),
        (
            "killing {QUANTITY q1|nine} {ACTOR a1|men} and a {ACTOR a2|boy}",
            "> e2 TARGET a1\n> e2 TARGET a2\n> q1 QUANTITY_OF a1",
            (10, 10, 10, "exact"),
        ),
        (
            "killing {QUANTITY q1|nine} {ACTOR a1|men} and {ACTOR a2|women}",
            "> e2 TARGET a1\n> e2 TARGET a2\n> q1 QUANTITY_OF a1",
            (11, None, None, "at_least"),
        ),
        (
            "killing {QUANTITY q1|about 20} {ACTOR a1|men} and {QUANTITY q2|four} {ACTOR a2|women}",
            "> e2 TARGET a1\n> e2 TARGET a2\n> q1 QUANTITY_OF a1\n> q2 QUANTITY_OF a2",
            "about",
        ),
    ],
)
def test_victims(sentence: str, relations: str, expected: object) -> None:
    marked = sentence.replace("killing", "{DEATH e2|killing}")
    event = event_of(f"A {{AIRSTRIKE e1|strike}} hit Orm, {marked}.\n> e2 SUBEVENT_OF e1\n{relations}")
    killed = bounds(event.outcomes.killed)
    assert killed is not None
    assert (killed[-1] if isinstance(expected, str) else killed) == expected
    assert event.outcomes.injured is None


def test_a_bare_plural_has_neither_text_nor_span() -> None:
    killed = event_of("{ACTOR a1|Guards} were {DEATH e1|killed}.\n> e1 TARGET a1").outcomes.killed
    assert killed is not None
    assert (killed.low, killed.best, killed.qualifier, killed.text, killed.span) == (
        2,
        None,
        "vague",
        None,
        None,
    )


@pytest.mark.parametrize(
    "text",
    [
        "{QUANTITY q1|40 per cent} of the {ACTOR a1|villagers} were {INJURY e1|hurt}.\n> e1 TARGET a1\n"
        "> q1 QUANTITY_OF a1",
        "{QUANTITY q1|A third} of them were {INJURY e1|hurt}.\n> e1 TARGET q1",
        "Many of the guards fled, and {QUANTITY q1|a third} were {INJURY e1|hurt}.\n> e1 TARGET q1",
    ],
)
def test_a_share_is_no_number_of_people(text: str) -> None:
    assert event_of(text).outcomes.injured is None


def test_one_more_person_is_no_share() -> None:
    text = """\
The {CLASH e1|ambush} {DEATH e2|killed} {QUANTITY q1|two} {ACTOR a1|guards}; {QUANTITY q2|a third} was \
{INJURY e3|wounded} and {QUANTITY q3|a fourth} is {INJURY e4|hurt}.
> e2 SUBEVENT_OF e1
> e3 SUBEVENT_OF e1
> e4 SUBEVENT_OF e1
> e2 TARGET a1
> q1 QUANTITY_OF a1
> e3 TARGET q2
> e4 TARGET q3
"""
    outcomes = event_of(text).outcomes
    assert bounds(outcomes.killed) == (2, 2, 2, "exact")
    assert bounds(outcomes.injured) == (2, 2, 2, "exact")


@pytest.mark.parametrize(
    ("victims", "expected"),
    [
        ("{ACTOR a1|Hemar Dost}, one of the {ACTOR a2|Karsk commanders}.", 1),
        ("{ACTOR a1|Hemar Dost}, a {ACTOR a2|commander}.", 1),
        ("a {ACTOR a1|Karsk commander}, {ACTOR a2|Hemar Dost}.", 1),
        ("a {ACTOR a1|Karsk commander} called “{ACTOR a2|Hemar al-Dost}”.", 1),
        ("{ACTOR a1|Hemar Dost}, a {ACTOR a2|guard} and a {ACTOR a3|cook}.", 3),
        ("{ACTOR a1|Hemar Dost}, a {ACTOR a2|guard}, a {ACTOR a3|cook}.", 3),
        ("a {ACTOR a1|guard} and {ACTOR a2|Hemar Dost}.", 2),
        ("{ACTOR a1|Hemar Dost}, {ACTOR a2|Ilse Tann}.", 2),
    ],
)
def test_a_name_and_its_description_are_one_person(victims: str, expected: int) -> None:
    links = "".join(f"\n> e1 TARGET a{i}" for i in (1, 2, 3) if f" a{i}|" in victims)
    assert bounds(event_of(f"They {{DEATH e1|killed}} {victims}{links}").outcomes.killed) == (
        expected,
        expected,
        expected,
        "exact",
    )


@pytest.mark.parametrize("who", ["{ACTOR a1|Hemar Dost} was", "A {ACTOR a1|commander} was"])
@pytest.mark.parametrize("among", ["among the", "one of the"])
def test_one_among_those_is_no_one_more(who: str, among: str) -> None:
    text = f"{who} {among} {{QUANTITY q1|six}} {{DETENTION e1|detained}}.\n> e1 TARGET a1\n> e1 TARGET q1"
    assert bounds(event_of(text).outcomes.detained) == (6, 6, 6, "exact")


def test_a_group_of_an_unknown_name_is_no_person() -> None:
    for victims in ("the {ACTOR a1|Karsk Front}", "{ACTOR a1|Karskis}", "{ACTOR a1|KF}"):
        assert event_of(f"They {{DEATH e1|killed}} {victims}.\n> e1 TARGET a1").outcomes.killed is None


def test_a_person_is_one() -> None:
    resolvers = replace(RESOLVERS, actor=lambda query: ActorValue(query.text, "person"))
    text = "{ACTOR a1|Ada Brook} was {ABDUCTION e1|seized}.\n> e1 TARGET a1"
    assert bounds(event_of(text, resolvers=resolvers).outcomes.abducted) == (1, 1, 1, "exact")


@pytest.mark.parametrize(
    ("sentence", "relations", "expected"),
    [
        ("no {ACTOR a1|civilians} were {INJURY e2|hurt}", "> e2 TARGET a1", (0, 0, 0, "exact")),
        ("nobody was {INJURY e2|hurt}", "", (0, 0, 0, "exact")),
        ("no {ACTOR a1|guard} was {INJURY e2|hurt}", "> e2 TARGET a1", (0, 0, 0, "exact")),
        ("the {ACTOR a1|guards} took no {INJURY e2|harm}", "> e2 TARGET a1", (0, 0, 0, "exact")),
        ("it did not {INJURY e2|hurt} {ACTOR a1|civilians}", "> e2 TARGET a1", (0, 0, 0, "exact")),
        ("the {ACTOR a1|mayor} was not {INJURY e2|hurt}", "> e2 TARGET a1", None),
    ],
)
def test_a_denied_outcome_is_zero_only_where_it_speaks_of_all(
    sentence: str, relations: str, expected: object
) -> None:
    text = (
        f"A {{AIRSTRIKE e1|strike}} hit Orm; {sentence}.\n> e2 SUBEVENT_OF e1\n> e2 IS NEGATED\n{relations}"
    )
    assert bounds(event_of(text).outcomes.injured) == expected
    assert event_of(text).outcomes.killed is None


def test_outcomes_come_from_all_levels_and_each_victim_once() -> None:
    raid = event_of(
        "A {RAID e1|raid} led to a {CLASH e2|clash}: {QUANTITY q1|two} {ACTOR a1|rebels} {DEATH e3|died}, a "
        "{ACTOR a2|guard} was {INJURY e4|hurt}; the {ACTOR a3|guard} was {INJURY e5|hit} in the arm. The "
        "{ACTOR a4|army} {SEIZURE e6|took} a {OBJECT o1|mortar} and {DAMAGE e7|burned} a {OBJECT "
        "o2|house} in "
        "{LOCATION l1|Orm}.\n"
        "> e2 SUBEVENT_OF e1\n> e3 SUBEVENT_OF e2\n> e3 TARGET a1\n> q1 QUANTITY_OF a1\n> e4 SUBEVENT_OF e2\n"
        "> e4 TARGET a2\n> a3 SAME_AS a2\n> e5 SUBEVENT_OF e1\n> e5 TARGET a3\n> e6 SUBEVENT_OF e1\n"
        "> e6 TARGET o1\n> e7 SUBEVENT_OF e1\n> e7 TARGET o2\n> e7 TARGET l1"
    )
    assert bounds(raid.outcomes.killed) == (2, 2, 2, "exact")
    assert bounds(raid.outcomes.injured) == (1, 1, 1, "exact")
    assert [thing.text for thing in raid.outcomes.seized] == ["mortar"]
    assert [thing.text for thing in raid.outcomes.damaged] == ["house", "Orm"]


def test_plans_and_fears_lead_to_nothing() -> None:
    text = (
        "They {STATEMENT e1|feared} that {QUANTITY q1|300} {ACTOR a1|people} would {DISPLACEMENT e2|flee}.\n"
        "> e2 AGENT a1\n> q1 QUANTITY_OF a1\n> e2 IS HYPOTHETICAL\n> e2 SUBEVENT_OF e1"
    )
    assert [event.outcomes.displaced for event in report_of(text)] == [None, None]
    actual = text.replace("\n> e2 IS HYPOTHETICAL", "")
    assert [bounds(event.outcomes.displaced) for event in report_of(actual)] == [(300, 300, 300, "exact")] * 2


def test_tolls_of_two_reporters_are_a_range() -> None:
    text = (
        "{ACTOR a1|Police} put the {DEATH e1|dead} at {QUANTITY q1|nine}; {ACTOR a2|nurses} said "
        "{QUANTITY q2|six} "
        "had {DEATH e2|died}.\n> e1 TARGET q1\n> e1 REPORTER a1\n> e2 TARGET q2\n> e2 REPORTER a2\n> e2 "
        "SAME_EVENT e1"
    )
    killed = event_of(text).outcomes.killed
    assert bounds(killed) == (6, None, 9, "range")
    assert killed is not None
    assert killed.text == "nine; nurses said six"
    silent = text.replace("\n> e1 REPORTER a1", "").replace("\n> e2 REPORTER a2", "")
    assert bounds(event_of(silent).outcomes.killed) == (9, 9, 9, "exact")


# ---- totals ----

ROUND_UP = """\
In {DATE d1|April} the {ACTOR a1|Orm Front} made {QUANTITY q1|three} {RAID e1|raids}, {DETENTION \
e2|arresting} \
{QUANTITY q2|five} {ACTOR a2|men}.
> e1 AGENT a1
> e1 COUNT q1
> e1 TIME d1
> e1 IS AGGREGATE
> e2 SUBEVENT_OF e1
> e2 TARGET a2
> q2 QUANTITY_OF a2

{DATE d1|April 3}: {ACTOR a1|Orm fighters} {RAID e1|raided} {LOCATION l1|Orm} and {DETENTION e2|arrested} \
{QUANTITY q1|four} {ACTOR a2|men}.
> e1 AGENT a1
> e1 TARGET l1
> e1 TIME d1
> e2 SUBEVENT_OF e1
> e2 TARGET a2
> q1 QUANTITY_OF a2

{DATE d1|April 3 and 9}: {RAID e1|raids} on {LOCATION l1|Veld}.
> e1 TARGET l1
> e1 TIME d1

{DATE d1|April 11}: {ACTOR a1|Police} {RAID e1|raided} {LOCATION l1|Karsk}.
> e1 AGENT a1
> e1 TARGET l1
> e1 TIME d1

{DATE d1|May 2}: the {ACTOR a1|Orm Front} {RAID e1|raided} {LOCATION l1|Karsk}; it did not {RAID \
e2|raid} {LOCATION l2|Orm}.
> e1 AGENT a1
> e1 TARGET l1
> e1 TIME d1
> e2 AGENT a1
> e2 TARGET l2
> e2 TIME d1
> e2 IS NEGATED
"""


def test_opening_total_covers_the_items_that_nothing_sets_apart() -> None:
    report = report_of(ROUND_UP)
    total = report.events[0]
    places = {event.id: event.places[0].text for event in report if event.places}
    assert [places[item] for item in total.items] == ["Orm", "Veld"]
    reconciliation = total.reconciliation
    assert reconciliation is not None
    assert (reconciliation.stated, reconciliation.summed, reconciliation.agrees) == (3, 3, True)
    (detained,) = reconciliation.outcomes
    assert (detained.outcome, detained.stated, detained.summed, detained.agrees) == ("detained", 5, 4, False)
    assert all(not event.items and event.reconciliation is None for event in report.events[1:])


def test_linked_totals_are_reconciled_without_counting_twice() -> None:
    total = event_of(
        "{QUANTITY q1|26} {AIRSTRIKE e1|strikes}: {QUANTITY q2|15} {AIRSTRIKE e2|strikes} {DEATH e3|killed} "
        "{QUANTITY q3|four}, {QUANTITY q4|12} {AIRSTRIKE e4|strikes} hit nothing; {QUANTITY q5|four} "
        "{DEATH e5|died} "
        "in all.\n> e1 COUNT q1\n> e1 IS AGGREGATE\n> e2 COUNT q2\n> e2 IS AGGREGATE\n> e2 SUBEVENT_OF e1\n"
        "> e3 TARGET q3\n> e3 SUBEVENT_OF e2\n> e4 COUNT q4\n> e4 IS AGGREGATE\n> e4 SUBEVENT_OF e1\n"
        "> e5 TARGET q5\n> e5 SUBEVENT_OF e1"
    )
    assert total.items == ("e2", "e4")
    assert bounds(total.outcomes.killed) == (4, 4, 4, "exact")
    assert total.reconciliation is not None
    assert (total.reconciliation.stated, total.reconciliation.summed, total.reconciliation.agrees) == (
        26,
        27,
        False,
    )
    (killed,) = total.reconciliation.outcomes
    assert killed.agrees is True


def test_unknown_totals_agree_with_nothing() -> None:
    total = event_of(
        "Several {AIRSTRIKE e1|strikes}, among them {QUANTITY q1|two} {AIRSTRIKE e2|raids}.\n"
        "> e1 IS AGGREGATE\n> e2 SUBEVENT_OF e1\n> e2 COUNT q1"
    )
    assert total.reconciliation is not None
    assert (total.reconciliation.stated, total.reconciliation.summed, total.reconciliation.agrees) == (
        None,
        2,
        None,
    )


# ---- sentences ----


@pytest.mark.parametrize(
    "sentences",
    [
        ["Gen. Ada Brook met Lt. Col. B. Ames of the U.S. Army on Dec. 26.", "The U.S. denied it."],
        ["He left at 5 p.m. for Orm.", "“Why?” they asked.", "No. 4 Company stayed."],
        ["It was 3.5 km. away.", "Nobody came.", "(One did.)", "Rain!", "12 men slept."],
        ["1. A convoy came.", "It left at dawn."],
        ["They said no.", "He was shot in the sun.", "Residents fled."],
    ],
)
def test_sentences(sentences: list[str]) -> None:
    text = " ".join(sentences)
    assert [text[s.start : s.end] for s in sentence_spans(text, Span(0, len(text)))] == sentences


def test_evidence_joins_what_a_span_crosses() -> None:
    text = "One two. Three four. Five."
    layout = Layout(text)
    assert layout.evidence([Span(4, 12), Span(21, 25)], 0) == (Span(0, 20), Span(21, 26))


# ---- whole ----


def test_golden_records() -> None:
    expected = (FOLDER / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert record_lines() == expected


def test_bad_annotations_are_refused() -> None:
    document = Document(id="bad", text="Men left.")
    outside = Annotation("bad", mentions=(Mention(Span(5, 20), "ACTOR"),))
    with pytest.raises(DocumentError, match="outside the text"):
        assemble(document, outside, SHIPPED, Resolvers.none())
    foreign = Annotation("bad", mentions=(Mention(Span(0, 3), "PLANET"),))
    with pytest.raises(OntologyError, match="PLANET"):
        assemble(document, foreign, SHIPPED, Resolvers.none())


def test_empty_document() -> None:
    report = assemble(Document(id="empty", text=""), Annotation("empty"), SHIPPED, Resolvers.none())
    assert report.events == ()


def test_an_ontology_without_the_usual_names_works() -> None:
    ontology = Ontology.from_dict(
        {
            "name": "other",
            "version": "1",
            "mentions": {"WEAPON": ""},
            "events": {"FIRE": {}},
            "relations": {"WITH": {"kind": "role", "head": ["EVENT"], "tail": ["WEAPON"]}},
        },
        "other",
    )
    weapon, trigger = Mention(Span(10, 14), "WEAPON"), Trigger(Span(0, 4), "FIRE")
    annotation = Annotation("other", (weapon,), (trigger,), (Relation(trigger, weapon, "WITH"),))
    (event,) = assemble(Document(id="other", text="Shot from guns"), annotation, ontology, Resolvers.none())
    assert [(thing.role, thing.text) for thing in event.objects] == [("with", "guns")]


def all_spans(event: Event) -> list[Span]:
    found = [trigger.span for trigger in event.triggers] + list(event.evidence) + list(event.time.spans)
    things = (*event.actors, *event.objects, *event.places, *event.amounts)
    things += (*event.outcomes.damaged, *event.outcomes.seized)
    found += [thing.span for thing in things]
    return found


def quantities(event: Event) -> list[tuple[str, Span]]:
    found = [getattr(thing, "quantity", None) for thing in (*event.actors, *event.objects, *event.amounts)]
    outcomes = event.outcomes
    found += [outcomes.killed, outcomes.injured, outcomes.detained, outcomes.released]
    found += [outcomes.abducted, outcomes.displaced, event.count]
    return [(quantity.text, quantity.span) for quantity in found if quantity is not None and quantity.span]


@pytest.mark.parametrize("resolvers", [Resolvers.none(), RESOLVERS], ids=["none", "real"])
def test_any_annotation_gives_sound_records(resolvers: Resolvers) -> None:
    @settings(max_examples=60, deadline=None)
    @given(strategies.examples(SHIPPED))
    def check(example: Example) -> None:
        report = assemble(example.document, example.gold, SHIPPED, resolvers)
        text = example.document.text
        by_id = {event.id: event for event in report}
        assert list(by_id) == [f"e{i}" for i in range(1, len(by_id) + 1)]
        triggers = [trigger.span for event in report for trigger in event.triggers]
        assert sorted(triggers) == [trigger.span for trigger in example.gold.triggers]
        for event in report:
            assert all(
                event.id in by_id[child].children or by_id[child].parent == event.id
                for child in event.children
            )
            assert event.parent is None or event.id in by_id[event.parent].children
            assert set(event.items) <= set(by_id) - {event.id}
            assert all(span.end <= len(text) for span in all_spans(event))
            assert event.evidence == tuple(sorted(event.evidence))
            assert any(span.overlaps(event.triggers[0].span) for span in event.evidence)
            for thing in (*event.triggers, *event.actors, *event.objects, *event.places, *event.amounts):
                assert text[thing.span.start : thing.span.end] == thing.text
            for words, span in quantities(event):
                assert text[span.start : span.end] == words
            assert 0 <= event.score <= 1

    check()


@settings(max_examples=40, deadline=None)
@given(strategies.examples(SHIPPED), st.randoms())
def test_order_of_relations_is_no_matter(example: Example, random: object) -> None:
    relations = list(example.gold.relations)
    random.shuffle(relations)  # type: ignore[attr-defined]
    shuffled = replace(example.gold, relations=tuple(relations))
    before = assemble(example.document, example.gold, SHIPPED, RESOLVERS)
    assert assemble(example.document, shuffled, SHIPPED, RESOLVERS).events == before.events


def test_a_document_takes_few_milliseconds(tiny_examples: list[Example]) -> None:
    def run(job: Callable[[], object]) -> float:
        start = time.perf_counter()
        job()
        return time.perf_counter() - start

    example = tiny_examples[0]
    best = min(
        run(lambda: assemble(example.document, example.gold, SHIPPED, Resolvers.none())) for _ in range(5)
    )
    assert best < 0.05


def test_the_shipped_resolvers_work_together() -> None:
    report = report_of(
        "On {DATE d1|8 May} the {ACTOR a1|World Food Programme} ({ACTOR a2|WFP}) {AID e1|delivered} "
        "{QUANTITY q1|about "
        "40 tonnes of} {OBJECT o1|flour} to {LOCATION l1|Aleppo} in {LOCATION l2|Syria}. {ACTOR a3|WFP} "
        "{STATEMENT e2|thanked} the {ACTOR a4|drivers}.\n"
        "> a2 SAME_AS a1\n> e1 AGENT a1\n> e1 THEME o1\n> e1 DESTINATION l1\n> e1 TIME d1\n> l1 "
        "LOCATED_IN l2\n"
        "> q1 QUANTITY_OF o1\n> e2 AGENT a3\n> e2 TARGET a4",
        resolvers=Resolvers.default(),
    )
    delivered, thanked = report.events
    assert delivered.time.start == Day(2031, 5, 8)
    assert (delivered.places[0].country, delivered.places[0].within) == ("SY", ("Syria",))
    assert delivered.places[0].latitude == pytest.approx(36.2, abs=0.3)
    quantity = delivered.objects[0].quantity
    assert quantity is not None
    assert (quantity.best, quantity.qualifier, quantity.unit) == (40, "about", "metric_ton")
    assert delivered.actors[0].kind == "organisation"
    assert thanked.actors[0].name == delivered.actors[0].name


# ---- what no link ties to anything ----

UNTIED = """\
{LOCATION l1|KARSK}, {LOCATION l2|Veld} ({DATE d1|May 10}) - {ACTOR a1|Guards} {DETENTION e1|detained} \
{QUANTITY q1|two} {ACTOR a2|smugglers} in {LOCATION l3|Orm district}, {LOCATION l4|Tarn province} \
{DATE d2|yesterday}.
> e1 AGENT a1
> e1 TARGET a2
> q1 QUANTITY_OF a2
> l1 LOCATED_IN l2
> l3 LOCATED_IN l4
"""


def test_an_event_without_time_or_place_takes_those_of_its_sentence_that_nothing_else_has() -> None:
    event = event_of(UNTIED)
    assert (event.time.start, event.time.end) == (Day(2031, 5, 9), Day(2031, 5, 9))
    assert event.time.text == "yesterday"
    assert [(place.role, place.text, place.within) for place in event.places] == [
        ("at", "Orm district", ("Tarn province",))
    ]


def test_a_date_or_place_of_another_event_is_not_taken() -> None:
    inline = (
        "{ACTOR a1|Guards} {DETENTION e1|detained} a {ACTOR a2|man} for the {BOMBING e2|blast} in "
        "{LOCATION l1|Orm} on {DATE d1|Tuesday}.\n> e1 TARGET a2\n> e2 PLACE l1\n> e2 TIME d1\n"
    )
    event = event_of(inline)
    assert event.time.start is None
    assert event.places == ()


@pytest.mark.parametrize(
    "inline",
    [
        "{ACTOR a1|Guards} {DETENTION e1|detained} a {ACTOR a2|man} named {DATE d1|2 May}.\n> e1 TARGET a2\n",
        "They {DETENTION e1|detained} a {ACTOR a2|man}. {DATE d1|Yesterday} it rained.\n> e1 TARGET a2\n",
        "They will {DETENTION e1|detain} a {ACTOR a2|man}, it said {DATE d1|today}.\n> e1 IS PLANNED\n",
    ],
)
def test_calendar_dates_other_sentences_and_plans_take_no_untied_date(inline: str) -> None:
    assert event_of(inline).time.start is None


@pytest.mark.parametrize("words", ["against", "said by", "to"])
def test_a_place_needs_a_preposition_of_place_to_be_taken(words: str) -> None:
    inline = f"{{ACTOR a1|Guards}} {{CLASH e1|fought}} {words} {{LOCATION l1|Orm}}.\n> e1 AGENT a1\n"
    assert event_of(inline).places == ()


def test_a_date_that_opens_the_title_dates_the_report_and_not_its_first_event() -> None:
    body = (
        "{DATE d1|May 10}: {ACTOR a1|Smugglers} {DETENTION e1|Detained}\n> e1 TARGET a1\n\n"
        "{ACTOR a1|Guards} {DETENTION e1|detained} {ACTOR a2|smugglers} {DATE d1|yesterday}.\n"
        "> e1 TARGET a2\n> e1 TIME d1\n"
    )
    title, detail = report_of(body).events
    assert title.time.start is None
    assert detail.time.start == Day(2031, 5, 9)
    alone = event_of("{DATE d1|May 10}: {ACTOR a1|Smugglers} were {DETENTION e1|detained}.\n> e1 TARGET a1\n")
    assert alone.time.start == Day(2031, 5, 10)


def test_a_common_noun_is_no_affiliation_where_the_member_has_a_name_for_it() -> None:
    def actor(query: ActorQuery) -> ActorValue:
        named = "Karsk Front" if "Karsk" in query.text else None
        return ActorValue(query.text, "person" if named else "armed_group", affiliation=named)

    inline = (
        "{ACTOR a1|Guards} {DETENTION e1|detained} {QUANTITY q1|three} {ACTOR a2|insurgents}, including a "
        "{ACTOR a3|Karsk Front commander}, and {DEATH e2|killed} him.\n"
        "> e1 TARGET a2\n> q1 QUANTITY_OF a2\n> a3 MEMBER_OF a2\n> e2 TARGET a3\n"
    )
    report = report_of(inline, resolvers=replace(RESOLVERS, actor=actor))
    assert report.events[1].actors[0].affiliation == "Karsk Front"
