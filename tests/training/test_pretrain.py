"""Masked-language training: what is hidden, what is packed, what is written."""

from __future__ import annotations

import json

import pytest
import torch
from transformers import AutoTokenizer

from sitrep_ie.model import load_encoder
from training.pretrain import FACTS_FILE, masked_batch, pretrain, sequences


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder_path):
    return AutoTokenizer.from_pretrained(tiny_encoder_path)


def test_sequences_lose_nothing_and_end_paragraphs(tokenizer):
    texts = ["a b c\n\n d e \nf", "g", " \n", "h i j k l m n o p q"]
    packed = sequences(texts, tokenizer, 8)
    assert max(map(len, packed)) <= 7
    separator = tokenizer.sep_token_id
    assert all(ids[-1] == separator for ids in packed)
    words = [tokenizer.convert_ids_to_tokens([i for i in ids if i != separator]) for ids in packed]
    # Two paragraphs together, the third for itself, the text that is too long in two; texts stay apart.
    assert words == [list("abcde"), ["f"], ["g"], list("hijklm"), list("nopq")]


def test_a_fifth_is_hidden_and_never_a_special_token(tokenizer):
    vocabulary = len(tokenizer)
    (ids,) = sequences(["convoy " * 150], tokenizer, 512)
    generator = torch.Generator().manual_seed(3)
    token_ids, attention, chosen, true = masked_batch(
        [ids] * 40 + [ids[-3:]], tokenizer, vocabulary, generator
    )
    convoy = tokenizer.convert_tokens_to_ids("convoy")
    assert set(true.tolist()) == {convoy}
    assert attention[-1].sum() == 4
    assert not chosen[:, 0].any()
    assert not chosen[attention == 0].any()
    share = chosen.sum() / (attention.sum() - 2 * 41)
    assert share == pytest.approx(0.2, abs=0.02)
    hidden = token_ids[chosen]
    assert (hidden == tokenizer.mask_token_id).float().mean() == pytest.approx(0.8, abs=0.04)
    assert (hidden == convoy).float().mean() == pytest.approx(0.1, abs=0.03)
    # Everywhere else the text stands as it is.
    assert (token_ids[~chosen & (attention == 1)][1:-1] != tokenizer.mask_token_id).all()


def test_training_makes_an_encoder_that_guesses_better(tiny_encoder_path, tmp_path, caplog):
    texts = [f"guards sent convoy {number} to the town" for number in range(120)]
    facts = {}
    for epochs in (1, 25):
        facts[epochs] = pretrain(
            texts,
            str(tiny_encoder_path),
            tmp_path / str(epochs),
            epochs=epochs,
            learning_rate=2e-3,
            seed=1,
            max_tokens=32,
        )
    assert facts[25]["held_out_texts"] > 0
    assert facts[25]["held_out_loss"] < facts[1]["held_out_loss"] - 0.5
    assert json.loads((tmp_path / "25" / FACTS_FILE).read_text()) == facts[25]
    encoder, backend = load_encoder(str(tmp_path / "25"), 0.1)
    assert encoder.config.hidden_size == 32
    assert backend.token_to_id("convoy") is not None
