"""Fields of ISAF press releases, read off the event records, against the benchmark's gold.

    python -m training.benchmarks.isaf FILE [--model DIR] [--corpus ../shared/corpus]

A thin mapping: every field comes from the records of a report (types, times, places, victims, agents); no
event is looked for in the text. Accuracy is printed for all items and apart for those that the corpus `isaf`
annotates, because a model was trained on its train part: only the other items say how the library does on
reports that it has not seen.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import re
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sitrep_ie import Document, Extractor
from sitrep_ie.document import ActorArgument, Event, PlaceArgument, Quantity, Report, Span, paragraph_spans
from sitrep_ie.errors import FormatError, SitrepError
from sitrep_ie.resolve.actors import ActorResolver
from sitrep_ie.resolve.gazetteer import Gazetteer, name_key
from sitrep_ie.resolve.quantities import bare_count
from training.corpora._annotated import OUTSIDE_FOLDER
from training.corpora.isaf import SPLITS, read

FIELDS = (
    "name",
    "start_date",
    "event_type",
    "province",
    "target_group",
    "min_killed",
    "min_captured",
    "killq",
    "captureq",
    "killcaptureraid",
    "airstrike",
    "noshotsfired",
    "min_leaders_killed",
    "min_leaders_captured",
)

# The benchmark's names of groups, by the library's canonical names.
_GROUPS = {
    "Taliban": "taliban",
    "Haqqani network": "haqqani",
    "Islamic Movement of Uzbekistan": "imu",
    "Hezb-e Islami Gulbuddin": "hig",
    "al-Qaeda": "alqaeda",
    "Lashkar-e-Taiba": "let",
    "Jaish-e-Mohammed": "jem",
}
# The benchmark's spelling, where it is not the gazetteer's without its marks.
_PROVINCES = {"paktiya": "paktya", "maidan wardak": "wardak", "oruzgan": "uruzgan", "konar": "kunar"}
_LEADERS = re.compile(r"\b(?:leaders?|commanders?|chiefs?|governors?|emirs?|heads?)\b", re.IGNORECASE)
_ADDED = re.compile(r"\b(?:additional|another|other|others|second|more)\b", re.IGNORECASE)
# Where the rubric's minimum is above the library's low bound: "multiple" is three, "numerous" four, "more
# than 10" eleven.
# No article: that of "a number of" is outside the span.
_MULTIPLE = re.compile(r"\b(?:multiple|number of)\b", re.IGNORECASE)
_NUMEROUS = re.compile(r"\b(?:large number of|numerous|many)\b", re.IGNORECASE)
_MORE_THAN = re.compile(r"\b(?:more than|over)\s+\d", re.IGNORECASE)
# "A leader was one of those detained": no one beside them.
_ONE_OF_THEM = re.compile(r"\s+(?:was|were|is|are)\s+(?:one\s+of|among(?:st)?)\s+(?:the|them|those)\b")
_DEFINITE = frozenset({"the", "both", "these", "those", "his", "their"})
_ARTICLE = re.compile(
    r"\b(the|both|these|those|his|their|a|an|one|another|no)\s+(?:\w+\s+)?\Z", re.IGNORECASE
)
_OPERATIONS = ("RAID", "DETENTION", "DEATH", "AIRSTRIKE", "CLASH", "SHELLING", "BOMBING", "INJURY")
# Older events are the past of the people sought, not what the release is about.
_MAX_AGE = datetime.timedelta(days=60)
# What took longer is a review of other operations ("in the past month").
_MAX_LENGTH = datetime.timedelta(days=7)


def fields(report: Report) -> dict[str, Any]:
    """Returns the benchmark's fields of one release. What its records do not say is 0, False or [""]."""
    records = _Records(report)
    deaths = records.people("DEATH", frozenset({"armed_group", "person", "unknown"}))
    civilians = records.people("DEATH", frozenset({"civilians"}))
    captures = records.people("DETENTION", frozenset({"armed_group", "person", "unknown", "civilians"}))
    killed, captured = deaths.number or civilians.number, captures.number
    airstrike = records.has("AIRSTRIKE")
    raid = records.has("RAID") or captured > 0
    if airstrike and not captured:
        types = ["airstrike"]
    elif deaths.number and captured:
        types = ["captureandkill"]
    elif deaths.number:
        types = ["insurgentskilled"]
    elif civilians.number:
        types = ["civiliancasualty"]
    elif captured or raid:
        types = ["detention"]
    else:
        types = [""]
    return {
        "name": _title(report),
        "start_date": records.start_date(),
        "event_type": types,
        "province": records.provinces(),
        "target_group": records.groups(),
        "min_killed": killed,
        "min_captured": captured,
        "killq": killed > 0,
        "captureq": captured > 0,
        "killcaptureraid": raid and (captured > 0 or killed > 0),
        "airstrike": airstrike,
        "noshotsfired": records.held_fire(),
        "min_leaders_killed": deaths.leaders,
        "min_leaders_captured": captures.leaders,
    }


def _title(report: Report) -> str:
    return next((line.strip() for line in report.document.text.splitlines() if line.strip()), "")


def _title_end(report: Report) -> int:
    """Where the first line ends, if it is a title: a line of its own without a full stop."""
    text = report.document.text
    line = text[: text.find("\n")] if "\n" in text.strip() else ""
    return 0 if re.search(r"[.!?][\"'\u201d\u2019]?\s*$", line) else len(line)


@dataclass(frozen=True)
class _People:
    """How many people some records are about, and how many of them lead others; at least."""

    number: int
    leaders: int


@dataclass(frozen=True)
class _Group:
    """People that one phrase names. `whole` says that members of it are named beside it."""

    paragraph: int
    span: Span
    number: int
    leaders: int
    one_person: bool
    definite: bool
    added: bool
    generic: bool
    whole: bool
    part: bool


class _Records:
    """The records of one release, without its background."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._text = report.document.text
        self._starts = [span.start for span in paragraph_spans(self._text)]
        self._by_id = {event.id: event for event in report.events}
        news = [event for event in report.events if self._is_news(event)]
        # The title says again what the first sentence says, with less.
        title_end = _title_end(report)
        body = [event for event in news if any(trigger.span.start >= title_end for trigger in event.triggers)]
        self._events = body or news

    def _is_news(self, event: Event) -> bool:
        """False for statements, for what did not happen, for old events and for what the enemy did."""
        if event.modality != "actual" or event.type not in _OPERATIONS or event.release:
            return False
        published, start = self._report.published, event.time.start
        if published is not None and start is not None and published - start > _MAX_AGE:
            return False
        end = event.time.end
        if start is not None and end is not None and end - start > _MAX_LENGTH:
            return False
        return not _by_enemy(event)

    def _above(self, event: Event) -> Iterator[Event]:
        while event.parent is not None:
            event = self._by_id[event.parent]
            yield event

    def has(self, event_type: str) -> bool:
        return any(event.type == event_type for event in self._events)

    def held_fire(self) -> bool:
        """True where the release denies that shots were fired."""
        return any(event.type == "CLASH" and event.modality == "negated" for event in self._report.events)

    def start_date(self) -> str | None:
        """The first day of the first thing done that is dated, else the day of publication."""
        for wanted in (("DETENTION", "DEATH", "AIRSTRIKE", "RAID"), _OPERATIONS):
            for event in self._events:
                if event.type in wanted and event.time.start is not None:
                    return event.time.start.isoformat()
        return self._report.published.isoformat() if self._report.published else None

    def provinces(self) -> list[str]:
        """The province of the first record that has one, or else of the first place that has one."""
        for event in self._events:
            for place in event.places:
                if (province := _province(place)) is not None:
                    return [province]
        for event in self._report.events:
            for place in event.places:
                if (province := _province(place)) is not None:
                    return [province]
        return [""]

    def groups(self) -> list[str]:
        """The group that most of the actors in the records belong to; of equals the first."""
        found: Counter[str] = Counter()
        for event in self._report.events:
            for actor in event.actors:
                group = _GROUPS.get(actor.affiliation or "") or _GROUPS.get(actor.name)
                if group is not None and event.modality != "negated":
                    found[group] += 1
        if not found:
            found = Counter(self._groups_named())
        return [found.most_common(1)[0][0]] if found else [""]

    def _groups_named(self) -> Iterator[str]:
        """The groups of actors that fill no role of an event."""
        for mention in self._report.annotation.mentions:
            if mention.entity_type == "ACTOR":
                value = _actors().resolve(self._text[mention.span.start : mention.span.end])
                group = _GROUPS.get(value.affiliation or "") or _GROUPS.get(value.name)
                if group is not None:
                    yield group

    def people(self, event_type: str, kinds: frozenset[str]) -> _People:
        """The victims of all records of a type, each group once.

        A release says the same in its title, its first sentence and again in detail. Groups of one paragraph
        are different people unless article or number say otherwise; of several paragraphs, the one with most
        people counts, for single persons ("a leader") and for groups apart.
        """
        groups: list[_Group] = []
        for event in self._events:
            if event.type == event_type and all(above.type != event_type for above in self._above(event)):
                groups += self._victims(event, kinds)
        groups.sort(key=lambda group: group.span.start)
        leaders = max(map(_sum_leaders, _by_paragraph(groups)), default=0)
        groups = [group for group in groups if not group.part] or groups
        parts = _by_paragraph(groups)
        persons = max((_sum([g for g in part if g.one_person]) for part in parts), default=0)
        others = max(
            (_sum([g for g in part if not g.one_person and not g.whole]) for part in parts), default=0
        )
        wholes = max((group.number for group in groups if group.whole), default=0)
        return _People(max(wholes, persons + others), leaders)

    def _victims(self, event: Event, kinds: frozenset[str]) -> Iterator[_Group]:
        victims = [actor for actor in event.actors if actor.role == "target"]
        beside = any(actor.kind in ("civilians", "state_force") for actor in victims)
        if event.type == "DEATH" and (beside or any(map(_by_enemy, self._above(event)))):
            # Who is killed by the enemy, or beside soldiers and civilians, is the enemy only by that name.
            kinds &= {"armed_group", "civilians"}
        for actor in victims:
            if actor.kind in kinds:
                yield self._group(actor.span, actor.text, actor.quantity, actor.members)
        for amount in event.amounts:
            if amount.role == "target":
                yield self._group(amount.span, amount.text, amount.quantity, ())

    def _group(self, span: Span, text: str, quantity: Quantity | None, members: tuple[str, ...]) -> _Group:
        counted = quantity.span if quantity is not None else None
        start = span.start if counted is None else min(counted.start, span.start)
        match = _ARTICLE.search(self._text, max(0, start - 20), start)
        article = match.group(1).lower() if match else None
        number = 1
        if quantity is not None:
            number = _minimum(quantity.low, quantity.text or "")
        else:
            value = bare_count(text, "a" if article == "another" else article)
            if value is not None and value.low is not None:
                number = int(value.low)
        one_person = number == 1
        leaders = number if _LEADERS.search(text) else sum(bool(_LEADERS.search(m)) for m in members)
        return _Group(
            paragraph=bisect_right(self._starts, span.start),
            span=span,
            number=number,
            leaders=leaders,
            one_person=one_person,
            definite=article in _DEFINITE,
            added=_ADDED.search(self._text, max(0, start - 20), span.end) is not None,
            generic=not _LEADERS.search(text),
            whole=bool(members),
            part=_ONE_OF_THEM.match(self._text, span.end) is not None,
        )


def _by_paragraph(groups: Sequence[_Group]) -> list[list[_Group]]:
    found: dict[int, list[_Group]] = {}
    for group in groups:
        found.setdefault(group.paragraph, []).append(group)
    return list(found.values())


def _sum(groups: Sequence[_Group]) -> int:
    """How many people the groups of one paragraph are: one that is definite, or as large, is no new one."""
    total = 0
    seen: set[tuple[int, bool]] = set()
    for group in groups:
        again = group.definite or (group.number, group.generic) in seen
        total = max(total, group.number) if again and not group.added else total + group.number
        seen.add((group.number, group.generic))
    return total


def _sum_leaders(groups: Sequence[_Group]) -> int:
    total = 0
    for group in groups:
        total = max(total, group.leaders) if group.definite or group.generic else total + group.leaders
    return total


def _minimum(low: float | None, text: str) -> int:
    if low is None:
        return 1
    if _NUMEROUS.search(text):
        return max(4, int(low))
    if _MULTIPLE.search(text):
        return max(3, int(low))
    return int(low) + (1 if _MORE_THAN.search(text) else 0)


def _by_enemy(event: Event) -> bool:
    """True for what an armed group does, or a person: those whom a release names one by one are wanted."""
    agents = [actor for actor in event.actors if actor.role == "agent"]
    return any(map(_is_enemy, agents)) and not any(actor.kind == "state_force" for actor in agents)


def _is_enemy(actor: ActorArgument) -> bool:
    return actor.kind in ("armed_group", "person")


@functools.cache
def _actors() -> ActorResolver:
    return ActorResolver()


@functools.cache
def _gazetteer() -> Gazetteer:
    return Gazetteer.open()


def _province(place: PlaceArgument) -> str | None:
    """The Afghan province that holds a place, as the benchmark spells it."""
    if place.gazetteer_id is None or place.country != "AF":
        return None
    entry = _gazetteer().entry(int(place.gazetteer_id))
    if entry is not None and entry.kind != "admin1" and entry.admin1 is not None:
        entry = _gazetteer().entry(entry.admin1)
    if entry is None or entry.kind != "admin1":
        return None
    name = name_key(entry.name)
    return _PROVINCES.get(name, name)


@dataclass(frozen=True)
class Item:
    """One release with its gold fields."""

    document: Document
    gold: Mapping[str, Any]


def read_items(path: Path) -> list[Item]:
    """Returns the releases of a benchmark file.

    Raises:
        FormatError: the file cannot be read, or a line is no object with "id", "text" and "gold".
    """
    items = []
    try:
        with path.open(encoding="utf-8") as lines:
            rows = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: {error}") from None
    for number, line in rows:
        try:
            row = json.loads(line)
            document, gold = Document(id=row["id"], text=row["text"]), row["gold"]
            missing = [name for name in FIELDS if name not in gold]
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{path}, line {number}: {error!r}; expected id, text and gold") from None
        if missing:
            raise FormatError(f"{path}, line {number}: gold lacks {missing}")
        items.append(Item(document, gold))
    return items


def is_right(predicted: Any, gold: Any) -> bool:
    """Lists compare as sets, all else must be equal."""
    if isinstance(gold, list):
        return isinstance(predicted, list) and set(predicted) == set(gold)
    return bool(predicted == gold)


def accuracy(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, float]:
    """Returns the share of (predicted, gold) pairs that agree, per field."""
    return {
        name: sum(is_right(predicted[name], gold[name]) for predicted, gold in pairs) / max(1, len(pairs))
        for name in FIELDS
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table of accuracies and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.benchmarks.isaf", description=__doc__)
    parser.add_argument("file", type=Path, help="the benchmark's JSONL file")
    parser.add_argument("--model", type=Path, help="model folder, instead of the shipped model")
    parser.add_argument("--corpus", type=Path, default=OUTSIDE_FOLDER, help="folder that holds isaf/*.ann")
    options = parser.parse_args(arguments)
    try:
        items = read_items(options.file)
        extractor = Extractor.load(options.model)
        gold_examples = {split: read(options.corpus, split, extractor.ontology) for split in SPLITS}
        split_of = {
            example.document.id: split for split, examples in gold_examples.items() for example in examples
        }
        reports = extractor.extract_many(item.document for item in items)
        groups: dict[str, list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {
            name: [] for name in ("all", *SPLITS, "not annotated")
        }
        for item, report in zip(items, reports, strict=True):
            pair = (fields(report), item.gold)
            groups["all"].append(pair)
            groups[split_of.get(item.document.id, "not annotated")].append(pair)
    except (SitrepError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{'':22}" + "".join(f"{f'{name} ({len(pairs)})':>21}" for name, pairs in groups.items()))
    columns = [accuracy(pairs) for pairs in groups.values()]
    for name in FIELDS:
        print(f"{name:22}" + "".join(f"{column[name]:>21.1%}" for column in columns))
    return 0


if __name__ == "__main__":
    sys.exit(main())
