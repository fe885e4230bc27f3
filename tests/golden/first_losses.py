"""Writes tests/golden/first_losses.txt anew: `python -m tests.golden.first_losses`; then read the diff.

The losses of the first steps of a seeded run on a CPU, in float32: what is fed to the network, what it is
made of and how it learns all show in them.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from sitrep_ie.config import Config, TrainConfig
from sitrep_ie.train import train

FILE = Path(__file__).resolve().with_suffix(".txt")
NUM_STEPS = 10


class _Enough(Exception):
    pass


def first_losses(config: Config) -> list[dict[str, float]]:
    """The losses of the first steps with the shipped settings of training, in float32, on one thread."""
    import torch

    from sitrep_ie import train as train_module

    defaults = TrainConfig(seed=5, epochs=8, batch_tokens=96, precision="float32")
    config = dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, dropout=0.1, head_dropout=0.2),
        data=dataclasses.replace(config.data, dev=()),
        train=defaults,
    )
    losses: list[dict[str, float]] = []
    plain = train_module._Loop._step

    def step(self: train_module._Loop, *arguments: object) -> dict[str, float]:
        losses.append(plain(self, *arguments))  # type: ignore[arg-type]
        if len(losses) == NUM_STEPS:
            raise _Enough
        return losses[-1]

    threads = torch.get_num_threads()
    train_module._Loop._step = step  # type: ignore[method-assign]
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            train(config, Path(folder) / "model", device="cpu", progress=False)
    except _Enough:
        pass
    finally:
        train_module._Loop._step = plain  # type: ignore[method-assign]
        torch.set_num_threads(threads)
    return losses


def format_losses(losses: list[dict[str, float]]) -> str:
    names = list(losses[0])
    rows = ["\t".join(f"{entry[name]:.5f}" for name in names) for entry in losses]
    return "\n".join(["\t".join(names), *rows]) + "\n"


def read_losses() -> list[dict[str, float]]:
    head, *rows = FILE.read_text(encoding="utf-8").splitlines()
    return [dict(zip(head.split("\t"), map(float, row.split("\t")), strict=True)) for row in rows]


if __name__ == "__main__":
    from tests.conftest import make_tiny_config, make_tiny_encoder

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_tiny_encoder(folder / "encoder")
        FILE.write_text(
            format_losses(first_losses(make_tiny_config(folder, folder / "encoder"))), encoding="utf-8"
        )
