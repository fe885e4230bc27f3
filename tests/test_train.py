"""The parts of the training loop: targets, batches, losses, rates, averages, where a model starts from."""

from __future__ import annotations

import builtins
import dataclasses
import json
import logging
import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sitrep_ie import train as train_module
from sitrep_ie.bio import tag_names
from sitrep_ie.config import Config, EncodeConfig, ModelConfig, format_toml
from sitrep_ie.document import Annotation, Document, Example, Mention, Relation, Span, Trigger
from sitrep_ie.encode import CASES, TextEncoder, WindowSpans
from sitrep_ie.errors import ConfigError, DependencyError, ModelError, OntologyError
from sitrep_ie.extractor import Extractor
from sitrep_ie.ontology import Ontology
from sitrep_ie.train import (
    DevSet,
    epoch_batches,
    new_extractor,
    read_dev_set,
    train,
    trained_parameters,
    training_text,
    training_window,
)
from tests.golden import first_losses

SMALL = EncodeConfig(max_tokens=48, context_tokens=8, heading_tokens=0)


@pytest.fixture(scope="module")
def text_encoder(tiny_encoder_path):
    return TextEncoder.load(tiny_encoder_path / "tokenizer.json")


@pytest.fixture(scope="module")
def texts(tiny_examples, text_encoder, ontology):
    return [training_text(example, text_encoder, ontology) for example in tiny_examples]


# ---- targets ----


def test_targets_of_a_whole_document(texts, text_encoder, ontology, tiny_examples):
    text, gold = texts[1], tiny_examples[1].gold
    (window,) = text_encoder.windows(text.encoded, EncodeConfig())
    target = training_window(text, window, ontology)
    nodes = gold.spans()
    assert [ontology.span_types[kind] for kind in target.spans.types_N] == [node.type for node in nodes]
    links = {
        (nodes[head], nodes[tail], ontology.relation_names[number])
        for (head, tail), numbers in target.links.items()
        for number in numbers
    }
    assert links == {(link.head, link.tail, link.relation_type) for link in gold.relations}
    for row, node in zip(target.attributes_NA, nodes, strict=True):
        if isinstance(node, Trigger):
            names = {name for name, on in zip(ontology.attributes, row, strict=True) if on == 1.0}
            assert names == node.attributes
        else:
            assert (row == -1.0).all()
    # One B- for each span, one I- for each further word of it, O for the rest.
    begins = np.flatnonzero(target.tags_W % 2 == 1)
    assert begins.tolist() == target.spans.firsts_N.tolist()
    lengths = target.spans.lasts_N - target.spans.firsts_N + 1
    assert int((target.tags_W > 0).sum()) == int(lengths.sum())


def test_a_span_that_a_window_cuts_is_neither_inside_nor_outside(text_encoder, ontology):
    words = ["trucks"] * 30 + ["Karsk"] * 20
    document = Document("d", " ".join(words))
    long = Mention(Span(len("trucks ") * 26, len(document.text) - len("Karsk ") * 15), "OBJECT")
    text = training_text(Example(document, Annotation("d", mentions=(long,))), text_encoder, ontology)
    windows = text_encoder.windows(
        text.encoded, EncodeConfig(max_tokens=34, context_tokens=0, heading_tokens=0)
    )
    targets = [training_window(text, window, ontology) for window in windows]
    assert [len(target.spans.firsts_N) for target in targets] == [0, 0]
    cut = [target.window.words_W[target.tags_W == -100].tolist() for target in targets]
    assert [*cut[0], *cut[1]] == list(range(26, 35))
    assert all((target.tags_W[target.tags_W != -100] == 0).all() for target in targets)


def test_what_cannot_be_learnt_is_told(text_encoder, ontology, caplog):
    document = Document("d9", "Border guards sent trucks.\n\nNB left.")
    guards = Mention(Span(0, 13), "ACTOR")
    sent = Trigger(Span(14, 18), "MOVEMENT")
    truck = Mention(Span(19, 24), "OBJECT")  # without its s
    other = Mention(Span(28, 30), "ACTOR")
    gold = Annotation(
        "d9",
        mentions=(guards, truck, other),
        triggers=(sent,),
        relations=(
            Relation(sent, guards, "AGENT"),
            Relation(sent, truck, "THEME"),
            Relation(sent, other, "AGENT"),
        ),
    )
    with caplog.at_level(logging.WARNING, logger="sitrep_ie.train"):
        text = training_text(Example(document, gold), text_encoder, ontology)
    assert caplog.messages == [
        "document 'd9': OBJECT [19, 24) does not begin and end on words of one paragraph",
        "document 'd9': 1 relations between paragraphs are left out",
    ]
    assert [span.node for span in text.spans] == [guards, sent, other]
    assert text.links == {(1, 0): [ontology.relation_names.index("AGENT")]}


def test_gold_of_another_ontology_is_refused(tiny_examples, text_encoder):
    bare = Ontology.from_dict({"name": "bare", "version": "1", "mentions": {"ACTOR": ""}}, "bare")
    with pytest.raises(OntologyError, match="document 'tiny-convoy'"):
        training_text(tiny_examples[0], text_encoder, bare)


# ---- batches ----


def with_train(config, **values):
    return dataclasses.replace(config, train=dataclasses.replace(config.train, **values))


def flat(batches):
    return [item for batch in batches for item in batch]


def test_an_epoch_shows_every_word_once_as_a_windows_own(texts, text_encoder, ontology):
    config = with_train(Config(encode=SMALL), batch_tokens=128)
    own = [
        (window.window.words_W[slice(*window.window.own)].tolist(), len(window.tags_W))
        for window in flat(epoch_batches(texts, text_encoder, ontology, config, 0))
    ]
    assert sum(len(words) for words, _ in own) == sum(text.encoded.num_words for text in texts)
    for batch in epoch_batches(texts, text_encoder, ontology, config, 0):
        longest = max(item.window.num_tokens for item in batch)
        assert longest <= SMALL.max_tokens
        assert len(batch) == 1 or len(batch) * longest <= 128


def signature(batches):
    return [[item.window.token_ids_L.tolist() for item in batch] for batch in batches]


def test_an_epoch_follows_from_its_number_and_the_seed(texts, text_encoder, ontology):
    config = with_train(Config(encode=SMALL), batch_tokens=128, word_dropout=0.2)

    def epoch(number, config=config):
        return signature(epoch_batches(texts, text_encoder, ontology, config, number))

    assert epoch(3) == epoch(3)
    assert len({str(epoch(number)) for number in range(4)}) == 4
    assert epoch(3) != epoch(3, with_train(config, seed=2))


def test_hidden_words_and_letter_case(texts, text_encoder, ontology):
    config = with_train(Config(), word_dropout=0.5, case_dropout=0.999)
    masked = words = 0
    for item in flat(epoch_batches(texts * 20, text_encoder, ontology, config, 0)):
        window = item.window
        letters = set((window.cases_L[window.cases_L > 0] - 1).tolist())
        assert letters - {CASES.index("digits"), CASES.index("other")} in (
            {CASES.index("lower")},
            {CASES.index("upper")},
        )
        for word in range(window.num_words):
            tokens = window.token_ids_L[window.token_words_L == word]
            hidden = tokens == text_encoder.mask_id
            assert hidden.all() or not hidden.any()
            masked += bool(hidden.all())
            words += 1
        special = window.token_ids_L[window.token_words_L < 0]
        assert set(special.tolist()) == {text_encoder.cls_id, text_encoder.sep_id}
    assert 0.45 < masked / words < 0.55
    plain = with_train(Config(), word_dropout=0.0, case_dropout=0.0)
    for item in flat(epoch_batches(texts, text_encoder, ontology, plain, 0)):
        assert text_encoder.mask_id not in item.window.token_ids_L


# ---- false spans ----


def spans_of(ranges, kind):
    columns = np.array(ranges, dtype=np.int64).reshape(-1, 2).T
    return WindowSpans(columns[0], columns[1], np.full(len(ranges), kind, dtype=np.int64))


@st.composite
def disjoint_ranges(draw):
    ranges, position = [], 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=8)):
        ranges.append((position + gap, position + gap + length - 1))
        position += gap + length
    return ranges


@given(disjoint_ranges(), disjoint_ranges())
@settings(max_examples=100, deadline=None)
def test_false_spans_are_those_that_overlap_no_gold(gold, found):
    merged = train_module._with_false_spans(spans_of(gold, 0), spans_of(found, 1))
    expected = [(first, last, 0) for first, last in gold]
    expected += [(a, b, 1) for a, b in found if not any(a <= last and first <= b for first, last in gold)]
    rows = zip(merged.firsts_N.tolist(), merged.lasts_N.tolist(), merged.types_N.tolist(), strict=True)
    assert list(rows) == sorted(expected)


# ---- losses ----


@pytest.fixture
def step(tiny_config, ontology):
    torch.manual_seed(0)
    extractor = new_extractor(tiny_config, ontology)
    return train_module._TrainingStep(extractor.model, extractor.text_encoder.pad_id, tiny_config.train)


def test_losses_weigh_together(step, texts, text_encoder, ontology):
    windows = [
        training_window(text, window, ontology)
        for text in texts
        for window in text_encoder.windows(text.encoded, SMALL)
    ]
    losses = step(windows, 0)
    assert all(loss.ndim == 0 and torch.isfinite(loss) and loss > 0 for loss in losses.values())
    torch.testing.assert_close(losses["total"], losses["tags"] + losses["links"] + 0.5 * losses["attributes"])


def test_a_batch_without_gold_or_known_words_has_no_infinite_loss(step, text_encoder, ontology):
    document = Document("d", " ".join(["trucks"] * 100))
    whole = Mention(Span(0, len(document.text)), "OBJECT")
    for gold in (Annotation("d"), Annotation("d", mentions=(whole,))):
        text = training_text(Example(document, gold), text_encoder, ontology)
        windows = [
            training_window(text, window, ontology) for window in text_encoder.windows(text.encoded, SMALL)
        ]
        for window in windows:
            losses = step([window], 1)
            assert all(torch.isfinite(loss) for loss in losses.values())
            losses["total"].backward()
    assert all(weight.grad is None or torch.isfinite(weight.grad).all() for weight in step.model.parameters())


def test_first_losses_are_those_on_file(tiny_config):
    """If a change to them is meant: `python -m tests.golden.first_losses` writes the file anew."""
    found = first_losses.first_losses(tiny_config)
    expected = first_losses.read_losses()
    assert len(found) == len(expected) == 10
    for step, (losses, on_file) in enumerate(zip(found, expected, strict=True)):
        assert losses == pytest.approx(on_file, rel=2e-3), f"step {step + 1}"


# ---- optimisation ----


def test_the_rate_rises_then_falls_on_a_line():
    group = {"peak_lr": 2.0, "lr": None}
    optimizer = type("Optimizer", (), {"param_groups": [group]})()
    rates = []
    for number in range(20):
        train_module._set_learning_rate(optimizer, number, 20, 0.2)
        rates.append(group["lr"])
    assert rates[:4] == pytest.approx([0.5, 1.0, 1.5, 2.0])
    assert rates[4] == 2.0
    assert np.diff(rates[4:]) == pytest.approx([-0.125] * 15)
    assert rates[-1] > 0


def test_deep_layers_learn_slower_and_norms_do_not_decay(tiny_config, ontology):
    config = with_train(tiny_config, layer_decay=0.5, weight_decay=0.1, train_embeddings=False)
    model = new_extractor(config, ontology).model
    model.encoder.get_input_embeddings().requires_grad_(False)
    groups = train_module._parameter_groups(model, config)
    rate_of = {
        name: (group["lr"], group["weight_decay"])
        for group in groups
        for parameter in group["params"]
        for name, candidate in model.named_parameters()
        if candidate is parameter
    }
    assert set(rate_of) == {name for name, _ in trained_parameters(model)}
    assert "encoder.embeddings.word_embeddings.weight" not in rate_of
    assert rate_of["encoder.embeddings.position_embeddings.weight"] == pytest.approx((5e-3 / 4, 0.1))
    assert rate_of["encoder.encoder.layer.0.output.dense.weight"] == pytest.approx((5e-3 / 2, 0.1))
    assert rate_of["encoder.encoder.layer.1.output.dense.weight"] == pytest.approx((5e-3, 0.1))
    assert rate_of["encoder.encoder.layer.1.output.dense.bias"] == pytest.approx((5e-3, 0.0))
    assert rate_of["encoder.encoder.layer.1.output.LayerNorm.weight"][1] == 0.0
    assert rate_of["tag_head.1.weight"] == pytest.approx((1e-2, 0.1))


def test_the_average_follows_the_weights_and_can_be_put_in_their_place(tiny_config, ontology):
    model = new_extractor(tiny_config, ontology).model.train()
    name, weight = trained_parameters(model)[0]
    before = weight.detach().clone()
    average = train_module._Average(model, 0.5)
    with torch.no_grad():
        weight += 1.0
    average.update()  # its first step counts for more: decay (1 + 1) / (10 + 1)
    torch.testing.assert_close(average.average[name], before + (1 - 2 / 11))
    with average.applied():
        assert not model.training
        torch.testing.assert_close(weight.detach(), before + (1 - 2 / 11))
    assert model.training
    torch.testing.assert_close(weight.detach(), before + 1.0)
    average.keep_best()
    average.update()
    average.load_best()
    torch.testing.assert_close(weight.detach(), before + (1 - 2 / 11))


def test_masks_from_a_bank_drop_as_many_and_none_when_not_training():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Dropout(0.25), torch.nn.Dropout(0.0))
    train_module._use_bank_dropout(module)
    assert isinstance(module[0], train_module._BankDropout)
    assert isinstance(module[1], torch.nn.Dropout)
    assert module.state_dict() == {}
    states = torch.ones(200, 500)
    dropped = module.train()(states)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.02)
    assert not torch.equal(module(states) == 0, dropped == 0)
    assert torch.equal(module.eval()(states), states)


# ---- where a model starts from ----


def test_a_trained_model_of_the_same_ontology_keeps_its_heads(tiny_config, tiny_model_path, tiny_extractor):
    config = dataclasses.replace(
        tiny_config, model=dataclasses.replace(tiny_config.model, encoder=str(tiny_model_path), dropout=0.3)
    )
    again = new_extractor(config, tiny_extractor.ontology).model
    for name, weight in tiny_extractor.model.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight)
    probabilities = {
        module.p
        for name, module in again.encoder.named_modules()
        if isinstance(module, torch.nn.Dropout) and "attention.self" not in name
    }
    assert probabilities == {0.3}


def test_heads_of_another_shape_start_anew(tiny_config, tiny_model_path, tiny_extractor):
    model = dataclasses.replace(tiny_config.model, encoder=str(tiny_model_path), pair_hidden=16)
    again = new_extractor(dataclasses.replace(tiny_config, model=model), tiny_extractor.ontology).model
    old, new = tiny_extractor.model.state_dict(), again.state_dict()
    assert new["link_head.weight"].shape != old["link_head.weight"].shape
    assert torch.equal(new["tag_head.1.weight"], old["tag_head.1.weight"])


def test_another_ontology_takes_over_what_has_the_same_name(
    tiny_config, tiny_model_path, tiny_extractor, ontology
):
    # The same shapes: types and relations in another order, one of each with another name.
    raw = json.loads(json.dumps(ontology.to_dict()).replace('"RAID"', '"FLOOD"').replace('"PLACE"', '"NEAR"'))
    raw["mentions"] = dict(reversed(raw["mentions"].items()))
    raw["relations"] = dict(reversed(raw["relations"].items()))
    raw["attributes"] = raw["attributes"][::-1]
    other = Ontology.from_dict(raw, "other")
    model = dataclasses.replace(tiny_config.model, encoder=str(tiny_model_path))
    again = new_extractor(dataclasses.replace(tiny_config, model=model), other).model
    old, new = tiny_extractor.model.state_dict(), again.state_dict()
    tables = {
        "type_embedding.weight": (ontology.span_types, other.span_types),
        "tag_head.4.weight": (tag_names(ontology.span_types), tag_names(other.span_types)),
        "link_head.weight": (ontology.relation_names, other.relation_names),
        "link_head.bias": (ontology.relation_names, other.relation_names),
        "attribute_head.3.weight": (ontology.attributes, other.attributes),
    }
    for name, (before, after) in tables.items():
        for row, what in enumerate(after):
            if what in before:
                assert torch.equal(new[name][row], old[name][before.index(what)])
            elif new[name].ndim == 2:
                assert not any(torch.equal(new[name][row], weight) for weight in old[name])
    for name, weight in old.items():
        if name not in tables and name != "tag_head.4.bias" and name != "attribute_head.3.bias":
            assert torch.equal(new[name], weight)


def test_default_is_the_shipped_model(tiny_config, tiny_model_path, tiny_extractor, monkeypatch):
    monkeypatch.setattr(train_module, "default_model_folder", lambda: tiny_model_path)
    config = dataclasses.replace(tiny_config, model=ModelConfig(encoder="default"))
    again = new_extractor(config, tiny_extractor.ontology).model
    name = "encoder.embeddings.position_embeddings.weight"
    assert torch.equal(again.state_dict()[name], tiny_extractor.model.state_dict()[name])


def test_windows_longer_than_the_encoder_takes(tiny_config, ontology):
    config = dataclasses.replace(tiny_config, encode=EncodeConfig(max_tokens=520))
    with pytest.raises(ConfigError, match=r"encode\.max_tokens 520: .* takes at most 512"):
        new_extractor(config, ontology)


# ---- what train refuses ----


def run(config, out, **options):
    return train(config, out, device="cpu", progress=False, **options)


def test_texts_with_other_names_follow_from_the_seed_and_are_learnt_from(tiny_config, tmp_path):
    losses = []
    for name, swap_names in (("a", 0.9), ("b", 0.9), ("without", 0.0)):
        config = with_train(tiny_config, swap_names=swap_names, epochs=2)
        run(config, tmp_path / name)
        lines = (tmp_path / name / "log.jsonl").read_text(encoding="utf-8").splitlines()
        losses.append([json.loads(line)["losses"] for line in lines])
    assert losses[0] == losses[1] != losses[2]


def with_data(config, **paths):
    return dataclasses.replace(config, data=dataclasses.replace(config.data, **paths))


def test_a_run_without_anything_to_learn_from(tiny_config, tmp_path):
    with pytest.raises(ConfigError, match=r"config 'tiny': data\.train names no documents"):
        run(with_data(tiny_config, train=()), tmp_path / "out")
    blank = tmp_path / "blank.jsonl"
    blank.write_text('{"id": "d", "text": " ", "mentions": [], "relations": []}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="config 'tiny': 0 batches of training data, expected at least 1"):
        run(with_data(tiny_config, train=(str(blank),)), tmp_path / "out")


def test_a_folder_that_cannot_be_written(tiny_config, tmp_path):
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(ModelError, match="out: cannot be written"):
        run(tiny_config, tmp_path / "out")


def test_a_precision_that_there_is_not(tiny_config, tmp_path):
    with pytest.raises(ConfigError, match="precision of weights 'float8': expected one of"):
        run(tiny_config, tmp_path / "out", weights="float8")


def test_a_loss_that_is_not_finite_ends_the_run(tiny_config, tmp_path, monkeypatch):
    def forward(self, windows, epoch, whole):
        loss = self.model.link_head.bias.sum() * float("nan")
        return {"total": loss, "tags": loss}

    monkeypatch.setattr(train_module._TrainingStep, "forward", forward)
    with pytest.raises(ModelError, match="epoch 1: the loss is not finite; lower the learning rates"):
        run(tiny_config, tmp_path / "out")


@pytest.mark.parametrize("name", ["accelerate", "tqdm"])
def test_a_missing_library_names_the_extra(tiny_config, tmp_path, monkeypatch, name):
    plain = builtins.__import__

    def without(module, *arguments):
        if module.split(".")[0] == name:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return plain(module, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DependencyError, match=rf"training needs {name}: pip install 'sitrep_ie\[train\]'"):
        run(tiny_config, tmp_path / "out")


def test_dev_sets_have_names(tiny_config, ontology, tiny_examples):
    (entry,) = tiny_config.data.dev
    assert read_dev_set(entry, ontology) == DevSet("seen", tiny_examples)
    assert read_dev_set(entry.removeprefix("seen="), ontology).name == "tiny"


def test_random_state_of_the_caller_is_not_read(texts, text_encoder, ontology):
    config = with_train(Config(encode=SMALL), word_dropout=0.2)
    random.seed(1)
    one = signature(epoch_batches(texts, text_encoder, ontology, config, 0))
    random.seed(2)
    assert signature(epoch_batches(texts, text_encoder, ontology, config, 0)) == one


# ---- several processes ----


def test_two_processes_train_one_model(tiny_config, tmp_path):
    """Each learns from its half of the batches; one of them scores, writes and prints."""
    short = with_train(tiny_config, epochs=2, batch_tokens=96, evaluate_from=0.1)
    (tmp_path / "config.toml").write_text(format_toml(short.to_dict()), encoding="utf-8")
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\n"
        "from sitrep_ie.config import Config\n"
        "from sitrep_ie.train import train\n"
        "train(Config.load(sys.argv[1]), sys.argv[2], device='cpu', progress=False)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)]
        + [str(tmp_path / "config.toml"), str(tmp_path / "model")],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads((tmp_path / "model" / "scores.json").read_text(encoding="utf-8"))
    assert record["epochs"] == 2
    assert Extractor.load(tmp_path / "model", device="cpu").config.train == short.train
