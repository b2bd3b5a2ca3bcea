"""Pictures for label-and-viewers.md: an answer of the running MONAI Label server, and the DICOM objects of a film.

    make label                                                           # in another terminal
    python benchmarks/label_pictures.py --server http://127.0.0.1:8000   # needs chromium, a Debian package

The film is a synthetic phantom. The objects are drawn from the written files, as pydicom reads them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pydicom

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.inference.predictor import Predictor  # noqa: E402
from scripts.phantom import write_phantom_studies  # noqa: E402

IMAGES = ROOT / "bundle" / "docs" / "images"


def answer_of_server(server: str, destination: Path) -> None:
    """Show ``GET /info/`` in Chromium, as a person sees who opens the address."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--no-proxy-server", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        page = browser.new_page(viewport={"width": 900, "height": 420})
        page.goto(f"{server}/info/", timeout=300_000)
        page.screenshot(path=destination, timeout=300_000)
        browser.close()


def objects_of_film(destination: Path) -> None:
    """Draw the film, the Secondary Capture, the Parametric Map and the Segmentation of a phantom."""
    from matplotlib.figure import Figure

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_phantom_studies(folder / "studies", n_patients=1, size=512, seed=0)
        film = next((folder / "studies").rglob("*.dcm"))
        predictor = Predictor.from_bundle(ROOT / "bundle", device="cpu", enhancer="bicubic")
        (prediction,) = predictor.predict([film], folder / "out", dicom=True, pictures=False)
        kinds = {
            path.stem: pydicom.dcmread(path).pixel_array for path in prediction.dicom_files if path.stem != "findings"
        }
        grey = pydicom.dcmread(film).pixel_array
    regions = np.atleast_3d(kinds["regions"]) if kinds["regions"].ndim == 2 else kinds["regions"].max(axis=0)
    panels = {
        "film": (grey, "gray"), "attention.dcm": (kinds["attention"], None),
        "attention_map.dcm": (kinds["attention_map"], "inferno"), "regions.dcm": (regions, "gray"),
    }  # fmt: skip
    figure = Figure(figsize=(10, 2.9), layout="constrained")
    for axes, (title, (pixels, colours)) in zip(figure.subplots(1, 4), panels.items(), strict=True):
        shown = axes.imshow(pixels, cmap=colours)
        axes.set_title(title, fontsize=10)
        axes.axis("off")
        if title == "attention_map.dcm":
            figure.colorbar(shown, ax=axes, shrink=0.8)
    figure.savefig(destination, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", help="MONAI Label; without it only the objects are drawn")
    parser.add_argument("--out", type=Path, default=IMAGES)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.server:
        answer_of_server(arguments.server, arguments.out / "label-info.png")
    objects_of_film(arguments.out / "dicom-objects.png")


if __name__ == "__main__":
    main()
