"""CoNLL columns: read in every tag scheme, written in one, and what training makes of mentions alone."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import corpora

from sitrep_ie.cli import main
from sitrep_ie.config import Config
from sitrep_ie.document import Annotation, Document, Example, Mention, Span, Trigger
from sitrep_ie.errors import FormatError
from sitrep_ie.formats import read_examples
from sitrep_ie.formats.conll import SPACING, read_conll, write_conll
from sitrep_ie.ontology import Ontology

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = Ontology.load(ROOT / "configs" / "ontology.toml")
NAMES = Ontology.from_dict(
    {"name": "names", "version": "1", "mentions": {"PERSON": "", "MILITARY_PLATFORM": ""}}, "names"
)


def put(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def found(examples: list[Example]) -> list[tuple[str, str]]:
    return [
        (node.type, example.document.text[node.span.start : node.span.end])
        for example in examples
        for node in example.gold.spans()
    ]


def test_a_file_is_read_as_it_says(tmp_path: Path) -> None:
    path = put(
        tmp_path / "f.txt",
        "-DOCSTART- (r1)\tO\n\n🚚\tO\nRangers\tB-actor\nleft\tB-Movement\n.\tO\n\nThey\tO\n\n\n"
        "-DOCSTART- -X- O O\n\nTal\tB-LOCATION\nAmber\tI-LOCATION",
    )
    assert read_examples(path, SHIPPED) == [
        Example(
            Document("r1", "🚚 Rangers left .\nThey"),
            Annotation("r1", (Mention(Span(2, 9), "ACTOR"),), (Trigger(Span(10, 14), "MOVEMENT"),)),
        ),
        Example(Document("f-2", "Tal Amber"), Annotation("f-2", (Mention(Span(0, 9), "LOCATION"),))),
    ]


def test_windows_line_ends_blanks_and_middle_columns(tmp_path: Path) -> None:
    text = "Anna NNP I-NP B-Person\r\nKel  NNP  I-NP I-Person\r\n \r\nleft VBD O O\r\n"
    path = put(tmp_path / "f.conll", text)
    assert [e.document.text for e in read_conll(path, NAMES)] == ["Anna Kel", "left"]
    assert [e.document.text for e in read_conll(path, NAMES, num_sentences=2)] == ["Anna Kel\nleft"]
    assert found(read_conll(path, NAMES)) == [("PERSON", "Anna Kel")]


def test_types_are_found_whatever_their_case(tmp_path: Path) -> None:
    path = put(tmp_path / "f.conll", "tank\tB-MilitaryPlatform\nT-4\tI-MilitaryPlatform\nAnna\tB-PERSON\n")
    assert found(read_conll(path, NAMES)) == [("MILITARY_PLATFORM", "tank T-4"), ("PERSON", "Anna")]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("I I O I B I", ["a b", "d", "e f"]),  # IOB1: B- only parts neighbours
        ("B I O B B I", ["a b", "d", "e f"]),  # IOB2
        ("B L O U B L", ["a b", "d", "e f"]),  # BILOU
        ("B I E O S S", ["a b c", "e", "f"]),  # BIOES
    ],
)
def test_tag_schemes(tmp_path: Path, tags: str, expected: list[str]) -> None:
    lines = [
        f"{word}\t{tag if tag == 'O' else tag + '-Person'}\n"
        for word, tag in zip("abcdef", tags.split(), strict=True)
    ]
    examples = read_conll(put(tmp_path / "f.conll", "".join(lines)), NAMES)
    assert found(examples) == [("PERSON", text) for text in expected]


def test_another_type_begins_a_mention(tmp_path: Path) -> None:
    path = put(tmp_path / "f.conll", "a\tB-Person\nb\tI-MilitaryPlatform\n")
    assert found(read_conll(path, NAMES)) == [("PERSON", "a"), ("MILITARY_PLATFORM", "b")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("word", "'word': expected a word and a tag, parted by a tab or blanks"),
        ("word\t", "'word\\t': expected a word and a tag"),
        ("\tO", "'\\tO': expected a word and a tag"),
        ("word\tNN\tO", "3 columns, expected 2 as above"),
        ("word\tB", "tag 'B': expected O or one of B-TYPE, I-TYPE"),
        ("word\tX-Person", "tag 'X-Person': expected O or one of B-TYPE, I-TYPE"),
        ("word\tB-Persn", "unknown type 'Persn'"),
        ("word\tL-Person", "tag 'L-Person': expected no mention to go on with here (BILOU or BIOES)"),
        ("word\tB-Person\nx\tU-Person", "3: tag 'U-Person': expected I-Person or the last tag of Person"),
        ("x\tU-Person\nword\tB-Person", "3: the mention of Person has no last tag (BILOU or BIOES)"),
        ("\n-DOCSTART- (a)\tO\n\nw\tO\n\n-DOCSTART- (a)\tO", "7: document id 'a' is used twice"),
    ],
)
def test_a_malformed_line_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = put(tmp_path / "f.conll", f"first\tO\n{line}\n")
    with pytest.raises(FormatError) as caught:
        read_conll(path, NAMES)
    place = "" if message[0].isdigit() and message[1] == ":" else "2: "
    assert str(caught.value).startswith(f"{path}:{place}{message}")


def test_punctuation_is_split_off(tmp_path: Path) -> None:
    text = "Rangers (NB) left e\u0301tat-major 12.5km away…\r\nNext"
    gold = Annotation("r", (Mention(Span(9, 11), "ACTOR"),), (Trigger(Span(13, 17), "MOVEMENT"),))
    path = tmp_path / "f.conll"
    assert write_conll(path, [Example(Document("r", text), gold)], SHIPPED) == {SPACING: 1}
    (back,) = read_conll(path, SHIPPED)
    assert back.document.text == "Rangers ( NB ) left e\u0301tat - major 12 . 5km away …\nNext"
    assert found([back]) == [("ACTOR", "NB"), ("MOVEMENT", "left")]


@given(examples=corpora(SHIPPED))
@settings(max_examples=60, deadline=None)
def test_words_and_mentions_come_back(
    examples: list[Example], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("conll")
    left_out = write_conll(folder / "a.conll", examples, SHIPPED)
    back = read_conll(folder / "a.conll", SHIPPED)
    assert [e.document.id for e in back] == [e.document.id for e in examples]
    for before, after in zip(examples, back, strict=True):
        assert "".join(after.document.text.split()) == "".join(before.document.text.split())
    assert left_out["relations"] == sum(len(e.gold.relations) for e in examples)
    tight = [(name, "".join(text.split())) for name, text in found(back)]
    lost = left_out["mentions that go over a line's end"]
    if not lost:
        assert tight == [(name, "".join(text.split())) for name, text in found(examples)]
    # What columns hold, they hold exactly.
    assert not write_conll(folder / "b.conll", back, SHIPPED)
    assert read_conll(folder / "b.conll", SHIPPED) == back


@given(words=st.lists(st.text("aé\u0301😀-.'", min_size=1, max_size=4), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_words_that_are_split_stay(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "split.conll"
    path.write_text("".join(f"{word}\tO\n" for word in words) + "Karsk\tB-LOCATION\n", encoding="utf-8")
    examples = read_conll(path, SHIPPED)
    assert examples[0].document.text == " ".join([*words, "Karsk"])
    assert not write_conll(path, examples, SHIPPED)
    assert read_conll(path, SHIPPED) == examples


def test_writing_refuses_what_would_read_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "f.conll"
    for document, message in [
        (Document("a\nb", ""), "a line break in the id"),
        (Document("a", "x -DOCSTART- y"), "the word -DOCSTART- would begin a document"),
    ]:
        with pytest.raises(FormatError, match=message):
            write_conll(path, [Example(document, Annotation(document.id))], SHIPPED)
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_mentions_alone_learns_from_columns(
    tiny_config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sitrep_ie.extractor import Extractor
    from sitrep_ie.train import train

    ontology = tmp_path / "names.toml"
    ontology.write_text(
        'name = "names"\nversion = "1"\n[mentions]\nACTOR = ""\nLOCATION = ""\n', encoding="utf-8"
    )
    data = put(
        tmp_path / "train.txt",
        "Border\tB-Actor\nguards\tI-Actor\nsent\tO\ntrucks\tO\nto\tO\nKarsk\tB-Location\n.\tO\n\n"
        "gunmen\tB-Actor\nfreed\tO\ndrivers\tB-Actor\nnear\tO\nKarsk\tB-Location\n",
    )
    config = dataclasses.replace(
        tiny_config,
        data=dataclasses.replace(
            tiny_config.data, ontology=str(ontology), train=(str(data),), dev=(f"seen={data}",)
        ),
        train=dataclasses.replace(tiny_config.train, epochs=25),
    )
    scores = train(config, tmp_path / "model", device="cpu", weights="float32", progress=False)
    assert scores["seen"].mentions.f1 == 1
    extractor = Extractor.load(tmp_path / "model", device="cpu")
    (report,) = extractor.extract_many([Document("d", "Border guards sent trucks to Karsk .")])
    assert [mention.type for mention in report.annotation.mentions] == ["ACTOR", "LOCATION"]
    assert report.events == ()
    assert main(["evaluate", str(tmp_path / "model"), str(data), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^mentions +100\.0 +100\.0 +100\.0", printed, re.MULTILINE | re.IGNORECASE)
