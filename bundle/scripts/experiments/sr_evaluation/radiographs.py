"""Radiographs of a split as cases, size by size; those that cannot be read are recorded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from ...common.choices import check_choice
from ...common.failures import Failure
from ...data.datalist import Datalist, anonymous_groups
from ...dicom import RefusedInput, read_radiograph
from .sr_protocol import DegradedCase, make_case

logger = logging.getLogger(__name__)

_NATIVE = "native"


class Radiographs:
    """What enhancers are judged on.

    Args:
        datalist: radiographs.
        split: of the datalist.
        sizes: longer sides of the truth, pixels; ``None``: the image's own. Smaller images are left out of a size, and
            of ``None`` those that have one of the other sizes.
        window: side of a region, pixels of the reduced image.
        region_count: at most, of each radiograph.
        limit: first radiographs only; ``None``: all.

    Attributes:
        patients: number of each radiograph's patient.
        failures: radiographs that were refused so far.

    Raises:
        ValueError: unknown split.
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
        """Number of a radiograph, name of a size and the case, for all of both.

        Raises:
            ValueError: no radiograph could be used.
        """
        used = False
        for number, item in enumerate(self.items):
            try:
                image = torch.from_numpy(read_radiograph(item["image"]).image)
            except RefusedInput as refusal:
                self.failures.append(Failure.of(item["image"], refusal))
                logger.warning("refused: %s", refusal)
                continue
            for size, case in self.cases_of(image):
                used = True
                yield number, _name_of(size), case
            logger.info("judged %d of %d radiographs", number + 1, len(self.items))
        if not used:
            raise ValueError(
                f"sizes: no radiograph could be judged; expected images of at least {self.params['sizes']} pixels, "
                f"found none among {len(self.items)}; set smaller sizes, or a datalist of larger images"
            )

    def cases_of(self, image: torch.Tensor) -> Iterator[tuple[int | None, DegradedCase]]:
        """Sizes at which an image (1, H, W) can be judged."""
        for size in self.sizes:
            if size is None and max(image.shape[-2:]) in self.sizes:
                continue
            case = make_case(image, size, window=self.window, count=self.region_count)
            if case is not None:
                yield size, case


def _name_of(size: int | None) -> str:
    """Name of a size in tables."""
    return _NATIVE if size is None else str(size)
