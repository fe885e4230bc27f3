"""Documents -> windows of tokens with their characters, and gold annotations -> targets.

A window is what the encoder sees in one pass: some paragraphs of its own, whose words it decides,
between a little of the text before and after, with the heading above. Every word of a document is
some window's own exactly once; nothing is truncated. Knows tokenizers and arrays, but no network.

Shape suffixes: B windows in a batch, L tokens, W words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sitrep_ie.config import EncodeConfig
from sitrep_ie.document import Annotation, Document, Mention, Span, Trigger, paragraph_spans
from sitrep_ie.errors import ModelError

if TYPE_CHECKING:
    import tokenizers

IntArray = npt.NDArray[np.int64]

# Combining marks and joiners belong to the letter before them; every other symbol is a word of its own,
# as in BERT's pre-tokenizer, so that gold spans, which never hold quotes or brackets, end on words.
_WORD = re.compile(r"\w[\w\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u200c\u200d]*|[^\w\s]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SENTENCE_END = frozenset(".!?;")
# A word of more pieces than this (a URL, a hash, noise) says no more with the rest.
_MAX_WORD_PIECES = 12
_MAX_HEADING_WORDS = 12

# Batches are padded to multiples of this in training: a kernel library compiles its kernels for every new
# shape. Extraction, which has no backward pass, gains more by less padding.
LENGTH_STEP = 32
EXTRACTION_LENGTH_STEP = 8

CASES = ("lower", "capital", "upper", "mixed", "digits", "other")


@dataclass(frozen=True, slots=True)
class EncodedText:
    """The words of one document and their tokens.

    Word w is `text[starts[w]:ends[w]]` of paragraph `paragraphs[w]`; its tokens are
    `pieces[first_piece[w]:first_piece[w + 1]]`, at least one.
    """

    text: str
    starts: IntArray
    ends: IntArray
    paragraphs: IntArray
    cases: IntArray
    pieces: IntArray
    first_piece: IntArray
    sentences: IntArray
    """How many sentence ends stand before each word: a rough count, for features only."""
    headings: IntArray
    """For each paragraph the nearest heading paragraph above it, or -1."""

    @property
    def num_words(self) -> int:
        return len(self.starts)

    def paragraph_words(self, paragraph: int) -> tuple[int, int]:
        """First word and one past the last word of a paragraph."""
        first, last = np.searchsorted(self.paragraphs, [paragraph, paragraph + 1])
        return int(first), int(last)


@dataclass(frozen=True, slots=True)
class Window:
    """One encoder pass. `words_W` are document word numbers; the own ones are `own[0]:own[1]` of them."""

    words_W: IntArray
    own: tuple[int, int]
    paragraphs_W: IntArray
    sentences_W: IntArray
    token_ids_L: IntArray
    token_words_L: IntArray
    """Position in `words_W` of each token's word, -1 for special tokens."""
    cases_L: IntArray
    """1 + index into CASES, 0 for special tokens."""

    @property
    def num_tokens(self) -> int:
        return len(self.token_ids_L)

    @property
    def num_words(self) -> int:
        return len(self.words_W)


@dataclass(frozen=True, slots=True)
class WindowSpans:
    """Spans found in one window: word positions (last inclusive) and indices into `span_types`."""

    firsts_N: IntArray
    lasts_N: IntArray
    types_N: IntArray


class TextEncoder:
    """Cuts text into words and tokens with a model's own tokenizer.

    The words, not the tokenizer, fix where spans may begin and end, so that every encoder gives the
    same spans to choose from.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.cls_id = self._special("[CLS]", "<s>")
        self.sep_id = self._special("[SEP]", "</s>")
        self.pad_id = self._special("[PAD]", "<pad>")
        self.unknown_id = self._special("[UNK]", "<unk>")
        self.mask_id = self._special("[MASK]", "<mask>")

    @classmethod
    def load(cls, path: Path) -> TextEncoder:
        """Reads a `tokenizer.json`.

        Raises:
            ModelError: the file is missing or is no tokenizer.
        """
        import tokenizers

        if not path.is_file():
            raise ModelError(f"{path}: the tokenizer is missing")
        try:
            return cls(tokenizers.Tokenizer.from_file(str(path)))
        except ModelError:
            raise
        except Exception as error:  # the Rust library raises bare Exception
            raise ModelError(f"{path}: not a tokenizer: {error}") from error

    def save(self, path: Path) -> None:
        """Writes `tokenizer.json`."""
        self._tokenizer.save(str(path), pretty=False)

    @property
    def max_token_id(self) -> int:
        """The largest number that a token can have."""
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=0)

    def _special(self, *names: str) -> int:
        for name in names:
            found = self._tokenizer.token_to_id(name)
            if found is not None:
                return int(found)
        raise ModelError(
            f"tokenizer: no token {' or '.join(names)}, expected a BERT- or RoBERTa-like vocabulary"
        )

    def encode(self, text: str) -> EncodedText:
        """Returns the words of all paragraphs of `text` with their tokens."""
        # Lone surrogates cannot pass into the tokenizer; one character for one keeps every offset.
        safe = _SURROGATE.sub("\ufffd", text)
        starts: list[int] = []
        ends: list[int] = []
        paragraphs: list[int] = []
        headings: list[int] = []
        words_of_paragraphs: list[list[str]] = []
        heading = -1
        for number, paragraph in enumerate(paragraph_spans(text)):
            words: list[str] = []
            for match in _WORD.finditer(safe, paragraph.start, paragraph.end):
                starts.append(match.start())
                ends.append(match.end())
                words.append(match.group())
            paragraphs.extend([number] * len(words))
            words_of_paragraphs.append(words)
            headings.append(heading)
            if len(words) <= _MAX_HEADING_WORDS and safe[paragraph.end - 1] not in ".!?,":
                heading = number
        pieces: list[int] = []
        first_piece = [0]
        encodings = (
            self._tokenizer.encode_batch(words_of_paragraphs, is_pretokenized=True, add_special_tokens=False)
            if words_of_paragraphs
            else []
        )
        for words, encoding in zip(words_of_paragraphs, encodings, strict=True):
            by_word: list[list[int]] = [[] for _ in words]
            for piece, word in zip(encoding.ids, encoding.word_ids, strict=True):
                if word is not None and len(by_word[word]) < _MAX_WORD_PIECES:
                    by_word[word].append(piece)
            for of_word in by_word:
                # A word that the normaliser deletes (a control character) still needs a token.
                pieces.extend(of_word or [self.unknown_id])
                first_piece.append(len(pieces))
        return EncodedText(
            text=text,
            starts=np.array(starts, dtype=np.int64),
            ends=np.array(ends, dtype=np.int64),
            paragraphs=np.array(paragraphs, dtype=np.int64),
            cases=np.array([_case(safe[s:e]) for s, e in zip(starts, ends, strict=True)], dtype=np.int64),
            pieces=np.array(pieces, dtype=np.int64),
            first_piece=np.array(first_piece, dtype=np.int64),
            sentences=_sentences(safe, starts, ends),
            headings=np.array(headings, dtype=np.int64),
        )

    def windows(self, encoded: EncodedText, config: EncodeConfig) -> list[Window]:
        """Cuts a document into windows of at most `config.max_tokens` tokens.

        Paragraphs are packed whole as far as they fit; one that is longer is cut after a sentence, or,
        where a sentence is longer still, between words.
        """
        windows = []
        for first, last in _own_ranges(encoded, config):
            windows.append(self._window(encoded, first, last, config))
        return windows

    def _window(self, encoded: EncodedText, first: int, last: int, config: EncodeConfig) -> Window:
        left = _reach(encoded, first, -1, config.context_tokens)
        right = _reach(encoded, last, +1, config.context_tokens // 2)
        ranges = [(left, right)]
        heading = int(encoded.headings[encoded.paragraphs[first]])
        if heading >= 0 and config.heading_tokens:
            head_first, head_last = encoded.paragraph_words(heading)
            if head_first < left:
                head_last = min(head_last, left, _reach(encoded, head_first, +1, config.heading_tokens))
                if head_last > head_first:
                    ranges.insert(0, (head_first, head_last))
        words_W = np.concatenate([np.arange(a, b) for a, b in ranges])
        paragraphs_W = encoded.paragraphs[words_W]
        num_pieces_W = encoded.first_piece[words_W + 1] - encoded.first_piece[words_W]
        # A separator closes each paragraph, and whatever is cut off before the next range.
        closes_W = np.ones(len(words_W), dtype=bool)
        closes_W[:-1] = paragraphs_W[1:] != paragraphs_W[:-1]
        length_W = num_pieces_W + closes_W
        begin_W = 1 + np.cumsum(length_W) - length_W
        num_tokens = 1 + int(length_W.sum())
        token_words_L = np.full(num_tokens, -1, dtype=np.int64)
        token_ids_L = np.full(num_tokens, self.sep_id, dtype=np.int64)
        token_ids_L[0] = self.cls_id
        positions = np.repeat(begin_W - (np.cumsum(num_pieces_W) - num_pieces_W), num_pieces_W) + np.arange(
            int(num_pieces_W.sum())
        )
        token_words_L[positions] = np.repeat(np.arange(len(words_W)), num_pieces_W)
        token_ids_L[positions] = np.concatenate(
            [encoded.pieces[encoded.first_piece[a] : encoded.first_piece[b]] for a, b in ranges]
        )
        cases_L = np.where(token_words_L >= 0, 1 + encoded.cases[words_W[token_words_L]], 0)
        offset = int(np.searchsorted(words_W, first))
        return Window(
            words_W=words_W,
            own=(offset, offset + last - first),
            paragraphs_W=paragraphs_W,
            sentences_W=encoded.sentences[words_W],
            token_ids_L=token_ids_L,
            token_words_L=token_words_L,
            cases_L=cases_L,
        )


def _case(word: str) -> int:
    if any(character.isdigit() for character in word):
        return CASES.index("digits")
    if word.islower():
        return CASES.index("lower")
    if word.isupper():
        return CASES.index("upper" if len(word) > 1 else "capital")
    if word[:1].isupper() and word[1:].islower():
        return CASES.index("capital")
    return CASES.index("mixed" if word[:1].isalpha() else "other")


def _sentences(text: str, starts: list[int], ends: list[int]) -> IntArray:
    closes = [
        text[start] in ".!?" and text[end : end + 1].isspace()
        for start, end in zip(starts, ends, strict=True)
    ]
    counts: IntArray = np.cumsum([0, *closes[:-1]], dtype=np.int64) if closes else np.zeros(0, dtype=np.int64)
    return counts


def _num_tokens(encoded: EncodedText, first: int, last: int) -> int:
    """Tokens of words `first:last` with one separator for each paragraph touched."""
    separators = int(encoded.paragraphs[last - 1] - encoded.paragraphs[first]) + 1
    return int(encoded.first_piece[last] - encoded.first_piece[first]) + separators


def _own_ranges(encoded: EncodedText, config: EncodeConfig) -> list[tuple[int, int]]:
    """Splits the document's words into consecutive ranges, one for each window."""
    total = encoded.num_words
    if total == 0:
        return []
    if 1 + _num_tokens(encoded, 0, total) <= config.max_tokens:
        return [(0, total)]
    # 1 for the opening token, 2 for separators after a cut heading and a cut left neighbour.
    context = config.context_tokens + config.context_tokens // 2 + config.heading_tokens
    budget = config.max_tokens - context - 3
    # A paragraph ends where the number changes.
    ends = np.flatnonzero(np.append(encoded.paragraphs[1:] != encoded.paragraphs[:-1], True)) + 1
    ranges: list[tuple[int, int]] = []
    first = 0
    begin = 0
    for end in (int(end) for end in ends):
        if _num_tokens(encoded, first, end) > budget:
            if begin > first:
                ranges.append((first, begin))
                first = begin
            while _num_tokens(encoded, first, end) > budget:
                cut = _cut(encoded, first, end, budget)
                ranges.append((first, cut))
                first = cut
        begin = end
    ranges.append((first, total))
    return ranges


def _cut(encoded: EncodedText, first: int, end: int, budget: int) -> int:
    """The last place within `budget` tokens where a paragraph may be cut, after a sentence if any."""
    limit = (
        int(np.searchsorted(encoded.first_piece, encoded.first_piece[first] + budget - 1, side="right")) - 1
    )
    limit = max(first + 1, min(limit, end - 1))
    # Not before half: a window of a few words has too little text of its own.
    for cut in range(limit, first + (limit - first) // 2, -1):
        mark = encoded.text[encoded.starts[cut - 1] : encoded.ends[cut - 1]]
        if mark in _SENTENCE_END and encoded.starts[cut] > encoded.ends[cut - 1]:
            return cut
    return limit


def _reach(encoded: EncodedText, word: int, step: int, max_tokens: int) -> int:
    """How far from `word` a context of `max_tokens` tokens, separators included, extends."""
    if step < 0:
        far = int(np.searchsorted(encoded.first_piece, encoded.first_piece[word] - max_tokens, side="left"))
        while far < word and _num_tokens(encoded, far, word) > max_tokens:
            far += 1
        return min(far, word)
    far = int(np.searchsorted(encoded.first_piece, encoded.first_piece[word] + max_tokens, side="right")) - 1
    while far > word and _num_tokens(encoded, word, far) > max_tokens:
        far -= 1
    return max(min(far, encoded.num_words), word)


# ---- gold -> words ----


@dataclass(frozen=True, slots=True)
class WordSpan:
    """A mention or trigger in document words: `first:last`, half-open."""

    first: int
    last: int
    node: Mention | Trigger


def align(
    document: Document, gold: Annotation, encoded: EncodedText
) -> tuple[list[WordSpan], list[Mention | Trigger]]:
    """Puts gold spans on words.

    Returns:
        The spans that begin and end on words of one paragraph, in text order, and those that do not,
        which no model of this kind can find: the caller reports them.
    """
    aligned: list[WordSpan] = []
    lost: list[Mention | Trigger] = []
    for node in gold.spans():
        first = int(np.searchsorted(encoded.starts, node.span.start))
        last = int(np.searchsorted(encoded.ends, node.span.end)) + 1
        fits = (
            last <= encoded.num_words
            and first < last
            and encoded.starts[first] == node.span.start
            and encoded.ends[last - 1] == node.span.end
            and encoded.paragraphs[first] == encoded.paragraphs[last - 1]
        )
        if fits:
            aligned.append(WordSpan(first, last, node))
        else:
            lost.append(node)
    return aligned, lost


def word_span(encoded: EncodedText, first: int, last: int) -> Span:
    """Characters of the words `first:last`."""
    return Span(int(encoded.starts[first]), int(encoded.ends[last - 1]))


def sort_by_length(windows: Sequence[Window]) -> list[int]:
    """Indices of windows, longest first: batches of like lengths waste no padding."""
    return sorted(range(len(windows)), key=lambda index: -windows[index].num_tokens)


def batches_by_tokens(
    windows: Sequence[Window], order: Sequence[int], max_tokens: int, step: int = LENGTH_STEP
) -> list[list[int]]:
    """Cuts `order` into batches of at most `max_tokens` tokens, padding included, or of a single window."""
    batches: list[list[int]] = []
    longest = 0
    for index in order:
        longest_with = max(longest, padded_length(windows[index].num_tokens, step))
        if batches and longest_with * (len(batches[-1]) + 1) <= max_tokens:
            batches[-1].append(index)
            longest = longest_with
        else:
            batches.append([index])
            longest = padded_length(windows[index].num_tokens, step)
    return batches


def padded_length(length: int, step: int = LENGTH_STEP) -> int:
    """The length to which a window of so many tokens or words is padded at least."""
    return -(-length // step) * step
