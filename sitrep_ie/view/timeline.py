"""Dated events as bars and dots over a line of days, laid out in lanes; the template draws them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sitrep_ie.document import Event

WIDTH = 860
_MARGIN = 34
_LANE = 22
_MIN_BAR = 12
_DAY = datetime.timedelta(days=1)
# Steps between ticks in days; a step of 28 days or more is counted in months.
_STEPS = (1, 2, 5, 10, 31, 62, 93, 186, 366, 732, 1830, 3660, 36600, 366000)
_MAX_TICKS = 9


@dataclass(frozen=True, slots=True)
class Bar:
    """One event: left end, width and middle height in the picture's units."""

    event: Event
    x: float
    width: float
    y: float
    when: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bars with the ticks under them; a tick is its place and its words."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    height: float
    num_undated: int
    width: float = WIDTH


def lay_out(events: Sequence[Event]) -> Timeline | None:
    """Returns the timeline of the events that have a date, or None where none has.

    An event on several separate days has a bar for each of them.
    """
    stretches = [(event, start, end) for event in events for start, end in _stretches(event) if end >= start]
    if not stretches:
        return None
    first = min(start for _, start, _ in stretches)
    last = max(end for _, _, end in stretches)
    num_days = (last - first).days + 1
    per_day = (WIDTH - 2 * _MARGIN) / num_days

    def x(day: datetime.date) -> float:
        return _MARGIN + (day - first).days * per_day

    bars: list[Bar] = []
    lane_ends: list[float] = []
    for event, start, end in sorted(stretches, key=lambda item: (item[1], item[2])):
        width = max(_MIN_BAR, min(per_day * ((end - start).days + 1), WIDTH - _MARGIN - x(start)))
        left = x(start)
        if start == end:
            # A day is a mark in the middle of its day, however long the days are drawn.
            left, width = x(start) + per_day / 2 - _MIN_BAR / 2, _MIN_BAR
        lane = next((i for i, end_x in enumerate(lane_ends) if end_x + 3 <= left), len(lane_ends))
        lane_ends[lane : lane + 1] = [left + width]
        when = str(start) if start == end else f"{start} to {end}"
        bars.append(Bar(event, round(left, 1), round(width, 1), lane * _LANE + _LANE / 2 + 4, when))
    ticks = tuple((round(x(day) + per_day / 2, 1), words) for day, words in _ticks(first, last))
    dated = {event.id for event, _, _ in stretches}
    return Timeline(
        tuple(bars), ticks, len(lane_ends) * _LANE + 34, sum(event.id not in dated for event in events)
    )


def _stretches(event: Event) -> list[tuple[datetime.date, datetime.date]]:
    time = event.time
    if time.dates:
        return [(day, day) for day in time.dates]
    start, end = time.start or time.end, time.end or time.start
    return [(start, end)] if start and end else []


def _ticks(first: datetime.date, last: datetime.date) -> list[tuple[datetime.date, str]]:
    num_days = (last - first).days + 1
    step = next((step for step in _STEPS if num_days / step <= _MAX_TICKS), _STEPS[-1])
    if step < 28:
        days = [first + _DAY * offset for offset in range(0, num_days, step)]
        return [
            (day, f"{day.day} {day:%b}" + (f" {day.year}" if i == 0 else "")) for i, day in enumerate(days)
        ]
    num_months = round(step / 30.5)
    # Months are counted from January of year 0, so that ticks fall on whole years and quarters.
    start = -(-(first.year * 12 + first.month - (first.day == 1)) // num_months) * num_months
    months = range(start, last.year * 12 + last.month, num_months)
    return [
        (
            datetime.date(month // 12, month % 12 + 1, 1),
            f"{datetime.date(2000, month % 12 + 1, 1):%b} {month // 12}",
        )
        for month in months
        if month // 12 <= datetime.MAXYEAR
    ]
