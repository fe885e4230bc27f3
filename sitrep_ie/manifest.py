"""What a model folder must hold: size and SHA-256 of every file that decides what the model finds.

A damaged, exchanged or edited file would mostly still load, and find other things. This guards against
accidents, not against forgery: whoever changes a file on purpose can write the manifest anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sitrep_ie import __version__
from sitrep_ie.errors import ModelError

MANIFEST_FILE = "manifest.json"
MANIFEST_FORMAT = "1"
# The oldest release that can use such a folder; raise it when a change makes older ones misread it.
NEEDS_LIBRARY = "0.1.0"
# Card and scores are left out: they may be edited without a change of what the model does.
COVERED_FILES = (
    "calibration.json",
    "config.toml",
    "encoder.json",
    "ontology.json",
    "tokenizer.json",
    "weights.safetensors",
)
# Ten times what a large model holds and more; the weights' size is checked against the network's.
_MAX_MIB = {
    "calibration.json": 1,
    "config.toml": 1,
    "encoder.json": 1,
    "ontology.json": 16,
    "tokenizer.json": 256,
}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")


def write_manifest(folder: Path, library_version: str = __version__) -> None:
    """Writes `manifest.json` of the files as they lie in a model folder now.

    Raises:
        ModelError: a file cannot be read, or the manifest not be written.
    """
    path = folder / MANIFEST_FILE
    body = {
        "format": MANIFEST_FORMAT,
        "library_version": library_version,
        "needs_library": NEEDS_LIBRARY,
        "files": {name: _facts(folder / name) for name in COVERED_FILES if (folder / name).is_file()},
    }
    unfinished = path.with_name(f"{MANIFEST_FILE}.new")
    try:
        unfinished.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror}") from error


def update_manifest(folder: Path) -> None:
    """Writes the manifest anew where there is one: after a step that changes a file of a finished model.

    Raises:
        ModelError: the manifest is broken, or cannot be written.
    """
    manifest = read_manifest(folder)
    if manifest is not None:
        write_manifest(folder, manifest["library_version"])


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Returns the manifest of a model folder, None where it has none (written before there were any).

    Raises:
        ModelError: it is broken, or the folder needs a later release of the library.
    """
    path = folder / MANIFEST_FILE
    if not path.exists():
        return None
    try:
        # No more than a manifest can hold: the file may be anything.
        with path.open("rb") as file:
            raw = json.loads(file.read(2**20).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("library_version"), str):
        raise ModelError(f"{path}: {raw!r:.80}, expected the manifest of a model folder")
    written_by = f"written by sitrep_ie {raw['library_version']!r:.40}, this is {__version__}"
    if raw.get("format") != MANIFEST_FORMAT:
        raise ModelError(
            f"{path}: manifest format {raw.get('format')!r:.40}, expected {MANIFEST_FORMAT!r}; {written_by}"
        )
    needed = _release(raw.get("needs_library"))
    if needed is None:
        raise ModelError(f"{path}: needs_library {raw.get('needs_library')!r:.40}, expected a version")
    if needed > (_release(__version__) or needed):
        raise ModelError(f"{path}: the model needs sitrep_ie {raw['needs_library']} or later; {written_by}")
    files = raw.get("files")
    if not isinstance(files, dict) or not all(_is_entry(entry) for entry in files.items()):
        raise ModelError(f"{path}: files: {files!r:.80}, expected bytes and SHA-256 of the model's files")
    return raw


def check_manifest(folder: Path) -> None:
    """Raises ModelError unless the files are those that the manifest, if there is one, was written for."""
    faults = manifest_faults(folder)
    if faults:
        raise ModelError(
            f"{faults[0]}; copy the model anew, or if the change is meant: sitrep-ie doctor {folder} --accept"
        )


def manifest_faults(folder: Path) -> list[str]:
    """Returns what differs from the manifest, a line for each file.

    Raises:
        ModelError: the manifest is broken or of a later release, or a file cannot be read.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return []
    faults = []
    for name in COVERED_FILES:
        path, told = folder / name, manifest["files"].get(name)
        if told is None:
            if path.exists():
                faults.append(f"{path}: {MANIFEST_FILE} knows no such file")
        elif not path.is_file():
            faults.append(f"{path}: is missing, {MANIFEST_FILE} has it")
        elif path.stat().st_size != told["bytes"]:
            faults.append(f"{path}: {path.stat().st_size} bytes, {MANIFEST_FILE} says {told['bytes']}")
        elif (found := _facts(path)["sha256"]) != told["sha256"]:
            faults.append(f"{path}: SHA-256 {found[:12]}..., {MANIFEST_FILE} says {told['sha256'][:12]}...")
    return faults


def check_sizes(folder: Path) -> None:
    """Raises ModelError when a file that is read as a whole is larger than any model's."""
    for name, limit in _MAX_MIB.items():
        path = folder / name
        if path.is_file() and path.stat().st_size > limit * 2**20:
            raise ModelError(f"{path}: {path.stat().st_size} bytes, expected at most {limit} MiB")


def _facts(path: Path) -> dict[str, Any]:
    digest, num_bytes = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
                num_bytes += len(block)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    return {"bytes": num_bytes, "sha256": digest.hexdigest()}


def _is_entry(entry: tuple[str, Any]) -> bool:
    name, told = entry
    return (
        name in COVERED_FILES
        and isinstance(told, Mapping)
        and type(told.get("bytes")) is int
        and isinstance(told.get("sha256"), str)
        and _SHA256.fullmatch(told["sha256"]) is not None
    )


def _release(version: Any) -> tuple[int, int, int] | None:
    """Major, minor and patch; what follows them ("rc1", "+local") does not count."""
    match = _VERSION.match(version) if isinstance(version, str) else None
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None
