"""Workflow ``enhancing``: enhances a data set, logs the run to MLflow and draws example figures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from ..common.atomic import atomic_write, write_json
from ..common.geometry import SquareGeometry, fit_square, map_to_source
from ..common.page_pictures import grey_picture, jpeg_file, map_file, reduced
from ..dicom import read_radiograph
from ..tracking import Tracker
from .enhance_dataset import DatasetEnhancer
from .fidelity import cut, mean
from .forecast import forecast
from .region_enhancer import reduce_by, reduction_of, resize_like
from .region_pictures import region_pictures
from .regions import Region

logger = logging.getLogger(__name__)

_EXAMPLES = 6
_PICTURE, _MAP = 384, 128  # longest sides of the pictures of the report, in pixels


class Enhancement:
    """Runs ``run enhancing``.

    Args:
        job: enhancement of the data set.
        tracker: MLflow run that receives settings, metrics and figures.
        dry_run: enhance a few images only and print the expected cost of the data set; nothing is written or tracked.
    """

    def __init__(self, job: DatasetEnhancer, tracker: Tracker, dry_run: bool = False) -> None:
        self.job, self.tracker, self.dry_run = job, tracker, dry_run

    def run(self) -> None:
        """Enhance the data set, merge the results, draw examples and log; an error marks the MLflow run as failed."""
        if self.dry_run:
            if self.job.rank == 0:
                print(forecast(self.job), flush=True)
            return
        settings = {**vars(self.job.settings), **self.job.hashes()}
        with self.tracker.recording({name: value for name, value in settings.items() if name != "settings"}):
            self.job.run()
            if dist.is_initialized():
                dist.barrier()
            if self.job.rank == 0:
                self.summarise(self.job.complete())

    def summarise(self, lines: list[dict[str, Any]]) -> None:
        """Log mean PSNR and SSIM, draw the example figures, and add all of them to the MLflow run."""
        names = sorted({name for line in lines for name in line["fidelity"]})
        means = {name: mean([line["fidelity"].get(name) for line in lines]) for name in names}
        for name, value in means.items():
            logger.info("%-20s %s", name, "not available" if value is None else f"{value:.4f}")
        self.tracker.log_metrics(means)
        self.draw_examples(lines)
        self.tracker.log_artifacts(self.job.output_dir / "manifest.jsonl", *self.examples())

    def examples(self) -> list[Path]:
        """Paths of the example figures that exist."""
        folder = self.job.output_dir / "examples"
        return sorted([*folder.glob("attention_*.png"), *folder.glob("panel_*.png")])

    def draw_examples(self, lines: list[dict[str, Any]]) -> None:
        """Draw attention overlays and panels of crops for the first test images, and the pictures of the report.

        The first region N has the pictures ``region_N_*``. ``regions.json`` has its label, its box as shares of the
        film (top, left, bottom, right), and the difference that the strongest colour stands for.
        """
        from ..report.figures import save_png
        from ..report.image_figures import attention_overlay, crop_panel

        folder = self.job.output_dir / "examples"
        regions: list[dict[str, Any]] = []
        by_name = {line["image"]: line for line in lines}
        items = [item for item in self.job.limited().get("test", []) if self.job.name_of(item) in by_name][:_EXAMPLES]
        for number, item in enumerate(items):
            line = by_name[self.job.name_of(item)]
            before = torch.from_numpy(read_radiograph(item["image"]).image)
            after = torch.from_numpy(read_radiograph(self.job.output_dir / line["output"]).image)
            attention = self.region_map(item, before)
            region = Region(*line["boxes"][0])
            finer = _enlarged(region, after.shape[-1] // before.shape[-1])
            enhanced, native = cut(after, finer), cut(before, region)
            size = before.shape[-2], before.shape[-1]
            low_res = reduce_by(native, reduction_of(size, self.job.settings))
            image = before[0].numpy()
            labels = line.get("region_labels")  # lines of version 0.4.1 have none
            save_png(attention_overlay(image, attention, line["boxes"], labels), folder / f"attention_{number}.png")
            versions = {"native": native, "enhancer's input": low_res, "enhanced": enhanced}
            crops = {title: resize_like(crop, enhanced)[0].numpy() for title, crop in versions.items()}
            panel = crop_panel(image, attention, line["boxes"], crops, labels)
            save_png(panel, folder / f"panel_{number}.png")
            pictures, limit = region_pictures(native, low_res, enhanced)
            pictures["film"] = grey_picture(image)
            for name, picture in pictures.items():
                with atomic_write(folder / f"region_{number}_{name}.jpg") as file:
                    file.write(jpeg_file(reduced(picture, _PICTURE)))
            step = max(1, max(size) // _MAP)
            with atomic_write(folder / f"region_{number}_map.png") as file:
                file.write(map_file(attention[::step, ::step]))
            box = [side / length for side, length in zip(region.box, 2 * size, strict=True)]
            regions.append({"label": labels[0] if labels else None, "box": box, "difference": limit})
        write_json(folder / "regions.json", regions)

    def region_map(self, item: dict[str, Any], image: torch.Tensor) -> np.ndarray:
        """Map (H, W) that chose the regions of an item, whose image is (1, H, W)."""
        size = self.job.network.image_size
        (film,) = self.job.maps.of([item], fit_square(image, size)[None].to(self.job.device))
        geometry = SquareGeometry(image.shape[-2], image.shape[-1], size)
        return map_to_source(film.maps.sum(dim=0).cpu(), geometry).numpy()


def _enlarged(region: Region, factor: int) -> Region:
    """Region in an image that is ``factor`` times as large."""
    row0, col0, row1, col1 = (value * factor for value in region.box)
    return Region(row0, col0, row1, col1, region.score)
