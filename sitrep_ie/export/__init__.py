"""Reports in other forms: tables, CSV, GeoJSON, Parquet, SQLite, and the rows of two event-data projects.

The JSON form and the flat rows of events are methods of `document.Report`. Nothing here knows tensors.
"""

from __future__ import annotations

from sitrep_ie.export.event_data import (
    ACLED_COLUMNS,
    PLOVER_COLUMNS,
    EventData,
    to_acled,
    to_plover,
)
from sitrep_ie.export.files import replacing
from sitrep_ie.export.frames import (
    TABLES,
    columns_of,
    reports_to_frame,
    row_schema,
    table_rows,
    write_parquet,
)
from sitrep_ie.export.outputs import FILE_FORMS, write_file
from sitrep_ie.export.sqlite import sql_schema, write_sqlite
from sitrep_ie.export.tables import (
    report_schema,
    reports_to_geojson,
    reports_to_table,
    write_csv,
    write_geojson,
    write_rows,
)

__all__ = [
    "ACLED_COLUMNS",
    "FILE_FORMS",
    "PLOVER_COLUMNS",
    "TABLES",
    "EventData",
    "columns_of",
    "replacing",
    "report_schema",
    "reports_to_frame",
    "reports_to_geojson",
    "reports_to_table",
    "row_schema",
    "sql_schema",
    "table_rows",
    "to_acled",
    "to_plover",
    "write_csv",
    "write_file",
    "write_geojson",
    "write_parquet",
    "write_rows",
    "write_sqlite",
]
