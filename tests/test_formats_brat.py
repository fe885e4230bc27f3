"""brat standoff: what its lines say, and one clear error for each that says something else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Span, Trigger
from sitrep_ie.errors import FormatError
from sitrep_ie.formats import brat_configuration, read_brat, write_brat
from sitrep_ie.ontology import Ontology

SHIPPED = Ontology.load(Path(__file__).resolve().parent.parent / "configs" / "ontology.toml")
TEXT = "🚚 Rangers, scouts\r\nleft Karsk."
LINES = """\
T1\tACTOR 2 9\tRangers
T2\tActor 11 17\tscouts
T3\tMOVEMENT 19 23\tleft
T4\tLOCATION 24 29\tKarsk
E1\tMOVEMENT:T3 AGENT:T1 AGENT2:T2 ORIGIN:T4
R1\tMEMBER_OF Arg1:T2 Arg2:T1
A1\tPLANNED E1
"""
RANGERS, SCOUTS = Mention(Span(2, 9), "ACTOR"), Mention(Span(11, 17), "ACTOR")
LEFT = Trigger(Span(19, 23), "MOVEMENT", frozenset({"PLANNED"}))
KARSK = Mention(Span(24, 29), "LOCATION")
EXAMPLE = Example(
    Document("r1", TEXT),
    Annotation(
        "r1",
        (RANGERS, SCOUTS, KARSK),
        (LEFT,),
        (
            Relation(LEFT, RANGERS, "AGENT"),
            Relation(LEFT, SCOUTS, "AGENT"),
            Relation(LEFT, KARSK, "ORIGIN"),
            Relation(SCOUTS, RANGERS, "MEMBER_OF"),
        ),
    ),
)


def put(folder: Path, lines: str, name: str = "r1") -> Path:
    (folder / f"{name}.txt").write_bytes(TEXT.encode())
    (folder / f"{name}.ann").write_bytes(lines.encode())
    return folder


def test_lines_are_read_as_they_say(tmp_path: Path) -> None:
    assert read_brat(put(tmp_path, LINES), SHIPPED) == [EXAMPLE]
    assert read_brat(tmp_path / "r1.ann", SHIPPED) == [EXAMPLE]


def test_lines_are_written_as_they_are_read(tmp_path: Path) -> None:
    assert write_brat(tmp_path, [EXAMPLE], SHIPPED) == {}
    assert (tmp_path / "r1.txt").read_bytes() == TEXT.encode()
    assert (tmp_path / "r1.ann").read_text(encoding="utf-8") == LINES.replace("Actor", "ACTOR")
    assert (tmp_path / "annotation.conf").read_text(encoding="utf-8") == brat_configuration(SHIPPED)


def test_triggers_without_events_and_relations_from_them(tmp_path: Path) -> None:
    lines = LINES.replace("E1\tMOVEMENT:T3 AGENT:T1 AGENT2:T2 ORIGIN:T4\n", "").replace(
        "PLANNED E1", "PLANNED T3"
    )
    lines += "R2\tAGENT Arg1:T3 Arg2:T1\nR3\tAGENT Arg1:T3 Arg2:T2\nR4\tORIGIN Arg1:T3 Arg2:T4\n"
    (example,) = read_brat(put(tmp_path, lines), SHIPPED)
    assert set(example.gold.relations) == set(EXAMPLE.gold.relations)
    assert example.gold.triggers == (LEFT,)


def test_names_of_files_hold_every_id(tmp_path: Path) -> None:
    ids = ["a/b", ".hidden", "50%", "Ereignis é", "a\tb", ".."]
    examples = [Example(Document(name, "x"), Annotation(name)) for name in ids]
    write_brat(tmp_path / "new", examples, SHIPPED)
    assert {e.document.id for e in read_brat(tmp_path / "new", SHIPPED)} == set(ids)
    assert len(list((tmp_path / "new").iterdir())) == 2 * len(ids) + 1


def test_the_configuration_offers_the_ontology() -> None:
    sections = dict(part.split("]\n", 1) for part in ("\n" + brat_configuration(SHIPPED)).split("\n[")[1:])
    assert list(sections) == ["entities", "relations", "events", "attributes"]
    assert sections["entities"].split() == list(SHIPPED.mention_types)
    assert "MEMBER_OF\tArg1:ACTOR, Arg2:ACTOR" in sections["relations"].splitlines()
    movement = next(line for line in sections["events"].splitlines() if line.startswith("MOVEMENT\t"))
    assert "TIME*:DATE" in movement
    assert "NEGATED\tArg:<EVENT>" in sections["attributes"].splitlines()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("T5\tLOCATION 24 26;27 29\tKarsk", "T5 has gaps ('LOCATION 24 26;27 29'), which a mention cannot"),
        ("T5\tLOCATION 24 29", "'LOCATION 24 29': expected TYPE START END, a tab and the text"),
        ("T5\tLOCATION 24 99\tKarsk", "T5: [24, 99): expected 0 <= start < end <= 30"),
        ("T5\tLOCATION 25 30\tKarsk", "T5: [25, 30) holds 'arsk.' in the text, not 'Karsk'"),
        ("T1\tACTOR 2 9\tRangers", "T1 is given twice"),
        ("T5\tPLCE 29 30\t.", "T5: unknown type 'PLCE'"),
        ("E2\tMOVEMENT:T9", "E2: there is no T9"),
        ("E2\tRAID:T3", "E2 is RAID, but T3 is MOVEMENT"),
        ("E2\tMOVEMENT:T3", "E2: T3 is the trigger of E1 too; expected one event each"),
        ("E2\tLOCATION:T4", "E2: LOCATION is a type of mentions, not of events"),
        ("E2", "'E2': expected T1, E1, R1 or A1, a tab and the annotation"),
        ("R2\tMEMBER_OF T1 T2", "'T1': expected ROLE:ID"),
        ("R2\tMEMBER_OF Arg1:T1", "expected a relation, Arg1:... and Arg2:..."),
        ("R2\tMEMBER Arg1:T1 Arg2:T2", "unknown relation 'MEMBER'; did you mean 'MEMBER_OF'?"),
        ("R2\tMEMBER_OF Arg1:T1 Arg2:T8", "there is no T8"),
        ("A2\tNegation E1 strong", "expected an attribute without value and its event"),
        ("A2\tNegation E1", "unknown attribute 'Negation'"),
        ("A2\tNEGATED T1", "attribute NEGATED on ACTOR; only triggers have attributes"),
        ("X1\tnothing", "'X1\\tnothing': expected T1, E1, R1 or A1"),
        ("#1\tAnnotatorNotes T1\tunsure", "notes cannot be held"),
    ],
)
def test_a_malformed_line_is_refused(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read_brat(put(tmp_path, LINES + line + "\n"), SHIPPED)
    assert str(caught.value).startswith(f"{tmp_path / 'r1.ann'}:")
    assert message in str(caught.value)


def test_notes_are_counted_where_somebody_counts(tmp_path: Path) -> None:
    lines = LINES + "#1\tAnnotatorNotes T1\tunsure\nN1\tReference T1 W:1\tx\n*\tEquiv T1 T2\n"
    counts: Counter[str] = Counter()
    assert read_brat(put(tmp_path, lines), SHIPPED, left_out=counts) == [EXAMPLE]
    assert counts == {"notes": 1, "normalisations": 1, "equivalences": 1}


def test_pairs_of_files_are_whole(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"expected a folder with \.txt and \.ann files"):
        read_brat(tmp_path, SHIPPED)
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    with pytest.raises(FormatError, match=r"a\.ann: there is no such file beside a\.txt"):
        read_brat(tmp_path, SHIPPED)
    with pytest.raises(FormatError, match="expected a new folder, or one without"):
        write_brat(tmp_path, [EXAMPLE], SHIPPED)
