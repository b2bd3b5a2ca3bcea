"""Order of the training images in an epoch: shuffled, or balanced towards rare findings.

Either order is a function of (seed, epoch) and is shared out to the processes in turn, so that a run which was killed
and continued sees the same images, and no draw is made by two processes. Only the training split is drawn from;
nothing is copied into it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data.distributed import DistributedSampler

from ..data.dataset import RadiographDataset
from ..data.label_policy import LabelPolicy

_COMMON = 0.1  # prevalence from which a finding is not drawn more often


class BalancedSampler(DistributedSampler):
    """As many draws as there are images, each image in proportion to its repeat factor (LVIS, arXiv:1908.03195, §5.2).

    The factor of an image is the largest sqrt(``COMMON`` / prevalence) of its findings, at least 1. Its number of draws
    is the expected one, rounded down or up at random for each epoch (systematic resampling), so that chance adds no
    further imbalance. The network sees findings more often than they occur: calibrate it before its sigmoids are read
    as probabilities.

    Args:
        dataset: training images.
        policy: what uncertain and blank labels count as.
        num_replicas: processes.
        rank: number of this one.
        seed: of the run.
    """

    def __init__(
        self, dataset: RadiographDataset, policy: LabelPolicy, num_replicas: int = 1, rank: int = 0, seed: int = 0
    ) -> None:
        super().__init__(dataset, num_replicas, rank, seed=seed)
        values = np.array([item["label"] for item in dataset.data], dtype=float)  # (N, C)
        self.factors = _repeat_factors(policy.expected(values))  # (N,)

    def __iter__(self) -> Iterator[Any]:
        """(number, repetition) of the images of this process in the current epoch."""
        rng = np.random.default_rng([self.seed, self.epoch])
        draws = rng.permutation(_systematic_draws(self.factors, self.total_size, rng))
        seen: Counter[int] = Counter()
        order = []
        for number in draws.tolist():
            order.append((number, seen[number]))
            seen[number] += 1
        return iter(order[self.rank :: self.num_replicas])


def _repeat_factors(targets: np.ndarray) -> np.ndarray:
    """Repeat factor of each image.

    Args:
        targets: (N, C) in [0, 1], NaN where an entry does not count; above 0.5 an image has the finding.

    Returns:
        (N,), at least 1.
    """
    present = targets > 0.5  # false for NaN
    prevalence = present.sum(axis=0) / np.isfinite(targets).sum(axis=0).clip(min=1)  # (C,)
    factors = np.sqrt(_COMMON / prevalence.clip(min=1 / (len(targets) + 1)))
    return np.where(present, factors, 1.0).max(axis=1, initial=1.0)


def _systematic_draws(weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Indices drawn in proportion to their weights, each as often as expected, rounded down or up.

    Args:
        weights: (N,), positive.
        count: number of draws.
        rng: of the rounding.

    Returns:
        (count,) indices.
    """
    order = rng.permutation(len(weights))  # neighbours in the datalist must not decide each other's rounding
    ends = np.cumsum(weights[order] / weights.sum()) * count
    places = np.searchsorted(ends, rng.uniform() + np.arange(count), side="right")
    return order[places.clip(max=len(weights) - 1)]  # the last end may be rounded below ``count``


def make_sampler(
    name: str, dataset: RadiographDataset, policy: LabelPolicy, num_replicas: int = 1, rank: int = 0, seed: int = 0
) -> DistributedSampler:
    """Sampler by its name in the configuration.

    Args:
        name: ``shuffled`` (each image once) or ``balanced``.
        dataset: training images.
        policy: as in :class:`BalancedSampler`.
        num_replicas: processes.
        rank: number of this one.
        seed: of the run.

    Raises:
        ValueError: unknown name.
    """
    if name == "shuffled":
        return DistributedSampler(dataset, num_replicas, rank, seed=seed)
    if name == "balanced":
        return BalancedSampler(dataset, policy, num_replicas, rank, seed)
    raise ValueError(f"sampler: not known; expected shuffled or balanced, found {name!r}; set --sampler shuffled")
