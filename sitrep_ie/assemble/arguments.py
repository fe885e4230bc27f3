"""Who, what and where: the arguments of an occurrence as records, with their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from sitrep_ie.assemble.links import Links, Occurrence
from sitrep_ie.assemble.resolvers import ActorQuery, Resolvers
from sitrep_ie.document import (
    ActorArgument,
    ActorValue,
    AmountArgument,
    Annotation,
    Document,
    Mention,
    ObjectArgument,
    PlaceArgument,
    PlaceValue,
    Quantity,
    Span,
    Trigger,
)
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.places import PlaceQuery

A = TypeVar("A", ActorArgument, ObjectArgument, PlaceArgument)
B = TypeVar("B", ActorArgument, ObjectArgument)

# Roles with a field of their own in the record.
_OWN_FIELDS = frozenset({"TIME", "COUNT"})
_ROLE_NAMES = {"PLACE": "at"}
_HOLDERS = frozenset({"state_force", "armed_group", "organisation"})
_ARTICLE = re.compile(r"([^\W\d_]+)\s+[\"'“‘«(\[]*\Z")
_PLACED = re.compile(
    r"\b(?:in|at|near|inside|outside|around|within|across|throughout)\s+(?:the\s+)?\Z", re.IGNORECASE
)
_DEFINITE = frozenset("the his her its their this that".split())
_NONE_OF_THEM = frozenset("no neither".split())
_OPENS_SENTENCE = re.compile(r"(?:\A|[.!?:;\n]|[-–—]\s)[\s\"'“‘«(\[]*(?:the\s+)?\Z", re.IGNORECASE)
_ARTICLES = _DEFINITE | frozenset("a an another no neither any each every some these those".split())
# Between coordinated mentions: "[Afghan] and [coalition forces]" share the last one's head.
_AND = re.compile(r"\s*(?:,|/|&|,?\s(?:and|or))\s*(?:the\s+)?", re.IGNORECASE)
# Singular nouns for more than one person.
_COLLECTIVES = frozenset(
    "army battalion brigade cavalry cell clergy column community company convoy couple crew crowd dead "
    "division elite enemy family force gang garrison government group household infantry injured "
    "leadership majority militia network number opposition party patrol people personnel platoon police "
    "population public regiment remainder rest squad staff team tribe unit wounded youth".split()
)


class Values:
    """Resolved values of the mentions of one document; each mention is resolved at most once."""

    def __init__(
        self, document: Document, annotation: Annotation, links: Links, resolvers: Resolvers
    ) -> None:
        self._text = document.text
        self._links = links
        self._resolvers = resolvers
        self._acronyms = resolvers.acronyms(document.text)
        self._actors: dict[Mention, ActorValue] = {}
        self._after = self._coordinated(annotation)
        self._quantities: dict[Mention, Quantity | None] = {}
        self._places = self._resolve_places(document, annotation)
        self._countries = frozenset(value.country for value in self._places.values() if value.country)

    def text(self, span: Span) -> str:
        return self._text[span.start : span.end]

    def _resolve_places(self, document: Document, annotation: Annotation) -> dict[Mention, PlaceValue]:
        mentions = [mention for mention in annotation.mentions if mention.entity_type == "LOCATION"]
        queries = [PlaceQuery(self.text(mention.span), self.within(mention)) for mention in mentions]
        actors = (self.text(m.span) for m in annotation.mentions if m.entity_type == "ACTOR")
        values = self._resolvers.places(queries, list(dict.fromkeys([document.title or "", *actors])))
        return {
            mention: value or PlaceValue(precision="unresolved")
            for mention, value in zip(mentions, values, strict=True)
        }

    def place(self, mention: Mention) -> PlaceValue:
        """The value of a LOCATION, or of the same place by its other names."""
        unresolved = PlaceValue(precision="unresolved")
        for other in (mention, *self._links.mentions_of(mention)):
            value = self._places.get(other, unresolved)
            if value.precision != "unresolved":
                return value
        return unresolved

    def within(self, mention: Mention) -> tuple[str, ...]:
        """Texts of the places that hold a mention, the nearest first."""
        texts: dict[str, None] = {}
        seen = {self._links.entity(mention)}
        level = [mention]
        while level:
            above = []
            for place in level:
                for same in self._links.mentions_of(place):
                    for link in sorted(self._links.out("LOCATED_IN", same), key=lambda link: link.tail.span):
                        holder = link.tail
                        if isinstance(holder, Mention) and self._links.entity(holder) not in seen:
                            seen.add(self._links.entity(holder))
                            above.append(holder)
            texts |= dict.fromkeys(self.text(place.span) for place in above)
            level = above
        return tuple(texts)

    def actor(self, mention: Mention) -> ActorValue:
        """The value of an ACTOR; its name is the text where no resolver knows better."""
        if mention not in self._actors:
            text = self.text(mention.span)
            others = [self.text(other.span) for other in self._links.mentions_of(mention) if other != mention]
            query = ActorQuery(text, tuple(dict.fromkeys(others)), self._acronyms, self._countries)
            value = self._resolvers.actor(query) or ActorValue(name=text, kind="unknown")
            if value.kind == "unknown" and value.country and value.name == text:
                # A demonym alone: "[Afghan] and [coalition forces]".
                if head := self._shared_head(mention):
                    whole = self._resolvers.actor(replace(query, text=f"{text} {head}"))
                    value = whole if whole is not None and whole.kind != "unknown" else value
            self._actors[mention] = value
        return self._actors[mention]

    def _coordinated(self, annotation: Annotation) -> dict[Mention, Mention]:
        """The actor that follows an actor after no more than "and" or a comma."""
        actors = [mention for mention in annotation.mentions if mention.entity_type == "ACTOR"]
        return {
            before: after
            for before, after in zip(actors, actors[1:], strict=False)
            if _AND.fullmatch(self._text, before.span.end, after.span.start)
        }

    def _shared_head(self, mention: Mention) -> str | None:
        """The head noun of the last of several coordinated actors."""
        while (after := self._after.get(mention)) is not None:
            mention = after
            words = self.text(mention.span).split()
            if len(words) > 1 and words[-1].islower():
                return words[-1]
        return None

    def affiliation(self, mention: Mention) -> str | None:
        """The force, group or organisation that an actor is a member of, by the text or by its name."""
        holders: list[ActorValue] = []
        for same in (mention, *self._links.mentions_of(mention)):
            for link in self._links.out("MEMBER_OF", same):
                holder = link.tail
                if isinstance(holder, Mention) and holder.entity_type == "ACTOR":
                    value = self.actor(holder)
                    if value.kind in _HOLDERS or (value.kind == "unknown" and _is_name(value.name)):
                        holders.append(value)
        own = self.actor(mention).affiliation
        named = next((value.name for value in holders if _is_name(value.name)), None)
        # "Three insurgents, a Karsk Front commander among them": a common noun says less than his own words.
        return named or own or next((value.affiliation or value.name for value in holders), None)

    def members(self, mention: Mention) -> tuple[str, ...]:
        """Texts of the actors that are members or a part of this one."""
        links = [
            link for same in self._links.mentions_of(mention) for link in self._links.into("MEMBER_OF", same)
        ]
        found = sorted(link.head.span for link in links)
        return tuple(dict.fromkeys(self.text(span) for span in found))

    def grounded(self, mention: Mention) -> Quantity:
        """The value of a QUANTITY; bounds are None where its words are not understood."""
        text = self.text(mention.span)
        value = self._resolvers.quantity(text)
        if value is None:
            return Quantity(None, None, None, "vague", None, text, mention.span)
        return Quantity(value.low, value.best, value.high, value.qualifier, value.unit, text, mention.span)

    def quantity(self, mention: Mention) -> Quantity | None:
        """What counts a mention in the text, directly or at another mention of the same entity."""
        if mention not in self._quantities:
            self._quantities[mention] = None
            for same in (mention, *self._links.mentions_of(mention)):
                counts = [
                    link for link in self._links.into("QUANTITY_OF", same) if isinstance(link.head, Mention)
                ]
                if counts:
                    # "60 trucks, a dozen of them ...": the count before the noun, the nearest one.
                    best = min(counts, key=lambda link: _count_order(link.head.span, same.span, link.score))
                    assert isinstance(best.head, Mention)
                    self._quantities[mention] = self.grounded(best.head)
                    break
        return self._quantities[mention]

    def number(self, mention: Mention) -> Quantity | None:
        """As `quantity`, or what the noun phrase says: "a soldier", "his driver" and a person are one."""
        found = self.quantity(mention)
        if found is not None:
            return found
        text, article = self.text(mention.span), self.article(mention.span)
        value = self._resolvers.bare_count(text, "a" if article == "another" else article)
        if value is not None:
            return Quantity(value.low, value.best, value.high, value.qualifier, value.unit)
        head = text.split()[-1]
        is_one = (article is None or article in _DEFINITE) and head.islower() and head not in _COLLECTIVES
        if is_one or self.actor(mention).kind == "person":
            return Quantity(1.0, 1.0, 1.0, "exact")
        return None

    def several(self, span: Span) -> Quantity | None:
        """What a plural alone says ("insurgents were detained"): at least two, with neither text nor span.

        A force or an organisation is one body however it is written ("US forces", "authorities"), and a group
        called by a name alone ("Houthis") counts nobody; see `resolve.quantities.bare_plural`.
        """
        text, article = self.text(span), self.article(span)
        if article in _NONE_OF_THEM:
            return None
        if (
            text.istitle()
            and " " not in text
            and not _OPENS_SENTENCE.search(self._text, max(0, span.start - 12), span.start)
        ):
            return None
        value = self._resolvers.bare_count(text, "a" if article == "another" else article)
        if value is None or value.qualifier != "vague":
            return None
        return Quantity(value.low, value.best, value.high, value.qualifier, value.unit)

    def is_place_of(self, span: Span) -> bool:
        """True where a preposition makes a LOCATION the place of something."""
        return _PLACED.search(self._text, max(0, span.start - 20), span.start) is not None

    def article(self, span: Span) -> str | None:
        """The article or determiner right before a span, in lower case."""
        match = _ARTICLE.search(self._text, max(0, span.start - 20), span.start)
        word = match.group(1).lower() if match else None
        return word if word in _ARTICLES else None


def role_name(relation_type: str) -> str:
    """The role in a record that a relation of the ontology fills."""
    return _ROLE_NAMES.get(relation_type, relation_type.lower())


def unclaimed_places(annotation: Annotation, values: Values) -> list[PlaceArgument]:
    """The places after "in", "at" or "near" that fill no role and hold nothing, as arguments."""
    claimed = {link.tail for link in annotation.relations if link.relation_type != "SAME_AS"}
    return [
        _place(mention, role_name("PLACE"), mention.score, values)
        for mention in annotation.mentions
        if mention.entity_type == "LOCATION" and mention not in claimed and values.is_place_of(mention.span)
    ]


def _count_order(count: Span, noun: Span, score: float) -> tuple[bool, int, float]:
    after = count.start > noun.start
    return after, abs(noun.start - count.start), -score


def _is_name(text: str) -> bool:
    return any(word[:1].isupper() for word in text.split())


class Arguments:
    """The arguments of one occurrence, by class; times and counts of occurrences are no arguments.

    An argument's score is the product of its trigger's, its link's and its mention's: it is right only when
    all three are. `parts` has the spans of all mentions that an argument was merged from, by role and span.
    """

    def __init__(self, occurrence: Occurrence, links: Links, ontology: Ontology, values: Values) -> None:
        self.spans: list[Span] = []
        self.actors: tuple[ActorArgument, ...] = ()
        self.objects: tuple[ObjectArgument, ...] = ()
        self.places: tuple[PlaceArgument, ...] = ()
        self.amounts: tuple[AmountArgument, ...] = ()
        self.entities: dict[Span, Mention] = {}
        self.parts: dict[tuple[str, Span], tuple[Span, ...]] = {}
        actors: list[tuple[Trigger, ActorArgument]] = []
        objects: list[tuple[Trigger, ObjectArgument]] = []
        places: list[tuple[Trigger, PlaceArgument]] = []
        amounts: list[AmountArgument] = []
        for relation in ontology.relation_types:
            if relation.kind != "role":
                continue
            role = role_name(relation.name)
            for trigger, link, mention in links.arguments(occurrence, relation.name):
                self.spans.append(mention.span)
                if relation.name in _OWN_FIELDS:
                    continue
                self.entities[mention.span] = links.entity(mention)
                score = trigger.score * link.score * mention.score
                match mention.entity_type:
                    case "ACTOR":
                        actors.append((trigger, _actor(mention, role, score, values)))
                    case "LOCATION":
                        places.append((trigger, _place(mention, role, score, values)))
                    case "QUANTITY":
                        quantity = values.grounded(mention)
                        amounts.append(
                            AmountArgument(role, values.text(mention.span), mention.span, quantity, score)
                        )
                    case _:
                        text = values.text(mention.span)
                        counted = values.quantity(mention)
                        objects.append((trigger, ObjectArgument(role, text, mention.span, counted, score)))
        self.actors = _numbered(self._merged(actors, lambda actor: actor.name), values)
        self.objects = _numbered(self._merged(objects, lambda thing: thing.text), values)
        self.places = self._merged(places, lambda place: place.gazetteer_id or place.text)
        self.amounts = tuple(sorted(amounts, key=lambda amount: (amount.span, amount.role)))
        self.parts |= {(amount.role, amount.span): (amount.span,) for amount in self.amounts}
        counted_things: Sequence[ActorArgument | ObjectArgument] = (*self.actors, *self.objects)
        self.spans += [
            thing.quantity.span for thing in counted_things if thing.quantity and thing.quantity.span
        ]

    def all(self) -> list[ActorArgument | ObjectArgument | PlaceArgument | AmountArgument]:
        return [*self.actors, *self.objects, *self.places, *self.amounts]

    def _merged(self, items: list[tuple[Trigger, A]], name: Callable[[A], str]) -> tuple[A, ...]:
        """One argument per role and entity: the most telling mention, as sure as the surest, in text order.

        Two mentions are one entity when SAME_AS ties them, or when different triggers of the occurrence give
        the same name: each trigger carries what stands nearest to it, so that repeats are repeats.
        """
        kept: list[tuple[set[Trigger], list[A]]] = []
        for trigger, item in sorted(items, key=lambda pair: pair[1].span):
            for triggers, group in kept:
                first = group[0]
                if first.role != item.role:
                    continue
                tied = any(self.entities[other.span] == self.entities[item.span] for other in group)
                named = trigger not in triggers and name(first).casefold() == name(item).casefold()
                if tied or named:
                    group.append(item)
                    triggers.add(trigger)
                    break
            else:
                kept.append(({trigger}, [item]))
        best = []
        for _, group in kept:
            item = max(group, key=_telling)
            item = replace(_with_quantity(item, group), score=max(other.score for other in group))
            self.parts[item.role, item.span] = tuple(other.span for other in group)
            best.append(item)
        return tuple(sorted(best, key=lambda item: (item.span, item.role)))


def _actor(mention: Mention, role: str, score: float, values: Values) -> ActorArgument:
    value = values.actor(mention)
    return ActorArgument(
        role=role,
        text=values.text(mention.span),
        span=mention.span,
        name=value.name,
        kind=value.kind,
        country=value.country,
        affiliation=values.affiliation(mention),
        members=values.members(mention),
        quantity=values.quantity(mention),
        score=score,
    )


def _place(mention: Mention, role: str, score: float, values: Values) -> PlaceArgument:
    value = values.place(mention)
    return PlaceArgument(
        role=role,
        text=values.text(mention.span),
        span=mention.span,
        within=values.within(mention),
        name=value.name,
        gazetteer_id=value.gazetteer_id,
        latitude=value.latitude,
        longitude=value.longitude,
        country=value.country,
        precision=value.precision,
        score=score,
    )


def _numbered(items: Sequence[B], values: Values) -> tuple[B, ...]:
    """Gives plurals that nothing counts what they say of their number themselves."""
    return tuple(
        item if item.quantity is not None else replace(item, quantity=values.several(item.span))
        for item in items
    )


def _with_quantity(item: A, group: Sequence[A]) -> A:
    quantity = next((found for other in group if (found := _quantity(other)) is not None), None)
    if quantity is None or _quantity(item) is not None:
        return item
    return replace(item, quantity=quantity)  # type: ignore[call-arg]  # a place has no quantity, see above


def _quantity(item: ActorArgument | ObjectArgument | PlaceArgument) -> Quantity | None:
    return None if isinstance(item, PlaceArgument) else item.quantity


def _telling(item: ActorArgument | ObjectArgument | PlaceArgument) -> tuple[bool, bool, int, int]:
    is_acronym = item.text.isupper()
    return (
        _is_name(item.text) and not is_acronym,
        _quantity(item) is not None,
        len(item.text),
        -item.span.start,
    )
