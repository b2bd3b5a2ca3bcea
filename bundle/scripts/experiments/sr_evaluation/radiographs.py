"""Radiographs of a split as cases of several sizes; radiographs that cannot be read are recorded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from ...common.choices import check_choice
from ...common.failures import Failure
from ...common.progress import Progress
from ...data.datalist import Datalist, anonymous_groups
from ...dicom import RefusedInput, read_radiograph
from .sr_protocol import DegradedCase, make_case

logger = logging.getLogger(__name__)

_NATIVE = "native"


class Radiographs:
    """Radiographs that enhancers are evaluated on.

    Args:
        datalist: datalist of the radiographs.
        split: split of the datalist.
        sizes: longer sides of the truth, in pixels; ``None`` is the size of the image itself. A size leaves out smaller
            images, and ``None`` leaves out images that have one of the other sizes.
        window: side of a region, in pixels of the reduced image.
        region_count: largest number of regions of a radiograph.
        limit: number of radiographs, from the beginning of the split; ``None`` uses all.

    Attributes:
        patients: number of the patient of each radiograph.
        failures: radiographs that were rejected so far.

    Raises:
        ValueError: the split is unknown.
    """

    def __init__(
        self,
        datalist: Datalist,
        *,
        split: str = "test",
        sizes: Sequence[int | None] = (1024, 512, None),
        window: int = 64,
        region_count: int = 16,
        limit: int | None = None,
    ) -> None:
        check_choice("split", split, datalist.splits)
        self.items = datalist.splits[split][:limit]
        self.patients = anonymous_groups(self.items)
        self.split, self.sizes, self.window, self.region_count = split, tuple(sizes), window, region_count
        self.failures: list[Failure] = []
        self.params: dict[str, Any] = {
            "datalist_sha256": datalist.sha256,
            "split": split,
            "sizes": [_name_of(size) for size in self.sizes],
            "window": window,
            "region_count": region_count,
        }

    def cases(self) -> Iterator[tuple[int, str, DegradedCase]]:
        """Number of the radiograph, name of the size, and case, for all radiographs and sizes.

        Raises:
            ValueError: no radiograph can be used.
        """
        used = False
        for number, item in enumerate(Progress("evaluating radiographs", len(self.items)).over(self.items)):
            try:
                image = torch.from_numpy(read_radiograph(item["image"]).image)
            except RefusedInput as refusal:
                self.failures.append(Failure.of(item["image"], refusal))
                logger.warning("rejected: %s", refusal)
                continue
            for size, case in self.cases_of(image):
                used = True
                yield number, _name_of(size), case
        if not used:
            raise ValueError(
                f"sizes: no radiograph can be evaluated; expected images of at least {self.params['sizes']} pixels, "
                f"found none among {len(self.items)}; set smaller sizes, or a datalist of larger images"
            )

    def cases_of(self, image: torch.Tensor) -> Iterator[tuple[int | None, DegradedCase]]:
        """Sizes at which an image (1, H, W) can be evaluated, with their cases."""
        for size in self.sizes:
            if size is None and max(image.shape[-2:]) in self.sizes:
                continue
            case = make_case(image, size, window=self.window, count=self.region_count)
            if case is not None:
                yield size, case


def _name_of(size: int | None) -> str:
    """Name of a size in the tables."""
    return _NATIVE if size is None else str(size)
