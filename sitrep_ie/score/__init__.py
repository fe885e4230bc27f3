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
from sitrep_ie.score.reliability import (
    Bin,
    Judged,
    Reliability,
    judge_annotations,
    judge_reports,
    reliability,
    reliability_dict,
    reliability_table,
)
from sitrep_ie.score.report import format_errors, write_errors

__all__ = [
    "Bin",
    "Counts",
    "ErrorAnalysis",
    "ErrorCase",
    "EventRecord",
    "Item",
    "Judged",
    "Level",
    "MeanSd",
    "RecordScores",
    "Reliability",
    "Scores",
    "analyse",
    "format_errors",
    "judge_annotations",
    "judge_reports",
    "merge",
    "read_records",
    "records_of",
    "reliability",
    "reliability_dict",
    "reliability_table",
    "score",
    "score_examples",
    "score_records",
    "score_reports",
    "summarise",
    "write_errors",
]
