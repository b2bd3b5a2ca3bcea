"""Maps that do not depend on the image. A method that does not beat them explains nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ...common.geometry import SquareGeometry
from ...data.annotations import PictureFrame, annotations_of, mean_shares, shown_findings
from ...data.datalist import Datalist
from ...dicom import RefusedInput, read_radiograph
from ...dicom.read.radiograph import read_grid

logger = logging.getLogger(__name__)

RANDOM, CENTRE, PRIOR, MEAN_MAP = "random", "centre", "training_prior", "mean_map"
_DRAWS = 16  # random maps of an image; their metrics are averaged
_WIDTH = 0.2  # standard deviation of the centre map, as a fraction of the side of the square


class Controls:
    """Control maps (h, w) by label and image.

    Args:
        grid: height h and width w of the patch grid.
        priors: for each label, the share (h, w) of the training findings that cover a patch.
        seed: seed of the random maps.
    """

    def __init__(self, grid: tuple[int, int], priors: Mapping[str, torch.Tensor], seed: int) -> None:
        self.grid, self.priors, self.seed = grid, priors, seed

    def maps(self, label: str, image: int) -> dict[str, list[torch.Tensor]]:
        """Maps of each control for a label and an image number; a label without training findings has no prior."""
        rng = np.random.default_rng([self.seed, image])
        found = {RANDOM: [torch.from_numpy(rng.random(self.grid)) for _ in range(_DRAWS)], CENTRE: [_centre(self.grid)]}
        return found | ({PRIOR: [self.priors[label]]} if label in self.priors else {})

    def region_maps(self, image: int) -> dict[str, list[torch.Tensor]]:
        """Maps of each control that choose the regions of an image, as if its labels were not known."""
        found = self.maps("", image)
        return found | ({PRIOR: [torch.stack(list(self.priors.values())).amax(dim=0)]} if self.priors else {})


def _centre(grid: tuple[int, int]) -> torch.Tensor:
    """Gaussian (h, w) in the middle of the square."""
    rows, columns = ((torch.arange(length) + 0.5) / length - 0.5 for length in grid)
    return torch.exp(-(rows[:, None] ** 2 + columns**2) / (2 * _WIDTH**2))


def training_priors(
    datalist: Datalist,
    labels: Sequence[str],
    extra: Mapping[str, Sequence[str]],
    grid: tuple[int, int],
    size: int,
) -> dict[str, torch.Tensor]:
    """Mean (h, w) of the masks of the findings over the annotated training images, for each label.

    The prior is stronger than a central spot: its peak is where findings of the label are most frequent. Images that
    cannot be read, findings that an image lacks by its ``label``, and those without a pixel are left out.

    Args:
        datalist: datalist, of which only the training split is used.
        labels: labels of the network.
        extra: further annotations of each label, see :func:`...data.annotations.shown_findings`.
        grid: height h and width w of the patch grid.
        size: side of the network's input, in pixels.
    """
    return mean_shares(_annotated_films(datalist, labels, extra, size), grid)


def _annotated_films(
    datalist: Datalist, labels: Sequence[str], extra: Mapping[str, Sequence[str]], size: int
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield the masks (S, S) of the labels of each annotated training image that can be read."""
    for item in datalist.splits["training"]:
        if found := shown_findings(item, labels, extra, datalist.labels):
            try:
                yield _squares(item, found, size)
            except RefusedInput as refusal:
                logger.warning("left out of the training prior: %s", refusal)


def _squares(item: Mapping[str, Any], found: Mapping[str, set[str]], size: int) -> dict[str, torch.Tensor]:
    """Mask (S, S) of the annotations of each label in an item; a label whose annotations have no pixel is left out.

    Raises:
        RefusedInput: the image or a mask cannot be read.
    """
    height, width = read_radiograph(item["image"]).image.shape[-2:]
    frame = PictureFrame(SquareGeometry(height, width, size), read_grid(item["image"]))
    masks: dict[str, torch.Tensor] = {}
    for label, names in found.items():
        covered = np.logical_or.reduce(annotations_of(item, names, frame))
        if covered.any():
            masks[label] = torch.zeros(size, size)
            masks[label][frame.inside()] = torch.from_numpy(covered).float()
    return masks
