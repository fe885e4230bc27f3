from __future__ import annotations

import datetime
import itertools
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from sitrep_ie.document import (
    ActorArgument,
    AmountArgument,
    Annotation,
    Document,
    Event,
    EventTime,
    ObjectArgument,
    Outcomes,
    PlaceArgument,
    Quantity,
    Report,
    Span,
    TriggerText,
)
from sitrep_ie.errors import DependencyError, DocumentError, FormatError
from sitrep_ie.ontology import Ontology
from sitrep_ie.score import Counts, EventRecord, Item, read_records, records_of, score_records, score_reports
from sitrep_ie.score.records import align, field_values, fold_name, similarity

TEXT = "On 3 May guards sent trucks to Karsk. Shells hit a mill in Veld, killing four drivers."
SPAN = Span(0, 2)
MAY_3, MAY_4, MAY_9 = (datetime.date(2031, 5, day) for day in (3, 4, 9))


def number(low: float | None, qualifier: Any = "exact", best: float | None = None) -> Quantity:
    return Quantity(low, best if best is not None else low, low, qualifier)


def actor(role: str, text: str, quantity: Quantity | None = None) -> ActorArgument:
    return ActorArgument(role, text, SPAN, text, "unknown", None, None, (), quantity, 1.0)


def thing(role: str, text: str, quantity: Quantity | None = None) -> ObjectArgument:
    return ObjectArgument(role, text, SPAN, quantity, 1.0)


def place(role: str, text: str) -> PlaceArgument:
    return PlaceArgument(role, text, SPAN, (), None, None, None, None, None, "unresolved", 1.0)


def event(event_id: str, event_type: str, **values: Any) -> Event:
    values.setdefault("time", EventTime(None, None, None, "unknown"))
    return Event(
        event_id, event_type, 1.0, (TriggerText("On", SPAN),), values.pop("modality", "actual"), **values
    )


def report(*events: Event, document_id: str = "d") -> Report:
    return Report(Document(document_id, TEXT), Annotation(document_id), events)


def record(record_id: str, event_type: str = "CLASH", document_id: str = "d", **values: Any) -> EventRecord:
    return EventRecord(document_id=document_id, id=record_id, type=event_type, **values)


# ---- from events ----


def test_an_event_becomes_a_flat_record() -> None:
    convoy = event(
        "e1",
        "MOVEMENT",
        time=EventTime(MAY_3, MAY_4, "day", "explicit"),
        actors=(
            actor("agent", "guards", number(20)),
            actor("partner", "allies"),
            actor("theme", "recruits"),
            actor("reporter", "monitors", number(2)),
        ),
        objects=(
            thing("theme", "trucks", Quantity(30, 35, 40, "range")),
            thing("instrument", "ferry"),
            thing("agent", "tug"),
            thing("theme", "crates", number(2, "vague")),
        ),
        places=(
            place("at", "Veld"),
            place("origin", "Tarn"),
            place("destination", "Karsk"),
            place("via", "A9"),
        ),
        amounts=(AmountArgument("theme", "a dozen", SPAN, number(12), 1.0),),
        count=Quantity(None, None, 6, "at_most"),
        aggregate=True,
        modality="planned",
        evidence=(Span(0, 37),),
    )
    assert records_of(report(convoy)) == [
        EventRecord(
            document_id="d",
            id="e1",
            type="MOVEMENT",
            start=MAY_3,
            end=MAY_4,
            agents=("guards", "tug"),
            partners=("allies",),
            reporters=("monitors",),
            items=(
                Item("trucks", 30),
                Item("ferry"),
                Item("crates"),
                Item("guards", 20),
                Item("recruits"),
                Item("a dozen", 12),
            ),
            place=("Veld",),
            origin=("Tarn",),
            destination=("Karsk",),
            via=("A9",),
            count=6,
            aggregate=True,
            modality="planned",
            quote="On 3 May guards sent trucks to Karsk.",
        )
    ]


def test_outcomes_are_fields_of_the_parent_and_records_only_without_one() -> None:
    mill = thing("target", "mill", number(1))
    shelling = event(
        "e1",
        "SHELLING",
        places=(place("target", "Veld"),),
        outcomes=Outcomes(
            killed=number(4), injured=number(2, "vague"), damaged=(mill, place("target", "Veld"))
        ),
        children=("e2", "e3"),
    )
    death = event("e2", "DEATH", parent="e1", actors=(actor("target", "drivers", number(4)),))
    damage = event("e3", "DAMAGE", parent="e1", objects=(mill,))
    alone = event(
        "e4",
        "DETENTION",
        actors=(actor("target", "men", number(9)),),
        outcomes=Outcomes(detained=number(9)),
    )
    freed = event(
        "e5", "DETENTION", parent="e1", release=True, actors=(actor("target", "hostages", number(3)),)
    )
    seized = event("e6", "SEIZURE", parent="e1", objects=(thing("target", "guns"),))
    records = {r.id: r for r in records_of(report(shelling, death, damage, alone, freed, seized))}
    assert list(records) == ["e1", "e4", "e5", "e6"]
    assert records["e1"].killed == 4
    assert records["e1"].injured is None  # a bare plural tells no number
    assert records["e1"].targets == ("Veld",)
    assert records["e1"].items == (Item("mill", 1),)
    assert records["e4"] == record(
        "e4", "DETENTION", targets=("men",), detained=9
    )  # the men are no items: `detained` tells them
    assert records["e5"].items == (Item("hostages", 3),)
    assert records["e5"].release


def test_occurrences_are_one_unless_a_record_sums_up() -> None:
    records = records_of(report(event("e1", "RAID"), event("e2", "RAID", aggregate=True)))
    assert [r.count for r in records] == [1, None]


# ---- from files ----

LINE: dict[str, Any] = {
    "doc": "d", "id": "r1", "type": "RAID", "start": "2031-05-03", "end": None, "agents": ["guards"],
    "partners": [], "targets": [], "reporters": [], "items": [{"what": "vans", "count": 2}],
    "place": ["Veld"],
    "origin": [], "destination": [], "via": [], "killed": 0, "injured": None, "detained": 7, "release": False,
    "count": 1, "aggregate": False, "modality": "actual", "paragraph": 2, "quote": "guards searched Veld",
}  # fmt: skip


def write(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n", encoding="utf-8")
    return path


def test_gold_records_are_read(tmp_path: Path, ontology: Ontology) -> None:
    path = write(tmp_path / "gold.jsonl", LINE, {**LINE, "id": "r2", "start": None, "quote": None})
    first, second = read_records(path, ontology)
    assert first == record(
        "r1",
        "RAID",
        start=MAY_3,
        agents=("guards",),
        items=(Item("vans", 2),),
        place=("Veld",),
        killed=0,
        detained=7,
        paragraph=2,
        quote="guards searched Veld",
    )
    assert (second.start, second.quote) == (None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "PARTY"}, "type: 'PARTY' is no event type"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"start": "3 May"}, "start: '3 May', expected an ISO date or null"),
        ({"start": 3}, "start: 3, expected an ISO date or null"),
        ({"end": "2031-05-02"}, "start 2031-05-03 lies after end 2031-05-02"),
        ({"agents": "guards"}, "agents: 'guards', expected a list of strings"),
        ({"items": [{"what": "vans"}]}, "items: .*, expected a list of"),
        ({"items": [{"what": "vans", "count": "2"}]}, "items: .*, expected a list of"),
        ({"killed": True}, "killed: True, expected a number from 0 or null"),
        ({"count": -1}, "count: -1, expected a number from 0 or null"),
        ({"aggregate": None}, "aggregate: None, expected true or false"),
        ({"modality": "likely"}, "modality: 'likely', expected one of"),
        ({"paragraph": "2"}, "paragraph: '2', expected a whole number"),
        ({"doc": ""}, "doc: '', expected a string"),
        ({"id": "r1"}, "record 'r1' of document 'd' occurs twice"),
    ],
)
def test_a_faulty_line_is_named(
    tmp_path: Path, ontology: Ontology, change: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "gold.jsonl", LINE, {**LINE, "id": "r2", **change})
    with pytest.raises(FormatError, match=rf"gold.jsonl:2: {message}"):
        read_records(path, ontology)


def test_a_file_that_is_no_records_is_refused(tmp_path: Path, ontology: Ontology) -> None:
    path = tmp_path / "gold.jsonl"
    with pytest.raises(FormatError, match="gold.jsonl: cannot be read"):
        read_records(path, ontology)
    path.write_text("{]\n", encoding="utf-8")
    with pytest.raises(FormatError, match="gold.jsonl:1: not valid JSON"):
        read_records(path, ontology)
    path.write_text("[]\n", encoding="utf-8")
    with pytest.raises(FormatError, match="gold.jsonl:1: expected an object, found list"):
        read_records(path, ontology)
    path.write_text(json.dumps({k: v for k, v in LINE.items() if k != "via"}), encoding="utf-8")
    with pytest.raises(FormatError, match="gold.jsonl:1: key 'via' is missing"):
        read_records(path, ontology)


# ---- names ----


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Border Guards", "border guards"),
        ("Al-Waleed", "al Walid"),
        ("ash-Shamal", "Al-Shamal"),
        ("ar Rashid", "Rashid"),
        ("Raqqah", "Raqqa"),
        ("Mahmoud", "Mahmud"),
        ("Łódź", "Lodz"),
        ("Sa‘ada", "Saada"),
        ("“Northern Brigade”", "Northern Brigade"),
        ("Téra bridge", "tera bridge"),
        ("de-mining  team", "de mining team"),
    ],
)
def test_names_that_are_one(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("US forces", "forces"),
        ("men", "mines"),
        ("guards", "guard"),
        ("Karsk", "Kursk"),
        ("two trucks", "trucks"),
        ("as Karsk", "Karsk"),
    ],
)
def test_names_that_are_two(one: str, other: str) -> None:
    assert fold_name(one) != fold_name(other)


def test_a_name_of_an_article_alone_is_not_nothing() -> None:
    assert fold_name("The") == "the"


# ---- alignment ----


def test_similarity_by_hand() -> None:
    a = record("a", start=MAY_3, end=MAY_3, agents=("border guards",), place=("Veld",), killed=4)
    b = record("b", start=MAY_3, end=MAY_4, targets=("guards",), origin=("Veld",), killed=5)
    # Days overlap 1/2; one of two and one of one word: 2/3; one place: 1; one number, another: 0.
    assert similarity(a, b) == similarity(b, a) == pytest.approx((1 / 2 + 2 / 3 + 1 + 0) / 4)
    assert similarity(a, a) == 1.0
    quoted = record("c", quote="guards fired"), record("d", quote="Guards fired at a mill in Veld")
    assert similarity(*quoted) == 1.0
    assert similarity(record("e"), record("f")) == 1.0
    assert similarity(record("g", start=MAY_3), record("h", end=MAY_9)) == 0.0
    assert similarity(record("i", modality="planned"), record("j", agents=("guards",))) == 0.0


def test_alignment_has_the_greatest_total_not_the_greatest_first() -> None:
    gold = [record("g1", agents=("red blue",)), record("g2", agents=("red blue green tan",))]
    predicted = [record("p1", agents=("red blue green",)), record("p2", agents=("green tan grey",))]
    # The most alike pair, g2-p1 (6/7), would leave g1-p2 (0); g1-p1 (4/5) and g2-p2 (4/7) give more.
    assert similarity(gold[1], predicted[0]) == pytest.approx(6 / 7)
    assert similarity(gold[0], predicted[0]) == pytest.approx(4 / 5)
    assert [(g.id, p.id) for g, p in align(gold, predicted)] == [("g1", "p1"), ("g2", "p2")]


def test_alignment_equals_brute_force() -> None:
    draw = random.Random(5)
    words = "red blue green tan grey".split()

    def some(prefix: str, size: int) -> list[EventRecord]:
        return [
            record(f"{prefix}{i}", agents=(" ".join(draw.sample(words, 3)),), place=(draw.choice(words),))
            for i in range(size)
        ]

    for _ in range(20):
        gold, predicted = some("g", 4), some("p", 4)
        total = sum(similarity(a, b) for a, b in align(gold, predicted))
        alike = [[s if (s := similarity(a, b)) >= 0.3 else 0.0 for b in predicted] for a in gold]
        best = max(
            sum(alike[i][j] for i, j in enumerate(order)) for order in itertools.permutations(range(4))
        )
        assert total == pytest.approx(best)


def test_records_of_another_type_or_too_unlike_are_not_aligned() -> None:
    gold = [record("g1", "RAID", agents=("guards",)), record("g2", "CLASH", agents=("militia",))]
    predicted = [record("p1", "CLASH", agents=("guards",)), record("p2", "PATROL", agents=("guards",))]
    assert align(gold, predicted) == []


def test_alignment_without_scipy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(DependencyError, match="scipy"):
        align([record("g")], [record("p")])


# ---- scores ----


def test_scores_counted_by_hand() -> None:
    gold = [
        record("g1", agents=("the guards",), place=("Veld",), killed=4, start=MAY_3, end=MAY_3),
        record("g2", "RAID", items=(Item("vans", 2), Item("guns")), detained=7),
        record("g3", "RAID", "e", place=("Karsk",), aggregate=True, count=5),
    ]
    predicted = [
        record("p1", agents=("Guards", "militia"), place=("Velden",), killed=4, start=MAY_3, end=MAY_4),
        record("p2", "RAID", items=(Item("Vans", 3),), detained=7, modality="planned"),
        record("p3", "PATROL", "e", place=("Karsk",), release=True),
    ]
    scores = score_records(gold, predicted)
    assert scores.num_documents == 2
    assert scores.records.total == Counts(2, 1, 1)
    assert scores.records.by_type == {
        "CLASH": Counts(1, 0, 0), "PATROL": Counts(0, 1, 0), "RAID": Counts(1, 0, 1),
    }  # fmt: skip
    nothing = Counts()
    assert scores.fields == {
        "time": Counts(0, 1, 1),
        "agents": Counts(1, 1, 0),
        "partners": nothing,
        "targets": nothing,
        "reporters": nothing,
        "place": Counts(0, 2, 2),
        "origin": nothing,
        "destination": nothing,
        "via": nothing,
        "items": Counts(1, 0, 1),
        "item_counts": Counts(0, 1, 1),
        "killed": Counts(1, 0, 0),
        "injured": nothing,
        "detained": Counts(1, 0, 0),
        "count": Counts(2, 1, 1),
        "modality": Counts(1, 2, 2),
        "aggregate": Counts(0, 0, 1),
        "release": Counts(0, 1, 0),
    }
    assert scores.aligned_fields["place"] == Counts(0, 1, 1)
    assert scores.aligned_fields["count"] == Counts(2, 0, 0)
    assert scores.aligned_fields["modality"] == Counts(1, 1, 1)
    assert scores.field_f1 == pytest.approx(2 * 7 / (2 * 7 + 9 + 9))
    assert scores.to_dict()["fields"]["killed"]["f1"] == 1.0
    assert scores.to_dict()["records"]["types"]["RAID"]["fn"] == 1
    rows = {line[:20].strip(): line[20:].split() for line in scores.table().splitlines()[2:]}
    assert rows["Records"] == ["66.7", "66.7", "66.7", "3", "3"]
    assert rows["modality"] == ["33.3", "33.3", "33.3", "50.0", "3", "3"]


def test_records_against_themselves_are_perfect(tmp_path: Path, ontology: Ontology) -> None:
    path = write(tmp_path / "gold.jsonl", LINE, {**LINE, "id": "r2", "place": ["Karsk"]})
    gold = read_records(path, ontology)
    scores = score_records(gold, gold)
    assert scores.records.f1 == scores.field_f1 == 1.0
    assert all(counts.f1 == 1.0 for counts in scores.fields.values())


def test_zero_is_a_value_and_null_is_none() -> None:
    assert field_values(record("a", killed=0))["killed"] == {0}
    assert field_values(record("a"))["killed"] == set()


def test_documents_of_gold_and_reports_must_pair_up() -> None:
    gold = [record("g1", "RAID", agents=("guards",)), record("g2", document_id="e")]
    raid = event("e1", "RAID", actors=(actor("agent", "Guards"),))
    scores = score_reports(gold, [report(raid), report(document_id="e")])
    assert scores.records.total == Counts(1, 0, 1)
    with pytest.raises(DocumentError, match="'e' has gold records but no report"):
        score_reports(gold, [report()])
    with pytest.raises(DocumentError, match="'f' has a report but no gold records"):
        score_reports(gold, [report(), report(document_id="e"), report(document_id="f")])
    with pytest.raises(DocumentError, match="'d' has two reports"):
        score_reports(gold, [report(), report(), report(document_id="e")])
    with pytest.raises(DocumentError, match="'f': record 'p1', but no gold records"):
        score_records(gold, [record("p1", document_id="f")])
