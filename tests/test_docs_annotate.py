"""The commands of docs/annotate.md in their order, in a new folder, with a small model."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from pathlib import Path

import pytest

from sitrep_ie.cli import main
from sitrep_ie.document import Example
from sitrep_ie.extractor import Extractor

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "annotate.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def annotate_by_hand(suggested: Path, done: Path) -> None:
    """Turns an import file of Label Studio into an export, as if all that the model found were right."""
    tasks = json.loads(suggested.read_text(encoding="utf-8"))
    for number, task in enumerate(tasks, 1):
        (prediction,) = task.pop("predictions")
        task |= {"id": number, "annotations": [{"id": number, "result": prediction["result"]}]}
    done.write_text(json.dumps(tasks), encoding="utf-8")


def run(command: str) -> None:
    words = shlex.split(command, comments=True)
    if words[:2] == ["python", "-c"]:
        assert words[3] == ">"
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(words[2], {})
        Path(words[4]).write_text(printed.getvalue(), encoding="utf-8")
    elif words[0] == "mkdir":
        for name in words[2:]:
            Path(name).mkdir(parents=True)
    else:
        assert words[0] == "sitrep-ie"
        assert main(words[1:]) == 0


def test_the_page_leads_from_an_empty_folder_to_a_model(
    tmp_path: Path,
    tiny_model_path: Path,
    tiny_examples: list[Example],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sitrep_ie.extractor.default_model_folder", lambda: tiny_model_path)
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    ran = []
    for command in commands:
        if command.startswith("python -m training."):
            continue  # tests/training/test_suggest.py
        if "convert round1-done.json" in command:
            for name in ("round1", "dev1"):
                annotate_by_hand(Path(f"{name}.json"), Path(f"{name}-done.json"))
        if " train " in command:
            (config,) = blocks("toml")
            assert 'encoder = "default"' in config
            config = config.replace('"default"', json.dumps(str(tiny_model_path)))
            widths = Extractor.load(tiny_model_path, device="cpu").config.model
            own = "".join(
                f"{key} = {getattr(widths, key)}\n"
                for key in ("tag_hidden", "span_hidden", "span_layers", "pair_hidden", "context_hidden")
            )
            config = config.replace("[data]", f"{own}\n[data]").replace("epochs = 12", "epochs = 2")
            Path("mine.toml").write_text(config, encoding="utf-8")
        # So that a second round has something left to choose.
        run(command.replace("--n 50", "--n 2"))
        ran.append(command.split()[1])
        if command.startswith("mkdir"):
            Path("held-out").mkdir()
            for number, example in enumerate(tiny_examples):
                folder = Path("reports" if number else "held-out")
                (folder / "report.txt").with_stem("report" if not number else f"r{number}").write_text(
                    example.document.text, encoding="utf-8"
                )
            Path("reports/more.txt").write_text(
                "A ferry with ninety people on board ran aground near Salt Point on Monday evening.\n",
                encoding="utf-8",
            )
    assert [name for name in ran if name in ("suggest", "convert", "train", "evaluate", "extract")] == [
        "suggest",
        "suggest",
        "convert",
        "convert",
        "train",
        "evaluate",
        "suggest",
        "extract",
    ]
    printed = capsys.readouterr().out
    assert "models/mine: written" in printed
    assert (tmp_path / "errors.md").read_text(encoding="utf-8").startswith("#")
    assert (tmp_path / "models" / "mine" / "weights.safetensors").is_file()
    names = {task["data"]["id"].split("#")[0] for task in json.loads(Path("round1.json").read_text())}
    assert names <= {"reports/r1.txt", "reports/r2.txt", "reports/more.txt"}
    # The second round is made of what the first did not hold.
    rounds = [
        {task["data"]["id"] for task in json.loads(Path(f"round{number}.json").read_text())}
        for number in (1, 2)
    ]
    assert len(rounds[0]) == 2
    assert rounds[1]
    assert rounds[0].isdisjoint(rounds[1])
