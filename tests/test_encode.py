"""Documents to windows of tokens: nothing is lost, nothing is too long, characters stay exact."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sitrep_ie.config import EncodeConfig
from sitrep_ie.document import Annotation, Document, Mention, Span, Trigger
from sitrep_ie.encode import (
    CASES,
    LENGTH_STEP,
    TextEncoder,
    align,
    batches_by_tokens,
    padded_length,
    sort_by_length,
    word_span,
)
from sitrep_ie.errors import ModelError

SMALL = EncodeConfig(max_tokens=48, context_tokens=4, heading_tokens=8)
SIZES = [SMALL, EncodeConfig(max_tokens=32, context_tokens=0, heading_tokens=0), EncodeConfig()]


@pytest.fixture(scope="module")
def text_encoder(tiny_encoder_path):
    return TextEncoder.load(tiny_encoder_path / "tokenizer.json")


def words_of(encoded):
    return [encoded.text[start:end] for start, end in zip(encoded.starts, encoded.ends, strict=True)]


def check(text_encoder, text, config):
    """What holds of every text; returns the words and the windows."""
    encoded = text_encoder.encode(text)
    ends = [0, *encoded.ends.tolist()]
    assert all(before <= start for before, start in zip(ends, encoded.starts, strict=False))
    covered = set()
    for start, end in zip(encoded.starts.tolist(), encoded.ends.tolist(), strict=True):
        assert start < end
        covered.update(range(start, end))
    assert covered == {i for i, character in enumerate(text) if not character.isspace()}
    assert (np.diff(encoded.first_piece) >= 1).all()
    assert len(encoded.pieces) == encoded.first_piece[-1]
    assert (np.diff(encoded.paragraphs) >= 0).all()

    windows = text_encoder.windows(encoded, config)
    own = [window.words_W[slice(*window.own)] for window in windows]
    assert np.concatenate([*own, np.zeros(0, dtype=int)]).tolist() == list(range(encoded.num_words))
    for window in windows:
        assert window.own[1] > window.own[0]
        assert window.num_tokens <= config.max_tokens
        assert (np.diff(window.words_W) > 0).all()
        assert window.paragraphs_W.tolist() == encoded.paragraphs[window.words_W].tolist()
        check_tokens(text_encoder, encoded, window)
    return encoded, windows


def check_tokens(text_encoder, encoded, window):
    """A window's tokens are [CLS], then the pieces of its words, each paragraph or gap closed by [SEP]."""
    ids = [text_encoder.cls_id]
    words = [-1]
    for place, word in enumerate(window.words_W.tolist()):
        pieces = encoded.pieces[encoded.first_piece[word] : encoded.first_piece[word + 1]].tolist()
        ids += pieces
        words += [place] * len(pieces)
        after = window.words_W[place + 1] if place + 1 < window.num_words else None
        if after is None or encoded.paragraphs[after] != encoded.paragraphs[word]:
            ids.append(text_encoder.sep_id)
            words.append(-1)
    assert window.token_ids_L.tolist() == ids
    assert window.token_words_L.tolist() == words
    cases = [0 if place < 0 else 1 + encoded.cases[window.words_W[place]] for place in words]
    assert window.cases_L.tolist() == cases


_pieces = st.sampled_from(
    [
        "convoy ",
        "Karsk",
        " 20 trucks",
        ". ",
        "!\n",
        "\n\n",
        "\r\n",
        "x" * 40,
        "é",
        "\u0301",
        "-",
        "中文 ",
        "\x00",
    ]
)
_texts = st.one_of(st.text(max_size=60), st.lists(_pieces, max_size=60).map("".join))


@given(text=_texts, config=st.sampled_from(SIZES))
@example(text="", config=SMALL)
@example(text=" \n\t\r\n ", config=SMALL)
@example(text="\ud800 lone \udfff", config=SMALL)
@settings(max_examples=100, deadline=None)
def test_every_word_is_some_windows_own_once_and_no_window_is_too_long(text_encoder, text, config):
    encoded, windows = check(text_encoder, text, config)
    if 1 + len(encoded.pieces) + len(set(encoded.paragraphs.tolist())) <= config.max_tokens:
        assert len(windows) == (encoded.num_words > 0)


@pytest.mark.parametrize(
    "before",
    [
        "😀 ",
        "👩‍👩‍👧 and ",
        "e\u0301te\u0301 ",
        "\r\n\r\nAt dawn:\r\n",
        "\x00",
        "\ud83d ",
        "\u200f",
        "العاصفة، ",
        "\ufeff",
        "\t",
    ],
    ids=ascii,
)
def test_planted_spans_are_found_where_they_were_put(text_encoder, before):
    text = f"{before}the Karsk Brigade’s convoy, near Karsk-Veld."
    encoded, _ = check(text_encoder, text, EncodeConfig())
    nodes = []
    for phrase in ("Karsk Brigade", "convoy", "Karsk-Veld"):
        start = text.rindex(phrase)
        nodes.append(Mention(Span(start, start + len(phrase)), "ACTOR"))
    document = Document("d", text)
    spans, lost = align(document, Annotation("d", mentions=tuple(nodes)), encoded)
    assert lost == []
    assert [span.node for span in spans] == nodes
    for span in spans:
        assert word_span(encoded, span.first, span.last) == span.node.span


def test_letters_keep_their_combining_marks(text_encoder):
    assert words_of(text_encoder.encode("un e\u0301te\u0301 d'or")) == [
        "un",
        "e\u0301te\u0301",
        "d",
        "'",
        "or",
    ]
    assert words_of(text_encoder.encode("مُحَمَّد 12")) == ["مُحَمَّد", "12"]


def test_symbols_are_words_of_their_own(text_encoder):
    found = words_of(text_encoder.encode("“M1A2” (x2), $3.5m;A/B"))
    assert found == ["“", "M1A2", "”", "(", "x2", ")", ",", "$", "3", ".", "5m", ";", "A", "/", "B"]


def test_right_to_left_text_is_cut_in_logical_order(text_encoder):
    text = "وصلت القافلة إلى كرسك"
    assert words_of(text_encoder.encode(text)) == text.split()


def test_what_the_normaliser_deletes_still_has_a_token(text_encoder):
    encoded = text_encoder.encode("a\x00b")
    assert words_of(encoded) == ["a", "\x00", "b"]
    assert encoded.pieces[encoded.first_piece[1]] == text_encoder.unknown_id


def test_a_long_word_is_cut_short_for_the_encoder_and_whole_for_the_reader(text_encoder):
    text = f"see {'x' * 60} now"
    encoded = text_encoder.encode(text)
    assert words_of(encoded) == text.split()
    assert 1 < encoded.first_piece[2] - encoded.first_piece[1] < 20


@pytest.mark.parametrize(
    ("word", "case"),
    [
        ("convoy", "lower"),
        ("Karsk", "capital"),
        ("A", "capital"),
        ("NATO", "upper"),
        ("McKay", "mixed"),
        ("M1A2", "digits"),
        ("2031", "digits"),
        (".", "other"),
        ("中", "mixed"),
    ],
)
def test_letter_cases(text_encoder, word, case):
    assert CASES[text_encoder.encode(word).cases[0]] == case


def test_sentences_are_counted_at_marks_before_a_blank(text_encoder):
    encoded = text_encoder.encode("Two died. About 3.5 km off! Why")
    assert encoded.sentences.tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2]


# ---- windows ----


def test_a_text_that_fits_is_one_window_without_context(text_encoder):
    text = "Convoys\n\nTwo trucks and a convoy arrived at Karsk before midnight.\n\nThree left."
    encoded = text_encoder.encode(text)
    exactly = 1 + len(encoded.pieces) + 3
    (window,) = text_encoder.windows(
        encoded, EncodeConfig(max_tokens=exactly, context_tokens=0, heading_tokens=0)
    )
    assert window.own == (0, encoded.num_words)
    assert window.num_tokens == exactly


def test_windows_break_between_paragraphs_and_show_heading_and_neighbours(text_encoder):
    paragraph = "A convoy of trucks arrived at Karsk in northern Veld at dawn on May 3."
    text = "\n\n".join(["Convoys of the week", *[paragraph] * 6])
    encoded, windows = check(text_encoder, text, SMALL)
    assert len(windows) > 2
    words = words_of(encoded)
    for before, window in pairwise(windows):
        own = encoded.paragraphs[window.words_W[slice(*window.own)]]
        # No paragraph is cut: each begins and ends in the same window.
        assert encoded.paragraph_words(int(own[0]))[0] == window.words_W[window.own[0]]
        shown = [words[word] for word in window.words_W[: window.own[0]]]
        assert shown[:4] == ["Convoys", "of", "the", "week"]
        # Then the end of the text before.
        last_before = before.words_W[before.own[1] - 1]
        assert window.words_W[window.own[0] - 1] == last_before
    # The first window has room on its right only; the last on its left only.
    assert windows[0].own[0] == 0
    assert windows[0].num_words > windows[0].own[1]
    assert windows[-1].own[1] == windows[-1].num_words


def test_a_heading_right_above_is_shown_once(text_encoder):
    heading = "Karsk convoy of trucks at dawn in northern Veld"
    text = "\n\n".join(["Two trucks of the guards arrived at Karsk at dawn.", heading, "convoy " * 28])
    encoded, windows = check(text_encoder, text, SMALL)
    assert len(windows) == 2
    # Eight tokens of the heading and four of what stands before would hold some words twice.
    shown = windows[1].words_W[: windows[1].own[0]].tolist()
    first, last = encoded.paragraph_words(1)
    assert shown == list(range(first, last))


def test_no_heading_is_shown_when_none_is_wanted(text_encoder):
    text = "\n\n".join(
        ["Convoys of the week", *["Several trucks arrived at Karsk in northern Veld at dawn."] * 6]
    )
    without = EncodeConfig(max_tokens=48, context_tokens=4, heading_tokens=0)
    _, windows = check(text_encoder, text, without)
    assert all(0 not in window.words_W for window in windows[1:])


def test_the_nearest_short_line_above_is_the_heading(text_encoder):
    text = "\n\n".join(["Karsk", "Two trucks arrived.", "Veld", "Three trucks left, and nobody was hurt."])
    assert text_encoder.encode(text).headings.tolist() == [-1, 0, 0, 2]


def test_a_long_paragraph_is_cut_after_sentences(text_encoder):
    text = "A convoy of trucks arrived at Karsk at dawn. " * 8
    encoded, windows = check(text_encoder, text.strip(), SMALL)
    words = words_of(encoded)
    assert len(windows) > 2
    assert all(words[window.words_W[window.own[1] - 1]] == "." for window in windows)


def test_a_long_sentence_is_cut_between_words(text_encoder):
    _, windows = check(text_encoder, "convoy " * 300, SMALL)
    assert len(windows) > 5


def test_long_words_fit_the_smallest_window(text_encoder):
    check(text_encoder, "x" * 90 + " " + "y" * 90 + " z" * 90, SIZES[1])


@pytest.mark.parametrize(
    "text",
    ["A convoy of trucks arrived. " * 37_000, "x" * 1_000_000, "No trucks.\n" * 100_000, "." * 200_000],
    ids=["one line", "one word", "100k lines", "marks"],
)
def test_large_texts_take_time_in_proportion(text_encoder, text):
    started = time.process_time()
    encoded = text_encoder.encode(text)
    windows = text_encoder.windows(encoded, EncodeConfig())
    # A tenth of this on an idle core; anything quadratic takes minutes.
    assert time.process_time() - started < 30
    assert sum(window.own[1] - window.own[0] for window in windows) == encoded.num_words
    assert max(window.num_tokens for window in windows) <= 256


# ---- gold on words ----


def test_spans_that_do_not_fit_words_are_reported(text_encoder):
    text = "Border guards\n\nsent trucks at dawn."
    encoded = text_encoder.encode(text)
    fitting = [Mention(Span(0, 13), "ACTOR"), Trigger(Span(15, 19), "MOVEMENT")]
    lost = [
        Mention(Span(20, 25), "OBJECT"),  # "truck" of "trucks"
        Mention(Span(26, 29), "DATE"),  # "at" and the blank before it
        Mention(Span(31, 35), "DATE"),  # from inside "dawn" to the end
    ]
    gold = Annotation("d", mentions=tuple([fitting[0], *lost]), triggers=(fitting[1],))
    spans, found_lost = align(Document("d", text), gold, encoded)
    assert [(span.first, span.last, span.node) for span in spans] == [(0, 2, fitting[0]), (2, 3, fitting[1])]
    assert found_lost == lost


def test_a_span_over_two_paragraphs_is_reported(text_encoder):
    text = "Border guards\n\nsent trucks"
    node = Mention(Span(7, 19), "ACTOR")
    spans, lost = align(Document("d", text), Annotation("d", mentions=(node,)), text_encoder.encode(text))
    assert (spans, lost) == ([], [node])


# ---- tokenizers ----


def test_a_missing_or_broken_tokenizer_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"tokenizer\.json: the tokenizer is missing"):
        TextEncoder.load(tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match=r"tokenizer\.json: not a tokenizer"):
        TextEncoder.load(tmp_path / "tokenizer.json")


def test_a_tokenizer_without_special_tokens_is_refused(tiny_encoder_path, tmp_path):
    raw = json.loads((tiny_encoder_path / "tokenizer.json").read_text(encoding="utf-8"))
    raw["post_processor"] = None
    raw["added_tokens"] = [token for token in raw["added_tokens"] if token["content"] != "[MASK]"]
    del raw["model"]["vocab"]["[MASK]"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ModelError, match=r"no token \[MASK\] or <mask>"):
        TextEncoder.load(tmp_path / "tokenizer.json")


def test_a_saved_tokenizer_gives_the_same_pieces(text_encoder, tmp_path):
    text_encoder.save(tmp_path / "tokenizer.json")
    text = "Border guards sent 20 trucks, y2k."
    again = TextEncoder.load(tmp_path / "tokenizer.json").encode(text)
    assert again.pieces.tolist() == text_encoder.encode(text).pieces.tolist()


# ---- batches ----


def test_batches_hold_at_most_so_many_tokens_with_padding(text_encoder):
    texts = ["convoy " * length for length in (1, 200, 30, 31, 90, 5, 64, 12)]
    windows = [
        window for text in texts for window in text_encoder.windows(text_encoder.encode(text), EncodeConfig())
    ]
    order = sort_by_length(windows)
    assert [windows[i].num_tokens for i in order] == sorted((w.num_tokens for w in windows), reverse=True)
    batches = batches_by_tokens(windows, order, 128)
    assert [index for batch in batches for index in batch] == order
    for batch in batches:
        longest = padded_length(max(windows[index].num_tokens for index in batch))
        assert len(batch) == 1 or longest * len(batch) <= 128
    assert batches_by_tokens(windows, order, 1) == [[index] for index in order]
    assert batches_by_tokens([], [], 128) == []


@pytest.mark.parametrize("length", [1, 31, 32, 33, 64, 250])
def test_lengths_are_padded_to_steps(length):
    padded = padded_length(length)
    assert padded % LENGTH_STEP == 0
    assert length <= padded < length + LENGTH_STEP
