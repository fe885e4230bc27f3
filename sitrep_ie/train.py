"""The training loop: a configuration in, a model folder out.

A plain loop over batches of windows. Every epoch cuts the documents anew into windows of several
lengths, so that the model meets short reports and long ones alike. All that is random follows from the
seed and the number of the epoch, so that a killed run goes on from its last epoch as if nothing had been.

Shape suffixes as in `model`: B windows, W words, N spans, P pairs, R relation types, A attributes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import math
import os
import random
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sitrep_ie import __version__
from sitrep_ie.augment import NameSwaps
from sitrep_ie.bio import tag_names
from sitrep_ie.config import Config, EncodeConfig, TrainConfig, split_dev_entry
from sitrep_ie.decode import decode_tags, tags_of_spans
from sitrep_ie.document import Example, Trigger
from sitrep_ie.encode import (
    CASES,
    EncodedText,
    TextEncoder,
    Window,
    WindowSpans,
    WordSpan,
    align,
    batches_by_tokens,
)
from sitrep_ie.errors import ConfigError, DependencyError, DeviceError, ModelError
from sitrep_ie.extractor import Extractor, default_model_folder, is_out_of_memory, resolve_device
from sitrep_ie.formats import data_digest, read_examples
from sitrep_ie.hub import with_front_matter
from sitrep_ie.model import (
    WEIGHTS_FILE,
    ExtractionModel,
    LinkOutput,
    SpanBatch,
    check_precision,
    collate,
    collate_spans,
    load_encoder,
)
from sitrep_ie.ontology import Ontology
from sitrep_ie.resolve.actors import ActorTable
from sitrep_ie.resolve.gazetteer import Gazetteer
from sitrep_ie.score import Scores, score

logger = logging.getLogger(__name__)

# Windows of a training epoch are cut at one of these shares of the full length, chosen by document; the
# short ones show no neighbouring text.
_LENGTH_SHARES = (1.0, 1.0, 0.6, 0.35)
_LAYER = re.compile(r"\.(?:layer|layers|h|block)\.(\d+)\.")
# The target of a word whose tag is not known.
_IGNORED = -100
_CHECKPOINT = "checkpoint"
# Of the epoch before: what is left when the newer one turns out to be broken.
_OLD_CHECKPOINT = "checkpoint.old"
_LOG = "log.jsonl"
_LOCK = "train.lock"


@dataclass(frozen=True, slots=True)
class TrainingText:
    """A document ready for training: gold spans on words, links and attributes between them."""

    encoded: EncodedText
    spans: list[WordSpan]
    links: dict[tuple[int, int], list[int]]
    """(head, tail) positions in `spans` -> relation numbers."""


@dataclass(frozen=True, slots=True)
class TrainingWindow:
    """A window with its targets. `links` are keyed by positions in `spans`."""

    window: Window
    tags_W: np.ndarray
    spans: WindowSpans
    links: dict[tuple[int, int], list[int]]
    attributes_NA: np.ndarray


@dataclass(frozen=True, slots=True)
class DevSet:
    """A named dev set."""

    name: str
    examples: list[Example]


def train(
    config: Config, out: Path | str, *, device: str = "auto", weights: str = "float16", progress: bool = True
) -> dict[str, Scores]:
    """Trains a model and writes its folder; resumes where a killed run into the same folder stopped.

    Args:
        config: the whole configuration, with data paths that can be opened from here.
        out: the folder: weights, resolved configuration, ontology, tokenizer, scores, model card, log.
        device: "auto", "cpu", "cuda", ...; several GPUs are used when the process was started by
            `accelerate launch`.
        weights: precision of the saved weights, see `model.save_weights`.
        progress: whether to draw a progress bar.

    Returns:
        The scores of each dev set, by the weights that were saved.

    Raises:
        ConfigError: no training data, or the folder holds an unfinished run of another configuration.
        FormatError, OntologyError: the data is broken or does not fit the ontology.
        ModelError: the encoder cannot be loaded, the folder cannot be written or another run writes it, both
            its checkpoints are broken, or the loss is no longer finite.
        DeviceError: there is no such device, or its memory does not hold a single window.
        DependencyError: what training needs on top of the library is not installed.
    """
    check_precision(weights)
    out = Path(out)
    data = _Data.read(config)
    accelerator = _accelerator(device)
    with contextlib.ExitStack() as stack:
        if accelerator.is_main_process:
            _prepare_folder(out)
            stack.enter_context(_locked(out))
            _restore_old_checkpoint(out)
        accelerator.wait_for_everyone()
        torch.manual_seed(config.train.seed)
        loop = _Loop(config, data, new_extractor(config, data.ontology), accelerator)
        loop.resume(out)
        # No process may write a checkpoint while another still reads the old ones.
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            _cut_log(out / _LOG, loop.run.epoch)
        with _progress_bar(config, loop.run, shown=progress and accelerator.is_main_process) as bar:
            while not loop.is_over():
                entry = loop.run_epoch(bar)
                if accelerator.is_main_process:
                    loop.write_checkpoint(out, entry)
                accelerator.wait_for_everyone()
                bar.update()
        scores: dict[str, Scores] = {}
        if accelerator.is_main_process:
            loop.average.load_best()
            facts = _run_facts(loop.run, config)
            scores = finish(loop.extractor, out, data.examples, data.dev_sets, facts, weights)
            for name in (_CHECKPOINT, _OLD_CHECKPOINT):
                shutil.rmtree(out / name, ignore_errors=True)
        accelerator.wait_for_everyone()
    return scores


def evaluate(extractor: Extractor, examples: Sequence[Example]) -> Scores:
    """Scores an extractor on examples, by the same path as `extract` takes."""
    predicted = list(extractor.annotate_many(example.document for example in examples))
    return score([example.gold for example in examples], predicted, extractor.ontology)


def _headline(scores: Scores) -> dict[str, float]:
    """The three figures whose mean decides which epoch is best."""
    return {
        "mentions": round(100 * scores.mentions.f1, 2),
        "trig_c": round(100 * scores.trig_c.f1, 2),
        "arg_c": round(100 * scores.arg_c.f1, 2),
    }


def read_dev_set(entry: str, ontology: Ontology) -> DevSet:
    """Reads an entry of `data.dev`: "path" or "name=path"."""
    name, path = split_dev_entry(entry)
    return DevSet(name, read_examples(path, ontology))


def new_extractor(config: Config, ontology: Ontology) -> Extractor:
    """An extractor with a model to be trained, its encoder pretrained, its heads as far as they fit.

    Of a trained model of another ontology, what has learnt about types, relations and attributes is taken
    over where they have the same names; those that only the new one has start anew.
    """
    spec = config.model.encoder
    start = default_model_folder() if spec == "default" else Path(spec)
    if (start / WEIGHTS_FILE).is_file() and (start / "encoder.json").is_file():
        shipped = Extractor.load(start, device="cpu")
        model = ExtractionModel(shipped.model.encoder, ontology, config.model)
        old, new = shipped.model.state_dict(), model.state_dict()
        rows = _rows_by_name(shipped.ontology), _rows_by_name(ontology)
        for name, weight in new.items():
            before = old.get(name)
            if before is None or before.shape[1:] != weight.shape[1:]:
                continue
            table = name.rpartition(".")[0]
            if table in rows[1]:
                was = rows[0][table]
                for key, row in rows[1][table].items():
                    if key in was:
                        weight[row] = before[was[key]]
            elif before.shape == weight.shape:
                weight.copy_(before)
        text_encoder = shipped.text_encoder
    else:
        encoder, tokenizer = load_encoder(spec, config.model.dropout)
        model = ExtractionModel(encoder, ontology, config.model)
        text_encoder = TextEncoder(tokenizer)
    for name, module in model.encoder.named_modules():
        if isinstance(module, nn.Dropout) and "attention.self" not in name:
            module.p = config.model.dropout
    return Extractor(model, text_encoder, ontology, config)


def _rows_by_name(ontology: Ontology) -> dict[str, dict[str, int]]:
    """Of each table in the model with a row for every tag, type, relation or attribute: whose they are."""
    names = {
        "tag_head.4": tag_names(ontology.span_types),
        "type_embedding": ontology.span_types,
        "link_head": ontology.relation_names,
        "attribute_head.3": ontology.attributes,
    }
    return {table: {name: row for row, name in enumerate(found)} for table, found in names.items()}


# ---- data ----


def training_text(
    example: Example, text_encoder: TextEncoder, ontology: Ontology, *, log: bool = True
) -> TrainingText:
    """Puts an example's gold on words; what no model can learn is left out, and logged once."""
    ontology.check(example.gold)
    encoded = text_encoder.encode(example.document.text)
    spans, lost = align(example.document, example.gold, encoded)
    for node in lost if log else ():
        logger.warning(
            "document %r: %s [%d, %d) does not begin and end on words of one paragraph",
            example.document.id, node.type, node.span.start, node.span.end,
        )  # fmt: skip
    position = {span.node: index for index, span in enumerate(spans)}
    links: dict[tuple[int, int], list[int]] = {}
    num_between = 0
    for relation in example.gold.relations:
        head, tail = position.get(relation.head), position.get(relation.tail)
        if head is None or tail is None:
            continue
        if encoded.paragraphs[spans[head].first] != encoded.paragraphs[spans[tail].first]:
            num_between += 1
            continue
        links.setdefault((head, tail), []).append(ontology.relation_names.index(relation.relation_type))
    if num_between and log:
        logger.warning(
            "document %r: %d relations between paragraphs are left out", example.document.id, num_between
        )
    return TrainingText(encoded, spans, links)


def training_window(text: TrainingText, window: Window, ontology: Ontology) -> TrainingWindow:
    """The part of a document's gold that a window shows whole."""
    place = {int(word): index for index, word in enumerate(window.words_W)}
    shown: list[int] = []
    firsts: list[int] = []
    lasts: list[int] = []
    types: list[int] = []
    cut: list[int] = []
    for index, span in enumerate(text.spans):
        first, last = place.get(span.first), place.get(span.last - 1)
        if first is None or last is None or last - first != span.last - 1 - span.first:
            # A span cut by the window's edge says nothing on what its visible words should be.
            cut += [place[word] for word in range(span.first, span.last) if word in place]
            continue
        shown.append(index)
        firsts.append(first)
        lasts.append(last)
        types.append(ontology.span_types.index(span.node.type))
    spans = WindowSpans(
        np.array(firsts, dtype=np.int64), np.array(lasts, dtype=np.int64), np.array(types, dtype=np.int64)
    )
    tags_W = tags_of_spans(spans, window.num_words)
    tags_W[cut] = _IGNORED
    number = {index: position for position, index in enumerate(shown)}
    attributes_NA = np.full((len(shown), max(len(ontology.attributes), 1)), -1.0, dtype=np.float32)
    for position, index in enumerate(shown):
        node = text.spans[index].node
        if isinstance(node, Trigger):
            attributes_NA[position] = [float(name in node.attributes) for name in ontology.attributes] or [
                0.0
            ]
    return TrainingWindow(
        window=window,
        tags_W=tags_W,
        spans=spans,
        links={
            (number[head], number[tail]): relations
            for (head, tail), relations in text.links.items()
            if head in number and tail in number
        },
        attributes_NA=attributes_NA,
    )


def _seed(seed: int, epoch: int) -> int:
    return seed * 1_000_003 + epoch


def epoch_batches(
    texts: Sequence[TrainingText], text_encoder: TextEncoder, ontology: Ontology, config: Config, epoch: int
) -> list[list[TrainingWindow]]:
    """Cuts all texts into windows, alters some and gathers them in shuffled batches of like lengths."""
    rng = random.Random(_seed(config.train.seed, epoch))
    windows: list[TrainingWindow] = []
    for text in texts:
        encode = _shortened(config.encode, rng.choice(_LENGTH_SHARES))
        for window in text_encoder.windows(text.encoded, encode):
            windows.append(training_window(text, _altered(window, text_encoder, config, rng), ontology))
    rng.shuffle(windows)
    # Sorting within stretches of shuffled windows saves padding and still mixes the documents.
    stretch = 32 * max(1, config.train.batch_tokens // config.encode.max_tokens)
    order: list[int] = []
    for begin in range(0, len(windows), stretch):
        chunk = range(begin, min(begin + stretch, len(windows)))
        order += sorted(chunk, key=lambda index: windows[index].window.num_tokens)
    batches = batches_by_tokens([item.window for item in windows], order, config.train.batch_tokens)
    rng.shuffle(batches)
    return [[windows[index] for index in batch] for batch in batches]


def _shortened(encode: EncodeConfig, share: float) -> EncodeConfig:
    if share == 1.0:
        return encode
    length = max(int(encode.max_tokens * share), 32)
    return dataclasses.replace(encode, max_tokens=length, context_tokens=0, heading_tokens=0)


def _altered(window: Window, text_encoder: TextEncoder, config: Config, rng: random.Random) -> Window:
    """Masks some words and hides the letter case of some windows."""
    token_ids_L, cases_L = window.token_ids_L, window.cases_L
    if config.train.word_dropout:
        masked_W = np.array([rng.random() < config.train.word_dropout for _ in range(window.num_words)])
        token_ids_L = np.where(
            (window.token_words_L >= 0) & masked_W[window.token_words_L], text_encoder.mask_id, token_ids_L
        )
    if rng.random() < config.train.case_dropout:
        lower, upper, digits = (1 + CASES.index(name) for name in ("lower", "upper", "digits"))
        letters_L = (cases_L > 0) & (cases_L < digits)
        cases_L = np.where(letters_L, rng.choice((lower, upper)), cases_L)
    return dataclasses.replace(window, token_ids_L=token_ids_L, cases_L=cases_L)


# ---- one step ----


class _BankDropout(nn.Module):
    """Dropout whose masks are stretches, at random places, of one mask drawn beforehand.

    On a CPU drawing fresh masks takes longer than the matrix products between them.
    """

    _BANK_SIZE = 1 << 23
    bank: Tensor

    def __init__(self, probability: float) -> None:
        super().__init__()
        keep = torch.rand(self._BANK_SIZE) >= probability
        self.register_buffer("bank", keep.to(torch.bfloat16) / (1 - probability), persistent=False)

    def forward(self, states: Tensor) -> Tensor:
        size = states.numel()
        if not self.training or size > self._BANK_SIZE:
            return nn.functional.dropout(states, float(1 - 1 / self.bank.max()), self.training)
        begin = int(torch.randint(self._BANK_SIZE - size + 1, ()))
        return states * self.bank[begin : begin + size].view(states.shape).to(states.dtype)


def _use_bank_dropout(module: nn.Module) -> None:
    """Puts `_BankDropout` in the place of every Dropout that drops anything."""
    banks: dict[float, _BankDropout] = {}
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Dropout) and child.p > 0:
                setattr(parent, name, banks.setdefault(child.p, _BankDropout(child.p)))


class _TrainingStep(nn.Module):
    """Windows in, losses out: one module, so that gradients are shared between processes in one pass."""

    def __init__(self, model: ExtractionModel, pad_id: int, config: TrainConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.linkable_TT = model.linkable()
        self.pad_id = pad_id

    def forward(
        self, windows: Sequence[TrainingWindow], epoch: int, whole: Sequence[TrainingWindow] | None = None
    ) -> dict[str, Tensor]:
        """Losses by name.

        Args:
            windows: what is learnt from.
            epoch: its number, from 0.
            whole: the batch that `windows` are a part of: its losses are the sums of its parts'.
        """
        device = self.model.allowed_TTR.device
        whole = windows if whole is None else whole
        plain = [item.window for item in windows]
        batch = collate(plain, self.pad_id, device)
        # The link head stays in full precision: its shapes differ from batch to batch, and it is small.
        with torch.autocast(device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"):
            tagged = self.model.tag(batch)
        tag_logits_BWT = tagged.tag_logits_BWT.float()
        tag_loss = self._tag_loss(tag_logits_BWT, windows, whole)
        shown = self._shown_spans(tag_logits_BWT, windows, epoch)
        spans = collate_spans(plain, shown, self.linkable_TT, device)
        linked = self.model.link(tagged.states_BWH.float(), spans)
        link_loss, attribute_loss = _link_losses(linked, spans, shown, windows, whole)
        total = tag_loss + self.config.link_weight * link_loss + self.config.attribute_weight * attribute_loss
        return {"total": total, "tags": tag_loss, "links": link_loss, "attributes": attribute_loss}

    def _tag_loss(
        self, tag_logits_BWT: Tensor, windows: Sequence[TrainingWindow], whole: Sequence[TrainingWindow]
    ) -> Tensor:
        tags_BW = torch.full(tag_logits_BWT.shape[:2], _IGNORED, dtype=torch.long)
        for row, item in enumerate(windows):
            tags_BW[row, : len(item.tags_W)] = torch.from_numpy(item.tags_W)
        loss = nn.functional.cross_entropy(
            tag_logits_BWT.flatten(0, 1),
            tags_BW.flatten().to(tag_logits_BWT.device),
            ignore_index=_IGNORED,
            reduction="sum",
        )
        # No word counts where all are of cut spans.
        return loss / max(1, sum(int((item.tags_W != _IGNORED).sum()) for item in whole))

    def _shown_spans(
        self, tag_logits_BWT: Tensor, windows: Sequence[TrainingWindow], epoch: int
    ) -> list[WindowSpans]:
        """Of each window the spans that the link head gets to see: gold, and false ones of the tag head."""
        # In the first epoch the tag head's mistakes are noise without a lesson.
        if not self.config.noise_spans or epoch == 0:
            return [item.spans for item in windows]
        log_probs_BWT = torch.log_softmax(tag_logits_BWT.detach(), dim=-1).cpu().numpy()
        decoded = decode_tags(log_probs_BWT, [item.window for item in windows])
        return [
            _with_false_spans(item.spans, found) for item, (found, _) in zip(windows, decoded, strict=True)
        ]


def _link_losses(
    linked: LinkOutput,
    spans: SpanBatch,
    shown: Sequence[WindowSpans],
    windows: Sequence[TrainingWindow],
    whole: Sequence[TrainingWindow],
) -> tuple[Tensor, Tensor]:
    """Losses of links and of attributes: sums over what is known, by gold spans and triggers of `whole`."""
    device = linked.link_logits_PR.device
    targets_PR, attributes_BNA = _link_targets(
        windows, shown, spans.pairs_P3.cpu().numpy(), linked.link_logits_PR.shape[1]
    )
    allowed_PR = torch.isfinite(linked.link_logits_PR)
    link_loss = nn.functional.binary_cross_entropy_with_logits(
        linked.link_logits_PR[allowed_PR], targets_PR.to(device)[allowed_PR], reduction="sum"
    ) / max(1, sum(len(item.spans.firsts_N) for item in whole))
    attributes_BNA = attributes_BNA.to(device)
    known_BNA = attributes_BNA >= 0
    attribute_loss = nn.functional.binary_cross_entropy_with_logits(
        linked.attribute_logits_BNA[known_BNA], attributes_BNA[known_BNA], reduction="sum"
    ) / max(1, sum(int((item.attributes_NA[:, 0] >= 0).sum()) for item in whole))
    return link_loss, attribute_loss


def _with_false_spans(gold: WindowSpans, found: WindowSpans) -> WindowSpans:
    """Gold spans and, in text order, those found spans that overlap none of them."""
    # Gold spans are sorted and do not overlap: the only candidate is the first that ends at or after.
    after = np.searchsorted(gold.lasts_N, found.firsts_N)
    begins = np.append(gold.firsts_N, np.iinfo(np.int64).max)
    false = begins[after] > found.lasts_N
    firsts = np.concatenate([gold.firsts_N, found.firsts_N[false]])
    order = np.argsort(firsts, kind="stable")
    return WindowSpans(
        firsts_N=firsts[order],
        lasts_N=np.concatenate([gold.lasts_N, found.lasts_N[false]])[order],
        types_N=np.concatenate([gold.types_N, found.types_N[false]])[order],
    )


def _link_targets(
    windows: Sequence[TrainingWindow], shown: Sequence[WindowSpans], pairs_P3: np.ndarray, num_relations: int
) -> tuple[Tensor, Tensor]:
    """Targets of the pairs and attribute targets of the spans; -1 where an attribute has no meaning."""
    num_spans = max(1, *(len(found.firsts_N) for found in shown))
    num_attributes = windows[0].attributes_NA.shape[1]
    targets_PR = np.zeros((len(pairs_P3), num_relations), dtype=np.float32)
    attributes_BNA = np.full((len(windows), num_spans, num_attributes), -1.0, dtype=np.float32)
    number = {(int(row), int(head), int(tail)): index for index, (row, head, tail) in enumerate(pairs_P3)}
    for row, (item, found) in enumerate(zip(windows, shown, strict=True)):
        place = np.searchsorted(found.firsts_N, item.spans.firsts_N)
        attributes_BNA[row, place] = item.attributes_NA
        for (head, tail), relations in item.links.items():
            index = number.get((row, int(place[head]), int(place[tail])))
            if index is not None:  # a mention tied to itself is no pair
                targets_PR[index, relations] = 1.0
    return torch.from_numpy(targets_PR), torch.from_numpy(attributes_BNA)


# ---- the loop ----


@dataclass(frozen=True, slots=True)
class _Data:
    """What a run learns from and is scored on."""

    ontology: Ontology
    examples: list[Example]
    dev_sets: list[DevSet]

    @classmethod
    def read(cls, config: Config) -> _Data:
        ontology = Ontology.load(config.data.ontology)
        examples = [example for path in config.data.train for example in read_examples(path, ontology)]
        dev_sets = [read_dev_set(entry, ontology) for entry in config.data.dev]
        if not examples:
            raise ConfigError(f"config {config.name!r}: data.train names no documents to learn from")
        return cls(ontology, examples, dev_sets)


@dataclass(slots=True)
class _Run:
    """Where a run stands."""

    digest: str
    epoch: int = 0
    best: float = -1.0
    best_epoch: int = 0
    epochs_without_gain: int = 0
    num_tokens: int = 0
    seconds: float = 0.0


class _Loop:
    """One process's part in a run: the model, its optimiser and average, and where the run stands."""

    def __init__(self, config: Config, data: _Data, extractor: Extractor, accelerator: Any) -> None:
        self.config = config
        self.extractor = extractor
        self.accelerator = accelerator
        self.dev_sets = data.dev_sets
        self.examples = data.examples
        self.texts = [training_text(e, extractor.text_encoder, data.ontology) for e in data.examples]
        self.swaps = NameSwaps(Gazetteer.open(), ActorTable()) if config.train.swap_names else None
        model = extractor.model
        if not config.train.train_embeddings:
            model.encoder.get_input_embeddings().requires_grad_(False)
        if accelerator.device.type == "cpu":
            _use_bank_dropout(model)
            # Plain attention's backward pass is much faster there than that of the fused kernels.
            model.encoder.set_attn_implementation("eager")
        step = _TrainingStep(model, extractor.text_encoder.pad_id, config.train)
        self.optimizer = torch.optim.AdamW(_parameter_groups(model, config), betas=(0.9, 0.98), eps=1e-6)
        # What is wrapped shares gradients between processes; the plain objects beneath stay the same.
        self.wrapped_step, self.wrapped_optimizer = accelerator.prepare(step, self.optimizer)
        extractor.device = accelerator.device
        self.average = _Average(model, config.train.ema_decay)
        self.run = _Run(digest=_run_digest(config, data))
        # More than 1 once the device's memory has not held a batch.
        self.num_parts = 1

    def is_over(self) -> bool:
        """Whether all epochs are trained, or too many without a gain."""
        config, run = self.config.train, self.run
        return run.epoch >= config.epochs or run.epochs_without_gain >= config.patience

    def run_epoch(self, bar: Any) -> dict[str, Any]:
        """Trains one epoch, scores it where it is time to, and returns its line of the log."""
        started = time.monotonic()
        epoch = self.run.epoch
        batches = self._own_batches(epoch)
        torch.manual_seed(_seed(self.config.train.seed, epoch))
        self.wrapped_step.train()
        sums: dict[str, float] = {}
        for number, windows in enumerate(batches):
            losses = self._step(
                windows, epoch * len(batches) + number, self.config.train.epochs * len(batches)
            )
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + loss
            if number % 10 == 0:
                bar.set_postfix_str(
                    f"step {number + 1}/{len(batches)} loss {sums['total'] / (number + 1):.3f}"
                )
        if not math.isfinite(sums["total"]):
            raise ModelError(f"epoch {epoch + 1}: the loss is not finite; lower the learning rates")
        own_tokens = sum(item.window.num_tokens for windows in batches for item in windows)
        num_tokens = int(self.accelerator.reduce(torch.tensor(own_tokens, device=self.accelerator.device)))
        seconds = time.monotonic() - started
        self.run.epoch += 1
        self.run.num_tokens += num_tokens
        self.run.seconds += seconds
        entry: dict[str, Any] = {
            "epoch": self.run.epoch,
            "seconds": round(seconds, 1),
            "tokens_per_second": round(num_tokens / max(seconds, 1e-6)),
            "losses": {name: round(total / len(batches), 5) for name, total in sums.items()},
        }
        if self.dev_sets and self._is_scored() and self.accelerator.is_main_process:
            entry["dev"] = self._score_dev()
        self.run = _shared(self.accelerator, self.run)
        return entry

    def _own_batches(self, epoch: int) -> list[list[TrainingWindow]]:
        """This process's share of the epoch: as many batches as every other's."""
        extractor, num_processes = self.extractor, self.accelerator.num_processes
        texts = self._epoch_texts(epoch)
        batches = epoch_batches(texts, extractor.text_encoder, extractor.ontology, self.config, epoch)
        if len(batches) < num_processes:
            raise ConfigError(
                f"config {self.config.name!r}: {len(batches)} batches of training data, expected at least "
                f"{num_processes}, one for each process"
            )
        return batches[self.accelerator.process_index :: num_processes][: len(batches) // num_processes]

    def _epoch_texts(self, epoch: int) -> list[TrainingText]:
        """All texts, some of them with other names; every process draws the same ones."""
        if self.swaps is None:
            return self.texts
        rng = random.Random(f"{self.config.train.seed} {epoch}")
        return [
            training_text(
                self.swaps.apply(example, rng),
                self.extractor.text_encoder,
                self.extractor.ontology,
                log=False,
            )
            if rng.random() < self.config.train.swap_names
            else text
            for example, text in zip(self.examples, self.texts, strict=True)
        ]

    def _step(self, windows: Sequence[TrainingWindow], number: int, total: int) -> dict[str, float]:
        """Learns from one batch, step `number` of `total`."""
        _set_learning_rate(self.wrapped_optimizer, number, total, self.config.train.warmup)
        losses = self._gradients(windows)
        self.accelerator.clip_grad_norm_(self.wrapped_step.parameters(), self.config.train.clip_norm)
        self.wrapped_optimizer.step()
        self.wrapped_optimizer.zero_grad(set_to_none=True)
        self.average.update()
        return losses

    def _gradients(self, windows: Sequence[TrainingWindow]) -> dict[str, float]:
        """Losses of a batch, whose gradients are left on the weights; in parts where memory is short.

        Raises:
            DeviceError: not even a single window fits, or other processes wait for the same gradients.
        """
        while True:
            size = -(-len(windows) // min(self.num_parts, len(windows)))
            try:
                return self._gradients_of_parts(windows, size)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                device = self.accelerator.device
                if self.accelerator.num_processes > 1:
                    # They count on as many exchanges as batches.
                    raise DeviceError(
                        f"device {device}: out of memory at a batch of {len(windows)} windows; lower "
                        f"train.batch_tokens ({self.config.train.batch_tokens}) and start anew"
                    ) from error
                if size == 1:
                    raise DeviceError(
                        f"device {device}: out of memory at a single window; free the memory that other "
                        f"programs hold, train on another device, or lower encode.max_tokens "
                        f"({self.config.encode.max_tokens}) and start anew"
                    ) from error
            # Out of the handler, which would keep the tensors of the failed pass.
            self.num_parts = -(-len(windows) // -(-size // 2))
            logger.warning(
                "out of memory at %d windows: batches are worked through in %d parts from here on",
                size, self.num_parts,
            )  # fmt: skip
            self.wrapped_optimizer.zero_grad(set_to_none=True)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _gradients_of_parts(self, windows: Sequence[TrainingWindow], size: int) -> dict[str, float]:
        sums: dict[str, float] = {}
        for begin in range(0, len(windows), size):
            losses = self.wrapped_step(windows[begin : begin + size], self.run.epoch, windows)
            self.accelerator.backward(losses["total"])
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + float(loss.detach())
        return sums

    def _is_scored(self) -> bool:
        config, epoch = self.config.train, self.run.epoch
        return epoch >= config.evaluate_from * config.epochs or epoch == config.epochs

    def _score_dev(self) -> dict[str, dict[str, float]]:
        """Scores the averaged weights on the dev sets and keeps them if they are the best so far."""
        with self.average.applied():
            found = {dev.name: _headline(evaluate(self.extractor, dev.examples)) for dev in self.dev_sets}
        mean = sum(sum(figures.values()) for figures in found.values()) / len(found)
        if mean > self.run.best:
            self.run.best, self.run.best_epoch, self.run.epochs_without_gain = mean, self.run.epoch, 0
            self.average.keep_best()
        else:
            self.run.epochs_without_gain += 1
        return found

    def resume(self, out: Path) -> None:
        """Takes up a run from its newest checkpoint that is whole, if there is any checkpoint.

        Raises:
            ConfigError: it belongs to another configuration or other data.
            ModelError: all are broken.
        """
        folders = [out / name for name in (_CHECKPOINT, _OLD_CHECKPOINT) if (out / name).is_dir()]
        for folder in folders:
            try:
                self.run = _read_checkpoint(
                    folder, self.run.digest, self.extractor.model, self.average, self.optimizer
                )
            except ModelError as error:
                if folder == folders[-1]:
                    raise
                logger.warning("%s; the one before it is used", error)
            else:
                logger.info("resumed after epoch %d", self.run.epoch)
                return

    def write_checkpoint(self, out: Path, entry: Mapping[str, Any]) -> None:
        """Saves all that `resume` needs, and the epoch's line of the log.

        Raises:
            ModelError: the folder cannot be written.
        """
        try:
            with (out / _LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps(entry) + "\n")
            _write_checkpoint(out / _CHECKPOINT, self.run, self.extractor.model, self.average, self.optimizer)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(out / f"{_CHECKPOINT}.new", ignore_errors=True)
            done = (
                f"the same command goes on after epoch {self.run.epoch - 1}"
                if self.run.epoch > 1
                else "no epoch is saved yet"
            )
            raise ModelError(
                f"{out}: the checkpoint of epoch {self.run.epoch} cannot be written: {_reason(error)}; {done}"
            ) from error


def _accelerator(device: str) -> Any:
    chosen = resolve_device(device)
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise _missing("accelerate") from error
    if chosen.startswith("cuda:"):
        # Where there is one process, Accelerate takes the current device.
        torch.cuda.set_device(chosen)
    return Accelerator(cpu=chosen == "cpu")


def _progress_bar(config: Config, run: _Run, shown: bool) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise _missing("tqdm") from error
    return tqdm(total=config.train.epochs, initial=run.epoch, unit="epoch", disable=not shown)


def _missing(name: str) -> DependencyError:
    return DependencyError(f"training needs {name}: pip install 'sitrep_ie[train]'")


def _prepare_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{out}: cannot be written: {error.strerror}") from error


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Keeps every other run out of the folder.

    Raises:
        ModelError: another run is writing there, or nobody can.
    """
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        raise _missing("filelock") from error
    # The system's own lock (flock): it ends with the process, however that ends.
    lock = FileLock(str(out / _LOCK), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ModelError(f"{out}: another training run is writing it (it holds {_LOCK})") from None
    except OSError as error:
        raise ModelError(f"{out}: cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        # While it is held, so that nobody who waits for this file is left with one that is gone.
        with contextlib.suppress(OSError):
            (out / _LOCK).unlink()
        lock.release()


def _restore_old_checkpoint(out: Path) -> None:
    """Puts back the older checkpoint of a run that was killed between the two renamings of a new one."""
    old, checkpoint = out / _OLD_CHECKPOINT, out / _CHECKPOINT
    try:
        if old.is_dir() and not checkpoint.is_dir():
            old.rename(checkpoint)
    except OSError as error:
        raise ModelError(f"{out}: cannot be written: {error.strerror}") from error


def _reason(error: Exception) -> str:
    """Why something could not be written, without the path that the message begins with."""
    return (isinstance(error, OSError) and error.strerror) or " ".join(str(error).split())


def _cut_log(path: Path, epoch: int) -> None:
    """Leaves of a log the lines of the first epochs: what a run before, or a killed one, wrote is gone."""
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[:epoch]), encoding="utf-8")


def _shared(accelerator: Any, run: _Run) -> _Run:
    """The main process's view of the run, on all of them: it alone scores the dev sets."""
    if accelerator.num_processes == 1:
        return run
    from accelerate.utils import broadcast_object_list

    shared = [run]
    broadcast_object_list(shared)
    return shared[0]


# ---- optimisation ----


def _parameter_groups(model: ExtractionModel, config: Config) -> list[dict[str, Any]]:
    """Encoder layers learn slower the deeper they lie; norms and biases do not decay."""
    depth_of = {}
    for name, _ in model.encoder.named_parameters():
        found = _LAYER.search(f".{name}")
        depth_of[name] = int(found.group(1)) + 1 if found else 0
    num_layers = max(depth_of.values(), default=0)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.startswith("encoder."):
            below_top = num_layers - depth_of[name.removeprefix("encoder.")]
            rate = config.train.encoder_learning_rate * config.train.layer_decay**below_top
        else:
            rate = config.train.head_learning_rate
        decay = config.train.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [
        {"params": parameters, "lr": rate, "peak_lr": rate, "weight_decay": decay}
        for (rate, decay), parameters in groups.items()
    ]


def trained_parameters(model: ExtractionModel) -> list[tuple[str, nn.Parameter]]:
    """Names and weights of what learns."""
    return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]


def _set_learning_rate(optimizer: Any, step: int, total: int, warmup: float) -> None:
    rise = max(1, int(total * warmup))
    share = (step + 1) / rise if step < rise else max(0.0, (total - step) / max(1, total - rise))
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * share


class _Average:
    """The exponential moving average of the weights and the best one seen."""

    def __init__(self, model: ExtractionModel, decay: float) -> None:
        self.model = model
        self.decay = decay
        self.steps = 0
        self.average = {name: weight.detach().clone() for name, weight in trained_parameters(model)}
        self.best: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self) -> None:
        self.steps += 1
        # The first steps would otherwise weigh the untrained heads for long.
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.decay else 0.0
        parameters = dict(trained_parameters(self.model))
        names = list(self.average)
        torch._foreach_lerp_(
            [self.average[name] for name in names], [parameters[name] for name in names], 1 - decay
        )

    def applied(self) -> _Swapped:
        """A context in which the model has the averaged weights."""
        return _Swapped(self)

    def keep_best(self) -> None:
        self.best = {name: weight.clone() for name, weight in self.average.items()}

    def load_best(self) -> None:
        """Puts the best average into the model; without one that was kept, the last."""
        self._load(self.best or self.average)

    @torch.no_grad()
    def _load(self, weights: Mapping[str, Tensor]) -> None:
        for name, parameter in trained_parameters(self.model):
            parameter.copy_(weights[name])


class _Swapped:
    def __init__(self, average: _Average) -> None:
        self.average = average

    def __enter__(self) -> None:
        model = self.average.model
        self.kept = {name: weight.detach().clone() for name, weight in trained_parameters(model)}
        self.average._load(self.average.average)
        model.eval()

    def __exit__(self, *_: object) -> None:
        self.average._load(self.kept)
        self.average.model.train()


# ---- resuming ----


def _run_digest(config: Config, data: _Data) -> str:
    """What must be the same for a run to be resumed; where the data lies does not matter."""
    settings = dataclasses.asdict(config)
    del settings["data"]
    parts = [
        settings,
        data.ontology.digest(),
        data_digest(data.examples),
        [[dev.name, data_digest(dev.examples)] for dev in data.dev_sets],
        __version__,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _write_checkpoint(
    folder: Path, run: _Run, model: ExtractionModel, average: _Average, optimizer: torch.optim.Optimizer
) -> None:
    """Writes the whole state beside the last one, which becomes the old one, then puts it in its place."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    tensors: dict[str, Tensor] = {}
    for name, parameter in trained_parameters(model):
        tensors[f"model/{name}"] = parameter.detach()
        tensors[f"average/{name}"] = average.average[name]
        if average.best:
            tensors[f"best/{name}"] = average.best[name]
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            for key, value in optimizer.state[parameter].items():
                tensors[f"optimizer/{names[parameter]}/{key}"] = value
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    save_file(tensors, str(new / "state.safetensors"))
    progress = {**dataclasses.asdict(run), "average_steps": average.steps}
    progress["sha256"] = _checkpoint_digest(new / "state.safetensors", progress)
    (new / "progress.json").write_text(json.dumps(progress), encoding="utf-8")
    for path in new.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    # At no time is there no whole checkpoint: see `_restore_old_checkpoint`.
    old = folder.with_name(_OLD_CHECKPOINT)
    if folder.is_dir():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    new.rename(folder)


def _checkpoint_digest(state: Path, progress: Mapping[str, Any]) -> str:
    """SHA-256 of a checkpoint: a flipped bit of a weight looks like any other weight."""
    digest = hashlib.sha256(json.dumps(progress, sort_keys=True).encode())
    with state.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _read_checkpoint(
    folder: Path, digest: str, model: ExtractionModel, average: _Average, optimizer: torch.optim.Optimizer
) -> _Run:
    try:
        progress = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
        sha256 = progress.pop("sha256")
        if sha256 != _checkpoint_digest(folder / "state.safetensors", progress):
            raise ValueError("its bytes are not those that were written")
        tensors = load_file(str(folder / "state.safetensors"))
        average.steps = progress.pop("average_steps")
        run = _Run(**progress)
        if run.digest == digest:
            _restore(tensors, model, average, optimizer)
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        RuntimeError,
        SafetensorError,
    ) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(
            f"{folder}: broken checkpoint ({reason}); remove the folder to start anew"
        ) from error
    if run.digest != digest:
        raise ConfigError(
            f"{folder}: checkpoint of another configuration or other data; remove the folder to start anew"
        )
    return run


@torch.no_grad()
def _restore(
    tensors: Mapping[str, Tensor], model: ExtractionModel, average: _Average, optimizer: torch.optim.Optimizer
) -> None:
    device = model.allowed_TTR.device
    # A newer checkpoint that proved to be broken may have filled them.
    average.best.clear()
    optimizer.state.clear()
    for name, parameter in trained_parameters(model):
        parameter.copy_(tensors[f"model/{name}"])
        average.average[name].copy_(tensors[f"average/{name}"])
        if f"best/{name}" in tensors:
            average.best[name] = tensors[f"best/{name}"].to(device)
        # The number of steps stays on the CPU, where the optimiser keeps it.
        state = {
            key: tensors[f"optimizer/{name}/{key}"]
            for key in ("step", "exp_avg", "exp_avg_sq")
            if f"optimizer/{name}/{key}" in tensors  # not of a weight that no loss has reached
        }
        if state:
            optimizer.state[parameter] = {
                key: value if key == "step" else value.to(device) for key, value in state.items()
            }


# ---- the model folder ----


def _run_facts(run: _Run, config: Config) -> dict[str, Any]:
    """What the scores file and the model card tell of a run."""
    return {
        "seed": config.train.seed,
        "epochs": run.epoch,
        "best_epoch": run.best_epoch or run.epoch,
        "training_tokens": run.num_tokens,
        "training_seconds": round(run.seconds),
    }


def finish(
    extractor: Extractor,
    out: Path,
    examples: Sequence[Example],
    dev_sets: Sequence[DevSet],
    facts: Mapping[str, Any],
    precision: str,
) -> dict[str, Scores]:
    """Saves an extractor, loads what was saved and scores that on the dev sets: `scores.json`, the card."""
    extractor.save(out, precision)
    saved = Extractor.load(out, device=str(extractor.device))
    scores = {dev.name: evaluate(saved, dev.examples) for dev in dev_sets}
    record = {
        "library_version": __version__,
        "ontology": extractor.ontology.digest(),
        "weights": precision,
        **facts,
        "train": {"documents": len(examples), "sha256": data_digest(examples)},
        "dev": {
            dev.name: {
                "documents": len(dev.examples),
                "sha256": data_digest(dev.examples),
                "scores": scores[dev.name].to_dict(),
            }
            for dev in dev_sets
        },
    }
    try:
        (out / "scores.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        card = model_card(extractor.config, record, scores)
        # What the hub reads of a card, so that the folder can be shared as it is.
        card = with_front_matter(card, extractor.config.name, record, language=extractor.config.language)
        (out / "README.md").write_text(card, encoding="utf-8")
    except OSError as error:
        raise ModelError(f"{out}: cannot be written: {_reason(error)}") from error
    return scores


def _is_last_alone(train: TrainConfig) -> bool:
    """Whether dev is scored after the last epoch only."""
    return train.epochs == 1 or train.evaluate_from * train.epochs > train.epochs - 1


def model_card(config: Config, record: Mapping[str, Any], scores: Mapping[str, Scores]) -> str:
    """The model card: what it is, what it learnt from, how well it does, what it is not for."""
    lines = [
        f"# {config.name}",
        "",
        f"An event-extraction model for `sitrep_ie` {record['library_version']}, "
        f"encoder `{config.model.encoder}`, weights {record['weights']}.",
        "",
        f"Trained with seed {record['seed']} for {record['epochs']} epochs "
        f"({record['training_tokens']} tokens, {record['training_seconds']} s) "
        f"on {record['train']['documents']} documents "
        f"(SHA-256 {record['train']['sha256']}); the weights of epoch {record['best_epoch']} are kept.",
        "",
        "## Scores on dev, F1",
        "",
        "| dev set | documents | SHA-256 | mentions | Trig-I | Trig-C | Arg-I | Arg-C | relations "
        "| attributes |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in scores.items():
        levels = (
            found.mentions,
            found.trig_i,
            found.trig_c,
            found.arg_i,
            found.arg_c,
            found.relations,
            found.attributes,
        )
        figures = " | ".join(f"{100 * level.f1:.1f}" for level in levels)
        dev = record["dev"][name]
        lines.append(f"| {name} | {dev['documents']} | {dev['sha256'][:12]} | {figures} |")
    # Settings were tried on these sets, too; where only the last epoch was scored, that is all.
    chosen = "Settings were" if _is_last_alone(config.train) else "Settings and the epoch were"
    lines += [
        "",
        f"{chosen} chosen on these dev sets, so the figures flatter a little. Scores per type stand in",
        "`scores.json`.",
        "",
        "## Use",
        "",
        "Meant for analysts who gather what reports say. It reads English reports and tells what they claim,",
        "not what is true; it misses events and makes some up, so that a person has to check every record",
        "before anybody acts on it. It must not be used to find, target or judge persons; what reports say",
        "of people is personal data. On kinds of reports, regions and subjects that it has not learnt from",
        "it does worse. docs/limits.md of the library says what records can and cannot support.",
        "",
    ]
    return "\n".join(lines)
