"""The formats of other tools by the names of files, and what is told of that which they cannot hold."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from strategies import corpora

from sitrep_ie.cli import main
from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Trigger
from sitrep_ie.errors import FormatError
from sitrep_ie.formats import FORMATS, data_digest, format_of, read_examples, write_examples
from sitrep_ie.ontology import Ontology

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = Ontology.load(ROOT / "configs" / "ontology.toml")
# What each format holds besides ids, texts, mentions, triggers and relations.
HELD = {
    "labelstudio": {"metadata", "attributes", "mention scores"},
    "doccano": {"metadata"},
    "prodigy": {"metadata"},
    "brat": {"attributes"},
    "spacy": {"metadata", "attributes", "mention scores", "relation scores"},
}
if importlib.util.find_spec("spacy") is None:
    del HELD["spacy"]
    FORMATS = tuple(form for form in FORMATS if form != "spacy")


def reduced(example: Example, held: set[str]) -> Example:
    """The example without what a format does not hold."""
    document, gold = example.document, example.gold
    if "metadata" not in held:
        document = Document(document.id, document.text)
    nodes = {}
    for node in gold.spans():
        score = node.score if "mention scores" in held else 1.0
        if isinstance(node, Trigger):
            kept = node.attributes if "attributes" in held else frozenset()
            nodes[node] = Trigger(node.span, node.event_type, kept, score)
        else:
            nodes[node] = Mention(node.span, node.entity_type, score)
    return Example(
        document,
        Annotation(
            gold.document_id,
            tuple(nodes[mention] for mention in gold.mentions),
            tuple(nodes[trigger] for trigger in gold.triggers),
            tuple(Relation(nodes[r.head], nodes[r.tail], r.relation_type) for r in gold.relations),
        ),
    )


def losses(examples: list[Example], held: set[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for example in examples:
        document, gold = example.document, example.gold
        if "metadata" not in held:
            found["sources"] += document.source is not None
            found["titles"] += document.title is not None
            found["publication dates"] += document.published is not None
            found["periods"] += document.period is not None
        if "attributes" not in held:
            found["attributes"] += sum(len(trigger.attributes) for trigger in gold.triggers)
        if "mention scores" not in held:
            found["scores of mentions"] += sum(node.score < 1 for node in gold.spans())
        if "relation scores" not in held:
            found["scores of relations"] += sum(relation.score < 1 for relation in gold.relations)
    return +found


def target(folder: Path, form: str) -> Path:
    name = {"labelstudio": "x.json", "brat": "brat", "spacy": "x.spacy"}.get(form, f"x.{form}.jsonl")
    return folder / name


@pytest.mark.parametrize("form", sorted(HELD))
def test_what_is_held_comes_back(form: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    @given(examples=corpora(SHIPPED))
    @settings(max_examples=60, deadline=None)
    def round_trip(examples: list[Example]) -> None:
        path = target(tmp_path_factory.mktemp("convert"), form)
        left_out = write_examples(path, examples, SHIPPED, form)
        assert left_out == losses(examples, HELD[form])
        if form == "brat" and not examples:
            return
        back = read_examples(path, SHIPPED, form)
        assert data_digest(back) == data_digest([reduced(e, HELD[form]) for e in examples])
        if "mention scores" in HELD[form]:
            scores = {e.document.id: [n.score for n in e.gold.spans()] for e in examples}
            assert {e.document.id: [n.score for n in e.gold.spans()] for e in back} == scores
        if "relation scores" in HELD[form]:
            scores = {e.document.id: [r.score for r in e.gold.relations] for e in examples}
            assert {e.document.id: [r.score for r in e.gold.relations] for e in back} == scores

    round_trip()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.ann", "inline"),
        ("a.jsonl.gz", "jsonl"),
        ("a.doccano.jsonl", "doccano"),
        ("a.PRODIGY.jsonl", "prodigy"),
        ("export.json", "labelstudio"),
        ("corpus/train.spacy", "spacy"),
        ("test.txt", "conll"),
        ("a.iob2", "conll"),
    ],
)
def test_formats_by_name(name: str, form: str) -> None:
    assert format_of(name) == form
    assert form in FORMATS


def test_a_folder_is_brat(tmp_path: Path) -> None:
    assert format_of(tmp_path) == "brat"


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="format 'tei': expected one of"):
        read_examples(tmp_path / "a.jsonl", SHIPPED, "tei")


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("inline", "conll")])
def test_the_command_goes_there_and_back(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny_examples: list[Example]
) -> None:
    source, there, back = tmp_path / "a.ann", target(tmp_path, form), tmp_path / "b.jsonl"
    write_examples(source, tiny_examples, SHIPPED)
    options = ["--ontology", str(ROOT / "configs" / "ontology.toml")]
    assert main(["convert", str(source), str(there), "--to", form, *options]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{there}: {len(tiny_examples)} documents, {form}\n"
    assert ("left out: 4 attributes" in printed.err) == (form in ("doccano", "prodigy"))
    assert ("left out: 2 publication dates" in printed.err) == (form == "brat")
    assert main(["convert", str(there), str(back), "--from", form, *options]) == 0
    assert capsys.readouterr().err == ""
    held = HELD.get(form, {"metadata", "attributes"})
    assert data_digest(read_examples(back, SHIPPED)) == data_digest([reduced(e, held) for e in tiny_examples])


def test_the_command_joins_sources_and_counts_what_it_does_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, out = tmp_path / "a.conll", tmp_path / "tasks.json", tmp_path / "out.ann"
    first.write_text("Karsk B-LOCATION\n\nrest O\n", encoding="utf-8")
    second.write_text('[{"id": 4, "data": {"text": "x", "url": "y"}, "annotations": []}]', encoding="utf-8")
    options = ["--ontology", str(ROOT / "configs" / "ontology.toml"), "--sentences", "1"]
    assert main(["convert", str(first), str(second), str(out), *options]) == 0
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [
        "sitrep-ie: left out: 1 other data of tasks",
        "sitrep-ie: left out: 1 tasks without annotation",
    ]
    assert [e.document.text for e in read_examples(out, SHIPPED)] == ["Karsk", "rest"]


def test_errors_of_the_command_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("A report that is no table.\n", encoding="utf-8")
    options = ["--ontology", str(ROOT / "configs" / "ontology.toml")]
    assert main(["convert", str(path), str(tmp_path / "o.jsonl"), *options]) == 2
    assert "a.txt:1: tag 'table.': expected O or one of B-TYPE" in capsys.readouterr().err
    assert main(["convert", str(path), str(tmp_path / "o.doc"), *options]) == 2
    assert "o.doc: format unknown by the name's end" in capsys.readouterr().err
    assert main(["convert", str(path), str(tmp_path / "o.ann"), "--sentences", "0"]) == 2
    assert "--sentences 0: expected at least 1" in capsys.readouterr().err


def test_inline_leaves_periods_and_scores_out(tmp_path: Path) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "a.ann"
    source.write_text(
        '{"id": "a", "text": "Karsk", "period": {"start": "2031-05-01", "end": "2031-05-04"}, "mentions": '
        '[{"id": "m", "type": "LOCATION", "start": 0, "end": 5, "score": 0.5}]}\n',
        encoding="utf-8",
    )
    examples = read_examples(source, SHIPPED)
    assert write_examples(out, examples, SHIPPED) == {"periods": 1, "scores of mentions": 1}
    assert [e.gold for e in read_examples(out, SHIPPED)] == [e.gold for e in examples]
