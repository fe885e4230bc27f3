"""Spans as BIO tags over tokens, and back.

A token is any unit with character offsets (a word or an encoder's subword). Pure Python: nothing here
knows tensors, windows or the ontology; a tag is "O", "B-TYPE" or "I-TYPE".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sitrep_ie.document import Span
from sitrep_ie.errors import DocumentError

OUTSIDE = "O"

TypedSpan = tuple[Span, str]


class TokenRange(NamedTuple):
    """The tokens `first` to `end` (exclusive) that a span of `type` covers exactly."""

    first: int
    end: int
    type: str


class Alignment(NamedTuple):
    """Spans that tokens can express, and those that they cannot.

    A span is misaligned when its start is no token's start or its end no token's end: no tag sequence
    over these tokens gives it back.
    """

    ranges: list[TokenRange]
    misaligned: list[TypedSpan]


def tag_names(span_types: Iterable[str]) -> tuple[str, ...]:
    """Returns "O", then "B-X" and "I-X" of every type, in the order given."""
    return (OUTSIDE, *(f"{prefix}-{name}" for name in span_types for prefix in "BI"))


def allowed_transitions(tags: Sequence[str]) -> list[list[bool]]:
    """Returns a table `[before][after]` over `tags`: "I-X" comes only after "B-X" or "I-X"."""
    parts = [_split(tag) for tag in tags]
    return [
        [prefix != "I" or (before_prefix != OUTSIDE and before_type == type_) for prefix, type_ in parts]
        for before_prefix, before_type in parts
    ]


def allowed_starts(tags: Sequence[str]) -> list[bool]:
    """Returns for every tag whether a sequence may begin with it: all but "I-X"."""
    return [_split(tag)[0] != "I" for tag in tags]


def align_spans(token_spans: Sequence[Span], typed_spans: Iterable[TypedSpan]) -> Alignment:
    """Returns which tokens each span covers, in text order, and the spans that fit no tokens.

    Raises:
        DocumentError: tokens or spans overlap, or the tokens are not in text order.
    """
    for before, after in zip(token_spans, token_spans[1:], strict=False):
        if after.start < before.end:
            raise DocumentError(
                f"token [{after.start}, {after.end}) follows [{before.start}, {before.end}): expected "
                "tokens in text order that do not overlap"
            )
    first_of = {token.start: index for index, token in enumerate(token_spans)}
    last_of = {token.end: index for index, token in enumerate(token_spans)}
    alignment = Alignment([], [])
    previous: TypedSpan | None = None
    for span, type_ in sorted(typed_spans):
        if previous is not None and previous[0].overlaps(span):
            raise DocumentError(
                f"{previous[1]} [{previous[0].start}, {previous[0].end}) overlaps "
                f"{type_} [{span.start}, {span.end}): BIO tags hold no overlapping spans"
            )
        previous = (span, type_)
        first, last = first_of.get(span.start), last_of.get(span.end)
        if first is None or last is None:
            alignment.misaligned.append((span, type_))
        else:
            alignment.ranges.append(TokenRange(first, last + 1, type_))
    return alignment


def tags_from_spans(token_spans: Sequence[Span], typed_spans: Iterable[TypedSpan]) -> list[str]:
    """Returns one tag a token.

    Raises:
        DocumentError: a span does not start and end on tokens (`align_spans` tells which do, without
            raising), or spans overlap.
    """
    alignment = align_spans(token_spans, typed_spans)
    if alignment.misaligned:
        span, type_ = alignment.misaligned[0]
        raise DocumentError(
            f"{type_} [{span.start}, {span.end}): does not start and end on a token "
            f"({len(alignment.misaligned)} such spans)"
        )
    return tags_from_ranges(len(token_spans), alignment.ranges)


def tags_from_ranges(num_tokens: int, ranges: Iterable[TokenRange]) -> list[str]:
    """Returns one tag a token, from ranges that lie in `num_tokens` and do not overlap."""
    tags = [OUTSIDE] * num_tokens
    for first, end, type_ in ranges:
        tags[first:end] = [f"B-{type_}"] + [f"I-{type_}"] * (end - first - 1)
    return tags


def ranges_from_tags(tags: Sequence[str]) -> list[TokenRange]:
    """Returns the tagged token ranges in order.

    An "I-X" without a "B-X" or "I-X" before it begins a new range, as the CoNLL-2000 scorer reads it.

    Raises:
        DocumentError: a tag is neither "O" nor "B-TYPE" nor "I-TYPE".
    """
    ranges: list[TokenRange] = []
    for index, tag in enumerate(tags):
        prefix, type_ = _split(tag)
        if prefix == OUTSIDE:
            continue
        last = ranges[-1] if ranges else None
        if prefix == "I" and last is not None and last.end == index and last.type == type_:
            ranges[-1] = last._replace(end=index + 1)
        else:
            ranges.append(TokenRange(index, index + 1, type_))
    return ranges


def spans_from_tags(token_spans: Sequence[Span], tags: Sequence[str]) -> list[TypedSpan]:
    """Returns the tagged spans in text order: from the first token's start to the last one's end.

    See `ranges_from_tags` for sequences that are not well formed.

    Raises:
        DocumentError: tokens and tags differ in number, or a tag is malformed.
    """
    if len(token_spans) != len(tags):
        raise DocumentError(f"{len(tags)} tags for {len(token_spans)} tokens, expected one each")
    return [
        (Span(token_spans[first].start, token_spans[end - 1].end), type_)
        for first, end, type_ in ranges_from_tags(tags)
    ]


def _split(tag: str) -> tuple[str, str]:
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, _, type_ = tag.partition("-")
    if prefix not in ("B", "I") or not type_:
        raise DocumentError(f"tag {tag!r}: expected 'O', 'B-TYPE' or 'I-TYPE'")
    return prefix, type_
