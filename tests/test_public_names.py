"""The page of public names: complete, lazy and the same for people and type checkers."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import sitrep_ie
from sitrep_ie import errors

LAZY = [name for name in sitrep_ie.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", LAZY)
def test_every_name_is_what_its_module_defines(name):
    value = getattr(sitrep_ie, name)
    assert value.__module__.startswith("sitrep_ie.")
    assert value is getattr(sys.modules[value.__module__], name)


def test_star_import_gives_exactly_the_public_names():
    namespace: dict[str, object] = {}
    exec("from sitrep_ie import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(sitrep_ie.__all__)
    assert sitrep_ie.__all__ == sorted(set(sitrep_ie.__all__))


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(inspect.getfile(sitrep_ie)).read_text(encoding="utf-8"))
    typed = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == {name: f"sitrep_ie.{module}" for name, module in sitrep_ie._MODULES.items()}
    assert set(typed) == set(LAZY)


def test_every_exception_is_public():
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert defined <= set(sitrep_ie.__all__)
    for name in defined:
        assert issubclass(getattr(sitrep_ie, name), sitrep_ie.SitrepError)


def test_dir_lists_names_before_they_are_used():
    assert set(sitrep_ie.__all__) <= set(dir(sitrep_ie))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'extracts'"):
        _ = sitrep_ie.extracts


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_import_is_light():
    code = """if True:
        import sys, time
        start = time.process_time()
        import sitrep_ie
        print(time.process_time() - start)
        print(*(name for name in sys.modules if "." not in name))
    """
    seconds, loaded = run_python(code).splitlines()
    assert float(seconds) < 0.3
    assert not set(loaded.split()) & {
        "torch",
        "transformers",
        "numpy",
        "pandas",
        "dateparser",
        "sqlite3",
        "rich",
    }


def test_records_and_errors_come_without_tensors():
    code = "import sys; from sitrep_ie import Document, Ontology, SitrepError; print('torch' in sys.modules)"
    assert run_python(code).strip() == "False"
