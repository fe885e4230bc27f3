"""Makes the picture of the HTML page in the README anew: `python -m training.picture`.

Needs a Chromium of the system, playwright (extra `dev`) and Pillow, which nothing else here needs.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sitrep_ie.errors import DependencyError
from sitrep_ie.extractor import Extractor, make_document
from training.corpora._annotated import ROOT

SOURCE = ROOT / "examples" / "monitor.txt"
TARGET = ROOT / "docs" / "view.png"
WIDTH, HEIGHT = 1500, 940
SCALE = 0.8
# Less text than the page shows, so that events stand below it in one picture.
_STYLE = "body{max-width:1440px!important}.text{max-height:17rem!important;line-height:1.6!important}"


def take(page: Path, target: Path, event: str) -> None:
    """Writes a PNG of 256 colours of a page of reports, with the marks of one event lit.

    Raises:
        DependencyError: Chromium, playwright or Pillow is missing.
    """
    try:
        from PIL import Image
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise DependencyError(f"{error.name} is missing: pip install playwright pillow") from error
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if binary is None:
        raise DependencyError("no Chromium is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        shown = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE, color_scheme="light"
        )
        shown.goto(page.as_uri())
        shown.add_style_tag(content=_STYLE)
        shown.locator(f'.events tr[data-events="{event}"]').press("Enter")
        shown.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        shown.screenshot(path=target)
        browser.close()
    with Image.open(target) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the picture; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.picture", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--event", default="e4", help="the event whose marks are lit")
    options = parser.parse_args(arguments)
    document = make_document(SOURCE.read_text(encoding="utf-8"), None, SOURCE.name)
    report = Extractor.load(device="cpu").extract(document)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        report.to_html(page)
        take(page, options.out, options.event)
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
