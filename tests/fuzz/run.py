"""Runs one target under atheris: coverage of the library guides what is tried next."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def fuzz(name: str) -> None:
    """Tries inputs, good ones first, until a time limit (`-max_total_time=SECONDS`) or a defect ends it."""
    import atheris

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # conftest, which tests share
    # The library must be loaded under the eyes of atheris for coverage to be counted.
    with atheris.instrument_imports(include=["sitrep_ie"]):
        from tests.fuzz.seeds import seeds
        from tests.fuzz.targets import TARGETS

    folder = Path(tempfile.mkdtemp(prefix="sitrep-fuzz-seeds-"))
    for number, seed in enumerate(seeds()[name]):
        (folder / str(number)).write_bytes(seed)
    atheris.Setup([*sys.argv, str(folder)], TARGETS[name])
    atheris.Fuzz()
