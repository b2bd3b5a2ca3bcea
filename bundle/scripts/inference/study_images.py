"""Data set of one readable chest film per study; the reason is recorded for each image that is not used."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import IterableDataset

from ..common.failures import Failure
from ..common.progress import Progress
from ..dicom import Radiograph, RefusedInput, require_chest_film
from ..dicom.gate.study_selection import Instance, surplus

logger = logging.getLogger(__name__)

Numbered = tuple[int, Instance]


class StudyImages(IterableDataset):
    """Items with ``image`` (1, S, S), ``source`` (1, H, W), ``meta``, ``path``, ``name`` and ``index``.

    Args:
        data: items of :func:`.inputs.find_images`; an item with an ``image`` path alone is a study of its own.
        preprocessing: see :class:`.film_preprocessing.FilmPreprocessing`.
        rank: number of this process, which takes the studies rank, rank + world_size, …
        world_size: number of processes.

    Attributes:
        failures: (index in ``data``, reason) of every image that was not used.
    """

    def __init__(
        self, data: Sequence[dict], preprocessing: Callable[[dict], dict], rank: int = 0, world_size: int = 1
    ) -> None:
        self.data, self.preprocessing = list(data), preprocessing
        self.rank, self.world_size = rank, world_size
        self.failures: list[tuple[int, Failure]] = []

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self.failures.clear()
        studies, used = self.studies()[self.rank :: self.world_size], 0
        for study in Progress("predicting studies", len(studies), rank=self.rank).over(studies):
            item = self.select(study)
            if item is not None:
                used += 1
                yield item
        refused = Counter(failure.code for _, failure in self.failures)
        by_type = ", ".join(f"{code} {count}" for code, count in refused.most_common()) or "none"
        logger.info("%d studies: %d used; rejected: %s", len(studies), used, by_type)

    def studies(self) -> list[list[Numbered]]:
        """Return the instances of each study with their index in ``data``, the preferred instance first."""
        groups: dict[str, list[Numbered]] = {}
        for index, item in enumerate(self.data):
            alone = Instance(item["image"], item["image"], study=f"{index}")
            instance = item.get("instance", alone)
            groups.setdefault(instance.study, []).append((index, instance))
        return list(groups.values())

    def select(self, study: Sequence[Numbered]) -> dict[str, Any] | None:
        """Return the first readable film without doubts of a study, else the first readable film; reject the others."""
        readable: list[tuple[Numbered, dict[str, Any]]] = []
        waiting: list[Numbered] = []
        for index, instance in study:
            try:
                if instance.refusal is not None:
                    raise instance.refusal
                if readable and not readable[-1][1]["doubts"]:
                    waiting.append((index, instance))
                else:
                    readable.append(((index, instance), self.read(instance)))
            except RefusedInput as refusal:
                self.refuse(index, instance, refusal)
            except Exception as error:
                self.fail(index, instance.name, error)
        if not readable:
            return None
        sure = not readable[-1][1]["doubts"]
        (index, chosen), item = readable.pop(-1 if sure else 0)
        for other, instance in [*(numbered for numbered, _ in readable), *waiting]:
            self.refuse(other, instance, surplus(instance, chosen))
        del item["doubts"]
        return {**item, "path": chosen.path, "name": chosen.name, "index": index}

    def refuse(self, index: int, instance: Instance, refusal: RefusedInput) -> None:
        """Record and log the reason why an image is not used."""
        self.failures.append((index, Failure.of(instance.name, refusal)))
        logger.warning("rejected: %s", refusal)

    def fail(self, index: int, name: str, error: Exception) -> None:
        """Record and log an unexpected error as the failure of one image."""
        failure = Failure.unexpected(name, error)
        self.failures.append((index, failure))
        logger.warning("%s", failure.reason)

    def read(self, instance: Instance) -> dict[str, Any]:
        """Preprocess an image and check that it is a frontal chest film; the ``doubts`` become flags.

        Raises:
            RefusedInput: the image cannot be read, or is not a frontal chest film.
        """
        try:
            item = self.preprocessing({"image": instance.path})
        except RefusedInput as refusal:
            raise refusal.at(instance.name) from refusal
        doubts = require_chest_film(Radiograph(item["source"].numpy(), item["meta"]), instance.name)
        item["meta"]["flags"] = [*item["meta"]["flags"], *doubts]
        return {**item, "doubts": doubts}


def collate(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Stack the resized images; sources stay in a list, since each has its own size."""
    batch: dict[str, Any] = {
        name: [item[name] for item in items] for name in ("source", "meta", "path", "name", "index")
    }
    batch["image"] = torch.stack([item["image"] for item in items])  # (B, 1, S, S)
    batch["label"] = torch.full((len(items), 1), float("nan"))  # the engine of MONAI requires a label; it is not used
    return batch
