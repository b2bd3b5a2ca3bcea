"""Makes the pictures of the documentation: pages as a browser shows them on a telephone and on a desk.

    make screenshots      # bundle/docs/images/*.jpg, from demo-output/ and dist/site/

Everything that the pictures show is synthetic. A page is one entry of ``pages``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

_ROOT = Path(__file__).parents[2]
_SIZES = {390: 844, 1280: 800}  # width and height of the window, pixels
_HEAVIEST = 150_000  # bytes of a picture
_FILMS = 5


@dataclass(frozen=True)
class Page:
    """Page of which pictures are made.

    Attributes:
        name: beginning of the names of its pictures, which end with the width of the window.
        address: what the browser opens.
        ready: selector of an element that is there when the page can be shown.
        dropped: file that is given to the page before.
        scroll_to: selector of an element that is moved to the upper edge; empty: the page is not moved.
        widths: widths of the window, pixels.
    """

    name: str
    address: str
    ready: str
    dropped: Path | None = None
    scroll_to: str = ""
    widths: tuple[int, ...] = tuple(_SIZES)


def pages(gallery: Path, report: Path, site: Path, app: str) -> Iterator[Page]:
    """Yield the pages.

    Args:
        gallery: ``predictions.html``, with the films in ``films`` beside its folder.
        report: ``report.html``.
        site: folder of the documentation site.
        app: address that ``serve`` printed.
    """
    yield Page("gallery-list", gallery.as_uri(), "#rows tr")
    yield Page("gallery-film", f"{gallery.as_uri()}#film-0", "#stage")
    yield Page("gallery-regions", f"{gallery.as_uri()}#film-0", "#region-0", scroll_to="#region-0", widths=(1280,))
    yield Page("report", report.as_uri(), "h1")
    film = next((gallery.parents[1] / "films").glob("patient*"))
    yield Page("app", app, "#result:not([hidden])", dropped=film)
    yield Page("site", (site / "index.html").as_uri(), "h1", widths=(1280,))


def make_gallery(run_dir: Path, out: Path) -> Path:
    """Predict some test films of a run, and a file that is no film, and return the page.

    Args:
        run_dir: output of ``make demo``.
        out: folder of the predictions.

    Raises:
        ValueError: the prediction failed.
    """
    datalist = json.loads((run_dir / "data" / "datalist.json").read_text(encoding="utf-8"))
    films = out / "films"
    for item in datalist["test"][:_FILMS]:
        film = films / item["image"].replace("/", "_")
        film.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run_dir / "data" / item["image"], film)
    (films / "scan-of-a-letter.dcm").write_text("No image.", encoding="utf-8")
    model = run_dir / "base" / "seed_0" / "model"
    command = [sys.executable, "-m", "bundle", "predict", "films", "--out", "predictions", "--model", str(model)]
    command += ["--region-count", "2", "--window", "28"]  # as in configs/demo.yaml
    done = subprocess.run(command, cwd=out, env={**os.environ, "PYTHONPATH": str(_ROOT)})
    if done.returncode != 1:  # one input is no film
        raise ValueError(f"predict: expected status 1, found {done.returncode}; see above")
    return out / "predictions" / "predictions.html"


@contextmanager
def serving(model: Path) -> Iterator[str]:
    """Run ``serve`` with a model folder, and yield the address of its page.

    Raises:
        ValueError: it did not start.
    """
    command = [sys.executable, "-m", "bundle", "serve", "--no-enhance", "--port", "0", "--model", str(model)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            address = next((line.strip() for line in server.stdout if line.startswith("http://")), None)
            if address is None:
                raise ValueError("serve: expected an address, found none; see above")
            yield address
        finally:
            server.terminate()


def take(browser: Browser, page: Page, images: Path) -> None:
    """Make the pictures of a page.

    Raises:
        ValueError: a picture is too heavy at the lowest quality.
    """
    for width in page.widths:
        tab = browser.new_page(viewport={"width": width, "height": _SIZES[width]})
        tab.goto(page.address)
        if page.dropped:
            tab.set_input_files("input[type=file]", page.dropped)
        tab.wait_for_selector(page.ready, timeout=120_000)
        if page.scroll_to:
            tab.locator(page.scroll_to).evaluate("element => element.scrollIntoView()")
        path = images / f"{page.name}-{width}.jpg"
        for quality in (85, 70, 50):
            content = tab.screenshot(type="jpeg", quality=quality)
            if len(content) <= _HEAVIEST:
                break
        else:
            raise ValueError(f"{path}: expected at most {_HEAVIEST} bytes, found {len(content)}; show less of the page")
        path.write_bytes(content)
        print(path, len(content) // 1000, "kB")
        tab.close()


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation.")
    parser.add_argument("--run-dir", type=Path, default=_ROOT / "demo-output", help="output of make demo")
    parser.add_argument("--site", type=Path, default=_ROOT / "dist" / "site", help="output of make docs")
    images = _ROOT / "bundle" / "docs" / "images"
    parser.add_argument("--images", type=Path, default=images, help="folder that receives the pictures")
    options = parser.parse_args()
    report = options.run_dir.resolve() / "report.html"
    for path, command in ((report, "make demo"), (options.site / "index.html", "make docs")):
        if not path.exists():
            sys.exit(f"error: {path}: not found; expected the output of {command}; run it first")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("error: chromium: not found; expected the browser on the path; install the Debian package chromium")
    options.images.mkdir(parents=True, exist_ok=True)
    try:
        _take_all(options.run_dir.resolve(), report, options.site.resolve(), options.images, chromium)
    except ValueError as error:
        sys.exit(f"error: {error}")


def _take_all(run_dir: Path, report: Path, site: Path, images: Path, chromium: str) -> None:
    """Make the pictures of all pages with one browser."""
    model = run_dir / "base" / "seed_0" / "model"
    with TemporaryDirectory() as temporary, serving(model) as app, sync_playwright() as playwright:
        gallery = make_gallery(run_dir, Path(temporary))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for page in pages(gallery, report, site, app):
            take(browser, page, images)
        browser.close()


if __name__ == "__main__":
    main()
