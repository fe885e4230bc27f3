"""Words and number formats of English date expressions, as tokens.

Knows spelling only; what a sequence of tokens means is the grammar's affair. Every pattern here is linear in
the length of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTH_NAMES = (
    ("january", "jan"),
    ("february", "feb"),
    ("march", "mar"),
    ("april", "apr"),
    ("may",),
    ("june", "jun"),
    ("july", "jul"),
    ("august", "aug"),
    ("september", "sept", "sep"),
    ("october", "oct"),
    ("november", "nov"),
    ("december", "dec"),
)
_WEEKDAY_NAMES = (
    ("monday", "mon"),
    ("tuesday", "tue", "tues"),
    ("wednesday", "wed", "weds"),
    ("thursday", "thu", "thur", "thurs"),
    ("friday", "fri"),
    ("saturday", "sat"),
    ("sunday", "sun"),
)
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
_UNITS = {
    "second": ("seconds", "secs", "sec"),
    "minute": ("minute", "minutes", "min", "mins"),
    "hour": ("hour", "hours", "hrs", "hr"),
    "day": ("day", "days"),
    "week": ("week", "weeks"),
    "fortnight": ("fortnight", "fortnights"),
    "weekend": ("weekend", "weekends"),
    "month": ("month", "months"),
    "quarter": ("quarter", "quarters"),
    "half": ("half",),
    "year": ("year", "years"),
    "decade": ("decade", "decades"),
}
_PARTS = (
    "dawn daybreak sunrise sunup fajr morning mornings forenoon noon midday lunchtime dhuhr afternoon "
    "afternoons asr teatime evening evenings sunset sundown dusk nightfall twilight maghrib breakfast "
    "dinnertime suppertime daytime daylight night nights nighttime midnight overnight isha dark darkness"
).split()
_RELATIVE = {
    "last": "last", "past": "past", "previous": "previous", "preceding": "previous", "prior": "previous",
    "this": "this", "current": "this",
    "next": "next", "coming": "coming", "upcoming": "coming", "forthcoming": "coming",
    "following": "following", "subsequent": "following", "ensuing": "following",
    "same": "same", "that": "same", "those": "same",
    "recent": "recent",
}  # fmt: skip
_MODIFIERS = {
    "early": "early", "mid": "mid", "middle": "mid", "late": "late",
    "beginning": "start", "start": "start", "outset": "start", "end": "end", "close": "end",
    "earlier": "earlier", "later": "later", "rest": "later", "remainder": "later",
}  # fmt: skip
_FILLERS = (
    "on of the at in around about approximately approx circa ca shortly just almost nearly some towards "
    "toward local time oclock sharp exactly precisely roughly during over throughout within course utc gmt "
    "whole entire all alone inclusive prayer prayers"
).split()
_OPENERS = {
    "since": "since", "until": "until", "till": "until", "by": "until", "through": "until",
    "before": "before", "after": "after", "from": "from", "between": "between",
}  # fmt: skip

# Names of more than one word, and spellings to be unified, before tokens are cut.
_PHRASES = {
    "first light": "dawn",
    "break of day": "dawn",
    "early morning hours": "dawn",
    "early hours": "dawn",
    "small hours": "dawn",
    "wee hours": "dawn",
    "morning hours": "morning",
    "evening hours": "evening",
    "night hours": "night",
    "night time": "night",
    "night-time": "night",
    "daylight hours": "daytime",
    "day time": "daytime",
    "o'clock": "oclock",
    "day before yesterday": "ereyesterday",
    "day after tomorrow": "overmorrow",
    "half an hour": "30 minutes",
    "half hour": "30 minutes",
    "half-hour": "30 minutes",
    "quarter of an hour": "15 minutes",
    "quarter of hour": "15 minutes",
    "hour and a half": "90 minutes",
    "reporting period": "reportperiod",
    "reporting week": "reportperiod",
    "reporting month": "reportperiod",
    "reporting quarter": "reportperiod",
    "period under review": "reportperiod",
    "period under report": "reportperiod",
    "period covered": "reportperiod",
    "week under review": "reportperiod",
    "month under review": "reportperiod",
    "quarter under review": "reportperiod",
    "year to date": "yeartodate",
    "christmas eve": "christmaseve",
    "christmas day": "christmas",
    "new year eve": "newyearseve",
    "new years eve": "newyearseve",
    "new year day": "newyear",
    "new years day": "newyear",
    "new year": "newyear",
    "all saints day": "allsaints",
    "all souls day": "allsouls",
    "from now": "hence",
    "up to": "until",
    "up until": "until",
    "prior to": "before",
    "as of": "on",
    "as from": "since",
    "couple of": "2",
    "couple": "2",
    "a dozen": "12",
    "week commencing": "weekfrom",
    "week beginning": "weekfrom",
    "week starting": "weekfrom",
    "week ending": "weekto",
    "week ended": "weekto",
    "week to": "weekto",
}
_PHRASE = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, _PHRASES), key=len, reverse=True)) + r")\b")
_HOLIDAYS = {
    "christmas": (12, 25),
    "christmaseve": (12, 24),
    "newyear": (1, 1),
    "newyearseve": (12, 31),
    "allsaints": (11, 1),
    "allsouls": (11, 2),
}


@dataclass(frozen=True, slots=True)
class Token:
    """One unit of a date expression: `kind` fixes the type of `value`.

    `raw` is its spelling (lower case). Of the kinds in figures, date is (year, month, day), slash (a, b) in
    the document's order, slash_year (a, b, year), clock minutes after midnight, dtg (day, minutes)
    and month_year (year, month). Kind word is one that the lexicon lacks.
    """

    kind: str
    value: object
    raw: str

    def is_word(self, *words: str) -> bool:
        return self.raw in words


def _lexicon() -> dict[str, tuple[str, object]]:
    words: dict[str, tuple[str, object]] = {}
    words.update((word, ("filler", None)) for word in _FILLERS)
    words.update((word, ("opener", sense)) for word, sense in _OPENERS.items())
    words.update((word, ("modifier", sense)) for word, sense in _MODIFIERS.items())
    words.update((word, ("relative", sense)) for word, sense in _RELATIVE.items())
    words.update((word, ("part", None)) for word in _PARTS)
    words.update((word, ("holiday", day)) for word, day in _HOLIDAYS.items())
    for unit, spellings in _UNITS.items():
        words.update((word, ("unit", unit)) for word in spellings)
    for number, spellings in enumerate(_MONTH_NAMES, 1):
        words.update((word, ("month", number)) for word in spellings)
    for number, spellings in enumerate(_WEEKDAY_NAMES):
        words.update((word, ("weekday", number)) for word in spellings)
    for season, month in (("spring", 3), ("summer", 6), ("autumn", 9), ("fall", 9), ("winter", 12)):
        words[season] = ("season", month)
    for word, days in (
        ("today", 0),
        ("now", 0),
        ("tonight", 0),
        ("currently", 0),
        ("yesterday", -1),
        ("ereyesterday", -2),
        ("tomorrow", 1),
        ("overmorrow", 2),
    ):
        words[word] = ("deictic", days)
    for word in ("ago", "back", "hence", "afterwards", "afterward"):
        words[word] = ("direction", word)
    words.update({"and": ("joiner", "list"), "or": ("joiner", "list"), "to": ("joiner", "range")})
    words.update(
        {
            "reportperiod": ("report_period", None),
            "period": ("report_period", None),
            "yeartodate": ("year_to_date", None),
        }
    )
    words.update(
        {
            "inst": ("month_shift", 0),
            "instant": ("month_shift", 0),
            "ult": ("month_shift", -1),
            "ultimo": ("month_shift", -1),
        }
    )
    words.update({"weekfrom": ("week_of", "from"), "weekto": ("week_of", "to")})
    for number, word in enumerate(_SMALL):
        words[word] = ("number", number)
    for number, word in enumerate(_ORDINALS, 1):
        words[word] = ("ordinal", number)
    words["thirtieth"] = ("ordinal", 30)
    for ten, value in _TENS.items():
        words[ten] = ("number", value)
        for number in range(1, 10):
            words[f"{ten}-{_SMALL[number]}"] = ("number", value + number)
            words[f"{ten}-{_ORDINALS[number - 1]}"] = ("ordinal", value + number)
    words.update({"a": ("article", 1), "an": ("article", 1), "few": ("number", 3), "several": ("number", 3)})
    return words


WORDS = _lexicon()
MONTHS = {word: value for word, (kind, value) in WORDS.items() if kind == "month" and isinstance(value, int)}
MONTH_PATTERN = "(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + ")"
WEEKDAY_PATTERN = (
    "(?:"
    + "|".join(sorted((word for names in _WEEKDAY_NAMES for word in names), key=len, reverse=True))
    + ")"
)

_ZONE = r"(?:\s?(?:hours|hrs?|h|utc|gmt|z|lt)(?![a-z\d])\.?|[a-z](?![a-z\d]))"
_AMPM = r"(?:\s?[ap]\.?\s?m(?![a-z])\.?)"
_TOKEN = re.compile(
    rf"""
    (?P<iso>\d{{4}}-\d{{1,2}}-\d{{1,2}})(?![\d-])(?:t\d\d:?\d\d(?::?\d\d)?(?:\.\d{{1,9}})?(?:z|[+-]\d\d:?\d\d)?)?
    | (?P<compact>(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?!\d)
    | (?P<dtg>\d{{6}})(?:(?P<glued>[a-z])(?={MONTH_PATTERN})|{_ZONE})
    | (?P<decade>(?:\d\d)?\d0)'?s(?![a-z])
    | (?P<full>\d{{1,4}}(?P<mark>[/.-])\d{{1,2}}(?P=mark)\d{{2,4}})(?!\d)
    | (?P<named>\d{{1,2}}[-/.]{MONTH_PATTERN}[-/.](?:\d{{4}}|\d\d))(?!\d)
    | (?P<year_first>\d{{4}}[-/.]{MONTH_PATTERN}[-/.]\d{{1,2}})(?!\d)
    | (?P<clock>\d{{1,2}}[:.h]\d\d(?::\d\d)?)(?!\d){_AMPM}?{_ZONE}?
    | (?P<ampm>\d{{1,2}})(?P<half>{_AMPM})
    | (?P<hours>(?:[01]\d|2[0-4])[0-5]\d){_ZONE}
    | (?P<year_month>\d{{4}}[/-](?:1[0-2]|0?[1-9]))(?![\d/-])
    | (?P<month_year>(?:1[0-2]|0?[1-9])[/-]\d{{4}})(?![\d/-])
    | (?P<slash>\d{{1,2}}/\d{{1,2}})(?![\d/])
    | (?P<quarter>q[1-4]|h[12])(?![a-z0-9])
    | (?P<ordinal>\d{{1,2}})\s?(?:st|nd|rd|th)(?![a-z])
    | (?P<number>\d{{1,9}})
    | (?P<word>(?:mid(?=-)|(?:{"|".join(_TENS)})-[a-z]+|[a-z]+))\.?
    | (?P<comma>[,;])
    | (?P<dash>-)
    | (?P<join>[&/+])
    | (?P<space>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u2032": "'",
        "\u00b4": "'",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u00a0": " ",
        "\u202f": " ",
    }
)
_POSSESSIVE = re.compile(r"(?<=[a-z])'s?(?![a-z])|^'+|'+$")


def normalise(text: str) -> str:
    """Lower case, plain dashes and apostrophes, no possessive marks, names of many words as one."""
    plain = _POSSESSIVE.sub("", text.translate(_PLAIN).lower().strip())
    return _PHRASE.sub(lambda match: _PHRASES[match.group()], " ".join(plain.split()))


def tokens(text: str) -> list[Token] | None:
    """Cuts normalised text into tokens; None when it holds a word that no date expression has."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        token = _token(match)
        if token is not None:
            found.append(token)
        elif kind != "space" and not match.group().isspace() and match.group() not in "().'\"":
            return None
    return found


def _clock(hours: int, minutes: int, half: str = "") -> int | None:
    if half.strip().startswith("p") and hours < 12:
        hours += 12
    elif half.strip().startswith("a") and hours == 12:
        hours = 0
    return hours * 60 + minutes if hours <= 24 and minutes < 60 else None


def full_year(digits: str) -> int:
    """The year that two or four digits stand for: 00-68 are of this century, as POSIX has it."""
    year = int(digits)
    return year if len(digits) > 2 else year + (2000 if year <= 68 else 1900)


def _token(match: re.Match[str]) -> Token | None:
    group = match.groupdict()
    raw = match.group().strip()
    if group["iso"]:
        year, month, day = group["iso"].split("-")
        return Token("date", (int(year), int(month), int(day)), raw)
    if digits := group["compact"]:
        return Token("date", (int(digits[:4]), int(digits[4:6]), int(digits[6:])), raw)
    if digits := group["dtg"]:
        minutes = _clock(int(digits[2:4]), int(digits[4:]))
        return None if minutes is None else Token("dtg", (int(digits[:2]), minutes), raw)
    if group["full"]:
        first, second, third = group["full"].split(group["mark"])
        if len(first) == 4:
            return Token("date", (int(first), int(second), int(third)), raw)
        if len(first) > 2 or len(third) == 3:
            return None
        return Token("slash_year", (int(first), int(second), full_year(third)), raw)
    if group["named"]:
        day_text, name, year_text = re.split("[-/.]", group["named"])
        return Token("date", (full_year(year_text), MONTHS[name], int(day_text)), raw)
    if group["year_first"]:
        year_text, name, day_text = re.split("[-/.]", group["year_first"])
        return Token("date", (int(year_text), MONTHS[name], int(day_text)), raw)
    if group["clock"]:
        hour_text, minute_text = re.split("[:.h]", group["clock"])[:2]
        half = "p" if re.search(r"p\.?\s?m", raw) else "a" if re.search(r"a\.?\s?m", raw) else ""
        minutes = _clock(int(hour_text), int(minute_text), half)
        if minutes is None and group["clock"].count(".") == 1:
            first, second = group["clock"].split(".")
            return Token("slash", (int(first), int(second)), raw)
        return None if minutes is None else Token("clock", minutes, raw)
    if group["ampm"]:
        minutes = _clock(int(group["ampm"]), 0, group["half"])
        return None if minutes is None else Token("clock", minutes, raw)
    if digits := group["hours"]:
        return Token("clock", _clock(int(digits[:2]), int(digits[2:])), raw)
    if group["year_month"]:
        year, month = (int(part) for part in re.split("[/-]", group["year_month"]))
        return Token("month_year", (year, month), raw)
    if group["month_year"]:
        month, year = (int(part) for part in re.split("[/-]", group["month_year"]))
        return Token("month_year", (year, month), raw)
    if group["slash"]:
        first, second = group["slash"].split("/")
        return Token("slash", (int(first), int(second)), raw)
    if group["decade"]:
        year = int(group["decade"])
        return Token("decade", year if year > 99 else 1900 + year, raw)
    if group["quarter"]:
        return Token("quarter" if raw[0] == "q" else "half", int(raw[1]), raw)
    if group["ordinal"]:
        return Token("ordinal", int(group["ordinal"]), raw)
    if group["number"]:
        return Token("number", int(group["number"]), raw)
    if group["comma"]:
        return Token("comma", None, raw)
    if group["dash"]:
        return Token("dash", None, raw)
    if group["join"]:
        return Token("joiner", "list", raw)
    if word := group["word"]:
        known = WORDS.get(word)
        return Token("word", None, word) if known is None else Token(known[0], known[1], word)
    return None
