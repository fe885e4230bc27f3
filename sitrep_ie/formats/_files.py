"""Text files in and out: UTF-8, plain or gzip, written whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from sitrep_ie.errors import FormatError

# JSON of annotated reports shrinks to a tenth or so, a bomb to a thousandth.
_MAX_GZIP_RATIO = 200
_MIN_UNPACKED_BYTES = 2**26


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields `(number, line)` from 1, without line ends; only LF and CRLF end a line.

    Raises:
        FormatError: the file cannot be opened, is no valid UTF-8 or (name in .gz) no valid gzip.
    """
    number = 0
    try:
        with _open_bytes(path) as file:
            for number, raw in enumerate(_raw_lines(file, path), 1):
                # A byte order mark, as some editors write, is no part of the text.
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                yield number, line.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}:{number}: not UTF-8: byte 0x{error.object[error.start]:02x} at column {error.start + 1}"
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FormatError(f"{path}:{number + 1}: not a whole gzip file: {error}") from error
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from error


def _raw_lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Lines; those of a gzip file that unpacks to far more than annotation does are a bomb."""
    limit = max(_MIN_UNPACKED_BYTES, _MAX_GZIP_RATIO * path.stat().st_size) if path.suffix == ".gz" else None
    num_bytes = 0
    while raw := file.readline(-1 if limit is None else limit + 1):
        num_bytes += len(raw)
        if limit is not None and num_bytes > limit:
            raise FormatError(f"{path}: unpacks to over {limit >> 20} MiB, expected at most that of its size")
        yield raw


def _open_bytes(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


@contextlib.contextmanager
def atomic_writer(path: Path) -> Iterator[TextIO]:
    """Opens `path` for UTF-8 text with LF line ends; the file appears only when the block succeeds.

    A name in .gz is compressed; equal text gives equal bytes.
    """
    with atomic_binary_writer(path) as raw, contextlib.ExitStack() as stack:
        file = raw
        if path.suffix == ".gz":
            zipped = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0)
            file = cast(BinaryIO, stack.enter_context(zipped))
        yield stack.enter_context(io.TextIOWrapper(file, encoding="utf-8", newline="\n"))


@contextlib.contextmanager
def atomic_binary_writer(path: Path) -> Iterator[BinaryIO]:
    """Opens `path` for bytes; the file appears only when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
