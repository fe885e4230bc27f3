"""The run over an archive: documents -> extractor -> output, chunk by chunk, with a state to go on from."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sitrep_ie import __version__
from sitrep_ie.assemble import check_min_score
from sitrep_ie.batch.output import (
    ID_BYTES,
    AppendFile,
    Paths,
    State,
    check_parquet,
    count_repeated,
    format_reports,
    id_digest,
    output_format,
    write_parquet,
)
from sitrep_ie.batch.readers import (
    MAX_DOCUMENT_MIB,
    Columns,
    Failure,
    FileList,
    Found,
    check_limit,
    find_files,
    one_document_each,
    read_file,
)
from sitrep_ie.batch.work import Chunk, Engine, LocalEngine, Options, ReportSource
from sitrep_ie.errors import ConfigError, DependencyError, FormatError
from sitrep_ie.extractor import DEFAULT_BATCH_SIZE

# A chunk ends with the first of these: so much is done again after a kill, and held in memory.
_CHUNK_DOCUMENTS = 128
_CHUNK_CHARS = 256_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did: the numbers count from its first start, `seconds` from this one.

    `num_resumed` documents and failures were done before this start. `num_repeated_ids` documents have an id
    that an earlier one has; they are in the output all the same.
    """

    num_documents: int
    num_failed: int
    num_events: int
    num_files: int
    num_skipped_files: int
    num_resumed: int
    num_repeated_ids: int
    seconds: float
    errors_path: Path | None

    def __str__(self) -> str:
        parts = [f"{_count(self.num_documents, 'document')}, {_count(self.num_events, 'event')}"]
        parts[0] += f" from {_count(self.num_files, 'file')} in {self.seconds:.1f} s"
        if self.num_resumed:
            parts.append(f"{self.num_resumed} done before")
        if self.num_skipped_files:
            parts.append(f"{_count(self.num_skipped_files, 'file')} of other kinds skipped")
        if self.num_repeated_ids:
            parts.append(f"{_count(self.num_repeated_ids, 'document')} with the id of an earlier one")
        if self.num_failed:
            parts.append(f"{self.num_failed} failed, see {self.errors_path}")
        return "; ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def run(
    inputs: Sequence[str | Path],
    out: Path | str,
    extractor: ReportSource | Engine,
    *,
    form: str | None = None,
    columns: Columns | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    min_score: float = 0.0,
    redact_persons: bool = False,
    max_document_mib: int = MAX_DOCUMENT_MIB,
    settings: Mapping[str, str] | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Summary:
    """Extracts every document of `inputs` into `out`, in order; goes on where a run before it was ended.

    A document that fails goes to `out` + ".errors.jsonl" (id, source, position, reason), and the run goes on.
    When it is ended before its time, the same call continues it: no document is lost or repeated, and the
    output has the same bytes as that of a run without a break. `out` + ".state.json" tells how far a run has
    come and, at last, that it is finished: the same call then returns at once. Memory is constant but for
    the names of the files. Documents with the same id are all kept, in order, and counted at the end.

    Args:
        inputs: see `find_files`.
        out: JSON lines of `Report.to_dict`, or CSV or Parquet with one row per event.
        extractor: an `Extractor`, or a `RayEngine`; a run may go on with the other.
        form: one of `OUTPUT_FORMATS`; default is the suffix of `out`.
        columns: of tables and JSON objects.
        batch_size: see `Extractor.extract_many`; it may be another one when a run goes on.
        min_score: see `Extractor.extract`.
        redact_persons: see `Report.redacted`.
        max_document_mib: a longer text, also when unpacked, is a failure.
        settings: what else the output depends on, such as the model: a run with other ones is not continued.
        overwrite: starts anew, whatever is there.
        progress: shows a bar on stderr, if that is a terminal.

    Raises:
        FormatError: an input does not exist, `out` exists and is not of this run, or another run writes it.
        ConfigError: an option has no possible value, or a run that was ended had other options or inputs.
        DependencyError: a library of the extra `batch` is not installed.
        DeviceError, ResourceError, ModelError: see `Extractor` and `RayEngine`.
        OSError: the output cannot be written; it names the file. The same call goes on when that is mended.
    """
    started = time.monotonic()
    out = Path(out)
    paths = Paths(out, output_format(out, form))
    check_limit(max_document_mib)
    check_min_score(min_score)
    if paths.form == "parquet":
        check_parquet()
    if not out.parent.is_dir():
        raise FormatError(f"{out}: its folder does not exist")
    columns = columns or Columns()
    engine = LocalEngine(extractor) if isinstance(extractor, ReportSource) else extractor
    with _locked(paths):
        files = find_files(inputs, exclude=paths.all())
        wanted = {
            "sitrep_ie": __version__,
            "format": paths.form,
            "columns": dataclasses.asdict(columns),
            "min_score": float(min_score),
            "max_document_mib": max_document_mib,
            "num_files": len(files.paths),
            "files_sha256": files.digest(),
            **({"redact_persons": True} if redact_persons else {}),
            **dict(settings or {}),
        }
        state = _start(paths, wanted, overwrite)
        num_resumed = state.num_documents + state.num_failed
        if not state.finished:
            chunks = _chunks(files, columns, max_document_mib, state)
            options = Options(paths.form, batch_size, min_score, redact_persons)
            state = _work(paths, state, chunks, engine, options, _bar(files, state, progress))
    return Summary(
        num_documents=state.num_documents,
        num_failed=state.num_failed,
        num_events=state.num_events,
        num_files=len(files.paths),
        num_skipped_files=files.num_skipped,
        num_resumed=num_resumed,
        num_repeated_ids=state.num_repeated_ids,
        seconds=time.monotonic() - started,
        errors_path=paths.errors if state.num_failed else None,
    )


@contextlib.contextmanager
def _locked(paths: Paths) -> Iterator[None]:
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        raise DependencyError("batch needs filelock: pip install 'sitrep_ie[batch]'") from error
    # The system's own lock (flock): it ends with the process, however that ends.
    lock = FileLock(str(paths.lock), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise FormatError(f"{paths.out}: another run is writing it (it holds {paths.lock.name})") from None
    except OSError as error:
        raise OSError(error.errno, f"cannot be written: {error.strerror}", str(paths.out)) from error
    try:
        yield
    finally:
        lock.release()


def _start(paths: Paths, wanted: dict[str, Any], overwrite: bool) -> State:
    """The state to go on from; when it returns one is on the disk, so before there is any output."""
    if overwrite:
        # The state last: a kill in between leaves a run that refuses to go on, not one that goes on wrongly.
        for path in (paths.rows, paths.out, paths.errors, paths.ids, paths.state):
            path.unlink(missing_ok=True)
    state = State.load(paths.state)
    if state is not None and not (state.num_documents or state.num_failed or state.finished):
        # It ended before its first chunk: there is nothing that other settings could spoil.
        state = State(wanted)
        state.save(paths.state)
    if state is None:
        for path in (paths.out, paths.rows, paths.errors):
            if path.exists():
                raise FormatError(f"{path}: exists and is of no run that could go on; see --overwrite")
        state = State(wanted)
        state.save(paths.state)
        return state
    for key in sorted({*wanted, *state.settings}):
        old, new = state.settings.get(key), wanted.get(key)
        if old != new:
            what = (
                "the input files have changed" if key == "files_sha256" else f"{key} was {old!r}, is {new!r}"
            )
            raise ConfigError(
                f"{paths.out}: a run with other settings began it: {what}; --overwrite starts anew"
            )
    if state.finished and not paths.out.exists():
        raise FormatError(f"{paths.out}: a finished run wrote it, but it is gone; --overwrite starts anew")
    return state


def _chunks(files: FileList, columns: Columns, max_document_mib: int, state: State) -> Iterator[Chunk]:
    """Chunks end at the same documents in every run, so that equal documents share a batch in each."""
    items: list[Found | Failure] = []
    num_chars = 0
    last = (0, 0)
    for index in range(state.file_index, len(files.paths)):
        skipped = state.num_in_file if index == state.file_index else 0
        found = read_file(files.paths[index], columns, max_document_mib)
        for number, item in enumerate(itertools.islice(found, skipped, None), skipped + 1):
            items.append(item)
            num_chars += len(item.document.text) if isinstance(item, Found) else 0
            if len(items) >= _CHUNK_DOCUMENTS or num_chars >= _CHUNK_CHARS:
                yield Chunk(tuple(items), index, number)
                items, num_chars = [], 0
            last = (index, number)
    if items:
        yield Chunk(tuple(items), *last)


def _work(
    paths: Paths,
    state: State,
    chunks: Iterable[Chunk],
    engine: Engine,
    options: Options,
    bar: Any,
) -> State:
    with contextlib.ExitStack() as stack:
        stack.callback(bar.close)
        output = AppendFile(paths.rows, state.output_bytes)
        stack.callback(output.close)
        errors = AppendFile(paths.errors, state.errors_bytes)
        stack.callback(errors.close)
        ids = AppendFile(paths.ids, ID_BYTES * state.num_documents)
        stack.callback(ids.close)
        if not output.num_bytes:
            output.write(format_reports([], paths.form, first=True))
        # Closed at once when writing fails, and not when the garbage collector comes: workers end then.
        finished = stack.enter_context(contextlib.closing(engine.process(chunks, options, bar.update)))
        for chunk, done in finished:
            output.write(done.rows)
            errors.write(done.failures)
            ids.write_bytes(b"".join(map(id_digest, done.ids)))
            for file in (output, errors, ids):
                file.sync()
            state = dataclasses.replace(
                state,
                file_index=chunk.file_index,
                num_in_file=chunk.num_in_file,
                num_documents=state.num_documents + done.num_documents,
                num_failed=state.num_failed + done.num_failed,
                num_events=state.num_events + done.num_events,
                output_bytes=output.num_bytes,
                errors_bytes=errors.num_bytes,
            )
            state.save(paths.state)
        output.sync()
    if paths.form == "parquet":
        write_parquet(paths)
    if not state.num_failed:
        paths.errors.unlink(missing_ok=True)
    state = dataclasses.replace(state, num_repeated_ids=count_repeated(paths.ids), finished=True)
    state.save(paths.state)
    paths.ids.unlink()
    if paths.rows != paths.out:
        paths.rows.unlink()
    return state


def _bar(files: FileList, state: State, shown: bool) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise DependencyError("batch needs tqdm: pip install 'sitrep_ie[batch]'") from error
    return tqdm(
        total=len(files.paths) if one_document_each(files.paths) else None,
        initial=state.num_documents + state.num_failed,
        unit="document",
        # None: only where stderr is a terminal.
        disable=None if shown else True,
        dynamic_ncols=True,
    )
