"""Reports as one HTML page that needs no network: text, events, timeline, map, totals against their items.

`Report.to_html()` and `sitrep-ie view` end here. Nothing here knows tensors or models.
"""

from __future__ import annotations

from sitrep_ie.view.archive import read_reports
from sitrep_ie.view.page import MAX_REPORTS, notebook_frame, reports_to_html

__all__ = ["MAX_REPORTS", "notebook_frame", "read_reports", "reports_to_html"]
