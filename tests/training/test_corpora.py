"""Readers of outside corpora, on rows made up here in each corpus's form."""

from __future__ import annotations

from pathlib import Path

import pytest

from sitrep_ie.document import Example
from sitrep_ie.errors import FormatError
from sitrep_ie.formats import data_digest, read_inline, read_jsonl
from sitrep_ie.ontology import Ontology
from training import prepare
from training.corpora import READERS, SPLITS, re3d_ner, read_corpus

SENTENCE = "{ACTOR a1|Guards} {MOVEMENT e1|left} {LOCATION l1|Karsk}.\n> e1 AGENT a1\n> e1 ORIGIN l1\n"


def put(folder: Path, corpus: str, split: str, *ids: str) -> None:
    """Writes a split of documents whose texts all differ."""
    path = folder / corpus / f"{split}.ann"
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = [
        f"# id: {id_} | source: made up | title: T\n\n{corpus} {split} {number}.\n\n{SENTENCE}"
        for number, id_ in enumerate(ids)
    ]
    path.write_text("\n".join(blocks), encoding="utf-8")


def texts(examples: list[Example]) -> list[tuple[str, str]]:
    return [(example.document.id, example.document.text) for example in examples]


@pytest.mark.parametrize("name", list(READERS))
def test_every_split_is_read(tmp_path: Path, ontology: Ontology, name: str) -> None:
    for split in SPLITS[name]:
        put(tmp_path, name, split, f"{split}-1", f"{split}-2")
        examples = read_corpus(name, split, tmp_path, ontology)
        assert texts(examples) == [
            (f"{split}-{n + 1}", f"{name} {split} {n}.\n\nGuards left Karsk.") for n in range(2)
        ]
        for example in examples:
            example.gold.check(example.document)
            assert [r.relation_type for r in example.gold.relations] == ["AGENT", "ORIGIN"]


@pytest.mark.parametrize(
    ("name", "title"), [("re3d", "T"), ("authored", "T"), ("isaf", None), ("plover", None)]
)
def test_titles_that_are_none_are_dropped(
    tmp_path: Path, ontology: Ontology, name: str, title: str | None
) -> None:
    put(tmp_path, name, "train", "a")
    (example,) = read_corpus(name, "train", tmp_path, ontology)
    assert example.document.title == title


def test_plover_ids_are_made_distinct(tmp_path: Path, ontology: Ontology) -> None:
    put(tmp_path, "plover", "train", "a 1", "b", "a 1", "a 1")
    examples = read_corpus("plover", "train", tmp_path, ontology)
    assert [example.document.id for example in examples] == ["a 1", "b", "a 1-2", "a 1-3"]
    put(tmp_path, "re3d", "train", "a 1", "a 1")
    with pytest.raises(FormatError, match=r"train\.ann:9: document id 'a 1' is used twice"):
        read_corpus("re3d", "train", tmp_path, ontology)


def test_what_is_missing_is_named(tmp_path: Path, ontology: Ontology) -> None:
    with pytest.raises(FormatError, match=r"corpus 'red': expected one of \['authored', 'isaf'"):
        read_corpus("red", "train", tmp_path, ontology)
    with pytest.raises(FormatError, match=r"re3d: no such folder; expected the corpus 're3d' there"):
        read_corpus("re3d", "train", tmp_path, ontology)
    with pytest.raises(FormatError, match=r"corpus 'plover' has no split 'dev', expected one of \['train'\]"):
        read_corpus("plover", "dev", tmp_path, ontology)
    put(tmp_path, "plover", "train", "a")
    (tmp_path / "plover" / "train.ann").write_bytes(b"# id: \xff")
    with pytest.raises(FormatError, match=r"train\.ann: not UTF-8"):
        read_corpus("plover", "train", tmp_path, ontology)
    put(tmp_path, "re3d", "train", "a")
    with pytest.raises(FormatError, match=r"dev\.ann: no such file; expected the split 'dev'"):
        read_corpus("re3d", "dev", tmp_path, ontology)


def test_the_projects_own_reports(ontology: Ontology) -> None:
    """They lie in the repository: the counts are those of training/data/README.md."""
    folder = Path(__file__).parents[2] / "training" / "data"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    files = sorted((folder / "authored").glob("*.ann"))
    found = {file.stem: read_inline(file, ontology) for file in files}
    for name, examples in found.items():
        numbers = (
            len(examples),
            sum(len(e.document.text.split("\n\n")) for e in examples),
            sum(len(e.document.text.split()) for e in examples),
            sum(len(e.gold.mentions) for e in examples),
            sum(len(e.gold.triggers) for e in examples),
            sum(len(e.gold.relations) for e in examples),
        )
        assert f"| `authored/{name}.ann` | " + " | ".join(f"{n:,}" for n in numbers) + " |" in readme
    by_split = {split: read_corpus("authored", split, None, ontology) for split in SPLITS["authored"]}
    assert {split: len(examples) for split, examples in by_split.items()} == {
        split: sum(len(examples) for name, examples in found.items() if name.split("_")[0] == split)
        for split in by_split
    }
    train, dev = ({e.document.text for e in examples} for examples in by_split.values())
    assert not train & dev
    ids = [e.document.id for examples in found.values() for e in examples]
    assert len(ids) == len(set(ids))


# ---- entities in CoNLL columns ----

ROWS = (
    "Two\tB-Quantity\r\nscout\tB-MilitaryPlatform\r\ncars\tI-MilitaryPlatform\r\n"
    "\r\n\r\nLt.\tI-Person\r\nOrr\tI-Person\n"
)


def test_columns_become_sentences(tmp_path: Path) -> None:
    (tmp_path / "dev.txt").write_bytes(ROWS.encode())
    examples = re3d_ner.read(tmp_path, "dev")
    assert texts(examples) == [("re3d_ner-dev-1", "Two scout cars"), ("re3d_ner-dev-2", "Lt. Orr")]
    found = [
        [(e.document.text[m.span.start : m.span.end], m.entity_type) for m in e.gold.mentions]
        for e in examples
    ]
    assert found == [[("Two", "QUANTITY"), ("scout cars", "MILITARY_PLATFORM")], [("Lt. Orr", "PERSON")]]
    for example in examples:
        example.gold.check(example.document)
        re3d_ner.ONTOLOGY.check(example.gold)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("word", "expected 'token<TAB>tag'"),
        ("two words\tO", "expected 'token<TAB>tag'"),
        ("word\tB-Animal", "unknown tag 'B-Animal'"),
        ("word\tPerson", "unknown tag 'Person'"),
        ("word\tS-Person", "unknown tag 'S-Person'"),
    ],
)
def test_rows_that_are_no_columns(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "test.txt").write_text(f"a\tO\n{row}\n", encoding="utf-8")
    with pytest.raises(FormatError) as caught:
        re3d_ner.read(tmp_path, "test")
    assert str(caught.value).startswith(f"{tmp_path / 'test.txt'}:2: ")
    assert message in str(caught.value)


def test_missing_columns(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"has no split 'all', expected one of \['train', 'dev', 'test'\]"):
        re3d_ner.read(tmp_path, "all")
    with pytest.raises(FormatError, match=r"train\.txt: cannot be read: No such file"):
        re3d_ner.read(tmp_path, "train")
    (tmp_path / "train.txt").write_bytes(b"\xff\tO")
    with pytest.raises(FormatError, match=r"train\.txt: not UTF-8"):
        re3d_ner.read(tmp_path, "train")


# ---- training files ----


def test_prepare_writes_the_files_of_the_configurations(
    tmp_path: Path, ontology: Ontology, capsys: pytest.CaptureFixture[str]
) -> None:
    corpora, out = tmp_path / "corpora", tmp_path / "data"
    for name in ("re3d", "isaf", "plover"):
        for split in SPLITS[name]:
            put(corpora, name, split, f"{name}-{split}")
    assert prepare.main(["--corpus", str(corpora), "--out", str(out)]) == 0
    printed = capsys.readouterr().out.splitlines()
    files = ["train.jsonl", "dev.re3d.jsonl", "dev.isaf.jsonl", "dev.authored.jsonl"]
    assert sorted(path.name for path in out.iterdir()) == sorted(files)
    for name, line in zip(files, printed, strict=True):
        examples = read_jsonl(out / name, ontology)
        assert line.startswith(f"{out / name}: {len(examples)} documents, ")
        assert line.endswith(f"sha256 {data_digest(examples)}")
    train = read_jsonl(out / "train.jsonl", ontology)
    own = read_corpus("authored", "train", None, ontology)
    assert [e.document.id for e in train[:3]] == ["re3d-train", "isaf-train", "plover-train"]
    assert train[3:] == own


def test_prepare_refuses_dev_texts_in_train(
    tmp_path: Path, ontology: Ontology, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, "re3d", "train", "a")
    path = tmp_path / "re3d" / "train.ann"
    (tmp_path / "re3d" / "dev.ann").write_text(
        path.read_text(encoding="utf-8").replace("id: a", "id: b"), encoding="utf-8"
    )
    out = tmp_path / "data"
    assert prepare.main(["--corpus", str(tmp_path), "--out", str(out), "--corpora", "re3d"]) == 1
    assert "dev.re3d.jsonl: document 'b' has the text of 'a' in train" in capsys.readouterr().err
    assert not out.exists()
