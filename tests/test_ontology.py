from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from sitrep_ie.document import Annotation, Example, Mention, Relation, Span, Trigger
from sitrep_ie.errors import OntologyError
from sitrep_ie.ontology import Ontology

RAW: dict[str, Any] = {
    "name": "small",
    "version": "3",
    "attributes": ["NEGATED"],
    "mentions": {"WHO": "a person", "WHERE": "a place"},
    "events": {
        "MEETING": {"description": "people meet", "acled": ["a", "b"], "plover": ["c", ""]},
        "FIRE": {},
    },
    "relations": {
        "BY": {"kind": "role", "head": ["EVENT"], "tail": ["WHO"], "description": "who"},
        "AT": {"kind": "role", "head": ["FIRE"], "tail": ["WHERE"]},
        "IN": {"kind": "mention", "head": ["WHO", "WHERE"], "tail": ["WHERE"]},
        "PART": {"kind": "event", "head": ["FIRE"], "tail": ["EVENT"]},
    },
}


@pytest.fixture
def small() -> Ontology:
    return Ontology.from_dict(RAW, "small.toml")


def test_types_keep_their_order(small: Ontology) -> None:
    assert small.span_types == ("WHO", "WHERE", "MEETING", "FIRE")
    assert small.event_names == ("MEETING", "FIRE")
    assert small.relation_names == ("BY", "AT", "IN", "PART")
    assert small.mention_descriptions == ("a person", "a place")
    assert small.event("MEETING").acled == ("a", "b")
    assert small.event("FIRE").plover == ("", "")
    assert [small.is_event(name) for name in ("FIRE", "WHO", "NONE")] == [True, False, False]


def test_event_stands_for_every_event_type(small: Ontology) -> None:
    assert small.relation("BY").heads == {"MEETING", "FIRE"}
    assert small.relation("PART").tails == {"MEETING", "FIRE"}


def test_allowed_relations(small: Ontology) -> None:
    names = small.span_types
    allowed = {(h, t): sorted(small.allowed(h, t)) for h in names for t in names if small.allowed(h, t)}
    assert allowed == {
        ("MEETING", "WHO"): ["BY"],
        ("FIRE", "WHO"): ["BY"],
        ("FIRE", "WHERE"): ["AT"],
        ("WHO", "WHERE"): ["IN"],
        ("WHERE", "WHERE"): ["IN"],
        ("FIRE", "MEETING"): ["PART"],
        ("FIRE", "FIRE"): ["PART"],
    }


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("nam", "x", "unknown key 'nam'; did you mean 'name'?"),
        ("zzz", "x", r"unknown key 'zzz'; expected one of \['attributes', 'events'"),
        ("name", ..., "key 'name' is missing"),
        ("version", ..., "key 'version' is missing"),
        ("mentions", ..., "key 'mentions' is missing"),
        ("mentions", ["WHO"], "'mentions' is list, expected a table"),
        ("mentions.FIRE", "x", "'FIRE' is both a mention and an event type"),
        ("mentions.EVENT", "x", "'EVENT' stands for all event types"),
        ("mentions.who", "x", "type 'who', expected capital letters"),
        ("mentions.A-B", "x", "type 'A-B', expected capital letters"),
        ("attributes", "NEGATED", "'attributes': expected a list of strings"),
        ("attributes", ["A", "A"], "'attributes' names something twice"),
        ("attributes", ["planned"], "type 'planned', expected capital letters"),
        ("events.FIRE", "x", "events.FIRE: expected a table"),
        ("events.FIRE.descripton", "x", "events.FIRE: unknown key 'descripton'; did you mean 'description'?"),
        ("events.FIRE.acled", ["x"], "events.FIRE: 'acled': expected two strings"),
        ("events.FIRE.plover", "xy", "events.FIRE: 'plover': expected two strings"),
        ("relations.BY", [], "relations.BY: expected a table"),
        ("relations.BY.tial", [], "relations.BY: unknown key 'tial'; did you mean 'tail'?"),
        ("relations.BY.kind", "rule", "relations.BY: kind 'rule', expected one of"),
        ("relations.BY.kind", ..., "relations.BY: kind None, expected one of"),
        ("relations.BY.head", ..., "relations.BY: 'head' is empty"),
        ("relations.BY.tail", [], "relations.BY: 'tail' is empty"),
        ("relations.BY.tail", ["WHOM"], "relations.BY: tail type 'WHOM' does not fit kind 'role'"),
        ("relations.BY.tail", ["FIRE"], "relations.BY: tail type 'FIRE' does not fit kind 'role'"),
        ("relations.BY.head", ["WHO"], "relations.BY: head type 'WHO' does not fit kind 'role'"),
        (
            "relations.IN.head",
            ["EVENT"],
            "relations.IN: head type '(FIRE|MEETING)' does not fit kind 'mention'",
        ),
        ("relations.PART.tail", ["WHO"], "relations.PART: tail type 'WHO' does not fit kind 'event'"),
        ("relations.PART.tail", ["FIRE", "FIRE"], "relations.PART: 'tail' names something twice"),
    ],
)
def test_an_inconsistent_ontology_is_refused(path: str, value: Any, message: str) -> None:
    raw = copy.deepcopy(RAW)
    *steps, last = path.split(".")
    target = raw
    for step in steps:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    with pytest.raises(OntologyError, match=f"^small.toml: {message}"):
        Ontology.from_dict(raw, "small.toml")


def test_the_json_form_is_the_same_ontology(small: Ontology, tmp_path: Path) -> None:
    path = tmp_path / "ontology.json"
    path.write_text(json.dumps(small.to_dict()), encoding="utf-8")
    back = Ontology.load(path)
    assert back == small
    assert back.to_dict() == small.to_dict()
    assert back.digest() == small.digest()


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "o.toml"
    path.write_text(
        'name = "o"\nversion = "1"\n[mentions]\nWHO = "é"\n[events.FIRE]\n'
        '[relations.BY]\nkind = "role"\nhead = ["EVENT"]\ntail = ["WHO"]\n',
        encoding="utf-8",
    )
    relations = {"BY": {"kind": "role", "head": ["FIRE"], "tail": ["WHO"]}}
    raw = {
        "name": "o",
        "version": "1",
        "mentions": {"WHO": "é"},
        "events": {"FIRE": {}},
        "relations": relations,
    }
    assert Ontology.load(path) == Ontology.from_dict(raw, "o")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("o.toml", b"name = ", "not valid TOML"),
        ("o.json", b"{", "not valid JSON"),
        ("o.json", b"[]", "expected a table at the top"),
        ("o.toml", b"# \xff", "cannot be read"),
        ("o.toml", None, "cannot be read: .*No such file"),
        ("o.toml", b'nme = "x"', "unknown key 'nme'; did you mean 'name'?"),
    ],
)
def test_files_that_hold_no_ontology(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OntologyError, match=message) as caught:
        Ontology.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_the_digest_is_of_the_meaning(small: Ontology) -> None:
    def digest(path: str, value: Any) -> str:
        raw = copy.deepcopy(RAW)
        *steps, last = path.split(".")
        target = raw
        for step in steps:
            target = target[step]
        target[last] = value
        return Ontology.from_dict(raw, "x").digest()

    same = [("version", "4"), ("name", "other"), ("mentions.WHO", "y"), ("events.FIRE.acled", ["p", "q"])]
    assert {digest(*change) for change in same} == {small.digest()}
    different = [
        ("mentions", {"WHERE": "", "WHO": ""}),
        ("events.FLOOD", {}),
        ("attributes", []),
        ("relations.AT.head", ["EVENT"]),
    ]
    assert len({small.digest(), *(digest(*change) for change in different)}) == 5


WHO, WHERE, FIRE = Mention(Span(0, 1), "WHO"), Mention(Span(2, 3), "WHERE"), Trigger(Span(4, 5), "FIRE")


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Annotation("d", (Mention(Span(0, 1), "FIRE"),)), "mention type 'FIRE' is not in ontology 'small'"),
        (Annotation("d", (), (Trigger(Span(0, 1), "WHO"),)), "event type 'WHO' is not in ontology 'small'"),
        (Annotation("d", (), (Trigger(Span(0, 1), "FIRE", frozenset({"ODD"})),)), "attribute 'ODD' is not"),
        (Annotation("d", (WHO, WHERE), (), (Relation(WHO, WHERE, "NEAR"),)), "relation 'NEAR' is not"),
        (Annotation("d", (WHO, WHERE), (), (Relation(WHERE, WHO, "IN"),)), "IN cannot go from WHERE to WHO"),
        (Annotation("d", (WHO,), (FIRE,), (Relation(FIRE, WHO, "AT"),)), "AT cannot go from FIRE to WHO"),
    ],
)
def test_annotation_that_the_ontology_does_not_allow(
    small: Ontology, annotation: Annotation, message: str
) -> None:
    with pytest.raises(OntologyError, match=f"^document 'd': {message}"):
        small.check(annotation)


def test_the_shipped_ontology(ontology: Ontology, tiny_examples: list[Example]) -> None:
    assert ontology.mention_types == ("ACTOR", "OBJECT", "QUANTITY", "DATE", "LOCATION")
    assert (len(ontology.event_types), len(ontology.relation_types), len(ontology.attributes)) == (21, 18, 5)
    kinds = [relation.kind for relation in ontology.relation_types]
    assert (kinds.count("role"), kinds.count("mention"), kinds.count("event")) == (12, 4, 2)
    assert all(relation.heads == set(ontology.event_names) for relation in ontology.relation_types[:12])
    assert all(event.description for event in ontology.event_types)
    assert all(ontology.mention_descriptions)
    for example in tiny_examples:
        ontology.check(example.gold)


CASE = {"words": ["fire"], "agents": ["armed_group"], "acled": ["p", "q"]}


def with_cases(cases: Any) -> dict[str, Any]:
    raw = copy.deepcopy(RAW)
    raw["events"]["FIRE"]["cases"] = cases
    return raw


def test_cases_of_codes_are_kept_and_change_no_digest(small: Ontology) -> None:
    release = {"release": True, "plover": ["r", ""]}
    ontology = Ontology.from_dict(with_cases([CASE, release]), "x")
    first, second = ontology.event("FIRE").cases
    assert (first.words, first.agents, first.acled, first.plover) == (
        ("fire",),
        ("armed_group",),
        ("p", "q"),
        None,
    )
    assert (second.release, second.plover) == (True, ("r", ""))
    assert ontology.to_dict()["events"]["FIRE"]["cases"] == [CASE, release]
    assert Ontology.from_dict(ontology.to_dict(), "y") == ontology
    assert ontology.digest() == small.digest()
    assert "cases" not in small.to_dict()["events"]["FIRE"]


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        ("x", "'cases': expected a list of tables"),
        (["x"], r"cases\[0\]: expected a table"),
        ([CASE, {**CASE, "word": []}], r"cases\[1\]: unknown key 'word'; did you mean 'words'"),
        ([{**CASE, "agents": ["army"]}], r"cases\[0\]: 'agents': 'army', expected one of"),
        ([{**CASE, "words": ["Fire"]}], r"cases\[0\]: 'words': 'Fire', expected small letters"),
        ([{**CASE, "release": 1}], r"cases\[0\]: 'release' is int, expected true or false"),
        ([{"acled": ["p", "q"]}], r"cases\[0\]: no condition"),
        ([{"words": ["x"]}], r"cases\[0\]: no code"),
        ([{**CASE, "acled": ["p"]}], r"cases\[0\]: 'acled': expected two strings"),
    ],
)
def test_cases_that_say_nothing_or_the_wrong_thing(cases: Any, message: str) -> None:
    with pytest.raises(OntologyError, match=f"^x: events.FIRE: {message}"):
        Ontology.from_dict(with_cases(cases), "x")
