"""Event records as rows of two event-data projects: ACLED, and POLECAT, which follows PLOVER.

Columns and their values are those of the ACLED codebook (October 2024) and of the POLECAT files; codes of
event types come from the ontology. Only what happened is coded, and once: an aggregate gives way to its
items, an outcome or part to the event that it belongs to. What a record does not say is None or "", never 0;
what only the projects know (regions, scales of sources, intensities, Wikipedia pages) stays empty.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from sitrep_ie import __version__
from sitrep_ie.document import ActorArgument, Event, ObjectArgument, PlaceArgument, Quantity, Report
from sitrep_ie.ontology import CodeCase, Ontology
from sitrep_ie.resolve.actors import ActorResolver
from sitrep_ie.resolve.gazetteer import Gazetteer, GazetteerEntry

Row: TypeAlias = "dict[str, str | int | float | None]"
Scheme = Literal["acled", "plover"]

ACLED_COLUMNS = (
    "event_id_cnty", "event_date", "year", "time_precision", "disorder_type", "event_type", "sub_event_type",
    "actor1", "assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2", "interaction",
    "civilian_targeting", "iso", "region", "country", "admin1", "admin2", "admin3", "location", "latitude",
    "longitude", "geo_precision", "source", "source_scale", "notes", "fatalities", "tags", "timestamp",
)  # fmt: skip
PLOVER_COLUMNS = (
    "Event ID", "Event Date", "Event Type", "Event Mode", "Event Intensity", "Quad Code", "Contexts",
    "Actor Name", "Actor Country", "Actor COW", "Primary Actor Sector", "Actor Sectors", "Actor Title",
    "Actor Name Raw", "Wikipedia Actor ID",
    "Recipient Name", "Recipient Country", "Recipient COW", "Primary Recipient Sector", "Recipient Sectors",
    "Recipient Title", "Recipient Name Raw", "Wikipedia Recipient ID",
    "Placename", "City", "District", "Province", "Country", "Latitude", "Longitude", "GeoNames ID",
    "Raw Placename", "Feature Type", "Source", "Publication Date", "Story People", "Story Organizations",
    "Story Locations", "Language", "Version",
)  # fmt: skip

_DISORDER = {
    "Battles": "Political violence",
    "Explosions/Remote violence": "Political violence",
    "Violence against civilians": "Political violence",
    "Protests": "Demonstrations",
    "Riots": "Demonstrations",
    "Strategic developments": "Strategic developments",
}
_SUB_EVENT_DISORDER = {
    "Mob violence": "Political violence",
    "Excessive force against protesters": "Political violence; Demonstrations",
}
_CROWDS = {"Protests": "Protesters", "Riots": "Rioters"}
# In the order of ACLED's numbers, in which the two names of an interaction stand.
_INTER = (
    "State forces", "Rebel group", "Political militia", "Identity militia", "Rioters", "Protesters",
    "Civilians", "External/Other forces",
)  # fmt: skip
# Verbal cooperation, material cooperation, verbal conflict, material conflict: PLOVER's quad_code 1 to 4.
_QUADS = (
    ("AGREE", "CONSULT", "SUPPORT", "CONCEDE"),
    ("COOPERATE", "AID", "RETREAT"),
    ("REQUEST", "ACCUSE", "REJECT", "THREATEN"),
    ("PROTEST", "SANCTION", "MOBILIZE", "COERCE", "ASSAULT"),
)
_QUAD_CODES = {name: number for number, names in enumerate(_QUADS, 1) for name in names}
# Where an event takes place, the surest first.
_PLACE_ROLES = ("at", "target", "via", "destination", "origin")
# A sub-type that names nothing: a part of the event may know better.
_REST = ("", "Other")
_WEEK_DAYS, _MONTH_DAYS = 7, 31


def to_acled(report: Report, ontology: Ontology, gazetteer: Gazetteer | None = None) -> list[Row]:
    """Returns rows with `ACLED_COLUMNS`, in text order, for the events that ACLED has a code for.

    Dates and their precision follow the codebook: a day is 1; a span of at most a week is 2 and one of at
    most a month 3, each dated to its middle; a longer one has no date. An event on separate days is a row for
    each, its deaths shared out among them. `fatalities` is the figure stated, of a vague one the lower bound,
    and None where the text gives no figure. `event_id_cnty` is the ids of the document and the event.

    Args:
        report: of any extractor with this ontology.
        ontology: has the codes of the event types.
        gazetteer: the one that the places were resolved with, for their divisions; default the shipped one.

    Raises:
        ResourceError: the gazetteer is missing or broken.
    """
    places = gazetteer or _shipped_gazetteer()
    return [row for coded in _coded(report, ontology, "acled") for row in _acled_rows(report, coded, places)]


def to_plover(report: Report, ontology: Ontology, gazetteer: Gazetteer | None = None) -> list[Row]:
    """Returns rows with `PLOVER_COLUMNS`, in text order, for the events that PLOVER has a code for.

    Several actors or names stand in one cell, joined by "; "; countries are ISO alpha-3 codes. The date is
    the first day; a time that is no more precise than a week has none. An event on separate days is a row for
    each.

    Args:
        report: of any extractor with this ontology.
        ontology: has the codes of the event types.
        gazetteer: the one that the places were resolved with, for their divisions; default the shipped one.

    Raises:
        ResourceError: the gazetteer is missing or broken.
    """
    places = gazetteer or _shipped_gazetteer()
    return [
        row for coded in _coded(report, ontology, "plover") for row in _plover_rows(report, coded, places)
    ]


@dataclass(frozen=True)
class EventData:
    """Codes reports of one ontology; extractors give it to their reports as `Report.coder`.

    `gazetteer` is the file that the places were resolved with; None is the shipped one.
    """

    ontology: Ontology
    gazetteer: Path | None = None

    def acled(self, report: Report) -> list[Row]:
        """See `to_acled`."""
        return to_acled(report, self.ontology, self._open())

    def plover(self, report: Report) -> list[Row]:
        """See `to_plover`."""
        return to_plover(report, self.ontology, self._open())

    def _open(self) -> Gazetteer:
        return _shipped_gazetteer() if self.gazetteer is None else _gazetteer(self.gazetteer)


@lru_cache(maxsize=1)
def _shipped_gazetteer() -> Gazetteer:
    return Gazetteer.open()


@lru_cache(maxsize=4)
def _gazetteer(path: Path) -> Gazetteer:
    return Gazetteer.open(path)


# ---- which events, and their codes ----


@dataclass(frozen=True, slots=True)
class _Coded:
    """An event with its codes, the place where it happened, and the parts that are coded with it."""

    event: Event
    codes: tuple[str, str]
    place: PlaceArgument | None
    parts: tuple[Event, ...]


def _coded(report: Report, ontology: Ontology, scheme: Scheme) -> Iterator[_Coded]:
    events = {event.id: event for event in report.events}
    codes = {
        event.id: found
        for event in report.events
        if event.modality == "actual" and (found := _codes(event, ontology, scheme))[0]
    }
    summed_up = {
        event.id
        for event in report.events
        if event.id in codes and any(item in codes for item in event.items)
    }

    def is_part(event: Event) -> bool:
        seen = {event.id}
        part, whole = event, events.get(event.parent or "")
        while whole is not None and whole.id not in seen:
            # An item stands for itself, in the place of the aggregate above it.
            if whole.id in codes and not (whole.id in summed_up and part.id in whole.items):
                return True
            seen.add(whole.id)
            part, whole = whole, events.get(whole.parent or "")
        return False

    for event in report.events:
        if event.id not in codes or event.id in summed_up or is_part(event):
            continue
        parts = tuple(_parts(event, events))
        first, second = codes[event.id]
        if second in _REST:
            known = (codes[part.id] for part in parts if part.id in codes)
            second = next((sub for main, sub in known if main == first and sub not in _REST), second)
        yield _Coded(event, (first, second), _place(event), parts)


def _parts(event: Event, events: dict[str, Event]) -> Iterator[Event]:
    """Everything below `event` that happened, once each."""
    seen = {event.id}
    waiting = list(event.children)
    while waiting:
        part = events.get(waiting.pop(0))
        if part is not None and part.id not in seen:
            seen.add(part.id)
            waiting += part.children
            if part.modality == "actual":
                yield part


def _codes(event: Event, ontology: Ontology, scheme: Scheme) -> tuple[str, str]:
    if event.type not in ontology.event_names:
        return "", ""
    event_type = ontology.event(event.type)
    for case in event_type.cases:
        codes = case.acled if scheme == "acled" else case.plover
        if codes is not None and _meets(event, case):
            return codes
    return event_type.acled if scheme == "acled" else event_type.plover


def _meets(event: Event, case: CodeCase) -> bool:
    if case.release and not event.release:
        return False
    if case.words:
        texts = [trigger.text for trigger in event.triggers]
        texts += [thing.text for thing in event.objects if thing.role in ("instrument", "agent")]
        if not _has_word(texts, case.words):
            return False
    if case.target_words:
        things = [thing.text for thing in event.objects if thing.role == "target"]
        if not _has_word(things, case.target_words):
            return False
    for role, wanted in (("agent", case.agents), ("partner", case.partners), ("target", case.targets)):
        if wanted:
            sorts = _sorts(event, role)
            if not sorts or not all(sort & set(wanted) for sort in sorts):
                return False
    return True


def _has_word(texts: Sequence[str], beginnings: Sequence[str]) -> bool:
    lines = [f" {' '.join(text.casefold().split())}" for text in texts]
    return any(f" {beginning}" in line for line in lines for beginning in beginnings)


def _sorts(event: Event, role: str) -> list[set[str]]:
    """What each filler of a role is, in the terms of `ontology.FILLER_SORTS`."""
    place = _place(event)
    sorts: list[set[str]] = []
    for actor in event.actors:
        if actor.role == role:
            sorts.append({"any", actor.kind})
            if (home := _is_home_force(actor, place)) is not None:
                sorts[-1].add("home_force" if home else "foreign_force")
    sorts += [{"any", "object"} for thing in event.objects if thing.role == role]
    sorts += [{"any", "place"} for target in event.places if target.role == role]
    sorts += [{"any", "unknown"} for amount in event.amounts if amount.role == role]
    return sorts


def _is_home_force(actor: ActorArgument, place: PlaceArgument | None) -> bool | None:
    if actor.kind != "state_force" or not actor.country or place is None or not place.country:
        return None
    return actor.country == place.country


# ---- what both schemes need ----


def _place(event: Event) -> PlaceArgument | None:
    """The place that stands for the event: by role, and one on the map before one that is only a name."""
    places = sorted(
        (place for place in event.places if place.role in _PLACE_ROLES),
        key=lambda place: (_PLACE_ROLES.index(place.role), place.latitude is None),
    )
    return next((place for place in places if place.latitude is not None), places[0] if places else None)


@dataclass(frozen=True, slots=True)
class _Position:
    """A place in its divisions; a point only where it says more than the country."""

    name: str
    country: str | None
    city: str
    admin1: str
    admin2: str
    latitude: float | None
    longitude: float | None


def _position(place: PlaceArgument | None, gazetteer: Gazetteer) -> _Position:
    if place is None:
        return _Position("", None, "", "", "", None, None)
    entry: GazetteerEntry | None = None
    if place.gazetteer_id is not None and place.gazetteer_id.isdecimal():
        entry = gazetteer.entry(int(place.gazetteer_id))
        # The id is another gazetteer's.
        if entry is not None and entry.country != place.country:
            entry = None
    names: dict[str, str] = {}
    if entry is not None:
        names[entry.kind] = entry.name
        for kind, holder in (("admin1", entry.admin1), ("admin2", entry.admin2)):
            above = gazetteer.entry(holder) if holder is not None else None
            if above is not None:
                names.setdefault(kind, above.name)
    on_map = place.precision not in ("country", "unresolved")
    return _Position(
        name="" if place.precision == "country" else place.name or place.text,
        country=place.country,
        city=names.get("settlement", ""),
        admin1=names.get("admin1", ""),
        admin2=names.get("admin2", ""),
        latitude=place.latitude if on_map else None,
        longitude=place.longitude if on_map else None,
    )


def _days(event: Event) -> Sequence[datetime.date | None]:
    """The days on which the event took place, where they are known one by one; else None, once."""
    time = event.time
    if time.dates:
        return time.dates
    return (time.start,) if time.start is not None and time.start == time.end else (None,)


def _event_ids(report: Report, event: Event, days: Sequence[datetime.date | None]) -> list[str]:
    name = f"{report.document.id}/{event.id}"
    return [f"{name}/{day}" for day in days] if len(days) > 1 else [name]


def _agents(event: Event) -> list[ActorArgument | ObjectArgument]:
    """Those who did it; a vehicle that acts only where no actor does."""
    actors = [actor for actor in event.actors if actor.role == "agent"]
    return [*actors] or [thing for thing in event.objects if thing.role == "agent"]


def _targets(coded: _Coded) -> list[ActorArgument]:
    """Those it was done to: the event's own targets, else those of its parts, each name once."""
    for events in ((coded.event,), coded.parts):
        found = [actor for event in events for actor in event.actors if actor.role == "target"]
        if found:
            return list({actor.name: actor for actor in found}.values())
    return []


def _name(filler: ActorArgument | ObjectArgument) -> str:
    return filler.name if isinstance(filler, ActorArgument) else filler.text


def _joined(names: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(name for name in names if name))


def _evidence(report: Report, event: Event) -> str:
    text = report.document.text
    return " ".join(" ".join(text[span.start : span.end].split()) for span in event.evidence)


@lru_cache(maxsize=1)
def _country_names() -> dict[str, str]:
    return ActorResolver().table.country_names


def _country_name(code: str | None) -> str:
    if code is None:
        return ""
    found = _iso(code)
    official = str(getattr(found, "common_name", None) or getattr(found, "name", ""))
    return _country_names().get(code) or official


def _iso(code: str | None) -> object | None:
    import pycountry

    country: object | None = pycountry.countries.get(alpha_2=code) if code else None
    return country


def _alpha_3(code: str | None) -> str:
    return str(getattr(_iso(code), "alpha_3", ""))


# ---- ACLED ----


def _acled_rows(report: Report, coded: _Coded, gazetteer: Gazetteer) -> Iterator[Row]:
    event, place = coded.event, coded.place
    event_type, sub_event_type = coded.codes
    position = _position(place, gazetteer)
    first, second = _sides(coded)
    inter1 = _inter(first, place, _CROWDS.get(event_type))
    inter2 = _inter(second, place, None)
    numeric = getattr(_iso(position.country), "numeric", None)
    base: Row = dict.fromkeys(ACLED_COLUMNS, "")
    base |= {
        "disorder_type": _SUB_EVENT_DISORDER.get(sub_event_type, _DISORDER.get(event_type, "")),
        "event_type": event_type,
        "sub_event_type": sub_event_type,
        "actor1": _name(first[0]) if first else "",
        "assoc_actor_1": _joined([_name(actor) for actor in first[1:]]),
        "inter1": inter1,
        "actor2": _name(second[0]) if second else "",
        "assoc_actor_2": _joined([_name(actor) for actor in second[1:]]),
        "inter2": inter2,
        "interaction": _interaction(inter1, inter2, bool(second)),
        "civilian_targeting": _civilian_targeting(event_type, second),
        "iso": int(numeric) if numeric else None,
        "country": _country_name(position.country),
        "admin1": position.admin1,
        "admin2": position.admin2,
        "location": position.name,
        "latitude": position.latitude,
        "longitude": position.longitude,
        "geo_precision": _geo_precision(place),
        "source": report.document.source or _joined([a.name for a in event.actors if a.role == "reporter"]),
        "notes": _evidence(report, event),
        "tags": _tags(event, event_type),
        "timestamp": None,
    }
    days = _days(event)
    deaths = _shared_out(_fatalities(event.outcomes.killed), len(days))
    for name, day, fatalities in zip(_event_ids(report, event, days), days, deaths, strict=True):
        middle, precision = (day, 1) if day is not None else _middle(event)
        yield base | {
            "event_id_cnty": name,
            "event_date": middle.isoformat() if middle else None,
            "year": middle.year if middle else _year(event),
            "time_precision": precision,
            "fatalities": fatalities,
        }


def _sides(
    coded: _Coded,
) -> tuple[list[ActorArgument | ObjectArgument], list[ActorArgument | ObjectArgument]]:
    """The main actor of either side with those beside it; in a battle without a target, who fought whom."""
    event = coded.event
    agents = _agents(event)
    partners = [actor for actor in event.actors if actor.role == "partner"]
    named = [actor for actor in event.actors if actor.role == "target"]
    if coded.codes[0] == "Battles" and not named:
        if len(agents) == 2:
            return [agents[0], *partners], [agents[1]]
        # Civilians are no party to a battle.
        return [*agents, *partners], [actor for actor in _targets(coded) if actor.kind != "civilians"]
    return [*agents, *partners], [*_targets(coded)]


def _inter(
    side: Sequence[ActorArgument | ObjectArgument], place: PlaceArgument | None, crowd: str | None
) -> str:
    if not side:
        return ""
    if crowd is not None:
        return crowd
    actor = side[0]
    if not isinstance(actor, ActorArgument):
        return ""
    if actor.kind == "civilians":
        return "Civilians"
    home = _is_home_force(actor, place)
    # Which of ACLED's four sorts of armed group one is, its name and kind do not tell.
    return "" if home is None else "State forces" if home else "External/Other forces"


def _interaction(inter1: str, inter2: str, two_sided: bool) -> str:
    if not inter1 or (two_sided and not inter2):
        return ""
    return "-".join(sorted((inter1, inter2), key=_INTER.index)) if two_sided else f"{inter1} only"


def _civilian_targeting(event_type: str, targets: Sequence[ActorArgument | ObjectArgument]) -> str:
    if event_type == "Violence against civilians":
        return "Civilian targeting"
    if event_type not in ("Explosions/Remote violence", "Riots"):
        return ""
    kinds = {actor.kind for actor in targets if isinstance(actor, ActorArgument)}
    return "Civilian targeting" if kinds == {"civilians"} else ""


def _middle(event: Event) -> tuple[datetime.date | None, int | None]:
    time = event.time
    if time.start is None or time.end is None:
        return None, None
    num_days = (time.end - time.start).days + 1
    if num_days > _MONTH_DAYS:
        return None, None
    return time.start + (time.end - time.start) // 2, 2 if num_days <= _WEEK_DAYS else 3


def _year(event: Event) -> int | None:
    years = {day.year for day in (event.time.start, event.time.end) if day is not None}
    return years.pop() if len(years) == 1 and event.time.start and event.time.end else None


def _geo_precision(place: PlaceArgument | None) -> int | None:
    return None if place is None else {"exact": 1, "near": 2, "admin": 3}.get(place.precision)


def _fatalities(killed: Quantity | None) -> int | None:
    if killed is None:
        return None
    # A bare plural is no figure.
    if killed.qualifier == "vague" and killed.span is None:
        return None
    figure = killed.best if killed.qualifier in ("exact", "about") else killed.low
    return None if figure is None else round(figure)


def _shared_out(total: int | None, num_days: int) -> list[int | None]:
    """Splits a total as evenly as whole numbers go, the first days getting what is left over."""
    if total is None:
        return [None] * num_days
    each, rest = divmod(total, num_days)
    return [each + (day < rest) for day in range(num_days)]


def _tags(event: Event, event_type: str) -> str:
    tags = []
    if event_type in _CROWDS:
        crowds = [a.quantity.text for a in event.actors if a.role == "agent" and a.quantity]
        tags.append(f"crowd size={next(filter(None, crowds), 'no report')}")
    if event.count is not None and event.count.text:
        tags.append(f"number of occurrences={event.count.text}")
    return "; ".join(tags)


# ---- PLOVER ----


def _plover_rows(report: Report, coded: _Coded, gazetteer: Gazetteer) -> Iterator[Row]:
    event, place = coded.event, coded.place
    event_type, mode = coded.codes
    position = _position(place, gazetteer)
    partners = [actor for actor in event.actors if actor.role == "partner"]
    actors = [actor for other in report.events for actor in other.actors]
    base: Row = dict.fromkeys(PLOVER_COLUMNS, "")
    base |= {
        "Event Type": event_type,
        "Event Mode": mode,
        "Event Intensity": None,
        "Quad Code": _QUAD_CODES.get(event_type),
        **_party("Actor", [*_agents(event), *partners]),
        **_party("Recipient", _targets(coded)),
        "Placename": position.name,
        "City": position.city,
        "District": position.admin2,
        "Province": position.admin1,
        "Country": _alpha_3(position.country),
        "Latitude": position.latitude,
        "Longitude": position.longitude,
        "GeoNames ID": place.gazetteer_id if place is not None else None,
        "Raw Placename": place.text if place is not None else "",
        "Source": report.document.source or "",
        "Publication Date": report.published.isoformat() if report.published else None,
        "Story People": _joined([actor.name for actor in actors if actor.kind == "person"]),
        "Story Organizations": _joined(
            [a.name for a in actors if a.kind in ("organisation", "armed_group", "state_force")]
        ),
        "Story Locations": _joined([p.name or p.text for other in report.events for p in other.places]),
        "Version": f"sitrep_ie {__version__}",
    }
    days = _days(event)
    start = event.time.start if event.time.precision in ("hour", "day") else None
    for name, day in zip(_event_ids(report, event, days), days, strict=True):
        date = day or start
        yield base | {"Event ID": name, "Event Date": date.isoformat() if date else None}


def _party(prefix: str, fillers: Sequence[ActorArgument | ObjectArgument]) -> Row:
    known = [filler for filler in fillers if isinstance(filler, ActorArgument)]
    # Which branch of a state, or which sort of armed group, an actor's kind does not tell.
    civilian = "CVL" if known and all(actor.kind == "civilians" for actor in known) else ""
    return {
        f"{prefix} Name": _joined([_name(filler) for filler in fillers]),
        f"{prefix} Name Raw": _joined([filler.text for filler in fillers]),
        f"{prefix} Country": _joined([_alpha_3(actor.country) for actor in known]),
        f"Primary {prefix} Sector": civilian,
        f"{prefix} Sectors": civilian,
    }
