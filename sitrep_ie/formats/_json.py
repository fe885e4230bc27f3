"""JSON as it is read here: strict, and every value of the type that its place asks for.

Messages begin with `at`, which names the file and the place in it.
"""

from __future__ import annotations

import datetime
import difflib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from sitrep_ie.errors import FormatError
from sitrep_ie.formats._files import read_lines

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
SURROGATE = re.compile(r"[\ud800-\udfff]")


def iter_json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields where each line stands (`path:number`) and its object; blank lines are skipped."""
    for number, line in read_lines(path):
        if line.strip():
            at = f"{path}:{number}"
            yield at, any_object(parse_json(line, at), f"{at}: the line")


def parse_json(text: str, at: str) -> Any:
    """The value of a JSON text; a key given twice and NaN are no JSON here."""
    try:
        return json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise FormatError(f"{at}: not valid JSON: {error.msg} at {line}column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{at}: not valid JSON: {error}") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {twice!r} stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def any_object(value: Any, at: str) -> dict[str, Any]:
    """An object, whatever its keys."""
    if not isinstance(value, dict):
        raise wrong(value, "an object", at)
    return value


def as_object(value: Any, known: tuple[str, ...], needed: tuple[str, ...], at: str) -> dict[str, Any]:
    """An object with all needed keys and none that is unknown."""
    raw = any_object(value, at)
    for key in raw:
        if key not in known:
            raise FormatError(f"{at}: unknown key {key!r}{hint(key, known)}")
    for key in needed:
        if key not in raw:
            raise FormatError(f"{at}: key {key!r} is missing")
    return raw


def as_list(value: Any, at: str) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise wrong(value, "a list", at)
    return value


def as_string(value: Any, at: str) -> str:
    """A string of whole characters."""
    if not isinstance(value, str):
        raise wrong(value, "a string", at)
    if SURROGATE.search(value):
        raise FormatError(f"{at} holds a lone surrogate, which is no character")
    return value


def as_integer(value: Any, at: str) -> int:
    """An integer, which true is not."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(value, "an integer", at)
    return value


def as_score(value: Any, at: str) -> float:
    """A probability."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise wrong(value, "a number from 0 to 1", at)
    return float(value)


def as_date(value: Any, at: str) -> datetime.date:
    """A day."""
    # `fromisoformat` alone takes other notations too, from Python 3.11 on.
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError as error:
            raise FormatError(f"{at}: {value!r}: {error}") from error
    raise wrong(value, "YYYY-MM-DD or null", at)


def wrong(value: Any, expected: str, at: str) -> FormatError:
    """The error for a value of another type than the place asks for."""
    shown = json.dumps(value)
    return FormatError(f"{at} is {shown if len(shown) <= 40 else shown[:37] + '...'}, expected {expected}")


def hint(value: str, known: Iterable[str]) -> str:
    """What was probably meant instead of `value`, as the end of a message."""
    known = list(known)
    near = difflib.get_close_matches(value, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; expected one of {known}"


def write_json(file: TextIO, value: Any) -> None:
    """Writes a value over many lines, as people can read it."""
    file.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")
