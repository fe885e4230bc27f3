"""The inline format: paragraphs with marked mentions, each followed by its relation lines.

A file holds any number of documents:

    # id: r1 | source: example | published: 2024-03-02 | title: Two convoys
    {ACTOR a1|Observers} saw a {OBJECT o1|convoy} {MOVEMENT e1|leave} {LOCATION l1|Tarn}.
    > e1 THEME o1
    > e1 ORIGIN l1

One line is one paragraph; blank lines are layout. The text of a document is its paragraphs joined by
one blank line. Reading and writing are strict: what the format cannot hold is an error, never lost.
"""

from __future__ import annotations

import datetime
import difflib
import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Span, Trigger
from sitrep_ie.errors import FormatError, OntologyError
from sitrep_ie.formats._common import check_new
from sitrep_ie.formats._files import atomic_writer, read_lines
from sitrep_ie.ontology import Ontology

PARAGRAPH_BREAK = "\n\n"
HEADER_KEYS = ("id", "source", "published", "title")
_UNKNOWN = "unknown"
_ATTRIBUTE = "IS"
_TRIGGER_LETTER = "e"
# All mention types that run out of letters share one; ids stay unique by their number.
_SHARED_LETTER = "m"

_MARK = re.compile(r"\{([^\s{}|]+) ([a-z][0-9]+)\|([^{}|]*)\}")
_HEADER = re.compile(r"\s*#\s*(?:id|source|published|title)\s*:")
# Also what is only a slip away from a relation line, so that it never passes for a paragraph.
_RELATION = re.compile(r"\s*>(?:\s|$|[a-z][0-9]+\s+\S+\s+\S+\s*$)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LINE_BREAK = re.compile(r"[\r\n\v\f\x85\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

_Node = Mention | Trigger


def read_inline(path: Path | str, ontology: Ontology) -> list[Example]:
    """Returns the documents of a UTF-8 file in file order; relations keep the order of their lines.

    Raises:
        FormatError: the file does not follow the format or the ontology; starts with `path:line:`.
    """
    return _parse(read_lines(Path(path)), str(path), ontology)


def parse_inline(text: str, where: str, ontology: Ontology) -> list[Example]:
    """Returns the documents in `text`; `where` stands for the path in errors. See `read_inline`."""
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return _parse(enumerate(lines, 1), where, ontology)


def write_inline(path: Path | str, examples: Iterable[Example], ontology: Ontology) -> None:
    """Writes the documents as one file, whole or not at all; scores are not part of the format.

    Raises:
        FormatError: a document, named in the message, holds what the format or the ontology cannot.
    """
    path = Path(path)
    try:
        text = format_inline(examples, ontology)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    with atomic_writer(path) as file:
        file.write(text)


def format_inline(examples: Iterable[Example], ontology: Ontology) -> str:
    """Returns the inline text of `examples`; `parse_inline` gives the same examples back.

    Relations come paragraph by paragraph, otherwise in the order given.

    Raises:
        FormatError: see `write_inline`.
    """
    _check_ontology(ontology)
    letters = _letters(ontology)
    seen: set[str] = set()
    blocks: list[str] = []
    for example in examples:
        at = f"document {example.document.id!r}"
        check_new(example, seen, ontology, at)
        blocks.append(_format_header(example.document, at))
        blocks += _format_paragraphs(example, ontology, letters, at)
    return "\n\n".join(blocks) + "\n" if blocks else ""


# ---- reading ----


@dataclass
class _Draft:
    """A document under construction, with the ids of its latest paragraph."""

    id: str
    source: str | None
    published: datetime.date | None
    title: str | None
    paragraphs: list[str] = field(default_factory=list)
    length: int = 0
    nodes: list[_Node] = field(default_factory=list)
    # Attributes are set after the trigger was made: both refer to positions in `nodes`.
    attributes: dict[int, set[str]] = field(default_factory=dict)
    relations: dict[tuple[int, int, str], None] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)

    def example(self) -> Example:
        nodes: list[_Node] = [
            Trigger(node.span, node.event_type, frozenset(self.attributes.get(index, ())))
            if isinstance(node, Trigger)
            else node
            for index, node in enumerate(self.nodes)
        ]
        document = Document(
            id=self.id,
            text=PARAGRAPH_BREAK.join(self.paragraphs),
            source=self.source,
            published=self.published,
            title=self.title,
        )
        gold = Annotation(
            document_id=self.id,
            mentions=tuple(node for node in nodes if isinstance(node, Mention)),
            triggers=tuple(node for node in nodes if isinstance(node, Trigger)),
            relations=tuple(Relation(nodes[head], nodes[tail], name) for head, tail, name in self.relations),
        )
        return Example(document, gold)


def _parse(lines: Iterable[tuple[int, str]], where: str, ontology: Ontology) -> list[Example]:
    _check_ontology(ontology)
    drafts: dict[str, _Draft] = {}
    draft: _Draft | None = None
    for number, line in lines:
        at = f"{where}:{number}"
        if not line.strip():
            continue
        if "\r" in line:
            raise FormatError(f"{at}: a carriage return inside the line; expected LF or CRLF line ends")
        if _HEADER.match(line):
            draft = _parse_header(line, at)
            if draft.id in drafts:
                raise FormatError(f"{at}: document id {draft.id!r} is used twice")
            drafts[draft.id] = draft
        elif draft is None:
            raise FormatError(f"{at}: {_quote(line)} stands before any header; expected '# id: ...'")
        elif _RELATION.match(line):
            _parse_relation(line, draft, ontology, at)
        else:
            _parse_paragraph(line, draft, ontology, at)
    return [draft.example() for draft in drafts.values()]


def _parse_header(line: str, at: str) -> _Draft:
    if not line.startswith("# id:"):
        raise FormatError(f"{at}: {_quote(line)}: a header starts with '# id: '")
    values: dict[str, str] = {}
    for part in line.removeprefix("# ").split("|"):
        key, colon, value = part.partition(":")
        key, value = key.strip(), value.strip()
        if key not in HEADER_KEYS or not colon:
            raise FormatError(f"{at}: unknown header key {_quote(key)}{_hint(key, HEADER_KEYS)}")
        if key in values:
            raise FormatError(f"{at}: header key {key!r} is used twice")
        if not value:
            raise FormatError(f"{at}: header key {key!r} has no value; leave the key out")
        values[key] = value
    published = values.get("published", _UNKNOWN)
    return _Draft(
        id=values["id"],
        source=values.get("source"),
        published=None if published == _UNKNOWN else _parse_date(published, at),
        title=values.get("title"),
    )


def _parse_date(value: str, at: str) -> datetime.date:
    try:
        # `fromisoformat` alone takes other notations too, from Python 3.11 on.
        if _DATE.fullmatch(value):
            return datetime.date.fromisoformat(value)
    except ValueError as error:
        raise FormatError(f"{at}: published {value!r}: {error}") from error
    raise FormatError(f"{at}: published {value!r}: expected YYYY-MM-DD or '{_UNKNOWN}'")


def _parse_paragraph(line: str, draft: _Draft, ontology: Ontology, at: str) -> None:
    offset = draft.length + (len(PARAGRAPH_BREAK) if draft.paragraphs else 0)
    draft.ids = {}
    plain: list[str] = []
    length = 0
    position = 0
    for mark in _MARK.finditer(line):
        plain.append(_plain(line, position, mark.start(), at))
        length += len(plain[-1])
        label, name, text = mark.groups()
        if name in draft.ids:
            raise FormatError(f"{at}: id {name} is used twice in the paragraph")
        if text != text.strip() or not text:
            raise FormatError(f"{at}: {label} {name}: empty span or blank at the edge of {text!r}")
        if _LINE_BREAK.search(text):
            raise FormatError(f"{at}: {label} {name}: a line break inside {text!r}")
        span = Span(offset + length, offset + length + len(text))
        draft.ids[name] = len(draft.nodes)
        if ontology.is_event(label):
            draft.nodes.append(Trigger(span, label))
        elif label in ontology.mention_types:
            draft.nodes.append(Mention(span, label))
        else:
            raise FormatError(f"{at}: unknown label {label!r}{_hint(label, ontology.span_types)}")
        plain.append(text)
        length += len(text)
        position = mark.end()
    plain.append(_plain(line, position, len(line), at))
    draft.paragraphs.append("".join(plain))
    draft.length = offset + len(draft.paragraphs[-1])


def _plain(line: str, start: int, end: int, at: str) -> str:
    """Returns the text between two marks; a brace in it belongs to a mark that is none."""
    text = line[start:end]
    if brace := re.search(r"[{}]", text):
        column = start + brace.start()
        raise FormatError(
            f"{at}: a malformed or nested mark at column {column + 1}, {_quote(line[column:])}; "
            "expected {LABEL id|text}"
        )
    return text


def _parse_relation(line: str, draft: _Draft, ontology: Ontology, at: str) -> None:
    parts = line.split()
    if not line.startswith("> ") or len(parts) != 4:
        raise FormatError(f"{at}: {_quote(line)}: a relation line is '> head ROLE tail'")
    if not draft.paragraphs:
        raise FormatError(f"{at}: a relation line before any paragraph of document {draft.id!r}")
    _, head, name, tail = parts
    head_index = _node_index(head, draft, at)
    if name == _ATTRIBUTE:
        _parse_attribute(head, head_index, tail, draft, ontology, at)
        return
    if name not in ontology.relation_names:
        raise FormatError(f"{at}: unknown role {name!r}{_hint(name, (*ontology.relation_names, _ATTRIBUTE))}")
    tail_index = _node_index(tail, draft, at)
    if head_index == tail_index:
        raise FormatError(f"{at}: {name} from {head} to itself")
    types = draft.nodes[head_index].type, draft.nodes[tail_index].type
    if name not in ontology.allowed(*types):
        raise FormatError(f"{at}: {name} cannot go from {types[0]} ({head}) to {types[1]} ({tail})")
    if (head_index, tail_index, name) in draft.relations:
        raise FormatError(f"{at}: relation '{head} {name} {tail}' is given twice")
    draft.relations[head_index, tail_index, name] = None


def _parse_attribute(
    head: str, head_index: int, attribute: str, draft: _Draft, ontology: Ontology, at: str
) -> None:
    node = draft.nodes[head_index]
    if attribute not in ontology.attributes:
        raise FormatError(f"{at}: unknown attribute {attribute!r}{_hint(attribute, ontology.attributes)}")
    if not isinstance(node, Trigger):
        raise FormatError(f"{at}: attribute {attribute} on {node.type} ({head}), which is no trigger")
    attributes = draft.attributes.setdefault(head_index, set())
    if attribute in attributes:
        raise FormatError(f"{at}: attribute '{head} {_ATTRIBUTE} {attribute}' is given twice")
    attributes.add(attribute)


def _node_index(name: str, draft: _Draft, at: str) -> int:
    if name not in draft.ids:
        raise FormatError(f"{at}: no mention {name!r} in this paragraph")
    return draft.ids[name]


def _hint(value: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(value, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; expected one of {list(known)}"


def _quote(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _check_ontology(ontology: Ontology) -> None:
    if _ATTRIBUTE in ontology.relation_names:
        raise OntologyError(
            f"ontology {ontology.name!r}: the inline format keeps {_ATTRIBUTE!r} for attributes, "
            "expected no relation of that name"
        )


# ---- writing ----


def _format_header(document: Document, at: str) -> str:
    if document.period is not None:
        raise FormatError(f"{at}: the inline format cannot hold a period; write JSONL")
    published = document.published.isoformat() if document.published else _UNKNOWN
    values = {"id": document.id, "source": document.source, "published": published, "title": document.title}
    parts = []
    for key, value in values.items():
        if value is None:
            continue
        if not value or value != value.strip() or "|" in value or _LINE_BREAK.search(value):
            raise FormatError(
                f"{at}: {key} {value!r}: a header value is not empty and has neither '|', nor a line break, "
                "nor blanks at its ends"
            )
        parts.append(f"{key}: {value}")
    header = "# " + " | ".join(parts)
    if _SURROGATE.search(header):
        raise FormatError(f"{at}: the header holds a lone surrogate, which UTF-8 cannot write")
    return header


def _format_paragraphs(example: Example, ontology: Ontology, letters: dict[str, str], at: str) -> list[str]:
    text = example.document.text
    paragraphs = _split_paragraphs(text, at)
    nodes = example.gold.spans()
    paragraph_of: dict[_Node, int] = {}
    names: dict[_Node, str] = {}
    marked: list[list[str]] = [[] for _ in paragraphs]
    index, position = 0, 0
    counts: dict[str, int] = {}
    for node in nodes:
        while index < len(paragraphs) and paragraphs[index].end <= node.span.start:
            marked[index].append(text[position : paragraphs[index].end])
            index += 1
            position = paragraphs[index].start if index < len(paragraphs) else len(text)
            counts = {}
        _check_mention(node, text, paragraphs[index] if index < len(paragraphs) else None, at)
        letter = letters.get(node.type, _TRIGGER_LETTER)
        counts[letter] = counts.get(letter, 0) + 1
        names[node] = f"{letter}{counts[letter]}"
        paragraph_of[node] = index
        mention_text = text[node.span.start : node.span.end]
        marked[index] += [text[position : node.span.start], f"{{{node.type} {names[node]}|{mention_text}}}"]
        position = node.span.end
    for rest in range(index, len(paragraphs)):
        marked[rest].append(text[max(position, paragraphs[rest].start) : paragraphs[rest].end])
    lines = _relation_lines(example.gold, ontology, names, paragraph_of, at)
    return ["\n".join(["".join(parts), *lines.get(i, [])]) for i, parts in enumerate(marked)]


def _split_paragraphs(text: str, at: str) -> list[Span]:
    if not text:
        return []
    paragraphs = []
    start = 0
    for number, paragraph in enumerate(text.split(PARAGRAPH_BREAK), 1):
        where = f"{at}: paragraph {number}, {_quote(paragraph)}"
        if not paragraph.strip() or "\n" in paragraph or "\r" in paragraph:
            raise FormatError(f"{where}: expected paragraphs of one line, joined by exactly one blank line")
        if "{" in paragraph or "}" in paragraph:
            raise FormatError(f"{where}: the inline format cannot hold a brace in the text")
        if _HEADER.match(paragraph) or _RELATION.match(paragraph):
            raise FormatError(f"{where}: would be read as a header or a relation line")
        if _SURROGATE.search(paragraph):
            raise FormatError(f"{where}: holds a lone surrogate, which UTF-8 cannot write")
        paragraphs.append(Span(start, start + len(paragraph)))
        start += len(paragraph) + len(PARAGRAPH_BREAK)
    return paragraphs


def _check_mention(node: _Node, text: str, paragraph: Span | None, at: str) -> None:
    where = f"{at}: {node.type} [{node.span.start}, {node.span.end})"
    mention_text = text[node.span.start : node.span.end]
    if paragraph is None or not paragraph.contains(node.span):
        raise FormatError(f"{where}: {_quote(mention_text)} does not lie inside one paragraph")
    if mention_text != mention_text.strip() or "|" in mention_text or _LINE_BREAK.search(mention_text):
        raise FormatError(
            f"{where}: {_quote(mention_text)}: a mention has no blanks at its ends, no line break and no '|'"
        )


def _relation_lines(
    gold: Annotation, ontology: Ontology, names: dict[_Node, str], paragraph_of: dict[_Node, int], at: str
) -> dict[int, list[str]]:
    """Returns the lines of every paragraph that has any; a head's attributes follow its relations."""
    by_head: dict[int, list[tuple[_Node, str]]] = {}
    seen: set[tuple[_Node, _Node, str]] = set()
    for relation in gold.relations:
        head, tail, name = relation.head, relation.tail, relation.relation_type
        where = f"{at}: {name} from {head.type} [{head.span.start}, {head.span.end})"
        if paragraph_of[head] != paragraph_of[tail]:
            raise FormatError(f"{where}: its ends lie in different paragraphs")
        if head == tail:
            raise FormatError(f"{where}: goes to itself")
        if (head, tail, name) in seen:
            raise FormatError(f"{where}: is given twice")
        seen.add((head, tail, name))
        by_head.setdefault(paragraph_of[head], []).append((head, f"> {names[head]} {name} {names[tail]}"))
    for trigger in gold.triggers:
        lines = by_head.setdefault(paragraph_of[trigger], [])
        heads = [head for head, _ in lines]
        # After its own relations; without any, after those of the heads that stand before it.
        last = max((i for i, head in enumerate(heads) if head == trigger), default=None)
        if last is None:
            last = max((i for i, head in enumerate(heads) if head.span < trigger.span), default=-1)
        lines[last + 1 : last + 1] = [
            (trigger, f"> {names[trigger]} {_ATTRIBUTE} {attribute}")
            for attribute in ontology.attributes
            if attribute in trigger.attributes
        ]
    return {index: [line for _, line in lines] for index, lines in by_head.items()}


def _letters(ontology: Ontology) -> dict[str, str]:
    """Returns the id letter of every mention type: the first of its name that no type before it took."""
    free = set(string.ascii_lowercase) - {_TRIGGER_LETTER}
    letters: dict[str, str] = {}
    for name in ontology.mention_types:
        candidates = [letter for letter in name.lower() + string.ascii_lowercase if letter in free]
        letters[name] = candidates[0] if candidates else _SHARED_LETTER
        free.discard(letters[name])
    return letters
