from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import corpora

from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Span, Trigger
from sitrep_ie.errors import FormatError, OntologyError
from sitrep_ie.formats.inline import format_inline, parse_inline, read_inline, write_inline
from sitrep_ie.ontology import Ontology

SHIPPED = Ontology.load(Path(__file__).parent.parent / "configs" / "ontology.toml")
HEADER = "# id: d1 | source: made up | published: 2031-05-04 | title: A title: with a colon\n\n"
TEXT = (
    HEADER
    + """\
{ACTOR a1|Rangers} {MOVEMENT e1|left} {LOCATION l1|Karsk} 🚚.
> e1 AGENT a1
> e1 ORIGIN l1
> e1 IS PLANNED

Nothing | else: #1, > 2.

No {MOVEMENT e1|convoys} {MOVEMENT e2|passed}.
> e2 SAME_EVENT e1
> e2 IS NEGATED
"""
)


def parse(text: str) -> list[Example]:
    return parse_inline(text, "f.ann", SHIPPED)


def test_a_document_is_read_as_written() -> None:
    (example,) = parse(TEXT)
    document, gold = example.document, example.gold
    assert document == Document(
        id="d1",
        text="Rangers left Karsk 🚚.\n\nNothing | else: #1, > 2.\n\nNo convoys passed.",
        source="made up",
        published=datetime.date(2031, 5, 4),
        title="A title: with a colon",
    )
    gold.check(document)
    found = [(document.text[n.span.start : n.span.end], n.type) for n in gold.spans()]
    assert found == [
        ("Rangers", "ACTOR"),
        ("left", "MOVEMENT"),
        ("Karsk", "LOCATION"),
        ("convoys", "MOVEMENT"),
        ("passed", "MOVEMENT"),
    ]
    rangers, karsk = gold.mentions
    left, convoys, passed = gold.triggers
    assert [trigger.attributes for trigger in gold.triggers] == [{"PLANNED"}, set(), {"NEGATED"}]
    assert gold.relations == (
        Relation(left, rangers, "AGENT"),
        Relation(left, karsk, "ORIGIN"),
        Relation(passed, convoys, "SAME_EVENT"),
    )


def test_the_same_text_is_written() -> None:
    assert format_inline(parse(TEXT), SHIPPED) == TEXT


def test_layout_and_line_ends_do_not_matter() -> None:
    packed = TEXT.replace("\n\n", "\n")
    loose = "\n\n" + TEXT.replace("\n", "\n\n \n")
    windows = TEXT.replace("\n", "\r\n")
    assert parse(packed) == parse(loose) == parse(windows) == parse(TEXT)


def test_header_fields_are_optional() -> None:
    documents = [e.document for e in parse("# id: a b\nText.\n# id: c | published: unknown\n")]
    assert documents == [Document(id="a b", text="Text."), Document(id="c", text="")]
    assert format_inline(parse("# id: c"), SHIPPED) == "# id: c | published: unknown\n"


def test_no_documents() -> None:
    assert parse("\n  \n") == []
    assert format_inline([], SHIPPED) == ""


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "f.ann"
    path.write_text(TEXT, encoding="utf-8-sig")
    assert read_inline(path, SHIPPED) == parse(TEXT)


M = "{MOVEMENT e1|left} {ACTOR a1|Rangers}"


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        # marks
        ("{ACTR a1|x}", 3, "unknown label 'ACTR'; did you mean 'ACTOR'?"),
        ("{EVENT a1|x}", 3, "unknown label 'EVENT'"),
        ("{ACTOR a1|x} {OBJECT a1|y}", 3, "id a1 is used twice"),
        ("{ACTOR a1|x", 3, "malformed or nested mark at column 1"),
        ("x ACTOR a1|x}", 3, "malformed or nested mark at column 13"),
        ("{ACTOR a1|{OBJECT o1|x} y}", 3, "malformed or nested mark at column 1"),
        ("{ACTOR a1 x}", 3, "malformed or nested mark"),
        ("{ACTOR A1|x}", 3, "malformed or nested mark"),
        ("{ACTOR a|x}", 3, "malformed or nested mark"),
        ("{ACTOR  a1|x}", 3, "malformed or nested mark"),
        ("{ACTOR a1|x|y}", 3, "malformed or nested mark"),
        ("{ACTOR a1|}", 3, "empty span or blank at the edge"),
        ("{ACTOR a1| x}", 3, "empty span or blank at the edge"),
        ("{ACTOR a1|x\u00a0}", 3, "empty span or blank at the edge"),
        ("{ACTOR a1|x\u2028y}", 3, "a line break inside"),
        ("a\rb", 3, "carriage return inside the line"),
        # relation lines
        (f"{M}\n> e1 AGNT a1", 4, "unknown role 'AGNT'; did you mean 'AGENT'?"),
        (f"{M}\n> e1 AGENT a2", 4, "no mention 'a2' in this paragraph"),
        (f"{M}\n> e2 AGENT a1", 4, "no mention 'e2' in this paragraph"),
        (f"{M}\n\nMore.\n> e1 AGENT a1", 6, "no mention 'e1' in this paragraph"),
        (f"{M}\n> a1 AGENT e1", 4, "AGENT cannot go from ACTOR (a1) to MOVEMENT (e1)"),
        (f"{M}\n> e1 PLACE a1", 4, "PLACE cannot go from MOVEMENT (e1) to ACTOR (a1)"),
        (f"{M}\n> e1 SAME_EVENT e1", 4, "SAME_EVENT from e1 to itself"),
        (f"{M}\n> e1 AGENT a1\n> e1 AGENT a1", 5, "'e1 AGENT a1' is given twice"),
        (f"{M}\n> e1 AGENT", 4, "a relation line is '> head ROLE tail'"),
        (f"{M}\n> e1 AGENT a1 a1", 4, "a relation line is '> head ROLE tail'"),
        (f"{M}\n>e1 AGENT a1", 4, "a relation line is '> head ROLE tail'"),
        (f"{M}\n  > e1 AGENT a1", 4, "a relation line is '> head ROLE tail'"),
        (f"{M}\n>", 4, "a relation line is '> head ROLE tail'"),
        ("> e1 AGENT a1", 3, "before any paragraph of document 'd1'"),
        # attributes
        (f"{M}\n> e1 IS PLANED", 4, "unknown attribute 'PLANED'; did you mean 'PLANNED'?"),
        (f"{M}\n> a1 IS PLANNED", 4, "attribute PLANNED on ACTOR (a1)"),
        (f"{M}\n> e1 IS PLANNED\n> e1 IS PLANNED", 5, "'e1 IS PLANNED' is given twice"),
        (f"{M}\n> e9 IS PLANNED", 4, "no mention 'e9'"),
        # headers
        ("Text.\n# id: d1", 4, "document id 'd1' is used twice"),
        ("# id:", 3, "header key 'id' has no value"),
        ("# id: d2 | source:", 3, "header key 'source' has no value"),
        ("# id: d2 | sauce: x", 3, "unknown header key 'sauce'; did you mean 'source'?"),
        ("# id: d2 | title: a | b", 3, "unknown header key 'b'"),
        ("# id: d2 | source", 3, "unknown header key 'source'"),
        ("# id: d2 | id: d3", 3, "header key 'id' is used twice"),
        ("# id: d2 | published: 2031-02-30", 3, "published '2031-02-30'"),
        ("# id: d2 | published: 20310203", 3, "expected YYYY-MM-DD or 'unknown'"),
        ("# id: d2 | published: May 4", 3, "expected YYYY-MM-DD or 'unknown'"),
        ("# source: x | id: d2", 3, "a header starts with '# id: '"),
        ("#id: d2", 3, "a header starts with '# id: '"),
        (" # id: d2", 3, "a header starts with '# id: '"),
    ],
)
def test_a_malformed_file_is_refused(body: str, line: int, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse(HEADER + body + "\n")
    assert str(caught.value).startswith(f"f.ann:{line}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["Text.", "> e1 AGENT a1", "{ACTOR a1|x}"])
def test_text_before_any_header(text: str) -> None:
    with pytest.raises(FormatError, match=r"^f\.ann:2: .*before any header"):
        parse("\n" + text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "f.ann"
    with pytest.raises(FormatError, match="f.ann: cannot be read: No such file"):
        read_inline(path, SHIPPED)
    path.write_bytes("# id: a\n\nZone é\n".encode("latin-1"))
    with pytest.raises(FormatError, match="f.ann:3: not UTF-8: byte 0xe9 at column 6"):
        read_inline(path, SHIPPED)
    with pytest.raises(FormatError, match="cannot be read: Is a directory"):
        read_inline(tmp_path, SHIPPED)


def example(
    text: str, *nodes: Mention | Trigger, relations: tuple[Relation, ...] = (), **more: Any
) -> Example:
    annotation = Annotation(
        "d1",
        tuple(node for node in nodes if isinstance(node, Mention)),
        tuple(node for node in nodes if isinstance(node, Trigger)),
        relations,
    )
    return Example(Document(id=more.pop("id", "d1"), text=text, **more), annotation)


ACTOR = Mention(Span(0, 3), "ACTOR")
FAR_ACTOR = Mention(Span(9, 12), "ACTOR")
TRIGGER = Trigger(Span(4, 7), "CLASH")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (example("a\n\n\nb"), "joined by exactly one blank line"),
        (example("a\nb"), "joined by exactly one blank line"),
        (example("a\n\n"), "joined by exactly one blank line"),
        (example("\n\na"), "joined by exactly one blank line"),
        (example("a\n\n \n\nb"), "joined by exactly one blank line"),
        (example("a\r\n\r\nb"), "joined by exactly one blank line"),
        (example("a\rb"), "joined by exactly one blank line"),
        (example(" "), "joined by exactly one blank line"),
        (example("a {b"), "a brace in the text"),
        (example("a } b"), "a brace in the text"),
        (example("a\n\n# id: b"), "paragraph 2, '# id: b': would be read as a header"),
        (example("#title : b"), "would be read as a header"),
        (example("> 20 trucks"), "would be read as a header or a relation line"),
        (example(" >e1 AGENT a1"), "would be read as a header or a relation line"),
        (example("a \ud800"), "lone surrogate"),
        (example("abc", title="\ud800"), "lone surrogate"),
        (example("abc", title="x | y"), "title 'x | y'"),
        (example("abc", title="x\ny"), "title 'x\\ny'"),
        (example("abc", source=" x"), "source ' x'"),
        (example("abc", source=""), "source ''"),
        (example("abc", period=(datetime.date(2031, 1, 1),) * 2), "cannot hold a period"),
        (example("ab c|", Mention(Span(0, 5), "ACTOR")), "no '|'"),
        (example("ab c", Mention(Span(0, 3), "ACTOR")), "no blanks at its ends"),
        (example("a\u2028c", Mention(Span(0, 3), "ACTOR")), "no line break"),
        (example("ab\n\ncd", Mention(Span(0, 5), "ACTOR")), "does not lie inside one paragraph"),
        (example("ab\n\ncd", Mention(Span(1, 3), "ACTOR")), "does not lie inside one paragraph"),
        (example("ab\n\ncd", Mention(Span(2, 4), "ACTOR")), "does not lie inside one paragraph"),
        (example("abc", Mention(Span(0, 4), "ACTOR")), "outside the text"),
        (example("abcd", Mention(Span(0, 3), "ACTOR"), Mention(Span(2, 4), "OBJECT")), "overlaps"),
        (example("abc", Mention(Span(0, 3), "ACTR")), "'ACTR' is not in ontology"),
        (example("abc", Trigger(Span(0, 3), "CLASH", frozenset({"ODD"}))), "'ODD' is not in ontology"),
        (
            example("abc def", ACTOR, TRIGGER, relations=(Relation(TRIGGER, ACTOR, "PLACE"),)),
            "PLACE cannot go from CLASH to ACTOR",
        ),
        (
            example("abc def\n\nghi", TRIGGER, FAR_ACTOR, relations=(Relation(TRIGGER, FAR_ACTOR, "AGENT"),)),
            "its ends lie in different paragraphs",
        ),
        (
            example("abc def", TRIGGER, relations=(Relation(TRIGGER, TRIGGER, "SAME_EVENT"),)),
            "goes to itself",
        ),
        (
            example("abc def", ACTOR, TRIGGER, relations=(Relation(TRIGGER, ACTOR, "AGENT"),) * 2),
            "is given twice",
        ),
    ],
)
def test_what_the_format_cannot_hold_is_refused(bad: Example, message: str, tmp_path: Path) -> None:
    path = tmp_path / "f.ann"
    with pytest.raises(FormatError) as caught:
        write_inline(path, [bad], SHIPPED)
    assert str(caught.value).startswith(f"{path}: document 'd1': ")
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_id_used_twice_is_refused() -> None:
    with pytest.raises(FormatError, match="document 'd1': the id is used twice"):
        format_inline([example("a"), example("b")], SHIPPED)


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f.ann"
    write_inline(path, [example("a")], SHIPPED)
    with pytest.raises(FormatError):
        write_inline(path, [example("{")], SHIPPED)
    assert read_inline(path, SHIPPED) == [example("a")]
    assert list(tmp_path.iterdir()) == [path]


def test_ids_are_numbered_in_each_paragraph() -> None:
    text = TEXT.replace("e1", "e7").replace("a1", "a12")
    assert format_inline(parse(text), SHIPPED) == TEXT


def test_attributes_stand_with_their_trigger() -> None:
    text = HEADER + (
        "{CLASH e1|a} {CLASH e2|b} {CLASH e3|c} {ACTOR a1|d}\n"
        "> e1 IS NEGATED\n> e2 AGENT a1\n> e2 IS NEGATED\n> e2 IS PLANNED\n> e3 IS AGGREGATE\n"
    )
    assert format_inline(parse(text), SHIPPED) == text


@pytest.mark.parametrize(
    ("types", "ids"),
    [
        (["EVENT_PLACE", "VEHICLE", "VESSEL"], ["v1", "h1", "s1"]),
        (["E", "EE"], ["a1", "b1"]),
        ([f"T{i}" for i in range(27)], [f"{c}1" for c in "tabcdfghijklmnopqrsuvwxyz"] + ["m2", "m3"]),
    ],
)
def test_other_ontologies_have_letters_of_their_own(types: list[str], ids: list[str]) -> None:
    ontology = Ontology.from_dict(
        {"name": "o", "version": "1", "mentions": dict.fromkeys(types, ""), "events": {"X": {}}}, "o"
    )
    marks = [f"{{{name} {id_}|x}}" for name, id_ in zip(types, ids, strict=True)]
    text = f"# id: d | published: unknown\n\n{' '.join(marks)} {{X e1|x}}\n"
    assert format_inline(parse_inline(text, "o", ontology), ontology) == text


def test_a_relation_named_like_the_attribute_mark_is_refused() -> None:
    raw = SHIPPED.to_dict()
    raw["relations"]["IS"] = {"kind": "mention", "head": ["ACTOR"], "tail": ["ACTOR"]}
    with pytest.raises(OntologyError, match="keeps 'IS' for attributes"):
        parse_inline(TEXT, "f", Ontology.from_dict(raw, "o"))


@given(corpora(SHIPPED, inline=True))
@settings(max_examples=100, deadline=None)
def test_write_then_read_gives_the_same(examples: list[Example]) -> None:
    text = format_inline(examples, SHIPPED)
    assert parse(text) == examples
    assert format_inline(parse(text), SHIPPED) == text


@given(examples=corpora(SHIPPED, inline=True))
@settings(max_examples=20, deadline=None)
def test_a_file_holds_what_the_text_does(
    examples: list[Example], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("inline") / "f.ann"
    write_inline(path, examples, SHIPPED)
    assert read_inline(path, SHIPPED) == examples


def test_relations_come_paragraph_by_paragraph() -> None:
    (whole,) = parse(TEXT)
    turned = dataclasses.replace(whole.gold, relations=whole.gold.relations[::-1])
    (back,) = parse(format_inline([Example(whole.document, turned)], SHIPPED))
    assert back.gold.relations == (whole.gold.relations[1], whole.gold.relations[0], whole.gold.relations[2])


_FRAGMENTS = [
    "# id: ",
    "d",
    "\n",
    "\n",
    "> ",
    "e1",
    " ",
    "{CLASH e1|",
    "{ACTOR a1|",
    "}",
    "|",
    "AGENT",
    "IS",
    "é",
]


@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=25).map("".join))
@settings(max_examples=100, deadline=None)
def test_any_text_is_read_or_refused_with_its_line(text: str) -> None:
    message = ""
    examples: list[Example] = []
    try:
        examples = parse("# id: first\n" + text)
    except FormatError as error:
        message = str(error)
    if message:
        assert message.startswith(tuple(f"f.ann:{n}: " for n in range(1, text.count("\n") + 3)))
    else:
        assert parse(format_inline(examples, SHIPPED)) == examples
