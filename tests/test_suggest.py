"""What is suggested for annotation: whole paragraphs, the doubtful ones, no two alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sitrep_ie import suggest as module
from sitrep_ie.cli import main
from sitrep_ie.document import Annotation, Document, Example, Span, paragraph_spans
from sitrep_ie.errors import ConfigError
from sitrep_ie.extractor import Extractor, ParagraphReading
from sitrep_ie.formats import read_examples, write_examples
from sitrep_ie.ontology import Ontology
from sitrep_ie.suggest import Suggestion, suggest

ROOT = Path(__file__).resolve().parent.parent
NEW = Document(
    "new.txt",
    "MORNING LOG\n\n"
    "At 06:40 on 12 June the mayor of Lower Brin asked the fire service for four pumps and 300 sandbags.\n\n"
    "At 07:55 on 13 June the mayor of Upper Brin asked the fire service for nine pumps and 400 sandbags.\n\n"
    "Nobody could say why the bakery in the old harbour had stayed shut since the end of winter.\n",
    source="desk",
)


@pytest.fixture
def pool(tiny_examples: list[Example]) -> list[Document]:
    return [*(example.document for example in tiny_examples), NEW]


def places(suggestions: list[Suggestion]) -> list[tuple[str, int]]:
    return [(item.document_id, item.span.start) for item in suggestions]


def test_whole_paragraphs_with_what_the_model_finds(
    tiny_extractor: Extractor, tiny_examples: list[Example], pool: list[Document]
) -> None:
    chosen = suggest(pool, tiny_extractor, 50)
    documents = {document.id: document for document in pool}
    for item in chosen:
        document, made = documents[item.document_id], item.example.document
        assert item.span in paragraph_spans(document.text)
        assert made.text == document.text[item.span.start : item.span.end]
        assert made.id == f"{document.id}#char={item.span.start},{item.span.end}"
        assert (made.source, made.published, made.title) == (
            document.source,
            document.published,
            document.title,
        )
        item.example.gold.check(made)
    # The tiny model gives back the annotation of the texts that it was trained on.
    (raid,) = (example for example in tiny_examples if example.document.id == "tiny-raid")
    found = {i.span.start: i.example.gold for i in chosen if i.document_id == raid.document.id}
    assert len(found) == 1  # the other paragraph is too short
    end = raid.document.text.index("\n")
    gold = [node for node in raid.gold.spans() if node.span.start < end]
    assert [node.type for node in found[0].spans()] == [node.type for node in gold]
    assert len(found[0].relations) == sum(link.head in gold for link in raid.gold.relations)


def test_what_the_model_does_not_know_comes_first(tiny_extractor: Extractor, pool: list[Document]) -> None:
    chosen = suggest(pool, tiny_extractor, 1)
    assert [item.document_id for item in chosen] == ["new.txt"]


def test_no_headings_and_no_near_copies(tiny_extractor: Extractor, pool: list[Document]) -> None:
    chosen = suggest(pool, tiny_extractor, 50)
    texts = [item.example.document.text for item in chosen]
    assert "MORNING LOG" not in texts
    assert sum("Brin" in text for text in texts) == 1
    assert any("bakery" in text for text in texts)
    assert len(set(texts)) == len(texts)


def test_annotated_paragraphs_are_not_suggested_again(
    tiny_extractor: Extractor, pool: list[Document]
) -> None:
    first = suggest(pool, tiny_extractor, 50)
    brin = [item.example.document for item in first if "Brin" in item.example.document.text]
    second = suggest(pool, tiny_extractor, 50, annotated=brin)
    # Its near-copy is not, either.
    assert not any("Brin" in item.example.document.text for item in second)
    assert len(second) == len(first) - 1
    assert suggest(pool, tiny_extractor, 50, annotated=pool) == []


def test_the_choice_does_not_depend_on_batches(tiny_extractor: Extractor, pool: list[Document]) -> None:
    chosen = suggest(pool, tiny_extractor, 3)
    assert len(chosen) == 3
    assert places(suggest(pool, tiny_extractor, 3)) == places(chosen)
    assert places(suggest(iter(pool), tiny_extractor, 3, batch_size=1)) == places(chosen)


def test_two_documents_of_one_id_get_two_ids(tiny_extractor: Extractor) -> None:
    texts = (
        "The mayor of Brin asked the fire service for pumps.",
        "Bakers in the harbour shut early again this winter.",
    )
    chosen = suggest([Document("a", text) for text in texts], tiny_extractor, 2)
    names = {item.example.document.id for item in chosen}
    assert names == {"a#char=0,51", "a#char=0,51 (2)"}


def test_readings_cover_every_paragraph_with_words(tiny_extractor: Extractor) -> None:
    long = " ".join(f"The {n} trucks of Karsk waited." for n in range(60))
    document = Document("long", f"Head\n\n{long}\n\n***\n\nEnd of it.\n\n \n")
    ((same, annotation, readings),) = tiny_extractor.read_many([document])
    assert same is document
    assert annotation == next(tiny_extractor.annotate_many([document]))
    assert [document.text[r.span.start : r.span.end] for r in readings] == [
        "Head",
        long,
        "***",
        "End of it.",
    ]
    # The long paragraph is cut into windows and counted once.
    assert [reading.num_words for reading in readings] == [1, 60 * 7, 3, 4]
    assert all(0 <= reading.doubt and np.isfinite(reading.state_H).all() for reading in readings)


def candidate(name: str, uncertainty: float, state: list[float], folded: str) -> module._Candidate:
    reading = ParagraphReading(Span(0, 9), 9, 0.0, np.array(state, dtype=np.float32))
    return module._Candidate(Document(name, "x"), Annotation(name), reading, uncertainty, folded)


def test_distance_outweighs_a_little_more_doubt() -> None:
    candidates = [
        candidate("sure of nothing", 0.5, [1, 0, 0], "aaaa"),
        candidate("much the same", 0.49, [1, 0.1, 0], "bbbb"),
        candidate("elsewhere", 0.3, [-1, 0, 1], "cccc"),
        candidate("elsewhere and sure", 0.01, [-1, 0.2, -1], "dddd"),
    ]
    chosen = [item.document.id for item in module._spread(candidates, [], 2)]
    assert chosen == ["sure of nothing", "elsewhere"]
    assert len(list(module._spread(candidates, [], 9))) == 4
    assert [item.document.id for item in module._spread(candidates, ["aaaa"], 1)] == ["much the same"]


def test_of_a_large_pool_the_doubtful_are_kept() -> None:
    many = (candidate(str(n), (n * 37 % 100) / 100, [1.0], str(n)) for n in range(1000))
    kept = module._least_sure(many, 12)
    assert [item.uncertainty for item in kept] == [0.99] * 10 + [0.98] * 2
    assert [int(item.document.id) for item in kept[:2]] == [27, 127]


def test_numbers_below_one_are_refused(tiny_extractor: Extractor) -> None:
    with pytest.raises(ConfigError, match="num_paragraphs 0: expected at least 1"):
        suggest([], tiny_extractor, 0)


# ---- the command ----


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reports = tmp_path / "reports"
    reports.mkdir()
    # The last paragraph is broken to fit a page.
    (reports / "new.txt").write_text(NEW.text.replace("since the", "since\nthe"), encoding="utf-8")
    (reports / "more.jsonl").write_text(
        '{"id": "m", "text": "A ferry with ninety people on board ran aground near Salt Point."}\n{\n',
        encoding="utf-8",
    )
    return reports


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.json", "labelstudio"), ("a.prodigy.jsonl", "prodigy"), ("a.ann", "inline"), ("out", "brat")],
)
def test_the_command_writes_for_the_tool(
    name: str,
    form: str,
    folder: Path,
    tiny_model_path: Path,
    ontology: Ontology,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = folder.parent / name
    options = ["--n", "9", "--out", str(out), "--model", str(tiny_model_path), "--device", "cpu"]
    assert main(["suggest", str(folder), *options, *(["--to", form] if form == "brat" else [])]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out}: 3 paragraphs of 2 documents, {form}\n"
    assert "left out: " in printed.err
    assert "more.jsonl: line 2: not valid JSON" in printed.err
    examples = read_examples(out, ontology, form)
    names = sorted(example.document.id.split("#")[0] for example in examples)
    assert names == sorted(["m", f"{folder}/new.txt", f"{folder}/new.txt"])
    assert any("winter" in example.document.text for example in examples)


def test_the_command_knows_what_is_annotated(
    folder: Path, tiny_model_path: Path, ontology: Ontology, capsys: pytest.CaptureFixture[str]
) -> None:
    done = folder.parent / "done.ann"
    write_examples(done, [Example(replace(NEW, text=NEW.text.strip()), Annotation(NEW.id))], ontology)
    options = ["--model", str(tiny_model_path), "--device", "cpu", "--annotated", str(done)]
    out = folder.parent / "a.jsonl"
    assert main(["suggest", str(folder), "--out", str(out), *options]) == 0
    assert "1 paragraphs of 1 documents, jsonl" in capsys.readouterr().out
    options += ["--annotated", str(out)]
    assert main(["suggest", str(folder), "--out", str(folder.parent / "b.jsonl"), *options]) == 2
    assert "no paragraph of 8 words or more that is not annotated yet" in capsys.readouterr().err
    assert not (folder.parent / "b.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--out", "a.jsonl"], "nowhere: there is no such file or folder"),
        (["nowhere", "--out", "a.doc"], "a.doc: format unknown by the name's end"),
        (["nowhere", "--out", "a.jsonl", "--n", "0"], "--n 0: expected at least 1"),
    ],
)
def test_errors_of_the_command_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suggest", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
