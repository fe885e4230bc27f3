from __future__ import annotations

import datetime as dt
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitrep_ie.document import DateValue
from sitrep_ie.resolve.dates import (
    DateContext,
    document_date,
    document_period,
    is_day_first,
    release_month,
    resolve_date,
)

PUBLISHED = dt.date(2024, 3, 14)  # a Thursday
FOCUS = DateValue(dt.date(2024, 3, 10), dt.date(2024, 3, 10), "day", "explicit")  # a Sunday
CONTEXT = DateContext(PUBLISHED, focus=FOCUS)
ALONE = DateContext(None)


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _resolved(text: str, context: DateContext = CONTEXT) -> str:
    """The interval in short: "2024-03-04", "2024-03-04..2024-03-09", "None"."""
    value = resolve_date(text, context)
    if value is None:
        return "None"
    return str(value.start) if value.start == value.end else f"{value.start}..{value.end}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-04", "2024-03-04"),
        ("2024-03-04T15:30:00Z", "2024-03-04"),
        ("20240304", "2024-03-04"),
        ("04/03/2024", "2024-03-04"),
        ("4.3.2024", "2024-03-04"),
        ("4 March 2024", "2024-03-04"),
        ("March 4th, 2024", "2024-03-04"),
        ("Mon, 4 Mar. 2024", "2024-03-04"),
        ("4-Mar-24", "2024-03-04"),
        ("2024-Mar-04", "2024-03-04"),
        ("041530ZMAR24", "2024-03-04"),
        ("041530Z MAR 24", "2024-03-04"),
        ("morning of 5 March 2021", "2021-03-05"),
        ("twenty-first of May 2019", "2019-05-21"),
        ("Mon, 04 Mar 2024 15:30:00 +0000", "2024-03-04"),
        ("3, 5 and 9 May 2020", "2020-05-03..2020-05-09"),
        ("29 December 2021 to 3 January 2022", "2021-12-29..2022-01-03"),
        ("29 December to 3 January 2022", "2021-12-29..2022-01-03"),
        ("20 December 2021 to 5 January", "2021-12-20..2022-01-05"),
        ("February 2020", "2020-02-01..2020-02-29"),
        ("2019", "2019-01-01..2019-12-31"),
        ("2014-18", "2014-01-01..2018-12-31"),
        ("1990s", "1990-01-01..1999-12-31"),
        ("2010s", "2010-01-01..2019-12-31"),
        ("early 2016", "2016-01-01..2016-04-30"),
        ("mid-2016", "2016-05-01..2016-08-31"),
        ("end of 2016", "2016-10-01..2016-12-31"),
        ("Q3 2022", "2022-07-01..2022-09-30"),
        ("third quarter of 2022", "2022-07-01..2022-09-30"),
        ("second half of 2012", "2012-07-01..2012-12-31"),
        ("spring 2019", "2019-03-01..2019-05-31"),
        ("winter of 2018", "2018-12-01..2019-02-28"),
        ("second week of June 2021", "2021-06-08..2021-06-14"),
        ("last Thursday of June 2021", "2021-06-24"),
        ("first weekend of June 2021", "2021-06-05..2021-06-06"),
        ("last three days of June 2021", "2021-06-28..2021-06-30"),
        ("week 32 of 2023", "2023-08-07..2023-08-13"),
        ("week ending 5 March 2023", "2023-02-27..2023-03-05"),
        ("mid-February 2023", "2023-02-11..2023-02-20"),
        ("Christmas Eve 2023", "2023-12-24"),
        ("4 March 2024 15:30 EST", "2024-03-04"),  # left to the library
        ("first three months of 2023", "2023-01-01..2023-03-31"),
        ("H1 2023", "2023-01-01..2023-06-30"),
        ("early 1990s", "1990-01-01..1993-04-30"),
        ("early summer 2022", "2022-06-01..2022-06-30"),
        ("Feb-March 2023", "2023-02-01..2023-03-31"),
        ("night before 21 January 2022", "2022-01-20"),
        ("three weeks before Christmas 2023", "2023-12-04"),
    ],
)
def test_full_dates_need_no_context(text: str, expected: str) -> None:
    assert _resolved(text, ALONE) == expected


@pytest.mark.parametrize(
    "text",
    [
        "July 11",
        "Friday",
        "yesterday",
        "past month",
        "dawn",
        "03:20",
        "the 12th",
        "that night",
        "Q3",
        "spring",
    ],
)
def test_nothing_is_guessed_without_a_context(text: str) -> None:
    assert resolve_date(text, ALONE) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("July 11", "2023-07-11"),
        ("23rd and 24th June", "2023-06-23..2023-06-24"),
        ("Dec. 26", "2023-12-26"),
        ("10-12 July", "2023-07-10..2023-07-12"),
        ("30 June to 2 July", "2023-06-30..2023-07-02"),
        ("July 9–11", "2023-07-09..2023-07-11"),
        ("28 December to 4 January", "2023-12-28..2024-01-04"),
        ("17 March 1800 hrs to 18 March 1800 hrs", "2024-03-17..2024-03-18"),
        ("May and July", "2023-05-01..2023-07-31"),
        ("August to the end of November", "2023-08-01..2023-11-30"),
        ("131520A JAN", "2024-01-13"),
        ("Night 23/24 Oct", "2023-10-23..2023-10-24"),
        ("overnight 3-4 May", "2023-05-03..2023-05-04"),
        ("29/02", "2024-02-29"),
        ("March 2", "2024-03-02"),
        ("March 16", "2024-03-16"),  # a report may come out before its date
        ("20 April", "2024-04-20"),  # announced
        ("20 May", "2023-05-20"),
        ("Monday 20 May", "2024-05-20"),  # the weekday tells the year
        ("Sunday 12 June", "2022-06-12"),
        ("eleven in the morning of October 6", "2023-10-06"),
        ("3 November of last year", "2023-11-03"),
        ("March last year", "2023-03-01..2023-03-31"),
        ("June and the end of July 2021", "2021-06-01..2021-07-31"),
    ],
)
def test_the_year_is_inferred_from_publication(text: str, expected: str) -> None:
    assert _resolved(text, DateContext(PUBLISHED)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", "2024-03-14"),
        ("this morning", "2024-03-14"),
        ("yesterday evening", "2024-03-13"),
        ("last night", "2024-03-13"),
        ("day before yesterday", "2024-03-12"),
        ("tomorrow", "2024-03-15"),
        ("6PM today", "2024-03-14"),
        ("Thursday", "2024-03-14"),
        ("Friday", "2024-03-08"),
        ("last Thursday", "2024-03-07"),
        ("Thursday last", "2024-03-07"),
        ("next Friday", "2024-03-15"),
        ("coming Friday", "2024-03-15"),
        ("Friday week", "2024-03-22"),
        ("this Tuesday", "2024-03-12"),
        ("sunset on Saturday", "2024-03-09"),
        ("night to Friday", "2024-03-07..2024-03-08"),
        ("Tuesday to Thursday", "2024-03-12..2024-03-14"),
        ("Friday and Sunday", "2024-03-08..2024-03-10"),
        ("Mon 11", "2024-03-11"),
        ("about half past four on Sunday afternoon", "2024-03-10"),
        ("five minutes past midnight on Tuesday", "2024-03-12"),
        ("three days ago", "2024-03-11"),
        ("fortnight ago", "2024-02-29"),
        ("two months ago", "2024-01-01..2024-01-31"),
        ("few days ago", "2024-03-07..2024-03-13"),
        ("past twenty-four hours", "2024-03-13..2024-03-14"),
        ("last 48 hours", "2024-03-12..2024-03-14"),
        ("past week", "2024-03-07..2024-03-14"),
        ("last week", "2024-03-04..2024-03-10"),
        ("this week", "2024-03-11..2024-03-17"),
        ("next week", "2024-03-18..2024-03-24"),
        ("last weekend", "2024-03-09..2024-03-10"),
        ("last month", "2024-02-01..2024-02-29"),
        ("past month", "2024-02-14..2024-03-14"),
        ("recent days", "2024-03-07..2024-03-14"),
        ("coming days", "2024-03-14..2024-03-21"),
        ("next three days", "2024-03-15..2024-03-17"),
        ("last year", "2023-01-01..2023-12-31"),
        ("late last year", "2023-09-01..2023-12-31"),
        ("earlier this month", "2024-03-01..2024-03-14"),
        ("later this week", "2024-03-14..2024-03-17"),
        ("rest of the year", "2024-03-14..2024-12-31"),
        ("last October", "2023-10-01..2023-10-31"),
        ("last March", "2023-03-01..2023-03-31"),
        ("next July", "2024-07-01..2024-07-31"),
        ("last summer", "2023-06-01..2023-08-31"),
        ("from 4 to 12 this month", "2024-03-04..2024-03-12"),
        ("12th inst", "2024-03-12"),
        ("two and a half years ago", "2021-01-01..2021-12-31"),
        ("2 years 3 months ago", "2021-12-01..2021-12-31"),
        ("weeks ago", "2024-02-12..2024-03-13"),
        ("last decade", "2010-01-01..2019-12-31"),
        ("third quarter this year", "2024-07-01..2024-09-30"),
        ("early last week", "2024-03-04..2024-03-06"),
        ("next 24 hours", "2024-03-14..2024-03-15"),
        ("next spring", "2025-03-01..2025-05-31"),
        ("this winter", "2023-12-01..2024-02-29"),
        ("Thursday and Friday next week", "2024-03-21..2024-03-22"),
        ("weekend of 4 May", "2023-05-06..2023-05-07"),
        ("year to date", "2024-01-01..2024-03-14"),
    ],
)
def test_relative_to_publication(text: str, expected: str) -> None:
    assert _resolved(text, DateContext(PUBLISHED)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dawn", "2024-03-10"),
        ("03:20", "2024-03-10"),
        ("0421B", "2024-03-10"),
        ("0540 hrs", "2024-03-10"),
        ("4 p.m.", "2024-03-10"),
        ("around 11 o'clock", "2024-03-10"),
        ("1:30 p.m. Nairobi time", "2024-03-10"),
        ("shortly after midnight", "2024-03-10"),
        ("22:00 to 04:00", "2024-03-10..2024-03-11"),
        ("20:00 and 06:00", "2024-03-10..2024-03-11"),
        ("10:20 to 13:00", "2024-03-10"),
        ("that night", "2024-03-10"),
        ("same day, 18.45 hrs", "2024-03-10"),
        ("later that day", "2024-03-10"),
        ("next day", "2024-03-11"),
        ("following morning", "2024-03-11"),
        ("evening before", "2024-03-09"),
        ("day after", "2024-03-11"),
        ("two days later", "2024-03-12"),
        ("three nights earlier", "2024-03-07"),
        ("a week later", "2024-03-17"),
        ("hour and a half later", "2024-03-10"),
        ("48 hours later", "2024-03-12"),
        ("two days after that", "2024-03-12"),
        ("days later", "2024-03-11..2024-03-17"),
        ("half past nine", "2024-03-10"),
        ("quarter to six", "2024-03-10"),
        ("ten past nine", "2024-03-10"),
        ("following Friday", "2024-03-15"),
        ("previous Friday", "2024-03-08"),
        ("second half of the month", "2024-03-16..2024-03-31"),
        ("last week of the month", "2024-03-25..2024-03-31"),
        ("week of the 4th", "2024-03-04..2024-03-10"),
        ("same month", "2024-03-01..2024-03-31"),
        ("the week", "2024-03-04..2024-03-10"),
        ("end of the month", "2024-03-21..2024-03-31"),
        ("6th, 17th and 26th of the month", "2024-03-06..2024-03-26"),
        ("the 12th", "2024-03-12"),
        ("the 28th", "2024-02-28"),  # the nearest to the focus that is past
        ("night of the 4th to 5th", "2024-03-04..2024-03-05"),
    ],
)
def test_anaphoric_mentions_take_the_focus(text: str, expected: str) -> None:
    assert _resolved(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "two hours",
            "forty minutes",
            "three-day",
            "24-hour",
            "several weeks",
            "hour and a half",
            "week",
            "month",
        ),
        *(
            "Ramadan",
            "Eid",
            "soon",
            "daily",
            "each Monday",
            "Saturdays",
            "rainy season",
            "second day",
            "third night",
        ),
        *(
            "30 February",
            "31 June 2020",
            "13/14/2020",
            "32 May",
            "9999999 years ago",
            "year 0",
            "5",
            "nine",
            "",
            "  ",
        ),
        *(
            "31 April to 2 May",
            "2024-13-01",
            "the attack",
            "May flower",
            "second",
            "99/99/9999",
            "\x00",
            "12:75",
        ),
    ],
)
def test_no_interval(text: str) -> None:
    assert resolve_date(text, CONTEXT) is None


def test_a_focus_of_a_month_gives_no_day() -> None:
    october = DateValue(dt.date(2023, 10, 1), dt.date(2023, 10, 31), "month", "explicit")
    context = DateContext(PUBLISHED, focus=october)
    assert resolve_date("dawn", context) is None
    assert resolve_date("next day", context) is None
    assert _resolved("the 12th", context) == "2023-10-12"
    assert _resolved("three months later", context) == "2024-01-01..2024-01-31"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("since 2014", "2014-01-01..2024-03-14"),
        ("since Monday", "2024-03-11..2024-03-14"),
        ("since April", "2023-04-01..2024-03-14"),
        ("until Friday", "None..2024-03-15"),
        ("by 20 March", "None..2024-03-20"),
        ("before 2014", "None..2013-12-31"),
        ("after 5 March", "2024-03-06..None"),
        ("between 3 and 9 May", "2023-05-03..2023-05-09"),
        ("from 3 to 9 May", "2023-05-03..2023-05-09"),
        ("before dawn on Friday", "2024-03-08"),
    ],
)
def test_a_leading_preposition_counts(text: str, expected: str) -> None:
    assert _resolved(text) == expected


def test_separate_days_are_listed_and_ranges_are_not() -> None:
    listed = resolve_date("3rd, 5th and 7-9 May 2020", ALONE)
    assert listed is not None
    assert [day.day for day in listed.dates] == [3, 5, 7, 8, 9]
    for text in ("3 to 9 May 2020", "between 3 and 9 May 2020", "May and July 2020", "3 May 2020"):
        value = resolve_date(text, ALONE)
        assert value is not None
        assert value.dates == ()


@pytest.mark.parametrize(
    ("text", "precision", "anchor"),
    [
        ("July 11", "day", "explicit"),
        ("dawn of July 11", "hour", "explicit"),
        ("July", "month", "explicit"),
        ("2023", "year", "explicit"),
        ("last week", "week", "relative"),
        ("Friday", "day", "relative"),
        ("Friday night", "hour", "relative"),
        ("03:20", "hour", "relative"),
        ("first week of July", "week", "explicit"),
        ("two years ago", "year", "relative"),
    ],
)
def test_precision_and_anchor(text: str, precision: str, anchor: str) -> None:
    value = resolve_date(text, CONTEXT)
    assert value is not None
    assert (value.precision, value.anchor) == (precision, anchor)


def test_day_first_settles_figures() -> None:
    assert _resolved("04/03/2024", DateContext(PUBLISHED, day_first=False)) == "2024-04-03"
    assert _resolved("02/03", DateContext(PUBLISHED, day_first=False)) == "2024-02-03"
    assert _resolved("25/03/2024", DateContext(PUBLISHED, day_first=False)) == "2024-03-25"


def test_planned_events_look_ahead() -> None:
    ahead = DateContext(PUBLISHED, future=True)
    assert _resolved("11 July", ahead) == "2024-07-11"
    assert _resolved("Friday", ahead) == "2024-03-15"
    assert _resolved("yesterday", ahead) == "2024-03-13"


def test_the_period_of_the_report_settles_weekdays_years_and_months() -> None:
    weekly = DateContext(dt.date(2023, 9, 20), period=(dt.date(2023, 9, 9), dt.date(2023, 9, 15)))
    assert _resolved("Sunday", weekly) == "2023-09-10"
    assert _resolved("past week", weekly) == "2023-09-09..2023-09-15"
    assert _resolved("reporting period", weekly) == "2023-09-09..2023-09-15"
    assert _resolved("previous reporting period", weekly) == "2023-09-02..2023-09-08"
    value = resolve_date("reporting period", weekly)
    assert value is not None
    assert value.anchor == "report_period"
    historical = DateContext(dt.date(2016, 3, 2), period=(dt.date(1945, 1, 1), dt.date(1945, 2, 28)))
    assert _resolved("21 January", historical) == "1945-01-21"
    assert _resolved("Friday", historical) == "None"
    monthly = DateContext(dt.date(2022, 11, 3), period=(dt.date(2022, 10, 1), dt.date(2022, 10, 31)))
    assert _resolved("past month", monthly) == "2022-10-01..2022-10-31"
    assert _resolved("the 28th", monthly) == "2022-10-28"


def test_the_focus_gives_the_year_when_there_is_no_publication_date() -> None:
    context = DateContext(
        None, focus=DateValue(dt.date(1995, 4, 20), dt.date(1995, 4, 20), "day", "explicit")
    )
    assert _resolved("3 May", context) == "1995-05-03"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("KABUL, Afghanistan (Feb. 17, 2011) – Forces found a cache.", "2011-02-17"),
        (
            "Joint Command\n2011-02-S-118\nFor Immediate Release\n\nKABUL, Afghanistan (Feb. 17) – A force",
            "2011-02-17",
        ),
        ("Two caches found\nCommand - Veld 2011-02-S-118 Download KARSK, Veld (Feb. 17) - A", "2011-02-17"),
        ("Command 2011-02-S-118 KARSK (Feb. 17) Afterwards a force (Feb. 18) - left", "2011-02-17"),
        ("Feb. 17: Two bridges repaired\nCommand - 2011-02-S-118\nA team worked last night", "2011-02-17"),
        ("Feb. 17: Two bridges repaired\nCommand - 2011-03-S-118\nA team worked last night", "None"),
        ("Feb. 17: Two bridges repaired\nA team worked last night", "None"),
        ("Guards of the KARSK command 2011-02-S-118 (Feb. 17) were there", "None"),
        ("GENEVA, 3 May 2022 – The agency", "2022-05-03"),
        ("NAIROBI, 4 June 2021 (Wire) – The agency", "2021-06-04"),
        ("Flash note\nPress release 12/2019\nVIENNA, 4 June – The mission", "2019-06-04"),
        ("Date: 2024-03-02\nTwo trucks", "2024-03-02"),
        ("Posted: 05/13/2021\nTwo trucks", "2021-05-13"),
        ("DTG: 041530ZMAR24\nTwo trucks", "2024-03-04"),
        ("For immediate release, 12 June 2019\nTwo trucks", "2019-06-12"),
        ("FOR IMMEDIATE RELEASE\n\nJune 12, 2019\nTwo trucks", "2019-06-12"),
        ("Situation Report No. 4, 12 May 2023\nTwo trucks", "2023-05-12"),
        ("Flash update\n\nMonday, 14 March 2022, 18:00\nTwo trucks", "2022-03-14"),
        ("MOGADISHU, May 3 (Wire) – no year anywhere", "None"),
        ("July 11: a convoy of 2019 trucks", "None"),
        ("The base was hit on 12 May 2020.", "None"),
        ("The base (12 May 2020) was hit", "None"),
        ("Situation report (4-10 May 2023)\nTwo trucks", "None"),
        ("In Herat, 3 May 2022 was a quiet day", "None"),
        ("Report on the attack of 5 May 2019 on the base\n", "None"),
        ("", "None"),
    ],
)
def test_document_date(text: str, expected: str) -> None:
    assert str(document_date(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Veld Command\n2031-02-CA-075\nA force searched a farm.", ("2031-02-01", "2031-02-28")),
        ("Veld Command, 2031-12-S-118, corrects 2031-12-S-117", ("2031-12-01", "2031-12-31")),
        ("Corrects 2031-01-S-117\n2031-02-S-118", None),
        ("A force searched a farm on 2031-02-17.", None),
        ("A force searched a farm.", None),
        ("\n" * 50 + "2031-02-CA-075", None),
    ],
)
def test_release_month(text: str, expected: tuple[str, str] | None) -> None:
    found = release_month(text)
    assert (found and (found[0].isoformat(), found[1].isoformat())) == expected


@pytest.mark.parametrize(
    ("focus", "expected"), [(8, "2023-07-08..2023-07-08"), (9, "2023-07-08..2023-07-09")]
)
def test_overnight_of_the_day_of_publication_is_the_night_before_it(focus: int, expected: str) -> None:
    day = dt.date(2023, 7, focus)
    context = DateContext(dt.date(2023, 7, 9), focus=DateValue(day, day, "day", "explicit"))
    value = resolve_date("overnight", context)
    assert value is not None
    assert f"{value.start}..{value.end}" == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Situation report No. 12 (4-10 May 2023)", "2023-05-04 2023-05-10"),
        ("Convoys, 30 Dec 2022 – 5 Jan 2023", "2022-12-30 2023-01-05"),
        ("operations in the valley, 13-14 May", "2023-05-13 2023-05-14"),
        ("Access snapshot, 30 April - 6 May", "2023-04-30 2023-05-06"),
        ("Coalition in April: five convoys", "2023-04-01 2023-04-30"),
        ("Protection monitoring, January–March 2023", "2023-01-01 2023-03-31"),
        ("Monthly report, April 2023", "2023-04-01 2023-04-30"),
        ("Q1 2023 review", "2023-01-01 2023-03-31"),
        ("Epidemiological week 18 of 2023", "2023-05-01 2023-05-07"),
        ("Weekly note, week 18", "2023-05-01 2023-05-07"),
        ("Border post, second week of April", "2023-04-08 2023-04-14"),
        ("Mon 8 May, 01:20 - a convoy", "None"),
        ("Title\nReporting period: 1 to 15 April 2023\nTwo trucks", "2023-04-01 2023-04-15"),
        ("Title\nThis report covers the period from 3 to 9 May.", "2023-05-03 2023-05-09"),
        ("Reporting period: 9 May 1800 hrs to 10 May 1800 hrs", "2023-05-09 2023-05-10"),
        ("Weekly bulletin\nOn 3 and 4 May the town was hit", "None"),
        ("Bulletin, 12 May 2023", "None"),
        ("The war of 2014", "None"),
        ("March to the sea", "None"),
        ("May day in the capital", "None"),
        ("Massacre in May 2014 remembered", "None"),
        ("Week in brief", "None"),
        ("", "None"),
    ],
)
def test_document_period(text: str, expected: str) -> None:
    period = document_period(text, DateContext(dt.date(2023, 5, 15)))
    assert ("None" if period is None else f"{period[0]} {period[1]}") == expected


def test_a_period_that_is_yet_to_come_is_not_covered() -> None:
    context = DateContext(dt.date(2023, 5, 5))
    assert document_period("Exercise Blue Gate, 12-24 May", context) is None
    assert document_period("Exercise Blue Gate, 12-24 April", context) is not None


@pytest.mark.parametrize(
    ("text", "published", "expected"),
    [
        ("on 13/04/2024 and 04/05/2024", None, True),
        ("on 04/13/2024 and 04/05/2024", None, False),
        ("on 12/03/2024", "2024-04-01", True),
        ("on 03/12/2024", "2024-04-01", False),
        ("nothing but 24/7 shelling and 9/11", None, True),
        ("1/31 and 2/28", None, False),
        ("", None, True),
    ],
)
def test_is_day_first(text: str, published: str | None, expected: bool) -> None:
    assert is_day_first(text, _day(published) if published else None) is expected


_WORDS = st.sampled_from(
    "the of to and - , / last next this past same that first second two 3 12 31 99 2024 1830 24/12 3rd 20th "
    "May March Feb. Monday Sun week days months year hours night dawn 03:20 ago later before after since "
    "until between early end mid-June Q3 spring today yesterday few quarter half weekend reporting "
    "period 041530Z noon overnight".split()
)
_CONTEXTS = st.builds(
    DateContext,
    published=st.none() | st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)),
    period=st.none()
    | st.tuples(st.just(dt.date(2024, 3, 1)), st.dates(dt.date(2024, 3, 1), dt.date(2024, 5, 1))),
    focus=st.none() | st.just(FOCUS),
    day_first=st.booleans(),
    future=st.booleans(),
)


@settings(max_examples=100, deadline=None)
@given(text=st.lists(_WORDS, max_size=8).map(" ".join) | st.text(max_size=60), context=_CONTEXTS)
def test_any_text_gives_an_ordered_interval_or_none(text: str, context: DateContext) -> None:
    value = resolve_date(text, context)
    if value is not None:
        assert value.start is not None or value.end is not None
        if value.start is not None and value.end is not None:
            assert value.start <= value.end
        assert list(value.dates) == sorted(set(value.dates))


@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(_WORDS | st.just("\n"), max_size=20).map(" ".join) | st.text(max_size=200),
    context=_CONTEXTS,
)
def test_any_document_gives_a_date_a_period_and_an_order(text: str, context: DateContext) -> None:
    document_date(text)
    period = document_period(text, context)
    assert period is None or period[0] <= period[1]
    assert is_day_first(text, context.published) in (True, False)


@settings(max_examples=50, deadline=None)
@given(day=st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31)))
def test_every_full_date_in_usual_spellings(day: dt.date) -> None:
    for text in (
        day.isoformat(),
        f"{day:%d/%m/%Y}",
        f"{day.day} {day:%B %Y}",
        f"{day:%b}. {day.day}, {day.year}",
    ):
        value = resolve_date(text, ALONE)
        assert value is not None
        assert (value.start, value.end, value.precision) == (day, day, "day")


@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1/",
        "1 May ",
        "May ",
        "the ",
        "a",
        "1-",
        "10:",
        "A a ",
        "24 hours ",
        "and ",
        "\n",
        "Date: ",
        " (",
        "1.",
    ],
)
def test_long_input_is_read_in_linear_time(piece: str) -> None:
    long = piece * (100_000 // len(piece))
    begin = time.perf_counter()
    resolve_date(long, CONTEXT)
    resolve_date(long[:160], CONTEXT)
    document_date(long)
    document_period(long, CONTEXT)
    is_day_first(long, PUBLISHED)
    assert time.perf_counter() - begin < 2


def test_common_forms_cost_well_under_a_millisecond() -> None:
    texts = [
        "July 11",
        "Friday",
        "23rd and 24th June",
        "past 24 hours",
        "04:30 on Saturday",
        "two days later",
    ] * 50
    begin = time.process_time()
    for text in texts:
        resolve_date(text, CONTEXT)
    assert (time.process_time() - begin) / len(texts) < 0.001
