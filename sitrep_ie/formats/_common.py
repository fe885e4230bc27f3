"""What the formats of other tools share: names of types, checked examples, counts of what is left out.

Such a format holds less than an `Example` does, and its files hold what no example does. Writers return
how often they left something out, under a name for people ("relations"); readers refuse it, or count it in
the `left_out` that they are given.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Span, Trigger
from sitrep_ie.errors import DocumentError, FormatError, OntologyError
from sitrep_ie.formats._files import atomic_writer
from sitrep_ie.formats._json import SURROGATE, hint
from sitrep_ie.ontology import Ontology

Node = Mention | Trigger

ATTRIBUTES = "attributes"
RELATIONS = "relations"
MENTION_SCORES = "scores of mentions"
RELATION_SCORES = "scores of relations"
IDS = "document ids"
SOURCES = "sources"
TITLES = "titles"
PUBLISHED = "publication dates"
PERIODS = "periods"
METADATA = frozenset({IDS, SOURCES, TITLES, PUBLISHED, PERIODS})

_SEPARATORS = re.compile(r"[\W_]+")


class Names:
    """Types, relations and attributes of an ontology by the names that other tools give them.

    A name fits when it is the ontology's own, or the same but for case, blanks, hyphens and underscores:
    `MilitaryPlatform` and `military-platform` are MILITARY_PLATFORM.
    """

    def __init__(self, ontology: Ontology) -> None:
        self.ontology = ontology
        self._spans = _by_folded_name(ontology.span_types)
        self._relations = _by_folded_name(ontology.relation_names)
        self._attributes = _by_folded_name(ontology.attributes)

    def span_type(self, name: str, at: str) -> str:
        """The mention or event type called `name`."""
        return self._find(name, self._spans, self.ontology.span_types, "type", at)

    def relation(self, name: str, at: str) -> str:
        """The role or relation called `name`."""
        return self._find(name, self._relations, self.ontology.relation_names, "relation", at)

    def has_relation(self, name: str) -> bool:
        """Whether there is such a role or relation."""
        return name in self.ontology.relation_names or _folded(name) in self._relations

    def attribute(self, name: str, at: str) -> str:
        """The attribute called `name`."""
        return self._find(name, self._attributes, self.ontology.attributes, "attribute", at)

    def _find(self, name: str, folded: dict[str, str], known: Sequence[str], what: str, at: str) -> str:
        if name in known:
            return name
        if _folded(name) in folded:
            return folded[_folded(name)]
        raise FormatError(f"{at}: unknown {what} {name!r}{hint(name, known)}")

    def node(self, name: str, span: Span, attributes: Iterable[str], score: float, at: str) -> Node:
        """The mention, or trigger where `name` is an event type; only a trigger may have attributes."""
        span_type = self.span_type(name, at)
        found = frozenset(self.attribute(attribute, at) for attribute in attributes)
        if self.ontology.is_event(span_type):
            return Trigger(span, span_type, found, score)
        if found:
            raise FormatError(
                f"{at}: attribute {sorted(found)[0]} on {span_type}; only triggers have attributes"
            )
        return Mention(span, span_type, score)


def _folded(name: str) -> str:
    return _SEPARATORS.sub("", name).casefold()


def _by_folded_name(names: Sequence[str]) -> dict[str, str]:
    folded = [_folded(name) for name in names]
    # Two names of an ontology that fold alike can only be told apart as they are written.
    return {key: name for key, name in zip(folded, names, strict=True) if folded.count(key) == 1}


def span_in(text: str, start: int, end: int, at: str) -> Span:
    """The span, where it lies in `text`."""
    if not 0 <= start < end <= len(text):
        raise FormatError(
            f"{at}: [{start}, {end}): expected 0 <= start < end <= {len(text)}, the text's length"
        )
    return Span(start, end)


def make_example(
    document: Document, nodes: Iterable[Node], relations: Iterable[Relation], ontology: Ontology, at: str
) -> Example:
    """The example, checked against text and ontology."""
    seen: set[Relation] = set()
    for relation in (relations := list(relations)):
        ends = f"{relation.head.type} [{relation.head.span.start}, {relation.head.span.end})"
        if relation.head == relation.tail:
            raise FormatError(f"{at}: {relation.relation_type} from {ends} to itself")
        if relation in seen:
            raise FormatError(f"{at}: {relation.relation_type} from {ends} is given twice with the same tail")
        seen.add(relation)
    ordered = sorted(nodes, key=lambda node: node.span)
    gold = Annotation(
        document_id=document.id,
        mentions=tuple(node for node in ordered if isinstance(node, Mention)),
        triggers=tuple(node for node in ordered if isinstance(node, Trigger)),
        relations=tuple(relations),
    )
    example = Example(document, gold)
    _check_gold(example, ontology, at)
    return example


def check_examples(examples: Iterable[Example], ontology: Ontology, path: Path) -> list[Example]:
    """The examples, where each can be written as it is: a document named in the error cannot."""
    checked = list(examples)
    seen: set[str] = set()
    for example in checked:
        document = example.document
        at = f"{path}: document {document.id!r}"
        check_new(example, seen, ontology, at)
        for value in (document.id, document.text, document.source or "", document.title or ""):
            if SURROGATE.search(value):
                raise FormatError(f"{at}: holds a lone surrogate, which UTF-8 cannot write")
    return checked


def check_new(example: Example, seen: set[str], ontology: Ontology | None, at: str) -> None:
    """Raises FormatError where the id is in `seen`, which it is put into, or text and ontology do not fit."""
    if example.document.id in seen:
        raise FormatError(f"{at}: the id is used twice")
    seen.add(example.document.id)
    _check_gold(example, ontology, at)


def _check_gold(example: Example, ontology: Ontology | None, at: str) -> None:
    try:
        example.gold.check(example.document)
        if ontology is not None:
            ontology.check(example.gold)
    except (DocumentError, OntologyError) as error:
        raise FormatError(f"{at}: {error}") from error


def write_json_lines(
    path: Path | str,
    examples: Iterable[Example],
    ontology: Ontology,
    line: Callable[[Example, int], dict[str, Any]],
    unheld: Iterable[str],
) -> Counter[str]:
    """Writes `line` of every example and its number from 1, the file whole or not at all; counts `unheld`."""
    path = Path(path)
    written = check_examples(examples, ontology, path)
    with atomic_writer(path) as file:
        for number, example in enumerate(written, 1):
            file.write(json.dumps(line(example, number), ensure_ascii=False) + "\n")
    return count_unheld(written, unheld)


def check_distinct(examples: Iterable[tuple[str, Example]]) -> list[Example]:
    """The examples, each with where it stands, where no two have one id."""
    found: dict[str, Example] = {}
    for at, example in examples:
        if example.document.id in found:
            raise FormatError(f"{at}: document id {example.document.id!r} is used twice")
        found[example.document.id] = example
    return list(found.values())


def count_unheld(examples: Iterable[Example], unheld: Iterable[str]) -> Counter[str]:
    """How much there is of each thing in `unheld`; a score of 1 is what gold has, and nothing to lose."""
    counts: Counter[str] = Counter()
    for example in examples:
        document, gold = example.document, example.gold
        counts[IDS] += 1
        counts[SOURCES] += document.source is not None
        counts[TITLES] += document.title is not None
        counts[PUBLISHED] += document.published is not None
        counts[PERIODS] += document.period is not None
        counts[ATTRIBUTES] += sum(len(trigger.attributes) for trigger in gold.triggers)
        counts[RELATIONS] += len(gold.relations)
        counts[MENTION_SCORES] += sum(node.score != 1 for node in gold.spans())
        counts[RELATION_SCORES] += sum(relation.score != 1 for relation in gold.relations)
    return Counter({name: counts[name] for name in sorted(unheld) if counts[name]})


def leave_out(what: str, left_out: Counter[str] | None, at: str) -> None:
    """Counts `what`, which no example holds.

    Raises:
        FormatError: nobody counts.
    """
    if left_out is None:
        raise FormatError(f"{at}: {what} cannot be held; `sitrep-ie convert` leaves them out")
    left_out[what] += 1


def note(what: str, left_out: Counter[str] | None, times: int = 1) -> None:
    """Counts what is no annotation and can go unread; nobody has to count."""
    if left_out is not None and times:
        left_out[what] += times


def utf16_offsets(text: str) -> list[int]:
    """The position in UTF-16 code units of every character of `text`, and of its end."""
    offsets = [0]
    for character in text:
        offsets.append(offsets[-1] + (2 if character > "\uffff" else 1))
    return offsets


def split_words(text: str, start: int, end: int, cuts: Iterable[int] = ()) -> list[Span]:
    """The words of `text[start:end]`: runs of letters and digits, and every other character but blanks.

    Marks that combine stay with the character before them. A word never goes over a position in `cuts`.
    """
    edges = set(cuts)
    words: list[Span] = []
    joins = False
    for position in range(start, end):
        character = text[position]
        if character.isspace():
            joins = False
            continue
        is_letter = character.isalnum() or character == "_"
        is_mark = unicodedata.category(character).startswith("M")
        touches = bool(words) and words[-1].end == position and position not in edges
        if touches and (is_mark or (is_letter and joins)):
            words[-1] = Span(words[-1].start, position + 1)
            joins = joins or is_letter
        else:
            words.append(Span(position, position + 1))
            joins = is_letter
    return words


def split_tokens(text: str, nodes: Iterable[Node]) -> list[tuple[Span, bool]]:
    """Words, and blanks that are more than the one after a word, each with whether a blank follows.

    Together they are the whole text. Every node begins and ends with a token.
    """
    starts = {node.span.start for node in nodes}
    ends = {node.span.end for node in nodes}
    tokens: list[tuple[Span, bool]] = []
    position = 0
    words = [(word.start, word.end) for word in split_words(text, 0, len(text), starts | ends)]
    for start, end in [*words, (len(text), len(text))]:
        # A blank that a mention begins or ends with is a token, so that the mention has one there.
        is_own = position in starts or position + 1 in ends
        if tokens and position < start and text[position] == " " and not is_own:
            tokens[-1] = (tokens[-1][0], True)
            position += 1
        cuts = sorted({position, start, *(edge for edge in starts | ends if position < edge < start)})
        tokens += [(Span(*cut), False) for cut in zip(cuts, cuts[1:], strict=False)]
        if start < end:
            tokens.append((Span(start, end), False))
        position = end
    return tokens
