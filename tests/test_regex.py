"""No pattern of the library takes more than linear time, whatever text it is given.

Every pattern that a module compiles, or hands to a function of `re`, is run on strings made from its own
pieces: each part that may repeat, repeated until the string has 20,000 characters and more, before a tail
that makes the match fail.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import pkgutil
import random
import re
import signal
import sys
import types
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import sitrep_ie
from sitrep_ie.resolve import places
from sitrep_ie.resolve.dates import grammar as dates

if sys.version_info >= (3, 11):
    from re import _parser as parser
else:
    import sre_parse as parser

ROOT = Path(sitrep_ie.__file__).parent
NUM_CHARS = 20_000
SHORT = 100
# Linear matching of so many characters takes some milliseconds; a quadratic one takes seconds.
MAX_SECONDS = 0.5
MAX_STRINGS = 160
ANCHORED = ("match", "fullmatch")
METHODS = ("compile", "search", "split", "findall", "finditer", "sub", "subn", *ANCHORED)
REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
# Repeats above this count as endless; below, they only multiply.
MANY = 30


# What these are given is cut, or refused, at so many characters.
LIMITS = {
    "sitrep_ie.resolve.dates.grammar": dates.MAX_TEXT_CHARS,
    "sitrep_ie.resolve.dates.lexicon": dates.MAX_TEXT_CHARS,
    "sitrep_ie.resolve.dates.evaluate": dates.MAX_TEXT_CHARS,
    "sitrep_ie.resolve.dates.header": 4_000,  # the head of a document, a title or one line
    "sitrep_ie.resolve.places": places.MAX_TEXT_CHARS,
}
# Made of a user's or a document's own words, escaped, when a function runs.
MADE_AT_RUN_TIME = {"sitrep_ie.augment", "sitrep_ie.redact", "sitrep_ie.resolve.quantities"}


# ---- which patterns there are ----


def modules() -> Iterator[types.ModuleType]:
    for found in pkgutil.walk_packages([str(ROOT)], "sitrep_ie."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def in_memory(value: Any, depth: int = 3) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield value
    elif depth and isinstance(value, dict):
        yield from itertools.chain.from_iterable(in_memory(v, depth - 1) for v in [*value, *value.values()])
    elif depth and isinstance(value, (list, tuple, set, frozenset)):
        yield from itertools.chain.from_iterable(in_memory(v, depth - 1) for v in value)
    elif depth and isinstance(value, type) and value.__module__.startswith("sitrep_ie"):
        yield from in_memory(dict(vars(value)), depth - 1)


def tree(module: types.ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))


def use_of(method: str, call: ast.Call) -> str:
    """How a call runs its pattern: from one place, from everywhere, or over a few characters only."""
    # `search(text, max(0, start - 20), start)`, or of a slice that begins so.
    if re.search(r"max\(0, .+ - (?:\d\d?|[A-Z_]+_CHARS)\)", ast.unparse(call)):
        return "short"
    return "match" if method in ANCHORED else "search"


def calls(module: types.ModuleType) -> Iterator[tuple[str, str, ast.Call]]:
    """Calls of a method of a name: ("re", "sub", ...) and ("_WORD", "finditer", ...)."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            if node.func.attr in METHODS and name:
                yield name, node.func.attr, node


def in_source(module: types.ModuleType) -> Iterator[tuple[re.Pattern[str] | str, ast.Call]]:
    """Patterns given to functions of `re`; a string names a call whose pattern is known only when it runs."""
    for owner, _, node in calls(module):
        if owner != "re" or not node.args:
            continue
        source = ast.unparse(node.args[0])
        flags = 0
        for argument in [*node.args[1:], *(keyword.value for keyword in node.keywords)]:
            if re.fullmatch(r"re\.[A-Z]+(?:\s*\|\s*re\.[A-Z]+)*", ast.unparse(argument)):
                flags |= eval(ast.unparse(argument), {"re": re})
        try:
            pattern = eval(source, dict(vars(module)))
            yield pattern if isinstance(pattern, re.Pattern) else re.compile(pattern, flags), node
        except Exception:
            yield f"{module.__name__}: {source}", node


def all_patterns() -> tuple[dict[tuple[str, int], tuple[str, set[str]]], list[str]]:
    """Patterns, each with where it is and how it is used, and calls with patterns unknown before they run."""
    found: dict[tuple[str, int], tuple[str, set[str]]] = {}
    unknown: list[str] = []
    every = list(modules())
    uses: dict[str, set[str]] = {}
    for module in every:
        for owner, method, node in calls(module):
            uses.setdefault(owner, set()).add(use_of(method, node))
    for module in every:
        for name, value in list(vars(module).items()):
            for pattern in in_memory(value):
                # One that is passed on may be used in any way.
                use = uses.get(name, {"search"}) if isinstance(value, re.Pattern) else {"search"}
                found.setdefault((pattern.pattern, pattern.flags), (module.__name__, set()))[1].update(use)
        for made, node in in_source(module):
            method = getattr(node.func, "attr", "")
            if isinstance(made, str):
                unknown.append(made)
            elif isinstance(made.pattern, str) and method != "compile":
                use = {use_of(method, node)}
                found.setdefault((made.pattern, made.flags), (module.__name__, set()))[1].update(use)
            elif isinstance(made.pattern, str):
                found.setdefault((made.pattern, made.flags), (module.__name__, {"search"}))
    return found, unknown


PATTERNS, UNKNOWN = all_patterns()


# ---- strings made of a pattern's own pieces ----


def sample(node: Any) -> str:
    """A shortest string, mostly, that a parsed piece of a pattern matches."""
    return "".join(item_sample(*item) for item in node)


def item_sample(operator: Any, argument: Any) -> str:
    name = str(operator)
    if name == "LITERAL":
        return chr(argument)
    if name in ("NOT_LITERAL", "ANY"):
        return "a" if argument != ord("a") else "b"
    if name == "IN":
        return set_samples(argument)[0]
    if name in REPEATS:
        least, _, body = argument
        return sample(body) * min(least, 5)
    if name == "SUBPATTERN":
        return sample(argument[-1])
    if name == "ATOMIC_GROUP":
        return sample(argument)
    if name == "BRANCH":
        return sample(argument[1][0])
    return ""  # places and looks take no room


def set_samples(items: Any) -> list[str]:
    negated = str(items[0][0]) == "NEGATE"
    if negated:
        inside = re.compile(f"[{''.join(map(re.escape, set_samples(items[1:]) if items[1:] else []))}]")
        return [c for c in 'a 1-.("\n,Zé' if not inside.match(c)][:3] or ["a"]
    found = []
    for operator, argument in items:
        name = str(operator)
        if name == "LITERAL":
            found.append(chr(argument))
        elif name == "RANGE":
            found.append(chr(argument[0]))
        elif name == "CATEGORY":
            kind = str(argument)
            found.append("1" if kind.endswith("DIGIT") else " " if kind.endswith("SPACE") else "a")
            if "NOT" in kind:
                found[-1] = "-" if kind.endswith("WORD") else "a"
    return found or ["a"]


def repeats(node: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Each part that may repeat without end: what stands before it, and its body."""
    for operator, argument in node:
        name = str(operator)
        if name in REPEATS:
            _, most, body = argument
            if most >= MANY:
                for variant in variants(body):
                    yield before, variant
            yield from repeats(body, before)
        elif name == "SUBPATTERN":
            yield from repeats(argument[-1], before)
        elif name == "ATOMIC_GROUP":
            yield from repeats(argument, before)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from repeats(branch, before)
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield from repeats(argument[1], before)
        before += item_sample(operator, argument)


def variants(body: Any) -> list[str]:
    """Strings that a repeated part may match: one for each alternative and each member of a set."""
    if len(body) == 1:
        operator, argument = body[0]
        name = str(operator)
        if name == "BRANCH":
            return [sample(branch) for branch in argument[1]][:6]
        if name == "IN":
            return set_samples(argument)[:6]
        if name == "SUBPATTERN":
            return variants(argument[-1])
    return [sample(body)]


def pieces(node: Any) -> Iterator[str]:
    """Every literal run and every single item of a pattern."""
    run = ""
    for operator, argument in node:
        name = str(operator)
        if name == "LITERAL":
            run += chr(argument)
            continue
        if run:
            yield run
        run = ""
        if name == "IN":
            yield from set_samples(argument)[:4]
        elif name in REPEATS:
            yield from pieces(argument[2])
        elif name in ("SUBPATTERN",):
            yield from pieces(argument[-1])
        elif name == "ATOMIC_GROUP":
            yield from pieces(argument)
        elif name == "BRANCH":
            yield from itertools.chain.from_iterable(pieces(branch) for branch in argument[1])
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield from pieces(argument[1])
    if run:
        yield run


def strings(pattern: str, flags: int, num_chars: int) -> list[str]:
    parsed = parser.parse(pattern, flags)
    found: dict[str, None] = {}

    def add(before: str, body: str) -> None:
        if body:
            found.setdefault(before + body * (num_chars // len(body)))

    for before, body in repeats(parsed):
        add(before, body)
        add("", body)
        add("", before + body)
    own = list(dict.fromkeys([*pieces(parsed), " ", "\n", "1", "a", ","]))
    for piece in own[:40]:
        add("", piece)
    pairs = [(one, other) for one in own[:40] for other in own[:40] if one != other]
    random.Random(1).shuffle(pairs)
    for one, other in pairs:
        if len(found) >= MAX_STRINGS:
            break
        add(one, other)
        add("", one + other)
    return list(found)[:MAX_STRINGS]


class TooSlow(Exception):
    pass


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)  # processor time: a busy machine is no defect
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def slow_string(pattern: re.Pattern[str], use: set[str], limit: int = NUM_CHARS) -> str | None:
    """The beginning of a string on which the pattern is slow, None where there is none."""
    everywhere = [lambda text: deque(pattern.finditer(text), maxlen=0)]
    for how in sorted(use):
        runs = [pattern.match, pattern.fullmatch] if how == "match" else everywhere
        num_chars = SHORT if how == "short" else limit
        for text in strings(pattern.pattern, pattern.flags, num_chars):
            for tail in ("\x00", "!", ""):
                for run in runs:
                    try:
                        with time_limit(MAX_SECONDS):
                            run(text + tail)
                    except TooSlow:
                        return f"{how}: {text[:60]!r}... {tail!r}"
    return None


needs_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer of processor time here")


@needs_timer
@pytest.mark.parametrize("module", sorted({module for module, _ in PATTERNS.values()}))
def test_patterns_take_linear_time(module: str) -> None:
    own = [(key, use) for key, (where, use) in PATTERNS.items() if where == module]
    limit = LIMITS.get(module, NUM_CHARS)
    slow = {key[0]: found for key, use in own if (found := slow_string(re.compile(*key), use, limit))}
    assert slow == {}


@needs_timer
@pytest.mark.parametrize("pattern", [r"\s+$", r"(?:a+)+b", r"\w+@", r"x\s*\s*;", r"(?:ab|a)*c.*d"])
def test_slow_patterns_are_found(pattern: str) -> None:
    assert slow_string(re.compile(pattern), {"search"}) is not None


def test_patterns_are_found_in_all_their_places() -> None:
    assert len(PATTERNS) > 120
    found_in = {module for module, _ in PATTERNS.values()}
    assert {"sitrep_ie.document", "sitrep_ie.encode", "sitrep_ie.batch.readers"} <= found_in
    assert {call.split(":")[0] for call in UNKNOWN} <= MADE_AT_RUN_TIME
