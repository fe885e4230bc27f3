"""Probabilities to annotations: written matrices, brute force, windows stitched by hand."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import tagged_tokens

from sitrep_ie.bio import allowed_starts, allowed_transitions, ranges_from_tags, tag_names, tags_from_ranges
from sitrep_ie.config import DecodeConfig, EncodeConfig
from sitrep_ie.decode import (
    WindowResult,
    best_tags,
    decode_document,
    decode_tags,
    spans_of_tags,
    tags_of_spans,
)
from sitrep_ie.document import Annotation, Document
from sitrep_ie.encode import EncodedText, TextEncoder, Window, WindowSpans

GOLDEN = Path(__file__).resolve().parent / "golden"
TYPES = ("A", "B-C", "D_E")


# ---- tags ----


def is_legal(tags):
    names = tag_names(f"T{i}" for i in range(8))
    starts, transitions = allowed_starts(names), allowed_transitions(names)
    return starts[tags[0]] and all(transitions[a][b] for a, b in itertools.pairwise(tags))


_matrices = st.tuples(st.integers(1, 5), st.sampled_from([1, 3, 5])).flatmap(
    lambda shape: hnp.arrays(np.float32, shape, elements=st.floats(-8, 0, width=16))
)


@given(_matrices)
@settings(max_examples=100, deadline=None)
def test_best_tags_are_those_of_brute_force(log_probs):
    num_words, num_tags = log_probs.shape
    tags = best_tags(log_probs)
    assert is_legal(tags.tolist())
    legal = (path for path in itertools.product(range(num_tags), repeat=num_words) if is_legal(path))
    best = max(log_probs[range(num_words), path].sum(dtype=np.float64) for path in legal)
    assert log_probs[range(num_words), tags].sum(dtype=np.float64) == pytest.approx(best, abs=1e-4)


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(11)), elements=st.floats(-99, 0, width=32))
)
@settings(max_examples=60, deadline=None)
def test_best_tags_are_legal(log_probs):
    assert is_legal(best_tags(log_probs).tolist())


def test_an_inside_tag_after_outside_or_another_type_gives_way():
    # O, B-A, I-A, B-B, I-B
    outside_then_inside = np.log([[0.9, 0.05, 0.03, 0.01, 0.01], [0.2, 0.05, 0.7, 0.04, 0.01]])
    assert best_tags(outside_then_inside.astype(np.float32)).tolist() == [0, 0]
    weak_outside = np.log([[0.5, 0.45, 0.03, 0.01, 0.01], [0.2, 0.05, 0.7, 0.04, 0.01]])
    assert best_tags(weak_outside.astype(np.float32)).tolist() == [1, 2]
    other_type = np.log([[0.01, 0.9, 0.03, 0.05, 0.01], [0.1, 0.1, 0.3, 0.05, 0.45]])
    assert best_tags(other_type.astype(np.float32)).tolist() == [1, 2]


@given(tagged_tokens(TYPES))
@settings(max_examples=100, deadline=None)
def test_spans_of_tags_inverts_tags_of_ranges(tagged):
    _, tags = tagged
    names = tag_names(TYPES)
    spans = spans_of_tags(np.array([names.index(tag) for tag in tags], dtype=np.int64))
    ranges = ranges_from_tags(tags)
    assert tags_from_ranges(len(tags), ranges) == tags
    found = zip(spans.firsts_N.tolist(), spans.lasts_N.tolist(), spans.types_N.tolist(), strict=True)
    assert [(first, last + 1, TYPES[kind]) for first, last, kind in found] == [tuple(r) for r in ranges]
    assert tags_of_spans(spans, len(tags)).tolist() == [names.index(tag) for tag in tags]


# ---- windows by hand ----


def text_of_words(text, paragraphs=None):
    """One token a word; the paragraph of each word as given."""
    words = text.split(" ")
    starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
    paragraphs = np.array(paragraphs or [0] * len(words))
    return EncodedText(
        text=text,
        starts=starts,
        ends=starts + [len(word) for word in words],
        paragraphs=paragraphs,
        cases=np.zeros(len(words), dtype=np.int64),
        pieces=np.arange(len(words)),
        first_piece=np.arange(len(words) + 1),
        sentences=np.zeros(len(words), dtype=np.int64),
        headings=np.full(paragraphs[-1] + 1, -1),
    )


def window_of(encoded, words, own):
    """A window of these document words; `own` are the first and one past the last own ones."""
    words = np.array(words)
    first, last = np.searchsorted(words, own)
    return Window(
        words_W=words,
        own=(int(first), int(last)),
        paragraphs_W=encoded.paragraphs[words],
        sentences_W=encoded.sentences[words],
        token_ids_L=words,
        token_words_L=np.arange(len(words)),
        cases_L=np.ones(len(words), dtype=np.int64),
    )


def result_of(window, ontology, spans, links=(), attributes=()):
    """What a model says of a window.

    spans: (first word, last word, type, score), in document words; links: (head, tail, relation,
    probability) by position in `spans`; attributes: (span, attribute, probability).
    """
    place = {int(word): index for index, word in enumerate(window.words_W)}
    types = [ontology.span_types.index(kind) for _, _, kind, _ in spans]
    pairs = sorted({(head, tail) for head, tail, _, _ in links})
    link_probs = np.zeros((len(pairs), len(ontology.relation_names)), dtype=np.float32)
    for head, tail, name, prob in links:
        link_probs[pairs.index((head, tail)), ontology.relation_names.index(name)] = prob
    attribute_probs = np.zeros((len(spans), len(ontology.attributes)), dtype=np.float32)
    for position, name, prob in attributes:
        attribute_probs[position, ontology.attributes.index(name)] = prob
    return WindowResult(
        window=window,
        spans=WindowSpans(
            firsts_N=np.array([place[first] for first, _, _, _ in spans], dtype=np.int64),
            lasts_N=np.array([place[last] for _, last, _, _ in spans], dtype=np.int64),
            types_N=np.array(types, dtype=np.int64),
        ),
        scores_N=np.array([score for *_, score in spans], dtype=np.float32),
        pairs_P2=np.array(pairs, dtype=np.int64).reshape(-1, 2),
        link_probs_PR=link_probs,
        attribute_probs_NA=attribute_probs,
    )


def told(annotation, text):
    """(type, text, score) of the spans and (head, relation, tail, score) of the links."""

    def name(node):
        return text[node.span.start : node.span.end]

    spans = [(node.type, name(node), round(node.score, 3)) for node in annotation.spans()]
    links = [
        (name(link.head), link.relation_type, name(link.tail), round(link.score, 3))
        for link in annotation.relations
    ]
    return spans, links


def decode(encoded, results, ontology, **thresholds):
    annotation = decode_document("d", encoded, results, ontology, DecodeConfig(**thresholds))
    annotation.check(Document("d", encoded.text))
    ontology.check(annotation)
    return annotation


TEXT = "guards sent one convoy to Karsk town"


def test_scores_are_the_mean_probability_of_the_words_tags(tiny_ontology):
    encoded = text_of_words("border guards left")
    window = window_of(encoded, [0, 1, 2], (0, 3))
    kinds = [tiny_ontology.span_types.index(name) for name in ("ACTOR", "MOVEMENT")]
    probs = np.full((1, 5, 1 + 2 * len(tiny_ontology.span_types)), 1e-6, dtype=np.float32)
    probs[0, 0, 1 + 2 * kinds[0]] = 0.9
    probs[0, 1, 2 + 2 * kinds[0]] = 0.7
    probs[0, 2, 1 + 2 * kinds[1]] = 0.6
    probs[0, 3:, 1] = 1.0  # padding, never read
    ((spans, scores),) = decode_tags(np.log(probs), [window])
    assert (spans.firsts_N.tolist(), spans.lasts_N.tolist()) == ([0, 2], [1, 2])
    assert spans.types_N.tolist() == kinds
    assert scores.tolist() == pytest.approx([0.8, 0.6])


def test_spans_cross_neither_paragraphs_nor_gaps(tiny_ontology):
    inside = np.full((1, 4, 1 + 2 * len(tiny_ontology.span_types)), 1e-6, dtype=np.float32)
    inside[0, :, 2] = 0.9  # I of the first type throughout
    inside[0, :, 1] = 0.1
    encoded = text_of_words("a b c d", [0, 0, 1, 1])
    ((spans, _),) = decode_tags(np.log(inside), [window_of(encoded, [0, 1, 2, 3], (0, 4))])
    assert list(zip(spans.firsts_N.tolist(), spans.lasts_N.tolist(), strict=True)) == [(0, 1), (2, 3)]
    # A heading cut off, then a later part of the same paragraph.
    encoded = text_of_words("a b c d e f")
    ((spans, _),) = decode_tags(np.log(inside), [window_of(encoded, [0, 1, 4, 5], (4, 6))])
    assert list(zip(spans.firsts_N.tolist(), spans.lasts_N.tolist(), strict=True)) == [(0, 1), (2, 3)]


def test_a_link_is_taken_from_the_heads_window(tiny_ontology):
    encoded = text_of_words(TEXT)
    spans = [(0, 0, "ACTOR", 0.9), (1, 1, "MOVEMENT", 0.8), (3, 3, "OBJECT", 0.7)]
    first = result_of(
        window_of(encoded, range(4), (0, 3)),
        tiny_ontology,
        spans,
        [(1, 2, "THEME", 0.6), (1, 0, "AGENT", 0.9)],
    )
    # The second window doubts the link and sees the same spans with other scores.
    second = result_of(
        window_of(encoded, range(7), (3, 7)),
        tiny_ontology,
        [(1, 1, "MOVEMENT", 0.1), (3, 3, "OBJECT", 0.75), (5, 6, "LOCATION", 0.5)],
        [(0, 1, "THEME", 0.1), (0, 2, "DESTINATION", 0.7)],
    )
    found = told(decode(encoded, [first, second], tiny_ontology), TEXT)
    assert found == (
        [
            ("ACTOR", "guards", 0.9),
            ("MOVEMENT", "sent", 0.8),
            ("OBJECT", "convoy", 0.75),
            ("LOCATION", "Karsk town", 0.5),
        ],
        [
            ("sent", "AGENT", "guards", 0.9),
            ("sent", "THEME", "convoy", 0.6),
            # The first window does not see the town: the window of the tail decides.
            ("sent", "DESTINATION", "Karsk town", 0.7),
        ],
    )


def test_the_heads_window_decides_against_the_tails(tiny_ontology):
    encoded = text_of_words(TEXT)
    spans = [(1, 1, "MOVEMENT", 0.9), (3, 3, "OBJECT", 0.9)]
    first = result_of(window_of(encoded, range(7), (0, 3)), tiny_ontology, spans, [(0, 1, "THEME", 0.2)])
    second = result_of(window_of(encoded, range(7), (3, 7)), tiny_ontology, spans, [(0, 1, "THEME", 0.9)])
    assert decode(encoded, [first, second], tiny_ontology).relations == ()


def test_a_span_belongs_to_the_window_of_its_first_word(tiny_ontology):
    encoded = text_of_words(TEXT)
    # The town goes on into the words of the second window, which reads a part of it as a span of its own.
    first = result_of(window_of(encoded, range(7), (0, 6)), tiny_ontology, [(5, 6, "LOCATION", 0.9)])
    second = result_of(window_of(encoded, range(4, 7), (6, 7)), tiny_ontology, [(6, 6, "LOCATION", 0.8)])
    assert told(decode(encoded, [first, second], tiny_ontology), TEXT)[0] == [("LOCATION", "Karsk town", 0.9)]


def test_a_span_that_only_the_next_window_reads_over_the_border_is_dropped(tiny_ontology):
    encoded = text_of_words(TEXT)
    first = result_of(window_of(encoded, range(7), (0, 6)), tiny_ontology, [])
    second = result_of(window_of(encoded, range(4, 7), (6, 7)), tiny_ontology, [(5, 6, "LOCATION", 0.8)])
    assert told(decode(encoded, [first, second], tiny_ontology), TEXT)[0] == []


@pytest.mark.parametrize(
    "other", [(3, 3, "ACTOR", 0.9), (2, 3, "OBJECT", 0.9)], ids=["another type", "other words"]
)
def test_links_to_spans_that_the_windows_read_differently_have_no_end(tiny_ontology, other):
    encoded = text_of_words(TEXT)
    first = result_of(
        window_of(encoded, range(7), (0, 2)),
        tiny_ontology,
        [(1, 1, "MOVEMENT", 0.9), other],
        [(0, 1, "THEME", 0.9)],
    )
    second = result_of(window_of(encoded, range(2, 7), (2, 7)), tiny_ontology, [(3, 3, "OBJECT", 0.9)])
    spans, links = told(decode(encoded, [first, second], tiny_ontology), TEXT)
    assert spans == [("MOVEMENT", "sent", 0.9), ("OBJECT", "convoy", 0.9)]
    assert links == []


def test_thresholds_and_attributes(tiny_ontology):
    encoded = text_of_words(TEXT)
    result = result_of(
        window_of(encoded, range(7), (0, 7)),
        tiny_ontology,
        [(1, 1, "MOVEMENT", 0.9), (3, 3, "OBJECT", 0.9)],
        [(0, 1, "THEME", 0.6), (0, 1, "AGENT", 0.55)],
        [(0, "NEGATED", 0.4), (0, "PLANNED", 0.8), (1, "NEGATED", 0.9)],
    )
    found = decode(encoded, [result], tiny_ontology)
    assert {link.relation_type for link in found.relations} == {"THEME", "AGENT"}
    (trigger,) = found.triggers
    assert trigger.attributes == {"PLANNED"}
    assert dict(trigger.attribute_scores) == pytest.approx(
        {"NEGATED": 0.4, "PLANNED": 0.8, "AGGREGATE": 0.0, "RELEASE": 0.0}
    )
    strict = decode(encoded, [result], tiny_ontology, link_threshold=0.58, attribute_threshold=0.85)
    assert [link.relation_type for link in strict.relations] == ["THEME"]
    assert strict.triggers[0].attributes == frozenset()


def test_a_mention_that_nothing_is_tied_to_needs_a_higher_score(tiny_ontology):
    encoded = text_of_words(TEXT)
    result = result_of(
        window_of(encoded, range(7), (0, 7)),
        tiny_ontology,
        [(0, 0, "ACTOR", 0.5), (1, 1, "MOVEMENT", 0.4), (3, 3, "OBJECT", 0.5), (5, 6, "LOCATION", 0.8)],
        [(1, 2, "THEME", 0.6), (1, 0, "AGENT", 0.3)],
    )
    names = [node.type for node in decode(encoded, [result], tiny_ontology).spans()]
    assert names == ["ACTOR", "MOVEMENT", "OBJECT", "LOCATION"]
    found = decode(encoded, [result], tiny_ontology, unlinked_threshold=0.7)
    # The trigger stays whatever its score, the object for its link, the place for its own score.
    assert [node.type for node in found.spans()] == ["MOVEMENT", "OBJECT", "LOCATION"]
    assert [link.relation_type for link in found.relations] == ["THEME"]


def test_types_that_no_relation_can_touch_need_no_link(tiny_ontology):
    encoded = text_of_words(TEXT)
    names_only = dataclasses.replace(tiny_ontology, relation_types=())
    result = result_of(window_of(encoded, range(7), (0, 7)), names_only, [(0, 0, "ACTOR", 0.5)])
    (mention,) = decode(encoded, [result], names_only, unlinked_threshold=0.7).mentions
    assert mention.type == "ACTOR"


def test_a_document_without_windows_has_an_empty_annotation(tiny_ontology):
    encoded = text_of_words("x")
    assert decode(encoded, [], tiny_ontology) == Annotation("d")


# ---- stitching agrees with one piece ----


def word_spans(encoded, window, ontology, draw_of_word):
    """The spans and links that a model sees which looks at each word alone, and at nothing else."""
    spans = [
        (word, word, ontology.span_types[draw_of_word[word] - 1], 0.5 + 0.01 * draw_of_word[word])
        for word in window.words_W.tolist()
        if draw_of_word[word]
    ]
    links = []
    for (head, one), (tail, other) in itertools.permutations(enumerate(spans), 2):
        if encoded.paragraphs[one[0]] != encoded.paragraphs[other[0]]:
            continue
        for name in sorted(ontology.allowed(one[2], other[2])):
            prob = ((7 * one[0] + 3 * other[0]) % 10) / 10
            links.append((head, tail, name, prob))
    return spans, links


@given(
    kinds=st.lists(st.integers(0, 9), min_size=1, max_size=60),
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_decoding_in_windows_equals_decoding_in_one_piece(tiny_ontology, tiny_encoder_path, kinds, lengths):
    text_encoder = TextEncoder.load(tiny_encoder_path / "tokenizer.json")
    borders = [min(sum(lengths[:i]), len(kinds)) for i in range(len(lengths))] + [len(kinds)]
    paragraphs = [" ".join(["convoy"] * (b - a)) for a, b in itertools.pairwise(borders) if b > a]
    encoded = text_encoder.encode("\n\n".join(paragraphs))
    assume(encoded.num_words == len(kinds))

    def run(config):
        windows = text_encoder.windows(encoded, config)
        results = [
            result_of(window, tiny_ontology, *word_spans(encoded, window, tiny_ontology, kinds))
            for window in windows
        ]
        return len(windows), decode(encoded, results, tiny_ontology)

    # Every paragraph fits a window of the smaller kind, so that each pair is seen by some window.
    num_windows, small = run(EncodeConfig(max_tokens=32, context_tokens=0, heading_tokens=0))
    one, whole = run(EncodeConfig(max_tokens=512))
    assert one == 1
    assert small == whole
    assert [n.score for n in small.spans()] == [n.score for n in whole.spans()]
    assert [r.score for r in small.relations] == [r.score for r in whole.relations]
    if len(kinds) > 31:
        assert num_windows > 1


# ---- golden ----


def test_written_logits_give_the_written_annotation(ontology):
    """Both files are written by hand; some rows prefer an I- tag that may not stand there."""
    raw = json.loads((GOLDEN / "logits.json").read_text(encoding="utf-8"))
    tags = tag_names(ontology.span_types)
    results = []
    encoded = text_of_words(raw["text"], raw["paragraphs"])
    windows = [window_of(encoded, w["words"], w["own"]) for w in raw["windows"]]
    num_words = max(window.num_words for window in windows)
    probs_BWT = np.full((len(windows), num_words, len(tags)), 1e-9, dtype=np.float32)
    for row, item in enumerate(raw["windows"]):
        for place, of_tag in enumerate(item["tags"]):
            for tag, prob in of_tag.items():
                probs_BWT[row, place, tags.index(tag)] = prob
            # What is not written is spread over nothing: the row's rest goes to O.
            probs_BWT[row, place, 0] += max(0.0, 1.0 - sum(of_tag.values()))
    for item, window, (spans, scores) in zip(
        raw["windows"], windows, decode_tags(np.log(probs_BWT), windows), strict=True
    ):
        listed = [
            (int(window.words_W[first]), int(window.words_W[last]), ontology.span_types[kind], float(score))
            for first, last, kind, score in zip(
                spans.firsts_N, spans.lasts_N, spans.types_N, scores, strict=True
            )
        ]
        at = {first: index for index, (first, _, _, _) in enumerate(listed)}
        links = [(at[head], at[tail], name, prob) for head, tail, name, prob in item["links"]]
        attributes = [(at[word], name, prob) for word, name, prob in item["attributes"]]
        results.append(result_of(window, ontology, listed, links, attributes))
    found = decode(encoded, results, ontology)
    spans, links = told(found, encoded.text)
    expected = json.loads((GOLDEN / "annotation.json").read_text(encoding="utf-8"))
    assert [list(span) for span in spans] == expected["spans"]
    assert [list(link) for link in links] == expected["links"]
    assert [sorted(t.attributes) for t in found.triggers] == expected["attributes"]
