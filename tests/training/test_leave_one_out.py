"""What is left out is left out whole, and scored on its own dev set."""

from __future__ import annotations

from sitrep_ie.config import Config, DataConfig
from sitrep_ie.formats import read_examples, write_jsonl
from training.corpora import read_corpus
from training.leave_one_out import BASE_ENCODER, without


def test_a_source_is_left_out_whole(ontology, tiny_examples, tmp_path):
    authored = read_corpus("authored", "train", None, ontology)[:5]
    write_jsonl(tmp_path / "train.jsonl", [*authored, *tiny_examples])
    write_jsonl(tmp_path / "dev.authored.jsonl", tiny_examples[:1])
    write_jsonl(tmp_path / "dev.other.jsonl", tiny_examples[:1])
    config = Config(
        name="c",
        data=DataConfig(
            ontology="configs/ontology.toml",
            train=(str(tmp_path / "train.jsonl"),),
            dev=(f"authored={tmp_path / 'dev.authored.jsonl'}", f"other={tmp_path / 'dev.other.jsonl'}"),
        ),
    )
    changed = without(config, "authored", tmp_path, tmp_path / "out", BASE_ENCODER)
    (path,) = changed.data.train
    assert [e.document.id for e in read_examples(path, ontology)] == [e.document.id for e in tiny_examples]
    assert changed.data.dev == (f"authored={tmp_path / 'dev.authored.jsonl'}",)
    assert changed.name == "c-without-authored"
    assert changed.model.encoder == BASE_ENCODER
    assert changed.train == config.train
