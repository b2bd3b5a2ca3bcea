"""Stream of readable chest films; what cannot be used is recorded with its reason and costs nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import IterableDataset

from ..data.failures import Failure
from ..dicom import RefusedInput, find_refusal, require_chest_film

logger = logging.getLogger(__name__)


class StudyImages(IterableDataset):
    """Items with ``image`` (1, S, S), ``source`` (1, H, W), ``path`` and ``index``.

    Args:
        data: items with an ``image`` path.
        preprocessing: path in ``image`` -> fitted ``image``, and ``source`` at full size.
        rank: this process takes items rank, rank + world_size, …
        world_size: number of processes.
    """

    def __init__(
        self, data: Sequence[dict], preprocessing: Callable[[dict], dict], rank: int = 0, world_size: int = 1
    ) -> None:
        self.data, self.preprocessing = list(data), preprocessing
        self.rank, self.world_size = rank, world_size
        self.failures: list[tuple[int, Failure]] = []

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for index in range(self.rank, len(self.data), self.world_size):
            path = self.data[index]["image"]
            try:
                item = self.read(path)
            except RefusedInput as refusal:
                self.failures.append((index, Failure(path, refusal.code, str(refusal), refusal.remedy)))
                logger.warning("refused: %s", refusal)
                continue
            yield {**item, "path": path, "index": index}

    def read(self, path: str) -> dict[str, Any]:
        """Preprocess one image and pass it through the gate.

        Raises:
            RefusedInput: it cannot be read, or is not a frontal chest film.
        """
        try:
            item = self.preprocessing({"image": path})
        except RuntimeError as error:  # MONAI's wrapping of what a transform raises
            refusal = find_refusal(error)
            if refusal is None:
                raise
            raise refusal from error
        require_chest_film(dict(item["source"].meta), path)
        return item


def collate(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Stack the fitted images; the sources keep their own sizes in a list."""
    batch: dict[str, Any] = {name: [item[name] for item in items] for name in ("source", "path", "index")}
    batch["image"] = torch.stack([item["image"].as_tensor() for item in items])  # (B, 1, S, S)
    batch["label"] = torch.full((len(items), 1), float("nan"))  # the engine wants one; nothing reads it
    return batch
