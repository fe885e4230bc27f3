"""What a report says about its own dates: publication, period covered, order of day and month in figures.

Reads only places that are about the report itself (header lines, dateline, title); a date that merely stands
near the top belongs to an event and is left alone.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace

from sitrep_ie.document import DateValue
from sitrep_ie.resolve.dates.evaluate import DateContext, Unresolved, evaluate
from sitrep_ie.resolve.dates.grammar import NotADate, parse
from sitrep_ie.resolve.dates.lexicon import MONTH_PATTERN, WEEKDAY_PATTERN

# A header is short; further down, dates belong to events.
_HEAD_CHARS = 1500
_HEAD_LINES = 12
_LABELLED_CHARS = 4000
_MAX_PERIOD_DAYS = 400
# A month named in a title is the period of a report that came out within about a quarter of it.
_MAX_MONTH_AGE_DAYS = 100

_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_MONTH = rf"{MONTH_PATTERN}\b\.?"
_FULL = (
    rf"(?:\d{{4}}-\d\d-\d\d|\d{{8}}\b|\d{{1,2}}(?:/\d\d?/|\.\d\d?\.|-\d\d?-)\d{{4}}"
    rf"|{_DAY}[ -](?:of )?{_MONTH},?[ -]\d{{4}}"
    rf"|{_MONTH} {_DAY},? \d{{4}}|\d{{6}} ?[a-z] ?{MONTH_PATTERN} ?\d{{2,4}})"
)
_YEARLESS = rf"(?:{_DAY} (?:of )?{_MONTH}|{_MONTH} {_DAY})(?![\d/-]|,? \d{{4}})"
_ANY = rf"(?:{_FULL}|{_YEARLESS})"
_WEEKDAY = rf"(?:{WEEKDAY_PATTERN}\b\.?,? (?:the )?)?"
_PLACE = r"[A-Z\u00c0-\u00de][^\W\d_]+(?:[ .,'/-]{1,2}[A-Z\u00c0-\u00dea-z\u00df-\u00ff]+){0,8}"

_LABEL = re.compile(
    r"^\W{0,4}(?:(?:date|published|publication date|date published|"
    r"date of (?:issue|publication|report|release)|"
    r"issued|issue date|release date|report date|posted|released|dated|updated|last updated|dtg|"
    r"(?:for )?immediate release|press release|news release|media release)\b(?: on\b)?"
    r"[\s:,|\u2013\u2014-]{1,6})"
    rf"{_WEEKDAY}(?P<date>{_ANY})",
    re.IGNORECASE,
)
_DATELINE = re.compile(
    rf"^\W{{0,3}}(?P<place>{_PLACE}),? ?(?:\((?i:{_WEEKDAY}(?P<bracketed>{_ANY}))\)"
    rf"|, (?i:{_WEEKDAY}(?P<open>{_ANY})))(?P<after>.{{0,40}})"
)
# Behind other words of a header that lost its line breaks: capitals, brackets and what follows decide.
_DATELINE_INSIDE = re.compile(
    rf"(?<=\s)(?P<place>[A-Z\u00c0-\u00de]{{3,}}[^\n()]{{0,40}}?) ?"
    rf"\((?i:{_WEEKDAY}(?P<date>{_ANY}))\) ?(?:[-\u2013\u2014:]|(?=[A-Z]))"
)
_ITEM = re.compile(rf"^\W{{0,3}}(?i:{_WEEKDAY}(?P<date>{_ANY})) ?[:\u2013\u2014]")
_ALONE = re.compile(
    rf"^\W{{0,3}}(?:{_PLACE}, )?(?i:{_WEEKDAY}(?P<date>{_FULL}))"
    r"(?:[ ,|\u2013\u2014-]{1,3}\d{1,2}[:.h]?\d\d(?: ?[a-zA-Z]{1,5})?)?\W{0,3}$"
)
_TITLED = re.compile(
    r"\b(?:report|update|bulletin|sitrep|summary|brief|briefing|statement|release|digest|snapshot|overview|log|"
    rf"communique|communiqu\u00e9|newsletter)\b(?P<between>[^\n]{{0,60}}?)(?P<date>{_FULL})\)?\W{{0,2}}$",
    re.IGNORECASE,
)
_NUMBERED_YEAR = re.compile(
    r"(?<![\d/-])((?:19|20)\d\d)[-/](?:\d{1,4}(?![\d])|[A-Z])|\b\d{1,4}/((?:19|20)\d\d)\b"
)
_NUMBERED_MONTH = re.compile(r"(?<![\d/-])((?:19|20)\d\d)[-/](0[1-9]|1[0-2])[-/](?!\d\d(?!\d))\w")
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?!\d)(?!-)")


def document_date(text: str) -> dt.date | None:
    """Returns the publication date that the report's own header or dateline states; None when it states none.

    A dateline without a year ("(Feb. 17)") takes it from a release number near the top (2011-02-S-118). A
    date that opens the title ("Feb. 17: Two Bridges Repaired") is that of the release where its number
    names the same month.
    """
    head = text[:_HEAD_CHARS]
    lines = [line for raw in head.splitlines()[: 3 * _HEAD_LINES] if (line := " ".join(raw.split()))][
        :_HEAD_LINES
    ]
    context = DateContext(None, day_first=is_day_first(text, None))
    joined = [f"{line} {after}" for line, after in zip(lines, [*lines[1:], ""], strict=False)]
    for found in _dates_of_header(lines, joined):
        day = _one_day(found, context) or _one_day(f"{found} {_release_year(lines)}", context)
        if day is not None:
            return day
    return _title_date(lines, context)


def release_month(text: str) -> tuple[dt.date, dt.date] | None:
    """Returns the month that a release number near the top names (2031-07-CA-075), first and last day.

    It says when the report came out, not what it covers; None where numbers name several months.
    """
    months = {
        (int(match[1]), int(match[2]))
        for line in text[:_HEAD_CHARS].splitlines()[: 3 * _HEAD_LINES]
        for match in _NUMBERED_MONTH.finditer(line)
    }
    if len(months) != 1:
        return None
    ((year, month),) = months
    start = dt.date(year, month, 1)
    return start, (start + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)


def _title_date(lines: list[str], context: DateContext) -> dt.date | None:
    title = _ITEM.match(lines[0]) if lines else None
    months = {(int(match[1]), int(match[2])) for line in lines for match in _NUMBERED_MONTH.finditer(line)}
    if title is None or len(months) != 1:
        return None
    (month,) = months
    day = _one_day(title["date"], context) or _one_day(f"{title['date']} {month[0]}", context)
    return day if day is not None and (day.year, day.month) == month else None


def _dates_of_header(lines: list[str], joined: list[str]) -> Iterator[str]:
    for line, with_next in zip(lines, joined, strict=True):
        if match := _LABEL.match(line):
            yield match["date"]
        elif len(line) < 40 and (match := _LABEL.match(with_next)):  # the label has a line of its own
            yield match["date"]
    for line in lines:
        if match := _DATELINE.match(line):
            follows = match["after"].lstrip()
            dash = re.match(r"(?:\([^()]{2,30}\) ?)?(?:[-\u2013\u2014:]|$)", follows)
            capitals = match["bracketed"] and re.match(r"[^\W\d_a-z]{3}", match["place"])
            if dash or capitals:
                yield match["bracketed"] or match["open"]
    for line in lines:
        if match := _DATELINE_INSIDE.search(line):
            yield match["date"]
    for line in lines:
        if match := _ALONE.match(line):
            yield match["date"]
    if (
        lines
        and (match := _TITLED.search(lines[0]))
        and not re.search(r"\d ?(?:to|-|\u2013) ?$", match["between"])
    ):
        yield match["date"]


def _release_year(lines: list[str]) -> str:
    years = set()
    for line in lines:
        for match in _NUMBERED_YEAR.finditer(_ISO.sub(" ", line)):
            years.add(match[1] or match[2])
    return years.pop() if len(years) == 1 else ""


def _resolve(text: str, context: DateContext) -> DateValue | None:
    try:
        expression = parse(text)
        return None if expression is None else evaluate(expression, context)
    except (NotADate, Unresolved):
        return None


def _one_day(text: str, context: DateContext) -> dt.date | None:
    value = _resolve(text, context)
    return value.start if value is not None and value.start == value.end else None


# ---- period ----

_PIECE = (
    rf"(?:{_DAY}\b(?!:)|{_MONTH}|\d{{4}}\b"
    r"|(?:hrs?|hours|from|to|until|through|and|of|the)\b|[-\u2013\u2014,/])"
)
_RUN = re.compile(rf"(?<![\w/-])(?:{_DAY}\b(?!:)|{_MONTH}|from\b)(?: ?{_PIECE})*", re.IGNORECASE)
_PERIOD_LABEL = re.compile(
    r"\b(?:report(?:ing)? period|review period|period (?:covered|under review|of (?:the )?report)|"
    r"(?:this|the present) (?:report|update|bulletin|edition|issue|summary|digest|brief|briefing) "
    r"(?:covers|covered|summarises|summarizes)|covering|time ?frame)\b[^\d\n]{0,30}?(?=\d|from\b)",
    re.IGNORECASE,
)
_FRACTION = re.compile(
    rf"\b(?:(?:(?:first|second|third|fourth|last) (?:quarter|half|week|weekend) of|q[1-4]|h[12])"
    rf",? ?(?:{_MONTH}|\d{{4}})(?: \d{{4}})?"
    rf"|(?:epidemiological )?week \d{{1,2}}(?:,? (?:of )?\d{{4}})?(?=[\s,.:;)]|$))",
    re.IGNORECASE,
)
_MONTH_OF_TITLE = re.compile(
    rf"(?:\b(?:in|during|for|of|throughout)\b|[,:|(\u2013\u2014-]) ?(?P<month>{_MONTH}(?:,? \d{{4}})?)"
    rf"(?=$|[\s,:;.)|\u2013\u2014-])(?! ?\d)|^(?P<first>{_MONTH}(?:,? \d{{4}}\b|(?=[:|,])))",
    re.IGNORECASE,
)


def document_period(text_or_title: str, context: DateContext) -> tuple[dt.date, dt.date] | None:
    """Returns the stretch of days that the report says it covers, inclusive; None when it does not say.

    Args:
        text_or_title: a title, or a whole text, whose first line is then taken for the title; a labelled
            period ("Reporting period: ...") may stand further down.
        context: `published` settles the years that the period leaves out; `period` and `focus` are not used.
    """
    alone = replace(context, period=None, focus=None)
    lines = [line for line in text_or_title[:_LABELLED_CHARS].splitlines() if line.strip()]
    if not lines:
        return None
    title = " ".join(lines[0].split())
    for line in lines:
        for label in _PERIOD_LABEL.finditer(line):
            if (run := _RUN.match(line, label.end())) and (period := _period(run.group(), alone)):
                return period
    if len(title) > 200:
        return None
    for run in _RUN.finditer(title):
        # A single month is a period only where the title's grammar says so: see _MONTH_OF_TITLE.
        if len(re.findall(rf"(?<!\d)\d\d?(?!\d)|{_MONTH}", run.group(), re.IGNORECASE)) > 1 and (
            period := _period(run.group(), alone)
        ):
            return period
    for match in _FRACTION.finditer(title):
        if period := _period(match.group().lower().replace("epidemiological ", ""), alone):
            return period
    for match in _MONTH_OF_TITLE.finditer(title):
        period = _period(match["month"] or match["first"], alone)
        if period and alone.published and (alone.published - period[1]).days <= _MAX_MONTH_AGE_DAYS:
            return period
    return None


# Begins only where a run of marks does, or a long one would be tried from each of its places.
_LOOSE_END = re.compile(
    r"(?<![\s,/\u2013\u2014-])(?:[\s,/\u2013\u2014-]|\b(?:from|to|until|through|and|of|the)\b)+$"
)


def _period(text: str, context: DateContext) -> tuple[dt.date, dt.date] | None:
    text = _LOOSE_END.sub("", text.strip())
    value = _resolve(re.sub(r"^from ", "", text, flags=re.IGNORECASE), context)
    if value is None or value.start is None or value.end is None or value.start == value.end:
        return None
    if context.published is not None and value.start > context.published:
        return None  # announced, not covered
    return (value.start, value.end) if (value.end - value.start).days <= _MAX_PERIOD_DAYS else None


# ---- order of day and month ----

_FIGURES = re.compile(r"(?<![\d/.-])(\d{1,2})([/.-])(\d{1,2})(?:\2(\d{4}|\d\d))?(?![\d/-])")
# Not dates, though written with a slash.
_IDIOMS = {("24", "7"), ("9", "11"), ("7", "7"), ("50", "50")}


def is_day_first(text: str, published: dt.date | None) -> bool:
    """Returns whether 04/03/2024 in this document is 4 March (True, also where nothing tells).

    Dates that can be read one way only decide by majority; else the reading that does not put dates after
    `published`.
    """
    day_first = month_first = 0
    ambiguous: list[tuple[int, int, int]] = []
    for match in _FIGURES.finditer(text):
        first, mark, second, year = match.groups()
        if (year is None and mark != "/") or (first, second) in _IDIOMS:
            continue
        left, right = int(first), int(second)
        if 12 < left <= 31 and 1 <= right <= 12:
            day_first += 1
        elif 12 < right <= 31 and 1 <= left <= 12:
            month_first += 1
        elif year is not None and 1 <= left <= 12 and 1 <= right <= 12:
            ambiguous.append((left, right, int(year) + (2000 if len(year) == 2 else 0)))
    if day_first != month_first:
        return day_first > month_first
    if published is not None and ambiguous:
        limit = published + dt.timedelta(days=2)
        late_if_day_first = sum(_date(year, right, left) > limit for left, right, year in ambiguous)
        late_if_month_first = sum(_date(year, left, right) > limit for left, right, year in ambiguous)
        return late_if_day_first <= late_if_month_first
    return True


def _date(year: int, month: int, day: int) -> dt.date:
    return dt.date(max(year, 1), month, day)
