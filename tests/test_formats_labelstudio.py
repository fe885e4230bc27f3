"""Label Studio's export and import files, doccano's and Prodigy's lines: offsets, forms and errors."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from sitrep_ie.document import Document, Example, Mention, Relation, Span, Trigger
from sitrep_ie.errors import FormatError
from sitrep_ie.formats import (
    labelstudio_configuration,
    read_doccano,
    read_labelstudio,
    read_prodigy,
    write_doccano,
    write_labelstudio,
    write_prodigy,
)
from sitrep_ie.ontology import Ontology

SHIPPED = Ontology.load(Path(__file__).resolve().parent.parent / "configs" / "ontology.toml")
TEXT = "🚚🚚 Rangers left\nKarsk."
RANGERS, KARSK = Mention(Span(3, 10), "ACTOR"), Mention(Span(16, 21), "LOCATION")
LEFT = Trigger(Span(11, 15), "MOVEMENT", frozenset({"NEGATED"}))
PLAIN = Trigger(Span(11, 15), "MOVEMENT")


def region(name: str, label: str, start: int, end: int, text: str | None, **more: Any) -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": [label], **({} if text is None else {"text": text})}
    return {"id": name, "from_name": "label", "to_name": "text", "type": "labels", "value": value, **more}


def export(shift: int = 0) -> dict[str, Any]:
    """A task as it is exported; `shift` moves the offsets of all regions."""
    choices = {"start": 11 + shift, "end": 15 + shift, "text": "left", "choices": ["Negated"]}
    return {
        "id": 7,
        "data": {"text": TEXT, "published": "2031-05-04"},
        "annotations": [
            {
                "id": 1,
                "was_cancelled": False,
                "result": [
                    region("a", "Actor", 3 + shift, 10 + shift, "Rangers"),
                    region("b", "MOVEMENT", 11 + shift, 15 + shift, "left"),
                    {"id": "b", "from_name": "x", "to_name": "text", "type": "choices", "value": choices},
                    {
                        "type": "relation",
                        "from_id": "b",
                        "to_id": "a",
                        "direction": "right",
                        "labels": ["AGENT"],
                    },
                ],
            }
        ],
        "predictions": [],
    }


def put(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


@pytest.mark.parametrize("shift", [0, 2], ids=["code points", "UTF-16 code units"])
def test_the_unit_of_offsets_is_told_by_the_text(tmp_path: Path, shift: int) -> None:
    (example,) = read_labelstudio(put(tmp_path / "f.json", [export(shift)]), SHIPPED)
    assert (example.document.id, str(example.document.published)) == ("7", "2031-05-04")
    assert example.gold.spans() == [RANGERS, LEFT]
    assert example.gold.relations == (Relation(LEFT, RANGERS, "AGENT"),)


def test_relations_to_the_left(tmp_path: Path) -> None:
    task = export()
    task["annotations"][0]["result"][-1] |= {"from_id": "a", "to_id": "b", "direction": "left"}
    (example,) = read_labelstudio(put(tmp_path / "f.json", [task]), SHIPPED)
    assert example.gold.relations == (Relation(LEFT, RANGERS, "AGENT"),)


def test_the_ground_truth_is_read(tmp_path: Path) -> None:
    task = export()
    task["annotations"].append({"id": 2, "ground_truth": True, "result": []})
    (example,) = read_labelstudio(put(tmp_path / "f.json", [task]), SHIPPED)
    assert example.gold.spans() == []
    del task["annotations"][1]["ground_truth"]
    with pytest.raises(FormatError, match="task 7: 2 annotations, expected one, or one that is marked"):
        read_labelstudio(put(tmp_path / "f.json", [task]), SHIPPED)


def test_what_nobody_annotated_is_no_example(tmp_path: Path) -> None:
    skipped = {"data": {"text": "x", "url": "u"}, "annotations": [{"was_cancelled": True, "result": []}]}
    path = put(tmp_path / "f.json", [export(), {"data": {"text": "x"}, "annotations": []}, skipped])
    with pytest.raises(FormatError, match="task number 2: tasks without annotation cannot be held"):
        read_labelstudio(path, SHIPPED)
    counts: Counter[str] = Counter()
    assert len(read_labelstudio(path, SHIPPED, left_out=counts)) == 1
    assert counts == {"tasks without annotation": 1, "skipped annotations": 1, "other data of tasks": 1}


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([region("a", "ACTOR", 3, 10, "Scouts")], "region 'a': [3, 10) holds 'Rangers' in the text, not"),
        ([region("a", "ACTOR", 3, 99, None)], "region 'a': [3, 99): expected 0 <= start < end <= 22"),
        ([region("a", "ACTER", 3, 10, None)], "region 'a': unknown type 'ACTER'; did you mean 'ACTOR'?"),
        ([region("a", "ACTOR", 3, 10, None)] * 2, "region 'a' is labelled twice"),
        ([region("a", "ACTOR", 3, 10, None, score=2)], "region 'a': 'score' is 2, expected a number"),
        ([region("a", "ACTOR", 3, 10, None), region("b", "ACTOR", 4, 10, None)], "overlaps"),
        (
            [{"type": "relation", "from_id": "a", "to_id": "b", "labels": ["AGENT"]}],
            "'a' is no labelled region",
        ),
        ([{"type": "textarea", "value": {"text": ["x"]}}], "results of type textarea cannot be held"),
        (
            [{"id": "z", "type": "choices", "value": {"start": 1, "choices": []}}],
            "choices of 'z', which is no",
        ),
    ],
)
def test_malformed_results_are_refused(tmp_path: Path, results: list[Any], message: str) -> None:
    task = {"id": 7, "data": {"text": TEXT}, "annotations": [{"result": results}]}
    with pytest.raises(FormatError) as caught:
        read_labelstudio(put(tmp_path / "f.json", [task]), SHIPPED)
    assert str(caught.value).startswith(f"{tmp_path / 'f.json'}: task 7: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"direction": "bi"}, "direction 'bi', expected 'right' or 'left'"),
        ({"labels": []}, "no label, expected one of"),
        ({"labels": ["AGNT"]}, "unknown relation 'AGNT'; did you mean 'AGENT'?"),
        ({"labels": ["PLACE"]}, "PLACE cannot go from MOVEMENT to ACTOR"),
    ],
)
def test_malformed_relations_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    task = export()
    task["annotations"][0]["result"][-1] |= change
    with pytest.raises(FormatError, match=message):
        read_labelstudio(put(tmp_path / "f.json", [task]), SHIPPED)


def test_a_json_min_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="task 1: key 'data' is missing; expected an export as JSON"):
        read_labelstudio(put(tmp_path / "f.json", [{"id": 1, "text": "x", "label": []}]), SHIPPED)


def test_tasks_are_written_with_predictions_and_configuration(
    tmp_path: Path, tiny_examples: list[Example]
) -> None:
    write_labelstudio(tmp_path / "tasks.json", tiny_examples, SHIPPED)
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert [task["data"]["text"] for task in tasks] == [e.document.text for e in tiny_examples]
    assert all(task["predictions"][0]["score"] == 1 for task in tasks)
    root = ElementTree.fromstring((tmp_path / "tasks.xml").read_text(encoding="utf-8"))
    assert (tmp_path / "tasks.xml").read_text(encoding="utf-8") == labelstudio_configuration(SHIPPED)
    assert [label.get("value") for label in root.iter("Label")] == list(SHIPPED.span_types)
    assert [relation.get("value") for relation in root.iter("Relation")] == list(SHIPPED.relation_names)
    assert [choice.get("value") for choice in root.iter("Choice")] == list(SHIPPED.attributes)
    tags = {tag.get("name") for tag in root.iter() if tag.get("name")}
    for result in (result for task in tasks for result in task["predictions"][0]["result"]):
        assert result["type"] == "relation" or {result["from_name"], result["to_name"]} <= tags


# ---- doccano ----


def test_doccano_counts_utf16_units(tmp_path: Path) -> None:
    line = {
        "id": 3,
        "text": TEXT,
        "entities": [
            {"id": 11, "label": "ACTOR", "start_offset": 5, "end_offset": 12},
            {"id": 12, "label": "MOVEMENT", "start_offset": 13, "end_offset": 17},
        ],
        "relations": [{"id": 1, "from_id": 12, "to_id": 11, "type": "AGENT"}],
        "Comments": [],
    }
    (example,) = read_doccano(put(tmp_path / "f.doccano.jsonl", line), SHIPPED)
    assert example.document == Document("3", TEXT)
    assert example.gold.spans() == [RANGERS, PLAIN]
    assert example.gold.relations == (Relation(PLAIN, RANGERS, "AGENT"),)
    write_doccano(tmp_path / "g.jsonl", [example], SHIPPED)
    written = json.loads((tmp_path / "g.jsonl").read_text(encoding="utf-8"))
    assert [(e["start_offset"], e["end_offset"]) for e in written["entities"]] == [(5, 12), (13, 17)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": [[1, 12, "ACTOR"]]}, "offset 1 is inside a character or outside the text"),
        ({"label": [[5, 12]]}, "expected [start, end, label]"),
        ({}, "expected one of the keys 'entities', 'label' and 'labels', found []"),
        (
            {"label": [[5, 12, "ACTOR"]], "relations": [{"from_id": 0, "to_id": 9, "type": "AGENT"}]},
            "the id 9",
        ),
    ],
)
def test_malformed_doccano_lines_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = put(tmp_path / "f.jsonl", {"id": 3, "text": TEXT, **change})
    with pytest.raises(FormatError) as caught:
        read_doccano(path, SHIPPED)
    assert str(caught.value).startswith(f"{path}:1: document '3': ")
    assert message in str(caught.value)


def test_the_older_form_of_doccano(tmp_path: Path) -> None:
    line = {"id": 3, "text": TEXT, "label": [[5, 12, "actor"]], "meta": {"document": "r1"}}
    (example,) = read_doccano(put(tmp_path / "f.jsonl", line), SHIPPED)
    assert (example.document.id, example.gold.spans()) == ("r1", [RANGERS])


# ---- Prodigy ----


def prodigy_line(**more: Any) -> dict[str, Any]:
    tokens = [(0, 2), (3, 10), (11, 15)]
    return {
        "text": TEXT,
        "tokens": [{"id": i, "start": s, "end": e, "text": TEXT[s:e]} for i, (s, e) in enumerate(tokens)],
        "spans": [
            {"start": 3, "end": 10, "label": "ACTOR", "token_start": 1, "token_end": 1},
            {"start": 11, "end": 15, "label": "MOVEMENT", "token_start": 2, "token_end": 2},
        ],
        "relations": [{"head": 2, "child": 1, "label": "AGENT"}],
        "answer": "accept",
        **more,
    }


def test_prodigy_ends_of_relations_are_tokens_or_spans(tmp_path: Path) -> None:
    spans = {"head_span": {"start": 11, "end": 15}, "child_span": {"start": 3, "end": 10}}
    for relation in ({"head": 2, "child": 1, "label": "AGENT"}, {**spans, "label": "AGENT"}):
        path = put(tmp_path / "f.jsonl", prodigy_line(relations=[relation]))
        (example,) = read_prodigy(path, SHIPPED)
        assert example.document.id == "f-1"
        assert example.gold.relations == (Relation(PLAIN, RANGERS, "AGENT"),)


def test_prodigy_tokens_give_the_text_back(tmp_path: Path, tiny_examples: list[Example]) -> None:
    write_prodigy(tmp_path / "f.jsonl", tiny_examples, SHIPPED)
    for line in (tmp_path / "f.jsonl").read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        tokens = raw["tokens"]
        assert "".join(token["text"] + " " * token["ws"] for token in tokens) == raw["text"]
        assert [token["id"] for token in tokens] == list(range(len(tokens)))
        for span in raw["spans"]:
            assert tokens[span["token_start"]]["start"] == span["start"]
            assert tokens[span["token_end"]]["end"] == span["end"]


def test_prodigy_answers_that_are_no_accept(tmp_path: Path) -> None:
    path = put(tmp_path / "f.jsonl", prodigy_line(answer="reject"))
    with pytest.raises(FormatError, match=r"f\.jsonl:1: answers 'reject' cannot be held"):
        read_prodigy(path, SHIPPED)
    counts: Counter[str] = Counter()
    assert read_prodigy(path, SHIPPED, left_out=counts) == []
    assert counts == {"answers 'reject'": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"relations": [{"head": 0, "child": 1, "label": "AGENT"}]},
            "head is token 0, which lies in no span",
        ),
        (
            {"relations": [{"head": 9, "child": 1, "label": "AGENT"}]},
            "head is token 9, expected one of 3 tokens",
        ),
        ({"spans": [{"start": 3, "end": 10, "label": "ACTOR"}] * 2}, "spans[1]: [3, 10) is given twice"),
        ({"spans": [{"start": 3, "end": 10}]}, "spans[0]: 'label' is null, expected a string"),
    ],
)
def test_malformed_prodigy_lines_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = put(tmp_path / "f.jsonl", prodigy_line(**change))
    with pytest.raises(FormatError) as caught:
        read_prodigy(path, SHIPPED)
    assert str(caught.value).startswith(f"{path}:1: document 'f-1': ")
    assert message in str(caught.value)
