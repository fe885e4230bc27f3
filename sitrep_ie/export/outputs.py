"""Any number of reports into one file of any form, which appears when it is complete."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from sitrep_ie.document import EventCoder, Report
from sitrep_ie.errors import FormatError
from sitrep_ie.export.event_data import ACLED_COLUMNS, PLOVER_COLUMNS
from sitrep_ie.export.files import replacing
from sitrep_ie.export.frames import columns_of, write_parquet
from sitrep_ie.export.sqlite import write_sqlite
from sitrep_ie.export.tables import write_csv, write_geojson, write_rows

FILE_FORMS = ("sqlite", "parquet", "csv", "geojson", "acled", "plover")
_WITH_TABLES = ("parquet", "csv")


def write_file(
    reports: Iterable[Report],
    path: Path | str,
    form: str,
    *,
    table: str = "events",
    coder: EventCoder | None = None,
    overwrite: bool = False,
) -> str:
    """Writes the reports, in constant memory; returns what was written, in words: "12 events".

    Args:
        reports: in the order of the file.
        path: the file to write; one that is there is replaced when the new one is complete, but of databases
            only those that `write_sqlite` made.
        form: one of `FILE_FORMS`.
        table: which table a Parquet or CSV file is, see `table_rows`; the other forms have no choice.
        coder: of the ontology, for "acled" and "plover"; default the one that each report has.
        overwrite: replaces what is no database of this library, too.

    Raises:
        FormatError: there is no such form or table, or the file cannot be written or must not be replaced.
        DependencyError: Parquet is asked for and pyarrow is not installed.
        DocumentError: a code is asked for, and neither `coder` nor a report's own is there.
    """
    if form not in FILE_FORMS:
        raise FormatError(f"form {form!r}: expected one of {', '.join(FILE_FORMS)}")
    columns_of(table)
    if table != "events" and form not in _WITH_TABLES:
        raise FormatError(
            f"table {table!r}: only {' and '.join(_WITH_TABLES)} files are one table, not {form}"
        )
    if form == "sqlite":
        return f"{write_sqlite(reports, path, overwrite=overwrite)} documents"
    if form == "parquet":
        return f"{write_parquet(reports, path, table)} {table}"
    # What a text file of this library cannot hold, a lone surrogate, becomes its escape.
    with (
        replacing(path) as part,
        part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream,
    ):
        return _write_text(reports, stream, form, table, coder)


def _write_text(
    reports: Iterable[Report], stream: TextIO, form: str, table: str, coder: EventCoder | None
) -> str:
    if form == "csv":
        return f"{write_csv(reports, stream, table)} {table}"
    if form == "geojson":
        return f"{write_geojson(reports, stream)} features"
    if form == "acled":
        coded = (row for r in reports for row in (coder.acled(r) if coder else r.to_acled()))
        return f"{write_rows(coded, ACLED_COLUMNS, stream)} rows"
    coded = (row for r in reports for row in (coder.plover(r) if coder else r.to_plover()))
    return f"{write_rows(coded, PLOVER_COLUMNS, stream)} rows"
