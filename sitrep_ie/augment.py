"""Training texts with other names in them: places, known actors, months, weekdays and numbers are exchanged.

A model that has met few places and groups learns their names by heart. Each epoch shows some documents with
names drawn from the gazetteer and the table of actors instead. A name is exchanged for the same one all over
its document, and the spans follow. Types that the shipped ontology does not have are left alone.
"""

from __future__ import annotations

import calendar
import dataclasses
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sitrep_ie.document import Annotation, Example, Mention, Span, Trigger
from sitrep_ie.resolve.actors import ActorTable
from sitrep_ie.resolve.gazetteer import Gazetteer

_MONTHS = tuple(calendar.month_name)[1:]
_WEEKDAYS = tuple(calendar.day_name)
_NUMBER = re.compile(r"(?<![\w.,:/-])[1-9]\d{0,3}(?![\w:/-]|[.,]\d)")
# A name as a text writes it: words with capitals, with hyphens and apostrophes in them.
_NAME = re.compile(r"[A-Z][\w'’]*(?:-\w+)*(?: [A-Z][\w'’]*(?:-\w+)*)*")


@dataclass(frozen=True, slots=True)
class _Edit:
    span: Span
    text: str


class NameSwaps:
    """Exchanges names in annotated documents for others of their kind."""

    def __init__(self, gazetteer: Gazetteer, actors: ActorTable) -> None:
        """Reads the names once; both may be the shipped ones.

        Args:
            gazetteer: whose names are recognised, and drawn.
            actors: the same for groups, forces and organisations.
        """
        self._gazetteer = gazetteer
        self._actors = actors
        self._places: dict[str, list[str]] = {}
        for name, kind in gazetteer.names():
            if _NAME.fullmatch(name):
                self._places.setdefault(kind, []).append(name)
        self._by_kind: dict[str, list[str]] = {}
        for entry in actors.entries:
            names = [name for name in (entry.name, *entry.aliases) if _NAME.fullmatch(name)]
            self._by_kind.setdefault(entry.kind, []).extend(names)
        self._known: dict[tuple[str, str], Sequence[str]] = {}

    def apply(self, example: Example, rng: random.Random, share: float = 0.7) -> Example:
        """Returns the document with about `share` of its names exchanged, and its annotation moved along."""
        text = example.document.text
        names = self._new_names(example, rng, share)
        edits = dict(_date_and_number_edits(example, rng, share))
        if any(old != new for old, new in names.items()):
            # The longest first, those that stay too: "Deir Ezzor" before "Deir".
            alternatives = "|".join(re.escape(old) for old in sorted(names, key=len, reverse=True))
            for match in re.finditer(rf"(?<!\w)(?:{alternatives})(?!\w)", text):
                if names[match[0]] != match[0]:
                    edits.setdefault(Span(match.start(), match.end()), names[match[0]])
        return _edited(example, [_Edit(span, new) for span, new in sorted(edits.items())])

    def _new_names(self, example: Example, rng: random.Random, share: float) -> dict[str, str]:
        """Every name of a place or an actor, and the one that is to stand for it: often itself."""
        text = example.document.text
        names: dict[str, str] = {}
        # Two names of one thing tell so by their letters ("Free Aceh Movement (GAM)"): they stay as they are.
        for relation in example.gold.relations:
            if relation.relation_type == "SAME_AS":
                for end in (relation.head, relation.tail):
                    names |= {name: name for name in _NAME.findall(text[end.span.start : end.span.end])}
        for mention in example.gold.mentions:
            if mention.entity_type not in ("LOCATION", "ACTOR"):
                continue
            found = _NAME.search(text[mention.span.start : mention.span.end])
            if found is not None and found[0] not in names:
                pool = self._pool(found[0], mention.entity_type)
                names[found[0]] = rng.choice(pool) if pool and rng.random() < share else found[0]
        return names

    def _pool(self, name: str, entity_type: str) -> Sequence[str]:
        """Names that may stand for this one; none where it is not known."""
        key = (name, entity_type)
        if key not in self._known:
            pool: Sequence[str] = ()
            if entity_type == "LOCATION":
                entries = [m.entry for m in self._gazetteer.matches(name) if m.tier in ("exact", "alias")]
                # "Iraqi" is no place that another could stand for.
                _, is_demonym = self._gazetteer.country_words().get(name.lower(), (None, False))
                if entries and not is_demonym:
                    pool = self._places.get(entries[0].kind, ())
            else:
                entry = self._actors.find(name)
                if entry is not None:
                    pool = self._by_kind.get(entry.kind, ())
            self._known[key] = pool
        return self._known[key]


def _date_and_number_edits(example: Example, rng: random.Random, share: float) -> Iterator[tuple[Span, str]]:
    """Other months and weekdays, the same for the same all over a document, and other counts."""
    swapped: dict[str, str] = {}
    if rng.random() < share:
        for words in (_MONTHS, _WEEKDAYS):
            swapped |= dict(zip(words, rng.sample(words, len(words)), strict=True))
    for mention in example.gold.mentions:
        start = mention.span.start
        written = example.document.text[start : mention.span.end]
        if mention.entity_type == "QUANTITY":
            for number in _NUMBER.finditer(written):
                # What may be a year stays.
                if len(number[0]) < 4 or not 1900 < int(number[0]) < 2100:
                    yield Span(start + number.start(), start + number.end()), _other_number(number[0], rng)
        elif mention.entity_type == "DATE":
            for word in re.finditer(r"\w+", written):
                if word[0] in swapped:
                    yield Span(start + word.start(), start + word.end()), swapped[word[0]]


def _other_number(digits: str, rng: random.Random) -> str:
    if digits == "1":
        return digits  # "1 man", but "2 men"
    first = rng.choice("23456789" if len(digits) == 1 else "123456789")
    return first + "".join(rng.choice("0123456789") for _ in digits[1:])


def _edited(example: Example, edits: Iterable[_Edit]) -> Example:
    """Carries out edits in text order; those that cut a span's edge, or overlap, are left out."""
    text, nodes = example.document.text, example.gold.spans()
    done: list[_Edit] = []
    for edit in edits:
        cuts = any(node.span.overlaps(edit.span) and not node.span.contains(edit.span) for node in nodes)
        if not cuts and (not done or done[-1].span.end <= edit.span.start):
            done.append(edit)
    parts: list[str] = []
    last = 0
    for edit in done:
        parts += [text[last : edit.span.start], edit.text]
        last = edit.span.end
    document = dataclasses.replace(example.document, text="".join(parts) + text[last:])

    def moved(span: Span) -> Span:
        shifts = [
            sum(len(edit.text) - len(edit.span) for edit in done if edit.span.end <= place)
            for place in (span.start, span.end)
        ]
        return Span(span.start + shifts[0], span.end + shifts[1])

    gold = example.gold
    mentions = tuple(dataclasses.replace(node, span=moved(node.span)) for node in gold.mentions)
    triggers = tuple(dataclasses.replace(node, span=moved(node.span)) for node in gold.triggers)
    old: list[Mention | Trigger] = [*gold.mentions, *gold.triggers]
    new: list[Mention | Trigger] = [*mentions, *triggers]
    of_any = dict(zip(old, new, strict=True))
    relations = tuple(
        dataclasses.replace(relation, head=of_any[relation.head], tail=of_any[relation.tail])
        for relation in gold.relations
    )
    return Example(document, Annotation(gold.document_id, mentions, triggers, relations))
