"""Strict TOML in, resolved TOML out."""

from __future__ import annotations

import dataclasses
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitrep_ie.config import (
    Config,
    DataConfig,
    DecodeConfig,
    EncodeConfig,
    ModelConfig,
    TrainConfig,
    format_toml,
    read_toml,
    split_dev_entry,
)
from sitrep_ie.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def load(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return Config.load(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[train]\nepoch = 3", "mine.toml: unknown key 'train.epoch'; did you mean 'train.epochs'?"),
        ("[trian]", "mine.toml: unknown key 'trian'; did you mean 'train'?"),
        (
            "zzz = 1",
            "unknown key 'zzz'; expected one of "
            "['data', 'decode', 'encode', 'language', 'model', 'name', 'train']",
        ),
        ("encode = 3", "mine.toml: encode: expected a table"),
        ('language = "English"', "mine.toml: language 'English': expected an ISO 639-1 code"),
        ('[train]\nepochs = "3"', "mine.toml: train.epochs is str, expected int"),
        ("[train]\nepochs = 3.0", "mine.toml: train.epochs is float, expected int"),
        ("[train]\nepochs = true", "mine.toml: train.epochs is bool, expected int"),
        ("[train]\nclip_norm = true", "mine.toml: train.clip_norm is bool, expected float"),
        ("[train]\nclip_norm = inf", "mine.toml: train.clip_norm is inf, expected a finite number"),
        ("[train]\nwarmup = nan", "mine.toml: train.warmup is nan, expected a finite number"),
        ('[data]\ntrain = "a.jsonl"', "mine.toml: data.train: expected a list of strings"),
        ("[data]\ndev = [1]", "mine.toml: data.dev: expected a list of strings"),
        ('[data]\ndev = ["a/x.jsonl", "b/x.ann"]', "mine.toml: data.dev names two sets 'x'"),
        ("[train]\nepochs = 0", "mine.toml: train.epochs 0: expected at least 1"),
        ("= 3", "mine.toml: not valid TOML"),
    ],
)
def test_an_error_names_the_file_the_key_and_what_is_wanted(tmp_path, text, expected):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        Config.load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"')
    with pytest.raises(ConfigError, match=r"latin\.toml: cannot be read"):
        Config.load(tmp_path / "latin.toml")


def test_a_byte_order_mark_is_dropped(tmp_path):
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbf" + b'name = "mine"\n')
    assert Config.load(tmp_path / "bom.toml").name == "mine"


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (EncodeConfig, {"context_tokens": -1}),
        (EncodeConfig, {"heading_tokens": -1}),
        (EncodeConfig, {"max_tokens": 143}),
        (ModelConfig, {"tag_hidden": 7}),
        (ModelConfig, {"span_hidden": 30}),
        (ModelConfig, {"span_layers": -1}),
        (ModelConfig, {"dropout": 1.0}),
        (ModelConfig, {"head_dropout": -0.1}),
        (DecodeConfig, {"link_threshold": 0.0}),
        (DecodeConfig, {"attribute_threshold": 1.0}),
        (TrainConfig, {"seed": -1}),
        (TrainConfig, {"seed": 2**32}),
        (TrainConfig, {"batch_tokens": 31}),
        (TrainConfig, {"patience": 0}),
        (TrainConfig, {"encoder_learning_rate": 0.0}),
        (TrainConfig, {"head_learning_rate": -1e-3}),
        (TrainConfig, {"clip_norm": 0.0}),
        (TrainConfig, {"warmup": 1.0}),
        (TrainConfig, {"ema_decay": 1.0}),
        (TrainConfig, {"word_dropout": -0.1}),
        (TrainConfig, {"evaluate_from": 1.5}),
        (TrainConfig, {"layer_decay": 0.0}),
        (TrainConfig, {"layer_decay": 1.01}),
        (TrainConfig, {"weight_decay": -0.1}),
        (TrainConfig, {"link_weight": -1.0}),
        (TrainConfig, {"precision": "float16"}),
    ],
    ids=str,
)
def test_values_out_of_range(section, values):
    (name,) = values
    with pytest.raises(ConfigError, match=rf"\w+\.{name} .*: (expected|leaves)"):
        section(**values)


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (EncodeConfig, {"max_tokens": 144}),
        (EncodeConfig, {"max_tokens": 32, "context_tokens": 0, "heading_tokens": 0}),
        (ModelConfig, {"span_layers": 0, "dropout": 0.0}),
        (TrainConfig, {"seed": 0, "ema_decay": 0.0, "layer_decay": 1.0, "warmup": 0.0, "link_weight": 0.0}),
    ],
    ids=str,
)
def test_values_at_the_edge_of_the_range(section, values):
    made = section(**values)
    assert all(getattr(made, name) == value for name, value in values.items())


def test_missing_keys_take_the_defaults_and_whole_numbers_stand_for_fractions(tmp_path):
    config = load(tmp_path, "[train]\nclip_norm = 2\n")
    assert config.train == dataclasses.replace(TrainConfig(), clip_norm=2.0)
    assert isinstance(config.train.clip_norm, float)
    assert (config.encode, config.model, config.decode) == (EncodeConfig(), ModelConfig(), DecodeConfig())


def test_paths_are_seen_from_the_files_folder(tmp_path):
    folder = tmp_path / "configs"
    folder.mkdir()
    text = '[data]\ntrain = ["../data/year=2031/a.jsonl"]\ndev = ["seen=../data/b.ann", "c.dev.jsonl"]\n'
    config = load(folder, text + '[model]\nencoder = "../models/base"\n')
    assert config.data == DataConfig(
        ontology=str(folder / "ontology.toml"),
        train=(str(tmp_path / "data" / "year=2031" / "a.jsonl"),),
        dev=(f"seen={tmp_path / 'data' / 'b.ann'}", f"c={folder / 'c.dev.jsonl'}"),
    )
    assert config.model.encoder == str(tmp_path / "models" / "base")


@pytest.mark.parametrize("encoder", ["default", "package:some_encoder", "owner/some-encoder", "/models/base"])
def test_encoders_that_are_no_relative_path_stay(tmp_path, encoder):
    assert load(tmp_path, f'[model]\nencoder = "{encoder}"\n').model.encoder == encoder


@pytest.mark.parametrize(
    ("entry", "name", "path"),
    [
        ("data/dev.jsonl", "dev", "data/dev.jsonl"),
        ("data/dev.first.jsonl.gz", "dev", "data/dev.first.jsonl.gz"),
        ("first=data/dev.jsonl", "first", "data/dev.jsonl"),
        ("first=data/year=2031/dev.jsonl", "first", "data/year=2031/dev.jsonl"),
        ("data/year=2031/dev.jsonl", "dev", "data/year=2031/dev.jsonl"),
    ],
)
def test_names_of_dev_sets(entry, name, path):
    assert split_dev_entry(entry) == (name, path)


def test_dict_form_is_the_same_configuration():
    config = Config(
        name="mine",
        model=ModelConfig(encoder="package:x", case_features=False),
        data=DataConfig(train=("a.jsonl", "b.ann"), dev=("x=c.jsonl",)),
        train=TrainConfig(seed=3, encoder_learning_rate=1e-5),
    )
    assert Config.from_dict(config.to_dict(), "here") == config
    assert Config.from_dict(tomllib.loads(format_toml(config.to_dict())), "here") == config


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_scalars = st.one_of(_texts, st.integers(), st.booleans(), st.floats(allow_nan=False))
_tables = st.recursive(
    st.dictionaries(_texts, _scalars | st.lists(_scalars, max_size=3), max_size=4),
    lambda inner: st.dictionaries(_texts, _scalars | inner, max_size=4),
    max_leaves=6,
)


@given(_tables)
@settings(max_examples=100, deadline=None)
def test_written_toml_reads_back(values):
    assert tomllib.loads(format_toml(values)) == values


def test_read_toml_gives_plain_tables(tmp_path):
    (tmp_path / "x.toml").write_text("a = 1\n[b.c]\nd = [true]\n", encoding="utf-8")
    assert read_toml(tmp_path / "x.toml") == {"a": 1, "b": {"c": {"d": [True]}}}
