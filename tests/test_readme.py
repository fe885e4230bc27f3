"""Every example and every name in the README, and every command in `docs/`, is real."""

from __future__ import annotations

import importlib.util
import pkgutil
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def commands(program: str, *pages: str) -> list[list[str]]:
    """Command lines of the shell blocks, comments cut off."""
    found = [block for page in pages or (README,) for block in blocks("sh", page)]
    lines = [line.split("#")[0].split() for block in found for line in block.splitlines()]
    return [line for line in lines if line and line[0] == program]


@cache
def help_of(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sitrep_ie", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return done.stdout


def test_python_examples_run(monkeypatch, tmp_path, capsys):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    examples = blocks("python")
    assert examples
    namespace: dict[str, object] = {}
    for example in examples:
        exec(compile(example, "README.md", "exec"), namespace)
    printed = capsys.readouterr().out.splitlines()
    assert any(line.startswith("MOVEMENT 2031-03-") for line in printed)
    assert {line.split()[0] for line in printed} >= {path.stem for path in (ROOT / "examples").glob("*.txt")}


@pytest.mark.parametrize("command", commands("sitrep-ie", README, *DOCS.values()), ids=" ".join)
def test_commands_exist_with_their_options(command):
    assert re.search(rf"\b{command[1]}\b", help_of())
    text = help_of(command[1])
    for option in (word for word in command[2:] if word.startswith("--")):
        assert option in text


@pytest.mark.parametrize("command", commands("python", README, *DOCS.values()), ids=" ".join)
def test_scripts_exist_with_their_options(command):
    assert command[1] == "-m"
    spec = importlib.util.find_spec(command[2])
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    for option in (word for word in command[3:] if word.startswith("--")):
        assert f'"{option}"' in source


@pytest.mark.parametrize(
    ("page", "target"),
    [(name, link) for name, text in DOCS.items() for link in re.findall(r"\]\((?!http)([^)#]+)\)", text)],
)
def test_links_between_pages_lead_somewhere(page, target):
    assert (ROOT / "docs" / target).exists()


def test_every_subcommand_is_shown():
    (listed,) = re.findall(r"\{([a-z,]+)\}", help_of())[:1]
    assert set(listed.split(",")) == {command[1] for command in commands("sitrep-ie")}


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {command[1] for command in commands("make")} <= targets


def test_the_module_table_names_every_module():
    (table,) = re.findall(r"^\| module \|.*\n\|---.*\n((?:\|.*\n)+)", README, re.MULTILINE)
    named = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    present = {name for _, name, _ in pkgutil.iter_modules([str(ROOT / "sitrep_ie")])}
    assert named == present - {"__main__", "cli", "errors"}


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_links_inside_the_repository_lead_somewhere(target):
    assert (ROOT / target).exists()
