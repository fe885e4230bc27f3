"""What assembly asks of the resolvers, as plain callables: the shipped ones, others, or none."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sitrep_ie.document import ActorValue, DateValue, PlaceValue, QuantityValue

if TYPE_CHECKING:
    from sitrep_ie.resolve.dates import DateContext
    from sitrep_ie.resolve.places import PlaceQuery

Period = tuple[datetime.date, datetime.date]


@dataclass(frozen=True)
class ActorQuery:
    """An actor mention: its text, other names of the same entity, and what the document tells about names.

    `acronyms` maps an acronym to its long form; `countries` are ISO codes of the places in the document.
    """

    text: str
    same_as: tuple[str, ...]
    acronyms: Mapping[str, str]
    countries: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Resolvers:
    """One callable per kind of value; each gives None for what it cannot read.

    Attributes:
        document_date: text -> publication date, from the document's own header or dateline.
        document_period: (title or heading, context) -> days that the report covers.
        release_month: text -> month of its release number, for a report without publication date.
        is_day_first: (text, publication date) -> whether 3/4 is the third of April.
        date: (text of a DATE, context) -> value.
        quantity: text of a QUANTITY -> value.
        bare_count: (noun phrase without number, the article before it or None) -> value.
        acronyms: text -> acronyms that it introduces, with their long forms.
        actor: query -> value.
        places: all places of a document, in reading order, and its title -> one value each.
    """

    document_date: Callable[[str], datetime.date | None]
    document_period: Callable[[str, DateContext], Period | None]
    is_day_first: Callable[[str, datetime.date | None], bool]
    date: Callable[[str, DateContext], DateValue | None]
    quantity: Callable[[str], QuantityValue | None]
    bare_count: Callable[[str, str | None], QuantityValue | None]
    acronyms: Callable[[str], Mapping[str, str]]
    actor: Callable[[ActorQuery], ActorValue | None]
    places: Callable[[Sequence[PlaceQuery], Sequence[str]], Sequence[PlaceValue | None]]
    release_month: Callable[[str], Period | None] = field(default=lambda text: None)

    @classmethod
    def none(cls) -> Resolvers:
        """Resolves nothing: records hold texts and spans, and no values."""
        return cls(
            document_date=lambda text: None,
            document_period=lambda text, context: None,
            is_day_first=lambda text, published: True,
            date=lambda text, context: None,
            quantity=lambda text: None,
            bare_count=lambda phrase, article: None,
            acronyms=lambda text: {},
            actor=lambda query: None,
            places=lambda queries, context_texts: [None] * len(queries),
        )

    @classmethod
    def default(cls, gazetteer_path: Path | None = None) -> Resolvers:
        """The resolvers of the library; the gazetteer is opened once, here.

        Raises:
            ResourceError: the gazetteer or an alias table is missing or broken.
        """
        from sitrep_ie.resolve.actors import ActorResolver, find_acronyms
        from sitrep_ie.resolve.dates import (
            document_date,
            document_period,
            is_day_first,
            release_month,
            resolve_date,
        )
        from sitrep_ie.resolve.gazetteer import Gazetteer
        from sitrep_ie.resolve.places import resolve_places
        from sitrep_ie.resolve.quantities import bare_count, resolve_quantity

        gazetteer = Gazetteer.open(gazetteer_path)
        actors = ActorResolver()

        def resolve_actor(query: ActorQuery) -> ActorValue:
            return actors.resolve(
                query.text, same_as=query.same_as, acronyms=query.acronyms, countries=query.countries
            )

        def resolve_all_places(queries: Sequence[PlaceQuery], texts: Sequence[str]) -> list[PlaceValue]:
            return resolve_places(queries, gazetteer, context_texts=texts)

        return cls(
            document_date=document_date,
            document_period=document_period,
            is_day_first=is_day_first,
            date=resolve_date,
            quantity=resolve_quantity,
            bare_count=bare_count,
            acronyms=find_acronyms,
            actor=resolve_actor,
            places=resolve_all_places,
            release_month=release_month,
        )
