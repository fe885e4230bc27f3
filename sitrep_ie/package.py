"""A model as a package for pip, which `Extractor.load("package:NAME")` finds once it is installed."""

from __future__ import annotations

import keyword
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from sitrep_ie import __version__
from sitrep_ie.errors import ConfigError, DependencyError, ModelError
from sitrep_ie.extractor import Extractor
from sitrep_ie.hub import (
    CARD_FILE,
    PACKAGE_PREFIX,
    PACKAGED_FOLDER,
    find_model,
    model_files,
    without_front_matter,
)
from sitrep_ie.manifest import NEEDS_LIBRARY

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def build_package(model: Path | str, name: str, version: str, out: Path | str) -> Path:
    """Writes a wheel that holds a model, and returns its path.

    The wheel is for any system and Python, depends on this library, and holds the model's safetensors, JSON,
    TOML and Markdown files, nothing else; the same model gives the same wheel, byte for byte. A wheel of the
    same name and version is replaced when the new one is complete.

    Args:
        model: as of `Extractor.load`; it is loaded, to be sure that it is whole.
        name: of the package, as it is imported.
        version: by the rules of Python packages (PEP 440).
        out: the folder for the wheel, made if need be.

    Raises:
        ConfigError: `name` cannot name such a package, or `version` is none.
        ModelError: there is no whole model, or the wheel cannot be written.
        DependencyError: hatchling or packaging is not installed.
    """
    _check_name(name)
    try:
        from hatchling.builders.wheel import WheelBuilder
        from packaging.version import InvalidVersion, Version
    except ImportError as error:
        raise DependencyError(
            "packages of models need hatchling and packaging: pip install 'sitrep_ie[package]'"
        ) from error
    try:
        version = str(Version(version))
    except InvalidVersion as error:
        raise ConfigError(f"version {version!r}: expected one such as 1.0 or 2.1.3rc1 (PEP 440)") from error
    folder = find_model(model)
    Extractor.load(folder, device="cpu")
    target = Path(out)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target, prefix=".package-") as scratch:
            source = Path(scratch) / "source"
            _write_source(source, folder, name, version)
            (built,) = WheelBuilder(str(source)).build(
                directory=str(Path(scratch) / "dist"), versions=["standard"]
            )
            wheel = target / Path(built).name
            os.replace(built, wheel)
    except OSError as error:
        raise ModelError(f"{out}: cannot be written: {error.strerror or error}") from error
    return wheel


def _check_name(name: str) -> None:
    taken = {"sitrep_ie", *sys.stdlib_module_names}
    if not _NAME.fullmatch(name) or name.endswith("_") or "__" in name:
        raise ConfigError(
            f"name {name!r}: expected lower-case letters, digits and single underscores, such as 'my_model'"
        )
    if name in taken or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise ConfigError(f"name {name!r}: means something in Python already, expected another")


def _write_source(source: Path, model: Path, name: str, version: str) -> None:
    package = source / name
    data = package / PACKAGED_FOLDER
    data.mkdir(parents=True)
    for path in model_files(model):
        # A model that came from the hub lies in its cache as links.
        shutil.copyfile(path, data / path.name)
    (package / "__init__.py").write_text(
        f'"""A model of sitrep_ie: Extractor.load("{PACKAGE_PREFIX}{name}")."""\n\n'
        f'__version__ = "{version}"\n',
        encoding="utf-8",
    )
    card = data / CARD_FILE
    told = without_front_matter(card.read_text(encoding="utf-8")) if card.is_file() else f"# {name}\n"
    (source / "README.md").write_text(told, encoding="utf-8")
    # Name and version hold no quotes: both were checked.
    (source / "pyproject.toml").write_text(
        f"""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "{version}"
description = "A model of sitrep_ie {__version__}: situation reports to event records"
readme = "README.md"
requires-python = ">=3.10"
dependencies = ["sitrep_ie>={NEEDS_LIBRARY}"]

[tool.hatch.build.targets.wheel]
packages = ["{name}"]
""",
        encoding="utf-8",
    )
