from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sitrep_ie import Extractor
from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.document import Report
from sitrep_ie.formats.inline import parse_inline
from sitrep_ie.ontology import Ontology
from tests.conftest import ROOT
from training.benchmarks import isaf

SHIPPED = Ontology.load(ROOT / "configs" / "ontology.toml")
RESOLVERS = Resolvers.default()
HEAD = "# id: made-up | published: 2031-03-02\n"

RAID = """\
{ACTOR a1|Taliban Leader} {DETENTION e1|Seized}
> e1 TARGET a1

{ACTOR a1|Security forces} {DETENTION e1|detained} a {ACTOR a2|Taliban leader} and {QUANTITY q1|several} \
{ACTOR a3|insurgents} in {LOCATION l1|Gardez district}, {LOCATION l2|Paktiya province} {DATE d1|yesterday}.
> e1 AGENT a1
> e1 TARGET a2
> e1 TARGET a3
> q1 QUANTITY_OF a3
> e1 PLACE l1
> l1 LOCATED_IN l2
> e1 TIME d1

The {ACTOR a1|force} {RAID e1|searched} a {LOCATION l1|compound} and {DETENTION e2|detained} the \
{ACTOR a2|leader} and {QUANTITY q1|three} {ACTOR a3|insurgents}. No {OBJECT o1|shots} were {CLASH e3|fired}.
> e1 AGENT a1
> e1 TARGET l1
> e2 AGENT a1
> e2 TARGET a2
> e2 TARGET a3
> q1 QUANTITY_OF a3
> e3 IS NEGATED
"""


def report_of(inline: str) -> Report:
    (example,) = parse_inline(HEAD + inline, "test", SHIPPED)
    return assemble(example.document, example.gold, SHIPPED, RESOLVERS)


def fields_of(inline: str) -> dict[str, Any]:
    return isaf.fields(report_of(inline))


def test_people_told_three_times_count_once() -> None:
    assert fields_of(RAID) == {
        "name": "Taliban Leader Seized",
        "start_date": "2031-03-01",
        "event_type": ["detention"],
        "province": ["paktya"],
        "target_group": ["taliban"],
        "min_killed": 0,
        "min_captured": 4,
        "killq": False,
        "captureq": True,
        "killcaptureraid": True,
        "airstrike": False,
        "noshotsfired": True,
        "min_leaders_killed": 0,
        "min_leaders_captured": 1,
    }


@pytest.mark.parametrize(
    ("victims", "expected"),
    [
        ("{ACTOR a1|insurgents}", 2),
        ("{QUANTITY q1|several} {ACTOR a1|insurgents}\n> q1 QUANTITY_OF a1", 3),
        ("{QUANTITY q1|a few} {ACTOR a1|insurgents}\n> q1 QUANTITY_OF a1", 3),
        ("{QUANTITY q1|a couple of} {ACTOR a1|insurgents}\n> q1 QUANTITY_OF a1", 2),
        ("{QUANTITY q1|multiple} {ACTOR a1|insurgents}\n> q1 QUANTITY_OF a1", 3),
        ("{QUANTITY q1|numerous} {ACTOR a1|insurgents}\n> q1 QUANTITY_OF a1", 4),
        ("a {QUANTITY q1|number of} {ACTOR a1|insurgents}\n> q1 QUANTITY_OF a1", 3),
        ("a {QUANTITY q1|large number of} {ACTOR a1|insurgents}\n> q1 QUANTITY_OF a1", 4),
        ("{QUANTITY q1|dozens of} {ACTOR a1|insurgents}\n> q1 QUANTITY_OF a1", 24),
        ("{QUANTITY q1|more than 20} {ACTOR a1|insurgents}\n> q1 QUANTITY_OF a1", 21),
        ("an {ACTOR a1|insurgent}", 1),
    ],
)
def test_minimum_of_the_rubric(victims: str, expected: int) -> None:
    found = fields_of(f"Troops {{DEATH e1|killed}} {victims}\n> e1 TARGET a1\n")
    assert (found["min_killed"], found["killq"]) == (expected, True)
    assert found["event_type"] == ["insurgentskilled"]


def test_more_people_add_and_the_same_number_again_does_not() -> None:
    first = "Troops {DETENTION e1|detained} {QUANTITY q1|two} {ACTOR a1|insurgents}. "
    links = "\n> e1 TARGET a1\n> q1 QUANTITY_OF a1\n> e2 TARGET a2\n> q2 QUANTITY_OF a2\n"
    again = "{QUANTITY q2|Two} {ACTOR a2|suspects} were {DETENTION e2|held}."
    added = "{QUANTITY q2|Two} other {ACTOR a2|suspects} were {DETENTION e2|held}."
    assert fields_of(first + again + links)["min_captured"] == 2
    assert fields_of(first + added + links)["min_captured"] == 4


def test_one_of_those_held_is_no_one_more() -> None:
    inline = """\
Troops {DETENTION e1|detained} {QUANTITY q1|three} {ACTOR a1|insurgents}.
> e1 TARGET a1
> q1 QUANTITY_OF a1

A {ACTOR a1|Taliban leader} was one of those {DETENTION e1|detained} in the valley.
> e1 TARGET a1
"""
    found = fields_of(inline)
    assert (found["min_captured"], found["min_leaders_captured"]) == (3, 1)


def test_what_a_wanted_man_did_is_no_operation() -> None:
    inline = """\
Troops {DETENTION e1|detained} {QUANTITY q1|two} {ACTOR a1|insurgents}. The \
{ACTOR a2|targeted individual} is behind {DEATH e2|executions} of {ACTOR a3|Afghan civilians}.
> e1 TARGET a1
> q1 QUANTITY_OF a1
> e2 AGENT a2
> e2 TARGET a3
"""
    found = fields_of(inline)
    assert (found["event_type"], found["min_killed"]) == (["detention"], 0)


def test_the_deeds_of_the_enemy_old_events_and_the_dead_of_the_forces_do_not_count() -> None:
    inline = """\
{ACTOR a1|Troops} {DETENTION e1|detained} a {ACTOR a2|Haqqani facilitator} {DATE d1|today}; a \
{BOMBING e2|bomb} {DEATH e3|killed} {QUANTITY q1|four} {ACTOR a3|U.S. soldiers}. \
{ACTOR a4|Taliban} {DEATH e4|killed} \
{QUANTITY q2|two} {ACTOR a5|men}. He was {DETENTION e5|arrested} in {DATE d2|April 2029}.
> e1 AGENT a1
> e1 TARGET a2
> e1 TIME d1
> e3 SUBEVENT_OF e2
> e3 TARGET a3
> q1 QUANTITY_OF a3
> e4 AGENT a4
> e4 TARGET a5
> q2 QUANTITY_OF a5
> e5 TARGET a2
> e5 TIME d2
"""
    found = fields_of(inline)
    assert (found["min_killed"], found["min_captured"]) == (0, 1)
    assert found["event_type"] == ["detention"]
    assert found["start_date"] == "2031-03-02"


def test_the_dead_beside_soldiers_and_those_of_the_enemy_are_not_his() -> None:
    beside = (
        "The attack {DEATH e1|killed} {ACTOR a1|Rahim Gul} and {QUANTITY q1|four} {ACTOR a2|Afghan soldiers}."
    )
    assert fields_of(beside + "\n> e1 TARGET a1\n> e1 TARGET a2\n> q1 QUANTITY_OF a2")["min_killed"] == 0
    inline = """\
{ACTOR a1|Taliban insurgents} {CLASH e1|attacked} a {ACTOR a2|patrol}, {DEATH e2|killing} \
{ACTOR a3|Rahim Gul}; {CLASH e3|return fire} {DEATH e4|killed} {QUANTITY q1|two} {ACTOR a4|insurgents}.
> e1 AGENT a1
> e1 TARGET a2
> e2 SUBEVENT_OF e1
> e2 TARGET a3
> e3 SUBEVENT_OF e1
> e4 SUBEVENT_OF e3
> e4 TARGET a4
> q1 QUANTITY_OF a4
"""
    assert fields_of(inline)["min_killed"] == 2


def test_an_airstrike() -> None:
    inline = """\
An {AIRSTRIKE e1|airstrike} {DEATH e2|killed} {QUANTITY q1|five} {ACTOR a1|Taliban fighters}.
> e2 SUBEVENT_OF e1
> e2 TARGET a1
> q1 QUANTITY_OF a1
"""
    found = fields_of(inline)
    assert (found["airstrike"], found["event_type"], found["min_killed"]) == (True, ["airstrike"], 5)


def test_without_events_nothing_is_said() -> None:
    found = isaf.fields(replace(report_of("A quiet day in the valley."), published=None))
    assert found["start_date"] is None
    assert (found["event_type"], found["province"], found["target_group"]) == ([""], [""], [""])
    assert not any(value for name, value in found.items() if name.startswith("min_"))


def test_lists_compare_as_sets() -> None:
    assert isaf.is_right(["b", "a"], ["a", "b"])
    assert not isaf.is_right(["a"], ["a", "b"])
    assert not isaf.is_right("a", ["a"])
    assert not isaf.is_right(2, 3)


def test_table_of_annotated_and_other_items(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = report_of(RAID)
    right = isaf.fields(report)
    wrong = {**right, "min_captured": 9}
    rows = [
        {"id": name, "text": report.document.text, "gold": gold}
        for name, gold in (("one", right), ("two", right), ("three", wrong))
    ]
    file = tmp_path / "items.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    folder = tmp_path / "isaf"
    folder.mkdir()
    for split, name in (("train", "one"), ("dev", "two")):
        (folder / f"{split}.ann").write_text(f"# id: {name}\n{RAID}", encoding="utf-8")
    fake = SimpleNamespace(ontology=SHIPPED, extract_many=lambda documents: (report for _ in documents))
    monkeypatch.setattr(Extractor, "load", lambda path: fake)
    assert isaf.main([str(file), "--corpus", str(tmp_path)]) == 0
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert lines["all"] == "(3) train (1) dev (1) not annotated (1)".split()
    assert lines["min_captured"] == ["66.7%", "100.0%", "100.0%", "0.0%"]
    assert lines["province"] == ["100.0%"] * 4


BROKEN = ["{", "[]", '{"id": "x", "text": "y"}', '{"id": "x", "text": "y", "gold": {}}']


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_file_is_one_line(tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(line + "\n", encoding="utf-8")
    assert isaf.main([str(file)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {file}, line 1: ")
