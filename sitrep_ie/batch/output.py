"""What a run leaves on the disk, so that it can be killed at any moment and go on.

Output and errors are only ever appended to. After each chunk both are brought to the disk, and then a
small state file is replaced as a whole that tells how long they are and how many documents that is. What
a killed run had written behind these lengths is cut off when it goes on. Parquet cannot be appended to:
its rows are gathered as JSON lines in `FILE.rows.jsonl` in the same way, and turned into FILE at the end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import io
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sitrep_ie.batch.readers import Failure
from sitrep_ie.document import ROW_COLUMNS, Report
from sitrep_ie.errors import ConfigError, DependencyError, FormatError
from sitrep_ie.export import write_rows

OUTPUT_FORMATS = ("jsonl", "csv", "parquet")
_PARQUET_ROWS = 20_000
_FLAGS = ("aggregate", "release", "agrees")
_DAYS = ("start", "end")
_PEOPLE = ("killed", "injured", "detained", "released", "abducted", "displaced")
_NUMBERS = (
    "score",
    "latitude",
    "longitude",
    "count",
    *(f"{people}{bound}" for people in _PEOPLE for bound in ("", "_low", "_high")),
)


def output_format(out: Path, form: str | None) -> str:
    """Returns the format asked for, else the one that the file's suffix names.

    Raises:
        ConfigError: there is no such format, or the suffix names none.
    """
    found = form or out.suffix.lower().removeprefix(".")
    if found not in OUTPUT_FORMATS:
        named = f"format {form!r}" if form else f"{out}: its suffix names no format"
        raise ConfigError(f"{named}; expected one of {', '.join(OUTPUT_FORMATS)}")
    return found


@dataclass(frozen=True, slots=True)
class Paths:
    """The files of a run, all beside the output."""

    out: Path
    form: str

    def _beside(self, end: str) -> Path:
        return self.out.with_name(self.out.name + end)

    @property
    def rows(self) -> Path:
        """What is appended to."""
        return self._beside(".rows.jsonl") if self.form == "parquet" else self.out

    @property
    def errors(self) -> Path:
        return self._beside(".errors.jsonl")

    @property
    def state(self) -> Path:
        return self._beside(".state.json")

    @property
    def lock(self) -> Path:
        return self._beside(".lock")

    @property
    def ids(self) -> Path:
        """A digest of the id of every document, until the run is finished."""
        return self._beside(".ids")

    @property
    def part(self) -> Path:
        """A Parquet file that is not complete yet."""
        return self._beside(".part")

    def all(self) -> tuple[Path, ...]:
        return (self.out, self.rows, self.errors, self.state, self.lock, self.ids, self.part)


@dataclass(frozen=True, slots=True)
class State:
    """How far a run has come; `settings` are what its output depends on.

    The next document is number `num_in_file` (from 0) of file number `file_index`.
    """

    settings: dict[str, Any]
    file_index: int = 0
    num_in_file: int = 0
    num_documents: int = 0
    num_failed: int = 0
    num_events: int = 0
    num_repeated_ids: int = 0
    output_bytes: int = 0
    errors_bytes: int = 0
    finished: bool = False
    version: int = 2

    def save(self, path: Path) -> None:
        """Replaces the file as a whole; it is on the disk when this returns."""
        part = path.with_name(path.name + ".part")
        with naming(part), part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        replace_synced(part, path)

    @classmethod
    def load(cls, path: Path) -> State | None:
        """Returns what `save` wrote, None where there is no file.

        Raises:
            FormatError: the file is no state file of this version.
        """
        try:
            raw = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise FormatError(f"{path}: no state of a run: {error}; --overwrite starts anew") from error
        defaults = dataclasses.asdict(cls({}))
        if not isinstance(raw, dict) or {k: type(v) for k, v in raw.items()} != {
            k: type(v) for k, v in defaults.items()
        }:
            raise FormatError(f"{path}: not the state of a run; --overwrite starts anew")
        if raw["version"] != defaults["version"]:
            raise FormatError(
                f"{path}: version {raw['version']}, expected {defaults['version']}; --overwrite starts anew"
            )
        return cls(**raw)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """An error of the disk names the file, which the system does not when the file is already open."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        reason = f"cannot be written: {error.strerror or error}; the same call goes on when that is mended"
        raise OSError(error.errno, reason, str(path)) from error


def replace_synced(part: Path, path: Path) -> None:
    """Renames, and brings the renaming itself to the disk where the system can."""
    with naming(path):
        os.replace(part, path)
        if os.name == "posix":
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


class AppendFile:
    """A file that is cut to a known length and then appended to."""

    def __init__(self, path: Path, num_bytes: int) -> None:
        """Opens it, or makes it where `num_bytes` is 0.

        Raises:
            FormatError: the file is shorter than that, so another program has changed it.
        """
        self._path = path
        self._file: BinaryIO = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, 0o666), "r+b")
        present = self._file.seek(0, os.SEEK_END)
        if present < num_bytes:
            self._file.close()
            raise FormatError(
                f"{path}: {present} bytes, but the run had written {num_bytes}; --overwrite starts anew"
            )
        self._file.truncate(num_bytes)
        self.num_bytes = self._file.seek(num_bytes)

    def write(self, text: str) -> None:
        # A lone surrogate becomes its JSON escape.
        self.write_bytes(text.encode("utf-8", "backslashreplace"))

    def write_bytes(self, raw: bytes) -> None:
        with naming(self._path):
            self.num_bytes += self._file.write(raw)

    def sync(self) -> None:
        with naming(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes it; what was not synced may be lost, and is cut off by the run that goes on."""
        with contextlib.suppress(OSError):
            self._file.close()


_BINARY = getattr(os, "O_BINARY", 0)


def format_reports(reports: Iterable[Report], form: str, *, first: bool) -> str:
    """Returns what is appended for `reports`; CSV begins with its header where it is the `first` text."""
    if form == "jsonl":
        return "".join(f"{report.to_json()}\n" for report in reports)
    rows = (row for report in reports for row in report.rows())
    if form == "parquet":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    stream = io.StringIO(newline="")
    write_rows(rows, ROW_COLUMNS, stream)
    return stream.getvalue() if first else stream.getvalue().split("\r\n", 1)[1]


def format_failure(failure: Failure) -> str:
    """Returns a line of the errors file."""
    return json.dumps(dataclasses.asdict(failure), ensure_ascii=False) + "\n"


ID_BYTES = 8
_IDS_AT_ONCE = 4_000_000


def id_digest(id: str) -> bytes:
    """Returns what stands for an id: of 100 million, two are alike by chance in one of 3,700 runs."""
    return hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=ID_BYTES).digest()


def count_repeated(path: Path, num_at_once: int = _IDS_AT_ONCE) -> int:
    """Returns how many digests of a file stand in it before; holds about `num_at_once` in memory."""
    import numpy as np

    num_ids = path.stat().st_size // ID_BYTES
    num_parts = -(-num_ids // num_at_once)
    num_distinct = 0
    for part in range(num_parts):
        chosen = []
        with path.open("rb") as file:
            while (block := np.frombuffer(file.read(2**20 * ID_BYTES), dtype="<u8")).size:
                chosen.append(block[block % num_parts == part])
        num_distinct += np.unique(np.concatenate(chosen)).size
    return num_ids - num_distinct


def check_parquet() -> None:
    """Raises DependencyError where Parquet cannot be written."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise DependencyError("Parquet needs pyarrow: pip install 'sitrep_ie[batch]'") from error


def write_parquet(paths: Paths) -> None:
    """Turns the gathered rows into the Parquet file, which appears only when it is complete.

    Columns are those of the CSV form: numbers are doubles, `start` and `end` are dates.
    """
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    def type_of(column: str) -> Any:
        if column in _NUMBERS:
            return pyarrow.float64()
        if column in _DAYS:
            return pyarrow.date32()
        return pyarrow.bool_() if column in _FLAGS else pyarrow.string()

    schema = pyarrow.schema([(column, type_of(column)) for column in ROW_COLUMNS])
    with naming(paths.part):
        with (
            paths.rows.open(encoding="utf-8", newline="\n") as file,
            ParquetWriter(paths.part, schema) as writer,
        ):
            rows = map(_typed_row, file)
            while some := list(itertools.islice(rows, _PARQUET_ROWS)):
                writer.write_table(pyarrow.Table.from_pylist(some, schema=schema))
        with paths.part.open("rb+") as written:
            os.fsync(written.fileno())
    replace_synced(paths.part, paths.out)


def _typed_row(line: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line)
    for column in _DAYS:
        if row[column] is not None:
            row[column] = datetime.date.fromisoformat(row[column])
    return {column: _no_surrogates(value) for column, value in row.items()}


def _no_surrogates(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
