"""CoNLL columns: a word and its tag on a line, a blank line after every sentence.

    -DOCSTART- (r1)	O

    Observers	B-ACTOR
    saw	O
    the	O
    coalition	B-ACTOR
    forces	I-ACTOR
    .	O

The first column is the word and the last its tag; columns between them are skipped. Columns are parted by
tabs or by blanks. Tags are BIO in either form (IOB1, IOB2: an I- that goes on with nothing begins a mention,
as the CoNLL scorers read it), or, where the file has a L-, U-, E- or S-, BILOU or BIOES, which are read
strictly. A type that is an event type makes a trigger. The text is rebuilt: blanks between words, a line a
sentence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sitrep_ie.document import Document, Example, Span
from sitrep_ie.errors import FormatError
from sitrep_ie.formats._common import (
    ATTRIBUTES,
    IDS,
    MENTION_SCORES,
    METADATA,
    RELATION_SCORES,
    RELATIONS,
    Names,
    Node,
    check_distinct,
    check_examples,
    count_unheld,
    make_example,
    split_words,
)
from sitrep_ie.formats._files import atomic_writer, read_lines
from sitrep_ie.ontology import Ontology

SPACING = "texts with a spacing of their own"
BROKEN_MENTIONS = "mentions that go over a line's end"

_DOCSTART = "-DOCSTART-"
# AIDA's files have the name of a document in brackets there.
_DOCSTART_LINE = re.compile(rf"{_DOCSTART}(?: \((.+)\))?(?:[ \t]+\S+)*[ \t]*")
_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_STRICT_PREFIXES = {"L": "L", "U": "U", "E": "L", "S": "U"}


@dataclass
class _Draft:
    """A document under construction; `words` are (where, word, tag), sentence by sentence."""

    at: str
    id: str | None
    sentences: list[list[tuple[str, str, str]]] = field(default_factory=list)


def read_conll(path: Path | str, ontology: Ontology, *, num_sentences: int = 1) -> list[Example]:
    """Returns the documents of a UTF-8 file in file order.

    A document begins at every `-DOCSTART-` line and is called by the name in its brackets, else by the file
    and its number. In a file without such lines nothing tells which sentences belong together.

    Args:
        path: the file; `.gz` is read too.
        ontology: its type names are found whatever their case and separators are in the file.
        num_sentences: how many sentences make a document where no line says so.

    Raises:
        FormatError: a line has not the columns of the first, a tag is malformed, or its type is none of the
            ontology's; starts with `path:line:`.
    """
    path = Path(path)
    names = Names(ontology)
    drafts = list(_drafts(path, num_sentences))
    strict = any(
        tag[:1] in _STRICT_PREFIXES and tag[1:2] == "-"
        for draft in drafts
        for sentence in draft.sentences
        for _, _, tag in sentence
    )
    stem = path.name.split(".")[0]
    return check_distinct(
        (draft.at, _example(draft, draft.id or f"{stem}-{number}", names, strict))
        for number, draft in enumerate(drafts, 1)
    )


def write_conll(path: Path | str, examples: Iterable[Example], ontology: Ontology) -> Counter[str]:
    """Writes the documents in BIO (IOB2), parted by tabs, the file whole or not at all.

    A line of the text is a sentence. Where all mentions begin and end at blanks, the texts are taken as
    already split into words, as those are that were read from columns; else punctuation is split off. A
    word that a mention begins or ends in is cut there.

    Returns:
        What was left out, and how often: all but ids, words, mentions and triggers.

    Raises:
        FormatError: a document, named in the message, cannot be written.
    """
    path = Path(path)
    written = check_examples(examples, ontology, path)
    left_out = count_unheld(
        written, METADATA - {IDS} | {ATTRIBUTES, RELATIONS, MENTION_SCORES, RELATION_SCORES}
    )
    are_split = all(_at_blanks(node, e.document.text) for e in written for node in e.gold.spans())
    with atomic_writer(path) as file:
        for example in written:
            document = example.document
            if "\n" in document.id:
                raise FormatError(f"{path}: document {document.id!r}: a line break in the id")
            file.write(f"{_DOCSTART} ({document.id})\tO\n\n")
            sentences = []
            tags, broken = _tags(example, are_split)
            for sentence in tags:
                words = [(document.text[span.start : span.end], tag) for span, tag in sentence]
                if any(word == _DOCSTART for word, _ in words):
                    raise FormatError(
                        f"{path}: document {document.id!r}: the word {_DOCSTART} would begin a document"
                    )
                file.write("".join(f"{word}\t{tag}\n" for word, tag in words) + "\n")
                sentences.append(" ".join(word for word, _ in words))
            left_out[SPACING] += "\n".join(sentences) != document.text
            left_out[BROKEN_MENTIONS] += broken
    return +left_out


def _at_blanks(node: Node, text: str) -> bool:
    before, after = text[: node.span.start][-1:], text[node.span.end :][:1]
    return (not before or before.isspace()) and (not after or after.isspace())


def _tags(example: Example, is_split: bool) -> tuple[list[list[tuple[Span, str]]], int]:
    """The tagged words of every sentence, and how many mentions could not be tagged."""
    text = example.document.text
    nodes = example.gold.spans()
    cuts = {edge for node in nodes for edge in (node.span.start, node.span.end)}
    sentences: list[list[tuple[Span, str]]] = []
    tagged = 0
    for line in _LINE.finditer(text):
        if is_split:
            words = [Span(*match.span()) for match in re.compile(r"\S+").finditer(text, *line.span())]
        else:
            words = split_words(text, *line.span(), cuts)
        if not words:
            continue
        tags = ["O"] * len(words)
        for node in nodes:
            inside = [index for index, word in enumerate(words) if node.span.contains(word)]
            if inside and line.start() <= node.span.start and node.span.end <= line.end():
                tagged += 1
                for index in inside:
                    tags[index] = f"{'B' if index == inside[0] else 'I'}-{node.type}"
        sentences.append(list(zip(words, tags, strict=True)))
    return sentences, len(nodes) - tagged


def _drafts(path: Path, num_sentences: int) -> Iterator[_Draft]:
    draft: _Draft | None = None
    sentence: list[tuple[str, str, str]] = []
    num_columns = 0
    has_marks = False
    for number, line in read_lines(path):
        at = f"{path}:{number}"
        mark = _DOCSTART_LINE.fullmatch(line)
        if mark is None and line.strip(" \t"):
            columns = _columns(line, at)
            if num_columns not in (0, len(columns)):
                raise FormatError(f"{at}: {len(columns)} columns, expected {num_columns} as above")
            num_columns = len(columns)
            sentence.append((at, columns[0], columns[-1]))
            if len(sentence) == 1 and (draft is None or _is_full(draft, has_marks, num_sentences)):
                if draft is not None:
                    yield draft
                draft = _Draft(at, None)
            continue
        if sentence and draft is not None:
            draft.sentences.append(sentence)
            sentence = []
        if mark is not None:
            if draft is not None:
                yield draft
            draft = _Draft(at, mark.group(1))
            has_marks = True
    if draft is not None:
        if sentence:
            draft.sentences.append(sentence)
        yield draft


def _is_full(draft: _Draft, has_marks: bool, num_sentences: int) -> bool:
    return not has_marks and len(draft.sentences) >= num_sentences


def _columns(line: str, at: str) -> list[str]:
    columns = [cell.strip(" ") for cell in line.split("\t")] if "\t" in line else line.split(" ")
    columns = columns if "\t" in line else [cell for cell in columns if cell]
    if len(columns) < 2 or not columns[0] or not columns[-1]:
        shown = line if len(line) <= 40 else line[:37] + "..."
        raise FormatError(f"{at}: {shown!r}: expected a word and a tag, parted by a tab or blanks")
    return columns


def _example(draft: _Draft, document_id: str, names: Names, strict: bool) -> Example:
    lines: list[str] = []
    nodes: list[Node] = []
    start = 0
    for sentence in draft.sentences:
        words: list[Span] = []
        for _, word, _ in sentence:
            words.append(Span(start, start + len(word)))
            start += len(word) + 1
        tags = [(at, tag) for at, _, tag in sentence]
        for first, last, name, at in _read_strict(tags) if strict else _read_bio(tags):
            nodes.append(names.node(name, Span(words[first].start, words[last].end), (), 1.0, at))
        lines.append(" ".join(word for _, word, _ in sentence))
    document = Document(id=document_id, text="\n".join(lines))
    return make_example(document, nodes, (), names.ontology, f"{draft.at}: document {document_id!r}")


_Found = tuple[int, int, str, str]
"""First and last word, type, and where it begins."""


def _read_bio(tags: list[tuple[str, str]]) -> list[_Found]:
    found: list[_Found] = []
    for index, (at, tag) in enumerate(tags):
        prefix, name = _split(tag, "BI", at)
        if prefix == "O":
            continue
        if prefix == "I" and found and found[-1][1] == index - 1 and found[-1][2] == name:
            found[-1] = (found[-1][0], index, name, found[-1][3])
        else:
            found.append((index, index, name, at))
    return found


def _read_strict(tags: list[tuple[str, str]]) -> list[_Found]:
    found: list[_Found] = []
    opened: tuple[int, str, str] | None = None
    for index, (at, tag) in enumerate(tags):
        prefix, name = _split(tag, "BILUES", at)
        prefix = _STRICT_PREFIXES.get(prefix, prefix)
        if (prefix in "IL") != (opened is not None) or (opened is not None and opened[1] != name):
            wanted = f"I-{opened[1]} or the last tag of {opened[1]}" if opened else "no mention to go on with"
            raise FormatError(f"{at}: tag {tag!r}: expected {wanted} here (BILOU or BIOES)")
        if prefix == "B":
            opened = (index, name, at)
        elif prefix == "U":
            found.append((index, index, name, at))
        elif prefix == "L" and opened is not None:
            found.append((opened[0], index, name, opened[2]))
            opened = None
    if opened is not None:
        raise FormatError(f"{opened[2]}: the mention of {opened[1]} has no last tag (BILOU or BIOES)")
    return found


def _split(tag: str, prefixes: str, at: str) -> tuple[str, str]:
    prefix, mark, name = tag.partition("-")
    if tag == "O":
        return "O", ""
    if not mark or not name or len(prefix) != 1 or prefix not in prefixes:
        expected = ", ".join(f"{letter}-TYPE" for letter in prefixes)
        raise FormatError(f"{at}: tag {tag!r}: expected O or one of {expected}")
    return prefix, name
