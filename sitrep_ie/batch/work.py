"""What is done with a chunk of documents, in whichever process: reports, as text that is appended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from sitrep_ie.batch.output import format_failure, format_reports
from sitrep_ie.batch.readers import Failure, Found
from sitrep_ie.document import Document, Report
from sitrep_ie.errors import ConfigError, DependencyError, DeviceError, ResourceError
from sitrep_ie.extractor import DEFAULT_BATCH_SIZE, Extractor, default_model_folder

# These would be the same for every document.
ENDS_THE_RUN = (ConfigError, DependencyError, DeviceError, ResourceError)
# Card and scores do not change what a model finds.
_MODEL_SUFFIXES = (".toml", ".json", ".safetensors")
_NOT_THE_MODEL = ("scores.json", "manifest.json")


@runtime_checkable
class ReportSource(Protocol):
    """What a run needs of an `Extractor`."""

    def extract_many(
        self, documents: Iterable[Document | str], batch_size: int = ..., *, min_score: float = ...
    ) -> Iterator[Report]:
        """Yields a report for every document, in order."""


@dataclass(frozen=True, slots=True)
class ModelLoader:
    """How a process that may be on another machine gets its extractor: the arguments of `Extractor.load`.

    Paths, of folders and files, are those of that machine; None for `model` is the model that ships with the
    package there.
    """

    model: str | None = None
    device: str = "auto"
    gazetteer: str | None = None
    precision: str = "float32"

    def load(self) -> ReportSource:
        """Returns the extractor; raises as `Extractor.load` does."""
        return Extractor.load(self.model, self.device, gazetteer=self.gazetteer, precision=self.precision)

    def digest(self) -> str:
        """SHA-256 of what decides the results: weights, configuration, ontology, tokenizer, gazetteer.

        Raises:
            ResourceError: a file cannot be read.
            ModelError: no model ships with this installation.
        """
        folder = default_model_folder() if self.model is None else Path(self.model)
        found = hashlib.sha256()
        try:
            paths = [path for path in sorted(folder.iterdir()) if path.suffix in _MODEL_SUFFIXES]
            paths = [path for path in paths if path.name not in _NOT_THE_MODEL]
            for path in [*paths, *([Path(self.gazetteer)] if self.gazetteer else [])]:
                found.update(path.name.encode("utf-8", "surrogateescape") + b"\0")
                with path.open("rb") as file:
                    while block := file.read(2**20):
                        found.update(block)
        except OSError as error:
            raise ResourceError(f"{error.filename or folder}: cannot be read: {error.strerror}") from error
        return found.hexdigest()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Documents and failures in order, and the place in the run that follows them."""

    items: tuple[Found | Failure, ...]
    file_index: int
    num_in_file: int


@dataclass(frozen=True, slots=True)
class Options:
    """What the text of a chunk depends on, besides the extractor."""

    form: str
    batch_size: int
    min_score: float
    redact_persons: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A chunk as it is appended: `rows` to the output, `failures` to the errors."""

    rows: str
    failures: str
    ids: tuple[str, ...]
    num_failed: int
    num_events: int

    @property
    def num_documents(self) -> int:
        return len(self.ids)


class Engine(Protocol):
    """Where chunks are worked on."""

    def process(
        self, chunks: Iterable[Chunk], options: Options, progress: Callable[[int], object]
    ) -> Generator[tuple[Chunk, Done], None, None]:
        """Yields every chunk with what came of it, in order; `progress` gets numbers of documents."""


class LocalEngine:
    """This process, chunk by chunk."""

    def __init__(self, extractor: ReportSource) -> None:
        self._extractor = extractor

    def process(
        self, chunks: Iterable[Chunk], options: Options, progress: Callable[[int], object]
    ) -> Generator[tuple[Chunk, Done], None, None]:
        for chunk in chunks:
            yield chunk, process(chunk.items, self._extractor, options, progress)


class _WithoutPersons:
    """An extractor whose reports name no persons."""

    def __init__(self, extractor: ReportSource) -> None:
        self._extractor = extractor

    def extract_many(
        self,
        documents: Iterable[Document | str],
        batch_size: int = DEFAULT_BATCH_SIZE,
        *,
        min_score: float = 0.0,
    ) -> Iterator[Report]:
        for report in self._extractor.extract_many(documents, batch_size, min_score=min_score):
            yield report.redacted()


def process(
    items: Sequence[Found | Failure],
    extractor: ReportSource,
    options: Options,
    progress: Callable[[int], object] = lambda _: None,
) -> Done:
    """Returns the text of the items' reports and failures, each in order.

    Raises:
        ConfigError, DependencyError, DeviceError, ResourceError: from the extractor; no document is to blame.
    """
    source: ReportSource = _WithoutPersons(extractor) if options.redact_persons else extractor
    results = extract_items(items, source, options.batch_size, options.min_score, progress)
    return done(results, options.form)


def done(results: Iterable[Report | Failure], form: str) -> Done:
    """Returns the text of reports and failures."""
    results = list(results)
    reports = [result for result in results if isinstance(result, Report)]
    failures = [result for result in results if isinstance(result, Failure)]
    return Done(
        rows=format_reports(reports, form, first=False),
        failures="".join(map(format_failure, failures)),
        ids=tuple(report.document.id for report in reports),
        num_failed=len(failures),
        num_events=sum(len(report.events) for report in reports),
    )


def extract_items(
    items: Sequence[Found | Failure],
    extractor: ReportSource,
    batch_size: int,
    min_score: float,
    progress: Callable[[int], object] = lambda _: None,
) -> list[Report | Failure]:
    """A report or a failure for every item, in order."""
    founds = [item for item in items if isinstance(item, Found)]
    progress(len(items) - len(founds))
    reports: list[Report] = []
    extracted: Iterator[Report | Failure]
    try:
        for report in extractor.extract_many([f.document for f in founds], batch_size, min_score=min_score):
            reports.append(report)
            progress(1)
        if len(reports) != len(founds):
            raise ValueError(f"{len(reports)} reports for {len(founds)} documents")
        extracted = iter(reports)
    except ENDS_THE_RUN:
        raise
    except Exception:
        # Which document it was shows when each is alone.
        progress(-len(reports))
        extracted = (_extract_one(found, extractor, batch_size, min_score, progress) for found in founds)
    return [item if isinstance(item, Failure) else next(extracted) for item in items]


def _extract_one(
    found: Found,
    extractor: ReportSource,
    batch_size: int,
    min_score: float,
    progress: Callable[[int], object],
) -> Report | Failure:
    try:
        (report,) = extractor.extract_many([found.document], batch_size, min_score=min_score)
    except ENDS_THE_RUN:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return Failure(found.document.id, found.source, found.position, reason)
    else:
        return report
    finally:
        progress(1)
