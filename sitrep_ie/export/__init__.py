"""Reports in other forms: tables, CSV, GeoJSON, and the rows of two event-data projects.

The JSON form, flat rows and data frames are methods of `document.Report`. Nothing here knows tensors.
"""

from __future__ import annotations

from sitrep_ie.export.event_data import (
    ACLED_COLUMNS,
    PLOVER_COLUMNS,
    EventData,
    to_acled,
    to_plover,
)
from sitrep_ie.export.tables import (
    report_schema,
    reports_to_geojson,
    reports_to_table,
    write_csv,
    write_rows,
)

__all__ = [
    "ACLED_COLUMNS",
    "PLOVER_COLUMNS",
    "EventData",
    "report_schema",
    "reports_to_geojson",
    "reports_to_table",
    "to_acled",
    "to_plover",
    "write_csv",
    "write_rows",
]
