"""The network's shapes, masks and independence of the batch; its weights on disk."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sitrep_ie import model as model_module
from sitrep_ie.config import EncodeConfig, ModelConfig
from sitrep_ie.encode import LENGTH_STEP, TextEncoder, WindowSpans
from sitrep_ie.errors import ConfigError, ModelError
from sitrep_ie.model import (
    ExtractionModel,
    allowed_relations,
    collate,
    collate_spans,
    encoder_from_config,
    load_encoder,
    load_weights,
    save_weights,
)
from sitrep_ie.ontology import Ontology

CONFIG = ModelConfig(tag_hidden=16, span_hidden=16, span_layers=1, pair_hidden=16, context_hidden=8)
TEXTS = [
    "May 2: Border guards sent a convoy of about 20 trucks to Karsk. The convoy arrived at dawn.",
    "NB will arrest several suspects.",
    "Weather in the valley stayed calm.",
]


def new_model(path, ontology, config=CONFIG):
    torch.manual_seed(3)
    encoder, tokenizer = load_encoder(str(path), 0.1)
    model = ExtractionModel(encoder, ontology, config).eval()
    # Heads as they start give almost the same logit for everything.
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not name.startswith("encoder."):
                weight.normal_(std=0.5)
    return model, TextEncoder(tokenizer)


@pytest.fixture(scope="module")
def model_and_text_encoder(tiny_encoder_path, tiny_ontology):
    return new_model(tiny_encoder_path, tiny_ontology)


@pytest.fixture
def model(model_and_text_encoder):
    return model_and_text_encoder[0]


@pytest.fixture
def text_encoder(model_and_text_encoder):
    return model_and_text_encoder[1]


@pytest.fixture
def windows(text_encoder):
    found = [text_encoder.windows(text_encoder.encode(text), EncodeConfig()) for text in TEXTS]
    return [window for (window,) in found]


def spans_of(*spans):
    columns = np.array(spans, dtype=np.int64).reshape(-1, 3).T
    return WindowSpans(firsts_N=columns[0], lasts_N=columns[1], types_N=columns[2])


@pytest.fixture
def spans(tiny_ontology):
    """Of each window: dates, actors, triggers and objects in the first, none in the third."""
    kind = tiny_ontology.span_types.index
    return [
        spans_of(
            (0, 1, kind("DATE")),
            (3, 4, kind("ACTOR")),
            (5, 5, kind("MOVEMENT")),
            (7, 7, kind("OBJECT")),
            (9, 10, kind("QUANTITY")),
            (11, 11, kind("OBJECT")),
            (13, 13, kind("LOCATION")),
            (17, 17, kind("MOVEMENT")),
        ),
        spans_of((0, 0, kind("ACTOR")), (2, 2, kind("DETENTION"))),
        spans_of(),
    ]


def run(model, text_encoder, windows, spans):
    linkable = model.allowed_TTR.any(dim=-1).numpy()
    with torch.inference_mode():
        tagged = model.tag(collate(windows, text_encoder.pad_id))
        batch = collate_spans(windows, spans, linkable)
        return tagged, batch, model.link(tagged.states_BWH, batch)


def test_shapes(model, text_encoder, windows, spans, tiny_ontology):
    tagged, batch, linked = run(model, text_encoder, windows, spans)
    num_words = LENGTH_STEP  # all three are shorter
    assert tagged.states_BWH.shape == (3, num_words, 32)
    assert tagged.tag_logits_BWT.shape == (3, num_words, 1 + 2 * len(tiny_ontology.span_types))
    assert batch.mask_BN.sum(dim=1).tolist() == [8, 2, 0]
    assert linked.link_logits_PR.shape == (len(batch.pairs_P3), len(tiny_ontology.relation_names))
    assert linked.attribute_logits_BNA.shape == (3, 8, len(tiny_ontology.attributes))


def test_word_states_are_means_of_their_tokens(model, text_encoder, windows):
    batch = collate(windows[:1], text_encoder.pad_id)
    with torch.inference_mode():
        embedded = model.encoder.get_input_embeddings()(batch.token_ids_BL)
        embedded = embedded + model.case_embedding(batch.cases_BL)
        states = model.encoder(inputs_embeds=embedded, attention_mask=batch.attention_mask_BL)
        tagged = model.tag(batch)
    window = windows[0]
    for word in range(window.num_words):
        tokens = torch.from_numpy(window.token_words_L == word)
        expected = states.last_hidden_state[0, : window.num_tokens][tokens].mean(dim=0)
        torch.testing.assert_close(tagged.states_BWH[0, word], expected)
    assert not tagged.states_BWH[0, window.num_words :].any()


def test_pairs_are_those_of_one_paragraph_that_the_ontology_can_link(model, text_encoder, windows, spans):
    _, batch, _ = run(model, text_encoder, windows, spans)
    allowed = model.allowed_TTR
    expected = [
        [row, head, tail]
        for row, found in enumerate(spans)
        for head in range(len(found.firsts_N))
        for tail in range(len(found.firsts_N))
        if head != tail and allowed[found.types_N[head], found.types_N[tail]].any()
    ]
    assert batch.pairs_P3.tolist() == expected
    # Two paragraphs in one window: no pair joins them.
    (window,) = text_encoder.windows(
        text_encoder.encode("guards sent trucks\n\nguards sent trucks"), EncodeConfig()
    )
    found = spans_of((0, 0, 0), (1, 1, 5), (3, 3, 0), (4, 4, 5))
    pairs = collate_spans([window], [found], allowed.any(dim=-1).numpy()).pairs_P3
    assert {(head < 2, tail < 2) for _, head, tail in pairs.tolist()} == {(True, True), (False, False)}


def test_link_logits_are_infinite_exactly_where_the_ontology_forbids(
    model, text_encoder, windows, spans, tiny_ontology
):
    _, batch, linked = run(model, text_encoder, windows, spans)
    types = tiny_ontology.span_types
    assert len(batch.pairs_P3) > 20
    for (row, head, tail), logits in zip(batch.pairs_P3.tolist(), linked.link_logits_PR, strict=True):
        kinds = [types[spans[row].types_N[end]] for end in (head, tail)]
        for name, logit in zip(tiny_ontology.relation_names, logits.tolist(), strict=True):
            if name in tiny_ontology.allowed(*kinds):
                assert math.isfinite(logit)
            else:
                assert logit == -math.inf


def test_other_windows_in_the_batch_change_nothing(model, text_encoder, windows, spans):
    _, batch, linked = run(model, text_encoder, windows, spans)
    long = "convoy " * 200
    (extra,) = text_encoder.windows(text_encoder.encode(long), EncodeConfig())
    crowd = spans_of(*[(word, word, word % 9) for word in range(60)])
    for row in range(3):
        tagged_alone, _, alone = run(model, text_encoder, windows[row : row + 1], spans[row : row + 1])
        tagged, batch, linked = run(model, text_encoder, [extra, *windows[::-1]], [crowd, *spans[::-1]])
        place = 3 - row
        mine = batch.pairs_P3[:, 0] == place
        torch.testing.assert_close(linked.link_logits_PR[mine], alone.link_logits_PR, atol=1e-4, rtol=1e-4)
        num_words, num_spans = windows[row].num_words, len(spans[row].firsts_N)
        torch.testing.assert_close(
            tagged.tag_logits_BWT[place, :num_words],
            tagged_alone.tag_logits_BWT[0, :num_words],
            atol=1e-4,
            rtol=1e-4,
        )
        torch.testing.assert_close(
            linked.attribute_logits_BNA[place, :num_spans],
            alone.attribute_logits_BNA[0, :num_spans],
            atol=1e-4,
            rtol=1e-4,
        )


@pytest.mark.parametrize("span", [(), ((0, 0, 0),)], ids=["no span", "one span"])
def test_windows_without_pairs(model, text_encoder, windows, tiny_ontology, span):
    _, batch, linked = run(model, text_encoder, windows[:1], [spans_of(*span)])
    assert batch.pairs_P3.shape == batch.features_P3.shape == (0, 3)
    assert linked.link_logits_PR.shape == (0, len(tiny_ontology.relation_names))
    assert torch.isfinite(linked.attribute_logits_BNA).all()


def test_pairs_in_parts_give_the_same(model, text_encoder, windows, spans, monkeypatch):
    _, _, whole = run(model, text_encoder, windows, spans)
    monkeypatch.setattr(model_module, "_MAX_PAIRS", 7)
    _, _, parts = run(model, text_encoder, windows, spans)
    torch.testing.assert_close(parts.link_logits_PR, whole.link_logits_PR)


def test_letter_case_reaches_an_uncased_encoder(tiny_encoder_path, tiny_ontology):
    def tags(config, text):
        model, text_encoder = new_model(tiny_encoder_path, tiny_ontology, config)
        windows = text_encoder.windows(text_encoder.encode(text), EncodeConfig())
        with torch.inference_mode():
            return model.tag(collate(windows, text_encoder.pad_id)).tag_logits_BWT

    without = ModelConfig(**{**{n: getattr(CONFIG, n) for n in CONFIG.__slots__}, "case_features": False})
    assert torch.equal(tags(without, "karsk sent trucks"), tags(without, "KARSK Sent trucks"))
    assert not torch.allclose(tags(CONFIG, "karsk sent trucks"), tags(CONFIG, "KARSK Sent trucks"))


def test_an_ontology_without_relations_or_attributes(tiny_encoder_path):
    bare = Ontology.from_dict({"name": "bare", "version": "1", "mentions": {"ACTOR": ""}}, "bare")
    model, text_encoder = new_model(tiny_encoder_path, bare)
    windows = text_encoder.windows(text_encoder.encode("guards and guards"), EncodeConfig())
    _, batch, linked = run(model, text_encoder, windows, [spans_of((0, 0, 0), (2, 2, 0))])
    assert len(batch.pairs_P3) == len(linked.link_logits_PR) == 0


def test_table_of_allowed_relations(ontology):
    table = allowed_relations(ontology)
    for i, head in enumerate(ontology.span_types):
        for j, tail in enumerate(ontology.span_types):
            names = {name for k, name in enumerate(ontology.relation_names) if table[i, j, k]}
            assert names == ontology.allowed(head, tail)


# ---- weights on disk ----


def fresh(tiny_encoder_path, ontology):
    torch.manual_seed(99)
    encoder, _ = load_encoder(str(tiny_encoder_path), 0.1)
    return ExtractionModel(encoder, ontology, CONFIG)


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_weights_come_back(model, tiny_encoder_path, tiny_ontology, tmp_path, precision):
    path = tmp_path / "weights.safetensors"
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    save_weights(model, path, tiny_ontology, precision)
    again = fresh(tiny_encoder_path, tiny_ontology)
    load_weights(again, path, tiny_ontology)
    assert not any(name.startswith("encoder.pooler") for name in before)
    num_quantised = 0
    for name, weight in again.state_dict().items():
        assert torch.equal(model.state_dict()[name], before[name])
        assert weight.dtype == before[name].dtype
        large = weight.ndim == 2 and weight.numel() >= 4096
        quantised = precision == "int8" and large and name.startswith(("encoder.", "span_"))
        num_quantised += quantised
        if precision == "float32":
            assert torch.equal(weight, before[name])
        elif quantised:
            # Half a step of 127 at most is lost, and what half precision takes from the scale.
            largest = before[name].abs().amax(dim=1, keepdim=True)
            assert ((weight - before[name]).abs() <= largest / 250).all()
            error = (weight - before[name]).norm() / before[name].norm()
            assert error < 0.01
        else:
            torch.testing.assert_close(weight, before[name], atol=1e-6, rtol=1e-3)
    assert bool(num_quantised) == (precision == "int8")


@pytest.fixture
def saved(model, tiny_ontology, tmp_path):
    """A file of weights and a function that rewrites it with changed tensors or metadata."""
    path = tmp_path / "weights.safetensors"
    save_weights(model, path, tiny_ontology, "int8")
    metadata = {"format": "1", "ontology": tiny_ontology.digest(), "precision": "int8"}

    def rewrite(change, **other_metadata):
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path, metadata={**metadata, **other_metadata})

    return path, rewrite


LARGE = "encoder.embeddings.word_embeddings.weight"
SMALL = "tag_head.4.bias"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop(SMALL), f"weight '{SMALL}' is missing"),
        (lambda t: t.update(other=torch.zeros(1)), "weight 'other' belongs to no part of the model"),
        (
            lambda t: t.update({SMALL: torch.zeros(3)}),
            rf"weight '{SMALL}' has shape \(3,\), expected \(19,\)",
        ),
        (lambda t: t.update({SMALL: t[SMALL] * float("nan")}), f"weight '{SMALL}' holds values that are not"),
        (lambda t: t.pop(f"{LARGE}.scale"), f"weight '{LARGE}' has no scale for each of its rows"),
        (lambda t: t.update({f"{LARGE}.scale": torch.ones(2, 1)}), f"weight '{LARGE}' has no scale for each"),
        (lambda t: t[f"{LARGE}.scale"].fill_(float("inf")), f"weight '{LARGE}' holds values that are not"),
    ],
    ids=["missing", "left over", "shape", "not finite", "no scale", "wrong scale", "infinite scale"],
)
def test_broken_weights_are_named(saved, tiny_encoder_path, tiny_ontology, change, message):
    path, rewrite = saved
    rewrite(change)
    with pytest.raises(ModelError, match=rf"weights\.safetensors: {message}"):
        load_weights(fresh(tiny_encoder_path, tiny_ontology), path, tiny_ontology)


def test_weights_of_another_ontology(saved, tiny_encoder_path, tiny_ontology):
    path, _ = saved
    raw = tiny_ontology.to_dict()
    raw["mentions"] = dict(reversed(raw["mentions"].items()))
    other = Ontology.from_dict(raw, "other")
    with pytest.raises(ModelError, match=r"weights\.safetensors: weights of another ontology than 'tiny'"):
        load_weights(fresh(tiny_encoder_path, other), path, other)


def test_foreign_and_broken_files(saved, tiny_encoder_path, tiny_ontology):
    path, rewrite = saved
    target = fresh(tiny_encoder_path, tiny_ontology)
    rewrite(lambda tensors: None, format="9")
    with pytest.raises(ModelError, match="weights format '9', expected '1'"):
        load_weights(target, path, tiny_ontology)
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match="weights format None, expected '1'"):
        load_weights(target, path, tiny_ontology)
    raw = path.read_bytes()
    for content in (raw[: len(raw) // 2], b"", b"PK\x03\x04" + bytes(64)):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"weights\.safetensors: not a safetensors file"):
            load_weights(target, path, tiny_ontology)
    path.unlink()
    with pytest.raises(ModelError, match=r"weights\.safetensors: the weights are missing"):
        load_weights(target, path, tiny_ontology)


def test_what_cannot_be_saved(tiny_encoder_path, tiny_ontology, tmp_path):
    model = fresh(tiny_encoder_path, tiny_ontology)
    with pytest.raises(ConfigError, match="precision of weights 'float8': expected one of"):
        save_weights(model, tmp_path / "w.safetensors", tiny_ontology, "float8")
    with pytest.raises(ModelError, match=r"w\.safetensors: cannot be written"):
        save_weights(model, tmp_path / "none" / "w.safetensors", tiny_ontology, "float32")
    with torch.no_grad():
        model.link_head.weight[0, 0] = float("nan")
    for precision in ("float32", "int8"):
        with pytest.raises(ModelError, match=r"weight 'link_head.weight' holds values that are not finite"):
            save_weights(model, tmp_path / "w.safetensors", tiny_ontology, precision)
    assert not (tmp_path / "w.safetensors").exists()


# ---- encoders ----


@pytest.fixture
def encoder_copy(tiny_encoder_path, tmp_path):
    return shutil.copytree(tiny_encoder_path, tmp_path / "encoder")


def test_an_encoder_whose_weights_lack_one_is_refused(encoder_copy):
    path = encoder_copy / "model.safetensors"
    tensors = load_file(path)
    del tensors["encoder.layer.1.output.dense.bias"]
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"weight 'encoder\.layer\.1\.output\.dense\.bias' is missing"):
        load_encoder(str(encoder_copy), 0.1)


def test_an_encoder_whose_file_is_broken_is_refused(encoder_copy):
    path = encoder_copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ModelError, match=r"encoder '.*encoder': cannot be loaded"):
        load_encoder(str(encoder_copy), 0.1)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("package:no_such_package", "package 'no_such_package' is not installed"),
        ("package:sitrep_ie", r"no folder with config\.json and model\.safetensors"),
        ("nowhere/no-such-encoder", "cannot be loaded"),
    ],
)
def test_encoders_that_are_not_there(spec, message):
    with pytest.raises(ModelError, match=message) as caught:
        load_encoder(spec, 0.1)
    assert "\n" not in str(caught.value)


def test_an_encoder_in_a_package(tiny_encoder_path, tmp_path, monkeypatch):
    shutil.copytree(tiny_encoder_path, tmp_path / "some_encoder" / "files")
    (tmp_path / "some_encoder" / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    encoder, _ = load_encoder("package:some_encoder", 0.0)
    expected, _ = load_encoder(str(tiny_encoder_path), 0.0)
    for name, weight in encoder.state_dict().items():
        assert torch.equal(weight, expected.state_dict()[name])


@pytest.mark.parametrize(
    "content",
    ["", "[]", "3", "{}", '{"model_type": "no-such-kind"}', '{"model_type": "bert", "hidden_size": "wide"}'],
)
def test_broken_encoder_configurations(tmp_path, content):
    path = tmp_path / "encoder.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"encoder\.json: no encoder configuration"):
        encoder_from_config(path)


def test_an_encoder_is_built_from_its_configuration_alone(tiny_encoder_path, tmp_path):
    encoder, _ = load_encoder(str(tiny_encoder_path), 0.2)
    encoder.config.to_json_file(str(tmp_path / "encoder.json"), use_diff=True)
    built = encoder_from_config(tmp_path / "encoder.json")
    shapes = {name: weight.shape for name, weight in encoder.named_parameters()}
    assert {name: weight.shape for name, weight in built.named_parameters()} == shapes
    assert built.config.hidden_dropout_prob == 0.2
    assert json.loads((tmp_path / "encoder.json").read_text(encoding="utf-8"))["model_type"] == "bert"
