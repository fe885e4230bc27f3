"""What the corpora in the inline format share: where a split lies and what is said when it does not."""

from __future__ import annotations

from pathlib import Path

from sitrep_ie.errors import FormatError

ROOT = Path(__file__).resolve().parents[2]
# Outside corpora lie beside the repository; their texts are not ours to give away.
OUTSIDE_FOLDER = ROOT.parent / "shared" / "corpus"


def split_path(folder: Path, corpus: str, split: str, splits: tuple[str, ...]) -> Path:
    """Returns the file of a split.

    Raises:
        FormatError: the corpus has no such split, or folder or file are missing.
    """
    if split not in splits:
        raise FormatError(f"corpus {corpus!r} has no split {split!r}, expected one of {list(splits)}")
    if not (folder / corpus).is_dir():
        raise FormatError(f"{folder / corpus}: no such folder; expected the corpus {corpus!r} there")
    path = folder / corpus / f"{split}.ann"
    if not path.is_file():
        raise FormatError(f"{path}: no such file; expected the split {split!r} of corpus {corpus!r}")
    return path
