"""What went wrong: every difference between gold and prediction as a case with its cause.

The cases add up to the counts of `score`: those with a gold side are the false negatives and those with a
predicted side the false positives of relations, of attributes, and of mentions and Trig-C taken together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sitrep_ie.document import (
    Annotation,
    Document,
    Example,
    Mention,
    Relation,
    Span,
    Trigger,
    paragraph_spans,
)
from sitrep_ie.errors import DocumentError
from sitrep_ie.ontology import Ontology
from sitrep_ie.score.counts import EQUIVALENCES, ends, groups, pair_by_id

Node = Mention | Trigger

# Causes in the order of the report, with what they say.
SPAN_CAUSES: Mapping[str, str] = {
    "wrong type": "right span, wrong type",
    "wrong boundary": "right type, span only overlaps",
    "wrong type and boundary": "span only overlaps, wrong type",
    "missed": "nothing was predicted there",
    "spurious": "gold has nothing there",
    "never predictable": "gold that overlaps other gold or crosses paragraphs, which no model can give",
}
RELATION_CAUSES: Mapping[str, str] = {
    "wrong type": "both ends right, wrong role or relation",
    "reversed": "both ends and the type right, direction wrong",
    "same chain": "tied to another member of the right chain",
    "end boundary": "the span of an end only overlaps",
    "end missing": "an end was not predicted",
    "end spurious": "an end is nothing in gold",
    "end type": "both ends right, but the type that an end was given on one side rules the relation out",
    "link missing": "both ends right, no relation predicted",
    "link spurious": "both ends right, gold has no relation",
    "never predictable": "gold between paragraphs, or with a span at an end that no model can give",
}
ATTRIBUTE_CAUSES: Mapping[str, str] = {
    "missed": "right trigger span, attribute not predicted",
    "spurious": "right trigger span, attribute not in gold",
    "trigger missing": "its trigger was not predicted",
    "trigger spurious": "its trigger is not in gold",
}
CAUSES: Mapping[str, Mapping[str, str]] = {
    "mentions": SPAN_CAUSES,
    "triggers": SPAN_CAUSES,
    "relations": RELATION_CAUSES,
    "attributes": ATTRIBUTE_CAUSES,
}

NO_TYPE = "(none)"

_CONTEXT_CHARS = 70


@dataclass(frozen=True, slots=True)
class ErrorCase:
    """One difference between gold and prediction.

    Attributes:
        level: a key of `CAUSES`. A mention predicted where gold has a trigger is a case of triggers,
            since a case belongs to its gold side.
        cause: a key of `CAUSES[level]`.
        gold_type: type, role or attribute in gold; None where only the prediction has one.
        predicted_type: the same in the prediction; None where only gold has one.
        gold_spans: the span; for a relation those of head and tail.
        predicted_spans: the same in the prediction.
        excerpt: the text around, on one line, with ⟦gold⟧ and ⟪predicted⟫ spans marked.
    """

    document_id: str
    level: str
    cause: str
    gold_type: str | None
    predicted_type: str | None
    gold_spans: tuple[Span, ...]
    predicted_spans: tuple[Span, ...]
    excerpt: str


@dataclass(frozen=True, slots=True)
class ErrorAnalysis:
    """All cases of a set of documents, in text order, and what was right.

    Attributes:
        num_right: right items by (level, type).
        confusion: number of spans by (gold type, predicted type), whether they are the same or only
            overlap; `NO_TYPE` stands for nothing on that side.
    """

    num_documents: int
    cases: tuple[ErrorCase, ...]
    num_right: Mapping[tuple[str, str], int]
    confusion: Mapping[tuple[str, str], int]

    def by_cause(self, level: str) -> dict[str, int]:
        """Number of cases of each cause that occurs at `level`, in the order of the report."""
        found = Counter(case.cause for case in self.cases if case.level == level)
        return {cause: found[cause] for cause in CAUSES[level] if found[cause]}

    def by_type(self, level: str) -> dict[str, dict[str, int]]:
        """Number of cases by type and cause; a case counts under its gold type where it has one."""
        table: dict[str, dict[str, int]] = {}
        for case in self.cases:
            if case.level == level:
                causes = table.setdefault(case.gold_type or case.predicted_type or NO_TYPE, {})
                causes[case.cause] = causes.get(case.cause, 0) + 1
        return table


def analyse(
    examples: Sequence[Example], predicted: Sequence[Annotation], ontology: Ontology
) -> ErrorAnalysis:
    """Returns every difference between the gold of `examples` and `predicted`, paired by document id.

    Wrong spans are paired one to one with gold: first the same span, then the greatest overlap of the same
    type, then the greatest overlap.

    Raises:
        DocumentError: an id occurs twice on one side or on one side only, or a span lies outside its text.
        OntologyError: an annotation holds a type, attribute or relation that `ontology` does not allow.
    """
    documents = {example.document.id: example.document for example in examples}
    right: Counter[tuple[str, str]] = Counter()
    confusion: Counter[tuple[str, str]] = Counter()
    cases: list[ErrorCase] = []
    for gold, prediction in pair_by_id([example.gold for example in examples], predicted):
        comparison = _Comparison(documents[gold.document_id], gold, prediction, ontology)
        cases += comparison.cases()
        right += comparison.num_right()
        confusion += comparison.confusion()
    return ErrorAnalysis(
        num_documents=len(documents), cases=tuple(cases), num_right=right, confusion=confusion
    )


class _Comparison:
    """One document: gold and prediction, keyed as scoring keys them, and how their errors pair up."""

    def __init__(self, document: Document, gold: Annotation, predicted: Annotation, ontology: Ontology):
        for annotation in (gold, predicted):
            ontology.check(annotation)
            for node in annotation.spans():
                if node.span.end > len(document.text):
                    raise DocumentError(
                        f"document {document.id!r}: {node.type} [{node.span.start}, {node.span.end}) "
                        f"lies outside the text of {len(document.text)} characters"
                    )
        self.document = document
        self.ontology = ontology
        self.gold, self.predicted = gold, predicted
        # Keyed as `score` keys them, so that attributes play no part and repetition changes nothing.
        self.gold_nodes = {(node.span, node.type): node for node in gold.spans()}
        self.predicted_nodes = {(node.span, node.type): node for node in predicted.spans()}
        self.gold_links = {(ends(link), link.relation_type): link for link in gold.relations}
        self.predicted_links = {(ends(link), link.relation_type): link for link in predicted.relations}
        self.node_pairs = self._pair_nodes()
        paragraphs = paragraph_spans(document.text)
        self.paragraph_of = {
            node.span: next((i for i, p in enumerate(paragraphs) if p.contains(node.span)), None)
            for node in self.gold_nodes.values()
        }
        self.impossible = self._impossible_spans()

    def num_right(self) -> Counter[tuple[str, str]]:
        right: Counter[tuple[str, str]] = Counter()
        for key in self.gold_nodes.keys() & self.predicted_nodes.keys():
            right[self._level(key[1]), key[1]] += 1
        for _, relation_type in self.gold_links.keys() & self.predicted_links.keys():
            right["relations", relation_type] += 1
        for _, attribute in _attributes(self.gold) & _attributes(self.predicted):
            right["attributes", attribute] += 1
        return right

    def confusion(self) -> Counter[tuple[str, str]]:
        table = Counter((key[1], key[1]) for key in self.gold_nodes.keys() & self.predicted_nodes.keys())
        for gold, predicted, _ in self.node_pairs:
            table[gold.type if gold else NO_TYPE, predicted.type if predicted else NO_TYPE] += 1
        return table

    def cases(self) -> list[ErrorCase]:
        cases = [*self._node_cases(), *self._link_cases(), *self._attribute_cases()]
        return sorted(cases, key=lambda case: min(case.gold_spans + case.predicted_spans))

    # ---- mentions and triggers ----

    def _pair_nodes(self) -> list[tuple[Node | None, Node | None, str]]:
        missed = [node for key, node in self.gold_nodes.items() if key not in self.predicted_nodes]
        spurious = [node for key, node in self.predicted_nodes.items() if key not in self.gold_nodes]
        pairs: list[tuple[Node | None, Node | None, str]] = []
        for cause, fits in (
            ("wrong type", lambda a, b: a.span == b.span),
            ("wrong boundary", lambda a, b: a.type == b.type and a.span.overlaps(b.span)),
            ("wrong type and boundary", lambda a, b: a.span.overlaps(b.span)),
        ):
            matched = _match(missed, spurious, fits, lambda a, b: _shared(a.span, b.span))
            pairs += [(a, b, cause) for a, b in matched]
        pairs += [(node, None, "missed") for node in missed]
        pairs += [(None, node, "spurious") for node in spurious]
        return pairs

    def _node_cases(self) -> Iterable[ErrorCase]:
        for gold, predicted, cause in self.node_pairs:
            node = gold or predicted
            assert node is not None
            if gold and gold.span in self.impossible:
                cause = "never predictable"
            yield self._case(
                self._level(node.type),
                cause,
                gold.type if gold else None,
                predicted.type if predicted else None,
                (gold.span,) if gold else (),
                (predicted.span,) if predicted else (),
            )

    def _level(self, span_type: str) -> str:
        return "triggers" if self.ontology.is_event(span_type) else "mentions"

    def _impossible_spans(self) -> set[Span]:
        """Gold spans that one layer of tags, paragraph by paragraph, cannot give.

        Of spans that overlap, the longest is taken for possible.
        """
        impossible = {span for span, paragraph in self.paragraph_of.items() if paragraph is None}
        kept: list[Node] = []
        for node in sorted(self.gold_nodes.values(), key=lambda node: (-len(node.span), node.span)):
            if any(node.span.overlaps(other.span) for other in kept):
                impossible.add(node.span)
            else:
                kept.append(node)
        return impossible

    # ---- relations ----

    def _link_cases(self) -> Iterable[ErrorCase]:
        missed = [link for key, link in self.gold_links.items() if key not in self.predicted_links]
        spurious = [link for key, link in self.predicted_links.items() if key not in self.gold_links]
        same_chain = [(link, None, "same chain") for link in missed if _in_chain(link, self.predicted)] + [
            (None, link, "same chain") for link in spurious if _in_chain(link, self.gold)
        ]
        missed = [link for link in missed if not _in_chain(link, self.predicted)]
        spurious = [link for link in spurious if not _in_chain(link, self.gold)]
        pairs: list[tuple[Relation | None, Relation | None, str]] = [*same_chain]
        for cause, fits in (
            ("wrong type", lambda a, b: ends(a) == ends(b)),
            ("reversed", lambda a, b: a.relation_type == b.relation_type and ends(a) == ends(b)[::-1]),
            ("end boundary", _overlapping_ends),
        ):
            pairs += [(a, b, cause) for a, b in _match(missed, spurious, fits, _shared_ends)]
        pairs += [(link, None, self._why_missed(link)) for link in missed]
        pairs += [(None, link, self._why_spurious(link)) for link in spurious]
        for gold, predicted, cause in pairs:
            if gold and self._cannot_link(gold):
                cause = "never predictable"
            yield self._case(
                "relations",
                cause,
                gold.relation_type if gold else None,
                predicted.relation_type if predicted else None,
                ends(gold) if gold else (),
                ends(predicted) if predicted else (),
            )

    def _why_missed(self, link: Relation) -> str:
        return self._why(link, self.predicted_nodes.values(), "end missing", "link missing")

    def _why_spurious(self, link: Relation) -> str:
        return self._why(link, self.gold_nodes.values(), "end spurious", "link spurious")

    def _why(self, link: Relation, others: Iterable[Node], no_end: str, no_link: str) -> str:
        """Why the other side, whose spans are `others`, does not have `link`."""
        others = list(others)
        counterparts = [[node for node in others if node.span == span] for span in ends(link)]
        if all(counterparts):
            heads, tails = counterparts
            allowed = any(
                link.relation_type in self.ontology.allowed(head.type, tail.type)
                for head in heads
                for tail in tails
            )
            return no_link if allowed else "end type"
        touched = all(any(node.span.overlaps(span) for node in others) for span in ends(link))
        return "end boundary" if touched else no_end

    def _cannot_link(self, link: Relation) -> bool:
        head, tail = ends(link)
        across = self.paragraph_of.get(head) != self.paragraph_of.get(tail)
        return across or bool({head, tail} & self.impossible)

    # ---- attributes ----

    def _attribute_cases(self) -> Iterable[ErrorCase]:
        gold, predicted = _attributes(self.gold), _attributes(self.predicted)
        gold_triggers = {trigger.span for trigger in self.gold.triggers}
        predicted_triggers = {trigger.span for trigger in self.predicted.triggers}
        for span, attribute in sorted(gold - predicted):
            cause = "missed" if span in predicted_triggers else "trigger missing"
            yield self._case("attributes", cause, attribute, None, (span,), ())
        for span, attribute in sorted(predicted - gold):
            cause = "spurious" if span in gold_triggers else "trigger spurious"
            yield self._case("attributes", cause, None, attribute, (), (span,))

    def _case(
        self,
        level: str,
        cause: str,
        gold_type: str | None,
        predicted_type: str | None,
        gold_spans: tuple[Span, ...],
        predicted_spans: tuple[Span, ...],
    ) -> ErrorCase:
        text = excerpt(self.document.text, gold_spans, predicted_spans)
        return ErrorCase(
            self.document.id, level, cause, gold_type, predicted_type, gold_spans, predicted_spans, text
        )


T = TypeVar("T")


def _match(
    left: list[T], right: list[T], fits: Callable[[T, T], bool], weight: Callable[[T, T], float]
) -> list[tuple[T, T]]:
    """Pairs items one to one, the greatest weight first, and takes the paired ones out of both lists."""
    candidates = [
        (-weight(a, b), i, j) for i, a in enumerate(left) for j, b in enumerate(right) if fits(a, b)
    ]
    used_left: set[int] = set()
    used_right: set[int] = set()
    pairs = []
    for _, i, j in sorted(candidates):
        if i not in used_left and j not in used_right:
            used_left.add(i)
            used_right.add(j)
            pairs.append((left[i], right[j]))
    left[:] = [item for i, item in enumerate(left) if i not in used_left]
    right[:] = [item for j, item in enumerate(right) if j not in used_right]
    return pairs


def _shared(a: Span, b: Span) -> float:
    """Jaccard similarity in characters."""
    shared = max(0, min(a.end, b.end) - max(a.start, b.start))
    return shared / (len(a) + len(b) - shared)


def _shared_ends(a: Relation, b: Relation) -> float:
    return _shared(a.head.span, b.head.span) + _shared(a.tail.span, b.tail.span)


def _overlapping_ends(a: Relation, b: Relation) -> bool:
    return (
        a.relation_type == b.relation_type
        and a.head.span.overlaps(b.head.span)
        and a.tail.span.overlaps(b.tail.span)
    )


def _in_chain(link: Relation, annotation: Annotation) -> bool:
    """True when `annotation` ties both ends of an equivalence together, by whichever links."""
    if link.relation_type not in EQUIVALENCES:
        return False
    links = [ends(other) for other in annotation.relations if other.relation_type == link.relation_type]
    return any(set(ends(link)) <= group for group in groups(links))


def _attributes(annotation: Annotation) -> set[tuple[Span, str]]:
    return {(trigger.span, attribute) for trigger in annotation.triggers for attribute in trigger.attributes}


def excerpt(text: str, gold: Sequence[Span], predicted: Sequence[Span]) -> str:
    """Returns the text around the spans on one line, with ⟦gold⟧ and ⟪predicted⟫ marked.

    Two spans of one side are the ends of a relation: ⟦head⟧ᴴ and ⟦tail⟧ᵀ.
    Blanks and line breaks become one space each run; what lies far from every span is left out ("…").
    """
    opening: dict[int, str] = {}
    closing: dict[int, str] = {}
    for spans, marks in ((gold, "⟦⟧"), (predicted, "⟪⟫")):
        for i, span in enumerate(spans):
            end_mark = marks[1] + ("ᴴᵀ"[i] if len(spans) == 2 else "")
            opening[span.start] = opening.get(span.start, "") + marks[0]
            closing[span.end] = end_mark + closing.get(span.end, "")
    shown: list[list[int]] = []
    for span in sorted({*gold, *predicted}):
        start = max(0, span.start - _CONTEXT_CHARS)
        end = min(len(text), span.end + _CONTEXT_CHARS)
        if shown and start <= shown[-1][1]:
            shown[-1][1] = max(shown[-1][1], end)
        else:
            shown.append([start, end])
    parts = []
    for start, end in shown:
        marked = "".join(closing.get(i, "") + opening.get(i, "") + text[i : i + 1] for i in range(start, end))
        # The last character's closing mark stands at `end`, beyond the loop.
        marked += closing.get(end, "")
        parts.append(("…" if start else "") + " ".join(marked.split()) + ("…" if end < len(text) else ""))
    return " ".join(parts).replace("… …", "…")
