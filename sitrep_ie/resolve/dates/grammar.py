"""Tokens -> what a date expression says, before any context: parts of dates, joined in lists and ranges.

Knows no calendar and no reference date; an `Expression` is the same in every document, so parses are cached.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from sitrep_ie.resolve.dates.lexicon import Token, full_year, normalise, tokens

# The longest DATE mention in the authored training corpus has 49 characters; a longer text is no date.
MAX_TEXT_CHARS = 160
LAST = -1


class NotADate(Exception):
    """The words are no date expression that this grammar knows."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The calendar unit `shift` steps from that of `base`.

    The base is "published", "focus" or "context": the report's period, the focus or publication, in order.
    """

    unit: str
    shift: int
    base: str = "published"


@dataclass(frozen=True, slots=True)
class Rolling:
    """`count` units up to (-1) or from (1) publication; `count` None is a vague plural ("recent days")."""

    unit: str
    count: float | None
    sign: int
    base: str = "published"


@dataclass(frozen=True, slots=True)
class Offset:
    """A point some amounts before (-1) or after (1) a base; amount None is vague ("hours later")."""

    amounts: tuple[tuple[float | None, str], ...]
    sign: int
    base: str | Item


@dataclass(frozen=True, slots=True)
class Period:
    """The report's own period, or the one as long that came before it (shift -1)."""

    shift: int = 0


Container = Calendar | Rolling | Offset | Period


@dataclass(frozen=True, slots=True)
class Select:
    """`size` units (or the weekday) number `rank` of the period that the rest of the item names."""

    rank: int
    unit: str
    size: int = 1
    weekday: int = 0


@dataclass(slots=True)
class Item:
    """One coordinated part of an expression: whatever it says about when."""

    day: int | None = None
    month: int | None = None
    year: int | None = None
    # A four-digit number that reads both as a year and as a time of day.
    year_minutes: int | None = None
    slash: tuple[int, int] | None = None
    weekday: int | None = None
    season: int | None = None
    quarter: int | None = None
    half: int | None = None
    decade: int | None = None
    week_number: int | None = None
    container: Container | None = None
    select: Select | None = None
    modifier: str | None = None
    which: str | None = None
    hour: bool = False
    minutes: int | None = None
    # "overnight" alone is the night before publication.
    overnight: bool = False
    # "night to Friday": the night that ends on the day named.
    into: bool = False
    # "week of 5 May": "of", "from" or "to" the date named.
    week_of: str | None = None
    month_shift: int | None = None
    numbers: list[tuple[int, str]] = field(default_factory=list)
    # A bare number was read as the hour: "seven in the morning of 5 May".
    hour_number: bool = False
    duration: bool = False
    article: bool = False

    def dated(self) -> bool:
        """True when it says more than a time of day."""
        return any(
            value is not None
            for value in (
                self.day,
                self.month,
                self.year,
                self.slash,
                self.weekday,
                self.season,
                self.quarter,
                self.half,
                self.decade,
                self.week_number,
                self.container,
                self.select,
            )
        )

    def holds_days(self) -> bool:
        """True when a bare number beside it can be a day: "22 this month"."""
        return isinstance(self.container, Calendar) and self.container.unit == "month" and self.select is None

    def only_day(self) -> bool:
        """True when it is the bare number of a day, whose month stands elsewhere."""
        return self.day is not None and not any(
            value is not None
            for value in (self.month, self.year, self.weekday, self.container, self.select, self.month_shift)
        )

    def anchored(self) -> bool:
        """True when it needs no inference from its neighbours."""
        return self.year is not None or self.container is not None or self.decade is not None


@dataclass(frozen=True, slots=True)
class Expression:
    """Items with the joiners between them ("list" or "range"), and the preposition before all of them."""

    items: tuple[Item, ...]
    joiners: tuple[str, ...]
    opener: str | None


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression | None:
    """Returns what `text` says; None when it is a pure duration or recurring, which name no interval.

    Raises:
        NotADate: a word or an order of words is unknown; another parser may know better.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise NotADate(text[:40])
    units = tokens(normalise(text))
    if not units:
        raise NotADate(text)
    return _Parser(units).expression()


class _Parser:
    def __init__(self, units: list[Token]) -> None:
        self.units = _split_slashes(units)
        self.at = 0
        self.item = Item()
        self.items: list[Item] = []
        self.joiners: list[str] = []

    def peek(self, ahead: int = 0) -> Token | None:
        index = self.at + ahead
        return self.units[index] if index < len(self.units) else None

    def kind(self, ahead: int = 0) -> str:
        token = self.peek(ahead)
        return token.kind if token else "end"

    def raw(self, ahead: int = 0) -> str:
        token = self.peek(ahead)
        return token.raw if token else ""

    def int_at(self, ahead: int = 0) -> int:
        token = self.peek(ahead)
        return token.value if token and isinstance(token.value, int) else 0

    def expression(self) -> Expression | None:
        opener = None
        if self.kind() == "opener":
            opener = str(self.units[0].value)
            self.at = 1
        while self.at < len(self.units):
            self._step()
        self._close()
        if len(self.items) == 1 and self.items[0].duration and not self.items[0].dated():
            return None
        _share(self.items, self.joiners)
        if all(item.numbers for item in self.items):
            return None
        for item in self.items:
            if item.duration or (item.numbers and not item.hour):
                raise NotADate(str(item))
            if not item.dated() and not item.hour:
                raise NotADate(str(item))
        if opener == "between" and len(self.items) == 2:
            self.joiners = ["range"]
        return Expression(tuple(self.items), tuple(self.joiners), opener)

    def _close(self) -> None:
        _settle_numbers(self.item)
        self.items.append(self.item)
        self.item = Item()

    def _join(self, how: str) -> None:
        self._close()
        self.joiners.append(how)

    def _step(self) -> None:
        token = self.units[self.at]
        handler = getattr(self, "_on_" + token.kind, None)
        if handler is None:
            raise NotADate(token.raw)
        handler(token)

    def _set(self, name: str, value: object) -> None:
        if getattr(self.item, name) is not None:
            raise NotADate(f"{name} twice")
        setattr(self.item, name, value)

    def _on_word(self, token: Token) -> None:
        if self.at and self.units[self.at - 1].kind == "clock" and self.raw(1) == "time":
            self.at += 2  # "1:30 p.m. Nairobi time"
            return
        raise NotADate(token.raw)

    # ---- separators ----

    def _on_filler(self, token: Token) -> None:
        self.at += 1

    def _on_article(self, token: Token) -> None:
        if self.kind(1) == "unit" or (self.kind(1) == "number" and self.kind(2) == "unit"):
            self._amount()
        else:
            self.at += 1

    def _on_joiner(self, token: Token) -> None:
        self.at += 1
        self._join(str(token.value))

    def _on_opener(self, token: Token) -> None:
        sense = str(token.value)
        self.at += 1
        if token.raw in ("until", "till", "through"):
            self._join("range")
        elif sense in ("before", "after") and self.item.hour and not self.item.dated():
            self._part_offset(-1 if sense == "before" else 1)
        elif sense in ("before", "after") and self._clock_ahead():
            pass  # "shortly after midnight", "Sunday before dawn"
        elif sense != "from" or self.item.dated():
            raise NotADate(token.raw)

    def _clock_ahead(self) -> bool:
        if self.kind() in ("part", "clock") or (
            self.kind() == "filler" and self.kind(1) in ("part", "clock")
        ):
            return True
        return self.kind() == "number" and self.kind(1) == "end"

    def _part_offset(self, sign: int) -> None:
        """Reads on from "evening before", "night before 21 January", "2:20 after midnight"."""
        if self._clock_ahead():
            return
        self.item.container = Offset(((1, "day"),), sign, self._base())

    def _base(self) -> str | Item:
        """What stands after "two days before": the rest of the item, else the date in focus."""
        rest = self.units[self.at :]
        while rest and rest[0].kind == "filler":
            rest = rest[1:]
        self.at = len(self.units)
        if not rest or (len(rest) == 1 and rest[0].is_word("that", "this")):
            return "focus"
        inner = _Parser(rest).expression()
        if inner is None or len(inner.items) != 1 or inner.opener:
            raise NotADate("base of an offset")
        return inner.items[0]

    def _on_comma(self, token: Token) -> None:
        self.at += 1
        after = self.peek()
        if after is None or after.kind == "joiner":
            return
        if self._collides(after):
            self._join("list")

    def _collides(self, token: Token) -> bool:
        item = self.item
        holds_day = item.day is not None or bool(item.numbers)
        if token.kind == "number":
            return len(token.raw) <= 2 and holds_day
        if token.kind == "ordinal":
            return holds_day
        if token.kind in ("month", "weekday"):
            return getattr(item, token.kind) is not None
        if token.kind in ("date", "slash", "slash_year", "dtg", "month_year"):
            return item.dated()
        if token.kind == "clock":
            return item.minutes is not None
        return False

    def _on_dash(self, token: Token) -> None:
        self.at += 1
        before = self.units[self.at - 2].kind if self.at >= 2 else "end"
        if before in ("modifier", "filler") or self.kind() in ("filler", "end"):
            return
        if before == "month" and self.kind() == "number" and self.item.day is None and not self.item.numbers:
            return  # Oct-2, May-2020
        if before == "number" and self.kind() == "month" and self.kind(1) != "number":
            return  # 12-May, 2016-Nov
        self._join("range")

    # ---- dates in figures ----

    def _on_date(self, token: Token) -> None:
        assert isinstance(token.value, tuple)
        self._set("year", token.value[0])
        self._set("month", token.value[1])
        self._set("day", token.value[2])
        self.at += 1

    def _on_month_year(self, token: Token) -> None:
        assert isinstance(token.value, tuple)
        self._set("year", token.value[0])
        self._set("month", token.value[1])
        self.at += 1

    def _on_slash(self, token: Token) -> None:
        if self.item.month is not None or self.item.day is not None:
            raise NotADate(token.raw)
        self._set("slash", token.value)
        self.at += 1

    def _on_slash_year(self, token: Token) -> None:
        assert isinstance(token.value, tuple)
        self._on_slash(replace(token, value=token.value[:2]))
        self._set("year", token.value[2])

    def _on_dtg(self, token: Token) -> None:
        assert isinstance(token.value, tuple)
        self._set("day", token.value[0])
        self._set("minutes", token.value[1])
        self.item.hour = True
        self.at += 1

    def _on_clock(self, token: Token) -> None:
        self._set("minutes", token.value)
        self.item.hour = True
        self.at += 1

    def _on_decade(self, token: Token) -> None:
        self._set("decade", token.value)
        self.at += 1

    def _on_quarter(self, token: Token) -> None:
        self._set("quarter", token.value)
        self.at += 1

    def _on_half(self, token: Token) -> None:
        self._set("half", token.value)
        self.at += 1

    # ---- names ----

    def _on_month(self, token: Token) -> None:
        self._set("month", token.value)
        self.at += 1
        if (
            self.kind() == "number"
            and self.item.day is None
            and len(self.raw()) <= 2
            and self.kind(1) != "unit"
        ):
            before = self.units[self.at - 2] if self.at > 1 else token
            if before.kind != "number" or len(before.raw) == 4:
                self._day_number()

    def _day_number(self) -> None:
        if not 1 <= self.int_at() <= 31:
            raise NotADate(self.raw())
        self._set("day", self.int_at())
        self.at += 1

    def _on_weekday(self, token: Token) -> None:
        self._set("weekday", token.value)
        self.at += 1
        if self.raw() == "week" and self.kind(1) == "end":
            self._set("which", "week_after")
            self.at += 1

    def _on_season(self, token: Token) -> None:
        self._set("season", token.value)
        self.at += 1

    def _on_holiday(self, token: Token) -> None:
        assert isinstance(token.value, tuple)
        self._set("month", token.value[0])
        self._set("day", token.value[1])
        self.at += 1

    def _on_part(self, token: Token) -> None:
        self.item.hour = True
        self.item.overnight = token.is_word("overnight")
        self.at += 1
        if token.is_word("night", "overnight") and self.raw() == "to" and not self.item.dated():
            self.item.into = True
            self.at += 1

    def _on_deictic(self, token: Token) -> None:
        if self.item.container is not None:
            raise NotADate(token.raw)
        self.item.container = Calendar("day", self.int_at())
        self.item.hour = self.item.hour or token.is_word("tonight")
        self.at += 1

    def _on_report_period(self, token: Token) -> None:
        self._set("container", Period())
        self.at += 1

    def _on_year_to_date(self, token: Token) -> None:
        self._set("container", Calendar("year", 0))
        self._set("modifier", "earlier")
        self.at += 1

    def _on_month_shift(self, token: Token) -> None:
        self._set("month_shift", token.value)
        self.at += 1

    def _on_week_of(self, token: Token) -> None:
        self._set("week_of", token.value)
        self.at += 1

    def _on_modifier(self, token: Token) -> None:
        self.at += 1
        if token.is_word("earlier", "later") and self.item.dated() and self.item.modifier is None:
            self.item.modifier = str(token.value)
            return
        self._set("modifier", token.value)

    # ---- numbers ----

    def _on_ordinal(self, token: Token) -> None:
        rank = self.int_at()
        self.at += 1
        if self.kind() == "number" and self.kind(1) == "unit":
            self._set("select", Select(rank, self._unit(1), size=self.int_at()))
            self.at += 2
        elif self.kind() == "unit" and self.raw() != "half" and self.raw().endswith("s") and rank == 1:
            raise NotADate("first days")
        elif self.kind() == "unit":
            self._rank(rank, self._unit())
            self.at += 1
        elif self.kind() == "weekday" and rank <= 5:
            self._set("select", Select(rank, "weekday", weekday=self.int_at()))
            self.at += 1
        elif self.kind() == "part" and not token.raw[0].isdigit():
            raise NotADate("third night")  # counts from a start that the words do not name
        else:
            self._set("day", rank)
            if not token.raw[0].isdigit():
                self.item.article = True

    def _rank(self, rank: int, unit: str) -> None:
        if unit in ("quarter", "half") and rank in (1, 2, 3, 4):
            if unit == "quarter":
                self._set("quarter", rank)
            else:
                self._set("select", Select(rank, "half"))
        else:
            self._set("select", Select(rank, unit))

    def _unit(self, ahead: int = 0) -> str:
        token = self.peek(ahead)
        return str(token.value) if token else ""

    def _on_number(self, token: Token) -> None:
        value = self.int_at()
        if not token.raw.isdigit() and value in range(20, 100, 10) and self._units_word(1):
            follows = self.units[self.at + 1]
            value += self.int_at(1)
            # "twenty one" is one number, "twenty first" one ordinal
            self.units[self.at : self.at + 2] = [Token(follows.kind, value, f"{token.raw}-{follows.raw}")]
            return
        if self.kind(1) in ("unit", "dash") and self.kind(1 if self.kind(1) == "unit" else 2) == "unit":
            self._amount()
        elif self.raw(1) == "and" and self.raw(2) in ("half", "a") and self.kind(3) in ("unit",):
            self._amount()
        elif self.kind(1) == "part" and self.raw(1).endswith("s"):
            self._amount()
        elif self.raw(1) == "past":
            self._past_clock(2)
        elif self.raw(1) == "oclock":
            self._past_clock(0)
        elif (
            len(token.raw) != 4
            and self.item.day is None
            and (self.kind(1) == "month" or (self.raw(1) == "of" and self.kind(2) == "month"))
        ):
            self._day_number()
        else:
            self.item.numbers.append((value, token.raw))
            self.at += 1

    def _units_word(self, ahead: int) -> bool:
        token = self.peek(ahead)
        return (
            token is not None
            and token.kind in ("number", "ordinal")
            and token.raw.isalpha()
            and 0 < self.int_at(ahead) < 10
        )

    def _past_clock(self, ahead: int) -> None:
        """Reads "ten past nine", "five minutes past midnight", "one o'clock"; the hour stands `ahead`."""
        if self.kind(ahead) not in ("number", "part", "clock"):
            raise NotADate("past what")
        self.item.hour = True
        self.at += ahead + 1

    def _amount(self) -> None:
        """Reads "three days", "a week", "two and a half hours" and the direction that follows."""
        amounts: list[tuple[float | None, str]] = []
        while True:
            count: float | None
            if self.kind() in ("number", "article"):
                few = self.kind() == "article" and self.kind(1) == "number"
                self.at += few
                vague = self.raw() in ("few", "several")
                count = None if vague else float(self.int_at())
                self.at += 1
                if self.raw() == "and" and self.raw(1) in ("half", "a"):
                    self.at += 2 if self.raw(1) == "half" else 3
                    count = None if count is None else count + 0.5
                if self.kind() == "dash":
                    self.at += 1
            else:
                count = None if self.raw().endswith("s") else 1.0
            if self.kind() == "part":
                self.item.hour = True
                amounts.append((count, "day"))
            elif self.kind() == "unit":
                amounts.append((count, self._unit()))
            else:
                raise NotADate("amount of what")
            self.at += 1
            skip = 1 if self.raw() in ("and", ",") else 0
            if not (self.kind(skip) in ("number", "article") and self.kind(skip + 1) == "unit"):
                break
            self.at += skip
        self._direction(tuple(amounts))

    def _direction(self, amounts: tuple[tuple[float | None, str], ...]) -> None:
        word, unit = self.raw(), amounts[-1][1]
        if word in ("past", "to", "after", "before") and unit in ("minute", "quarter", "half"):
            ahead = 2 if self.kind(1) == "filler" else 1
            if self.kind(ahead) in ("number", "part", "clock"):
                self._past_clock(ahead)
                return
        signs = {
            "ago": -1,
            "back": -1,
            "earlier": -1,
            "before": -1,
            "previously": -1,
            "later": 1,
            "after": 1,
            "afterwards": 1,
            "afterward": 1,
            "hence": 1,
            "on": 1,
            "from": 1,
        }
        if word not in signs or (word == "on" and self.kind(1) != "end"):
            self.item.duration = True
            return
        self.at += 1
        if word in ("ago", "back", "hence"):
            base: str | Item = "published"
        elif word in ("before", "after", "from"):
            base = self._base()
        else:
            base = "focus"
        self._set("container", Offset(amounts, signs[word], base))

    def _on_unit(self, token: Token) -> None:
        unit = str(token.value)
        more = self.raw(1) == "and" and self.kind(2) == "number" and self.kind(3) == "unit"
        if more or self.kind(1) in ("direction", "opener") or self.raw(1) in ("later", "earlier"):
            self._amount()
        elif unit == "half" and self.raw(1) == "past":
            self._past_clock(2)
        elif unit == "quarter" and self.raw(1) in ("past", "to"):
            self._past_clock(2)
        elif unit == "week" and self.kind(1) == "number":
            self._set("week_number", self.int_at(1))
            self.at += 2
        elif token.raw.endswith("s") and unit not in ("weekend",):
            self.item.duration = True
            self.at += 1
        elif unit in ("week", "weekend") and self.raw(1) in ("of", "from") and self._names_date(2):
            self._set("week_of", "of" if unit == "week" else "weekend")
            self.at += 2
        elif self.kind(1) in ("month", "number") or (self.raw(1) == "of" and self.kind(2) == "month"):
            self.at += 1  # "month of May", "year 2019": the name says it all
        elif unit == "weekend":
            self._set("container", Calendar("weekend", 0, "context"))
            self.at += 1
        else:
            lone = self.item == Item() and self.kind(1) == "end" and not self._determined()
            if lone:
                self.item.duration = True
            else:
                self._set("container", Calendar(unit, 0, "context"))
            self.at += 1

    def _names_date(self, ahead: int) -> bool:
        rest = self.units[self.at + ahead :]
        return any(token.kind in ("month", "date", "slash", "ordinal") for token in rest)

    def _determined(self) -> bool:
        return self.at > 0 and self.units[self.at - 1].raw in ("the", "of")

    # ---- this, last, next ----

    def _on_relative(self, token: Token) -> None:
        word = str(token.value)
        self.at += 1
        kind, unit = self.kind(), self._unit()
        if kind == "relative" and self.raw() == "same":  # "that same morning"
            self._on_relative(self.units[self.at])
        elif kind in ("number", "article") and self._rolling(word):
            return
        elif kind == "unit":
            self._relative_unit(word, unit, plural=self.raw().endswith("s"))
        elif kind == "weekday" and word == "last" and self.raw(1) in ("of", "in") and self.kind(2) != "end":
            self._set("select", Select(LAST, "weekday", weekday=self.int_at()))
            self.at += 1
        elif kind in ("month", "weekday", "season", "quarter"):
            self._set("which", word)
        elif kind == "part":
            self.item.hour = True
            self.at += 1
            shift, base = {
                "this": (0, "published"),
                "last": (-1, "published"),
                "past": (-1, "published"),
                "next": (1, "focus"),
                "following": (1, "focus"),
                "coming": (0, "published"),
                "previous": (-1, "focus"),
            }.get(word, (0, "focus"))
            self._set("container", Calendar("day", shift, base))
        elif kind == "report_period":
            self._set("container", Period(-1 if word in ("last", "previous") else 0))
            if word == "same":
                raise NotADate("same period")
            self.at += 1
        elif kind in ("end", "filler", "comma") and word in ("last", "next", "past"):
            if self.item.weekday is None and self.item.month is None:
                raise NotADate(token.raw)
            self._set("which", word)
        elif kind in ("ordinal", "modifier", "holiday") and word in ("this", "last", "next"):
            self._set("which", word)
        else:
            raise NotADate(token.raw)

    def _rolling(self, word: str) -> bool:
        """Reads on from "past": "24 hours", "two-week". False when no amount follows."""
        start = self.at
        vague = self.raw() in ("few", "several")
        count = None if vague else float(self.int_at())
        self.at += 1
        if self.kind() == "dash":
            self.at += 1
        if self.kind() == "part":
            self.item.hour = True
            unit = "day"
        elif self.kind() == "unit":
            unit = self._unit()
        else:
            self.at = start
            return False
        self.at += 1
        if self.kind() == "filler" and self.raw() == "of" and word == "last" and self.kind(1) != "end":
            self._set("select", Select(LAST, unit, size=int(count or 1)))
        else:
            self._set("container", _rolling(word, unit, count))
        return True

    def _relative_unit(self, word: str, unit: str, plural: bool) -> None:
        self.at += 1
        if plural and unit not in ("weekend",):
            if word == "same":
                self._set("container", Calendar("focus", 0, "focus"))
            else:
                self._set("container", _rolling(word, unit, None))
            return
        if word == "last" and self.raw() in ("of", "in") and self.kind(1) != "end":
            if unit in ("quarter", "half"):
                self._rank(4 if unit == "quarter" else 2, unit)
            else:
                self._set("select", Select(LAST, unit))
        elif word == "past" and unit != "weekend":
            self._set("container", _rolling(word, unit, 1.0))
        elif word == "coming" and unit in ("day", "hour"):
            self._set("container", _rolling(word, unit, 1.0))
        else:
            shift = {"last": -1, "past": -1, "previous": -1, "next": 1, "coming": 1, "following": 1}.get(
                word, 0
            )
            anaphoric = word in ("same", "following") or (
                unit in ("day", "hour") and word in ("next", "previous")
            )
            if unit in ("hour", "minute", "second"):
                self.item.hour, unit = True, "day"
                if word not in ("same", "this"):
                    raise NotADate(f"{word} hour")
                anaphoric = anaphoric or word == "this"
            self._set("container", Calendar(unit, shift, "focus" if anaphoric else "published"))


def _rolling(word: str, unit: str, count: float | None) -> Rolling:
    if word in ("same",):
        raise NotADate("those days")
    ahead = word in ("next", "coming", "following")
    return Rolling(unit, count, 1 if ahead else -1, "focus" if word == "following" else "published")


def _split_slashes(units: list[Token]) -> list[Token]:
    """Rewrites "23/24 Oct" as 23 and 24 Oct: with the month named, the slash joins days."""
    split: list[Token] = []
    for index, token in enumerate(units):
        after = next((unit for unit in units[index + 1 :] if unit.kind != "filler"), None)
        if token.kind == "slash" and after is not None and after.kind == "month":
            first, second = token.raw.replace(".", "/").split("/")
            split += [
                Token("number", int(first), first),
                Token("joiner", "list", "/"),
                Token("number", int(second), second),
            ]
        else:
            split.append(token)
    return split


def _settle_numbers(item: Item) -> None:
    """Decides for each bare number of an item whether it is a day, a year or an hour."""
    pending: list[tuple[int, str]] = []
    for value, raw in item.numbers:
        hours, minutes = divmod(value, 100)
        reads_as_clock = len(raw) == 4 and raw.isdigit() and hours <= 24 and minutes < 60
        if len(raw) == 4 and raw.isdigit():
            is_year = item.year is None and raw[0] != "0" and (1900 <= value < 2100 or not reads_as_clock)
            if is_year:
                item.year = value
                item.year_minutes = hours * 60 + minutes if reads_as_clock else None
            elif reads_as_clock and item.minutes is None:
                item.hour, item.minutes = True, hours * 60 + minutes
            else:
                raise NotADate(raw)
        elif item.month is not None and item.day is None and 1 <= value <= 31:
            item.day = value
        elif (
            item.month is not None and not item.hour and item.year is None and raw.isdigit() and len(raw) == 2
        ):
            item.year = full_year(raw)
        elif item.month is not None and item.minutes is not None and item.year is None and len(raw) == 2:
            item.year = full_year(raw)  # 041530ZMAR24
        elif (
            item.weekday is not None
            and item.day is None
            and not item.hour
            and raw.isdigit()
            and 1 <= value <= 31
        ):
            item.day = value
        elif item.holds_days() and item.day is None and raw.isdigit() and 1 <= value <= 31:
            item.day = value
        elif (
            ((item.hour and item.dated()) or item.weekday is not None or item.container is not None)
            and not item.holds_days()
            and value <= (24 if raw.isdigit() else 12)
        ):
            item.hour = item.hour_number = True
            if item.minutes is None and raw.isdigit():
                item.minutes = value * 60
        else:
            pending.append((value, raw))
    if len(pending) > 1:
        raise NotADate("numbers")
    item.numbers = pending


def _share(items: list[Item], joiners: list[str]) -> None:
    """Gives bare days the month of their neighbours and bare hours their day."""
    for index in range(len(items) - 2, -1, -1):
        _lend(items[index + 1], items[index])
    for index in range(1, len(items)):
        _lend(items[index - 1], items[index])
    for before, item in zip(items, items[1:], strict=False):
        if item.numbers and before.year is not None and before.day is None:
            value, raw = item.numbers[0]
            if len(raw) == 2 and raw.isdigit() and value > before.year % 100:
                item.year, item.numbers = before.year // 100 * 100 + value, []
    any_hour = any(item.hour for item in items)
    for item in items:
        if item.numbers and any_hour and item.numbers[0][0] <= 24:
            item.hour, item.numbers = True, []


def _lend(giver: Item, taker: Item) -> None:
    months = giver.month is not None or giver.month_shift is not None
    of_container = giver.day is not None and isinstance(giver.container, Calendar)
    if taker.numbers and giver.day is not None and not taker.dated() and not giver.hour_number:
        value, _ = taker.numbers[0]
        if 1 <= value <= 31:
            taker.day, taker.numbers = value, []
    if taker.only_day() and (months or of_container) and giver.day is not None:
        taker.month, taker.month_shift = giver.month, giver.month_shift
        taker.container, taker.which = giver.container, giver.which
        taker.year = giver.year
        taker.article = False
