"""Which paragraphs to annotate next: those that a model is least sure of, no two alike.

The unit is the paragraph, since mentions and relations never leave it. How unsure a model is of one is told
by its probabilities (uncertainty sampling); how alike two are, by the encoder's mean states (greedy k-centre)
and, for near-copies, by their letters. The same pool and model give the same choice.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

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
from sitrep_ie.errors import ConfigError
from sitrep_ie.extractor import DEFAULT_BATCH_SIZE, Extractor, ParagraphReading

if TYPE_CHECKING:
    from sitrep_ie.decode import FloatArray

# A shorter paragraph is a heading, a dateline or a table's cell.
MIN_WORDS = 8
# Of the pool, so many times the number wanted are kept while reading, or this many: memory stays constant.
_POOL_FACTOR = 20
_MIN_POOL = 1000
# As if each paragraph held so many sure mentions more: one doubtful name alone in a line must not win.
_SURE_MENTIONS = 5
_LINE_BREAK = re.compile("[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
# Share of equal letters, digits taken for one, from which two texts are near-copies.
_NEAR_COPY = 80.0


@dataclass(frozen=True, slots=True, eq=False)
class Suggestion:
    """A paragraph as a document of its own, with what the model finds in it.

    `document_id` and `span` tell where it stands; the example's id holds both ("r1.txt#char=120,480", as in
    RFC 5147). `uncertainty` is the number of errors to be expected for each mention and trigger, made less
    for short paragraphs.
    """

    example: Example
    document_id: str
    span: Span
    uncertainty: float

    def on_one_line(self) -> Example:
        """The example with blanks for the line breaks in its text, for formats whose paragraphs are lines."""
        document = self.example.document
        return replace(self.example, document=replace(document, text=_LINE_BREAK.sub(" ", document.text)))


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    document: Document
    annotation: Annotation
    reading: ParagraphReading
    uncertainty: float
    folded: str


def suggest(
    documents: Iterable[Document],
    extractor: Extractor,
    num_paragraphs: int = 50,
    *,
    annotated: Iterable[Document] = (),
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> list[Suggestion]:
    """Returns the paragraphs worth annotating next, the one that says most first.

    The first is the one that the model is least sure of. Each other one is that with the greatest product of
    uncertainty and distance (cosine, of mean states) from the nearest one chosen before it. Paragraphs of
    fewer than `MIN_WORDS` words, and near-copies of paragraphs that are chosen or annotated already, are
    passed over. There may be fewer than asked for.

    Args:
        documents: the pool, read once; memory does not grow with the texts in it.
        extractor: the model to be made better.
        num_paragraphs: how many to choose.
        annotated: documents whose paragraphs need no annotation any more.
        batch_size: see `Extractor.extract_many`.

    Raises:
        ConfigError: `num_paragraphs` is less than 1.
    """
    if num_paragraphs < 1:
        raise ConfigError(f"num_paragraphs {num_paragraphs}: expected at least 1")
    known = [
        _folded(document.text[span.start : span.end])
        for document in annotated
        for span in paragraph_spans(document.text)
    ]
    max_candidates = max(_POOL_FACTOR * num_paragraphs, _MIN_POOL)
    candidates = _least_sure(_candidates(documents, extractor, known, batch_size), max_candidates)
    suggestions: list[Suggestion] = []
    taken: set[str] = set()
    for candidate in _spread(candidates, known, num_paragraphs):
        example = _example(candidate, taken)
        taken.add(example.document.id)
        suggestions.append(
            Suggestion(example, candidate.document.id, candidate.reading.span, candidate.uncertainty)
        )
    return suggestions


def _candidates(
    documents: Iterable[Document], extractor: Extractor, known: Iterable[str], batch_size: int
) -> Iterator[_Candidate]:
    """The paragraphs that are long enough and no copies but for digits, case and punctuation."""
    seen = {_digest(text) for text in known}
    for document, annotation, readings in extractor.read_many(documents, batch_size):
        for reading in readings:
            if reading.num_words < MIN_WORDS:
                continue
            folded = _folded(document.text[reading.span.start : reading.span.end])
            digest = _digest(folded)
            if digest not in seen:
                seen.add(digest)
                yield _Candidate(document, annotation, reading, _uncertainty(reading, annotation), folded)


def _uncertainty(reading: ParagraphReading, annotation: Annotation) -> float:
    """Errors to be expected, by calibrated scores and by the network's own doubts, for each span found."""
    scores = [node.score for node in annotation.spans() if reading.span.contains(node.span)]
    num_errors = sum(1 - score for score in scores) + reading.doubt
    return num_errors / (len(scores) + _SURE_MENTIONS)


def _folded(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", re.sub(r"\d", "0", text)).casefold().split())


def _digest(folded: str) -> bytes:
    return hashlib.blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _least_sure(candidates: Iterable[_Candidate], most: int) -> list[_Candidate]:
    """The `most` candidates of the greatest uncertainty, sorted by it; of equal ones the first."""
    numbered = ((candidate.uncertainty, -number, candidate) for number, candidate in enumerate(candidates))
    return [candidate for _, _, candidate in heapq.nlargest(most, numbered)]


def _spread(candidates: list[_Candidate], known: Iterable[str], num: int) -> Iterator[_Candidate]:
    """Yields up to `num` candidates, greedily by uncertainty times distance from those before."""
    from rapidfuzz import fuzz

    if not candidates:
        return
    states_CH: FloatArray = np.stack([candidate.reading.state_H for candidate in candidates])
    # What all texts share says nothing: mean states of an encoder lie in a narrow cone.
    states_CH = states_CH - states_CH.mean(axis=0)
    states_CH /= np.maximum(np.linalg.norm(states_CH, axis=1, keepdims=True), 1e-9)
    uncertainty_C = np.array([candidate.uncertainty for candidate in candidates])
    distance_C = np.ones(len(candidates))
    left_C = np.ones(len(candidates), dtype=bool)
    texts = list(known)
    while num and left_C.any():
        best = int(np.where(left_C, uncertainty_C * distance_C, -1.0).argmax())
        left_C[best] = False
        folded = candidates[best].folded
        if any(fuzz.ratio(folded, text, score_cutoff=_NEAR_COPY) for text in texts):
            continue
        yield candidates[best]
        num -= 1
        texts.append(folded)
        # Rounding must not make a copy nearer than itself.
        distance_C = np.minimum(distance_C, np.maximum(1 - states_CH @ states_CH[best], 0.0))


def _example(candidate: _Candidate, taken: set[str]) -> Example:
    """The paragraph as a document of its own; an id that is taken gets a number."""
    document, span = candidate.document, candidate.reading.span
    name = place = f"{document.id}#char={span.start},{span.end}"
    number = 1
    while name in taken:
        number += 1
        name = f"{place} ({number})"
    nodes: dict[Mention | Trigger, Mention | Trigger] = {
        node: replace(node, span=Span(node.span.start - span.start, node.span.end - span.start))
        for node in candidate.annotation.spans()
        if span.contains(node.span)
    }
    relations = tuple(
        Relation(nodes[relation.head], nodes[relation.tail], relation.relation_type, relation.score)
        for relation in candidate.annotation.relations
        if relation.head in nodes and relation.tail in nodes
    )
    annotation = Annotation(
        document_id=name,
        mentions=tuple(node for node in nodes.values() if isinstance(node, Mention)),
        triggers=tuple(node for node in nodes.values() if isinstance(node, Trigger)),
        relations=relations,
    )
    return Example(replace(document, id=name, text=document.text[span.start : span.end]), annotation)
