"""Date resolution on the Microsoft Recognizers specifications (DateParser.json, DatePeriodParser.json).

    python -m training.benchmarks.dates FILE...

A set for personal assistants, whose conventions differ from those of reports in places: its "past" excludes
the reference day, its weekends lie ahead, "early" is a half and ours a third. The share says how far the
grammar reaches, not how right it is on reports.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from sitrep_ie.document import DateValue
from sitrep_ie.resolve.dates import DateContext, resolve_date

_DAY = dt.timedelta(days=1)
Interval = tuple[dt.date | None, dt.date | None]


def main() -> None:
    """Prints the share right per file and the most frequent kinds of failure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--failures", action="store_true", help="list every failure")
    arguments = parser.parse_args()
    for path in arguments.files:
        measure(path, list_failures=arguments.failures)


def measure(path: Path, *, list_failures: bool = False) -> None:
    """Prints the figures of one specification file."""
    kinds: Counter[str] = Counter()
    missed: list[str] = []
    total = named_end = 0
    seconds = 0.0
    for case in json.loads(path.read_text(encoding="utf-8-sig")):
        published = _reference(case)
        for result in case["Results"]:
            gold, gold_with_end = _gold(result["Value"] or {})
            if not gold:
                continue  # seasons: the set gives them no dates
            total += 1
            begin = time.perf_counter()
            value = resolve_date(result["Text"], DateContext(published, day_first=False))
            seconds += time.perf_counter() - begin
            got = None if value is None else (value.start, value.end)
            if got in gold:
                kinds["right"] += 1
                continue
            named_end += got in gold_with_end
            kind = _kind(value, gold)
            kinds[kind] += 1
            wanted = _shown(min(gold, key=str))
            missed.append(f"  {kind:16} {published} {result['Text']!r}: {_shown(got)}, expected {wanted}")
    right = kinds.pop("right", 0)
    print(f"{path.name}: {right}/{total} right ({right / total:.1%}); ", end="")
    print(f"{(right + named_end) / total:.1%} counting ends that the text names; ", end="")
    print(f"{1000 * seconds / total:.3f} ms each")
    for kind, count in kinds.most_common():
        print(f"  {count:4} {kind}")
    if list_failures:
        print("\n".join(missed))


def _reference(case: dict[str, Any]) -> dt.date | None:
    stamp = case.get("Context", {}).get("ReferenceDateTime")
    return dt.date.fromisoformat(stamp[:10]) if stamp else None


def _gold(value: dict[str, Any]) -> tuple[set[Interval], set[Interval]]:
    """The intervals that count as right, inclusive; and the same with the set's own (exclusive) last day."""
    gold: set[Interval] = set()
    with_end: set[Interval] = set()
    for side in ("PastResolution", "FutureResolution"):
        resolution = value.get(side, {})
        if "date" in resolution:
            day = _date(resolution["date"])
            gold.add((day, day))
        elif "startDate" in resolution or "endDate" in resolution:
            start, end = _date(resolution.get("startDate")), _date(resolution.get("endDate"))
            gold.add((start, end - _DAY if end else None))
            with_end.add((start, end))
        if gold:
            break  # the past reading is the wanted one; the future where there is no other
    return gold, with_end


def _date(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def _kind(value: DateValue | None, gold: set[Interval]) -> str:
    if value is None:
        return "unresolved"
    for start, end in gold:
        if value.start == start:
            return "other end"
        if value.end == end:
            return "other start"
        if start and value.start and (start.month, start.day) == (value.start.month, value.start.day):
            return "other year"
    return "other interval"


def _shown(interval: Interval | None) -> str:
    return "None" if interval is None else f"{interval[0]}..{interval[1]}"


if __name__ == "__main__":
    main()
