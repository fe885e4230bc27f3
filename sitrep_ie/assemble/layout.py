"""Where things stand in the text: paragraphs and their sentences.

The sentence rules are few and fast; they know abbreviations of reports ("Gen.", "Dec. 26", "U.S.").
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from sitrep_ie.document import Span, paragraph_spans

# A sentence may end here: the mark, what closes after it, blanks, and what may open the next sentence.
_END = re.compile(r"(?<![.!?…])([.!?…]+)[\"'”’»)\]]*\s+(?=[\"'“‘«(\[]*[^\W_])")
_WORD_BEFORE = re.compile(r"[^\s\"'“‘«(\[]+\Z")
_NEXT_WORD = re.compile(r"[\"'“‘«(\[]*([^\W_]+)")
# Stand before the name or number that they belong to, so that no sentence ends with them.
_TITLES = frozenset(
    "Adm Brig Capt Cdr Cmdr Col Cpl Dr Fig Fr Gen Gov Hon Insp Lt Maj Mr Mrs Ms Mt Pfc Pres Prof Pvt Rep "
    "Rev Sen Sgt Spc Ssgt St Supt Approx approx ca cf e.g fig i.e viz vs".split()
)
# May stand at a sentence's end as well: then a word follows that opens sentences.
_SHORT_FORMS = frozenset(
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun Ave Bde "
    "Bldg Bn Co Corp Coy Dept Dist Div Inc Jr Ltd Nos Op Pl Prov Rd Reg Regt Sq Sr al etc ft hr hrs km "
    "kms lb lbs min mins".split()
)
_OPENERS = frozenset(
    "a after all also among an and another as at before both but by despite during each earlier elsewhere "
    "even five following for four from he her his however if in it its last later local meanwhile most no "
    "nobody none on once one only other others our over separately several she since some such ten that "
    "the their then there these they this those three to two under until we when where while who with "
    "within you".split()
)


_MAX_TITLE_CHARS = 160
_FULL_STOP = re.compile(r"[.!?…:;][\"'”’»)\]]*\Z")


class Layout:
    """The paragraphs of one text; sentences are found on demand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.paragraphs = paragraph_spans(text)
        self._starts = [span.start for span in self.paragraphs]
        self._sentences: dict[int, list[Span]] = {}

    def paragraph(self, span: Span) -> int:
        """Index of the paragraph in which `span` starts; -1 where it starts before the first one."""
        return bisect_right(self._starts, span.start) - 1

    def is_title(self, paragraph: int) -> bool:
        """True for a short paragraph without a full stop, above others."""
        span = self.paragraphs[paragraph]
        if paragraph + 1 == len(self.paragraphs) or len(span) > _MAX_TITLE_CHARS:
            return False
        return _FULL_STOP.search(self.text, span.start, span.end) is None

    def sentences(self, paragraph: int) -> list[Span]:
        """Spans of the sentences of a paragraph, without the blanks between them."""
        if paragraph not in self._sentences:
            self._sentences[paragraph] = sentence_spans(self.text, self.paragraphs[paragraph])
        return self._sentences[paragraph]

    def evidence(self, spans: Iterable[Span], paragraph: int) -> tuple[Span, ...]:
        """The sentences of one paragraph that hold any of `spans`, sorted.

        Sentences that one of the spans crosses become one.
        """
        if paragraph < 0:
            return ()
        sentences = self.sentences(paragraph)
        found: list[Span] = []
        for span in sorted(spans):
            # The last sentence that starts before the span ends, back to the first that ends after its start.
            last = bisect_left(sentences, span.end, key=_start) - 1
            first = last
            while first > 0 and sentences[first - 1].end > span.start:
                first -= 1
            if last < 0 or not span.overlaps(sentences[last]):
                continue
            start, end = sentences[first].start, sentences[last].end
            if found and start < found[-1].end:
                start, end = found[-1].start, max(end, found[-1].end)
                found.pop()
            found.append(Span(start, end))
        return tuple(found)

    def sentence(self, span: Span) -> Span | None:
        """The sentence in which `span` starts."""
        paragraph = self.paragraph(span)
        if paragraph < 0:
            return None
        sentences = self.sentences(paragraph)
        return sentences[max(0, bisect_right(sentences, span.start, key=_start) - 1)]

    def in_one_sentence(self, span: Span) -> bool:
        """True when one sentence holds all of `span`."""
        paragraph = self.paragraph(span)
        if paragraph < 0:
            return False
        sentences = self.sentences(paragraph)
        return sentences[bisect_right(sentences, span.start, key=_start) - 1].contains(span)


def _start(span: Span) -> int:
    return span.start


def sentence_spans(text: str, paragraph: Span) -> list[Span]:
    """Returns the sentences of `text` inside `paragraph`, in order: all but the blanks between them."""
    sentences = []
    start = paragraph.start
    for match in _END.finditer(text, paragraph.start, paragraph.end):
        if match.group(1) == "." and not _ends_sentence(text, start, match):
            continue
        following = text[match.end() : match.end() + 2].lstrip("\"'“‘«([")
        if following[:1].islower():
            continue
        end = match.start() + len(match.group().rstrip())
        sentences.append(Span(start, end))
        start = match.end()
    sentences.append(Span(start, paragraph.end))
    return sentences


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    before = _WORD_BEFORE.search(text, max(start, match.start() - 30), match.start())
    if before is None:
        return True
    word = before.group().rstrip(".")
    if word in _TITLES:
        return False
    following = _NEXT_WORD.match(text, match.end())
    opens = following is not None and following.group(1).lower() in _OPENERS
    initial = len(word) == 1 and word.isalpha()
    dotted = "." in word and all(len(part) <= 2 for part in word.split("."))
    if word == "No" and following is not None:
        return not following.group(1)[0].isdigit()
    # "1." at the very start is a list mark.
    if word.isdigit() and before.start() == start:
        return False
    return opens or not (initial or dotted or word in _SHORT_FORMS)
