"""When things happened: dates of the text in reading order, heading dates, and what events inherit."""

from __future__ import annotations

import datetime
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace

from sitrep_ie.assemble.layout import Layout
from sitrep_ie.assemble.links import Links, Occurrence
from sitrep_ie.assemble.resolvers import Period, Resolvers
from sitrep_ie.document import (
    Annotation,
    DateValue,
    Document,
    EventTime,
    Mention,
    Span,
    TimeAnchor,
    TimePrecision,
    Trigger,
)
from sitrep_ie.resolve.dates import DateContext

UNKNOWN_TIME = EventTime(start=None, end=None, precision=None, anchor="unknown")

_FINENESS: dict[TimePrecision, int] = {"hour": 0, "day": 1, "week": 2, "month": 3, "year": 4}
_BEFORE_HEADING_DATE = re.compile(
    r"[\W_]*(?:\(?\w{1,3}[.)]\s+)?(?:on|date|week of|period)?[\W_]*", re.IGNORECASE
)
# What divides a heading date from the item that it dates; a place or unit may stand between.
_AFTER_HEADING_DATE = re.compile(r"[^.:;!?\n–—]{0,40}?(?:[:–—]|\s-\s|-\s)|[\W_]*\.\s|[)\]*_]+\s")
_MAX_CHARS_BEFORE_HEADING_DATE = 30
_MAX_HEADING_CHARS = 80
_SENTENCE_END = re.compile(r"[.!?;,]\W*\Z")
_RANGE_BETWEEN = re.compile(r"\s*(?:to|until|till|through|[-–—])\s*(?:the\s+)?", re.IGNORECASE)
_BETWEEN = re.compile(r"\bbetween\s+(?:the\s+)?\Z", re.IGNORECASE)
# Not "after": it mostly says roughly when ("after 20:00"), seldom that nothing is known of the end.
_PREPOSITION = re.compile(r"\b(between|since|until|till|by|before)\s+(?:the\s+)?\Z", re.IGNORECASE)
_MAX_TITLE_CHARS = 300
_CLOCK = re.compile(r"(\d{2})[:.h]?(\d{2})\s?(?:hrs?|hours|h|Z|local(?: time)?)?\.?", re.IGNORECASE)
_HALF_A_DAY = 12 * 60
_TITLE_PARTS = re.compile(r"[,:;()|]|\s[-–—]\s")
_AFTER_PREPOSITION = re.compile(r"^.*\b(?:of|on|for)\b")
# A date further from publication than this is background ("came from Iraq in 2019").
_MAX_FOCUS_DAYS = 400


class Timeline:
    """The dates of one document, resolved once, in reading order."""

    def __init__(
        self,
        document: Document,
        annotation: Annotation,
        layout: Layout,
        resolvers: Resolvers,
        published: datetime.date | None,
        period: Period | None,
    ) -> None:
        self._text = document.text
        self._layout = layout
        self._title = (document.title or self._first_line(annotation))[:_MAX_TITLE_CHARS]
        self._period = period
        self._given_period = document.period
        self.values: dict[Mention, DateValue | None] = {}
        self._headings: dict[int, list[Mention]] = {}
        self._sections: dict[int, EventTime] = {}
        self._resolve(annotation, resolvers, published)
        self._nearby = [mention for mention in _unclaimed_dates(annotation) if self._is_nearby(mention)]
        self._nearby_starts = [mention.span.start for mention in self._nearby]

    def _first_line(self, annotation: Annotation) -> str:
        """The first line, where it is a title that tells of no event: "Incident log, 3 May"."""
        if not self._layout.paragraphs or not self._layout.is_title(0):
            return ""
        first = self._layout.paragraphs[0]
        if any(first.contains(trigger.span) for trigger in annotation.triggers):
            return ""
        return self._text[first.start : first.end]

    def _resolve(self, annotation: Annotation, resolvers: Resolvers, published: datetime.date | None) -> None:
        dates: dict[int, list[Mention]] = {}
        for mention in annotation.mentions:
            if mention.entity_type == "DATE":
                dates.setdefault(self._layout.paragraph(mention.span), []).append(mention)
        first_trigger: dict[int, int] = {}
        for trigger in annotation.triggers:
            first_trigger.setdefault(self._layout.paragraph(trigger.span), trigger.span.start)
        context = DateContext(
            published=published,
            period=self._period,
            day_first=resolvers.is_day_first(self._text, published),
        )
        report_day = self._report_day(resolvers, context)
        if report_day is not None:
            context = replace(context, focus=report_day)
        ahead = _future_dates(annotation)
        section: EventTime | None = None
        item_day = report_day
        clock: int | None = None
        begun = False
        for index, paragraph in enumerate(self._layout.paragraphs):
            headings = self._heading_dates(index, dates.get(index, []), first_trigger.get(index))
            if headings:
                self._headings[index] = headings
            if section is not None:
                context = replace(context, focus=_as_value(section))
            elif headings or (report_day is not None and self._begins_with(paragraph, dates.get(index, []))):
                # The day of "0945: ..." or "12th: ..." is none from the background of the item above.
                context = replace(context, focus=item_day)
            if headings:
                # "2315: ...", then "0010: ...": past midnight.
                minutes = _clock_minutes(self._text[headings[0].span.start : headings[0].span.end])
                if minutes is not None and clock is not None and minutes + _HALF_A_DAY < clock:
                    item_day = _next_day(item_day)
                    context = replace(context, focus=item_day)
                clock = minutes
            for mention in dates.get(index, ()):
                future = mention in ahead
                value = self._value(mention, replace(context, future=True) if future else context, resolvers)
                self.values[mention] = value
                if value is not None and not future and _may_be_focus(value, published):
                    context = replace(context, focus=value)
                    if mention in headings:
                        item_day = value
            if headings and not begun and self._is_title(index, headings, published):
                del self._headings[index]
            if index in first_trigger:
                begun = True
            elif self._is_heading(paragraph.start, paragraph.end, dates.get(index, [])):
                found = self._combine(dates[index], "heading")
                # Before the first item a heading with the publication date is the dateline.
                if found.start is not None and (begun or not found.start == found.end == published):
                    section = found
            if section is not None:
                self._sections[index] = section

    def _report_day(self, resolvers: Resolvers, context: DateContext) -> DateValue | None:
        """The day, or the night, that "0540 hrs: ..." belongs to in a report about one day."""
        if self._period is not None:
            start, end = self._period
            return DateValue(start, end, "day", "report_period") if (end - start).days <= 1 else None
        for part in _TITLE_PARTS.split(self._title):
            for text in (part, _AFTER_PREPOSITION.sub("", part)):
                value = resolvers.date(text.strip(), context) if text.strip() else None
                if (
                    value is not None
                    and value.precision in ("hour", "day")
                    and _days(value.start, value.end) <= 1
                ):
                    return value
        return None

    def _value(self, mention: Mention, context: DateContext, resolvers: Resolvers) -> DateValue | None:
        """The value of a date with the preposition before it, which is outside its span: "since Monday"."""
        start, end = mention.span.start, mention.span.end
        text = self._text[start:end]
        preposition = _PREPOSITION.search(self._text, max(0, start - 20), start)
        value = resolvers.date(f"{preposition.group(1)} {text}", context) if preposition else None
        return value if value is not None else resolvers.date(text, context)

    def _begins_with(self, paragraph: Span, dates: list[Mention]) -> bool:
        if not dates or dates[0].span.start - paragraph.start > _MAX_CHARS_BEFORE_HEADING_DATE:
            return False
        return _BEFORE_HEADING_DATE.fullmatch(self._text, paragraph.start, dates[0].span.start) is not None

    def _heading_dates(self, index: int, dates: list[Mention], first_trigger: int | None) -> list[Mention]:
        """The dates before the colon or dash of "July 11: ..." ("3 June, 0900, Kunduz - ...")."""
        paragraph = self._layout.paragraphs[index]
        if not self._begins_with(paragraph, dates):
            return []
        limit = paragraph.end if first_trigger is None else first_trigger
        for i, mention in enumerate(dates):
            end = dates[i + 1].span.start if i + 1 < len(dates) else limit
            if mention.span.end > limit:
                break
            if _AFTER_HEADING_DATE.match(self._text, mention.span.end, max(end, mention.span.end)):
                return dates[: i + 1]
            if end - mention.span.end > 4:
                break
        return []

    def _is_heading(self, start: int, end: int, dates: list[Mention]) -> bool:
        """True for a short line without event that is mostly a date or begins with one."""
        if not dates or end - start > _MAX_HEADING_CHARS or _SENTENCE_END.search(self._text, start, end):
            return False
        dated = sum(len(mention.span) for mention in dates)
        return self._begins_with(Span(start, end), dates) or 2 * dated >= end - start

    def _is_title(self, index: int, headings: list[Mention], published: datetime.date | None) -> bool:
        """True for "Feb. 17: Two Bridges Repaired" above a report of that day: it dates the report."""
        paragraph = self._layout.paragraphs[index]
        if index > 0 or len(self._layout.paragraphs) == 1 or len(paragraph) > _MAX_TITLE_CHARS:
            return False
        values = [self.values.get(mention) for mention in headings]
        dated = all(value is not None and value.start == value.end == published for value in values)
        return dated and not _SENTENCE_END.search(self._text, paragraph.start, paragraph.end)

    @property
    def first_item(self) -> int | None:
        """The first paragraph that has a heading date or stands under a dated heading."""
        return min((*self._headings, *self._sections), default=None)

    def is_item(self, paragraph: int) -> bool:
        """True for a paragraph that has a heading date of its own: a log entry, an item of a round-up."""
        return paragraph in self._headings

    def is_heading_date(self, mention: Mention) -> bool:
        """True for a date that heads its paragraph."""
        return mention in self._headings.get(self._layout.paragraph(mention.span), ())

    def own(self, occurrence: Occurrence, links: Links) -> EventTime:
        """The time that the dates of an occurrence itself give."""
        dates = [mention for _, _, mention in links.arguments(occurrence, "TIME")]
        return self._combine(dates, "heading" if any(map(self.is_heading_date, dates)) else None)

    def of(self, occurrence: Occurrence, links: Links, parent: EventTime | None) -> EventTime:
        """The time of an occurrence.

        Its own dates decide. Without any it inherits, in this order, from its parent event, the heading
        date of its paragraph, the dated heading above, a relative date of its sentence that dates nothing
        else, and the period of the report where the caller gave it. A period read from a title only helps
        to resolve dates: events without date in such reports are mostly statements and background. What is
        planned, feared or denied takes a time from its parent only: nothing says that it would have
        happened then. The event before it in the paragraph lends none, since the next one is often of
        another day.
        """
        time = self.own(occurrence, links)
        if time.start is not None or time.end is not None:
            return time
        inherited = self._inherited(occurrence, parent)
        # The unread words stay visible where nothing better is known.
        return inherited if inherited is not None else time

    def _inherited(self, occurrence: Occurrence, parent: EventTime | None) -> EventTime | None:
        if parent is not None and parent.anchor != "unknown":
            return parent
        if occurrence.modality != "actual":
            return None
        paragraphs = list(dict.fromkeys(self._layout.paragraph(t.span) for t in occurrence.triggers))
        for index in paragraphs:
            if index in self._headings:
                time = self._combine(self._headings[index], "heading")
                if time.start is not None or time.end is not None:
                    return time
        for index in paragraphs:
            if index in self._sections:
                return self._sections[index]
        beside = self._beside(occurrence)
        if beside is not None:
            return self._combine([beside], None)
        if self._given_period is not None:
            start, end = self._given_period
            return EventTime(start=start, end=end, precision=_width(start, end), anchor="report_period")
        return None

    def _beside(self, occurrence: Occurrence) -> Mention | None:
        """The nearest "yesterday" or "Tuesday" in a sentence of the occurrence that no event claims."""
        found: list[tuple[int, Mention]] = []
        for trigger in occurrence.triggers:
            sentence = self._layout.sentence(trigger.span)
            if sentence is None:
                continue
            # A "sentence" may be a whole text without full stops: only the nearest on either side counts.
            after = bisect_right(self._nearby_starts, trigger.span.start)
            for indices in (range(after - 1, -1, -1), range(after, len(self._nearby))):
                nearest = self._first_inside(sentence, indices)
                if nearest is not None:
                    found.append((abs(nearest.span.start - trigger.span.start), nearest))
        return min(found, key=lambda item: item[0])[1] if found else None

    def _first_inside(self, sentence: Span, indices: Iterable[int]) -> Mention | None:
        for index in indices:
            span = self._nearby[index].span
            if not sentence.start <= span.start < sentence.end:
                return None
            if sentence.contains(span):
                return self._nearby[index]
        return None

    def _is_nearby(self, mention: Mention) -> bool:
        # A calendar date beside an event is often that of another happening; "yesterday" is seldom.
        value = self.values.get(mention)
        return (
            value is not None
            and value.start is not None
            and value.end is not None
            and value.anchor == "relative"
            and _FINENESS[value.precision] <= _FINENESS["day"]
        )

    def _combine(self, mentions: list[Mention], anchor: TimeAnchor | None) -> EventTime:
        """One time from all dates of an event: "Saturday" and "dawn" are one hour of one day."""
        if not mentions:
            return UNKNOWN_TIME
        spans = tuple(mention.span for mention in mentions)
        text = "; ".join(self._text[span.start : span.end] for span in spans)
        known = [(m, v) for m in mentions if (v := self.values.get(m)) is not None and (v.start or v.end)]
        if not known:
            return EventTime(None, None, None, "unknown", text, spans)
        value = self._join(known)
        return EventTime(
            value.start, value.end, value.precision, anchor or value.anchor, text, spans, value.dates
        )

    def _join(self, known: list[tuple[Mention, DateValue]]) -> DateValue:
        clocks = [value for _, value in known if value.precision == "hour"]
        days = [(mention, value) for mention, value in known if value.precision != "hour"]
        if not days:
            return clocks[0]
        finest = min(_FINENESS[value.precision] for _, value in days)
        sets = [value for _, value in days if value.dates]
        fine = [(mention, value) for mention, value in days if _FINENESS[value.precision] == finest]
        value = sets[0] if sets else fine[0][1]
        for (before, _), (mention, other) in zip(fine, fine[1:], strict=False):
            if not sets:
                value = self._two(value, other, before, mention)
        if clocks and value.precision == "day" and value.start == value.end:
            value = replace(value, precision="hour")
        return value

    def _two(self, one: DateValue, other: DateValue, before: Mention, mention: Mention) -> DateValue:
        if one.start is None or one.end is None or other.start is None or other.end is None:
            return one
        if one.start <= other.end and other.start <= one.end:  # they overlap: the narrower
            return min(one, other, key=lambda value: _days(value.start, value.end))
        start, end = min(one.start, other.start), max(one.end, other.end)
        dates: tuple[datetime.date, ...] = ()
        separate = all(value.start == value.end for value in (one, other)) or bool(one.dates)
        first = before.span.start
        is_range = _RANGE_BETWEEN.fullmatch(
            self._text, before.span.end, mention.span.start
        ) or _BETWEEN.search(self._text, max(0, first - 20), first)
        if separate and not is_range:
            dates = tuple(sorted({*_set(one), *_set(other)}))
        return replace(one, start=start, end=end, dates=dates)


def _clock_minutes(text: str) -> int | None:
    """Minutes from midnight of a time of day alone: "2315", "23:15 hrs"."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None or int(match.group(1)) > 23 or int(match.group(2)) > 59:
        return None
    return 60 * int(match.group(1)) + int(match.group(2))


def _next_day(value: DateValue | None) -> DateValue | None:
    if value is None or value.start is None or value.end is None:
        return value
    day = datetime.timedelta(days=1)
    return replace(value, start=value.end + day, end=value.end + day, dates=())


def _future_dates(annotation: Annotation) -> set[Mention]:
    """The dates that only planned or expected events have: they look forward from publication."""
    ahead: set[Mention] = set()
    past: set[Mention] = set()
    for link in annotation.relations:
        if link.relation_type == "TIME" and isinstance(link.head, Trigger) and isinstance(link.tail, Mention):
            (ahead if link.head.attributes & {"PLANNED", "HYPOTHETICAL"} else past).add(link.tail)
    return ahead - past


def _unclaimed_dates(annotation: Annotation) -> list[Mention]:
    """The dates that no link ties to anything."""
    claimed = {end for link in annotation.relations for end in (link.head, link.tail)}
    dates = [m for m in annotation.mentions if m.entity_type == "DATE" and m not in claimed]
    return sorted(dates, key=lambda mention: mention.span)


def _set(value: DateValue) -> tuple[datetime.date, ...]:
    return value.dates or ((value.start,) if value.start is not None else ())


def _days(start: datetime.date | None, end: datetime.date | None) -> int:
    return (end - start).days if start is not None and end is not None else 10**6


def _width(start: datetime.date, end: datetime.date) -> TimePrecision:
    days = (end - start).days + 1
    return "day" if days == 1 else "week" if days <= 10 else "month" if days <= 45 else "year"


def _as_value(time: EventTime) -> DateValue:
    return DateValue(time.start, time.end, time.precision or "day", time.anchor, time.dates)


def _may_be_focus(value: DateValue, published: datetime.date | None) -> bool:
    if value.start is None or value.end is None or value.precision == "year":
        return False
    if published is not None and abs((published - value.start).days) > _MAX_FOCUS_DAYS:
        return False
    return (value.end - value.start).days <= 31
