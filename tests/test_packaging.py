"""What pyproject.toml, constraints.txt and CHANGELOG.md say agrees with the code."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import sitrep_ie

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Import names that differ from the distribution's.
DISTRIBUTIONS = {
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "text_to_num": "text2num",
}


def requirements(extra: str | None = None) -> dict[str, Requirement]:
    lines = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    found = [Requirement(line) for line in lines]
    return {
        canonicalize_name(item.name): item for item in found if canonicalize_name(item.name) != "sitrep-ie"
    }


def imported_distributions() -> set[str]:
    """Third-party distributions that a module of the library imports anywhere."""
    names = set()
    for path in (ROOT / "sitrep_ie").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    names -= set(sys.stdlib_module_names) | {"sitrep_ie", "tomllib"}
    return {canonicalize_name(DISTRIBUTIONS.get(name, name)) for name in names}


def constraint_lines() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_imports_and_dependencies_are_the_same_set():
    extras = ("batch", "package", "pandas", "ray", "spacy", "train")
    declared = {*requirements(), *(name for extra in extras for name in requirements(extra))}
    assert imported_distributions() == declared


def test_every_dependency_has_a_lower_bound():
    for extra in [None, *PROJECT["optional-dependencies"]]:
        for name, requirement in requirements(extra).items():
            assert {clause.operator for clause in requirement.specifier} & {">=", "==", "~="}, name


def test_extra_all_is_every_extra_but_dev():
    wanted = sorted(set(PROJECT["optional-dependencies"]) - {"all", "dev"})
    assert PROJECT["optional-dependencies"]["all"] == [f"sitrep_ie[{','.join(wanted)}]"]


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_constraints_pin_every_dependency_once_within_its_range(python):
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    pins: dict[str, str] = {}
    for line in constraint_lines():
        if line.marker is None or line.marker.evaluate(environment):
            name = canonicalize_name(line.name)
            assert name not in pins, f"{name} is pinned twice"
            (clause,) = line.specifier
            assert clause.operator == "=="
            pins[name] = clause.version
    for extra in [None, *PROJECT["optional-dependencies"]]:
        for name, requirement in requirements(extra).items():
            if requirement.marker is None or requirement.marker.evaluate(environment):
                assert name in pins, f"{name} is not in constraints.txt"
                assert requirement.specifier.contains(pins[name]), (
                    f"{name} {pins[name]} against {requirement}"
                )


def test_the_installed_version_is_the_package_s():
    assert importlib.metadata.version("sitrep_ie") == sitrep_ie.__version__


def test_changelog_has_a_section_for_the_version():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "check_version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_command_points_at_a_function():
    (target,) = set(PROJECT["scripts"].values())
    module, function = target.split(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_classifiers_name_the_pythons_that_are_allowed():
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert named[0] == PROJECT["requires-python"].removeprefix(">=")
    assert [tuple(map(int, version.split("."))) for version in named] == [
        (3, minor) for minor in range(10, 14)
    ]


def test_no_pickled_weights_are_in_the_package():
    found = [path for path in (ROOT / "models").rglob("*") if path.suffix in {".bin", ".pt", ".pth", ".pkl"}]
    assert found == []
