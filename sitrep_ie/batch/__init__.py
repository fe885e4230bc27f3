"""Whole archives in, event records out: files of many kinds are streamed through an extractor, resumably.

from sitrep_ie import Extractor
from sitrep_ie.batch import run

summary = run(["reports/"], "events.jsonl", Extractor.load())
"""

from __future__ import annotations

from sitrep_ie.batch.columns import ReportColumns
from sitrep_ie.batch.output import OUTPUT_FORMATS
from sitrep_ie.batch.ray_engine import RayEngine, map_dataset
from sitrep_ie.batch.readers import (
    SUFFIXES,
    Columns,
    Failure,
    FileList,
    find_files,
    read_documents,
)
from sitrep_ie.batch.runner import Summary, run
from sitrep_ie.batch.work import ModelLoader

__all__ = [
    "OUTPUT_FORMATS",
    "SUFFIXES",
    "Columns",
    "Failure",
    "FileList",
    "ModelLoader",
    "RayEngine",
    "ReportColumns",
    "Summary",
    "find_files",
    "map_dataset",
    "read_documents",
    "run",
]
