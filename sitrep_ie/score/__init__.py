"""Scores: gold and predicted in, counts and error analysis out, for annotations and for event records.

No tensors, no models.
"""

from sitrep_ie.score.analysis import ErrorAnalysis, ErrorCase, analyse
from sitrep_ie.score.counts import Counts, Level, MeanSd, Scores, merge, score, score_examples, summarise
from sitrep_ie.score.records import (
    EventRecord,
    Item,
    RecordScores,
    read_records,
    records_of,
    score_records,
    score_reports,
)
from sitrep_ie.score.report import format_errors, write_errors

__all__ = [
    "Counts",
    "ErrorAnalysis",
    "ErrorCase",
    "EventRecord",
    "Item",
    "Level",
    "MeanSd",
    "RecordScores",
    "Scores",
    "analyse",
    "format_errors",
    "merge",
    "read_records",
    "records_of",
    "score",
    "score_examples",
    "score_records",
    "score_reports",
    "summarise",
    "write_errors",
]
