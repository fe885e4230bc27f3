"""spaCy's DocBin files: what other programs write, what user_data holds, and errors."""

from __future__ import annotations

import builtins
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sitrep_ie.document import Document, Example, Mention, Relation, Span, Trigger
from sitrep_ie.errors import DependencyError, FormatError
from sitrep_ie.formats import read_spacy, write_spacy
from sitrep_ie.ontology import Ontology

SHIPPED = Ontology.load(Path(__file__).resolve().parent.parent / "configs" / "ontology.toml")
TEXT = "🚚 Rangers left\nKarsk."
RANGERS, KARSK = Mention(Span(2, 9), "ACTOR"), Mention(Span(15, 20), "LOCATION")
LEFT = Trigger(Span(10, 14), "MOVEMENT", frozenset({"NEGATED"}))
WORDS = ["🚚", "Rangers", "left", "\n", "Karsk", "."]
SPACES = [True, True, False, False, False, False]


def test_without_spacy_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def no_spacy(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "spacy":
            raise ImportError(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_spacy)
    (tmp_path / "a.spacy").touch()
    with pytest.raises(DependencyError, match=r"sitrep_ie\[spacy\]"):
        read_spacy(tmp_path / "a.spacy", SHIPPED)
    with pytest.raises(DependencyError, match=r"sitrep_ie\[spacy\]"):
        write_spacy(tmp_path / "b.spacy", [], SHIPPED)
    assert not (tmp_path / "b.spacy").exists()


@pytest.fixture
def spacy() -> Any:
    return pytest.importorskip("spacy", reason="spaCy is not installed")


def put(spacy: Any, path: Path, *docs: Any) -> Path:
    spacy.tokens.DocBin(attrs=["ENT_IOB", "ENT_TYPE"], store_user_data=True, docs=docs).to_disk(path)
    return path


def doc_of(spacy: Any, *spans: tuple[int, int, str], **data: Any) -> Any:
    """A document of WORDS with a span group of (first token, last + 1, label), ids "m1", "m2", ..."""
    doc = spacy.tokens.Doc(spacy.vocab.Vocab(), words=WORDS, spaces=SPACES)
    doc.spans["sc"] = [
        spacy.tokens.Span(doc, first, end, label, span_id=f"m{number}")
        for number, (first, end, label) in enumerate(spans, 1)
    ]
    doc.user_data["sitrep_ie"] = data
    return doc


def test_a_written_file_is_what_spacy_users_expect(spacy: Any, tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.spacy"
    document = Document("r1", TEXT, source="desk")
    gold = Example(document, _annotation("r1"))
    assert write_spacy(path, [gold], SHIPPED) == Counter()
    (doc,) = spacy.tokens.DocBin().from_disk(path).get_docs(spacy.vocab.Vocab())
    assert doc.text == TEXT
    shown = [(span.text, span.label_, span.id_) for span in doc.spans["sc"]]
    assert shown == [
        ("Rangers", "ACTOR", "m1"),
        ("left", "MOVEMENT", "m2"),
        ("Karsk", "LOCATION", "m3"),
    ]
    known = doc.user_data["sitrep_ie"]
    assert known["attributes"] == {"m2": ("NEGATED",)}
    assert [(r["head"], r["tail"], r["type"]) for r in known["relations"]] == [
        ("m2", "m1", "AGENT"),
        ("m2", "m3", "ORIGIN"),
    ]
    assert read_spacy(path, SHIPPED) == [gold]
    assert [entry.name for entry in path.parent.iterdir()] == ["a.spacy"]


def _annotation(name: str) -> Any:
    from sitrep_ie.document import Annotation

    relations = (Relation(LEFT, RANGERS, "AGENT"), Relation(LEFT, KARSK, "ORIGIN"))
    return Annotation(name, (RANGERS, KARSK), (LEFT,), relations)


def test_entities_of_other_programs_are_read(spacy: Any, tmp_path: Path) -> None:
    doc = spacy.tokens.Doc(spacy.vocab.Vocab(), words=WORDS, spaces=SPACES)
    doc.ents = [spacy.tokens.Span(doc, 1, 2, "Actor"), spacy.tokens.Span(doc, 4, 5, "location")]
    empty = spacy.tokens.Doc(spacy.vocab.Vocab(), words=["Nothing"], spaces=[False])
    empty.ents = []
    first, second = read_spacy(put(spacy, tmp_path / "train.spacy", doc, empty), SHIPPED)
    assert (first.document.id, second.document.id) == ("train-1", "train-2")
    assert first.gold.spans() == [RANGERS, KARSK]
    assert second.gold.spans() == []


def test_documents_that_nobody_annotated_are_told_apart_from_empty_ones(spacy: Any, tmp_path: Path) -> None:
    unseen = spacy.tokens.Doc(spacy.vocab.Vocab(), words=WORDS, spaces=SPACES)
    path = put(spacy, tmp_path / "a.spacy", unseen, doc_of(spacy))
    with pytest.raises(FormatError, match="document 'a-1': documents without annotation cannot be held"):
        read_spacy(path, SHIPPED)
    left_out: Counter[str] = Counter()
    (example,) = read_spacy(path, SHIPPED, left_out=left_out)
    assert (example.document.id, example.gold.spans()) == ("a-2", [])
    assert left_out == {"documents without annotation": 1}


def test_other_groups_are_counted_and_stale_scores_ignored(spacy: Any, tmp_path: Path) -> None:
    doc = doc_of(spacy, (1, 2, "ACTOR"))
    doc.spans["ruler"] = [spacy.tokens.Span(doc, 2, 3, "X")]
    doc.spans["sc"].attrs["scores"] = [0.25, 0.5]
    left_out: Counter[str] = Counter()
    (example,) = read_spacy(put(spacy, tmp_path / "a.spacy", doc), SHIPPED, left_out=left_out)
    assert left_out == {"other groups of spans": 1}
    assert [node.score for node in example.gold.spans()] == [1.0]


@pytest.mark.parametrize(
    ("spans", "data", "message"),
    [
        ([(1, 2, "ACTER")], {}, r"'a-1': ACTER \[2, 9\): unknown type 'ACTER'; did you mean 'ACTOR'"),
        ([(1, 3, "ACTOR"), (2, 3, "MOVEMENT")], {}, "overlaps"),
        ([(1, 2, "ACTOR")], {"attributes": {"m1": ["NEGATED"]}}, "only triggers have attributes"),
        ([(1, 2, "ACTOR")], {"attributes": {"m9": []}}, "attributes of 'm9', which is the id of no span"),
        ([(1, 2, "ACTOR")], {"colour": 1}, r"user_data\['sitrep_ie'\]: unknown key 'colour'"),
        ([(1, 2, "ACTOR")], {"published": "May"}, "'published' is \"May\", expected YYYY-MM-DD"),
        (
            [(2, 3, "MOVEMENT")],
            {"relations": [{"head": "m1", "tail": "m2", "type": "AGENT"}]},
            r"relations\[0\]: no span has the id 'm2'",
        ),
        (
            [(2, 3, "MOVEMENT"), (1, 2, "ACTOR")],
            {"relations": [{"head": "m2", "tail": "m1", "type": "AGENT"}]},
            "AGENT",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    spans: list[tuple[int, int, str]], data: dict[str, Any], message: str, spacy: Any, tmp_path: Path
) -> None:
    path = put(spacy, tmp_path / "a.spacy", doc_of(spacy, *spans, **data))
    with pytest.raises(FormatError, match=message) as caught:
        read_spacy(path, SHIPPED)
    assert str(caught.value).startswith(f"{path}: document")


@pytest.mark.parametrize("raw", [b"", b"plain text", b"\x78\x9c\x03\x00\x00\x00\x00\x01"])
def test_other_files_are_refused(raw: bytes, spacy: Any, tmp_path: Path) -> None:
    (tmp_path / "a.spacy").write_bytes(raw)
    with pytest.raises(FormatError, match=r"a\.spacy: no DocBin of spaCy"):
        read_spacy(tmp_path / "a.spacy", SHIPPED)


def test_what_unpacks_to_too_much_is_refused(
    spacy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sitrep_ie.formats.spacy._MAX_MIB", 0.0001)
    path = put(spacy, tmp_path / "a.spacy", *(doc_of(spacy, (1, 2, "ACTOR")) for _ in range(50)))
    with pytest.raises(FormatError, match="unpacks to more than"):
        read_spacy(path, SHIPPED)
