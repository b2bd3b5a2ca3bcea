"""What the page of predictions costs: its share of ``predict``, the weight of a film, the time to open 500 films.

    python benchmarks/gallery_cost.py ../shared/data/dicom/chest FILM.jpg …

The films are predicted by the shipped model, with and without its enhancer. The cost of the page is the time in
``PredictionGallery`` against the rest of the same run, as time on the clock and as time of the processors, which other
programs disturb less. Then the predicted films are put on one page again and again until it has 500, and Chromium opens
it as a file; the page is open when the rows and all pictures in sight are drawn. Medians; the first opening is thrown
away. ``thread_s`` is the time that the page's thread in Chromium computed until then.
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "bundle")]

from playwright.sync_api import Page, sync_playwright  # noqa: E402
from scripts.inference import Predictor  # noqa: E402
from scripts.inference.gallery.film_record import film_record, run_record  # noqa: E402
from scripts.inference.gallery.prediction_gallery import PredictionGallery  # noqa: E402
from scripts.workflow import BUNDLE_ROOT  # noqa: E402

# Number of pictures in sight that are not drawn yet, or -1 before the rows are there.
_UNDRAWN = """
() => document.querySelectorAll("#rows tr").length ? [...document.querySelectorAll("#rows img")].filter((one) => {
  const place = one.getBoundingClientRect();
  return place.top < innerHeight && place.bottom > 0 && !(one.complete && one.naturalWidth);
}).length : -1
"""
_LOADED = "[...document.querySelectorAll('#rows img')].filter((one) => one.complete && one.naturalWidth).length"


class Clock:
    """Time on the clock and of the processors that a method takes, summed over its calls.

    Args:
        name: name of the method of ``PredictionGallery`` that is measured.
    """

    def __init__(self, name: str) -> None:
        self.reset()
        method = getattr(PredictionGallery, name)

        def measured(*arguments: Any, **options: Any) -> None:
            wall, processor = time.perf_counter(), time.process_time()
            method(*arguments, **options)
            self.wall_s += time.perf_counter() - wall
            self.processor_s += time.process_time() - processor

        setattr(PredictionGallery, name, measured)

    def reset(self) -> None:
        """Start again at zero."""
        self.wall_s = self.processor_s = 0.0


def predict(predictor: Predictor, films: list[Path], folder: Path, add: Clock, write: Clock) -> dict[str, Any]:
    """Cost of the page in one run of ``predict``, with the first film predicted before."""
    predictor.predict_to_folder(films[:1], folder / "first")
    add.reset()
    write.reset()
    wall, processor = time.perf_counter(), time.process_time()
    results = predictor.predict_to_folder(films, folder / "all")
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    page_s, page_processor_s = add.wall_s + write.wall_s, add.processor_s + write.processor_s
    return {
        "films": len(results.rows),
        "predict_s": round(wall - page_s, 2),
        "page_s": round(page_s, 2),
        "page_to_predict": round(page_s / (wall - page_s), 3),
        "page_to_predict_processors": round(page_processor_s / (processor - page_processor_s), 3),
    }


def page_of(predictor: Predictor, films: list[Path], folder: Path, count: int) -> tuple[Path, list[int], list[int]]:
    """Page of ``count`` films, with the bytes of each different film beside a page and within one."""
    gallery = PredictionGallery(folder / "predictions.html", run_record(predictor.analysis))
    predictions = [one for one in predictor.predict(films) if one.status == "ok"]
    records, beside = [], []
    for number in range(count):
        prediction = copy.copy(predictions[number % len(predictions)])
        prediction.name = f"{number:05}/{Path(prediction.name).name}"
        target, first = gallery.folder / f"{number:05}", gallery.folder / f"{number % len(predictions):05}"
        if number < len(predictions):
            gallery.add(target.name, number, prediction)
            beside.append(sum(path.stat().st_size for path in target.iterdir()))
        else:  # the same pictures under the name of the new film
            shutil.copytree(first, target)
            record = json.loads((target / "film.json").read_text()) | {"order": number, "name": prediction.name}
            (target / "film.json").write_text(json.dumps(record))
        records.append(film_record(number, prediction.row()))
    gallery.write(records)
    inside = []
    for number, prediction in enumerate(predictions):
        alone = PredictionGallery(folder / "alone.html", gallery.run)
        alone.add("film", number, prediction)
        alone.write([film_record(number, prediction.row())])
        inside.append(alone.page.stat().st_size)
    return gallery.page, beside, inside


def _wait(page: Page) -> None:
    """Wait until everything in sight is drawn; the policy of the page forbids ``wait_for_function``."""
    while page.evaluate(_UNDRAWN) != 0:
        time.sleep(0.01)


def open_page(path: Path, repeats: int) -> dict[str, Any]:
    """Seconds until the page is open, and numbers of pictures that were loaded then and after a jump to the end."""
    seconds, thread, loaded, scrolled = [], [], 0, []
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(repeats + 1):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            metrics = page.context.new_cdp_session(page)
            metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
            start = time.perf_counter()
            page.goto(path.as_uri(), wait_until="commit")
            _wait(page)
            seconds.append(time.perf_counter() - start)
            values = {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}
            thread.append(values["TaskDuration"])
            loaded, rows = page.evaluate(_LOADED), page.locator("#rows tr").count()
            start = time.perf_counter()
            page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
            _wait(page)
            scrolled.append(time.perf_counter() - start)
            page.close()
        browser.close()
    median = statistics.median
    return {
        "rows": rows,
        "open_s": round(median(seconds[1:]), 2),
        "thread_s": round(median(thread[1:]), 2),
        "open_s_all": [round(one, 2) for one in seconds],
        "pictures_loaded_when_open": loaded,
        "jump_to_the_end_s": round(median(scrolled[1:]), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="+", type=Path, help="radiographs or folders of them")
    parser.add_argument("--count", type=int, default=500, help="films of the page that is opened")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    predictor = Predictor.from_bundle(BUNDLE_ROOT, tracking_uri="none", device="cpu")
    films = [film for given in arguments.films for film in (sorted(given.iterdir()) if given.is_dir() else [given])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page, beside, inside = page_of(predictor, films, folder / "many", arguments.count)
        print(json.dumps({"film_bytes_beside_page": beside, "page_bytes_of_one_film": inside}), flush=True)
        print(json.dumps({"page_bytes": page.stat().st_size, **open_page(page, arguments.repeats)}), flush=True)
        clocks = Clock("add"), Clock("write")
        for part, one in (("enhanced", predictor), ("not_enhanced", predictor.without_enhancement())):
            print(json.dumps({part: predict(one, films, folder / part, *clocks)}), flush=True)


if __name__ == "__main__":
    main()
