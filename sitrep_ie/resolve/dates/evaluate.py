"""Expressions and a context -> intervals of days.

Inclusive intervals everywhere. A question that the context cannot answer raises `Unresolved`; nothing is
guessed.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from sitrep_ie.document import DateValue, TimeAnchor, TimePrecision
from sitrep_ie.resolve.dates.grammar import (
    LAST,
    Calendar,
    Container,
    Expression,
    Item,
    Offset,
    Period,
    Rolling,
    Select,
)

_DAY = dt.timedelta(days=1)
# A report dated the 3rd may name the 4th or 5th: it was finished after its date, or announces.
_SLACK = dt.timedelta(days=2)
# An undated month or day this near ahead is meant, not the one eleven months back: nearly all such mentions
# in the authored training corpus announce (read one by one; the two that do not are narratives).
_AHEAD = dt.timedelta(days=45)
# "recent days" is less than weeks, "recent weeks" less than months.
_VAGUE_DAYS = {"hour": 1, "day": 7, "week": 31, "month": 365}
_VAGUE_PRECISION: dict[str, TimePrecision] = {"hour": "day", "day": "week", "week": "month", "month": "year"}
_MAX_SET_DAYS = 62


@dataclass(frozen=True, slots=True)
class DateContext:
    """What the rest of the document says about time.

    Attributes:
        published: given by the caller, or read from the document.
        period: the stretch of days that the report covers.
        focus: the date last established in the text, for "that day", "the next morning", "03:20".
        day_first: how the document writes 4 March in figures: 04/03 (True) or 03/04.
        future: the event is planned or expected, so undated mentions look forward from publication.
    """

    published: dt.date | None
    period: tuple[dt.date, dt.date] | None = None
    focus: DateValue | None = None
    day_first: bool = True
    future: bool = False


class Unresolved(Exception):
    """The context does not hold what the expression needs."""


class Stretch(NamedTuple):
    """An inclusive interval of days with its precision."""

    start: dt.date
    end: dt.date
    precision: TimePrecision

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1


def evaluate(expression: Expression, context: DateContext) -> DateValue:
    """Returns the interval that `expression` names in `context`.

    Raises:
        Unresolved: it needs a date that the context lacks, or names none (31 June).
    """
    try:
        return _Evaluator(context, expression).value()
    except (OverflowError, ValueError) as error:  # beyond the calendar: 30 February, year 0, 9000 years ago
        raise Unresolved(str(error)) from error


class _Evaluator:
    def __init__(self, context: DateContext, expression: Expression) -> None:
        self.context = context
        self.expression = expression
        self.not_after: dt.date | None = None
        self.not_before: dt.date | None = None

    # ---- the whole expression ----

    def value(self) -> DateValue:
        items = [self._settle_year(item) for item in self.expression.items]
        dated = [index for index, item in enumerate(items) if item.dated()]
        if not dated:
            return self._hours_of_focus(items)
        stretches = self._stretches([items[index] for index in dated])
        joiners = self.expression.joiners
        first, last = stretches[0], stretches[-1]
        start, end = min(s.start for s in stretches), max(s.end for s in stretches)
        if "range" in joiners and first.start > last.end:
            raise Unresolved("range that ends before it starts")
        precision = max((s.precision for s in stretches), key=_ORDER.index)
        if any(item.hour for item in items) and (end - start).days <= 31:
            precision = "hour"
        if len(dated) == 1 and len(items) == 2 and "range" in joiners and first.days == 1:
            end += _crossing(items)
        dates: tuple[dt.date, ...] = ()
        if "list" in joiners and len(stretches) > 1 and (end - start).days <= 366:
            dates = _separate_days(stretches, joiners, len(items))
        return self._opened(DateValue(start, end, precision, self._anchor(items), dates), items)

    def _opened(self, value: DateValue, items: list[Item]) -> DateValue:
        opener, published = self.expression.opener, self.context.published
        clock = all(item.hour for item in items)
        if (
            opener is None
            or opener == "between"
            or len(items) > 1
            or (clock and opener not in ("since", "until"))
        ):
            return value
        assert value.start is not None
        assert value.end is not None
        if opener in ("since", "from"):
            ends = published if opener == "since" and published and published >= value.start else None
            return replace(value, end=ends, dates=())
        if opener == "until":
            return replace(value, start=None, dates=())
        if opener == "before":
            return replace(value, start=None, end=value.start - _DAY, dates=())
        return replace(value, start=value.end + _DAY, end=None, dates=())

    def _anchor(self, items: list[Item]) -> TimeAnchor:
        if any(isinstance(item.container, Period) for item in items):
            return "report_period"
        for item in items:
            if (
                item.container is None
                and item.which is None
                and any(
                    part is not None
                    for part in (item.day, item.month, item.year, item.slash, item.quarter, item.decade)
                )
            ):
                return "explicit"
        return "relative"

    def _settle_year(self, item: Item) -> Item:
        """Takes "2045" for a time of day where as a year it would lie far ahead of the report."""
        published = self.context.published
        if (
            item.year_minutes is None
            or item.year is None
            or published is None
            or item.year <= published.year + 15
        ):
            return item
        return replace(item, year=None, hour=True, minutes=item.year_minutes)

    def _hours_of_focus(self, items: list[Item]) -> DateValue:
        published, focus = self.context.published, self.context.focus
        # The night after the day of publication is not over when the report comes out.
        if (
            published is not None
            and (focus is None or focus.start == focus.end == published)
            and any(item.overnight for item in items)
        ):
            return DateValue(published - _DAY, published, "hour", "relative")
        day = self._focus_day()
        end = day.end
        if len(items) == 2:
            end += _crossing(items)
        return DateValue(day.start, end, "hour", "relative")

    def _stretches(self, items: list[Item]) -> list[Stretch]:
        """Resolves the item that says most first; the others lie before or after it, as they stand."""
        pivot = max((index for index, item in enumerate(items) if item.anchored()), default=len(items) - 1)
        found: dict[int, Stretch] = {pivot: self.stretch(items[pivot])}
        for index in range(pivot - 1, -1, -1):
            self.not_after = found[index + 1].start
            found[index] = self.stretch(items[index])
        self.not_after = None
        for index in range(pivot + 1, len(items)):
            self.not_before = found[index - 1].start
            found[index] = self.stretch(items[index])
        return [found[index] for index in range(len(items))]

    # ---- one item ----

    def stretch(self, item: Item) -> Stretch:
        """Narrows from the longest period that the item names down to its day."""
        held: Stretch | None = None
        month, day = item.month, item.day
        if item.slash is not None:
            day, month = self._ordered(item.slash, item.year)
        if item.container is not None and not self._is_name_only(item):
            held = self.container(item.container)
        if item.decade is not None:
            held = Stretch(dt.date(item.decade, 1, 1), dt.date(item.decade + 9, 12, 31), "year")
        if item.year is not None:
            held = _year(item.year)
        if item.month_shift is not None:
            held = _shift("month", self._published(), item.month_shift)
        if item.week_number is not None:
            held = self._iso_week(item.week_number, held)
        if item.quarter is not None or item.half is not None or item.season is not None:
            held = self._fraction(item, held)
        if month is not None:
            held = self._month(month, day, item, held)
        elif day is not None and item.select is None:
            held = self._day(day, item, held)
        if item.weekday is not None:
            held = self._weekday(item, held)
        if item.select is not None:
            if held is None:
                raise Unresolved(f"{item.select.unit} of what")
            held = _select(item.select, held)
        if held is None:
            raise Unresolved("nothing named")
        if item.week_of is not None:
            held = _week_about(held, item.week_of)
        if item.modifier is not None:
            held = self._portion(held, item.modifier)
        if item.into and held.days == 1:
            held = held._replace(start=held.start - _DAY)
        return held

    def _is_name_only(self, item: Item) -> bool:
        """True for "the month of May": the unit adds nothing to the name."""
        container = item.container
        return (
            isinstance(container, Calendar)
            and container.base == "context"
            and (item.month is not None or item.year is not None or item.slash is not None)
        )

    def _ordered(self, slash: tuple[int, int], year: int | None) -> tuple[int, int]:
        day, month = slash if self.context.day_first else slash[::-1]
        if month > 12 >= day:
            day, month = month, day
        if month > 12 or month < 1:
            raise Unresolved("month above 12")
        return day, month

    def _month(self, month: int, day: int | None, item: Item, held: Stretch | None) -> Stretch:
        if not 1 <= month <= 12:
            raise Unresolved("month above 12")
        if held is not None and held.days <= 366:
            years = {held.start.year, held.end.year}
            fitting = [
                stretch
                for year in sorted(years)
                if (stretch := _month_or_day(year, month, day)) and held.start <= stretch.start <= held.end
            ]
            if len(fitting) != 1:
                raise Unresolved("month outside the period")
            return fitting[0]
        if held is not None:
            raise Unresolved("month in a longer period")
        candidates = [stretch for year in self._years() if (stretch := _month_or_day(year, month, day))]
        if item.weekday is not None and day is not None and item.which is None:
            fits = [c for c in candidates if c.start.weekday() == item.weekday]
            best = self._choose(candidates, item.which, _AHEAD)
            # The weekday tells the year where the usual choice contradicts it: "Monday 20 May" may be ahead.
            if best.start.weekday() != item.weekday:
                near = [c for c in fits if abs((c.start - best.start).days) < 400]
                return near[-1] if near else best
            return best
        return self._choose(candidates, item.which, _AHEAD)

    def _years(self) -> list[int]:
        """The years in which a date without one may lie, in order: about the days that the context gives."""
        period, focus = self.context.period, self.context.focus
        known = [day for day in (self.not_after, self.not_before, self.context.published) if day is not None]
        known += [period[0]] if period is not None else []
        if not known and focus is not None and focus.start is not None:
            known.append(focus.start)
        if not known:
            raise Unresolved("no year")
        # 29 February may be eight years away: 1896 and 1904.
        return sorted({day.year + shift for day in known for shift in range(-8, 9)} & set(range(1, 9999)))

    def _choose(self, candidates: list[Stretch], which: str | None, ahead: dt.timedelta = _SLACK) -> Stretch:
        """Picks among yearly or monthly repetitions, in order, by neighbour, period, publication or focus."""
        published, period, focus = self.context.published, self.context.period, self.context.focus
        if which is None or published is None:
            if self.not_after is not None:
                return _last([c for c in candidates if c.start <= self.not_after])
            if self.not_before is not None:
                return _first([c for c in candidates if c.start >= self.not_before])
            if period is not None:
                inside = [c for c in candidates if c.start <= period[1] and c.end >= period[0]]
                if len(inside) == 1:
                    return inside[0]
        if published is not None:
            if which in ("next", "coming") or (self.context.future and which is None):
                earliest = published if which is None else published + _DAY
                return _first([c for c in candidates if c.start >= earliest])
            if which in ("last", "past", "previous"):
                return _last([c for c in candidates if c.end < published])
            if which == "this":
                return min(candidates, key=lambda c: abs((c.start - published).days))
            if self.expression.opener == "until":
                return min(candidates, key=lambda c: abs((c.start - published).days))
            if self.expression.opener == "since":
                ahead = dt.timedelta(0)
            return _last([c for c in candidates if c.start <= published + ahead])
        if focus is not None and focus.start is not None:
            start = focus.start
            return min(candidates, key=lambda c: abs((c.start - start).days))
        raise Unresolved("no year")

    def _day(self, day: int, item: Item, held: Stretch | None) -> Stretch:
        """A bare day of the month: in the period named, else in that of the context."""
        if not 1 <= day <= 31:
            raise Unresolved("day above 31")
        if held is not None:
            if held.precision != "month" or held.days > 31:
                raise Unresolved("day of what month")
            return _month_or_day(held.start.year, held.start.month, day) or _fail("no such day")
        focus = self.context.focus
        if item.article and item.weekday is None:
            raise Unresolved("ordinal in words")  # "the second" may be a second anything
        period = self.context.period
        near = self.not_after or self.not_before or (period[0] if period else self.context.published)
        if (
            focus is not None
            and focus.start is not None
            and focus.end is not None
            and near is not self.not_after
        ):
            if focus.precision == "month" and (focus.start.year, focus.start.month) == (
                focus.end.year, focus.end.month,
            ):  # fmt: skip
                return _month_or_day(focus.start.year, focus.start.month, day) or _fail("no such day")
            near = focus.start
        if near is None:
            raise Unresolved("no month")
        candidates = []
        for shift in range(-12, 13):
            months = near.year * 12 + near.month - 1 + shift
            if stretch := _month_or_day(months // 12, months % 12 + 1, day):
                candidates.append(stretch)
        if item.weekday is not None:
            fits = [c for c in candidates if c.start.weekday() == item.weekday]
            if fits:  # a weekday falls on the same day of the month about twice a year
                return min(fits, key=lambda c: abs((c.start - near).days))
        if focus is not None and focus.start == near and self.not_after is None and self.not_before is None:
            published = self.context.published
            if published is not None and not self.context.future:
                candidates = [c for c in candidates if c.start <= published + _SLACK]
            return min(candidates, key=lambda c: abs((c.start - near).days), default=None) or _fail("no day")
        return self._choose(candidates, item.which)

    def _weekday(self, item: Item, held: Stretch | None) -> Stretch:
        weekday = item.weekday
        assert weekday is not None
        if held is not None:
            if held.days == 1:
                return held  # a date with its weekday: the date decides
            if held.days <= 7:
                day = held.start + dt.timedelta(days=(weekday - held.start.weekday()) % 7)
                return _one_day(day) if day <= held.end else _fail("weekday outside the period")
            raise Unresolved("weekday of a long period")
        return _one_day(self._near_weekday(weekday, item.which))

    def _near_weekday(self, weekday: int, which: str | None) -> dt.date:
        period, focus = self.context.period, self.context.focus
        if which is None:
            if self.not_after is not None:
                return _on_or_before(self.not_after, weekday)
            if self.not_before is not None:
                return _on_or_after(self.not_before, weekday)
            if period is not None and (period[1] - period[0]).days <= 6 and not self.context.future:
                day = _on_or_after(period[0], weekday)
                if day <= period[1]:
                    return day
        if which in ("same", "following", "previous") and focus is not None and focus.start and focus.end:
            if which == "previous":
                return _on_or_before(focus.start - _DAY, weekday)
            return _on_or_after(focus.end + (_DAY if which == "following" else 0 * _DAY), weekday)
        published = self._published()
        if which is None and period is not None and (published - period[1]).days > 7:
            raise Unresolved("weekday in a report on times long past")
        if which in ("next", "coming"):
            return _on_or_after(published + _DAY, weekday)
        if which == "week_after":
            return _on_or_after(published + _DAY, weekday) + 7 * _DAY
        if which in ("last", "past", "previous"):
            return _on_or_before(published - _DAY, weekday)
        if which == "this":
            return published + dt.timedelta(days=weekday - published.weekday())
        if which is not None:
            raise Unresolved(which)
        if self.context.future or self.expression.opener == "until":
            return _on_or_after(published, weekday)
        return _on_or_before(published, weekday)

    def _fraction(self, item: Item, held: Stretch | None) -> Stretch:
        """Quarters, halves and (northern) seasons, of the year named or of the one that fits."""
        if held is not None and held.days < 365:
            raise Unresolved("fraction of less than a year")
        years = [held.start.year] if held is not None else self._years()
        candidates = []
        for year in years:
            if item.season is not None:
                candidates.append(_months(year, item.season, 3))
            elif item.quarter is not None:
                candidates.append(_months(year, item.quarter * 3 - 2, 3))
            else:
                candidates.append(_months(year, (item.half or 1) * 6 - 5, 6))
        return candidates[0] if held is not None else self._choose(candidates, item.which)

    def _iso_week(self, number: int, held: Stretch | None) -> Stretch:
        years = [held.start.year] if held is not None else self._years()
        weeks = []
        for year in years:
            if number == 53 and dt.date(year, 12, 28).isocalendar()[1] < 53 and held is None:
                continue
            monday = dt.date.fromisocalendar(year, number, 1)
            weeks.append(Stretch(monday, monday + 6 * _DAY, "week"))
        return weeks[0] if held is not None else self._choose(weeks, None)

    def _portion(self, held: Stretch, modifier: str) -> Stretch:
        if held.days == 1:
            return held._replace(precision="hour")
        if modifier in ("earlier", "later"):
            published = self._published()
            if not held.start <= published <= held.end:
                raise Unresolved("publication outside the period")
            return held._replace(end=published) if modifier == "earlier" else held._replace(start=published)
        third = {"early": 0, "start": 0, "mid": 1, "late": 2, "end": 2}[modifier]
        if held.days >= 360:
            months = (held.end.year - held.start.year) * 12 + 12
            if held.days < 370 and modifier in ("start", "end"):  # closer to the edge than "early" and "late"
                quarter = 1 if modifier == "start" else 10
                return _months(held.start.year, quarter, 3)
            first, last = months * third // 3, months * (third + 1) // 3
            start = _months(held.start.year + first // 12, first % 12 + 1, 1).start
            end = _months(held.start.year + (last - 1) // 12, (last - 1) % 12 + 1, 1).end
            return Stretch(start, end, "month" if held.days < 370 else "year")
        if held.precision == "week" or held.days <= 7:
            bounds = (0, 2), (2, 4), (4, held.days - 1)
            if held.days < 5:
                raise Unresolved("part of a few days")
            return Stretch(held.start + bounds[third][0] * _DAY, held.start + bounds[third][1] * _DAY, "day")
        if held.days <= 31:
            first, last = ((0, 9), (10, 19), (20, held.days - 1))[third]
            return Stretch(held.start + first * _DAY, min(held.end, held.start + last * _DAY), "week")
        first, last = held.days * third // 3, held.days * (third + 1) // 3 - 1
        return Stretch(held.start + first * _DAY, held.start + last * _DAY, "month")

    # ---- periods relative to the context ----

    def container(self, container: Container) -> Stretch:
        if isinstance(container, Calendar):
            return self._calendar(container)
        if isinstance(container, Rolling):
            return self._rolling(container)
        if isinstance(container, Offset):
            return self._offset(container)
        period = self.context.period
        if period is None:
            raise Unresolved("no report period")
        length = period[1] - period[0] + _DAY
        whole = _shift("month", period[0], 0)
        if (whole.start, whole.end) == period:
            return _shift("month", period[0], container.shift)
        precision: TimePrecision = "day"
        return Stretch(period[0] + container.shift * length, period[1] + container.shift * length, precision)

    def _published(self) -> dt.date:
        if self.context.published is None:
            raise Unresolved("no publication date")
        return self.context.published

    def _focus(self) -> Stretch:
        focus = self.context.focus
        if focus is None or focus.start is None or focus.end is None:
            raise Unresolved("no date in focus")
        return Stretch(focus.start, focus.end, focus.precision)

    def _focus_day(self) -> Stretch:
        """The day in focus; a night may take two."""
        focus = self._focus()
        if focus.days > 2:
            raise Unresolved("focus is no day")
        return focus

    def _calendar(self, container: Calendar) -> Stretch:
        unit, base = container.unit, container.base
        if unit == "focus":
            return self._focus()
        if base == "context":
            if (period := self._unit_period(unit)) is not None:
                return period
            focus = self.context.focus
            if unit == "day":
                return self._focus_day()._replace(precision="day")
            on = focus.start if focus is not None and focus.start is not None else self._published()
            return _shift(unit, on, 0)
        if base == "published":
            return _shift(unit, self._published(), container.shift)
        if unit == "day":
            focused = self._focus_day()
            if container.shift > 0:
                return _one_day(focused.end + container.shift * _DAY)
            if container.shift < 0:
                return _one_day(focused.start + container.shift * _DAY)
            return focused._replace(precision="day")
        focused = self._focus()
        stretch = _shift(unit, focused.start, 0)
        if not stretch.end >= focused.end:
            raise Unresolved(f"focus is longer than a {unit}")
        return _shift(unit, focused.start, container.shift)

    def _unit_period(self, unit: str) -> Stretch | None:
        """The report's period where it is about one `unit` long."""
        lengths = {"week": (6, 8), "fortnight": (13, 15), "month": (27, 32), "quarter": (89, 93),
                   "year": (364, 367)}  # fmt: skip
        if self.context.period is None or unit not in lengths:
            return None
        start, end = self.context.period
        low, high = lengths[unit]
        if not low <= (end - start).days + 1 <= high:
            return None
        return Stretch(start, end, _PRECISION.get(unit, "day"))

    def _rolling(self, container: Rolling) -> Stretch:
        on = self._published() if container.base == "published" else self._focus_day().end
        unit, count = container.unit, container.count
        if count is None:
            if unit not in _VAGUE_DAYS:
                raise Unresolved(f"recent {unit}s")
            days = dt.timedelta(days=_VAGUE_DAYS[unit])
            precision = _VAGUE_PRECISION[unit]
            return (
                Stretch(on - days, on, precision) if container.sign < 0 else Stretch(on, on + days, precision)
            )
        if count == 1 and container.sign < 0 and (period := self._unit_period(unit)) is not None:
            return period
        if unit in ("second", "minute", "hour"):
            hours = {"second": 0.0, "minute": count / 60, "hour": count}[unit]
            days = dt.timedelta(days=math.ceil(hours / 24)) if hours >= 12 else dt.timedelta(0)
            precision = "day" if hours >= 24 else "hour"
        else:
            days = abs(_move(on, count, unit, container.sign) - on)
            precision = _PRECISION.get(unit, "day")
        if container.sign < 0:
            return Stretch(on - days, on, precision)
        first = on + _DAY if unit == "day" else on
        return Stretch(min(first, on + days), on + days, precision)

    def _offset(self, container: Offset) -> Stretch:
        if isinstance(container.base, Item):
            base = self.stretch(container.base)
        elif container.base == "published":
            base = _one_day(self._published())
        else:
            base = self._focus()
        units = [unit for _, unit in container.amounts]
        coarse = all(unit in ("month", "quarter", "year", "decade") for unit in units)
        if not coarse and base.days > 2:
            raise Unresolved("offset from a long period")
        on = base.end if container.sign > 0 else base.start
        if all(unit in ("second", "minute", "hour") for unit in units):
            return self._clock_offset(container, on)
        if any(count is None for count, _ in container.amounts):
            return self._vague_offset(container, on)
        for count, unit in container.amounts:
            assert count is not None
            on = _move(on, count, unit, container.sign)
        if not coarse:
            return _one_day(on)
        # "three months ago" is the month that lies three months back: the phrase claims no day.
        finest = "month" if "month" in units or "quarter" in units else "year"
        return _shift(finest, on, 0)

    def _vague_offset(self, container: Offset, on: dt.date) -> Stretch:
        """Returns what plurals leave open: "a few days ago" is in the week before, "weeks later" a month."""
        _, unit = container.amounts[0]
        if len(container.amounts) > 1 or unit not in _VAGUE_DAYS:
            raise Unresolved("vague offset")
        far = on + container.sign * dt.timedelta(days=_VAGUE_DAYS[unit])
        near = on + container.sign * _DAY
        return Stretch(min(near, far), max(near, far), _VAGUE_PRECISION[unit])

    def _clock_offset(self, container: Offset, on: dt.date) -> Stretch:
        hours = 0.0
        for count, unit in container.amounts:
            hours += (count or 1) * {"second": 0.0, "minute": 1 / 60, "hour": 1.0}[unit]
        low, high = math.floor(hours / 24), math.ceil(hours / 24)
        if hours < 12:
            high = low
        first, last = sorted((on + container.sign * low * _DAY, on + container.sign * high * _DAY))
        return Stretch(first, last, "hour")


_ORDER: tuple[TimePrecision, ...] = ("hour", "day", "week", "month", "year")
_PRECISION: dict[str, TimePrecision] = {
    "hour": "hour", "day": "day", "weekend": "day", "week": "week", "fortnight": "week", "month": "month",
    "quarter": "month", "half": "month", "year": "year", "decade": "year",
}  # fmt: skip


def _fail(reason: str) -> Stretch:
    raise Unresolved(reason)


def _first(candidates: list[Stretch]) -> Stretch:
    return candidates[0] if candidates else _fail("no date in reach")


def _last(candidates: list[Stretch]) -> Stretch:
    return candidates[-1] if candidates else _fail("no date in reach")


def _one_day(day: dt.date) -> Stretch:
    return Stretch(day, day, "day")


def _year(year: int) -> Stretch:
    return Stretch(dt.date(year, 1, 1), dt.date(year, 12, 31), "year")


def _months(year: int, month: int, count: int) -> Stretch:
    """`count` whole months from the one given."""
    last = year * 12 + month - 1 + count - 1
    end_year, end_month = last // 12, last % 12 + 1
    end = dt.date(end_year, end_month, calendar.monthrange(end_year, end_month)[1])
    return Stretch(dt.date(year, month, 1), end, "month")


def _month_or_day(year: int, month: int, day: int | None) -> Stretch | None:
    """The month, or its day; None when it has no such day."""
    if not 1 <= year <= 9999:
        return None
    if day is None:
        return _months(year, month, 1)
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return _one_day(dt.date(year, month, day))


def _on_or_before(day: dt.date, weekday: int) -> dt.date:
    return day - dt.timedelta(days=(day.weekday() - weekday) % 7)


def _on_or_after(day: dt.date, weekday: int) -> dt.date:
    return day + dt.timedelta(days=(weekday - day.weekday()) % 7)


def _shift(unit: str, on: dt.date, shift: int) -> Stretch:
    """The calendar unit `shift` steps from the one that holds `on`; weeks start on Monday."""
    if unit == "day":
        return _one_day(on + shift * _DAY)
    if unit == "week":
        monday = on - dt.timedelta(days=on.weekday()) + 7 * shift * _DAY
        return Stretch(monday, monday + 6 * _DAY, "week")
    if unit == "fortnight":
        other = on + 14 * (shift or -1) * _DAY
        return Stretch(min(on, other), max(on, other), "week")
    if unit == "weekend":
        saturday = _on_or_before(on, 5) if shift <= 0 else _on_or_after(on + _DAY, 5)
        if shift < 0 and saturday + _DAY >= on:
            saturday -= 7 * _DAY
        return Stretch(saturday, saturday + _DAY, "day")
    if unit in ("month", "quarter", "half"):
        size = {"month": 1, "quarter": 3, "half": 6}[unit]
        months = ((on.year * 12 + on.month - 1) // size + shift) * size
        return _months(months // 12, months % 12 + 1, size)
    if unit == "year":
        return _year(on.year + shift)
    if unit == "decade":
        first = on.year // 10 * 10 + 10 * shift
        return Stretch(dt.date(first, 1, 1), dt.date(first + 9, 12, 31), "year")
    raise Unresolved(unit)


def _move(on: dt.date, count: float, unit: str, sign: int) -> dt.date:
    """`count` units from `on`; a month from the 31st ends on the last day of a shorter month."""
    from dateutil.relativedelta import relativedelta

    days = {
        "second": 0.0,
        "minute": 0.0,
        "hour": 1 / 24,
        "day": 1.0,
        "week": 7.0,
        "fortnight": 14.0,
        "weekend": 7.0,
    }
    if unit in days:
        return on + sign * dt.timedelta(days=math.floor(count * days[unit]))
    months = {"month": 1, "quarter": 3, "half": 6, "year": 12, "decade": 120}[unit]
    moved: dt.date = on + sign * relativedelta(months=round(count * months))
    return moved


def _select(select: Select, held: Stretch) -> Stretch:
    """Number `rank` of the units (or weekdays) in `held`; its weeks are blocks of seven days."""
    unit, rank, size = select.unit, select.rank, select.size
    if unit == "weekday" or unit == "weekend":
        weekday = select.weekday if unit == "weekday" else 5
        if rank == LAST:
            day = _on_or_before(held.end, weekday)
        else:
            day = _on_or_after(held.start, weekday) + 7 * (rank - 1) * _DAY
        found = Stretch(day, day + (_DAY if unit == "weekend" else 0 * _DAY), "day")
    elif unit in ("day", "week", "fortnight"):
        length = {"day": 1, "week": 7, "fortnight": 14}[unit]
        precision = _PRECISION[unit]
        if rank == LAST:
            found = Stretch(held.end - (length * size - 1) * _DAY, held.end, precision)
        else:
            start = held.start + length * size * (rank - 1) * _DAY
            found = Stretch(start, start + (length * size - 1) * _DAY, precision)
    elif unit == "half":
        if held.days > 300:
            found = _months(held.start.year, 1 if rank == 1 else 7, 6)
        else:
            middle = held.start + (held.days // 2 - 1) * _DAY
            found = (
                Stretch(held.start, middle, "week") if rank == 1 else Stretch(middle + _DAY, held.end, "week")
            )
        if rank not in (1, 2):
            raise Unresolved("third half")
    elif unit in ("month", "quarter", "year"):
        months = {"month": 1, "quarter": 3, "year": 12}[unit] * size
        if rank == LAST:
            first = held.end.year * 12 + held.end.month - months
        else:
            first = held.start.year * 12 + held.start.month - 1 + months * (rank - 1)
        found = _months(first // 12, first % 12 + 1, months)._replace(precision=_PRECISION[unit])
    else:
        raise Unresolved(unit)
    if found.start < held.start or found.start > held.end:
        raise Unresolved(f"{unit} {rank} lies outside")
    return found if unit == "weekend" else found._replace(end=min(found.end, held.end))


def _week_about(held: Stretch, how: str) -> Stretch:
    if held.days > 1:
        raise Unresolved("week of a period")
    day = held.start
    if how == "from":
        return Stretch(day, day + 6 * _DAY, "week")
    if how == "to":
        return Stretch(day - 6 * _DAY, day, "week")
    if how == "weekend":
        saturday = day - _DAY if day.weekday() == 6 else _on_or_after(day, 5)
        return Stretch(saturday, saturday + _DAY, "day")
    return _shift("week", day, 0)


def _crossing(items: list[Item]) -> dt.timedelta:
    """One day when a range of hours runs past midnight: 22:00 to 04:00."""
    first, last = items[0].minutes, items[1].minutes
    return _DAY if first is not None and last is not None and last < first else 0 * _DAY


def _separate_days(stretches: list[Stretch], joiners: tuple[str, ...], num_items: int) -> tuple[dt.date, ...]:
    """The days of a set; () unless every part is a day or a range of days."""
    if len(stretches) != num_items or any(stretch.days > 2 for stretch in stretches):
        return ()
    days: set[dt.date] = set()
    for index, stretch in enumerate(stretches):
        days.update((stretch.start, stretch.end))
        if index and joiners[index - 1] == "range":
            step = stretches[index - 1].end
            if (stretch.start - step).days > _MAX_SET_DAYS:
                return ()
            while step < stretch.start:
                days.add(step)
                step += _DAY
    return tuple(sorted(days))
