"""Columns of texts in, columns of reports out: for `datasets` (Hugging Face), Ray Data and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sitrep_ie.assemble import check_min_score
from sitrep_ie.batch.readers import Columns, Failure, check_header, read_row
from sitrep_ie.batch.work import ModelLoader, ReportSource, extract_items
from sitrep_ie.errors import ConfigError
from sitrep_ie.extractor import DEFAULT_BATCH_SIZE


class ReportColumns:
    """A callable for `Dataset.map(ReportColumns(), batched=True)` and for streaming datasets.

    It takes a mapping of columns to lists and returns three new columns of the same length:

    - `report`: the JSON form of the report (`Report.from_dict(json.loads(...))`), the line that `run` writes;
    - `num_events`: how many events it has;
    - `error`: why a row has no report, empty where it has one. A row that fails has an empty `report`, which
      is no JSON, and 0 events.

    Reports are strings and not nested columns because Arrow takes the types of nested columns from the first
    rows it sees: a field that is null in all of them could hold no number in the rows that follow.

    The extractor is loaded at the first call, once in each process. What is pickled, and what `datasets`
    makes its fingerprint of, is the settings and the digest of the model's files: a model that was trained
    anew at the same path does not give cached results of the old one.
    """

    def __init__(
        self,
        loader: ModelLoader | None = None,
        *,
        columns: Columns | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
        min_score: float = 0.0,
    ) -> None:
        """Loads nothing yet.

        Args:
            loader: of the extractor; default the shipped model on a GPU where there is one.
            columns: where rows hold a document. Columns `id`, `published`, `source`, `title` and `period` are
                used where there are such; a row without an id gets one made of its text.
            batch_size: see `Extractor.extract_many`.
            min_score: see `Extractor.extract`.

        Raises:
            ConfigError: a number is out of range.
            ModelError, ResourceError: there is no such model.
        """
        check_min_score(min_score)
        if batch_size < 1:
            raise ConfigError(f"batch_size {batch_size}: expected at least 1")
        self.loader = loader or ModelLoader()
        self.columns = columns or Columns()
        self.batch_size = batch_size
        self.min_score = min_score
        self.model_sha256 = self.loader.digest()
        self._extractor: ReportSource | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_extractor": None}

    def load(self) -> ReportSource:
        """Returns the extractor, loaded if need be.

        Raises:
            ConfigError: the model's files are not those that they were when this object was made.
            ModelError, DeviceError, ...: see `Extractor.load`.
        """
        if self._extractor is None:
            if self.loader.digest() != self.model_sha256:
                raise ConfigError(
                    f"model {self.loader.model or 'of the package'}: its files are not those that "
                    "ReportColumns was made with; make a new one, or copy the same model to every machine"
                )
            self._extractor = self.loader.load()
        return self._extractor

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """Returns the new columns of a batch.

        Raises:
            FormatError: a column is missing.
        """
        if hasattr(batch, "to_pydict"):  # a table of Arrow
            batch = batch.to_pydict()
        names = list(batch)
        check_header(names, self.columns, "the dataset")
        wanted = {self.columns.text, self.columns.id or "id", self.columns.published or "published"}
        chosen = [name for name in names if name in wanted | {"source", "title", "period"}]
        # NumPy, pandas and torch columns become Python's own values.
        lists = [getattr(batch[name], "tolist", batch[name].__iter__)() for name in chosen]
        rows = [dict(zip(chosen, cells, strict=True)) for cells in zip(*lists, strict=True)]
        items = [read_row(row, self.columns, number) for number, row in enumerate(rows, 1)]
        results = extract_items(items, self.load(), self.batch_size, self.min_score)
        out: dict[str, list[Any]] = {"report": [], "num_events": [], "error": []}
        for result in results:
            out["report"].append("" if isinstance(result, Failure) else result.to_json())
            out["num_events"].append(0 if isinstance(result, Failure) else len(result.events))
            out["error"].append(result.reason if isinstance(result, Failure) else "")
        return out
