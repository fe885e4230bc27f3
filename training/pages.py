"""Pages of docs/ that code makes parts of: written anew, or only held to what the code would write."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path


def update_page(page: Path, render: Callable[[str], str], command: str, *, check: bool) -> int:
    """Writes what `render` makes of a page, or with `check` says whether that changes it.

    Args:
        page: a UTF-8 file.
        render: the page as it is to the page as it should be.
        command: which makes the page, for the message.
        check: write nothing.

    Returns:
        the exit status of the command: 1 where a check fails.
    """
    before = page.read_text(encoding="utf-8")
    after = render(before)
    if check and before != after:
        print(f"{page} is not what the code makes; run {command}", file=sys.stderr)
        return 1
    if not check:
        page.write_text(after, encoding="utf-8")
    return 0
