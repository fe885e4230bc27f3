"""Processor time of extraction over the size of hostile texts: it must grow with the size, not its square.

    python -m training.benchmarks.linear [--model DIR] [--chars 4000 16000] [--repeats 3]

Each shape is extracted at each size, the sizes in turn, and the least time of the repeats counts. "growth" is
the time of the largest over that of the smallest, divided by the ratio of their sizes: near 1 is linear.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sitrep_ie import Extractor
from sitrep_ie.errors import SitrepError

_SENTENCE = "On 3 May 2031 about 20 fighters of the Northern Brigade shelled Karsk, killing three. "

# Name -> what is repeated. Short ones are one word or none, so that no network is in the way of the rest.
SHAPES: dict[str, str] = {
    "acronyms": "(AB) Army Brigade ",
    "blank lines": "\n",
    "blanks": " ",
    "brackets": "(",
    "bullets": "- On 3 May five died.\n",
    "closing brackets": ")]}",
    "combining marks": "e\u0301\u0301\u0301",
    "control characters": "\x00\x1b\x07",
    "dates": "May 3 ",
    "digits": "1234567890",
    "directions of writing": "\u202ea\u202c ",
    "emoji": "\U0001f600",
    "empty bullets": "- \n",
    "headings": "Heading Line\n\n",
    "hyphens": "-",
    "items with dates": "May 3: a\n",
    "letters": "a",
    "lines": _SENTENCE.strip() + "\n",
    "names": "Army Of The Army ",
    "nested places": "north of south of ",
    "no full stop": "on Monday the army of Karsk killed two men and ",
    "numbers": "12 ",
    "one line": _SENTENCE,
    "paragraphs": _SENTENCE.strip() + "\n\n",
    "quotes": '"',
    "slashes": "1/2/",
    "stops": ".",
    "surrogates": "\ud800",
    "tabs": "a\t",
}


def measure(
    extractor: Extractor,
    piece: str,
    sizes: Sequence[int],
    *,
    repeats: int,
    clock: Callable[[], float] = time.process_time,
) -> list[float]:
    """Returns the least seconds of the repeats for texts of each size, made of `piece` again and again."""
    best = [float("inf")] * len(sizes)
    for _ in range(repeats):
        for index, num_chars in enumerate(sizes):
            text = piece * (num_chars // len(piece))
            begin = clock()
            extractor.extract(text)
            best[index] = min(best[index], clock() - begin)
    return best


def growth(seconds: Sequence[float], sizes: Sequence[int]) -> float:
    """Returns how much more time a character takes in the largest text than in the smallest."""
    return seconds[-1] / max(seconds[0], 1e-4) / (sizes[-1] / sizes[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a Markdown table; the status is 1 where a text takes over twice its share of time."""
    parser = argparse.ArgumentParser(
        prog="python -m training.benchmarks.linear",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, help="a model folder; none is the shipped one")
    parser.add_argument("--chars", type=int, nargs="+", default=[4_000, 16_000], help="sizes, smallest first")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)
    try:
        extractor = Extractor.load(options.model, device="cpu")
    except SitrepError as error:
        print(f"linear: {error}", file=sys.stderr)
        return 2
    extractor.extract(_SENTENCE)
    print("| text | " + " | ".join(f"{size:,} characters" for size in options.chars) + " | growth |")
    print("|---|" + "---|" * (len(options.chars) + 1))
    worst = 0.0
    for name, piece in SHAPES.items():
        seconds = measure(extractor, piece, options.chars, repeats=options.repeats)
        found = growth(seconds, options.chars)
        # What takes a few milliseconds is all start.
        worst = max(worst, found if seconds[-1] > 0.05 else 0.0)
        cells = " | ".join(f"{second:.2f} s" for second in seconds)
        print(f"| {name} | {cells} | {found:.1f} |", flush=True)
    return 1 if worst > 2 else 0


if __name__ == "__main__":
    sys.exit(main())
