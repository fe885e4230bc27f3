"""One occurrence told in several paragraphs: title, summary and item, or a text that carries an event on.

Annotations tie triggers inside a paragraph only. What ties them over paragraphs stands in the records: events
of one type, nothing that speaks against their being one (day, place, number, party, a word such as
"another"), and enough that speaks for it. Of two records that stay apart wrongly a reader sees both; of two
that are merged wrongly one is lost. So doubt keeps them apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sitrep_ie.assemble.layout import Layout
from sitrep_ie.assemble.outcomes import outcome_fields
from sitrep_ie.assemble.totals import name_words
from sitrep_ie.document import ActorArgument, Event, ObjectArgument, PlaceArgument, Quantity, Span

# "the attack", "this latest offensive"; a name between them ("the December raid") tells of another one.
_POINTS_BACK = re.compile(r"\b[Tt](?:he|his|hese)\s+(?:[a-z][\w'’-]*\s+)?\Z")
_DEFINITE = re.compile(r"\b(?:the|this|that|these|those)\s+(?:same\s+)?\Z", re.IGNORECASE)
# Nouns by which texts take up an event that they have told in other words.
_NOUNS_OF_EVENTS = frozenset(
    "advance airstrike ambush arrest assault attack attempt battle blast blockade bombardment bombing "
    "capture clash combat crossing dead death deployment drill encounter engagement exchange exercise "
    "explosion fighting firefight flight gunfight hostility incident kidnapping killing maneuver "
    "manoeuvre march mission offensive operation patrol protest raid rally riot seizure shelling shooting "
    "siege sit-in skirmish strike swap sweep toll training violence withdrawal".split()
)
_STEM_CHARS = 4
_NARROWED = re.compile(r"\s+(?:against|at|between|by|from|in|near|of|on|that|which)\b")
# A sentence with one of these before the event, or right after it, speaks of one more event.
_ONE_MORE_BEFORE = re.compile(
    r"\b(?:another|additional(?:ly)?|again|also|different|earlier|elsewhere|further|meanwhile|other|others|"
    r"previous(?:ly)?|prior|second|separate(?:ly)?|similar(?:ly)?|third|fourth|fifth)\b",
    re.IGNORECASE,
)
_ONE_MORE_AFTER = re.compile(
    r"[^.!?]{0,40}\b(?:too|as well)\b|"
    r"\W*(?:\w+\W+){0,2}(?:another|additional|further|other|others|more(?!\s+than))\b"
)
_PLACE_ROLES = frozenset({"at", "target", "origin", "destination", "via"})
_THINGS = frozenset({"target", "theme", "instrument"})
_MOVING = frozenset({"MOVEMENT", "PATROL", "AID"})
# Anybody may be meant by these.
_ANYBODY = frozenset(
    "body casualty individual life man men other people person suspect victim woman women".split()
)

# How much a thing in common speaks for one occurrence, in points.
_EXACT_PLACE, _WIDE_PLACE, _NAMED_TARGET, _NAMED_AGENT, _NOUN, _NUMBER, _DAY = 3, 1, 2, 1, 1, 2, 1
_MAX_NOUNS = 2
# Enough between what opens a report and its body, and between any other two paragraphs.
_ENOUGH_FROM_OPENING, _ENOUGH = 3, 6


@dataclass(frozen=True, eq=False)
class _Told:
    """What one record says that another one of the same occurrence would say, too."""

    index: int
    event: Event
    paragraph: int
    word: str
    sites: frozenset[str]
    destinations: frozenset[str]
    places: frozenset[str]
    wide_places: frozenset[str]
    holders: frozenset[str]
    parties: dict[str, _Party]
    narrowed: bool
    nouns: frozenset[str]
    movers: frozenset[str]
    counts: dict[str, Quantity]
    one_more: bool
    points_back: bool
    carried_on: frozenset[str]


@dataclass(frozen=True)
class _Party:
    """The actors in one role: words of their names, kinds, countries."""

    names: frozenset[str]
    kinds: frozenset[str]
    countries: frozenset[str]

    def excludes(self, other: _Party) -> bool:
        if self.kinds and other.kinds and not self.kinds & other.kinds:
            return True
        if not self.names or not other.names or self.names & other.names:
            return False
        apart = bool(self.countries and other.countries and not self.countries & other.countries)
        return apart or self.kinds == other.kinds == {"armed_group"}


def retold(
    events: Sequence[Event], layout: Layout, num_opening: int, is_item: Callable[[int], bool]
) -> list[tuple[int, int]]:
    """Returns pairs of indices of records that tell of one occurrence, the earlier one first.

    - "The attack", "the convoy": what points back continues the event of its type in the paragraph before,
      where there is just one.
    - What the opening tells is one with what the body tells with a place, a victim or a figure in common;
      any other two paragraphs need more in common. Items under dates of their own are different events.
    - Parts and results of one occurrence, and what its parts belong to, are one where nothing speaks against
      it.

    Args:
        events: records in text order, each from triggers of one paragraph.
        layout: of the text.
        num_opening: how many paragraphs open the report: title, lead or summary.
        is_item: whether a paragraph is an item under a date of its own.
    """
    told = [_read(index, event, layout) for index, event in enumerate(events)]
    groups = _Groups(told, is_item)
    alike: dict[tuple[str, str, bool, bool], list[_Told]] = defaultdict(list)
    for one in told:
        event = one.event
        alike[event.type, event.modality, event.release, event.aggregate].append(one)
    before = _paragraphs_before(told)
    for same_kind in alike.values():
        if len({one.paragraph for one in same_kind}) > 1:
            _carry_on(same_kind, before, groups, is_item)
            _tell_again(same_kind, num_opening, groups)
    _join_families(told, groups)
    return groups.pairs()


class _Groups:
    """Records that are one occurrence; a group has one record of a paragraph, and none excludes another."""

    def __init__(self, told: Sequence[_Told], is_item: Callable[[int], bool]) -> None:
        self._group = [[one] for one in told]
        self._is_item = is_item

    def same(self, one: _Told, other: _Told) -> bool:
        return self._group[one.index] is self._group[other.index]

    def of(self, one: _Told) -> list[_Told]:
        return self._group[one.index]

    def may_join(self, one: _Told, other: _Told, *, strict: bool = True) -> bool:
        """False where any two records of the groups exclude each other, see `_excludes`."""
        return not any(
            self._exclude(a, b, strict) for a in self._group[one.index] for b in self._group[other.index]
        )

    def _exclude(self, one: _Told, other: _Told, strict: bool) -> bool:
        first, second = (one, other) if one.index < other.index else (other, one)
        if first.paragraph == second.paragraph or second.one_more:
            return True
        if self._is_item(first.paragraph) and self._is_item(second.paragraph):
            return True
        return _excludes(first, second, strict)

    def join(self, one: _Told, other: _Told) -> None:
        if not self.same(one, other):
            joined = self._group[one.index] + self._group[other.index]
            for told in joined:
                self._group[told.index] = joined

    def pairs(self) -> list[tuple[int, int]]:
        found = set()
        for i, group in enumerate(self._group):
            first = min(told.index for told in group)
            if first < i:
                found.add((first, i))
        return sorted(found)


def _paragraphs_before(told: Sequence[_Told]) -> dict[int, int]:
    """For each paragraph with events, the last one before it with events."""
    paragraphs = sorted({one.paragraph for one in told})
    return dict(zip(paragraphs[1:], paragraphs, strict=False))


def _carry_on(
    alike: Sequence[_Told], before: dict[int, int], groups: _Groups, is_item: Callable[[int], bool]
) -> None:
    for one in alike:
        if not (one.points_back or one.carried_on) or is_item(one.paragraph):
            continue
        earlier = [other for other in alike if other.paragraph == before.get(one.paragraph)]
        if one.points_back:
            earlier = [other for other in earlier if _takes_up(one, other)]
        else:
            earlier = [other for other in earlier if one.carried_on & other.movers]
        if len(earlier) == 1 and groups.may_join(earlier[0], one, strict=False):
            groups.join(earlier[0], one)


def _takes_up(one: _Told, other: _Told) -> bool:
    """True for a noun of events or one of the earlier words, with nothing that the earlier record has not."""
    stems = {trigger.text.casefold()[:_STEM_CHARS] for trigger in other.event.triggers}
    if _head(one.word) not in _NOUNS_OF_EVENTS and one.word.casefold()[:_STEM_CHARS] not in stems:
        return False
    # "The blast hit a school" goes on; "the blast at the school" tells which one is meant.
    if not one.narrowed:
        return True
    return bool(
        _one_place(one, other)
        or one.nouns & other.nouns
        or any(one.parties[role].names & other.parties[role].names for role in one.parties)
    )


def _tell_again(alike: Sequence[_Told], num_opening: int, groups: _Groups) -> None:
    found: list[tuple[int, _Told, _Told]] = []
    for one, other in _candidates(alike, num_opening):
        if one.paragraph != other.paragraph and groups.may_join(one, other):
            points = _points(one, other)
            if points >= (_ENOUGH_FROM_OPENING if one.paragraph < num_opening else _ENOUGH):
                found.append((points, one, other))
    # The surest first; what two different events have in common with a third says nothing of which it is.
    for points, one, other in sorted(found, key=lambda item: (-item[0], item[1].index, item[2].index)):
        if groups.same(one, other) or not groups.may_join(one, other):
            continue
        rivals = [
            rival
            for value, first, second in found
            if value >= points and (first in (one, other)) != (second in (one, other))
            for rival in (first, second)
            if rival not in (one, other) and not groups.same(rival, one) and not groups.same(rival, other)
        ]
        if all(groups.may_join(rival, other) or groups.may_join(rival, one) for rival in rivals):
            groups.join(one, other)


def _candidates(alike: Sequence[_Told], num_opening: int) -> Iterator[tuple[_Told, _Told]]:
    """Pairs in text order: the opening with all else, and what shares an exact place; not all with all."""
    at: dict[str, list[_Told]] = defaultdict(list)
    opening: list[_Told] = []
    for other in alike:
        near = {one.index: one for key in other.places for one in at[key]}
        near |= {one.index: one for one in opening}
        for index in sorted(near):
            yield near[index], other
        if other.paragraph < num_opening:
            opening.append(other)
        for key in other.places:
            at[key].append(other)


def _join_families(told: Sequence[_Told], groups: _Groups) -> None:
    """Results, parts and wholes of one occurrence: told twice with it."""
    by_id = {one.event.id: one for one in told}
    waiting = [one for one in told if len(groups.of(one)) > 1]
    while waiting:
        group = groups.of(waiting.pop())
        parents = [by_id[one.event.parent] for one in group if one.event.parent in by_id]
        for one, other in _across(parents):
            if _kind(one) == _kind(other) and not groups.same(one, other) and groups.may_join(one, other):
                groups.join(one, other)
                waiting.append(one)
        children = [by_id[child] for one in group for child in one.event.children if child in by_id]
        for one, other in _across(children):
            # Two tolls of one occurrence are one, whichever figure is right.
            if (
                _kind(one) == _kind(other)
                and one.event.parent != other.event.parent
                and not (one.nouns and other.nouns and not one.nouns & other.nouns)
                and not groups.same(one, other)
                and groups.may_join(one, other, strict=False)
            ):
                groups.join(one, other)
                waiting.append(one)


def _across(told: Sequence[_Told]) -> list[tuple[_Told, _Told]]:
    return [(one, other) for i, one in enumerate(told) for other in told[i + 1 :] if one is not other]


def _kind(one: _Told) -> tuple[str, str, bool, bool]:
    event = one.event
    return event.type, event.modality, event.release, event.aggregate


# ---- for and against ----


def _excludes(one: _Told, other: _Told, strict: bool) -> bool:
    """True where two records contradict each other.

    Where it is known that the text goes on about one event (not `strict`), figures may differ by who gives
    them, and it may reach further places.
    """
    a, b = one.event.time, other.event.time
    if a.start and a.end and b.start and b.end and (a.end < b.start or b.end < a.start):
        return True
    if one.sites and other.sites and not _one_place(one, other):
        return True
    if any(one.parties[role].excludes(other.parties[role]) for role in one.parties):
        return True
    if not strict:
        return False
    named = one.parties["target"].names & other.parties["target"].names
    if one.nouns and other.nouns and not one.nouns & other.nouns and not named:
        return True
    if one.destinations and other.destinations and not one.destinations & other.destinations:
        return True
    wide = one.wide_places and other.wide_places and not one.wide_places & other.wide_places
    if wide and not (one.places & other.places or _holds(one, other) or _holds(other, one)):
        return True
    return any(_apart(one.counts[key], other.counts[key]) for key in one.counts if key in other.counts)


def _one_place(one: _Told, other: _Told) -> bool:
    return bool(one.places & other.places or one.places & other.holders or other.places & one.holders)


def _holds(one: _Told, other: _Told) -> bool:
    return bool((one.wide_places | one.places) & other.holders)


def _apart(a: Quantity, b: Quantity) -> bool:
    infinite = float("inf")
    if a.low is None or b.low is None:
        return False
    a_high = infinite if a.high is None else a.high
    b_high = infinite if b.high is None else b.high
    return a.low > b_high or b.low > a_high


def _points(one: _Told, other: _Told) -> int:
    where = who = 0
    if _one_place(one, other):
        where = _EXACT_PLACE
    elif one.wide_places & other.wide_places or _holds(one, other) or _holds(other, one):
        where = _WIDE_PLACE
    if one.parties["target"].names & other.parties["target"].names:
        who = _NAMED_TARGET
    who += min(_MAX_NOUNS, _NOUN * len(one.nouns & other.nouns))
    figure = any(_equal(one.counts[key], other.counts[key]) for key in one.counts if key in other.counts)
    if not who and not (where and figure):
        return 0  # much happens at one place, and many events have a figure, a day and a party in common
    points = where + who + figure * _NUMBER
    if one.parties["agent"].names & other.parties["agent"].names:
        points += _NAMED_AGENT
    a, b = one.event.time, other.event.time
    if a.start is not None and a.start == a.end == b.start == b.end:
        points += _DAY
    return points


def _equal(a: Quantity, b: Quantity) -> bool:
    """True for one exact figure above one: a single person or thing is in many events."""
    return a.best is not None and a.best == b.best and a.best > 1


# ---- what a record says ----


def _read(index: int, event: Event, layout: Layout) -> _Told:
    first = min(trigger.span for trigger in event.triggers)
    places = [place for place in event.places if place.role in _PLACE_ROLES]
    exact = [place for place in places if place.precision not in ("admin", "country")]
    fillers: list[ActorArgument | ObjectArgument] = [*event.actors, *event.objects]
    movers = [item for item in fillers if event.type in _MOVING and item.role in ("theme", "agent")]
    paragraph = layout.paragraph(first)
    titled = layout.is_title(paragraph)
    spans = [item.span for item in (*fillers, *event.places, *event.amounts)]
    return _Told(
        index=index,
        event=event,
        paragraph=paragraph,
        word=layout.text[first.start : first.end].split()[-1],
        sites=_keys(place for place in exact if place.role in ("at", "target")),
        destinations=_keys(place for place in exact if place.role == "destination"),
        places=_keys(exact),
        wide_places=_keys(place for place in places if place.precision == "admin"),
        holders=frozenset(name.casefold() for place in places for name in place.within),
        parties={role: _party([a for a in event.actors if a.role == role]) for role in ("agent", "target")},
        narrowed=_NARROWED.match(layout.text, first.end) is not None,
        nouns=_nouns((item for item in fillers if item.role in _THINGS), titled) - _ANYBODY,
        movers=_nouns(movers, titled),
        counts=_counts(event),
        one_more=_is_one_more(first, layout),
        points_back=_points_back(first, spans, layout.text),
        carried_on=_nouns((item for item in movers if _is_definite(item, layout.text)), titled),
    )


def _keys(places: Iterable[PlaceArgument]) -> frozenset[str]:
    keys = set()
    for place in places:
        keys |= {key.casefold() for key in (place.text, place.name, place.gazetteer_id) if key}
    return frozenset(keys)


def _party(actors: Sequence[ActorArgument]) -> _Party:
    names = [actor.name for actor in actors] + [actor.affiliation for actor in actors if actor.affiliation]
    return _Party(
        names=frozenset(name_words(names)),
        kinds=frozenset(actor.kind for actor in actors) - {"unknown", "person"},
        countries=frozenset(actor.country for actor in actors if actor.country),
    )


def _head(text: str) -> str:
    """The head noun of a phrase, as one of its number: "members of the army" is "member"."""
    word = text.split(" of ")[0].split()[-1].casefold().strip("\"'”’")
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def _nouns(items: Iterable[ActorArgument | ObjectArgument], titled: bool) -> frozenset[str]:
    """Head nouns, but for names; a title writes both alike."""
    return frozenset(
        _head(item.text) for item in items if titled or item.text.split(" of ")[0].split()[-1].islower()
    )


def _counts(event: Event) -> dict[str, Quantity]:
    counts = {name: figure for name, figure in outcome_fields(event.outcomes).items() if figure is not None}
    counted: list[ActorArgument | ObjectArgument] = [*event.actors, *event.objects]
    for item in counted:
        if item.quantity is not None and item.role in ("theme", "target"):
            counts.setdefault(f"{item.role} {_head(item.text)}", item.quantity)
    if event.count is not None:
        counts["count"] = event.count
    return counts


def _is_one_more(trigger: Span, layout: Layout) -> bool:
    sentence = layout.sentence(trigger)
    start = trigger.start if sentence is None else sentence.start
    if _ONE_MORE_BEFORE.search(layout.text, start, trigger.end):
        return True
    return _ONE_MORE_AFTER.match(layout.text, trigger.end, trigger.end + 40) is not None


def _points_back(trigger: Span, arguments: Sequence[Span], text: str) -> bool:
    """True for a noun after "the" or "this"; in "the army attacked" the article is that of an argument."""
    match = _POINTS_BACK.search(text, max(0, trigger.start - 30), trigger.start)
    if match is None or text[trigger.start : trigger.end].endswith("ed"):
        return False
    return not any(span.end > match.start() and span.start < trigger.start for span in arguments)


def _is_definite(item: ActorArgument | ObjectArgument, text: str) -> bool:
    start = item.span.start
    return _DEFINITE.search(text, max(0, start - 20), start) is not None
