"""Checks of an installation and of a model folder: a readable list, each line with what to do.

Every check runs, whatever the others find, so that one look tells all.
"""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sitrep_ie import __version__
from sitrep_ie.calibration import CALIBRATION_FILE
from sitrep_ie.errors import SitrepError
from sitrep_ie.extractor import Extractor, default_model_folder, resolve_device
from sitrep_ie.manifest import COVERED_FILES, manifest_faults, read_manifest
from sitrep_ie.ontology import Ontology

if TYPE_CHECKING:
    from sitrep_ie.document import Report

Level = Literal["ok", "note", "FAIL"]

# Made up, and plain enough for any model that has learnt anything.
_TEXT = (
    "On 3 May 2031 gunmen attacked a convoy near Karsk. Two soldiers were killed and five were wounded.\n\n"
    "Police said that about 20 fighters fled to the town of Veld on Sunday.\n"
)
_PUBLISHED = "2031-05-05"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the list. A note is no fault: something is absent that not everyone needs."""

    level: Level
    what: str
    told: str

    def __str__(self) -> str:
        return f"{self.level:4}  {self.what}: {self.told}"


def examine(model: Path | None = None, device: str = "auto") -> Iterator[Finding]:
    """Yields what the checks find, in their order; with none of level "FAIL" all is well.

    Args:
        model: the folder to check; None is the shipped one.
        device: where the model is tried.
    """
    yield from _installation(device)
    yield from _model(model, device)


# ---- the installation ----


def _installation(device: str) -> Iterator[Finding]:
    version = platform.python_version()
    fits = sys.version_info >= (3, 10)
    yield Finding(
        "ok" if fits else "FAIL", "Python", version if fits else f"{version}, expected 3.10 or later"
    )
    yield from _packages()
    yield _tried("device", lambda: _device(device))
    yield _tried("gazetteer", _gazetteer)
    yield _tried("actors", _actors)


def _packages() -> Iterator[Finding]:
    """Versions of what the library depends on; of the extras only what is installed."""
    try:
        lines = importlib.metadata.requires("sitrep_ie") or []
        yield Finding("ok", "sitrep_ie", __version__)
    except importlib.metadata.PackageNotFoundError:
        yield Finding("note", "sitrep_ie", f"{__version__}, not installed: its requirements are unknown")
        return
    extras: dict[str, list[str]] = {}
    for line in lines:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", marker)
        name, wanted = _split(requirement)
        if extra is None:
            if _applies(marker):
                yield _package(name, wanted, needed=True)
        elif extra[1] not in ("dev", "all", "fuzz") and name.lower().replace("-", "_") != "sitrep_ie":
            extras.setdefault(extra[1], []).append(requirement)
    for extra_name, requirements in sorted(extras.items()):
        findings = [_package(*_split(requirement), needed=False) for requirement in requirements]
        yield from (finding for finding in findings if finding.level == "FAIL")
        if absent := [finding.what for finding in findings if finding.level == "note"]:
            told = f"without {', '.join(absent)}: pip install 'sitrep_ie[{extra_name}]'"
            yield Finding("note", f"extra {extra_name}", told)
        elif all(finding.level == "ok" for finding in findings):
            yield Finding("ok", f"extra {extra_name}", "installed")


def _applies(marker: str) -> bool:
    """Whether a requirement is for this Python: the only condition that the library's have."""
    found = re.search(r"python_version\s*<\s*['\"]3\.(\d+)['\"]", marker)
    return found is None or sys.version_info < (3, int(found[1]))


def _split(requirement: str) -> tuple[str, str]:
    match = _NAME.match(requirement.strip())
    name = match[0] if match else requirement
    wanted = re.sub(r"\[[^\[\]]*\]", "", requirement.strip()[len(name) :])
    return name, wanted.strip(" ()")


def _package(name: str, wanted: str, *, needed: bool) -> Finding:
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        told = "not installed: pip install sitrep_ie" if needed else "not installed"
        return Finding("FAIL" if needed else "note", name, told)
    for condition in filter(None, (part.strip() for part in wanted.split(","))):
        match = re.fullmatch(r"(>=|<)\s*([0-9.]+)", condition)
        if match is not None and (_numbers(found) >= _numbers(match[2])) != (match[1] == ">="):
            return Finding("FAIL", name, f"{found}, expected {wanted}: pip install '{name}{wanted}'")
    return Finding("ok", name, found)


def _numbers(version: str) -> list[int]:
    """The release numbers without zeros at their end: what follows them ("+cpu", "rc1") does not count."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(number) for number in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


def _device(device: str) -> str:
    chosen = resolve_device(device)
    return f"{chosen} ({platform.machine()})"


def _gazetteer() -> str:
    from sitrep_ie.resolve.gazetteer import Gazetteer

    gazetteer = Gazetteer.open()
    try:
        if not any(entry.country == "SY" for entry in gazetteer.lookup("Damascus")):
            raise SitrepError("finds no Damascus in Syria: install sitrep_ie anew")
        return f"opens, {len(gazetteer.country_words())} names of countries and peoples"
    finally:
        gazetteer.close()


def _actors() -> str:
    from sitrep_ie.resolve.actors import ActorResolver

    resolver = ActorResolver()
    if resolver.resolve("ISAF").kind == "unknown":
        raise SitrepError("the table of actors knows no ISAF: install sitrep_ie anew")
    return "the table of actors is read"


# ---- a model ----


def _model(model: Path | None, device: str) -> Iterator[Finding]:
    try:
        folder = default_model_folder() if model is None else model
    except SitrepError as error:
        yield Finding("FAIL", "model", str(error))
        return
    if not folder.is_dir():
        yield Finding("FAIL", "model", f"{folder}: no model folder")
        return
    num_mib = sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 2**20
    yield Finding("ok", "model", f"{folder}, {num_mib:.1f} MiB")
    yield from _files(folder)
    yield _tried("ontology", lambda: _ontology(folder))
    yield from _trial(folder, device)


def _files(folder: Path) -> Iterator[Finding]:
    try:
        manifest = read_manifest(folder)
        faults = manifest_faults(folder)
    except SitrepError as error:
        yield Finding("FAIL", "manifest", str(error))
        return
    if manifest is None:
        yield Finding(
            "note", "manifest", f"none, so changes would not show: sitrep-ie doctor {folder} --accept"
        )
        return
    for fault in faults:
        yield Finding("FAIL", "manifest", fault)
    if not faults:
        covered = [name for name in COVERED_FILES if name in manifest["files"]]
        told = f"{len(covered)} files as written by sitrep_ie {manifest['library_version']}"
        yield Finding("ok", "manifest", told)


def _ontology(folder: Path) -> str:
    ontology = Ontology.load(folder / "ontology.json")
    return (
        f"{ontology.name} {ontology.version}, {len(ontology.span_types)} types, "
        f"{len(ontology.relation_types)} relations"
    )


def _trial(folder: Path, device: str) -> Iterator[Finding]:
    """Loads the model, which checks that all weights are there and finite, and extracts a known text."""
    try:
        extractor = Extractor.load(folder, device=device)
    except Exception as error:  # a broken library may fail in any way; the list goes on
        yield Finding("FAIL", "weights", _line(error))
        return
    num_weights = sum(weight.numel() for weight in extractor.model.parameters())
    yield Finding("ok", "weights", f"{num_weights / 1e6:.1f} million, all finite, of this ontology")
    if extractor.calibration.maps:
        told = f"{len(extractor.calibration.maps)} maps from {extractor.calibration.num_documents} documents"
        yield Finding("ok", "calibration", told)
    else:
        yield Finding("note", "calibration", f"no {CALIBRATION_FILE}: scores are the network's own")
    try:
        report = extractor.extract(_TEXT, _PUBLISHED)
    except Exception as error:
        yield Finding("FAIL", "extraction", _line(error))
        return
    yield from _records(report)


def _records(report: Report) -> Iterator[Finding]:
    record = report.to_dict()
    spans = [span for event in record["events"] for span in event["triggers"]] + record["mentions"]
    wrong = [span for span in spans if record["text"][span["start"] : span["end"]] != span["text"]]
    if wrong:
        yield Finding("FAIL", "extraction", f"{wrong[0]['text']!r:.60} does not stand where its span says")
    elif not spans:
        yield Finding("FAIL", "extraction", "finds nothing in a plain report: the model has learnt nothing")
    else:
        told = (
            f"{len(record['mentions'])} mentions, {len(record['events'])} events in a known text, spans hold"
        )
        yield Finding("ok", "extraction", told)


def _tried(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding("ok", what, check())
    except Exception as error:  # whatever is broken is told, and the list goes on
        return Finding("FAIL", what, _line(error))


def _line(error: Exception) -> str:
    told = " ".join(str(error).split())
    return told if isinstance(error, SitrepError) else f"{type(error).__name__}: {told}"
