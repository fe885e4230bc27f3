"""The same run on a Ray cluster: a pool of processes, each with one loaded model.

`RayEngine` is for `run`: files are read and written by the one process that calls it, chunks go to the
workers and come back in order, so that the output has the bytes of a local run and goes on like one.
`map_dataset` is for data that Ray Data reads and writes on many machines itself.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sitrep_ie import __version__
from sitrep_ie.batch.columns import ReportColumns
from sitrep_ie.batch.readers import Columns, Failure, Found
from sitrep_ie.batch.work import Chunk, Done, ModelLoader, Options, ReportSource, done, process
from sitrep_ie.errors import ConfigError, DependencyError, ResourceError, SitrepError
from sitrep_ie.extractor import DEFAULT_BATCH_SIZE

if TYPE_CHECKING:
    import ray.data

_LOG = logging.getLogger(__name__)
# Chunks that are read ahead of the next one to write, for each worker: so much is held in memory.
_CHUNKS_AHEAD = 4
_WARN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Workers on a Ray cluster, as an argument of `run`.

    The cluster is the one that this process is connected to, else that of `address` or the environment
    variable RAY_ADDRESS, else one of this machine alone that ends with the run. Each machine needs the same
    release of this library and, at the same path, the same model.

    A worker that dies (a machine goes, memory runs out) is replaced, and its chunk done again; if that kills
    another one, each document of the chunk is tried alone, and one that kills its worker is a failure.

    Args:
        loader: of the extractor, called once in each worker.
        num_workers: None is as many as the cluster's GPUs, or CPUs where `num_gpus` is 0, have room for.
        num_cpus: for each worker, which computes with as many threads.
        num_gpus: for each worker; a part such as 0.25 lets four share a GPU.
        address: see `ray.init`.

    Raises:
        ConfigError: a number is out of range.
    """

    loader: ModelLoader = ModelLoader()
    num_workers: int | None = None
    num_cpus: float = 1.0
    num_gpus: float = 0.0
    address: str | None = None

    def __post_init__(self) -> None:
        if self.num_workers is not None and self.num_workers < 1:
            raise ConfigError(f"num_workers {self.num_workers}: expected at least 1")
        _check_resources(self.num_cpus, self.num_gpus)

    def process(
        self, chunks: Iterable[Chunk], options: Options, progress: Callable[[int], object]
    ) -> Generator[tuple[Chunk, Done], None, None]:
        """Yields every chunk with what came of it, in order.

        Raises:
            DependencyError: the extra `ray` is not installed.
            ResourceError: workers die whatever they do, or no cluster can be reached.
            ConfigError: a machine of the cluster has another release of this library or another model.
            ModelError, DeviceError, ...: a worker cannot load the extractor.
        """
        with _cluster(self.address) as ray:
            pool = _Pool(ray, self, options, progress)
            try:
                yield from pool.process(chunks)
            finally:
                pool.close()


def map_dataset(
    dataset: ray.data.Dataset,
    *,
    loader: ModelLoader | None = None,
    columns: Columns | None = None,
    num_workers: int | tuple[int, int] | None = None,
    num_cpus: float = 1,
    num_gpus: float = 0,
    rows_per_call: int = 128,
    batch_size: int = DEFAULT_BATCH_SIZE,
    min_score: float = 0.0,
) -> ray.data.Dataset:
    """Returns the dataset with the columns of `ReportColumns` added, computed when it is read.

    Args:
        dataset: with a row for every document.
        loader: of the extractor, called once in each worker.
        columns: where rows hold a document.
        num_workers: of a pool of this size, or between two sizes; None is one that grows as Ray sees fit.
        num_cpus: for each worker, which computes with as many threads.
        num_gpus: for each worker.
        rows_per_call: documents that a worker gets at a time.
        batch_size: see `Extractor.extract_many`.
        min_score: see `Extractor.extract`.

    Raises:
        DependencyError: the extra `ray` is not installed.
        ConfigError: a number is out of range.
    """
    _check_resources(num_cpus, num_gpus)
    try:
        from ray.data import ActorPoolStrategy
    except ImportError as error:
        raise _missing() from error
    spec = ReportColumns(loader, columns=columns, batch_size=batch_size, min_score=min_score)
    if num_workers is None:
        compute = ActorPoolStrategy()
    elif isinstance(num_workers, int):
        compute = ActorPoolStrategy(size=num_workers)
    else:
        compute = ActorPoolStrategy(min_size=num_workers[0], max_size=num_workers[1])
    return dataset.map_batches(
        _TableMapper,
        fn_constructor_args=(spec,),
        batch_size=rows_per_call,
        batch_format="pyarrow",
        compute=compute,
        num_cpus=num_cpus,
        num_gpus=num_gpus,
    )


class _TableMapper:
    """A callable class, as Ray Data wants it: one in each worker."""

    def __init__(self, spec: ReportColumns) -> None:
        self._spec = spec
        spec.load()

    def __call__(self, table: Any) -> Any:
        import pyarrow

        for name, values in self._spec(table.to_pydict()).items():
            kind = pyarrow.int64() if name == "num_events" else pyarrow.large_string()
            table = table.append_column(name, pyarrow.array(values, kind))
        return table


def _check_resources(num_cpus: float, num_gpus: float) -> None:
    for name, value in (("num_cpus", num_cpus), ("num_gpus", num_gpus)):
        if value < 0 or not (value < 1 or value == int(value)):
            raise ConfigError(f"{name} {value}: expected a whole number, or one between 0 and 1")


def _missing() -> DependencyError:
    return DependencyError("this needs Ray: pip install 'sitrep_ie[ray]'")


@contextlib.contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    try:
        import ray
    except ImportError as error:
        raise _missing() from error
    if ray.is_initialized():
        yield ray
        return
    # Ray would tell its makers that it is used, over the network.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = address or os.environ.get("RAY_ADDRESS") or "this machine"
        raise ResourceError(f"no Ray cluster at {where}: {_first_line(error)}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


class _Worker:
    """What runs in a process of its own. Errors that the user can mend are returned, to be raised there."""

    def __init__(self, loader: ModelLoader, options: Options) -> None:
        self._loader = loader
        self._options = options
        self._extractor: ReportSource | None = None

    def load(self) -> tuple[str, str] | SitrepError:
        """Loads the extractor; returns what must be the same in all workers."""
        try:
            self._extractor = self._loader.load()
            return __version__, self._loader.digest()
        except SitrepError as error:
            return error

    def process(self, items: tuple[Found | Failure, ...]) -> Done | SitrepError:
        assert self._extractor is not None
        try:
            return process(items, self._extractor, self._options)
        except SitrepError as error:
            return error


@dataclass(eq=False, slots=True)
class _Job:
    number: int
    chunk: Chunk
    num_deaths: int = 0


class _Pool:
    """Gives chunks to workers, and gives out what comes back in order."""

    def __init__(
        self, ray: Any, engine: RayEngine, options: Options, progress: Callable[[int], object]
    ) -> None:
        self._ray = ray
        self._options = options
        self._progress = progress
        self._loader = engine.loader
        self._actor = ray.remote(_Worker).options(
            num_cpus=engine.num_cpus, num_gpus=engine.num_gpus, max_restarts=0, max_task_retries=0
        )
        self._num_workers = engine.num_workers or _room(ray, engine)
        self._running: dict[Any, tuple[Any, _Job | None]] = {}
        self._idle: list[Any] = []
        self._again: collections.deque[_Job] = collections.deque()
        self._same: tuple[str, str] = (__version__, "")
        self._num_unloaded = 0

    def process(self, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Done]]:
        waiting = enumerate(chunks)
        held: dict[int, tuple[Chunk, Done]] = {}
        num_read = num_given = 0
        more = True
        for _ in range(self._num_workers):
            self._start()
        while True:
            while self._idle and (self._again or more):
                if self._again:
                    self._give(self._again.popleft())
                elif num_read - num_given >= _CHUNKS_AHEAD * self._num_workers:
                    break
                elif (item := next(waiting, None)) is not None:
                    num_read += 1
                    self._give(_Job(*item))
                else:
                    more = False
            while num_given in held:
                yield held.pop(num_given)
                num_given += 1
            if not more and num_given == num_read:
                return
            for job, found in self._finished():
                held[job.number] = (job.chunk, found)

    def close(self) -> None:
        for worker in [*self._idle, *(worker for worker, _ in self._running.values())]:
            self._ray.kill(worker)

    def _start(self) -> None:
        worker = self._actor.remote(self._loader, self._options)
        self._running[worker.load.remote()] = (worker, None)

    def _give(self, job: _Job) -> None:
        worker = self._idle.pop()
        self._running[worker.process.remote(job.chunk.items)] = (worker, job)

    def _finished(self) -> Iterator[tuple[_Job, Done]]:
        """Waits for one worker at least."""
        for ref in self._wait():
            worker, job = self._running.pop(ref)
            found, cause = self._result(ref)
            if cause is None:
                self._idle.append(worker)
                if job is None:
                    self._loaded(found)
                else:
                    self._progress(len(job.chunk.items))
                    yield job, found
                continue
            _LOG.warning("a worker died, another one takes its place: %s", cause)
            if job is None:
                self._num_unloaded += 1
                if self._num_unloaded > self._num_workers:
                    raise ResourceError(f"the workers die while they load the model: {cause}")
            if job is not None:
                job.num_deaths += 1
                if job.num_deaths < 2:
                    self._again.append(job)
                else:
                    # First, in the room that the dead worker has left.
                    yield job, self._one_by_one(job)
            self._start()

    def _wait(self) -> list[Any]:
        warn_at = time.monotonic() + _WARN_SECONDS
        while True:
            ready, _ = self._ray.wait(list(self._running), timeout=_WARN_SECONDS)
            if ready:
                return list(ready)
            if time.monotonic() >= warn_at and not self._idle and not any(self._jobs()):
                _LOG.warning(
                    "no worker has started yet; %d wanted, the cluster has %s free",
                    self._num_workers,
                    self._ray.available_resources(),
                )

    def _jobs(self) -> Iterator[_Job]:
        return (job for _, job in self._running.values() if job is not None)

    def _result(self, ref: Any) -> tuple[Any, str | None]:
        """What a worker returned, or why it died."""
        try:
            found = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError:
            raise  # a fault of this library
        except self._ray.exceptions.RayError as error:
            return None, _first_line(error)
        if isinstance(found, SitrepError):
            raise found
        return found, None

    def _loaded(self, found: tuple[str, str]) -> None:
        self._num_unloaded = 0
        version, digest = found
        if version != self._same[0]:
            raise ConfigError(f"a worker has sitrep_ie {version}, expected {self._same[0]} as here")
        if self._same[1] and digest != self._same[1]:
            raise ConfigError("two workers have different models: expected the same files on every machine")
        self._same = version, digest

    def _one_by_one(self, job: _Job) -> Done:
        """A chunk that has killed two workers: each document by itself, in a worker apart."""
        parts: list[Done] = []
        num_alive = 0
        cause = ""
        worker = None
        for item in job.chunk.items:
            if worker is None:
                worker = self._actor.remote(self._loader, self._options)
                found, why = self._result(worker.load.remote())
                if why is not None:
                    raise ResourceError(f"the workers die while they load the model: {why}")
                self._loaded(found)
            found, why = self._result(worker.process.remote((item,)))
            if why is None:
                num_alive += 1
            else:
                worker, cause = None, why
                assert isinstance(item, Found)
                reason = f"its worker died, as two others had: {cause}"
                failure = Failure(item.document.id, item.source, item.position, reason)
                found = done([failure], self._options.form)
            self._progress(1)
            parts.append(found)
        if worker is not None:
            self._ray.kill(worker)
        if not num_alive and len(parts) > 1:
            raise ResourceError(f"the workers die on every document: {cause}")
        return Done(
            rows="".join(part.rows for part in parts),
            failures="".join(part.failures for part in parts),
            ids=tuple(id for part in parts for id in part.ids),
            num_failed=sum(part.num_failed for part in parts),
            num_events=sum(part.num_events for part in parts),
        )


def _room(ray: Any, engine: RayEngine) -> int:
    """How many workers the cluster has room for, at least one: it may be one that grows."""
    resources = ray.cluster_resources()
    rooms = [
        resources.get(name, 0) / need
        for name, need in (("CPU", engine.num_cpus), ("GPU", engine.num_gpus))
        if need
    ]
    return max(1, int(min(rooms, default=1)))


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
