"""Reports as they were saved: the JSON lines or the JSON that `sitrep-ie extract` and `batch` write."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sitrep_ie.document import Report
from sitrep_ie.errors import DocumentError, FormatError

# No report is so long; a few megabytes of gzip may unpack to gigabytes of one.
_MAX_LINE_BYTES = 2**29
_MAX_JSON_BYTES = 2**30


def read_reports(path: Path | str) -> Iterator[Report]:
    """Yields the reports of a file: .json (one report or a list), else JSON lines; .gz is unpacked.

    Raises:
        FormatError: the file cannot be read or holds something that is no report; the message starts with
            the path and, in JSON lines, the line.
    """
    path = Path(path)
    if path.name.lower().removesuffix(".gz").endswith(".json"):
        yield from _read_json(path)
        return
    num_bytes = 0
    for number, raw in enumerate(_lines(path), 1):
        line = _decoded(raw, path, num_bytes)
        num_bytes += len(raw)
        if line.strip():
            yield _report(_parsed(line, f"{path}:{number}"), f"{path}:{number}")


def _read_json(path: Path) -> Iterator[Report]:
    lines, num_bytes = [], 0
    for line in _lines(path):
        lines.append(line)
        num_bytes += len(line)
        if num_bytes > _MAX_JSON_BYTES:
            raise FormatError(
                f"{path}: over {_MAX_JSON_BYTES >> 20} MiB of JSON, expected JSON lines for so many reports"
            )
    raw = _parsed(_decoded(b"".join(lines), path), str(path))
    for i, item in enumerate(raw if isinstance(raw, list) else [raw]):
        yield _report(item, f"{path}: [{i}]" if isinstance(raw, list) else str(path))


def _lines(path: Path) -> Iterator[bytes]:
    """One line after another: an archive may be larger than the memory."""
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            while raw := file.readline(_MAX_LINE_BYTES + 1):
                if len(raw) > _MAX_LINE_BYTES:
                    limit = f"{_MAX_LINE_BYTES >> 20} MiB"
                    raise FormatError(f"{path}: holds a line of over {limit}, expected one report a line")
                yield raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FormatError(f"{path}: not a whole gzip file: {error}") from error
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error


def _decoded(raw: bytes, path: Path, num_before: int = 0) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: byte {num_before + error.start} is not UTF-8, expected reports as JSON"
        ) from error


def _parsed(text: str, at: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"{at}: not JSON ({error}); expected what `sitrep-ie extract --format jsonl` writes"
        ) from error


def _report(raw: Any, at: str) -> Report:
    try:
        return Report.from_dict(raw)
    except DocumentError as error:
        raise FormatError(f"{at}: no report of sitrep-ie: {error}") from error
