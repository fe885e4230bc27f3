"""The graph of an annotation: entities (SAME_AS), occurrences (SAME_EVENT) and their tree (SUBEVENT_OF)."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from sitrep_ie.document import Annotation, Mention, Modality, Relation, Trigger

N = TypeVar("N", Mention, Trigger)

# No report nests events like this; a chain of wrong links must not exhaust the stack.
_MAX_DEPTH = 50

_MODALITIES: tuple[tuple[str, Modality], ...] = (
    ("NEGATED", "negated"),
    ("HYPOTHETICAL", "hypothetical"),
    ("PLANNED", "planned"),
)


class _Sets(Generic[N]):
    """Disjoint sets; the first item in text order stands for its set."""

    def __init__(self, items: Iterable[N]) -> None:
        self._above: dict[N, N] = {item: item for item in items}

    def root(self, item: N) -> N:
        while (above := self._above[item]) != item:
            self._above[item] = self._above[above]
            item = above
        return item

    def join(self, one: N, other: N) -> None:
        first, second = sorted((self.root(one), self.root(other)), key=lambda item: (item.span, item.type))
        self._above[second] = first

    def groups(self) -> dict[N, tuple[N, ...]]:
        groups: dict[N, list[N]] = defaultdict(list)
        for item in sorted(self._above, key=lambda item: (item.span, item.type)):
            groups[self.root(item)].append(item)
        return {root: tuple(group) for root, group in groups.items()}


@dataclass(frozen=True, eq=False)
class Occurrence:
    """All triggers of one happening, in text order. `parent` and `children` index the list of occurrences."""

    index: int
    triggers: tuple[Trigger, ...]
    parent: int | None
    children: tuple[int, ...]

    @property
    def event_type(self) -> str:
        return self.triggers[0].event_type

    @property
    def modality(self) -> Modality:
        """By the first trigger: a later negated one reports a denial, one without mark refers back."""
        attributes = self.triggers[0].attributes
        return next((modality for name, modality in _MODALITIES if name in attributes), "actual")

    def has(self, attribute: str) -> bool:
        """True when any trigger bears the attribute."""
        return any(attribute in trigger.attributes for trigger in self.triggers)


class Links:
    """Relations by type and end, best first; entities and occurrences."""

    def __init__(self, annotation: Annotation, same: Iterable[tuple[Mention, Mention]] = ()) -> None:
        self._annotation = annotation
        self._from: dict[tuple[str, Mention | Trigger], list[Relation]] = defaultdict(list)
        self._to: dict[tuple[str, Mention | Trigger], list[Relation]] = defaultdict(list)
        for link in sorted(annotation.relations, key=_by_score):
            self._from[link.relation_type, link.head].append(link)
            self._to[link.relation_type, link.tail].append(link)
        entities = _Sets(annotation.mentions)
        for _, head, tail in _between(annotation, "SAME_AS", Mention):
            entities.join(head, tail)
        for one, other in same:
            entities.join(one, other)
        self._groups = entities.groups()
        self._entity = {mention: root for root, group in self._groups.items() for mention in group}
        self.occurrences = _occurrences(annotation)

    def joined(self, pairs: Iterable[tuple[int, int]]) -> Links:
        """The same graph with occurrences joined, by index; the list of occurrences is made anew."""
        more = copy.copy(self)
        triggers = [occurrence.triggers[0] for occurrence in self.occurrences]
        more.occurrences = _occurrences(
            self._annotation, [(triggers[one], triggers[other]) for one, other in pairs]
        )
        return more

    def without(self, relations: Collection[Relation], occurrences: Collection[int]) -> Links:
        """The same graph less some relations, and with some occurrences taken out of the tree.

        The list of occurrences keeps its indices; those taken out are tied to nothing, and their children
        belong to the nearest one above that stays.
        """
        less = copy.copy(self)
        dropped = set(relations)
        less._from = defaultdict(list, {key: _less(links, dropped) for key, links in self._from.items()})
        less._to = defaultdict(list, {key: _less(links, dropped) for key, links in self._to.items()})
        parents: dict[int, int] = {}
        children: dict[int, list[int]] = defaultdict(list)
        for occurrence in self.occurrences:
            if occurrence.index in occurrences:
                continue
            above = occurrence.parent
            while above is not None and above in occurrences:
                above = self.occurrences[above].parent
            if above is not None:
                parents[occurrence.index] = above
                children[above].append(occurrence.index)
        less.occurrences = [
            replace(o, parent=parents.get(o.index), children=tuple(children[o.index]))
            for o in self.occurrences
        ]
        return less

    def out(self, relation_type: str, head: Mention | Trigger) -> Sequence[Relation]:
        """Relations of a type that start at `head`."""
        return self._from.get((relation_type, head), ())

    def into(self, relation_type: str, tail: Mention | Trigger) -> Sequence[Relation]:
        """Relations of a type that end at `tail`."""
        return self._to.get((relation_type, tail), ())

    def entity(self, mention: Mention) -> Mention:
        """The first mention of the same entity: its key."""
        return self._entity[mention]

    def mentions_of(self, mention: Mention) -> tuple[Mention, ...]:
        """All mentions of the same entity, in text order."""
        return self._groups[self._entity[mention]]

    def arguments(
        self, occurrence: Occurrence, relation_type: str
    ) -> list[tuple[Trigger, Relation, Mention]]:
        """What fills a role of any of the triggers, in text order, each mention once with its best link."""
        found: dict[Mention, tuple[Trigger, Relation, Mention]] = {}
        for trigger in occurrence.triggers:
            for link in self.out(relation_type, trigger):
                tail = link.tail
                if isinstance(tail, Mention) and (tail not in found or link.score > found[tail][1].score):
                    found[tail] = (trigger, link, tail)
        return sorted(found.values(), key=lambda item: item[2].span)


def _less(links: Iterable[Relation], dropped: Collection[Relation]) -> list[Relation]:
    return [link for link in links if link not in dropped]


def _by_score(link: Relation) -> tuple[float, int, int, str]:
    return -link.score, link.head.span.start, link.tail.span.start, link.relation_type


def _between(annotation: Annotation, relation_type: str, kind: type[N]) -> Iterator[tuple[float, N, N]]:
    """Yields score, head and tail of the relations of a type between two mentions, or two triggers."""
    for link in annotation.relations:
        if (
            link.relation_type == relation_type
            and isinstance(link.head, kind)
            and isinstance(link.tail, kind)
        ):
            yield link.score, link.head, link.tail


def _occurrences(annotation: Annotation, same: Iterable[tuple[Trigger, Trigger]] = ()) -> list[Occurrence]:
    sets = _Sets(annotation.triggers)
    for one, other in same:
        sets.join(one, other)
    for _, head, tail in _between(annotation, "SAME_EVENT", Trigger):
        sets.join(head, tail)
    groups = list(sets.groups().values())
    index = {trigger: i for i, group in enumerate(groups) for trigger in group}
    edges = []
    for score, head, tail in _between(annotation, "SUBEVENT_OF", Trigger):
        edges.append((-score, abs(head.span.start - tail.span.start), index[head], index[tail]))
    parents: dict[int, int] = {}
    # The surest link wins where there are several parents or a cycle; then the nearest.
    for _, _, child, parent in sorted(edges):
        above: int | None = parent
        while above is not None and above != child:
            above = parents.get(above)
        if child not in parents and above != child:
            parents[child] = parent
    for child in sorted(parents):
        above, depth = child, 0
        while above in parents and depth <= _MAX_DEPTH:
            above, depth = parents[above], depth + 1
        if depth > _MAX_DEPTH:
            del parents[child]
    children: dict[int, list[int]] = defaultdict(list)
    for child in sorted(parents):
        children[parents[child]].append(child)
    return [Occurrence(i, group, parents.get(i), tuple(children[i])) for i, group in enumerate(groups)]
