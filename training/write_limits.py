"""Makes the error rates of docs/limits.md from models/default/scores.json: `python -m training.write_limits`.

Below each comment `<!-- rates: LEVEL -->` stands one table, over all dev sets together. LEVEL is `mentions`,
`trig_c` (event types), `relations` or `attributes`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.corpora._annotated import ROOT
from training.pages import update_page

PAGE = ROOT / "docs" / "limits.md"
SCORES = ROOT / "models" / "default" / "scores.json"
LEVELS = {
    "mentions": "mention",
    "trig_c": "event type",
    "relations": "role or relation",
    "attributes": "attribute",
}
_BLOCK = re.compile(r"(<!-- rates: (?P<level>\w+) -->\n)(?:\|.*\n)*")
# Of fewer than so many in the dev sets a share says little.
_FEW = 30


def render(page: str, scores: Mapping[str, Any]) -> str:
    """Returns the page with its tables made anew.

    Raises:
        ValueError: a comment names no level of `LEVELS`.
    """

    def block(match: re.Match[str]) -> str:
        if match["level"] not in LEVELS:
            raise ValueError(f"<!-- rates: {match['level']} -->: expected one of {list(LEVELS)}")
        return match[1] + table(match["level"], scores)

    return _BLOCK.sub(block, page)


def table(level: str, scores: Mapping[str, Any]) -> str:
    """Returns the Markdown table of one level: a line for each type, then all."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: {"tp": 0, "fp": 0, "fn": 0})
    for dev in scores["dev"].values():
        for name, found in dev["scores"][level]["types"].items():
            for key in counts[name]:
                counts[name][key] += found[key]
    total = {key: sum(count[key] for count in counts.values()) for key in ("tp", "fp", "fn")}
    rows = [f"| {LEVELS[level]} | in the reports | missed | found, of these wrong |", "|---|---|---|---|"]
    for name, count in [*counts.items(), ("all", total)]:
        gold, found = count["tp"] + count["fn"], count["tp"] + count["fp"]
        few = " (few)" if gold < _FEW else ""
        rows.append(
            f"| {name}{few} | {gold:,} | {_share(count['fn'], gold)} | {_share(count['fp'], found)} |"
        )
    return "\n".join(rows) + "\n"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page, or with --check says whether it is up to date; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.write_limits", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--scores", type=Path, default=SCORES)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if it would change the page"
    )
    options = parser.parse_args(arguments)
    scores = json.loads(options.scores.read_text(encoding="utf-8"))
    return update_page(
        options.page,
        lambda page: render(page, scores),
        "python -m training.write_limits",
        check=options.check,
    )


if __name__ == "__main__":
    sys.exit(main())
