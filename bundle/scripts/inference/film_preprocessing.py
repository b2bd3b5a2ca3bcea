"""File of a radiograph -> image for the network, and the film at full size; without MONAI, which loads slowly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..common.geometry import fit_square
from ..dicom import read_radiograph


class FilmPreprocessing:
    """Preprocessing of ``inference.yaml``; the image is that of ``LoadRadiographd`` and ``FitSquared`` in training.

    Args:
        size: side S of the network's input, in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Read and resize the radiograph of an item.

        Args:
            item: path in ``image``.

        Returns:
            ``image`` (1, S, S), ``source`` (1, H, W) at full size, both float32 in [0, 1], and ``meta``, the metadata
            of the file without patient identity (:class:`..dicom.Radiograph`).

        Raises:
            RefusedInput: the file is rejected.
        """
        radiograph = read_radiograph(item["image"])
        source = torch.from_numpy(radiograph.image)
        return {**item, "image": fit_square(source, self.size), "source": source, "meta": dict(radiograph.meta)}
