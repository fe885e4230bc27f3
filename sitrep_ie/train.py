"""The training loop: a configuration in, a model folder out.

A plain loop over batches of windows. Every epoch cuts the documents anew into windows of several
lengths, so that the model meets short reports and long ones alike. All that is random follows from the
seed and the number of the epoch, so that a killed run goes on from its last epoch as if nothing had been.

Shape suffixes as in `model`: B windows, W words, N spans, P pairs, R relation types, A attributes.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import random
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sitrep_ie import __version__
from sitrep_ie.config import Config, EncodeConfig, TrainConfig, split_dev_entry
from sitrep_ie.decode import decode_tags
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
from sitrep_ie.errors import ConfigError, ModelError
from sitrep_ie.extractor import Extractor, default_model_folder, resolve_device
from sitrep_ie.formats import data_digest, read_examples
from sitrep_ie.model import WEIGHTS_FILE, ExtractionModel, collate, collate_spans, load_encoder
from sitrep_ie.ontology import Ontology
from sitrep_ie.score import Scores, score

logger = logging.getLogger(__name__)

# Windows of a training epoch are cut at one of these shares of the full length, chosen by document; the
# short ones show no neighbouring text.
_LENGTH_SHARES = (1.0, 1.0, 0.6, 0.35)
_LAYER = re.compile(r"\.(?:layer|layers|h|block)\.(\d+)\.")
_CHECKPOINT = "checkpoint"


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
        ConfigError: no training data, or the folder holds a run of another configuration.
        FormatError, OntologyError: the data is broken or does not fit the ontology.
        ModelError: the encoder cannot be loaded.
    """
    from accelerate import Accelerator
    from tqdm.auto import tqdm

    out = Path(out)
    ontology = Ontology.load(config.data.ontology)
    examples = [example for path in config.data.train for example in read_examples(path, ontology)]
    dev_sets = [read_dev_set(entry, ontology) for entry in config.data.dev]
    if not examples:
        raise ConfigError(f"config {config.name!r}: data.train names no documents to learn from")
    accelerator = Accelerator(cpu=resolve_device(device) == "cpu")
    torch.manual_seed(config.train.seed)
    extractor = new_extractor(config, ontology)
    texts = [training_text(example, extractor.text_encoder, ontology) for example in examples]

    if not config.train.train_embeddings:
        extractor.model.encoder.get_input_embeddings().requires_grad_(False)
    if accelerator.device.type == "cpu":
        _use_bank_dropout(extractor.model)
        # Plain attention's backward pass is much faster there than that of the fused kernels.
        extractor.model.encoder.set_attn_implementation("eager")
    step_module = _TrainingStep(extractor.model, extractor.text_encoder.pad_id, config.train)
    optimizer = torch.optim.AdamW(_parameter_groups(extractor.model, config), betas=(0.9, 0.98), eps=1e-6)
    wrapped, prepared_optimizer = accelerator.prepare(step_module, optimizer)
    extractor.device = accelerator.device
    average = _Average(extractor.model, config.train.ema_decay)
    run = _Run(digest=_run_digest(config, examples))
    if accelerator.is_main_process:
        out.mkdir(parents=True, exist_ok=True)
    accelerator.wait_for_everyone()
    if (out / _CHECKPOINT).is_dir():
        run = _resume(out / _CHECKPOINT, run.digest, extractor.model, average, optimizer)
        logger.info("resumed after epoch %d", run.epoch)

    bar = tqdm(
        total=config.train.epochs,
        initial=run.epoch,
        unit="epoch",
        disable=not (progress and accelerator.is_main_process),
    )
    while run.epoch < config.train.epochs and run.epochs_without_gain < config.train.patience:
        epoch_started = time.monotonic()
        batches = epoch_batches(texts, extractor.text_encoder, ontology, config, run.epoch)
        torch.manual_seed(_seed(config.train.seed, run.epoch))
        mine = batches[accelerator.process_index :: accelerator.num_processes]
        mine = mine[: len(batches) // accelerator.num_processes] or mine
        total_steps = config.train.epochs * len(mine)
        wrapped.train()
        sums: dict[str, float] = {}
        num_tokens = 0
        for number, windows in enumerate(mine):
            _set_learning_rate(
                prepared_optimizer, run.epoch * len(mine) + number, total_steps, config.train.warmup
            )
            losses = wrapped(windows, run.epoch)
            accelerator.backward(losses["total"])
            accelerator.clip_grad_norm_(wrapped.parameters(), config.train.clip_norm)
            prepared_optimizer.step()
            prepared_optimizer.zero_grad(set_to_none=True)
            average.update()
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + float(loss.detach())
            num_tokens += sum(item.window.num_tokens for item in windows)
            if number % 10 == 0:
                bar.set_postfix_str(f"step {number + 1}/{len(mine)} loss {sums['total'] / (number + 1):.3f}")
        run.epoch += 1
        run.num_tokens += num_tokens
        seconds = time.monotonic() - epoch_started
        entry: dict[str, Any] = {
            "epoch": run.epoch,
            "seconds": round(seconds, 1),
            "tokens_per_second": round(num_tokens / seconds),
            "losses": {name: round(value / len(mine), 5) for name, value in sums.items()},
        }
        scored = (
            run.epoch >= config.train.evaluate_from * config.train.epochs or run.epoch == config.train.epochs
        )
        if dev_sets and scored and accelerator.is_main_process:
            with average.applied():
                scores = {dev.name: evaluate(extractor, dev.examples) for dev in dev_sets}
            entry["dev"] = {name: _headline(found) for name, found in scores.items()}
            mean = sum(sum(_headline(found).values()) for found in scores.values()) / len(scores)
            if mean > run.best:
                run.best, run.best_epoch, run.epochs_without_gain = mean, run.epoch, 0
                average.keep_best()
            else:
                run.epochs_without_gain += 1
        run = _shared(accelerator, run)
        bar.update()
        if accelerator.is_main_process:
            run.seconds += seconds
            with (out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(entry) + "\n")
            _write_checkpoint(out / _CHECKPOINT, run, extractor.model, average, optimizer)
        accelerator.wait_for_everyone()
    bar.close()

    average.load_best() if run.best_epoch else average.load_average()
    scores = {}
    if accelerator.is_main_process:
        scores = finish(extractor, out, examples, dev_sets, _run_facts(run, config), weights)
        shutil.rmtree(out / _CHECKPOINT)
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
    """An extractor with a fresh model, its encoder pretrained, its heads as far as they fit."""
    spec = config.model.encoder
    start = default_model_folder() if spec == "default" else Path(spec)
    if (start / WEIGHTS_FILE).is_file() and (start / "encoder.json").is_file():
        shipped = Extractor.load(start, device="cpu")
        model = ExtractionModel(shipped.model.encoder, ontology, config.model)
        same_meaning = shipped.ontology.digest() == ontology.digest()
        old, new = shipped.model.state_dict(), model.state_dict()
        kept = {
            name: old[name]
            for name in new
            if name in old
            and old[name].shape == new[name].shape
            and (same_meaning or name.startswith(("encoder.", "case_embedding.")))
        }
        model.load_state_dict(kept, strict=False)
        text_encoder = shipped.text_encoder
    else:
        encoder, tokenizer = load_encoder(spec, config.model.dropout)
        model = ExtractionModel(encoder, ontology, config.model)
        text_encoder = TextEncoder(tokenizer)
    for name, module in model.encoder.named_modules():
        if isinstance(module, nn.Dropout) and "attention.self" not in name:
            module.p = config.model.dropout
    limit = getattr(model.encoder.config, "max_position_embeddings", None)
    if limit is not None and config.encode.max_tokens > limit:
        raise ConfigError(
            f"encode.max_tokens {config.encode.max_tokens}: encoder {spec!r} takes at most {limit}"
        )
    return Extractor(model, text_encoder, ontology, config)


# ---- data ----


def training_text(example: Example, text_encoder: TextEncoder, ontology: Ontology) -> TrainingText:
    """Puts an example's gold on words; what no model can learn is logged and left out."""
    ontology.check(example.gold)
    encoded = text_encoder.encode(example.document.text)
    spans, lost = align(example.document, example.gold, encoded)
    for node in lost:
        logger.warning(
            "document %r: %s [%d, %d) does not begin and end on words of one paragraph",
            example.document.id, node.type, node.span.start, node.span.end,
        )  # fmt: skip
    position = {span.node: index for index, span in enumerate(spans)}
    links: dict[tuple[int, int], list[int]] = {}
    for relation in example.gold.relations:
        head, tail = position.get(relation.head), position.get(relation.tail)
        if head is not None and tail is not None:
            links.setdefault((head, tail), []).append(ontology.relation_names.index(relation.relation_type))
    return TrainingText(encoded, spans, links)


def training_window(text: TrainingText, window: Window, ontology: Ontology) -> TrainingWindow:
    """The part of a document's gold that a window shows whole."""
    place = {int(word): index for index, word in enumerate(window.words_W)}
    shown: list[int] = []
    firsts: list[int] = []
    lasts: list[int] = []
    types: list[int] = []
    tags_W = np.zeros(window.num_words, dtype=np.int64)
    for index, span in enumerate(text.spans):
        first, last = place.get(span.first), place.get(span.last - 1)
        if first is None or last is None or last - first != span.last - 1 - span.first:
            for word in range(span.first, span.last):
                # A span cut by the window's edge says nothing on what its visible words should be.
                if word in place:
                    tags_W[place[word]] = -100
            continue
        kind = ontology.span_types.index(span.node.type)
        tags_W[first : last + 1] = 2 + 2 * kind
        tags_W[first] = 1 + 2 * kind
        shown.append(index)
        firsts.append(first)
        lasts.append(last)
        types.append(kind)
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
        spans=WindowSpans(
            np.array(firsts, dtype=np.int64), np.array(lasts, dtype=np.int64), np.array(types, dtype=np.int64)
        ),
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
        self.linkable_TT = model.allowed_TTR.any(dim=-1).cpu().numpy()
        self.pad_id = pad_id

    def forward(self, windows: Sequence[TrainingWindow], epoch: int) -> dict[str, Tensor]:
        device = self.model.allowed_TTR.device
        plain = [item.window for item in windows]
        batch = collate(plain, self.pad_id, device)
        # The link head stays in full precision: its shapes differ from batch to batch, and it is small.
        with torch.autocast(device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"):
            tagged = self.model.tag(batch)
        states_BWH = tagged.states_BWH.float()
        tags_BW = torch.full(batch.word_mask_BW.shape, -100, dtype=torch.long)
        for row, item in enumerate(windows):
            tags_BW[row, : len(item.tags_W)] = torch.from_numpy(item.tags_W)
        tag_logits_BWT = tagged.tag_logits_BWT.float()
        tag_loss = nn.functional.cross_entropy(tag_logits_BWT.flatten(0, 1), tags_BW.flatten().to(device))

        shown = [item.spans for item in windows]
        # In the first epoch the tag head's mistakes are noise without a lesson.
        if self.config.noise_spans and epoch > 0:
            log_probs_BWT = torch.log_softmax(tag_logits_BWT.detach(), dim=-1).cpu().numpy()
            shown = [
                _with_false_spans(item.spans, found)
                for item, (found, _) in zip(windows, decode_tags(log_probs_BWT, plain), strict=True)
            ]
        spans = collate_spans(plain, shown, self.linkable_TT, device)
        linked = self.model.link(states_BWH, spans)
        targets_PR, attributes_BNA = _link_targets(
            windows, shown, spans.pairs_P3.cpu().numpy(), linked.link_logits_PR.shape[1]
        )
        num_spans = max(1, sum(len(item.spans.firsts_N) for item in windows))
        allowed_PR = torch.isfinite(linked.link_logits_PR)
        link_loss = (
            nn.functional.binary_cross_entropy_with_logits(
                linked.link_logits_PR[allowed_PR], targets_PR.to(device)[allowed_PR], reduction="sum"
            )
            / num_spans
        )
        attributes_BNA = attributes_BNA.to(device)
        known_BNA = attributes_BNA >= 0
        attribute_loss = nn.functional.binary_cross_entropy_with_logits(
            linked.attribute_logits_BNA[known_BNA], attributes_BNA[known_BNA], reduction="sum"
        ) / max(1, int(known_BNA[..., 0].sum()))
        total = tag_loss + self.config.link_weight * link_loss + self.config.attribute_weight * attribute_loss
        return {"total": total, "tags": tag_loss, "links": link_loss, "attributes": attribute_loss}


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
            # A gold link between paragraphs is never scored, so there is nothing to teach.
            if index is not None:
                targets_PR[index, relations] = 1.0
    return torch.from_numpy(targets_PR), torch.from_numpy(attributes_BNA)


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
        self._load(self.best)

    def load_average(self) -> None:
        self._load(self.average)

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
        self.average.load_average()
        model.eval()

    def __exit__(self, *_: object) -> None:
        self.average._load(self.kept)
        self.average.model.train()


# ---- resuming ----


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


def _run_digest(config: Config, examples: Sequence[Example]) -> str:
    """What must be the same for a run to be resumed."""
    import hashlib

    raw = json.dumps([dataclasses.asdict(config), data_digest(examples), __version__])
    return hashlib.sha256(raw.encode()).hexdigest()


def _shared(accelerator: Any, run: _Run) -> _Run:
    """The main process's view of the run, on all of them: it alone scores the dev sets."""
    if accelerator.num_processes == 1:
        return run
    from accelerate.utils import broadcast_object_list

    shared = [run]
    broadcast_object_list(shared)
    return shared[0]


def _write_checkpoint(
    folder: Path, run: _Run, model: ExtractionModel, average: _Average, optimizer: torch.optim.Optimizer
) -> None:
    """Writes the whole state beside the old one, then puts it in its place."""
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
    (new / "progress.json").write_text(json.dumps(progress), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def _resume(
    folder: Path, digest: str, model: ExtractionModel, average: _Average, optimizer: torch.optim.Optimizer
) -> _Run:
    try:
        progress = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
        tensors = load_file(str(folder / "state.safetensors"))
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(f"{folder}: broken checkpoint: {error}; remove the folder to start anew") from error
    if progress.get("digest") != digest:
        raise ConfigError(
            f"{folder}: checkpoint of another configuration or other data; remove the folder to start anew"
        )
    average.steps = progress.pop("average_steps")
    device = model.allowed_TTR.device
    with torch.no_grad():
        for name, parameter in trained_parameters(model):
            parameter.copy_(tensors[f"model/{name}"])
            average.average[name].copy_(tensors[f"average/{name}"])
            if f"best/{name}" in tensors:
                average.best[name] = tensors[f"best/{name}"].to(device)
            state = {
                key: tensors[f"optimizer/{name}/{key}"]
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"optimizer/{name}/{key}" in tensors
            }
            if state:
                optimizer.state[parameter] = {
                    key: value if key == "step" else value.to(device) for key, value in state.items()
                }
    return _Run(**progress)


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
    (out / "scores.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (out / "README.md").write_text(model_card(extractor.config, record, scores), encoding="utf-8")
    return scores


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
    lines += [
        "",
        "The epoch was chosen on these dev sets, so the figures flatter a little. Scores per type stand in",
        "`scores.json`.",
        "",
        "## Use",
        "",
        "Meant for analysts who gather what reports say. It reads English reports and tells what they claim,",
        "not what is true; it misses events and makes some up, so that a person has to check every record",
        "before anybody acts on it. It must not be used to single out persons.",
        "",
    ]
    return "\n".join(lines)
