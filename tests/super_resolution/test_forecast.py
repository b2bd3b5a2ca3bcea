import re

import pytest
from scripts.super_resolution.cost import _RESET
from scripts.super_resolution.enhancers.bicubic import BicubicEnhancer
from scripts.super_resolution.enhancing import Enhancement
from scripts.super_resolution.forecast import Forecast, _duration, forecast
from scripts.tracking import Tracker


class Counting(BicubicEnhancer):
    """Bicubic that counts its regions."""

    regions = 0

    def enhance(self, low_res, *, generators):
        self.regions += len(low_res)
        return super().enhance(low_res, generators=generators)


def test_dry_run_measures_real_images_and_leaves_nothing(make, tmp_path, capsys):
    enhancer = Counting(2)
    job = make(enhancer=enhancer)
    Enhancement(job, Tracker(job.output_dir, "enhancing"), dry_run=True).run()
    printed = capsys.readouterr().out
    assert enhancer.regions == 2 * (1 + 8)  # of one image to warm up, and of those that are measured
    assert "measured on 8 images" in printed and "28 of 28 images left" in printed and "77,857 images" in printed
    assert not list(tmp_path.iterdir())  # no image, manifest or MLflow database


def test_finished_images_are_neither_counted_nor_changed(make):
    job = make()
    job.run()
    job.complete()
    before = {path: path.stat().st_mtime_ns for path in job.output_dir.rglob("*")}
    found = forecast(make())
    assert (found.images, found.finished, found.measured) == (28, 28, 8) and found.seconds_per_image > 0
    assert (found.peak_mb is not None) == _RESET.exists()
    assert {path: path.stat().st_mtime_ns for path in job.output_dir.rglob("*")} == before


def test_times_are_those_of_all_images():
    printed = str(Forecast(measured=8, seconds_per_image=2.0, peak_mb=812.4, images=400, finished=40))
    assert "2 s an image, peak memory 812 MB" in printed
    assert "360 of 400 images left: 12.0 minutes" in printed and re.search(r"77,857 images: 43\.3 hours", printed)
    assert _duration(3 * 86400) == "3.0 days" and _duration(7) == "7 seconds"


def test_images_that_cannot_be_read_give_no_forecast(make, tmp_path):
    job = make()
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for items in job.datalist.splits.values():
        for item in items:
            item["image"] = str(tmp_path / "broken.png")
    with pytest.raises(ValueError, match=r"nothing to measure.*broken.png"):
        forecast(job)
