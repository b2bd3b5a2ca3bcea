"""The cases of an experiment: the same ones, in the same order, in every arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...attention.mean_map import MeanMap
from ...data.datalist import Datalist
from ..kit.paired_statistics import patient_numbers
from .statistics import EvaluatedCases


@dataclass(frozen=True)
class Case:
    """One image: its datalist ``item``, its ``split``, and a ``name`` that contains no part of its path."""

    item: dict[str, Any]
    split: str
    name: str


@dataclass(frozen=True)
class Cases:
    """Cases of all splits; ``labels`` are the names of the C labels."""

    labels: list[str]
    cases: list[Case]

    @classmethod
    def of(cls, datalist: Datalist, limit: int | None = None) -> Cases:
        """Cases of a datalist, at most the first ``limit`` of each split."""
        cases = [
            Case(item, split, f"{split}/{number:06}.png")
            for split, items in datalist.splits.items()
            for number, item in enumerate(items[:limit])
        ]
        return cls(list(datalist.labels), cases)

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def images(self) -> list[str]:
        """Paths of the images."""
        return [case.item["image"] for case in self.cases]

    @property
    def splits(self) -> np.ndarray:
        """(N,) names of the splits: training, validation or test."""
        return np.array([case.split for case in self.cases])

    @property
    def patients(self) -> np.ndarray:
        """(N,) numbers of the patients, from 0."""
        return patient_numbers([case.item["patient_id"] for case in self.cases])

    @property
    def targets(self) -> np.ndarray:
        """(N, C) targets: 1, 0, NaN (not annotated) or -1 (uncertain)."""
        return np.array([case.item["label"] for case in self.cases], dtype=np.float64).reshape(len(self), -1)

    @property
    def training(self) -> list[dict[str, Any]]:
        """Items of the training images."""
        return [case.item for case in self.cases if case.split == "training"]

    def mean_map(self, maps: Mapping[str, torch.Tensor]) -> MeanMap:
        """Mean map of the training images.

        Args:
            maps: attention map (h, w) of each training image that can be read, by its path.

        Raises:
            ValueError: the training images are of one patient.
        """
        mean = MeanMap()
        for item in self.training:
            if item["image"] in maps:
                mean.add(item["patient_id"], maps[item["image"]])
        if len(mean.patients) < 2:
            raise ValueError(
                "selector: mean_map needs the images of other patients; expected training images of at least 2, found "
                f"{len(mean.patients)}; leave out the arms with this selector"
            )
        return mean

    def without(self, images: Sequence[str]) -> Cases:
        """Cases except those of the given images.

        Raises:
            ValueError: no case is left in the training or the test split.
        """
        rejected = set(images)
        kept = [case for case in self.cases if case.item["image"] not in rejected]
        for name in ("training", "test"):
            if name not in {case.split for case in kept}:
                raise ValueError(
                    f"datalist: {name}: no case is left; expected at least one image that can be read, found none; see "
                    "failures.csv"
                )
        return Cases(self.labels, kept)

    def evaluated(self, chosen: np.ndarray) -> EvaluatedCases:
        """Evaluated cases, chosen by a mask (N,) bool."""
        patients = patient_numbers(self.patients[chosen])
        return EvaluatedCases(self.labels, self.targets[chosen], patients)
