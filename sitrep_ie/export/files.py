"""Files that appear only when they are complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sitrep_ie.errors import FormatError


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Gives a path beside `path` to write to, which takes its place when the block ends without an error.

    What was there before stays as it was until then, and for good after an error.

    Raises:
        FormatError: `path` is a folder or a device, or cannot be written.
    """
    # Through a link the file that it leads to is replaced, not the link.
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise FormatError(f"{path}: is a folder, expected the name of a file to write")
    if target.exists() and not target.is_file():
        raise FormatError(f"{path}: is no ordinary file, expected the name of a file to write")
    if not target.parent.is_dir():
        raise FormatError(f"{path}: cannot be written: there is no folder {target.parent}")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.unlink(missing_ok=True)
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        if target.exists():
            shutil.copymode(target, part)
        os.replace(part, target)
    except OSError as error:
        raise FormatError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
