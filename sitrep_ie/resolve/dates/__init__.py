"""Dates: the text of a DATE mention -> an interval of days.

An own grammar reads the forms of reports (`lexicon`, `grammar`, `evaluate`), python-dateutil the full dates
that it does not know. Never a guess: what the text and its context do not settle is None.
"""

from __future__ import annotations

import datetime as dt
import re

from sitrep_ie.document import DateValue
from sitrep_ie.resolve.dates.evaluate import DateContext, Unresolved, evaluate
from sitrep_ie.resolve.dates.grammar import MAX_TEXT_CHARS, NotADate, parse
from sitrep_ie.resolve.dates.header import document_date, document_period, is_day_first, release_month

__all__ = [
    "DateContext",
    "document_date",
    "document_period",
    "is_day_first",
    "release_month",
    "resolve_date",
]

_FULL_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def resolve_date(text: str, context: DateContext) -> DateValue | None:
    """Returns the days that `text` names in `context`; None when the two do not settle it.

    Durations ("two hours"), recurring times ("each Monday") and movable feasts ("Ramadan") are None. A
    preposition before the mention may be part of `text` and then counts: "since 2014" runs to publication,
    "until Friday" has no start, "between May and July" is one stretch; "the" makes "the week" the week in
    question, where a bare "week" may be a duration. Without "between", separate days ("3 and 9 May") are
    listed in `dates`.

    Conventions: weeks run from Monday; "last week" is the calendar week before, "past week" the seven days up
    to publication; early, mid and late are thirds; seasons are the northern ones; "two months ago" is a
    calendar month, "two weeks ago" a day; a date without a year is the latest one not more than 45 days after
    publication, unless the report's period holds one. The anchor is "explicit" for a named calendar date,
    "report_period" for the report's own period, else "relative".
    """
    try:
        expression = parse(text)
        return None if expression is None else evaluate(expression, context)
    except NotADate:
        return _other_full_date(text, context.day_first)
    except Unresolved:
        return None


def _other_full_date(text: str, day_first: bool) -> DateValue | None:
    """Reads formats of machines ("Mar 4 15:30:00 UTC 2024"), only with day, month and year all there."""
    if len(text) > MAX_TEXT_CHARS or not _FULL_YEAR.search(text):
        return None
    from dateutil import parser

    found = set()
    # What the text leaves out is taken from the default: two defaults agree on full dates only.
    for default in (dt.datetime(2001, 1, 1), dt.datetime(2002, 2, 2)):
        try:
            found.add(parser.parse(text, default=default, dayfirst=day_first, ignoretz=True).date())
        except (ValueError, OverflowError, TypeError, IndexError, AttributeError):
            return None
    day = found.pop()
    return None if found else DateValue(day, day, "day", "explicit")
