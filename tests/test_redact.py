"""Names of persons out of reports: who is named, what stays, and where all spans are afterwards."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.batch import run as run_batch
from sitrep_ie.cli import main
from sitrep_ie.document import Annotation, Document, Mention, Relation, Report, Span, Trigger
from sitrep_ie.errors import ConfigError
from sitrep_ie.export import reports_to_geojson
from sitrep_ie.formats.inline import parse_inline
from sitrep_ie.redact import redact_persons


@pytest.fixture(scope="module")
def report_of(ontology):
    """Makes the report of an annotated text, with resolvers."""
    resolvers = Resolvers.default()

    def made(inline, **document):
        (example,) = parse_inline("# id: d | source: made up\n" + inline, "test", ontology)
        report = assemble(example.document, example.gold, ontology, resolvers)
        return dataclasses.replace(report, document=dataclasses.replace(report.document, **document))

    return made


def redacted(report):
    """The redacted report, after what must hold of every one was checked."""
    new = report.redacted()
    new.annotation.check(new.document)
    old_form, form = report.to_dict(), new.to_dict()
    assert Report.from_dict(json.loads(json.dumps(form))).to_dict() == form
    assert [node["type"] for node in form["mentions"]] == [node["type"] for node in old_form["mentions"]]
    assert form["relations"] == old_form["relations"]
    assert len(form["events"]) == len(old_form["events"])
    texts = [*spans_with_texts(form["events"])]
    assert len(texts) == len([*spans_with_texts(old_form["events"])])
    for start, end, text in texts:
        assert form["text"][start:end] == text
    assert new.redacted().to_dict() == form
    return new


def spans_with_texts(value):
    if isinstance(value, list):
        for item in value:
            yield from spans_with_texts(item)
    elif isinstance(value, dict):
        if value.get("span") and "text" in value:
            yield (*value["span"], value["text"])
        if "start" in value and "text" in value and isinstance(value["start"], int):
            yield value["start"], value["end"], value["text"]
        for item in value.values():
            yield from spans_with_texts(item)


RAID = """\
{ACTOR a1|Gen. Dragan Petrov} and {ACTOR a2|Col. Ilse Maro} {STATEMENT e1|announced} that \
{ACTOR a3|soldiers} had {DETENTION e2|arrested} {ACTOR a4|smuggler Tom Okello} in {LOCATION l1|Karsk}. \
{ACTOR a5|Petrov} {STATEMENT e3|accused} the {ACTOR a6|Northern Council} of helping {ACTOR a7|Okello}.
> e1 AGENT a1
> e1 AGENT a2
> e2 AGENT a3
> e2 TARGET a4
> e2 PLACE l1
> e2 REPORTER a1
> e3 AGENT a5
> e3 TARGET a6
> a5 SAME_AS a1
> a7 SAME_AS a4
"""


def test_names_go_and_titles_offices_and_bodies_stay(report_of):
    new = redacted(report_of(RAID))
    assert new.document.text.strip() == (
        "Gen. [person 1] and Col. [person 2] announced that soldiers had arrested smuggler [person 3] in "
        "Karsk. [person 1] accused the Northern Council of helping [person 3]."
    )
    told = new.to_json()
    for name in ("Dragan", "Petrov", "Ilse", "Maro", "Tom", "Okello"):
        assert name not in told
    agents = [actor.name for event in new for actor in event.actors if actor.role == "agent"]
    assert agents == ["Gen. [person 1]", "Col. [person 2]", "soldiers", "Gen. [person 1]"]
    assert [actor.kind for event in new for actor in event.actors if actor.text.endswith("[person 3]")] == [
        "person"
    ]


def test_no_export_has_a_name(report_of):
    new = redacted(report_of(RAID))
    exports = [
        new.to_html(),
        json.dumps(new.rows()),
        json.dumps(reports_to_geojson([new])),
    ]
    assert not [name for name in ("Petrov", "Maro", "Okello") for told in exports if name in told]
    assert "[person 3]" in exports[0]


def test_the_same_person_under_other_names(report_of):
    """A surname that nothing ties to the full name, initials, capitals, another accent, a line break."""
    new = redacted(
        report_of("""\
{ACTOR a1|President José Duarte} {STATEMENT e1|met} {ACTOR a2|rebels}. Aides of Duarte said JOSE DUARTE was \
well. {ACTOR a3|J. Duarte} {STATEMENT e2|thanked} them; Mr. J. Duarte's car left. {ACTOR a4|Duarte} stayed.
> e1 AGENT a1
> e1 PARTNER a2
> e2 AGENT a3
""")
    )
    assert new.document.text.strip() == (
        "President [person 1] met rebels. Aides of [person 1] said [person 1] was well. [person 1] thanked "
        "them; Mr. [person 1]'s car left. [person 1] stayed."
    )


def test_an_alias_and_an_office_of_one_person(report_of):
    new = redacted(
        report_of("""\
The {ACTOR a1|cell commander}, known as “{ACTOR a2|Abu Karim}”, was {DETENTION e1|arrested}. \
{ACTOR a3|Karim} had {STATEMENT e2|threatened} {ACTOR a4|farmers}.
> e1 TARGET a1
> a2 SAME_AS a1
> e2 AGENT a3
> e2 TARGET a4
""")
    )
    assert new.document.text.strip() == (
        "The cell commander, known as “[person 1]”, was arrested. [person 1] had threatened farmers."
    )
    assert "Karim" not in new.to_json()


def test_two_of_one_surname(report_of):
    """A surname alone is the one's who was named last."""
    new = redacted(
        report_of("""\
{ACTOR a1|Ali Hassan} {STATEMENT e1|met} {ACTOR a2|Omar Hassan}. Hassan left. {ACTOR a3|Ali Hassan} stayed. \
Hassan slept.
> e1 AGENT a1
> e1 PARTNER a2
""")
    )
    assert new.document.text.strip() == (
        "[person 1] met [person 2]. [person 2] left. [person 1] stayed. [person 1] slept."
    )


def test_words_that_are_a_name_only_at_some_places(report_of):
    """Places, days, groups and plain words that are written as a part of a name is."""
    new = redacted(
        report_of("""\
{ACTOR a1|Envoy Will Jordan} {MOVEMENT e1|left} {LOCATION l1|Jordan} for the base of the \
{ACTOR a2|Jordan Brigade}. Will he return? He will, on {DATE d1|4 May}. {ACTOR a3|Theresa May} \
{STATEMENT e2|thanked} Jordan.
> e1 AGENT a1
> e1 ORIGIN l1
> e2 AGENT a3
> e1 TIME d1
""")
    )
    assert new.document.text.strip() == (
        "Envoy [person 1] left Jordan for the base of the Jordan Brigade. Will he return? He will, on 4 May. "
        "[person 2] thanked [person 1]."
    )


def test_a_group_named_after_its_owner_keeps_no_name(report_of):
    new = redacted(
        report_of("""\
{ACTOR a1|Warlord Osman Vek} {STATEMENT e1|warned} {ACTOR a2|civilians}. {ACTOR a3|Vek's militia} and \
{ACTOR a4|militia of Vek} {CLASH e2|clashed}.
> e1 AGENT a1
> e1 TARGET a2
> e2 AGENT a3
> e2 AGENT a4
""")
    )
    assert "Vek" not in new.to_json()
    assert new.document.text.strip().endswith("[person 1]'s militia and militia of [person 1] clashed.")


@pytest.mark.parametrize(
    "name",
    [
        "Jan (.*) Novák",
        "A+B\\d [x] Smith",
        "José 😀 García",
        "Z̷a̷l̷g̷o̷ Ünal",
        "Ann O'Neil-$1",
        "\\1 Kovac",
        "𝕁𝕒𝕟 Novak",
        "Иван Петров",
    ],
)
def test_hostile_names_of_persons(name):
    """Of a PERSON type, so that the whole mention is a name, whatever its characters."""
    text = f"🙂 {name} met {name}; later {name}’s aide left."
    first = text.index(name)
    second = text.index(name, first + 1)
    spans = [Span(first, first + len(name)), Span(second, second + len(name))]
    annotation = Annotation("d", mentions=tuple(Mention(span, "Person") for span in spans))
    new = redacted(Report(Document("d", text), annotation))
    assert new.document.text.startswith("🙂 [person 1] met [person 1]; later ")
    assert [new.document.text[m.span.start : m.span.end] for m in new.annotation.mentions] == [
        "[person 1]"
    ] * 2
    assert max(name.split(), key=len) not in new.document.text


def test_a_placeholder_that_the_text_has_already():
    text = "[person 1] wrote to Ann Lee, [person 3] to Bo Ek."
    spans = [Span(text.index(name), text.index(name) + len(name)) for name in ("Ann Lee", "Bo Ek")]
    annotation = Annotation("d", mentions=tuple(Mention(span, "PERSON") for span in spans))
    new = redacted(Report(Document("d", text), annotation))
    assert new.document.text == "[person 1] wrote to [person 2], [person 3] to [person 4]."


def test_a_name_across_two_mentions_and_a_cut_sentence():
    """No two mentions come to share a placeholder; spans that end inside a name end behind it."""
    text = "Ann Maria Lee spoke. Ann Maria Lee left."
    mentions = (
        Mention(Span(0, 13), "PERSON"),
        Mention(Span(21, 24), "OBJECT"),
        Mention(Span(25, 34), "PERSON"),
    )
    trigger = Trigger(Span(14, 19), "STATEMENT")
    annotation = Annotation("d", mentions=mentions, triggers=(trigger,))
    new = redact_persons(Report(Document("d", text), annotation))
    new.annotation.check(new.document)
    assert new.document.text == "[person 1] spoke. [person 1] [person 1] left."


def test_title_and_source_lose_names_and_the_id_stays(report_of):
    new = redacted(report_of(RAID, title="Dragan Petrov on OKELLO", source="petrov.example"))
    assert new.document.title == "[person 1] on [person 3]"
    assert new.document.source == "petrov.example"
    assert new.document.id == "d"


def test_a_report_without_persons_is_the_same(report_of):
    report = report_of(
        "{ACTOR a1|Police} {RAID e1|raided} {LOCATION l1|Karsk}.\n> e1 AGENT a1\n> e1 TARGET l1\n"
    )
    assert redacted(report) == report
    bare = Report(Document("d", ""), Annotation("d"))
    assert bare.redacted() == bare


@st.composite
def reports(draw):
    """Texts made of a few words, with mentions and ties anywhere."""
    pieces = st.sampled_from(
        [
            "Ann",
            "Lee",
            "Ann Lee",
            "ANN",
            "al-Lee",
            "Gen.",
            "of",
            "the",
            " ",
            "  ",
            "\n",
            "'s",
            "’",
            "[person 1]",
            "😀",
        ]
        + ["é", "E\u0301d", "Bo.", "(", ")", "lee", "\ud800", "ß", "İ", "ﬁ"]
    )
    text = " ".join(draw(st.lists(pieces, max_size=25)))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=14)))
    nodes = []
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        kind = draw(st.sampled_from(["ACTOR", "PERSON", "LOCATION", "trigger"]))
        span = Span(start, end)
        nodes.append(Trigger(span, "RAID") if kind == "trigger" else Mention(span, kind))
    mentions = tuple(node for node in nodes if isinstance(node, Mention))
    pairs = st.tuples(st.sampled_from(mentions), st.sampled_from(mentions)) if mentions else st.nothing()
    ties = draw(st.lists(pairs, max_size=4)) if mentions else []
    annotation = Annotation(
        "d",
        mentions=mentions,
        triggers=tuple(node for node in nodes if isinstance(node, Trigger)),
        relations=tuple({Relation(head, tail, "SAME_AS") for head, tail in ties if head != tail}),
    )
    return Report(Document("d", text), annotation)


@given(reports())
@settings(max_examples=100, deadline=None)
def test_spans_of_any_report_hold(report):
    new = redact_persons(report)
    new.annotation.check(new.document)
    assert len(new.annotation.mentions) == len(report.annotation.mentions)
    for old, node in zip(report.annotation.spans(), new.annotation.spans(), strict=True):
        before = report.document.text[old.span.start : old.span.end]
        after = new.document.text[node.span.start : node.span.end]
        # What is outside of the placeholders is as it was.
        kept = after.split("[person ")[0]
        assert before.startswith(kept)
        assert before == after or "[person " in after


def test_the_options_of_the_command(tiny_model_path, tmp_path, capsys):
    text = tmp_path / "report.txt"
    text.write_text("On May 2 Gen. Northern Brigade sent trucks to Karsk.", encoding="utf-8")
    out = tmp_path / "plain.jsonl"
    model = ["--model", str(tiny_model_path), "--device", "cpu"]
    assert main(["extract", str(text), "--format", "jsonl", "--out", str(out), *model]) == 0
    # A person put into the records by hand: the tiny model knows none.
    form = json.loads(out.read_text(encoding="utf-8"))
    form["text"] = "Ann Lee spoke. " + form["text"]
    for node in form["mentions"]:
        node["start"], node["end"] = node["start"] + 15, node["end"] + 15
    form["events"], form["relations"] = [], []
    form["mentions"] = [
        {
            "id": "m0",
            "type": "PERSON",
            "start": 0,
            "end": 7,
            "text": "Ann Lee",
            "score": 1.0,
            "attributes": [],
        }
    ]
    out.write_text(json.dumps(form) + "\n", encoding="utf-8")
    for command in (
        ["view", str(out), "--out", str(tmp_path / "page.html")],
        ["export", str(out), "--to", "geojson", "--out", str(tmp_path / "map.geojson")],
    ):
        assert main([*command, "--redact-persons"]) == 0
        assert "Ann Lee" not in (tmp_path / command[-1]).read_text(encoding="utf-8")
    assert "[person 1]" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert main(["view", str(out), "--out", str(tmp_path / "page.html")]) == 0
    assert "Ann Lee" in (tmp_path / "page.html").read_text(encoding="utf-8")


class Named:
    """Finds the same person in every document."""

    def extract_many(self, documents, batch_size=16, *, min_score=0.0):
        for document in documents:
            mention = Mention(Span(0, 7), "PERSON")
            yield Report(document, Annotation(document.id, mentions=(mention,)))


def test_a_batch_without_names(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(
            f"Ann Lee left. Mrs. Lee is gone: {number}.", encoding="utf-8"
        )
    out = tmp_path / "out.jsonl"
    run_batch([tmp_path / "*.txt"], out, Named(), redact_persons=True)
    lines = out.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == [
        f"[person 1] left. Mrs. [person 1] is gone: {number}." for number in range(3)
    ]
    with pytest.raises(ConfigError, match="redact_persons was True, is None"):
        run_batch([tmp_path / "*.txt"], out, Named())
