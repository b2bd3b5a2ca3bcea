"""Order of the training images in an epoch: shuffled, or balanced towards rare findings.

Both orders are functions of (seed, epoch), so that a resumed run sees the same images. The draws are dealt out to the
processes in turn, so that no two processes share a draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data.distributed import DistributedSampler

from ..common.choices import check_choice
from ..data.dataset import RadiographDataset
from ..data.label_policy import LabelPolicy

_COMMON = 0.1  # prevalence from which a finding is not oversampled


class BalancedSampler(DistributedSampler):
    """Sampler that draws images in proportion to their repeat factors (LVIS, arXiv:1908.03195, §5.2).

    An epoch has as many draws as there are images. The repeat factor of an image is the largest
    sqrt(``_COMMON`` / prevalence) of its findings, and at least 1. Systematic resampling rounds the expected number of
    draws of each image down or up at random in each epoch, so that chance adds no further imbalance. The network sees
    rare findings more often than they occur, so its sigmoid outputs are no probabilities until it is calibrated.

    Args:
        dataset: training images.
        policy: rule for uncertain and blank labels.
        num_replicas: number of processes.
        rank: rank of this process.
        seed: random seed of the run.
    """

    def __init__(
        self, dataset: RadiographDataset, policy: LabelPolicy, num_replicas: int = 1, rank: int = 0, seed: int = 0
    ) -> None:
        super().__init__(dataset, num_replicas, rank, seed=seed)
        values = np.array([item["label"] for item in dataset.data], dtype=float)  # (N, C)
        self.factors = _repeat_factors(policy.expected(values))  # (N,)

    def __iter__(self) -> Iterator[Any]:
        """Yield (image index, repetition) for the draws of this process in the current epoch."""
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
        targets: (N, C) in [0, 1], NaN for ignored entries; an image has a finding if its target is above 0.5.

    Returns:
        (N,) values of at least 1.
    """
    present = targets > 0.5  # False for NaN
    prevalence = present.sum(axis=0) / np.isfinite(targets).sum(axis=0).clip(min=1)  # (C,)
    factors = np.sqrt(_COMMON / prevalence.clip(min=1 / (len(targets) + 1)))
    return np.where(present, factors, 1.0).max(axis=1, initial=1.0)


def _systematic_draws(weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw indices in proportion to their weights, each as often as expected, rounded down or up.

    Args:
        weights: (N,) positive.
        count: number of draws.
        rng: random generator.

    Returns:
        (count,) indices.
    """
    order = rng.permutation(len(weights))  # without it, neighbours in the datalist would share their rounding
    ends = np.cumsum(weights[order] / weights.sum()) * count
    places = np.searchsorted(ends, rng.uniform() + np.arange(count), side="right")
    return order[places.clip(max=len(weights) - 1)]  # rounding can leave the last end below ``count``


def make_sampler(
    name: str, dataset: RadiographDataset, policy: LabelPolicy, num_replicas: int = 1, rank: int = 0, seed: int = 0
) -> DistributedSampler:
    """Make the sampler that the configuration names.

    Args:
        name: ``shuffled`` (each image once) or ``balanced`` (:class:`BalancedSampler`).
        dataset: training images.
        policy: rule for uncertain and blank labels, used by ``balanced``.
        num_replicas: number of processes.
        rank: rank of this process.
        seed: random seed of the run.

    Raises:
        ValueError: an unknown name.
    """
    check_choice("sampler", name, ("shuffled", "balanced"))
    if name == "balanced":
        return BalancedSampler(dataset, policy, num_replicas, rank, seed)
    return DistributedSampler(dataset, num_replicas, rank, seed=seed)
