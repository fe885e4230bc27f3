"""The whole way: annotated reports, training, a model folder, extraction, evaluation."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from sitrep_ie import train as train_module
from sitrep_ie.config import Config
from sitrep_ie.errors import ConfigError, ModelError
from sitrep_ie.extractor import Extractor
from sitrep_ie.formats import data_digest, read_examples
from sitrep_ie.ontology import Ontology
from sitrep_ie.score import Scores
from sitrep_ie.train import evaluate, train

FILES = [
    "README.md",
    "config.toml",
    "encoder.json",
    "log.jsonl",
    "manifest.json",
    "ontology.json",
    "scores.json",
    "tokenizer.json",
    "weights.safetensors",
]


@pytest.fixture(scope="module", autouse=True)
def small_bank():
    """Masks of dropout come from a smaller bank: drawing the usual one takes longer than the training."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train_module._BankDropout, "_BANK_SIZE", 1 << 18)
        yield


@pytest.fixture(scope="module")
def short_config(tiny_config):
    """Three epochs with all that is random: dropout, masks, false spans, an average, dev scores."""
    return dataclasses.replace(
        tiny_config,
        model=dataclasses.replace(tiny_config.model, dropout=0.1, head_dropout=0.2),
        train=dataclasses.replace(
            tiny_config.train,
            epochs=3,
            batch_tokens=128,
            encoder_learning_rate=1e-3,
            ema_decay=0.9,
            word_dropout=0.1,
            case_dropout=0.3,
            evaluate_from=0.3,
            train_embeddings=False,
        ),
    )


def run(config, out, **options):
    return train(config, out, device="cpu", weights="float32", progress=False, **options)


def log_of(out):
    lines = (out / "log.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    return [{key: entry[key] for key in entry if key in ("epoch", "losses", "dev")} for entry in entries]


def test_train_load_extract_evaluate(tiny_model_path, tiny_config, tiny_examples):
    assert sorted(path.name for path in tiny_model_path.iterdir()) == FILES
    extractor = Extractor.load(tiny_model_path, device="cpu")
    reports = list(extractor.extract_many(example.document for example in tiny_examples))
    assert [report.document for report in reports] == [example.document for example in tiny_examples]
    assert [[event.type for event in report] for report in reports] == [
        ["MOVEMENT", "MOVEMENT"],
        ["AIRSTRIKE", "DEATH", "DETENTION"],
        ["DETENTION"],
    ]
    scores = evaluate(extractor, tiny_examples)
    assert scores.mentions.f1 == scores.arg_c.f1 == scores.attributes.f1 == 1.0


def test_the_folder_tells_what_the_model_is(tiny_model_path, tiny_config, tiny_examples, ontology):
    assert Config.load(tiny_model_path / "config.toml").train == tiny_config.train
    assert Ontology.load(tiny_model_path / "ontology.json") == ontology
    record = json.loads((tiny_model_path / "scores.json").read_text(encoding="utf-8"))
    assert record["ontology"] == ontology.digest()
    assert (record["seed"], record["epochs"], record["best_epoch"]) == (1, 30, 30)
    assert record["train"] == {"documents": 3, "sha256": data_digest(tiny_examples)}
    assert Scores.from_dict(record["dev"]["seen"]["scores"]).mentions.f1 == 1.0
    card = (tiny_model_path / "README.md").read_text(encoding="utf-8")
    assert f"| seen | 3 | {data_digest(tiny_examples)[:12]} | 100.0 |" in card
    log = log_of(tiny_model_path)
    assert [entry["epoch"] for entry in log] == list(range(1, 31))
    assert ["dev" in entry for entry in log] == [False] * 29 + [True]
    assert log[-1]["losses"]["total"] < 0.1 * log[0]["losses"]["total"]


def test_a_seed_gives_the_same_bytes_and_another_seed_others(short_config, whole, tmp_path):
    run(short_config, tmp_path / "again")
    weights = [out / "weights.safetensors" for out in (whole, tmp_path / "again")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert log_of(tmp_path / "again") == log_of(whole)
    other = dataclasses.replace(short_config, train=dataclasses.replace(short_config.train, seed=2, epochs=1))
    run(other, tmp_path / "other")
    assert log_of(tmp_path / "other")[0]["losses"] != log_of(whole)[0]["losses"]


class Killed(BaseException):
    pass


def run_until(config, out, epoch):
    """Trains until the run dies as it begins this epoch, the first being 1."""
    plain = train_module._Loop.run_epoch

    def run_epoch(self, bar):
        if self.run.epoch + 1 == epoch:
            raise Killed
        return plain(self, bar)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train_module._Loop, "run_epoch", run_epoch)
        with pytest.raises(Killed):
            run(config, out)


@pytest.fixture(scope="module")
def whole(short_config, tmp_path_factory):
    """The folder of a run from beginning to end."""
    out = tmp_path_factory.mktemp("whole") / "model"
    run(short_config, out)
    return out


@pytest.mark.parametrize("epoch", [2, 3])
def test_a_killed_run_goes_on_as_if_nothing_had_been(short_config, whole, tmp_path, epoch):
    run_until(short_config, tmp_path / "killed", epoch)
    assert (tmp_path / "killed" / "checkpoint" / "progress.json").is_file()
    assert not (tmp_path / "killed" / "weights.safetensors").exists()
    run(short_config, tmp_path / "killed")
    weights = [out / "weights.safetensors" for out in (whole, tmp_path / "killed")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert log_of(tmp_path / "killed") == log_of(whole)
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == FILES


def test_a_killed_run_goes_on_with_the_same_average(short_config, tmp_path):
    """Without dev sets it is the last average that is saved, not one from before the end."""
    config = with_data(short_config, dev=())
    run(config, tmp_path / "whole")
    run_until(config, tmp_path / "killed", 3)
    run(config, tmp_path / "killed")
    weights = [tmp_path / name / "weights.safetensors" for name in ("whole", "killed")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.fixture(scope="module")
def killed_once(short_config, tmp_path_factory):
    out = tmp_path_factory.mktemp("killed") / "model"
    run_until(short_config, out, 2)
    return out


@pytest.fixture
def killed(killed_once, tmp_path):
    """A copy of the folder of a run that was killed after its first epoch."""
    return shutil.copytree(killed_once, tmp_path / "killed")


def with_data(config, **paths):
    return dataclasses.replace(config, data=dataclasses.replace(config.data, **paths))


def test_another_configuration_or_other_data_is_refused(short_config, killed, tmp_path):
    (data,) = short_config.data.train
    text = Path(data).read_text(encoding="utf-8")
    fewer = tmp_path / "fewer.ann"
    fewer.write_text(text[: text.index("# id: tiny-plain")], encoding="utf-8")
    onto = tmp_path / "other.toml"
    shipped = Path(short_config.data.ontology).read_text(encoding="utf-8")
    onto.write_text(shipped.replace('tail = ["DATE"]', 'tail = ["DATE", "QUANTITY"]'), encoding="utf-8")
    rates = dataclasses.replace(short_config.train, head_learning_rate=1e-4)
    for other in (
        dataclasses.replace(short_config, train=rates),
        with_data(short_config, train=(str(fewer),)),
        with_data(short_config, dev=(f"seen={fewer}",)),
        with_data(short_config, ontology=str(onto)),
    ):
        with pytest.raises(ConfigError, match="checkpoint of another configuration or other data; remove"):
            run(other, killed)
    # The same data elsewhere is the same data.
    moved = tmp_path / "moved.ann"
    moved.write_text(text, encoding="utf-8")
    run(with_data(short_config, train=(str(moved),), dev=(f"seen={moved}",)), killed)
    assert (killed / "weights.safetensors").is_file()


def cut_state(folder):
    path = folder / "state.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def drop_weight(folder):
    tensors = load_file(folder / "state.safetensors")
    del tensors["average/tag_head.1.weight"]
    save_file(tensors, folder / "state.safetensors")


@pytest.mark.parametrize(
    "breaking",
    [
        cut_state,
        drop_weight,
        lambda folder: (folder / "state.safetensors").unlink(),
        lambda folder: (folder / "progress.json").unlink(),
        lambda folder: (folder / "progress.json").write_text("{", encoding="utf-8"),
        lambda folder: (folder / "progress.json").write_text("[]", encoding="utf-8"),
        lambda folder: (folder / "progress.json").write_text('{"average_steps": 3}', encoding="utf-8"),
    ],
    ids=["cut", "weight", "no state", "no progress", "no JSON", "list", "no epoch"],
)
def test_a_broken_checkpoint_is_refused(short_config, killed, breaking):
    breaking(killed / "checkpoint")
    with pytest.raises(
        ModelError, match=r"checkpoint: broken checkpoint \(.*\); remove the folder"
    ) as caught:
        run(short_config, killed)
    assert "\n" not in str(caught.value)


def test_a_run_killed_between_two_checkpoints_has_the_older(short_config, killed):
    (killed / "checkpoint").rename(killed / "checkpoint.old")
    (killed / "checkpoint.new").mkdir()
    run(short_config, killed)
    assert [entry["epoch"] for entry in log_of(killed)] == [1, 2, 3]
    assert sorted(path.name for path in killed.iterdir()) == FILES


def test_a_run_stops_when_dev_no_longer_gets_better(short_config, tmp_path):
    rates = {"encoder_learning_rate": 1e-12, "head_learning_rate": 1e-12, "patience": 1, "evaluate_from": 0.0}
    still = dataclasses.replace(short_config, train=dataclasses.replace(short_config.train, **rates))
    run(still, tmp_path / "still")
    record = json.loads((tmp_path / "still" / "scores.json").read_text(encoding="utf-8"))
    assert (record["epochs"], record["best_epoch"]) == (2, 1)


def test_without_dev_sets_the_last_weights_are_kept(short_config, tmp_path):
    assert run(with_data(short_config, dev=()), tmp_path / "model") == {}
    record = json.loads((tmp_path / "model" / "scores.json").read_text(encoding="utf-8"))
    assert (record["epochs"], record["best_epoch"], record["dev"]) == (3, 3, {})
    examples = read_examples(short_config.data.train[0], Ontology.load(short_config.data.ontology))
    assert len(list(Extractor.load(tmp_path / "model").annotate_many(e.document for e in examples))) == 3


def test_a_folder_used_again_has_one_log(short_config, tmp_path):
    once = dataclasses.replace(short_config, train=dataclasses.replace(short_config.train, epochs=1))
    for _ in range(2):
        run(once, tmp_path / "model")
        assert [entry["epoch"] for entry in log_of(tmp_path / "model")] == [1]
