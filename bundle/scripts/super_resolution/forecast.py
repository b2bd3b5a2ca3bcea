"""What enhancing a data set will cost, measured on a few of its images: ``enhancing --dry_run true``."""

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
    """Cost of one process.

    Attributes:
        measured: images that the figures are of.
        seconds_per_image: from reading the image to its enhanced file.
        peak_mb: memory at the peak, 10^6 bytes; ``None`` where it is not known.
        images: of the data set.
        finished: of them, by earlier runs.
    """

    measured: int
    seconds_per_image: float
    peak_mb: float | None
    images: int
    finished: int

    def __str__(self) -> str:
        """What the dry run prints."""
        left = self.images - self.finished
        memory = "not known here" if self.peak_mb is None else f"{self.peak_mb:.0f} MB"
        return "\n".join(
            (
                f"measured on {self.measured} images: {self.seconds_per_image:.3g} s an image, peak memory {memory}",
                f"this data set, {left} of {self.images} images left: {_duration(left * self.seconds_per_image)}",
                f"the paper's {_PAPER_IMAGES:,} images: {_duration(_PAPER_IMAGES * self.seconds_per_image)}",
                "by one process; files of a dry run are thrown away",
            )
        )


def forecast(job: DatasetEnhancer) -> Forecast:
    """Enhance a few images, spread over the data set, into a folder that is removed again.

    Args:
        job: the enhancement that is planned; its output folder is only read.

    Raises:
        ValueError: no image of the choice can be read, or the output folder holds another run.
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
    """At most ``count`` items at even distances."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]


def _duration(seconds: float) -> str:
    """A time that is read at a glance."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"
