"""What the README and the pages of `docs/` show is run, page by page, in a folder that has what they take.

Shell commands and Python examples run in the order of the page, so that one may use what another wrote.
`NOT_RUN` lists what costs too much or changes the machine; test_readme.py checks its options all the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import re
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from sitrep_ie.cli import main
from tests.conftest import make_tiny_encoder
from tests.test_readme import DOCS, EXAMPLES, README, ROOT, command_lines
from training import write_limits

PAGES = {"README.md": README, "examples/README.md": EXAMPLES} | {f"docs/{n}": t for n, t in DOCS.items()}
# Beginnings of commands, each with the reason why no test runs it.
NOT_RUN = {
    "make": "installs into .venv, or is this test's own caller",
    "pip install": "changes the environment",
    "sitrep-ie train": "minutes; tests/test_flow.py trains a small model by the same command",
    "python -m training.reproduce": "an hour; needs corpora that are not part of the repository",
    "python -m training.leave_one_out": "hours; needs corpora that are not part of the repository",
    "python -m training.few_shot": "hours; needs corpora that are not part of the repository",
    "python -m training.calibrate": "minutes; tests/training/test_calibrate.py runs it on a small model",
}
# Pages whose commands a test of their own runs, or which tell of machines that no test has.
ELSEWHERE = {
    "docs/annotate.md": "tests/test_docs_annotate.py",
    "docs/dependencies.md": "tests/test_dependencies.py",
    "docs/scale.md": "tests/test_batch_ray.py",
    "docs/speed.md": "tests/training/test_speed.py",
}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MADE = re.compile(r"<!-- records: [^>]+ -->\n\Z")
# A line of GeoNames: id, name, ASCII name, other names, latitude, longitude, class, code, country, ...
_DUMP = "9000001,Tell Example,Tell Example,,35.5,40.1,P,PPL,SY,,02,,,,1200,,210,Asia/Damascus,2031-01-01"


@pytest.fixture
def folder(tmp_path, monkeypatch, tiny_model_path) -> Path:
    """A working folder as the pages take it: the repository's data, and files of the reader's own."""
    for name in ("configs", "docs", "examples", "training"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "examples" / "monitor.txt", tmp_path / "report.txt")
    shutil.copytree(ROOT / "examples", tmp_path / "reports", ignore=shutil.ignore_patterns("*.md", "*.py"))
    with zipfile.ZipFile(tmp_path / "SY.zip", "w") as dump:
        dump.writestr("SY.txt", _DUMP.replace(",", "\t") + "\n")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "default").symlink_to(ROOT / "models" / "default")
    shutil.copytree(tiny_model_path, tmp_path / "models" / "mine")
    monkeypatch.chdir(tmp_path)
    _own_annotations(tmp_path)
    return tmp_path


def _own_annotations(folder: Path) -> None:
    from sitrep_ie.formats import read_examples, write_examples
    from sitrep_ie.ontology import Ontology

    ontology = Ontology.load("configs/ontology.toml")
    few = read_examples("training/data/authored/dev.ann", ontology)[:2]
    (folder / "data").mkdir()
    for name in ("data/mine.dev.jsonl", "data/dev.re3d.jsonl", "predicted.jsonl", "labelstudio-export.json"):
        write_examples(name, few, ontology)


@pytest.fixture(scope="session")
def disasters_model_path(tmp_path_factory) -> Path:
    """An untrained small model of the other ontology that docs/ontology.md trains one of."""
    from sitrep_ie.config import Config
    from sitrep_ie.ontology import Ontology
    from sitrep_ie.train import new_extractor

    config = Config.load(ROOT / "configs" / "disasters.toml")
    encoder = make_tiny_encoder(tmp_path_factory.mktemp("encoder"))
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, encoder=str(encoder)))
    path = tmp_path_factory.mktemp("disasters") / "model"
    new_extractor(config, Ontology.load(config.data.ontology)).save(path, "float32")
    return path


def _write_events(path: Path) -> None:
    """Records as `batch` writes them, for pages that take them as given."""
    from sitrep_ie.assemble import Resolvers, assemble
    from sitrep_ie.formats import read_examples
    from sitrep_ie.ontology import Ontology

    ontology = Ontology.load("configs/ontology.toml")
    examples = read_examples("data/mine.dev.jsonl", ontology)
    reports = (assemble(e.document, e.gold, ontology, Resolvers.none()) for e in examples)
    path.write_text("".join(f"{report.to_json()}\n" for report in reports), encoding="utf-8")


def is_run(command: list[str]) -> bool:
    return not any(" ".join(command).startswith(start) for start in NOT_RUN)


@pytest.mark.parametrize("page", [name for name in PAGES if name not in ELSEWHERE])
def test_what_a_page_shows_runs(page, folder, disasters_model_path, capsys):
    (folder / "runs").mkdir()
    shutil.copytree(disasters_model_path, folder / "runs" / "disasters")
    text = PAGES[page]
    if "--out events.jsonl" not in text:
        _write_events(folder / "events.jsonl")
    namespace: dict[str, object] = {}
    printed: str | None = None
    end = 0
    for match in _FENCE.finditer(text):
        between, end = text[end : match.start()], match.end()
        language, body = match.groups()
        if language == "sh":
            for command in command_lines(match[0]):
                if is_run(command):
                    run(command, capsys)
        elif language == "python":
            capsys.readouterr()
            exec(compile(body, page, "exec"), namespace)
            printed = capsys.readouterr().out
            continue
        elif language == "toml":
            assert stands_in(Path("configs").glob("*.toml"), body)
        elif _MADE.search(text, 0, match.start()):
            assert language in ("json", "text")  # made and held by training.write_docs
        elif printed is not None:
            assert language == "text"
            if "such as" in between:
                assert set(body.splitlines()) <= set(printed.splitlines())
            else:
                assert body == printed
        else:
            assert language == "text"
            assert stands_in(Path("training/data").rglob("*.ann"), body)
        printed = None


def run(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if command[0] == "sitrep-ie":
        arguments = [str(path) for word in command[1:] for path in expanded(word)]
        status = main(arguments)
    else:
        assert command[:2] == ["python", "-m"], f"{command}: no test knows how to run it"
        status = importlib.import_module(command[2]).main(command[3:])
    shown = capsys.readouterr()
    assert status == 0, f"{command}: {shown.err}"
    with contextlib.suppress(ValueError):
        written = Path(command[command.index("--out") + 1])
        assert written.stat().st_size > 0


def stands_in(paths: Iterable[Path], body: str) -> bool:
    return any(body in path.read_text(encoding="utf-8") for path in paths)


def expanded(word: str) -> list[Path | str]:
    return sorted(Path().glob(word)) if "*" in word else [word]


def test_what_is_not_run_is_shown_somewhere():
    shown = [" ".join(command) for text in PAGES.values() for command in command_lines(text)]
    for start in NOT_RUN:
        if start != "python -m training.few_shot":
            assert any(command.startswith(start) for command in shown), start
    assert len(NOT_RUN) <= 8


def test_pages_that_are_run_elsewhere_name_a_test():
    for page, test in ELSEWHERE.items():
        if page in PAGES:
            assert (ROOT / test).is_file(), f"{page}: {test} is missing"


def test_the_readme_example_prints_a_line_for_every_event(folder, capsys):
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    namespace: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), namespace)
    printed = capsys.readouterr().out.splitlines()
    assert any(line.startswith("MOVEMENT 2031-03-") for line in printed)
    assert len(printed) == len(namespace["report"].events)


# ---- figures ----


def test_scores_that_the_pages_tell_are_those_of_the_shipped_model():
    dev = json.loads(write_limits.SCORES.read_text(encoding="utf-8"))["dev"]
    levels = ("mentions", "trig_i", "trig_c", "arg_i", "arg_c", "relations", "attributes")
    for name, found in dev.items():
        cells = [f"{100 * found['scores'][level]['f1']:.1f}" for level in levels]
        assert f"| shipped, {name} | {' | '.join(cells)} |" in DOCS["evaluate.md"]
    readme = " ".join(README.split())
    for level, words in (("mentions", "with an F1 of"), ("trig_c", "event types"), ("arg_c", "roles")):
        figures = [round(100 * found["scores"][level]["f1"]) for found in dev.values()]
        assert f"{words} {min(figures)} to {max(figures)}" in readme


def test_the_error_rates_are_those_of_the_shipped_model(capsys):
    assert write_limits.main(["--check"]) == 0, capsys.readouterr().err


def test_every_level_has_its_table():
    page = DOCS["limits.md"]
    assert re.findall(r"<!-- rates: (\w+) -->\n\| ", page) == list(write_limits.LEVELS)
    scores = json.loads(write_limits.SCORES.read_text(encoding="utf-8"))
    for level in write_limits.LEVELS:
        for dev in scores["dev"].values():
            assert all(
                re.search(rf"^\| {name}\b", page, re.MULTILINE) for name in dev["scores"][level]["types"]
            )


def test_rates_are_pooled_and_small_numbers_marked(tmp_path, capsys):
    def found(tp: int, fp: int, fn: int) -> dict[str, object]:
        types = {"PLACE": {"tp": tp, "fp": fp, "fn": fn}, "VIA": {"tp": 0, "fp": 0, "fn": 2}}
        return {"scores": {"relations": {"types": types}}}

    page, scores = tmp_path / "page.md", tmp_path / "scores.json"
    scores.write_text(
        json.dumps({"dev": {"one": found(30, 10, 0), "two": found(30, 0, 20)}}), encoding="utf-8"
    )
    page.write_text("Before\n<!-- rates: relations -->\n| old |\nAfter\n", encoding="utf-8")
    arguments = ["--page", str(page), "--scores", str(scores)]
    assert write_limits.main([*arguments, "--check"]) == 1
    assert "run python -m training.write_limits" in capsys.readouterr().err
    assert write_limits.main(arguments) == 0
    assert page.read_text(encoding="utf-8") == (
        "Before\n<!-- rates: relations -->\n"
        "| role or relation | in the reports | missed | found, of these wrong |\n|---|---|---|---|\n"
        "| PLACE | 80 | 25 % | 14 % |\n| VIA (few) | 4 | 100 % | - |\n| all | 84 | 29 % | 14 % |\nAfter\n"
    )
    page.write_text("<!-- rates: nothing -->\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rates: nothing -->: expected one of \['mentions'"):
        write_limits.main(arguments)
