"""Documents -> reports, in batches: the flow of the whole library.

    encode      document -> words -> windows of tokens
    model       windows -> tag logits -> (spans) -> link and attribute logits
    decode      probabilities -> mentions, triggers, relations of the document
    assemble    mentions and links -> event records, with the resolvers' dates, numbers, places, names

Training scores its dev sets through the same `Extractor.annotate_many` that `extract` uses.
"""

from __future__ import annotations

import copy
import dataclasses
import datetime
import gc
import importlib.resources
import itertools
import logging
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sitrep_ie.calibration import CALIBRATION_FILE, Calibration
from sitrep_ie.config import Config, format_toml, read_toml
from sitrep_ie.decode import FloatArray, WindowResult, decode_document, decode_tags
from sitrep_ie.document import Annotation, Document, Report, ReportWarning, Span, paragraph_spans
from sitrep_ie.encode import (
    EXTRACTION_LENGTH_STEP,
    EncodedText,
    TextEncoder,
    Window,
    batches_by_tokens,
    padded_length,
    sort_by_length,
)
from sitrep_ie.errors import ConfigError, DeviceError, DocumentError, ModelError, SitrepError
from sitrep_ie.language import foreign_language, language_name
from sitrep_ie.ontology import Ontology

if TYPE_CHECKING:
    import torch

    from sitrep_ie.assemble import Resolvers
    from sitrep_ie.model import ExtractionModel

logger = logging.getLogger(__name__)

DEFAULT_BATCH_SIZE = 16
Period = tuple[str | datetime.date, str | datetime.date]
PRECISIONS = ("auto", "float32", "bfloat16")
# A processor gains nothing by longer passes, whose layers no longer fit its cache.
_MAX_CPU_PASS_TOKENS = 1024
# Windows are sorted by length over so many batches; more would only delay the first result.
_POOL_BATCHES = 16


# Gets the results of a pass, the log probabilities of its tags and the states of its words.
_Observer = Callable[[Sequence[WindowResult], FloatArray, FloatArray], None]


@dataclass(frozen=True, slots=True, eq=False)
class ParagraphReading:
    """How the network read one paragraph.

    `doubt` is how many of its decisions it expects to be wrong, by its own probabilities: each word's tag,
    and for each two spans whether a relation stands between them. `state_H` is the mean of the words' states.
    """

    span: Span
    num_words: int
    doubt: float
    state_H: FloatArray


@dataclass(frozen=True, slots=True)
class _Prepared:
    document: Document
    encoded: EncodedText
    windows: list[Window]


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pauses the search for garbage: imports and weights make none, and it took a fifth of a cold start."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Extractor:
    """A loaded model with everything that turns documents into reports."""

    def __init__(
        self,
        model: ExtractionModel,
        text_encoder: TextEncoder,
        ontology: Ontology,
        config: Config,
        device: str | torch.device = "cpu",
        resolvers: Resolvers | None = None,
        gazetteer: Path | None = None,
        calibration: Calibration | None = None,
        precision: str = "float32",
    ) -> None:
        """Prefer `load`.

        Args:
            model: the network.
            text_encoder: its tokenizer.
            ontology: what it tags and links.
            config: of its windows and thresholds.
            device: where it runs.
            resolvers: of values; default `Resolvers.default` with `gazetteer`.
            gazetteer: the file that places are resolved with; None is the shipped one.
            calibration: of the scores; None leaves them as the network gives them.
            precision: of the encoder, see `load`.

        Raises:
            ConfigError: the windows are longer than the encoder takes, or there is no such precision.
        """
        import torch

        _check_window(config, model)
        self.ontology = ontology
        self.config = config
        self.calibration = calibration or Calibration()
        self.text_encoder = text_encoder
        self.device = torch.device(device)
        self.precision = resolve_precision(precision, self.device)
        self.model = model.to(self.device).eval()
        self._resolvers = resolvers
        self._gazetteer = gazetteer
        self._linkable_TT = model.linkable()
        # Tokens of one pass, padding included: fewer once the device's memory has proved too small.
        self._max_pass_tokens = math.inf
        self._observe: _Observer | None = None
        # Where it was loaded from: what is shared are these files, and not its weights in another precision.
        self._folder: Path | None = None

    @classmethod
    @_without_collection()
    def load(
        cls,
        path: Path | str | None = None,
        device: str = "auto",
        *,
        gazetteer: Path | str | None = None,
        precision: str = "float32",
        revision: str | None = None,
        token: str | None = None,
    ) -> Extractor:
        """Loads a model folder; without a path the model that ships with the package.

        Scores are calibrated where the folder holds a `calibration.json`, and the network's own elsewhere.

        Args:
            path: a folder as written by training. A string that is no folder here is the name of a model:
                "package:NAME" of one installed with pip, "user/model" of one on the Hugging Face hub.
            device: "auto" (a GPU when there is one), "cpu", "cuda", "cuda:1", "mps".
            gazetteer: a file of `sitrep-ie gazetteer build`, to find places in instead of the shipped one.
            precision: of the encoder's matrix products. "float32" gives the same scores whatever the batch
                is. "bfloat16" is faster where the processor or the GPU has it, and scores then depend on the
                batch in their second digit. "auto" is "bfloat16" there and "float32" elsewhere.
            revision: branch, tag or commit of a model on the hub.
            token: for the hub, see `hub.find_model`.

        Raises:
            ModelError: there is no such model, or the hub cannot be reached.
            ModelError: the folder or a file in it is missing, broken or does not fit the others.
            ConfigError, OntologyError: that is so of its configuration or ontology.
            ConfigError: there is no such precision.
            DeviceError: the device does not exist on this machine.
        """
        from sitrep_ie.hub import find_model
        from sitrep_ie.manifest import check_manifest, check_sizes
        from sitrep_ie.model import (
            WEIGHTS_FILE,
            ExtractionModel,
            check_network_size,
            encoder_from_config,
            load_weights,
        )

        chosen = resolve_device(device)
        resolve_precision(precision, chosen)
        chosen_path = default_model_folder() if path is None else path
        folder = find_model(chosen_path, revision=revision, token=token)
        for name in (WEIGHTS_FILE, "config.toml", "ontology.json", "tokenizer.json", "encoder.json"):
            if not (folder / name).is_file():
                raise ModelError(f"{folder}: {name} is missing, expected a folder written by training")
        check_sizes(folder)
        config = Config.from_dict(read_toml(folder / "config.toml"), str(folder / "config.toml"))
        ontology = Ontology.load(folder / "ontology.json")
        text_encoder = TextEncoder.load(folder / "tokenizer.json")
        check_network_size(folder / WEIGHTS_FILE, folder / "encoder.json", ontology, config.model)
        model = ExtractionModel(encoder_from_config(folder / "encoder.json"), ontology, config.model)
        load_weights(model, folder / WEIGHTS_FILE, ontology)
        _check_vocabulary(text_encoder, model)
        places = None if gazetteer is None else Path(gazetteer)
        calibration = Calibration.load(folder, ontology)
        extractor = cls(
            model,
            text_encoder,
            ontology,
            config,
            chosen,
            gazetteer=places,
            calibration=calibration,
            precision=precision,
        )
        # Last, so that a file which cannot be read at all is told by what is wrong in it.
        check_manifest(folder)
        extractor._folder = folder
        return extractor

    def save(self, path: Path | str, precision: str = "float16") -> None:
        """Writes the model folder, without scores and card, which training adds.

        What lies there is replaced only once all of it is written.

        Args:
            path: the folder, made if need be.
            precision: of the weights, see `model.save_weights`.

        Raises:
            ModelError: the folder cannot be written, or a weight is not finite.
        """
        folder = Path(path)
        part = folder / ".part"
        try:
            part.mkdir(parents=True, exist_ok=True)
            self._write(part, precision)
            for file in part.iterdir():
                os.replace(file, folder / file.name)
            if not self.calibration.maps:
                (folder / CALIBRATION_FILE).unlink(missing_ok=True)
        except SitrepError:
            raise
        except Exception as error:  # that of tokenizers has no class of its own
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise ModelError(f"{folder}: cannot be written: {reason}") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = True,
        revision: str | None = None,
        token: str | None = None,
        licence: str | None = None,
    ) -> str:
        """Shares the model on the Hugging Face hub and returns the address of the commit.

        An extractor that was loaded shares the files that it was loaded from, card and scores included; any
        other one those of `save`. Only safetensors, JSON, TOML and Markdown files are sent.

        Args:
            repo_id: "user/model"; the repository is made if need be.
            private: of a repository that is made; one that is there stays as it is.
            revision: the branch to write to, made if need be; default the main one.
            token: that may write; default the one that `hf auth login` has stored.
            licence: of the model, such as "apache-2.0", for the head of its card.

        Raises:
            ModelError: the hub refuses or cannot be reached, or `repo_id` is no name of a repository.
        """
        import tempfile

        from sitrep_ie.hub import push_model

        language = self.config.language
        with tempfile.TemporaryDirectory() as scratch:
            folder = self._folder
            if folder is None:
                folder = Path(scratch)
                self.save(folder)
            return push_model(
                folder,
                repo_id,
                private=private,
                revision=revision,
                token=token,
                licence=licence,
                language=language,
            )

    def _write(self, folder: Path, precision: str) -> None:
        import json

        from sitrep_ie.manifest import write_manifest
        from sitrep_ie.model import WEIGHTS_FILE, save_weights

        save_weights(self.model, folder / WEIGHTS_FILE, self.ontology, precision)
        (folder / "config.toml").write_text(format_toml(self.config.to_dict()), encoding="utf-8")
        (folder / "ontology.json").write_text(
            json.dumps(self.ontology.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        self.text_encoder.save(folder / "tokenizer.json")
        self.calibration.save(folder, self.ontology)
        # Only what differs from the class's defaults, the kind of encoder included.
        self.model.encoder.config.to_json_file(str(folder / "encoder.json"), use_diff=True)
        write_manifest(folder)

    def extract(
        self,
        text: str | Document,
        published: str | datetime.date | None = None,
        *,
        period: Period | None = None,
        id: str = "document",
        min_score: float = 0.0,
    ) -> Report:
        """Returns the report of one text.

        Args:
            text: a report as it stands, or a Document.
            published: the day of publication (ISO), from which years and "yesterday" are inferred;
                without it that of the Document, or the text's own dateline, is used.
            period: first and last day that the report covers, for "in the past month" and events without a
                day; without it that of the Document, or the one that the text itself tells, is used.
            id: the id that a text gets in the report; a Document keeps its own.
            min_score: leaves out events whose `score` is below it, and inside the events that stay the
                actors (reporters too), objects, places and amounts whose `score` is. Ids, times and all else
                stay as they are, but parents, children, items, outcomes, totals and evidence are made of
                what is left. `annotation` keeps all mentions and the relations between them; triggers of the
                events that went, and links of arguments that went, are not in it.

        Raises:
            DocumentError: `text` is no string, `published` no date, or `period` no two days in order.
            ConfigError: `min_score` is no number from 0 to 1.
        """
        if not isinstance(text, Document):
            document = make_document(text, published, id, period)
        else:
            document = dated(text, published, period)
        return next(self.extract_many([document], min_score=min_score))

    def extract_many(
        self,
        documents: Iterable[Document | str],
        batch_size: int = DEFAULT_BATCH_SIZE,
        *,
        min_score: float = 0.0,
    ) -> Iterator[Report]:
        """Yields a report for every document, in order, in constant memory.

        Args:
            documents: of any number and length; strings are numbered "1", "2", ...
            batch_size: full-length windows in one encoder pass.
            min_score: leaves out events and arguments below it, see `extract`.

        Raises:
            DocumentError: an item is neither a document nor a string; the message names its position.
            ConfigError: `batch_size` is less than 1, or `min_score` no number from 0 to 1.
            ModelError: the network's output is not finite.
            DeviceError: the device's memory does not hold a single window; larger batches that it does not
                hold are halved.
        """
        from sitrep_ie.assemble import assemble, check_min_score
        from sitrep_ie.export import EventData

        check_min_score(min_score)
        resolvers = self._loaded_resolvers()
        coder = EventData(self.ontology, self._gazetteer)
        for prepared, annotation in self._annotated(documents, batch_size):
            with _named(prepared.document):
                report = assemble(
                    prepared.document,
                    annotation,
                    self.ontology,
                    resolvers,
                    self.calibration,
                    min_score=min_score,
                )
            yield dataclasses.replace(report, coder=coder, warnings=self._warnings(prepared.document))

    def _warnings(self, document: Document) -> tuple[ReportWarning, ...]:
        language = foreign_language(document.text, self.config.language)
        if language is None:
            return ()
        message = (
            f"the text looks like {language}, but the model reads {language_name(self.config.language)}: "
            "expect events to be missed or wrong"
        )
        return (ReportWarning("language", message),)

    def assemble(self, document: Document, annotation: Annotation) -> Report:
        """Returns the report of an annotation that is given, such as gold, with its scores as they are.

        Raises:
            DocumentError, OntologyError: the annotation does not fit the document or the ontology.
        """
        from sitrep_ie.assemble import assemble

        with _named(document):
            return assemble(document, annotation, self.ontology, self._loaded_resolvers())

    def _loaded_resolvers(self) -> Resolvers:
        from sitrep_ie.assemble import Resolvers

        if self._resolvers is None:
            self._resolvers = Resolvers.default(self._gazetteer)
        return self._resolvers

    def annotate_many(
        self, documents: Iterable[Document | str], batch_size: int = DEFAULT_BATCH_SIZE
    ) -> Iterator[Annotation]:
        """Yields the mentions, triggers and relations of every document, in order."""
        for _, annotation in self._annotated(documents, batch_size):
            yield self.calibration.annotation(annotation, self.ontology)

    def read_many(
        self, documents: Iterable[Document | str], batch_size: int = DEFAULT_BATCH_SIZE
    ) -> Iterator[tuple[Document, Annotation, list[ParagraphReading]]]:
        """Yields every document with what `annotate_many` gives, and how its paragraphs were read."""
        doubts: dict[int, _WindowDoubts] = {}

        def observe(results: Sequence[WindowResult], log_probs_BWT: FloatArray, states: FloatArray) -> None:
            for result, log_probs_WT, states_WH in zip(results, log_probs_BWT, states, strict=True):
                doubts[id(result.window)] = _window_doubts(result, log_probs_WT, states_WH)

        reader = copy.copy(self)
        reader._observe = observe
        for prepared, annotation in reader._annotated(documents, batch_size):
            seen = [doubts.pop(id(window)) for window in prepared.windows]
            yield (
                prepared.document,
                self.calibration.annotation(annotation, self.ontology),
                _paragraph_readings(prepared, seen),
            )

    def _annotated(
        self, documents: Iterable[Document | str], batch_size: int
    ) -> Iterator[tuple[_Prepared, Annotation]]:
        """Documents with what the model finds in them, scores as the network gives them."""
        if batch_size < 1:
            raise ConfigError(f"batch_size {batch_size}: expected at least 1")
        if isinstance(documents, (str, Document)):
            # A string is an iterable, too: of its letters.
            raise DocumentError("expected any number of documents, found a single one: see Extractor.extract")
        max_tokens = batch_size * self.config.encode.max_tokens
        pool: list[_Prepared] = []
        num_tokens = 0
        for number, item in enumerate(documents, 1):
            document = item if isinstance(item, Document) else make_document(item, None, str(number))
            encoded = self.text_encoder.encode(document.text)
            prepared = _Prepared(document, encoded, self.text_encoder.windows(encoded, self.config.encode))
            pool.append(prepared)
            # A document without words weighs a little too, or a run of them would never be given out.
            num_tokens += 1 + sum(window.num_tokens for window in prepared.windows)
            if num_tokens >= _POOL_BATCHES * max_tokens:
                yield from self._annotate_pool(pool, max_tokens)
                pool, num_tokens = [], 0
        yield from self._annotate_pool(pool, max_tokens)

    def _annotate_pool(
        self, pool: Sequence[_Prepared], max_tokens: int
    ) -> Iterator[tuple[_Prepared, Annotation]]:
        windows = [window for prepared in pool for window in prepared.windows]
        results: list[WindowResult | None] = [None] * len(windows)
        if self.device.type == "cpu":
            max_tokens = min(max_tokens, _MAX_CPU_PASS_TOKENS)
        order = sort_by_length(windows)
        for indices in batches_by_tokens(windows, order, max_tokens, EXTRACTION_LENGTH_STEP):
            found = self._run_within_memory([windows[index] for index in indices])
            for index, result in zip(indices, found, strict=True):
                results[index] = result
        in_order = iter(results)
        for prepared in pool:
            of_document = list(itertools.islice(in_order, len(prepared.windows)))
            done = [result for result in of_document if result is not None]
            with _named(prepared.document):
                annotation = decode_document(
                    prepared.document.id, prepared.encoded, done, self.ontology, self.config.decode
                )
            yield prepared, annotation

    def _run_within_memory(self, windows: Sequence[Window]) -> list[WindowResult]:
        """`_run`, in halves where the device's memory does not hold all."""
        import torch

        longest = max(window.num_tokens for window in windows)
        num_tokens = len(windows) * padded_length(longest, EXTRACTION_LENGTH_STEP)
        if len(windows) == 1 or num_tokens <= self._max_pass_tokens:
            try:
                return self._run(windows)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if len(windows) == 1:
                    raise DeviceError(
                        f"device {str(self.device)!r}: out of memory at a window of {num_tokens} tokens; "
                        "free the memory that other programs hold, or use another device, such as 'cpu'"
                    ) from error
            # Out of the handler, which would keep the tensors of the failed pass.
            self._max_pass_tokens = num_tokens / 2
            logger.warning("out of memory at %d windows, going on with half as many", len(windows))
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        middle = len(windows) // 2
        return [*self._run_within_memory(windows[:middle]), *self._run_within_memory(windows[middle:])]

    def _run(self, windows: Sequence[Window]) -> list[WindowResult]:
        """One encoder pass and its heads."""
        import torch

        from sitrep_ie.model import collate, collate_spans

        with torch.inference_mode():
            batch = collate(windows, self.text_encoder.pad_id, self.device, EXTRACTION_LENGTH_STEP)
            tagged = self.model.tag(batch, self.precision)
            log_probs_BWT = torch.log_softmax(tagged.tag_logits_BWT.float(), dim=-1).cpu().numpy()
            if not np.isfinite(log_probs_BWT).all():
                # Read as tags it would be an empty result.
                raise ModelError(f"model {self.config.name!r}: the network's output is not finite")
            decoded = decode_tags(log_probs_BWT, windows)
            spans = collate_spans(windows, [spans for spans, _ in decoded], self._linkable_TT, self.device)
            linked = self.model.link(tagged.states_BWH, spans)
            link_probs_PR = torch.sigmoid(linked.link_logits_PR).cpu().numpy()
            attribute_probs_BNA = torch.sigmoid(linked.attribute_logits_BNA).cpu().numpy()
        pairs_P3 = spans.pairs_P3.cpu().numpy()
        # Pairs are listed window by window.
        edges = np.searchsorted(pairs_P3[:, 0], np.arange(len(windows) + 1))
        results = [
            WindowResult(
                window=window,
                spans=found,
                scores_N=scores_N,
                pairs_P2=pairs_P3[edges[row] : edges[row + 1], 1:],
                link_probs_PR=link_probs_PR[edges[row] : edges[row + 1]],
                attribute_probs_NA=attribute_probs_BNA[row],
            )
            for row, (window, (found, scores_N)) in enumerate(zip(windows, decoded, strict=True))
        ]
        if self._observe is not None:
            self._observe(results, log_probs_BWT, tagged.states_BWH.float().cpu().numpy())
        return results


# Of the own words of a window, paragraph by paragraph: doubt, number of words, sum of states.
_WindowDoubts = dict[int, tuple[float, int, FloatArray]]


def _window_doubts(result: WindowResult, log_probs_WT: FloatArray, states_WH: FloatArray) -> _WindowDoubts:
    first, last = result.window.own
    own = slice(first, last)
    doubts_W = -np.expm1(np.minimum(log_probs_WT[: result.window.num_words].max(axis=1), 0.0))
    probs_PR = result.link_probs_PR
    heads_P = result.spans.firsts_N[result.pairs_P2[:, 0]]
    np.add.at(doubts_W, heads_P, np.minimum(probs_PR, 1 - probs_PR).sum(axis=1))
    found = {}
    paragraphs_W = result.window.paragraphs_W[own]
    for paragraph in np.unique(paragraphs_W).tolist():
        inside_W = paragraphs_W == paragraph
        sum_H = states_WH[own][inside_W].sum(axis=0)
        found[paragraph] = float(doubts_W[own][inside_W].sum()), int(inside_W.sum()), sum_H
    return found


def _paragraph_readings(prepared: _Prepared, seen: Sequence[_WindowDoubts]) -> list[ParagraphReading]:
    """Of all paragraphs that hold words; a long one is the own text of several windows."""
    spans = paragraph_spans(prepared.document.text)
    numbers = sorted({paragraph for of_window in seen for paragraph in of_window})
    readings = []
    for number in numbers:
        parts = [of_window[number] for of_window in seen if number in of_window]
        num_words = sum(part[1] for part in parts)
        state_H = np.sum([part[2] for part in parts], axis=0) / num_words
        readings.append(ParagraphReading(spans[number], num_words, sum(part[0] for part in parts), state_H))
    return readings


def make_document(
    text: Any, published: str | datetime.date | None, id: str, period: Period | None = None
) -> Document:
    """Returns a Document of a plain text.

    Raises:
        DocumentError: `text` is no string, `published` is neither a date nor an ISO date, or `period` is no
            pair of such days in order.
    """
    return dated(Document(id=id, text=text), published, period)


def dated(document: Document, published: str | datetime.date | None, period: Period | None) -> Document:
    """Returns the document with these days in the place of its own; None keeps those that it has.

    Raises:
        DocumentError: `published` is neither a date nor an ISO date, or `period` is no pair of such days in
            order.
    """
    if published is not None:
        document = dataclasses.replace(document, published=_day(published, document.id, "published"))
    if period is not None:
        document = dataclasses.replace(document, period=_days(period, document.id))
    return document


def _days(period: Any, id: str) -> tuple[datetime.date, datetime.date]:
    if not isinstance(period, (tuple, list)) or len(period) != 2:
        raise DocumentError(f"document {id!r}: period {period!r:.80}, expected its first and its last day")
    first, last = (_day(day, id, "period") for day in period)
    if last < first:
        raise DocumentError(f"document {id!r}: period from {first} to {last}, expected its first day first")
    return first, last


def _day(day: Any, id: str, what: str) -> datetime.date:
    if isinstance(day, str):
        try:
            return datetime.date.fromisoformat(day)
        except ValueError:
            raise DocumentError(
                f"document {id!r}: {what} {day!r}, expected an ISO date such as 2024-03-02"
            ) from None
    if isinstance(day, datetime.datetime):
        return day.date()
    if not isinstance(day, datetime.date):
        raise DocumentError(
            f"document {id!r}: {what} is {type(day).__name__}, expected a date or an ISO string"
        )
    return day


@contextmanager
def _named(document: Document) -> Iterator[None]:
    """Errors from within tell which document they are about."""
    try:
        yield
    except SitrepError as error:
        name = f"document {document.id!r}"
        if str(error).startswith(name):
            raise
        raise type(error)(f"{name}: {error}") from error
    except Exception as error:
        if sys.version_info >= (3, 11):
            error.add_note(f"document {document.id!r}")
        raise


def _check_window(config: Config, model: ExtractionModel) -> None:
    limit = getattr(model.encoder.config, "max_position_embeddings", None)
    padded = padded_length(config.encode.max_tokens)
    if limit is not None and padded > limit:
        raise ConfigError(
            f"encode.max_tokens {config.encode.max_tokens}: with padding {padded}, the encoder of "
            f"{config.name!r} takes at most {limit}"
        )


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch found too little memory on its device; not all devices have the error of that name."""
    import torch

    told = str(error)
    return (
        isinstance(error, torch.OutOfMemoryError)
        or "out of memory" in told
        or "can't allocate memory" in told  # of the CPU
    )


def _check_vocabulary(text_encoder: TextEncoder, model: ExtractionModel) -> None:
    num_rows = int(model.encoder.get_input_embeddings().weight.shape[0])  # type: ignore[index]
    if text_encoder.max_token_id >= num_rows:
        raise ModelError(
            f"tokenizer: token id {text_encoder.max_token_id}, the encoder has {num_rows} tokens; expected "
            "the tokenizer that the encoder was trained with"
        )


def resolve_device(device: str) -> str:
    """Returns the device to use for a user's word.

    Raises:
        DeviceError: there is no such device here.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        wanted = torch.device(device)
    except RuntimeError:
        raise DeviceError(f"device {device!r}: expected 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'") from None
    if wanted.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (wanted.index or 0) >= count:
            raise DeviceError(f"device {device!r}: this machine has {count} CUDA devices")
    elif wanted.type == "mps":
        if not torch.backends.mps.is_available():
            raise DeviceError(f"device {device!r}: this machine has no MPS device")
    elif wanted.type != "cpu":
        raise DeviceError(f"device {device!r}: expected 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'")
    return device


def resolve_precision(precision: str, device: str | torch.device) -> str:
    """Returns the precision to use for a user's word: "float32" or "bfloat16".

    Raises:
        ConfigError: there is no such precision.
    """
    import torch

    if precision not in PRECISIONS:
        raise ConfigError(f"precision {precision!r}: expected one of {PRECISIONS}")
    if precision != "auto":
        return precision
    kind = torch.device(device).type
    fast = kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if kind == "cpu":
        # Other processors compute bfloat16 in steps, slower than float32.
        tests = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        fast = any(getattr(torch.cpu, name, bool)() for name in tests)
    return "bfloat16" if fast else "float32"


def default_model_folder() -> Path:
    """The folder of the model that ships with the package.

    Raises:
        ModelError: this installation has none.
    """
    package = Path(str(importlib.resources.files("sitrep_ie")))
    # In a wheel the model lies inside the package; in a checkout, beside it.
    for folder in (package / "models" / "default", package.parent / "models" / "default"):
        if folder.is_dir():
            return folder
    raise ModelError(f"{package / 'models' / 'default'}: this installation has no shipped model")


@cache
def _default_extractor() -> Extractor:
    return Extractor.load()


def extract(
    text: str | Document,
    published: str | datetime.date | None = None,
    *,
    period: Period | None = None,
    min_score: float = 0.0,
) -> Report:
    """Returns the report of one text, by the shipped model, which is loaded once and kept.

    See `Extractor.extract`.
    """
    return _default_extractor().extract(text, published, period=period, min_score=min_score)
