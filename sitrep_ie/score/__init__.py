"""Scores: gold and predicted annotations in, counts and error analysis out. No tensors, no models."""

from sitrep_ie.score.analysis import ErrorAnalysis, ErrorCase, analyse
from sitrep_ie.score.counts import Counts, Level, MeanSd, Scores, merge, score, summarise
from sitrep_ie.score.report import format_errors, write_errors

__all__ = [
    "Counts",
    "ErrorAnalysis",
    "ErrorCase",
    "Level",
    "MeanSd",
    "Scores",
    "analyse",
    "format_errors",
    "merge",
    "score",
    "summarise",
    "write_errors",
]
