"""Reports without the names of persons: each name becomes "[person 1]", and all spans follow the new text.

What is replaced is what the model found, and further occurrences of a name that was found. A name that it
missed everywhere stays: this makes reports safer to pass on, and is no guarantee of anonymity.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sitrep_ie.document import ActorArgument, Annotation, Mention, Relation, Report, Span, Trigger
from sitrep_ie.resolve.actors import ActorResolver

# Of an ontology that has a type for people alone; of others it is the words of the mention that tell.
_PERSON_TYPES = frozenset({"person", "per"})
_ACTOR_TYPES = frozenset({"actor", *_PERSON_TYPES})
_BODIES = frozenset({"state_force", "armed_group", "organisation"})
_SAME = "SAME_AS"
_PLACEHOLDER = re.compile(r"\[person \d+\]")
_WORD = re.compile(r"[^\W_]+")
_JOINT = re.compile(r"[-'’]")
_OWNED = re.compile(r"['’](?:s(?![^\W_])|(?![^\W_]))")
_INITIALS = re.compile(r"(?:(?<![^\W_])[^\W\d_]\.\s*)+$")
# As many characters before a surname are looked at for initials.
_INITIALS_CHARS = 24
# They stand in many names and tell none.
_PARTICLES = frozenset(
    "al el ul abu umm um bu bin ibn ben bint de da do dos del della di van von der den la le y san as ash ad "
    "an ar jr sr".split()
)


def redact_persons(report: Report) -> Report:
    """Returns the report with placeholders for names of persons, one for all the names of a person.

    "[person 1]" is the one who stands first in the text. Titles, offices and organisations stay: "Gen.
    [person 1]". The spans are those of the new text, and `text[start:end]` holds for them as before. Ids,
    types, values and scores stay; so does the id of the document, whatever it says.
    """
    persons = _Persons(report)
    return _Redaction(report, persons, persons.stretches()).report()


@functools.cache
def _resolver() -> ActorResolver:
    return ActorResolver()


@functools.lru_cache(maxsize=4096)
def _letter(char: str) -> str:
    base = unicodedata.normalize("NFKD", char)[:1].lower()
    return base if len(base) == 1 else char


def _folded(text: str) -> str:
    """Small letters without accents, one for each character, so that places in it are places in `text`."""
    return "".join(map(_letter, text))


def _words(name: str) -> tuple[str, ...]:
    """The folded words of a name, without particles."""
    return tuple(word for word in _WORD.findall(_folded(name)) if word not in _PARTICLES)


def _is_short_for(short: Sequence[str], long: Sequence[str]) -> bool:
    """Whether the words of one name are words of another in their order, or initials of them."""
    rest = iter(long)
    return any(len(word) > 1 for word in short) and all(
        any(word == other or (len(word) == 1 and other.startswith(word)) for other in rest) for word in short
    )


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Characters that the placeholder of a person takes the place of."""

    start: int
    end: int
    person: int


class _Persons:
    """Who is named in a report, and by which names; persons have numbers, from 0."""

    def __init__(self, report: Report) -> None:
        self.text = report.document.text
        self._folded = _folded(self.text)
        self._nodes = report.annotation.spans()
        self._node_starts = [node.span.start for node in self._nodes]
        self._kinds = {actor.span: actor.kind for event in report.events for actor in event.actors}
        self._mentions = [
            node
            for node in self._nodes
            if isinstance(node, Mention)
            and (node.entity_type.casefold() in _ACTOR_TYPES or node.span in self._kinds)
        ]
        self._group = _groups(self._mentions, report.annotation.relations)
        self._person_of_group: dict[Mention, int] = {}
        self._names: list[list[str]] = []
        self._persons_of_word: dict[str, set[int]] = {}
        self._places: list[list[int]] = []
        self._found: list[_Stretch] = []
        self._read_mentions()
        self._read_canonical_names(report)

    @property
    def num_persons(self) -> int:
        return len(self._names)

    # -- who there is --

    def _read_mentions(self) -> None:
        spans = {mention: self._names_in(mention, is_person=False) for mention in self._mentions}
        groups = {
            self._group[mention]
            for mention in self._mentions
            if spans[mention] or self._kinds.get(mention.span) == "person"
        }
        named = [
            (mention, start, end)
            for mention in self._mentions
            for start, end in spans[mention]
            or (self._names_in(mention, is_person=True) if self._group[mention] in groups else [])
        ]
        # Names of several words first: shorter ones may be short for them, wherever these stand.
        named.sort(key=lambda item: (len(_words(self.text[item[1] : item[2]])) < 2, item[1]))
        for mention, start, end in named:
            self._add(mention, start, end)
        taken = {mention for mention, _, _ in named}
        for mention in self._mentions:
            text = self._of(mention)
            words = _words(text)
            # "Novak", tied to nothing and in no event: known by the name alone.
            if mention not in taken and words and text[0].isupper() and not self._is_body(mention):
                person = self._person_named(words, mention.span.start, only_short=True)
                if person is not None:
                    self._put(person, mention.span.start, mention.span.end)

    def _of(self, mention: Mention) -> str:
        return self.text[mention.span.start : mention.span.end]

    def _names_in(self, mention: Mention, *, is_person: bool) -> list[tuple[int, int]]:
        text, base = self._of(mention), mention.span.start
        found = _resolver().person_names(text, is_person=is_person)
        if mention.entity_type.casefold() in _PERSON_TYPES and _PLACEHOLDER.search(text) is None:
            # All of it is a name, but for a title in front.
            whole = len(found) == 1 and found[0][1] == len(text)
            found = found if whole else [(0, len(text))]
        return [(base + start, base + end) for start, end in found]

    def _is_body(self, mention: Mention) -> bool:
        kind = self._kinds.get(mention.span) or _resolver().resolve(self._of(mention)).kind
        return kind in _BODIES

    def _add(self, mention: Mention, start: int, end: int) -> None:
        group = self._group[mention]
        person = self._person_of_group.get(group)
        if person is None:
            person = self._person_named(_words(self.text[start:end]), start)
        person = self._person_of_group[group] = self._new() if person is None else person
        self._put(person, start, end)

    def _new(self) -> int:
        self._names.append([])
        self._places.append([])
        return len(self._names) - 1

    def _put(self, person: int, start: int, end: int) -> None:
        self._call(person, self.text[start:end])
        bisect.insort(self._places[person], start)
        self._found.append(_Stretch(start, end, person))

    def _call(self, person: int, name: str) -> None:
        if name not in self._names[person]:
            self._names[person].append(name)
            for word in _words(name):
                self._persons_of_word.setdefault(word, set()).add(person)

    def _person_named(self, words: Sequence[str], place: int, *, only_short: bool = False) -> int | None:
        """The person who has a name that `words` are short for, or that is short for them."""
        candidates = {person for word in words for person in self._persons_of_word.get(word, ())}
        fitting = {
            person
            for person in candidates
            if any(
                _is_short_for(words, other) or (not only_short and _is_short_for(other, words))
                for other in map(_words, self._names[person])
            )
        }
        return self._nearest(fitting, place) if fitting else None

    def _nearest(self, persons: Iterable[int], place: int) -> int:
        """Of several the one who is named last before a place, else the first of them."""

        def last_before(person: int) -> tuple[int, int]:
            at = bisect.bisect_right(self._places[person], place)
            return (self._places[person][at - 1] if at else -1, -person)

        return max(persons, key=last_before)

    def _read_canonical_names(self, report: Report) -> None:
        """Names that stand nowhere in the text: the alias table's, for one who is called by an office."""
        mention_at = {mention.span: mention for mention in self._mentions}
        for event in report.events:
            for actor in event.actors:
                if actor.kind != "person" or actor.name == actor.text:
                    continue
                mention = mention_at.get(actor.span)
                group = None if mention is None else self._group[mention]
                for start, end in _resolver().person_names(actor.name, is_person=True):
                    name = actor.name[start:end]
                    person = None if group is None else self._person_of_group.get(group)
                    if person is None:
                        person = self._person_named(_words(name), actor.span.start)
                    if person is None:
                        person = self._new()
                    if group is not None:
                        self._person_of_group.setdefault(group, person)
                    self._call(person, name)

    # -- where they stand --

    def stretches(self) -> list[_Stretch]:
        """All that is to be replaced in the text: in order, without overlaps, cut at the ends of mentions."""
        wanted = [*self._found, *self._whole_names(self._folded)]
        found = _without_overlaps(sorted(wanted, key=lambda item: (item.start - item.end, item.start)), [])
        single = (item for item in self._single_words() if not self._is_of_another(item))
        found = _without_overlaps(single, found)
        # No two mentions may come to share a placeholder.
        edges = sorted({edge for node in self._nodes for edge in (node.span.start, node.span.end)})
        return [part for item in found for part in self._cut(item, edges)]

    def in_string(self, text: str) -> list[_Stretch]:
        """What is to be replaced in a string that stands outside the text: a title, a canonical name."""
        folded = _folded(text)
        found = _without_overlaps(self._whole_names(folded), [])
        single = (
            _Stretch(match.start(), match.end(), min(self._surnames[match[0]]))
            for match in _WORD.finditer(folded)
            if match[0] in self._surnames and not text[match.start()].islower()
        )
        return _without_overlaps(single, found)

    @functools.cached_property
    def _forms(self) -> dict[str, list[tuple[re.Pattern[str], int]]]:
        """First word -> names of several pieces that begin with it, the longest first, and whose they are."""
        forms: dict[str, dict[str, int]] = {}
        for person, names in enumerate(self._names):
            for name in names:
                folded = _folded(name)
                first = _WORD.search(folded)
                if first is not None and len(_WORD.findall(folded)) > 1:
                    rest = folded[first.start() :].strip()
                    forms.setdefault(first[0], {}).setdefault(rest, person)
        return {
            word: [
                (re.compile(r"\s+".join(map(re.escape, rest.split())) + r"(?![^\W_])"), person)
                for rest, person in sorted(found.items(), key=lambda item: -len(item[0]))
            ]
            for word, found in forms.items()
        }

    def _whole_names(self, folded: str) -> Iterator[_Stretch]:
        """Names of several words, in any letter case and with any blanks between them."""
        for word in _WORD.finditer(folded):
            for pattern, person in self._forms.get(word[0], ()):
                match = pattern.match(folded, word.start())
                if match is not None:
                    yield _Stretch(match.start(), match.end(), person)
                    break

    @functools.cached_property
    def _surnames(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for person, names in enumerate(self._names):
            for name in names:
                words = _words(name)
                if words and len(words[-1]) > 1:
                    found.setdefault(words[-1], set()).add(person)
        return found

    def _single_words(self) -> Iterator[_Stretch]:
        """Surnames, and other words of names unless the text has them as plain words, too."""
        plain = {match[0] for match in _WORD.finditer(self.text) if match[0].islower()}
        for match in _WORD.finditer(self._folded):
            word, (start, end) = match[0], match.span()
            if len(word) < 2 or self.text[start].islower():
                continue
            persons = self._surnames.get(word) or (
                self._persons_of_word.get(word) if word not in plain else None
            )
            if persons:
                person = self._nearest(persons, start)
                yield _Stretch(self._begin(start, person), end, person)

    def _begin(self, start: int, person: int) -> int:
        """Where a name begins whose last word begins at `start`: "al-" and initials are parts of it."""
        own = {word for name in self._names[person] for word in _WORD.findall(_folded(name))}
        while start > 1 and _JOINT.match(self.text[start - 1]):
            before = re.search(r"[^\W_]+$", self._folded[max(0, start - 1 - _INITIALS_CHARS) : start - 1])
            if before is None or before[0] not in own:
                break
            start -= 1 + len(before[0])
        initials = _INITIALS.search(self.text, max(0, start - _INITIALS_CHARS), start)
        return start if initials is None else initials.start()

    def _is_of_another(self, item: _Stretch) -> bool:
        """Whether a word stands in a mention of something else: a place, a day, a group with that name."""
        at = bisect.bisect_right(self._node_starts, item.end - 1) - 1
        if at < 0 or self._nodes[at].span.end <= item.start:
            return False
        node = self._nodes[at]
        if isinstance(node, Trigger):
            return True
        if _OWNED.match(self.text, item.end, node.span.end + 2):
            return False
        if node not in self._group:
            return True
        before = self._folded[node.span.start : max(node.span.start, item.start)]
        return self._is_body(node) and not before.endswith("of ")

    def _cut(self, item: _Stretch, edges: Sequence[int]) -> Iterator[_Stretch]:
        first, last = bisect.bisect_right(edges, item.start), bisect.bisect_left(edges, item.end)
        cuts = [item.start, *edges[first:last], item.end]
        for start, end in zip(cuts, cuts[1:], strict=False):
            piece = self.text[start:end]
            if piece.strip():
                yield _Stretch(
                    start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip()), item.person
                )


def _groups(mentions: Sequence[Mention], relations: Iterable[Relation]) -> dict[Mention, Mention]:
    """Of each mention the one that stands for its entity."""
    above = {mention: mention for mention in mentions}

    def top(mention: Mention) -> Mention:
        while above[mention] is not mention:
            above[mention] = above[above[mention]]
            mention = above[mention]
        return mention

    for relation in relations:
        head, tail = relation.head, relation.tail
        if relation.relation_type == _SAME and isinstance(head, Mention) and isinstance(tail, Mention):
            if head in above and tail in above:
                # Those of the mapping: an equal object would never be the top of itself.
                above[top(head)] = top(tail)
    return {mention: top(mention) for mention in mentions}


def _without_overlaps(wanted: Iterable[_Stretch], taken: Sequence[_Stretch]) -> list[_Stretch]:
    """`taken`, and of `wanted` what overlaps neither that nor what came before it."""
    kept = list(taken)
    starts = [item.start for item in kept]
    for item in wanted:
        at = bisect.bisect_right(starts, item.start)
        if (at == 0 or kept[at - 1].end <= item.start) and (at == len(kept) or item.end <= kept[at].start):
            kept.insert(at, item)
            starts.insert(at, item.start)
    return kept


class _Redaction:
    """The way of a report from its old text to the new one."""

    def __init__(self, old: Report, persons: _Persons, stretches: Sequence[_Stretch]) -> None:
        self._old = old
        self._persons = persons
        self._stretches = stretches
        self._starts = [item.start for item in stretches]
        text = old.document.text
        # In the order of the text; last those who are not named in it.
        order = dict.fromkeys([*(item.person for item in stretches), *range(persons.num_persons)])
        free = (f"[person {n}]" for n in range(1, len(order) + text.count("[person ") + 1))
        self._placeholders = dict(
            zip(order, (placeholder for placeholder in free if placeholder not in text), strict=False)
        )
        self._new_starts: list[int] = []
        shift = 0
        for item in stretches:
            self._new_starts.append(item.start + shift)
            shift += len(self._placeholders[item.person]) - (item.end - item.start)
        self._text = self._replaced(text, stretches)

    def report(self) -> Report:
        document = self._old.document
        return dataclasses.replace(
            self._old,
            document=dataclasses.replace(
                document,
                text=self._text,
                title=document.title and self._string(document.title),
                source=document.source and self._string(document.source),
            ),
            annotation=self._annotation(),
            events=tuple(self._value(event) for event in self._old.events),
        )

    def _replaced(self, text: str, stretches: Iterable[_Stretch]) -> str:
        pieces, last = [], 0
        for item in stretches:
            pieces += [text[last : item.start], self._placeholders[item.person]]
            last = item.end
        return "".join([*pieces, text[last:]])

    def _string(self, text: str) -> str:
        return self._replaced(text, self._persons.in_string(text))

    def _annotation(self) -> Annotation:
        old = self._old.annotation
        new: Mapping[Any, Any] = {
            node: dataclasses.replace(node, span=self._span(node.span)) for node in old.spans()
        }
        return Annotation(
            document_id=old.document_id,
            mentions=tuple(new[mention] for mention in old.mentions),
            triggers=tuple(new[trigger] for trigger in old.triggers),
            relations=tuple(
                dataclasses.replace(link, head=new[link.head], tail=new[link.tail]) for link in old.relations
            ),
        )

    def _span(self, span: Span) -> Span:
        return Span(self._place(span.start, at_end=False), self._place(span.end, at_end=True))

    def _place(self, place: int, *, at_end: bool) -> int:
        """Where a place of the old text is now; one inside a name moves to the placeholder's edge."""
        # An end at which a name begins lies before that name.
        at = bisect.bisect_right(self._starts, place) - 1
        if at < 0:
            return place
        item, start = self._stretches[at], self._new_starts[at]
        end = start + len(self._placeholders[item.person])
        if item.start < place < item.end:
            return end if at_end else start
        return start if place == item.start else end + place - item.end

    def _value(self, value: Any) -> Any:
        """A part of an event with the spans and texts of now."""
        if isinstance(value, Span):
            return self._span(value)
        if isinstance(value, tuple):
            return tuple(self._value(item) for item in value)
        if not dataclasses.is_dataclass(value) or isinstance(value, type):
            return value
        new = {field.name: self._value(getattr(value, field.name)) for field in dataclasses.fields(value)}
        if isinstance(new.get("text"), str):
            new["text"] = self._text_of(new["text"], getattr(value, "span", None))
        if isinstance(value, ActorArgument):
            new["name"] = new["text"] if value.name == value.text else self._string(value.name)
            new["affiliation"] = value.affiliation and self._string(value.affiliation)
            new["members"] = tuple(map(self._string, value.members))
        return dataclasses.replace(value, **new)

    def _text_of(self, text: str, span: Span | None) -> str:
        if span is not None and self._old.document.text[span.start : span.end] == text:
            new = self._span(span)
            return self._text[new.start : new.end]
        return self._string(text)
