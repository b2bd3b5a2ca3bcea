"""Stream of readable chest films; what cannot be used is recorded with its reason and costs nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import IterableDataset

from ..data.failures import Failure
from ..dicom import Radiograph, RefusedInput, read_radiograph
from ..dicom.gate import check_chest_film
from ..transforms.geometry import fit_square

logger = logging.getLogger(__name__)


class StudyImages(IterableDataset):
    """Each item is decoded once: its pixels at full size serve the enhancement, the fitted ones the network.

    Args:
        data: items with an ``image`` path.
        image_size: S, side of the network's input.
        rank: this process takes items rank, rank + world_size, …
        world_size: number of processes.
    """

    def __init__(self, data: Sequence[dict], image_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.data, self.image_size = list(data), image_size
        self.rank, self.world_size = rank, world_size
        self.failures: list[Failure] = []

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for index in range(self.rank, len(self.data), self.world_size):
            path = self.data[index]["image"]
            try:
                radiograph = read_radiograph(path)
                require_chest_film(path, radiograph)
            except RefusedInput as refusal:
                self.failures.append(Failure(path, refusal.code, str(refusal), refusal.remedy))
                logger.warning("refused: %s", refusal)
                continue
            image = fit_square(torch.from_numpy(radiograph.image), self.image_size)  # (1, S, S)
            yield {"image": image, "radiograph": radiograph, "path": path, "index": index}


def require_chest_film(path: str, radiograph: Radiograph) -> None:
    """Refuse what is not a frontal chest film.

    Raises:
        RefusedInput: with the code ``NOT_CHEST``.
    """
    reasons = check_chest_film(radiograph)
    if reasons:
        raise RefusedInput(
            f"{path}: not taken for a frontal chest radiograph ({'; '.join(reasons)})",
            code="NOT_CHEST",
            remedy="give frontal CR or DX chest images",
        )


def collate(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Stack the fitted images; the radiographs keep their own sizes in a list."""
    batch: dict[str, Any] = {name: [item[name] for item in items] for name in ("radiograph", "path", "index")}
    batch["image"] = torch.stack([item["image"] for item in items])  # (B, 1, S, S)
    batch["label"] = torch.full((len(items), 1), float("nan"))  # the engine expects one; nothing reads it
    return batch
