"""The network and its folder on disk: a token encoder, a tag head, a link head, an attribute head.

`ExtractionModel.tag` reads windows; `ExtractionModel.link` reads pairs of the spans found in them. What
the outputs mean (BIO, roles, thresholds) is the decoder's business.

Shape suffixes: B windows in a batch, L tokens, W words, H encoder width, T tags, N spans in a window,
D span or pair width, E twice that, C context width, P pairs, R relation types, A attributes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from sitrep_ie.config import ModelConfig
from sitrep_ie.encode import CASES, LENGTH_STEP, IntArray, Window, WindowSpans, padded_length
from sitrep_ie.errors import ConfigError, ModelError
from sitrep_ie.ontology import Ontology

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_DISTANCE_EDGES = (0, 1, 2, 4, 8, 16, 32, 64)
_RANK_EDGES = (1, 2, 3, 4, 6, 9)
_MAX_SENTENCES = 3
# Pairs scored at once: a window of nothing but numbers has tens of thousands.
_MAX_PAIRS = 1 << 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows padded to one length."""

    token_ids_BL: Tensor
    attention_mask_BL: Tensor
    cases_BL: Tensor
    token_words_BL: Tensor
    """Each token's word in its window; W for special tokens and padding."""
    word_mask_BW: Tensor


@dataclass(frozen=True, slots=True)
class SpanBatch:
    """Spans of a batch of windows, padded, and the ordered pairs to score.

    `firsts_BN` and `lasts_BN` are positions of a span's first and last word in its window (inclusive).
    `pairs_P3` holds (window, head, tail). `features_P3` holds buckets of distance, rank and sentences.
    """

    firsts_BN: Tensor
    lasts_BN: Tensor
    types_BN: Tensor
    mask_BN: Tensor
    pairs_P3: Tensor
    features_P3: Tensor


@dataclass(frozen=True, slots=True)
class TagOutput:
    """`states_BWH` are word states, `tag_logits_BWT` unmasked tag scores."""

    states_BWH: Tensor
    tag_logits_BWT: Tensor


@dataclass(frozen=True, slots=True)
class LinkOutput:
    """`link_logits_PR` are -inf where the ontology allows no such link; sigmoid gives probabilities."""

    link_logits_PR: Tensor
    attribute_logits_BNA: Tensor


def collate(
    windows: Sequence[Window], pad_id: int, device: torch.device | str = "cpu", step: int = LENGTH_STEP
) -> Batch:
    """Pads windows to the longest, rounded up to a multiple of `step`."""
    num_tokens = padded_length(max(window.num_tokens for window in windows), step)
    num_words = padded_length(max(window.num_words for window in windows), step)
    shape = (len(windows), num_tokens)
    token_ids = np.full(shape, pad_id, dtype=np.int64)
    attention = np.zeros(shape, dtype=np.int64)
    cases = np.zeros(shape, dtype=np.int64)
    token_words = np.full(shape, num_words, dtype=np.int64)
    word_mask = np.zeros((len(windows), num_words), dtype=bool)
    for row, window in enumerate(windows):
        length = window.num_tokens
        token_ids[row, :length] = window.token_ids_L
        attention[row, :length] = 1
        cases[row, :length] = window.cases_L
        token_words[row, :length] = np.where(window.token_words_L < 0, num_words, window.token_words_L)
        word_mask[row, : window.num_words] = True
    arrays = (token_ids, attention, cases, token_words, word_mask)
    return Batch(*(torch.from_numpy(array).to(device, non_blocking=True) for array in arrays))


def collate_spans(
    windows: Sequence[Window],
    spans: Sequence[WindowSpans],
    linkable_TT: np.ndarray,
    device: torch.device | str = "cpu",
) -> SpanBatch:
    """Pads spans and lists the ordered pairs that share a paragraph and that the ontology can link.

    Args:
        windows: the batch's windows, for paragraphs and sentences of words.
        spans: of each window, in text order.
        linkable_TT: true where some relation may go from a span type to another.
        device: where the tensors go.
    """
    num_spans = max((len(found.firsts_N) for found in spans), default=0)
    shape = (len(windows), max(num_spans, 1))
    firsts = np.zeros(shape, dtype=np.int64)
    lasts = np.zeros(shape, dtype=np.int64)
    types = np.zeros(shape, dtype=np.int64)
    mask = np.zeros(shape, dtype=bool)
    pairs: list[np.ndarray] = []
    features: list[np.ndarray] = []
    for row, (window, found) in enumerate(zip(windows, spans, strict=True)):
        count = len(found.firsts_N)
        firsts[row, :count], lasts[row, :count] = found.firsts_N, found.lasts_N
        types[row, :count], mask[row, :count] = found.types_N, True
        if count < 2:
            continue
        paragraphs_N = window.paragraphs_W[found.firsts_N]
        allowed_NN = linkable_TT[found.types_N[:, None], found.types_N[None, :]]
        allowed_NN = allowed_NN & (paragraphs_N[:, None] == paragraphs_N[None, :])
        np.fill_diagonal(allowed_NN, False)
        heads, tails = np.nonzero(allowed_NN)
        pairs.append(np.stack([np.full(len(heads), row), heads, tails], axis=1))
        features.append(_pair_features(window, found, heads, tails))
    pairs_P3 = np.concatenate(pairs) if pairs else np.zeros((0, 3), dtype=np.int64)
    features_P3 = np.concatenate(features) if features else np.zeros((0, 3), dtype=np.int64)
    arrays = (firsts, lasts, types, mask, pairs_P3, features_P3)
    return SpanBatch(*(torch.from_numpy(array).to(device, non_blocking=True) for array in arrays))


def _pair_features(window: Window, found: WindowSpans, heads: IntArray, tails: IntArray) -> np.ndarray:
    """Signed buckets of the words and spans between two ends, and the sentence ends between them."""
    forward = heads < tails
    left, right = np.where(forward, heads, tails), np.where(forward, tails, heads)
    between = np.maximum(found.firsts_N[right] - found.lasts_N[left] - 1, 0)
    distance = 2 * np.searchsorted(_DISTANCE_EDGES, between) + forward
    rank = 2 * np.searchsorted(_RANK_EDGES, right - left) + forward
    sentences_N = window.sentences_W[found.firsts_N]
    sentences = np.minimum(sentences_N[right] - sentences_N[left], _MAX_SENTENCES)
    return np.stack([distance, rank, sentences], axis=1)


class ExtractionModel(nn.Module):
    """Encoder and heads. The order of types and relations in `ontology` fixes the output columns."""

    allowed_TTR: Tensor

    def __init__(self, encoder: PreTrainedModel, ontology: Ontology, config: ModelConfig) -> None:
        super().__init__()
        width = int(encoder.config.hidden_size)
        num_types = len(ontology.span_types)
        num_relations = len(ontology.relation_names)
        self.encoder = encoder
        self.num_tags = 1 + 2 * num_types
        self.case_embedding = (
            nn.Embedding(1 + len(CASES), _embedding_width(encoder)) if config.case_features else None
        )
        self.tag_head = nn.Sequential(
            nn.Dropout(config.head_dropout),
            nn.Linear(width, config.tag_hidden),
            nn.GELU(),
            nn.Dropout(config.head_dropout),
            nn.Linear(config.tag_hidden, self.num_tags),
        )
        hidden = config.span_hidden
        self.span_dropout = nn.Dropout(config.head_dropout)
        self.span_input = nn.Linear(3 * width, hidden)
        self.type_embedding = nn.Embedding(num_types, hidden)
        self.span_norm = nn.LayerNorm(hidden)
        self.span_attention = nn.ModuleList(
            nn.TransformerEncoderLayer(
                hidden, 4, 2 * hidden, config.head_dropout, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(config.span_layers)
        )
        pair = config.pair_hidden
        self.pair_head = nn.Linear(hidden, 2 * pair)
        self.pair_tail = nn.Linear(hidden, 2 * pair)
        self.pair_product = nn.Linear(pair, pair)
        self.context = nn.Linear(width, config.context_hidden)
        self.pair_context = nn.Linear(config.context_hidden, pair)
        self.distance_embedding = nn.Embedding(2 * (len(_DISTANCE_EDGES) + 1), pair)
        self.rank_embedding = nn.Embedding(2 * (len(_RANK_EDGES) + 1), pair)
        self.sentence_embedding = nn.Embedding(_MAX_SENTENCES + 1, pair)
        self.pair_dropout = nn.Dropout(config.head_dropout)
        self.link_head = nn.Linear(pair, max(num_relations, 1))
        self.attribute_head = nn.Sequential(
            nn.Linear(hidden, hidden // 2),
            nn.GELU(),
            nn.Dropout(config.head_dropout),
            nn.Linear(hidden // 2, max(len(ontology.attributes), 1)),
        )
        self.register_buffer("allowed_TTR", torch.from_numpy(allowed_relations(ontology)), persistent=False)
        self._start_heads()

    def _start_heads(self) -> None:
        if self.case_embedding is not None:
            nn.init.zeros_(self.case_embedding.weight)
        for table in (self.distance_embedding, self.rank_embedding, self.sentence_embedding):
            nn.init.normal_(table.weight, std=0.02)
        # Most allowed pairs are not linked and most attributes are not set.
        nn.init.constant_(self.link_head.bias, -3.0)
        final = self.attribute_head[-1]
        assert isinstance(final, nn.Linear)
        nn.init.constant_(final.bias, -2.0)

    def linkable(self) -> np.ndarray:
        """Boolean (head type, tail type): where any relation may go. Pairs are listed on the CPU."""
        linkable_TT: np.ndarray = self.allowed_TTR.any(dim=-1).cpu().numpy()
        return linkable_TT

    def tag(self, batch: Batch, precision: str = "float32") -> TagOutput:
        """Returns word states (means of their tokens' states) and tag logits.

        Args:
            batch: the windows.
            precision: "bfloat16" lets the encoder multiply in it; the weights, the words' states and the
                heads keep 32 bits. "float32" changes nothing: in training, autocast of its own holds.
        """
        embedded_BLE = self.encoder.get_input_embeddings()(batch.token_ids_BL)
        if self.case_embedding is not None:
            embedded_BLE = embedded_BLE + self.case_embedding(batch.cases_BL)
        reduced = torch.autocast(embedded_BLE.device.type, dtype=torch.bfloat16)
        with reduced if precision == "bfloat16" else contextlib.nullcontext():
            states_BLH = self.encoder(
                inputs_embeds=embedded_BLE, attention_mask=batch.attention_mask_BL
            ).last_hidden_state
        if precision == "bfloat16":
            states_BLH = states_BLH.float()
        num_windows, num_words = batch.word_mask_BW.shape
        width = states_BLH.shape[-1]
        # One row more than words takes the special tokens and the padding.
        index_BLH = batch.token_words_BL[..., None].expand(-1, -1, width)
        pooled = states_BLH.new_zeros(num_windows, num_words + 1, width)
        pooled = pooled.scatter_add(1, index_BLH, states_BLH)[:, :num_words]
        counts = states_BLH.new_zeros(num_windows, num_words + 1)
        counts = counts.scatter_add(
            1, batch.token_words_BL, torch.ones_like(counts[:, :1]).expand_as(batch.token_words_BL)
        )[:, :num_words]
        states_BWH = pooled / counts.clamp(min=1)[..., None]
        return TagOutput(states_BWH=states_BWH, tag_logits_BWT=self.tag_head(states_BWH))

    def link(self, states_BWH: Tensor, spans: SpanBatch) -> LinkOutput:
        """Returns link logits of the pairs and attribute logits of all spans."""
        span_BND = self._span_states(states_BWH, spans)
        attribute_logits_BNA = self.attribute_head(span_BND).float()
        return LinkOutput(self._link_logits(states_BWH, span_BND, spans), attribute_logits_BNA)

    def _span_states(self, states_BWH: Tensor, spans: SpanBatch) -> Tensor:
        """States of spans, each of which has seen the others of its window."""
        rows = torch.arange(states_BWH.shape[0], device=states_BWH.device)[:, None]
        first_BNH = states_BWH[rows, spans.firsts_BN]
        last_BNH = states_BWH[rows, spans.lasts_BN]
        # Prefix sums give the mean of any stretch of words at once; in float32, since sums grow.
        summed_BWH = nn.functional.pad(states_BWH.float().cumsum(dim=1), (0, 0, 1, 0))
        length_BN = (spans.lasts_BN - spans.firsts_BN + 1).clamp(min=1)
        mean_BNH = summed_BWH[rows, spans.lasts_BN + 1] - summed_BWH[rows, spans.firsts_BN]
        mean_BNH = mean_BNH / length_BN[..., None]
        span_BND: Tensor = self.span_input(
            self.span_dropout(torch.cat([first_BNH, last_BNH, mean_BNH.to(first_BNH.dtype)], dim=-1))
        )
        span_BND = self.span_norm(span_BND + self.type_embedding(spans.types_BN))
        # A window without spans must still attend to something: its first, masked-out row.
        padding_BN = ~spans.mask_BN
        padding_BN[:, 0] = False
        for layer in self.span_attention:
            span_BND = layer(span_BND, src_key_padding_mask=padding_BN)
        return span_BND

    def _link_logits(self, states_BWH: Tensor, span_BND: Tensor, spans: SpanBatch) -> Tensor:
        head_BNE, tail_BNE = self.pair_head(span_BND), self.pair_tail(span_BND)
        context_BWC = self.context(states_BWH)
        summed_BWC = nn.functional.pad(context_BWC.float().cumsum(dim=1), (0, 0, 1, 0))
        logits = []
        for begin in range(0, max(1, len(spans.pairs_P3)), _MAX_PAIRS):
            pairs_P3 = spans.pairs_P3[begin : begin + _MAX_PAIRS]
            window_P, head_P, tail_P = pairs_P3.unbind(dim=1)
            head_add_PD, head_times_PD = head_BNE[window_P, head_P].chunk(2, dim=-1)
            tail_add_PD, tail_times_PD = tail_BNE[window_P, tail_P].chunk(2, dim=-1)
            between_PC = _means_between(summed_BWC, spans, pairs_P3).to(context_BWC.dtype)
            distance_P, rank_P, sentences_P = spans.features_P3[begin : begin + _MAX_PAIRS].unbind(dim=1)
            hidden_PD = (
                head_add_PD
                + tail_add_PD
                + self.pair_product(head_times_PD * tail_times_PD)
                + self.pair_context(between_PC)
                + self.distance_embedding(distance_P)
                + self.rank_embedding(rank_P)
                + self.sentence_embedding(sentences_P)
            )
            logits_PR = self.link_head(self.pair_dropout(nn.functional.gelu(hidden_PD))).float()
            allowed_PR = self.allowed_TTR[spans.types_BN[window_P, head_P], spans.types_BN[window_P, tail_P]]
            logits.append(logits_PR.masked_fill(~allowed_PR, float("-inf")))
        return torch.cat(logits)


def _means_between(summed_BWC: Tensor, spans: SpanBatch, pairs_P3: Tensor) -> Tensor:
    """Means of word states between the two ends of each pair, from prefix sums; zero where no word stands."""
    window_P, head_P, tail_P = pairs_P3.unbind(dim=1)
    from_P = torch.minimum(spans.lasts_BN[window_P, head_P], spans.lasts_BN[window_P, tail_P]) + 1
    to_P = torch.maximum(spans.firsts_BN[window_P, head_P], spans.firsts_BN[window_P, tail_P])
    to_P = torch.maximum(from_P, to_P)
    length_P1 = (to_P - from_P).clamp(min=1)[:, None]
    return (summed_BWC[window_P, to_P] - summed_BWC[window_P, from_P]) / length_P1


def allowed_relations(ontology: Ontology) -> np.ndarray:
    """Boolean (head type, tail type, relation): what the ontology lets stand between two spans."""
    names = ontology.relation_names
    table = np.zeros((len(ontology.span_types), len(ontology.span_types), max(len(names), 1)), dtype=bool)
    for i, head in enumerate(ontology.span_types):
        for j, tail in enumerate(ontology.span_types):
            for name in ontology.allowed(head, tail):
                table[i, j, names.index(name)] = True
    return table


def _embedding_width(encoder: PreTrainedModel) -> int:
    return int(encoder.get_input_embeddings().weight.shape[1])  # type: ignore[index]


# ---- encoders and folders ----


def encoder_folder(spec: str) -> str:
    """Resolves "package:NAME" to the folder inside an installed package; other names pass through.

    Raises:
        ModelError: the package is not installed, or holds no encoder.
    """
    if not spec.startswith("package:"):
        return spec
    name = spec.removeprefix("package:")
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise ModelError(
            f"encoder {spec!r}: package {name!r} is not installed (pip install 'sitrep-ie[pretrain]')"
        )
    for folder in found.submodule_search_locations:
        for candidate in sorted(Path(folder).rglob("config.json")):
            if (candidate.parent / "model.safetensors").is_file():
                return str(candidate.parent)
    raise ModelError(f"encoder {spec!r}: no folder with config.json and model.safetensors in the package")


def load_encoder(spec: str, dropout: float) -> tuple[PreTrainedModel, Any]:
    """Loads a pretrained encoder and its fast tokenizer (a `tokenizers.Tokenizer`).

    Args:
        spec: a Hugging Face name, a folder, or "package:NAME".
        dropout: probability for the encoder's hidden states.

    Raises:
        ModelError: there is no such encoder, it has no fast tokenizer, a weight of it is missing, or its
            weights are not safetensors.
    """
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    folder = encoder_folder(spec)
    try:
        config = AutoConfig.from_pretrained(folder)
        # Dropout inside attention would rule out the fused kernels, at a quarter of the speed on a CPU.
        for key, probability in (("hidden_dropout_prob", dropout), ("attention_probs_dropout_prob", 0.0)):
            if hasattr(config, key):
                setattr(config, key, probability)
        if hasattr(config, "add_pooling_layer"):
            config.add_pooling_layer = False
        encoder, loading = AutoModel.from_pretrained(
            folder, config=config, use_safetensors=True, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, add_prefix_space=True)
    except Exception as error:  # the hub's client and each kind of encoder have errors of their own
        raise ModelError(f"encoder {spec!r}: cannot be loaded: {_first_line(error)}") from error
    missing = sorted(name for name in loading["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ModelError(f"encoder {spec!r}: weight {missing[0]!r} is missing ({len(missing)} in all)")
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(f"encoder {spec!r}: has no fast tokenizer")
    drop_pooler(encoder)
    return encoder, backend


def drop_pooler(encoder: PreTrainedModel) -> None:
    """Removes the sentence pooler, which tagging never uses, so that it is neither trained nor saved."""
    if getattr(encoder, "pooler", None) is not None:
        encoder.register_module("pooler", None)


def encoder_from_config(path: Path) -> PreTrainedModel:
    """Builds an encoder without weights from a Hugging Face configuration file.

    Raises:
        ModelError: the file is missing or describes no encoder known to the installed transformers.
    """
    from transformers import AutoConfig, AutoModel

    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        _check_encoder_values(raw, path)
        kind = raw.pop("model_type")
        build: Any = AutoModel.from_config  # it has no types
        encoder: PreTrainedModel = build(AutoConfig.for_model(kind, **raw), trust_remote_code=False)
    except ModelError:
        raise
    except Exception as error:  # what a wrong value raises differs with the kind of encoder
        raise ModelError(f"{path}: no encoder configuration: {_first_line(error)}") from error
    drop_pooler(encoder)
    return encoder


# Far beyond any encoder; transformers makes lists and modules of some of these before a weight is made.
_MAX_VALUE = 10_000_000
_MAX_LAYERS = 1_000
_MAX_LABELS = 10_000
_SMALL_NETWORK = 10_000_000


def _check_encoder_values(raw: Any, path: Path) -> None:
    """Refuses a configuration that names code to fetch and run, or sizes that no memory holds."""
    if not isinstance(raw, dict):
        raise ModelError(f"{path}: no encoder configuration: {raw!r:.40}, expected an object")
    for key, value in raw.items():
        where = f"{path}: {key}"
        if key == "auto_map" or ("implementation" in key and "/" in json.dumps(value)):
            raise ModelError(f"{where}: names code of others, expected a kind of encoder of transformers")
        limit = _MAX_LAYERS if "layer" in key else _MAX_LABELS if key == "num_labels" else _MAX_VALUE
        # "rope_theta" and its like are no sizes.
        if type(value) is int and abs(value) > limit and "theta" not in key:
            raise ModelError(f"{where} is {value!r:.40}, expected at most {limit}")


def check_network_size(weights: Path, encoder: Path, ontology: Ontology, config: ModelConfig) -> None:
    """Raises ModelError when a folder describes a network much larger than the weights that it holds.

    To be asked before the network is made: neither this nor reading the file's head takes its memory.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(weights), framework="pt") as file:
            names = file.keys()
            num_stored = sum(math.prod(file.get_slice(name).get_shape()) for name in names)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{weights}: not a safetensors file: {error}") from error
    try:
        with torch.device("meta"):
            planned = ExtractionModel(encoder_from_config(encoder), ontology, config)
    except (RuntimeError, OverflowError) as error:
        raise ModelError(f"{weights.parent}: no such network can be made: {_first_line(error)}") from error
    tensors = itertools.chain(planned.parameters(), planned.buffers())
    num_planned = sum(tensor.numel() for tensor in tensors)
    # What differs by less is told weight by weight.
    if num_planned > 2 * num_stored + _SMALL_NETWORK:
        raise ModelError(
            f"{weights.parent}: {encoder.name} and config.toml describe a network of {num_planned} weights, "
            f"{weights.name} holds {num_stored}"
        )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


WEIGHTS_FILE = "weights.safetensors"
WEIGHTS_FORMAT = "1"
WEIGHT_PRECISIONS = ("float32", "float16", "int8")
# Smaller tables cost little and hold norms and biases, which quantise badly.
_MIN_QUANTISED = 4096
# The heads are small and decide: they keep 16 bits.
_QUANTISED = ("encoder.", "span_")
_GROUP = 128
# The least normal number of float16; smaller scales would lose digits.
_LEAST_SCALE = 2.0**-14
_SCALE_SUFFIX = ".scale"


def save_weights(model: ExtractionModel, path: Path, ontology: Ontology, precision: str) -> None:
    """Writes the weights as safetensors.

    Args:
        model: what to save; its weights stay as they are.
        path: the file.
        ontology: its digest goes into the file, so that the weights are never read with another one.
        precision: "float32", "float16", or "int8": large matrices as 8-bit integers with a scale for every
            128 weights of a row, everything else as float16.

    Raises:
        ConfigError: there is no such precision.
        ModelError: a weight is not finite, or the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    check_precision(precision)
    tensors: dict[str, Tensor] = {}
    for name, weight in model.state_dict().items():
        weight = weight.detach().cpu()
        _require_finite(weight, name, path)
        large = weight.ndim == 2 and weight.numel() >= _MIN_QUANTISED
        if precision == "int8" and large and name.startswith(_QUANTISED):
            tensors[name], tensors[name + _SCALE_SUFFIX] = _quantise(weight.float())
        elif weight.is_floating_point():
            tensors[name] = weight.to(torch.float32 if precision == "float32" else torch.float16).contiguous()
        else:
            tensors[name] = weight.contiguous()
    metadata = {"format": WEIGHTS_FORMAT, "ontology": ontology.digest(), "precision": precision}
    try:
        save_file(tensors, str(path), metadata=metadata)
        _sort_metadata(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: cannot be written: {error}") from error


def _quantise(weight_OI: Tensor) -> tuple[Tensor, Tensor]:
    """8-bit integers and the scale of each group: the largest magnitude of a group becomes 127."""
    num_rows, num_columns = weight_OI.shape
    # Rows that do not divide into groups are one group.
    group = _GROUP if num_columns % _GROUP == 0 else num_columns
    groups_OGK = weight_OI.view(num_rows, -1, group)
    scales_OG = (groups_OGK.abs().amax(dim=-1) / 127).clamp(min=_LEAST_SCALE).half()
    rounded_OGK = torch.round(groups_OGK / scales_OG.float()[..., None]).clamp(-127, 127)
    return rounded_OGK.to(torch.int8).view(num_rows, num_columns), scales_OG


def _dequantise(weight_OI: Tensor, scales_OG: Tensor) -> Tensor:
    num_rows, num_columns = weight_OI.shape
    groups_OGK = weight_OI.float().view(num_rows, scales_OG.shape[1], -1)
    return (groups_OGK * scales_OG.float()[..., None]).view(num_rows, num_columns)


def _sort_metadata(path: Path) -> None:
    """The library writes metadata in an order of chance; the same weights shall be the same bytes."""
    with path.open("r+b") as file:
        num_bytes = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(num_bytes))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        raw = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        assert len(raw) <= num_bytes
        file.seek(8)
        file.write(raw.ljust(num_bytes))


def check_precision(precision: str) -> None:
    """Raises ConfigError unless weights can be saved so."""
    if precision not in WEIGHT_PRECISIONS:
        raise ConfigError(f"precision of weights {precision!r}: expected one of {WEIGHT_PRECISIONS}")


def _require_finite(weight: Tensor, name: str, path: Path) -> None:
    if weight.is_floating_point() and not bool(torch.isfinite(weight).all()):
        raise ModelError(f"{path}: weight {name!r} holds values that are not finite")


def load_weights(model: ExtractionModel, path: Path, ontology: Ontology) -> None:
    """Fills `model` with the weights of a file written by `save_weights`.

    Raises:
        ModelError: the file is missing, no safetensors, of another format or ontology, or a weight is
            missing, left over, of the wrong shape or not finite.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelError(f"{path}: the weights are missing")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a safetensors file: {error}") from error
    if metadata.get("format") != WEIGHTS_FORMAT:
        raise ModelError(f"{path}: weights format {metadata.get('format')!r}, expected {WEIGHTS_FORMAT!r}")
    if metadata.get("ontology") != ontology.digest():
        raise ModelError(f"{path}: weights of another ontology than {ontology.name!r} beside them")
    wanted = model.state_dict()
    state: dict[str, Tensor] = {}
    for name, parameter in wanted.items():
        if name not in tensors:
            raise ModelError(f"{path}: weight {name!r} is missing")
        weight = tensors.pop(name)
        if weight.dtype == torch.int8 and parameter.is_floating_point():
            scale = tensors.pop(name + _SCALE_SUFFIX, None)
            fits = (
                scale is not None
                and weight.ndim == scale.ndim == 2
                and scale.shape[0] == weight.shape[0]
                and scale.shape[1] > 0
                and weight.shape[1] % scale.shape[1] == 0
            )
            if not fits:
                raise ModelError(f"{path}: weight {name!r} has no scale for each of its rows")
            weight = _dequantise(weight, scale)
        if weight.shape != parameter.shape:
            raise ModelError(
                f"{path}: weight {name!r} has shape {tuple(weight.shape)}, expected {tuple(parameter.shape)}"
            )
        weight = weight.to(parameter.dtype)
        _require_finite(weight, name, path)
        state[name] = weight
    if tensors:
        raise ModelError(f"{path}: weight {min(tensors)!r} belongs to no part of the model")
    model.load_state_dict(state, assign=True)
