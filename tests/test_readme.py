"""Every name, option and link in the README and the pages of `docs/` is real; test_docs.py runs them."""

from __future__ import annotations

import importlib.util
import pkgutil
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
EXAMPLES = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
# What a screen shows at once, of a page that is read on the web.
MAX_README_LINES = 60


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def command_lines(page: str) -> list[list[str]]:
    """The command lines of the shell blocks of a page, without comments, long ones joined."""
    lines = [line for block in blocks("sh", page) for line in block.replace("\\\n", " ").splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def commands(program: str, *pages: str) -> list[list[str]]:
    return [line for page in pages or (README,) for line in command_lines(page) if line[0] == program]


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


@pytest.mark.parametrize(
    "command", commands("sitrep-ie", README, EXAMPLES, *DOCS.values()), ids=lambda command: " ".join(command)
)
def test_commands_exist_with_their_options(command):
    assert re.search(rf"\b{command[1]}\b", help_of())
    text = help_of(command[1])
    for option in (word for word in command[2:] if word.startswith("--")):
        assert option in text


@pytest.mark.parametrize(
    "command", commands("python", README, *DOCS.values()), ids=lambda command: " ".join(command)
)
def test_scripts_exist_with_their_options(command):
    if command[1] == "-c":
        compile(command[2], "page", "exec")
        return
    assert command[1] == "-m"
    spec = importlib.util.find_spec(command[2])
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    for option in (word for word in command[3:] if word.startswith("--")):
        assert f'"{option}"' in source


@pytest.mark.parametrize(
    ("page", "target"),
    [(name, link) for name, text in DOCS.items() for link in re.findall(r"\]\((?!http)([^)#]+)", text)],
)
def test_links_between_pages_lead_somewhere(page, target):
    assert (ROOT / "docs" / target).exists()


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)", README))
def test_links_of_the_readme_lead_somewhere(target):
    assert (ROOT / target).exists()


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)", EXAMPLES))
def test_links_of_the_examples_lead_somewhere(target):
    assert (ROOT / "examples" / target).exists()


def test_every_subcommand_is_shown():
    (listed,) = re.findall(r"\{([a-z,]+)\}", help_of())[:1]
    assert set(listed.split(",")) == {command[1] for command in commands("sitrep-ie", DOCS["README.md"])}


def test_every_page_is_in_the_index():
    listed = re.findall(r"^\| \[([\w.-]+)\]\(\1\) \|", DOCS["README.md"], re.MULTILINE)
    assert sorted(listed) == sorted(set(DOCS) - {"README.md"})


def test_every_example_is_described():
    listed = re.findall(r"^\| \[([\w.-]+)\]\(\1\) \|", EXAMPLES, re.MULTILINE)
    present = {path.name for path in (ROOT / "examples").iterdir()} - {"README.md", "__pycache__"}
    assert sorted(listed) == sorted(present)


def test_the_readme_is_one_screen():
    assert len(README.splitlines()) <= MAX_README_LINES


def test_the_readme_shows_the_view_where_there_is_a_picture():
    assert (ROOT / "docs" / "view.png").exists() == ("](docs/view.png)" in README)


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = {command[1] for command in commands("make", README, *DOCS.values())}
    assert shown
    assert shown <= targets


def test_the_module_table_names_every_module():
    (table,) = re.findall(r"^\| module \|.*\n\|---.*\n((?:\|.*\n)+)", DOCS["architecture.md"], re.MULTILINE)
    named = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    present = {name for _, name, _ in pkgutil.iter_modules([str(ROOT / "sitrep_ie")])}
    assert named == present - {"__main__", "cli", "errors"}
