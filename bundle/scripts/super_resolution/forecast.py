"""Expected run time and memory of enhancing a data set, measured on a few images: ``enhancing --dry_run true``."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..common.failures import Failure
from .cost import Cost
from .enhance_dataset import DatasetEnhancer

_WARM_UP, _MEASURED = 1, 8  # images
_PAPER_IMAGES = 77_857


@dataclass(frozen=True)
class Forecast:
    """Expected cost with one process.

    Attributes:
        measured: number of images that were enhanced for the measurement.
        seconds_per_image: mean time from reading an image to writing the enhanced file.
        peak_mb: memory use at the peak, in 10^6 bytes; ``None`` where the system does not report it.
        images: number of images in the data set.
        finished: number of images that earlier runs have enhanced.
    """

    measured: int
    seconds_per_image: float
    peak_mb: float | None
    images: int
    finished: int

    def __str__(self) -> str:
        """Text that the dry run prints."""
        left = self.images - self.finished
        memory = "not known here" if self.peak_mb is None else f"{self.peak_mb:.0f} MB"
        return "\n".join(
            (
                f"measured on {self.measured} images: {self.seconds_per_image:.3g} s an image, peak memory {memory}",
                f"this data set, {left} of {self.images} images left: {_duration(left * self.seconds_per_image)}",
                f"the paper's {_PAPER_IMAGES:,} images: {_duration(_PAPER_IMAGES * self.seconds_per_image)}",
                "with one process; the files of a dry run are deleted",
            )
        )


def forecast(job: DatasetEnhancer) -> Forecast:
    """Enhance a few images, taken at even distances from the data set, into a temporary folder.

    Args:
        job: planned enhancement; its output folder is not changed.

    Raises:
        ValueError: none of the images can be enhanced, or the output folder holds a run with other settings.
    """
    job.check_output_dir()
    items, finished = job.items(), len(job.finished())
    chosen = _spread(items, _WARM_UP + _MEASURED)
    failures: list[Failure] = []
    with tempfile.TemporaryDirectory() as name:
        trial = replace(job, output_dir=Path(name))
        list(trial.enhance_batch(chosen[-_WARM_UP:], failures))
        failures.clear()
        with Cost(job.device) as cost:
            measured = len(list(trial.enhance_batch(chosen[:_MEASURED], failures)))
    if not measured:
        reason = failures[0].reason if failures else "the data set is empty"
        raise ValueError(f"dry_run: nothing to measure; expected images that can be enhanced, found: {reason}")
    return Forecast(measured, cost.seconds / measured, cost.total_mb, len(items), finished)


def _spread(items: Sequence[dict], count: int) -> list[dict]:
    """Up to ``count`` items at even distances."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]


def _duration(seconds: float) -> str:
    """Duration in the largest unit that gives a number of at least 2."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"
