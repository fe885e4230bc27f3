"""Hypothesis strategies: documents with annotation that is valid under an ontology, and tagged tokens."""

from __future__ import annotations

import datetime

from hypothesis import strategies as st

from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Span, Trigger
from sitrep_ie.ontology import Ontology

LINE_BREAKS = "\r\n\v\f\x85\u2028\u2029"
# Letters of several widths in UTF-8 and UTF-16, combining marks, blanks that are no line breaks, joiners.
_SPECIAL = "aZ9é\u0301ж中😀\u200d\u00a0\u3000 .,'’\"-–:;()[]/&#>$%"

_plain_chars = st.one_of(
    st.sampled_from(_SPECIAL), st.characters(exclude_categories=["Cs"], exclude_characters="{}\r\n")
)
_mention_chars = st.one_of(
    st.sampled_from(_SPECIAL),
    st.characters(exclude_categories=["Cs"], exclude_characters="{}|" + LINE_BREAKS),
)
_mention_texts = st.text(_mention_chars, min_size=1, max_size=8).filter(
    lambda text: text == text.strip() != ""
)
_header_values = st.text(_mention_chars, min_size=1, max_size=12).filter(lambda text: text == text.strip())
_days = st.dates(datetime.date(1990, 1, 1), datetime.date(2040, 12, 31))
_scores = st.floats(0, 1)


@st.composite
def examples(draw: st.DrawFn, ontology: Ontology, *, inline: bool = False) -> Example:
    """A document with gold annotation, relations in text order.

    With `inline` it is one that the inline format holds; without, paragraphs are parted by any line breaks,
    texts may hold braces, relations may cross paragraphs, and mentions and relations have scores.
    """
    plain = st.text(_plain_chars if inline else st.characters(exclude_categories=["Cs"]), max_size=10)
    pieces = st.tuples(plain, st.sampled_from(ontology.span_types), _mention_texts)
    text = ""
    nodes: list[Mention | Trigger] = []
    paragraph_of: list[int] = []
    for number in range(draw(st.integers(0 if inline else 1, 3))):
        if number:
            text += "\n\n" if inline else draw(st.sampled_from(["\n\n", "\n", "\r\n\r\n", "\u2028", " "]))
        start = len(text)
        for before, span_type, mention_text in draw(st.lists(pieces, max_size=4)):
            text += before
            span = Span(len(text), len(text) + len(mention_text))
            score = 1.0 if inline else draw(_scores)
            if ontology.is_event(span_type):
                attributes = draw(st.frozensets(st.sampled_from(ontology.attributes), max_size=2))
                nodes.append(Trigger(span, span_type, attributes, score))
            else:
                nodes.append(Mention(span, span_type, score))
            paragraph_of.append(number)
            text += mention_text
        text += draw(plain)
        if inline and (not text[start:].strip() or text[start:].lstrip().startswith(("#", ">"))):
            # An empty paragraph, or one that reads as a header or a relation line, cannot be held.
            shift = len("Note")
            text = text[:start] + "Note" + text[start:]
            nodes = [_moved(n, shift) if paragraph_of[i] == number else n for i, n in enumerate(nodes)]
    document = Document(
        id=draw(_header_values),
        text=text,
        source=draw(st.none() | _header_values),
        published=draw(st.none() | _days),
        title=draw(st.none() | _header_values),
        period=None if inline else draw(st.none() | st.tuples(_days, _days).map(sorted).map(tuple)),
    )
    links = [
        (head, tail, name)
        for head in range(len(nodes))
        for tail in range(len(nodes))
        if head != tail and (not inline or paragraph_of[head] == paragraph_of[tail])
        for name in sorted(ontology.allowed(nodes[head].type, nodes[tail].type))
    ]
    chosen = draw(st.lists(st.sampled_from(links), max_size=6, unique=True)) if links else []
    gold = Annotation(
        document_id=document.id,
        mentions=tuple(node for node in nodes if isinstance(node, Mention)),
        triggers=tuple(node for node in nodes if isinstance(node, Trigger)),
        relations=tuple(
            Relation(nodes[head], nodes[tail], name, 1.0 if inline else draw(_scores))
            for head, tail, name in sorted(chosen)
        ),
    )
    return Example(document, gold)


def corpora(ontology: Ontology, *, inline: bool = False) -> st.SearchStrategy[list[Example]]:
    """Up to three examples with distinct ids."""
    return st.lists(examples(ontology, inline=inline), max_size=3, unique_by=lambda e: e.document.id)


def _moved(node: Mention | Trigger, shift: int) -> Mention | Trigger:
    span = Span(node.span.start + shift, node.span.end + shift)
    if isinstance(node, Trigger):
        return Trigger(span, node.event_type, node.attributes, node.score)
    return Mention(span, node.entity_type, node.score)


@st.composite
def tokens(draw: st.DrawFn, max_tokens: int = 12) -> list[Span]:
    """Token spans in text order; some touch, others have a gap between them."""
    spans: list[Span] = []
    position = 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=max_tokens)):
        spans.append(Span(position + gap, position + gap + length))
        position = spans[-1].end
    return spans


@st.composite
def tagged_tokens(
    draw: st.DrawFn, types: tuple[str, ...] = ("A", "B-C", "D_E")
) -> tuple[list[Span], list[str]]:
    """Token spans with a well-formed tag each: "I-X" only after "B-X" or "I-X"."""
    spans = draw(tokens())
    tags: list[str] = []
    for _ in spans:
        choices = ["O", *(f"B-{name}" for name in types)]
        if tags and tags[-1] != "O":
            choices.append("I-" + tags[-1][2:])
        tags.append(draw(st.sampled_from(choices)))
    return spans, tags
