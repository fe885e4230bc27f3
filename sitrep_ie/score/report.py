"""The error analysis as a Markdown page for people to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sitrep_ie.score.analysis import CAUSES, NO_TYPE, ErrorAnalysis, ErrorCase


def write_errors(path: Path | str, analysis: ErrorAnalysis, *, max_cases: int = 25) -> None:
    """Writes `format_errors` to a UTF-8 file, whose folder must exist."""
    Path(path).write_text(format_errors(analysis, max_cases=max_cases), encoding="utf-8")


def format_errors(analysis: ErrorAnalysis, *, max_cases: int = 25) -> str:
    """Returns a Markdown report: summary tables, then the cases by level and cause.

    A group shows its first `max_cases` cases; the tables count all of them.
    """
    lines = [
        "# Errors",
        "",
        f"{analysis.num_documents} documents, {len(analysis.cases)} errors. "
        "In excerpts ⟦…⟧ is gold and ⟪…⟫ is predicted; ᴴ is the head of a relation and ᵀ its tail.",
        "",
    ]
    summary = [
        [level, cause, str(number), CAUSES[level][cause]]
        for level in CAUSES
        for cause, number in analysis.by_cause(level).items()
    ]
    if summary:
        lines += ["## Summary", "", *_table(["level", "cause", "cases", "meaning"], summary)]
    for level in CAUSES:
        lines += _by_type(analysis, level)
    lines += _confusions(analysis.confusion)
    for level in CAUSES:
        for cause in analysis.by_cause(level):
            cases = [case for case in analysis.cases if (case.level, case.cause) == (level, cause)]
            lines += ["", f"## {level.capitalize()}: {cause} ({len(cases)})", ""]
            lines += [_case_line(case) for case in cases[:max_cases]]
            if len(cases) > max_cases:
                lines.append(f"- and {len(cases) - max_cases} more")
    return "\n".join(lines) + "\n"


def _by_type(analysis: ErrorAnalysis, level: str) -> list[str]:
    by_type = analysis.by_type(level)
    if not by_type:
        return []
    causes = list(analysis.by_cause(level))
    types = sorted(by_type, key=lambda name: (-sum(by_type[name].values()), name))
    rows = [
        [
            name,
            str(analysis.num_right.get((level, name), 0)),
            *(str(by_type[name].get(cause, 0) or "") for cause in causes),
        ]
        for name in types
    ]
    return ["", f"## {level.capitalize()} by type", "", *_table(["type", "right", *causes], rows)]


def _confusions(confusion: Mapping[tuple[str, str], int]) -> list[str]:
    """A matrix of the types that were missed, made up or confused; the diagonal holds the right type."""
    confused = {
        name for pair, number in confusion.items() if number and pair[0] != pair[1] for name in pair
    } - {NO_TYPE}
    if not confused:
        return []
    names = [*sorted(confused), NO_TYPE]
    rows = [[gold, *(str(confusion.get((gold, name), 0) or "") for name in names)] for gold in names]
    return ["", "## Gold type (row) against predicted type (column)", "", *_table(["", *names], rows)]


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(header), _row(["---"] * len(header)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _case_line(case: ErrorCase) -> str:
    if case.gold_type and case.predicted_type and case.gold_type != case.predicted_type:
        types = f"{case.gold_type}, predicted {case.predicted_type}"
    else:
        types = case.gold_type or case.predicted_type or NO_TYPE
    return f"- `{case.document_id}` **{types}**: {case.excerpt}"
