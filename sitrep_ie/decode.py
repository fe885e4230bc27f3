"""Probabilities of tags, links and attributes -> the annotation of a document.

Plain arrays in, records out: no network, no tensors. The windows of a document are stitched here: each
word, and with it each span that begins there, is decided by the window whose own it is.

Shape suffixes: B windows, W words, T tags, N spans in a window, P pairs, R relation types, A attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitrep_ie.config import DecodeConfig
from sitrep_ie.document import Annotation, Mention, Relation, Trigger
from sitrep_ie.encode import EncodedText, IntArray, Window, WindowSpans, word_span
from sitrep_ie.ontology import Ontology

FloatArray = npt.NDArray[np.float32]

# Tag numbers follow bio.tag_names: 0 is O, type k has B at 1 + 2k and I at 2 + 2k.
_OUTSIDE = 0


def best_tags(log_probs_WT: FloatArray) -> IntArray:
    """Returns the most probable tag sequence in which I-X only follows B-X or I-X (Viterbi)."""
    num_words, num_tags = log_probs_WT.shape
    greedy_W: IntArray = log_probs_WT.argmax(axis=1)
    before_W = np.concatenate([[_OUTSIDE], greedy_W[:-1]])
    inside_W = (greedy_W > 0) & (greedy_W % 2 == 0)
    if not (inside_W & (before_W != greedy_W) & (before_W != greedy_W - 1)).any():
        # The greedy sequence is legal, and no sequence is better than it.
        return greedy_W
    free = np.ones(num_tags, dtype=bool)
    free[2::2] = False
    inside = np.arange(2, num_tags, 2)
    score_T = np.where(free, log_probs_WT[0], -np.inf)
    back_WT = np.zeros((num_words, num_tags), dtype=np.int64)
    for word in range(1, num_words):
        back_WT[word, free] = score_T.argmax()
        best_T = np.full(num_tags, score_T.max())
        from_begin = score_T[inside - 1] >= score_T[inside]
        back_WT[word, inside] = np.where(from_begin, inside - 1, inside)
        best_T[inside] = np.maximum(score_T[inside - 1], score_T[inside])
        score_T = best_T + log_probs_WT[word]
    tags_W = np.zeros(num_words, dtype=np.int64)
    tags_W[-1] = score_T.argmax()
    for word in range(num_words - 1, 0, -1):
        tags_W[word - 1] = back_WT[word, tags_W[word]]
    return tags_W


def spans_of_tags(tags_W: IntArray) -> WindowSpans:
    """Reads spans off a legal tag sequence."""
    begins = np.flatnonzero(tags_W % 2 == 1)
    # A span ends before the first word that does not go on inside it.
    goes_on = np.append((tags_W > 0) & (tags_W % 2 == 0), False)
    stops = np.flatnonzero(~goes_on)
    lasts = stops[np.searchsorted(stops, begins + 1)] - 1 if len(begins) else begins
    return WindowSpans(firsts_N=begins, lasts_N=lasts, types_N=(tags_W[begins] - 1) // 2)


def tags_of_spans(spans: WindowSpans, num_words: int) -> IntArray:
    """Writes spans that do not overlap as tags: the inverse of `spans_of_tags`."""
    tags_W: IntArray = np.full(num_words, _OUTSIDE, dtype=np.int64)
    for first, last, kind in zip(spans.firsts_N, spans.lasts_N, spans.types_N, strict=True):
        tags_W[first : last + 1] = 2 + 2 * kind
        tags_W[first] = 1 + 2 * kind
    return tags_W


def decode_tags(
    tag_log_probs_BWT: FloatArray, windows: Sequence[Window]
) -> list[tuple[WindowSpans, FloatArray]]:
    """Returns the spans of each window with their scores: the mean probability of their words' tags.

    Spans never cross paragraphs: the words of a window are read one paragraph at a time.
    """
    decoded = []
    for log_probs_WT, window in zip(tag_log_probs_BWT, windows, strict=True):
        log_probs_WT = log_probs_WT[: window.num_words]
        breaks = np.flatnonzero(np.diff(window.paragraphs_W)) + 1
        # A heading shown before a window may be cut off from the text that follows it in the same paragraph.
        gaps = np.flatnonzero(np.diff(window.words_W) != 1) + 1
        edges = [0, *sorted({*breaks.tolist(), *gaps.tolist()}), window.num_words]
        tags_W = np.concatenate(
            [best_tags(log_probs_WT[a:b]) for a, b in zip(edges, edges[1:], strict=False)]
        )
        spans = spans_of_tags(tags_W)
        probs_W = np.exp(log_probs_WT[np.arange(window.num_words), tags_W])
        summed_W = np.concatenate([[0.0], np.cumsum(probs_W, dtype=np.float64)])
        lengths_N = spans.lasts_N - spans.firsts_N + 1
        scores_N = (summed_W[spans.lasts_N + 1] - summed_W[spans.firsts_N]) / lengths_N
        decoded.append((spans, np.clip(scores_N, 0.0, 1.0).astype(np.float32)))
    return decoded


@dataclass(frozen=True, slots=True)
class WindowResult:
    """What the model says of one window. `pairs_P2` holds (head, tail) positions in `spans`."""

    window: Window
    spans: WindowSpans
    scores_N: FloatArray
    pairs_P2: IntArray
    link_probs_PR: FloatArray
    attribute_probs_NA: FloatArray


def decode_document(
    document_id: str,
    encoded: EncodedText,
    results: Sequence[WindowResult],
    ontology: Ontology,
    config: DecodeConfig,
) -> Annotation:
    """Stitches the windows of a document, in order, into its annotation.

    A mention that nothing is tied to needs a higher score than others: most false mentions are such.

    A span belongs to the window that owns its first word, a link to the one that owns its head; a link
    whose ends that window does not both see is taken from the window that owns the tail.
    """
    nodes: dict[tuple[int, int], Mention | Trigger] = {}
    end = 0
    for result in results:
        words_W = result.window.words_W
        for position in np.flatnonzero(_owned(result)):
            first = int(words_W[result.spans.firsts_N[position]])
            last = int(words_W[result.spans.lasts_N[position]]) + 1
            if first < end:
                # The window before read a span on into this one's words.
                continue
            end = last
            nodes[first, last] = _node(encoded, first, last, result, int(position), ontology, config)

    relations = [
        Relation(nodes[head], nodes[tail], ontology.relation_names[index], score=float(probs_R[index]))
        for (head, tail), probs_R in _links(results, nodes, ontology, config.link_threshold).items()
        for index in np.flatnonzero(probs_R >= config.link_threshold)
    ]
    relations.sort(key=lambda relation: (relation.head.span, relation.tail.span, relation.relation_type))
    linked = {node for relation in relations for node in (relation.head, relation.tail)}
    found = [
        node
        for node in nodes.values()
        if isinstance(node, Trigger)
        or node.score >= config.unlinked_threshold
        or node in linked
        or node.type not in ontology.linkable_types
    ]
    return Annotation(
        document_id=document_id,
        mentions=tuple(node for node in found if isinstance(node, Mention)),
        triggers=tuple(node for node in found if isinstance(node, Trigger)),
        relations=tuple(relations),
    )


def _owned(result: WindowResult) -> npt.NDArray[np.bool_]:
    first, last = result.window.own
    owned: npt.NDArray[np.bool_] = (result.spans.firsts_N >= first) & (result.spans.firsts_N < last)
    return owned


def _node(
    encoded: EncodedText,
    first: int,
    last: int,
    result: WindowResult,
    position: int,
    ontology: Ontology,
    config: DecodeConfig,
) -> Mention | Trigger:
    span = word_span(encoded, first, last)
    span_type = ontology.span_types[int(result.spans.types_N[position])]
    score = float(result.scores_N[position])
    if not ontology.is_event(span_type):
        return Mention(span, span_type, score=score)
    probs_A = result.attribute_probs_NA[position]
    scores = tuple((name, float(probs_A[index])) for index, name in enumerate(ontology.attributes))
    attributes = frozenset(name for name, prob in scores if prob >= config.attribute_threshold)
    return Trigger(span, span_type, attributes, score=score, attribute_scores=scores)


_Key = tuple[int, int]


def _links(
    results: Sequence[WindowResult],
    nodes: dict[_Key, Mention | Trigger],
    ontology: Ontology,
    threshold: float,
) -> dict[tuple[_Key, _Key], FloatArray]:
    """The probabilities of all pairs of nodes that have some relation."""
    links: dict[tuple[_Key, _Key], FloatArray] = {}
    type_numbers = {name: number for number, name in enumerate(ontology.span_types)}
    # Of every node, the nodes that the window that owns it sees, too.
    seen_by: dict[_Key, set[_Key]] = {}
    views = []
    for result in results:
        words_W = result.window.words_W
        firsts, stops = words_W[result.spans.firsts_N].tolist(), (words_W[result.spans.lasts_N] + 1).tolist()
        keys = list(zip(firsts, stops, strict=True))
        # A neighbour window may have read a span differently; then there is nothing to attach to.
        agreed_N = np.array(
            [
                key in nodes and type_numbers[nodes[key].type] == kind
                for key, kind in zip(keys, result.spans.types_N.tolist(), strict=True)
            ],
            dtype=bool,
        )
        owned_N = _owned(result)
        seen = {keys[position] for position in np.flatnonzero(agreed_N)}
        seen_by.update((keys[position], seen) for position in np.flatnonzero(owned_N & agreed_N))
        views.append((result, keys, agreed_N, owned_N))
    for result, keys, agreed_N, owned_N in views:
        if not len(result.pairs_P2):
            continue
        heads_P, tails_P = result.pairs_P2[:, 0], result.pairs_P2[:, 1]
        sure_P = (result.link_probs_PR >= threshold).any(axis=1) & agreed_N[heads_P] & agreed_N[tails_P]
        for pair in np.flatnonzero(sure_P & (owned_N[heads_P] | owned_N[tails_P])):
            head, tail = keys[heads_P[pair]], keys[tails_P[pair]]
            if owned_N[heads_P[pair]] or tail not in seen_by.get(head, ()):
                links[head, tail] = result.link_probs_PR[pair]
    return links
