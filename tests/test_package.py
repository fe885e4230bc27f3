"""Models as wheels: built, installed where nothing else is, and found by name."""

from __future__ import annotations

import builtins
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sitrep_ie.cli import main
from sitrep_ie.errors import ConfigError, DependencyError, ModelError
from sitrep_ie.package import build_package

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tiny_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tmp_path_factory.mktemp("packaged") / "model"
    shutil.copytree(tiny_model_path, model)
    (model / "run.py").write_text("print('no')")
    (model / "old.bin").write_bytes(b"pickled")
    return build_package(model, "tiny_model", "1.0", tmp_path_factory.mktemp("wheels") / "new")


def test_the_wheel_holds_the_model_and_nothing_else(wheel: Path, tiny_model_path: Path) -> None:
    assert wheel.name == "tiny_model-1.0-py3-none-any.whl"
    assert [path.name for path in wheel.parent.iterdir()] == [wheel.name]
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        inside = {name for name in names if not name.startswith("tiny_model-1.0.dist-info/")}
        kinds = (".safetensors", ".json", ".toml", ".md")
        model = {path.name for path in tiny_model_path.iterdir() if path.suffix in kinds}
        assert inside == {"tiny_model/__init__.py", *(f"tiny_model/model/{name}" for name in model)}
        for name in model:
            assert archive.read(f"tiny_model/model/{name}") == (tiny_model_path / name).read_bytes()
        metadata = archive.read("tiny_model-1.0.dist-info/METADATA").decode()
    assert "Requires-Dist: sitrep-ie>=" in metadata.replace("sitrep_ie", "sitrep-ie")


def test_the_wheel_installs_and_is_found_by_name(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    # Neither an index nor what it depends on: only this file.
    install = [
        "-m",
        "pip",
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        "--no-compile",
        "--target",
        str(target),
    ]
    subprocess.run([sys.executable, *install, str(wheel)], check=True, capture_output=True)
    code = """if True:
        import json
        from sitrep_ie.extractor import Extractor
        extractor = Extractor.load("package:tiny_model", device="cpu")
        report = extractor.extract("May 3: no vehicles entered Karsk.")
        print(json.dumps([str(extractor._folder), [event.type for event in report]]))
    """
    path = os.pathsep.join([str(target), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    folder, types = json.loads(done.stdout)
    assert folder == str(target / "tiny_model" / "model")
    assert types == ["MOVEMENT"]


def test_the_same_model_gives_the_same_wheel(
    wheel: Path, tiny_model_path: Path, tmp_path: Path, capsys: Any
) -> None:
    command = ["package", str(tiny_model_path), "--name", "tiny_model", "--version", "01.0", "--out"]
    assert main([*command, str(tmp_path)]) == 0
    assert "once installed: --model package:tiny_model" in capsys.readouterr().out
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize(
    "name",
    ["My_Model", "my-model", "1st", "", "a b", "a/b", "../a", "_a", "a_", "a__b", 'a"', "json", "class",
     "match", "sitrep_ie", "modèle"],
)  # fmt: skip
def test_names_that_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name "):
        build_package(tmp_path, name, "1.0", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("version", ["", "one", "1.0 beta of mine", "1..0", '1"', "1/2"])
def test_versions_that_are_refused(version: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected one such as 1.0"):
        build_package(tmp_path, "mine", version, tmp_path / "out")


def test_what_is_no_model_is_refused(tiny_model_path: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"
    with pytest.raises(ModelError, match="no model folder"):
        build_package(tmp_path / "none", "mine", "1.0", out)
    with pytest.raises(ModelError, match="is missing, expected a folder written by training"):
        build_package(tmp_path, "mine", "1.0", out)
    broken = tmp_path / "broken"
    shutil.copytree(tiny_model_path, broken)
    weights = broken / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"weights\.safetensors"):
        build_package(broken, "mine", "1.0", out)
    assert not out.exists()
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ModelError, match="file: cannot be written"):
        build_package(tiny_model_path, "mine", "1.0", file)
    command = ["package", str(broken), "--name", "mine", "--version", "1.0", "--out", str(out)]
    assert main(command) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_without_hatchling_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("hatchling"):
            raise ImportError("not here")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DependencyError, match=r"pip install 'sitrep_ie\[package\]'"):
        build_package(tmp_path, "mine", "1.0", tmp_path / "out")
