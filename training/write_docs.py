"""Makes the code blocks of docs/records.md anew from docs/records.ann: `python -m training.write_docs`.

A comment `<!-- records: WHAT -->` stands above each block that is made. WHAT is `text` (the report),
`annotation N` (its N-th paragraph with marks and links), or the id of an event record and the fields to show,
all where none are named: `e3 time outcomes`. Records come from the gold annotation, so that no model's
weights change the page.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sitrep_ie.assemble import Resolvers, assemble
from sitrep_ie.document import Report
from sitrep_ie.errors import FormatError, SitrepError
from sitrep_ie.formats import read_inline
from sitrep_ie.ontology import Ontology
from training.corpora._annotated import ROOT
from training.pages import update_page

PAGE = ROOT / "docs" / "records.md"
SOURCE = ROOT / "docs" / "records.ann"
_BLOCK = re.compile(r"(<!-- records: (?P<what>[^>]+?) -->\n```\w+\n).*?```", re.DOTALL)
_MAX_COLUMNS = 108


def gold_report(path: Path) -> Report:
    """Returns the report made from the only document of an annotated file."""
    ontology = Ontology.load(ROOT / "configs" / "ontology.toml")
    (example,) = read_inline(path, ontology)
    return assemble(example.document, example.gold, ontology, Resolvers.default())


def render(page: str, source: Path) -> str:
    """Returns the page with the bodies of its marked blocks made anew.

    Raises:
        FormatError: a mark asks for a paragraph, an event or a field that there is not.
    """
    report = gold_report(source)
    body = report.to_dict()
    paragraphs = source.read_text(encoding="utf-8").split("\n\n")
    numbered = {str(number): paragraph for number, paragraph in enumerate(paragraphs, 1)}
    events = {event["id"]: event for event in body["events"]}

    def block(match: re.Match[str]) -> str:
        what, *names = match["what"].split()
        if what == "text":
            made = body["text"].strip()
        elif what == "annotation" and names and names[0] in numbered:
            made = numbered[names[0]].strip()
        elif what in events and set(names) <= events[what].keys():
            event = events[what]
            made = pretty({name: event[name] for name in names} if names else event)
        else:
            mark = f"<!-- records: {match['what']} -->"
            raise FormatError(f"{mark}: expected text, annotation N, or the id of an event and fields of it")
        return f"{match[1]}{made}\n```"

    return _BLOCK.sub(block, page)


def pretty(value: Any, indent: int = 0) -> str:
    """Returns JSON with as much on a line as fits."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= _MAX_COLUMNS or not isinstance(value, dict | list):
        return line
    blanks = " " * (indent + 2)
    if isinstance(value, list):
        parts = [blanks + pretty(item, indent + 2) for item in value]
        return "[\n" + ",\n".join(parts) + "\n" + " " * indent + "]"
    parts, run = [], blanks
    for i, (key, item) in enumerate(value.items()):
        entry = f"{json.dumps(key)}: {pretty(item, indent + 2)}" + ("," if i + 1 < len(value) else "")
        if run.strip() and ("\n" in entry or len(run) + len(entry) > _MAX_COLUMNS):
            parts.append(run.rstrip())
            run = blanks
        run += entry + " "
        if "\n" in entry:
            parts.append(run.rstrip())
            run = blanks
    if run.strip():
        parts.append(run.rstrip())
    return "{\n" + "\n".join(parts) + "\n" + " " * indent + "}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page, or with --check says whether it is up to date; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.write_docs", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--source", type=Path, default=SOURCE)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if it would change the page"
    )
    options = parser.parse_args(arguments)
    try:
        return update_page(
            options.page,
            lambda page: render(page, options.source),
            "python -m training.write_docs",
            check=options.check,
        )
    except (SitrepError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
