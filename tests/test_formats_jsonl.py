from __future__ import annotations

import datetime
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from strategies import corpora

from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Report, Span, Trigger
from sitrep_ie.errors import FormatError
from sitrep_ie.formats import data_digest, format_inline, parse_inline, read_examples, write_inline
from sitrep_ie.formats.jsonl import (
    example_to_dict,
    iter_documents,
    iter_jsonl,
    read_documents,
    read_jsonl,
    write_jsonl,
)
from sitrep_ie.ontology import Ontology

SHIPPED = Ontology.load(Path(__file__).parent.parent / "configs" / "ontology.toml")
LINE: dict[str, Any] = {
    "id": "r1",
    "text": "🚚 Rangers left Karsk.",
    "published": "2031-05-04",
    "period": {"start": "2031-05-01", "end": "2031-05-04"},
    "mentions": [
        {
            "id": "m1",
            "type": "ACTOR",
            "start": 2,
            "end": 9,
            "text": "Rangers",
            "score": 0.5,
            "attributes": [],
        },
        {"id": "t", "type": "MOVEMENT", "start": 10, "end": 14, "attributes": ["PLANNED"]},
    ],
    "relations": [{"head": "t", "tail": "m1", "type": "AGENT", "score": 0.25}],
}


def put(path: Path, *lines: Any) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def changed(**values: Any) -> dict[str, Any]:
    """The line with some keys replaced; `...` drops a key, "mentions__0__type" reaches inside."""
    line = json.loads(json.dumps(LINE))
    for path, value in values.items():
        *steps, last = path.split("__")
        target = line
        for step in steps:
            target = target[int(step) if step.isdecimal() else step]
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return line


def test_a_line_is_read_as_it_says(tmp_path: Path) -> None:
    (example,) = read_jsonl(put(tmp_path / "f.jsonl", LINE), SHIPPED)
    rangers = Mention(Span(2, 9), "ACTOR")
    left = Trigger(Span(10, 14), "MOVEMENT", frozenset({"PLANNED"}))
    assert example.document == Document(
        id="r1",
        text="🚚 Rangers left Karsk.",
        published=datetime.date(2031, 5, 4),
        period=(datetime.date(2031, 5, 1), datetime.date(2031, 5, 4)),
    )
    assert example.gold == Annotation("r1", (rangers,), (left,), (Relation(left, rangers, "AGENT"),))
    assert [n.score for n in example.gold.spans()] == [0.5, 1.0]
    assert example.gold.relations[0].score == 0.25


def test_a_prediction_reads_as_annotation(tmp_path: Path, tiny_examples: list[Example]) -> None:
    reports = [
        Report(document=e.document, annotation=e.gold, published=e.document.published) for e in tiny_examples
    ]
    raw = [{**report.to_dict(), "events": [{"id": "e1", "type": "MOVEMENT"}]} for report in reports]
    found = read_jsonl(put(tmp_path / "f.jsonl", *raw), SHIPPED)
    assert [e.document for e in found] == [e.document for e in tiny_examples]
    assert [data_digest([e]) for e in found] == [data_digest([e]) for e in tiny_examples]


def test_what_is_written_is_the_report_form(tiny_examples: list[Example]) -> None:
    for example in tiny_examples:
        report = Report(example.document, example.gold, published=example.document.published).to_dict()
        written = example_to_dict(example)
        assert written["mentions"] == report["mentions"]
        key = json.dumps
        assert sorted(written["relations"], key=key) == sorted(report["relations"], key=key)
        assert {key: report[key] for key in ("id", "text", "published", "period")}.items() <= written.items()


def test_documents_without_annotation(tmp_path: Path) -> None:
    path = put(tmp_path / "f.jsonl", {"id": "a", "text": ""}, LINE)
    assert read_documents(path) == [
        Document("a", ""),
        next(iter_jsonl(put(tmp_path / "g", LINE), SHIPPED)).document,
    ]
    with pytest.raises(FormatError, match=r"f\.jsonl:1: document 'a': key 'mentions' is missing"):
        read_jsonl(path, SHIPPED)


def test_lines_are_read_one_by_one(tmp_path: Path) -> None:
    path = put(tmp_path / "f.jsonl", LINE, {"id": "a"})
    stream = iter_jsonl(path, SHIPPED)
    assert next(stream).document.id == "r1"
    with pytest.raises(FormatError, match=r"f\.jsonl:2: key 'text' is missing"):
        next(stream)
    documents = iter_documents(path)
    assert next(documents).id == "r1"
    with pytest.raises(FormatError, match=r"f\.jsonl:2: "):
        next(documents)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (changed(id=...), "key 'id' is missing"),
        (changed(text=...), "key 'text' is missing"),
        (changed(id=""), "'id' is empty"),
        (changed(id=7), "'id' is 7, expected a string"),
        (changed(text=None), "'text' is null, expected a string"),
        (changed(title=3), "'title' is 3, expected a string"),
        (changed(text="\ud800"), "'text' holds a lone surrogate"),
        (changed(txt=""), "unknown key 'txt'; did you mean 'text'?"),
        (changed(published="4 May"), "'published' is \"4 May\", expected YYYY-MM-DD or null"),
        (changed(published="2031-02-30"), "'published': '2031-02-30'"),
        (changed(published=20310504), "expected YYYY-MM-DD or null"),
        (changed(period="2031"), "'period' is \"2031\", expected an object"),
        (changed(period__end=...), "'period': key 'end' is missing"),
        (changed(period__end=None), "'period': 'end' is null, expected YYYY-MM-DD"),
        (changed(period__end="2031-04-30"), "ends on 2031-04-30, before it starts"),
        (changed(mentions={}), "'mentions' is {}, expected a list"),
        (changed(mentions=[[]]), "mentions[0] is [], expected an object"),
        (changed(mentions__0__start=...), "mentions[0]: key 'start' is missing"),
        (changed(mentions__0__begin=1), "mentions[0]: unknown key 'begin'"),
        (changed(mentions__0__start=2.0), "mentions[0]: 'start' is 2.0, expected an integer"),
        (changed(mentions__0__start=True), "mentions[0]: 'start' is true, expected an integer"),
        (changed(mentions__0__end=99), "mentions[0]: [2, 99): expected 0 <= start < end <= 21"),
        (changed(mentions__0__end=2), "mentions[0]: [2, 2): expected 0 <= start < end"),
        (changed(mentions__0__start=-9), "mentions[0]: [-9, 9): expected 0 <= start < end"),
        (changed(mentions__0__start=3, mentions__0__end=10), "holds 'angers ' in the text, not 'Rangers'"),
        (changed(mentions__0__type="ACTR"), "mentions[0]: unknown type 'ACTR'; did you mean 'ACTOR'?"),
        (changed(mentions__0__type=None), "mentions[0]: 'type' is null, expected a string"),
        (changed(mentions__0__score=1.5), "mentions[0]: 'score' is 1.5, expected a number from 0 to 1"),
        (changed(mentions__0__score="1"), "mentions[0]: 'score' is \"1\""),
        (changed(mentions__0__attributes=["PLANNED"]), "mentions[0]: attribute PLANNED on ACTOR"),
        (
            changed(mentions__1__attributes=["PLANED"]),
            "mentions[1]: unknown attribute 'PLANED'; did you mean",
        ),
        (changed(mentions__1__attributes=["PLANNED"] * 2), "mentions[1]: 'attributes' names one twice"),
        (
            changed(mentions__1__attributes="PLANNED"),
            "mentions[1]: 'attributes' is \"PLANNED\", expected a list",
        ),
        (changed(mentions__1__id="m1"), "mentions[1]: id 'm1' is used twice"),
        (changed(mentions__1__start=8), "ACTOR [2, 9) overlaps MOVEMENT [8, 14)"),
        (changed(relations=3), "'relations' is 3, expected a list"),
        (changed(relations__0__head="x"), "relations[0]: no mention has the id 'x'"),
        (changed(relations__0__tail="t"), "relations[0]: AGENT from 't' to itself"),
        (changed(relations__0__type="AGNT"), "relations[0]: unknown type 'AGNT'; did you mean 'AGENT'?"),
        (changed(relations__0__type="PLACE"), "relations[0]: PLACE cannot go from MOVEMENT to ACTOR"),
        (changed(relations__0__score=float("nan")), "NaN is no JSON number"),
        (changed(relations=LINE["relations"] * 2), "relations[1]: AGENT with these ends is given twice"),
        ([1], "the line is [1], expected an object"),
    ],
)
def test_a_malformed_line_is_refused(tmp_path: Path, line: Any, message: str) -> None:
    path = put(tmp_path / "f.jsonl", {"id": "first", "text": "", "mentions": []}, line)
    with pytest.raises(FormatError) as caught:
        read_jsonl(path, SHIPPED)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"id": "a"', "not valid JSON: Expecting ',' delimiter at column 11"),
        ('{"id": "a", "id": "b", "text": ""}', "not valid JSON: key 'id' stands twice in one object"),
        ("[" * 100_000, "not valid JSON: "),
    ],
)
def test_lines_that_are_no_json(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text("\n" + text, encoding="utf-8")
    with pytest.raises(FormatError) as caught:
        read_documents(path)
    assert str(caught.value).startswith(f"{path}:2: {message}")


def test_an_id_used_twice(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"f\.jsonl:2: document id 'r1' is used twice"):
        read_jsonl(put(tmp_path / "f.jsonl", LINE, LINE), SHIPPED)


def test_files_that_are_no_gzip(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl.gz"
    put(path, LINE)
    with pytest.raises(FormatError, match=r"f\.jsonl\.gz:1: not a whole gzip file"):
        read_examples(path, SHIPPED)
    path.write_bytes(gzip.compress(json.dumps(LINE).encode())[:-9])
    with pytest.raises(FormatError, match=r"f\.jsonl\.gz:1: not a whole gzip file"):
        read_examples(path, SHIPPED)


def test_writing_refuses_what_reading_would(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    good = Example(Document("a", "abc"), Annotation("a"))
    for bad, message in [
        (good, "document 'a': the id is used twice"),
        (Example(Document("b", "abc"), Annotation("a")), "document 'b': annotation of 'a'"),
        (Example(Document("b", "ab"), Annotation("b", (Mention(Span(0, 3), "ACTOR"),))), "outside the text"),
        (Example(Document("b", "\udc00"), Annotation("b")), "document 'b': holds a lone surrogate"),
    ]:
        with pytest.raises(FormatError) as caught:
            write_jsonl(path, iter([good, bad]))
        assert message in str(caught.value)
        assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    good = Example(Document("a", "abc"), Annotation("a"))
    write_jsonl(path, [good])
    with pytest.raises(FormatError):
        write_jsonl(path, [good, good])
    assert read_jsonl(path, SHIPPED) == [good]
    assert list(tmp_path.iterdir()) == [path]


def test_equal_examples_give_equal_gzip_bytes(tmp_path: Path, tiny_examples: list[Example]) -> None:
    paths = [tmp_path / "a.jsonl.gz", tmp_path / "sub" / "b.jsonl.gz"]
    for path in paths:
        write_jsonl(path, tiny_examples)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert read_examples(paths[1], SHIPPED) == tiny_examples


@pytest.mark.parametrize("name", ["f.ann", "f.inline", "F.JSONL", "f.jsonl", "f.jsonl.gz"])
def test_the_format_is_told_by_the_name(tmp_path: Path, name: str, tiny_examples: list[Example]) -> None:
    path = tmp_path / name
    if name.endswith((".ann", ".inline")):
        write_inline(path, tiny_examples, SHIPPED)
    else:
        write_jsonl(path, tiny_examples)
    assert read_examples(path, SHIPPED) == tiny_examples


@pytest.mark.parametrize("name", ["f.text", "f", "f.ann.gz", "jsonl"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(FormatError, match=f"^{name}: format unknown by the name's end; expected one of"):
        read_examples(name, SHIPPED)


def test_the_digest_is_of_the_content(tmp_path: Path, tiny_examples: list[Example]) -> None:
    digest = data_digest(tiny_examples)
    assert len(digest) == 64
    assert data_digest(tiny_examples[::-1]) == digest
    assert data_digest(parse_inline(format_inline(tiny_examples, SHIPPED), "f", SHIPPED)) == digest
    first, *rest = tiny_examples
    document, gold = first.document, first.gold
    others = [
        Example(Document(document.id, document.text), gold),
        Example(document, Annotation(document.id, gold.mentions, gold.triggers, gold.relations[1:])),
        Example(document, Annotation(document.id, gold.mentions, gold.triggers, ())),
        Example(document, Annotation(document.id)),
    ]
    assert len({digest, data_digest(rest), *(data_digest([other, *rest]) for other in others)}) == 6
    turned = Annotation(document.id, gold.mentions[::-1], gold.triggers[::-1], gold.relations[::-1])
    assert data_digest([Example(document, turned), *rest]) == digest


@given(examples=corpora(SHIPPED))
@settings(max_examples=100, deadline=None)
def test_write_then_read_gives_the_same(
    examples: list[Example], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "property.jsonl"
    write_jsonl(path, examples)
    back = read_jsonl(path, SHIPPED)
    assert back == examples
    assert data_digest(back) == data_digest(examples)
    for before, after in zip(examples, back, strict=True):
        assert [n.score for n in before.gold.spans()] == [n.score for n in after.gold.spans()]
        assert [r.score for r in before.gold.relations] == [r.score for r in after.gold.relations]
    assert read_documents(path) == [example.document for example in examples]
