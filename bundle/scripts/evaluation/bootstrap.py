"""Patient-clustered bootstrap: whole patients are drawn, so several films of one patient do not fake precision.

A replicate is a weight per image (how often its patient was drawn). Rank metrics of all replicates then need one sort
and cumulative sums: 1000 replicates of 14 labels on 600 images take well under a second, exactly equal to resampling.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Weights held at once; 8 bytes each, several copies: about 200 MB at the peak.
BLOCK = 4_000_000


def patient_weights(groups: np.ndarray, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """Draw the patients of each replicate with replacement.

    Args:
        groups: (N,) integer cluster of each image, 0 … P-1.
        replicates: number of replicates R.
        seed: equal seeds give equal replicates, which is what makes two models *paired*.

    Yields:
        Blocks (r, N) float64 of image weights; the blocks' r sum to R.
    """
    rng = np.random.default_rng(seed)
    n_patients = int(groups.max()) + 1
    rows = max(1, BLOCK // max(len(groups), n_patients))
    for start in range(0, replicates, rows):
        r = min(rows, replicates - start)
        counts = rng.multinomial(n_patients, np.full(n_patients, 1 / n_patients), size=r)
        yield counts[:, groups].astype(np.float64)


def weighted_rank_metrics(
    positive: np.ndarray, scores: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """AUROC and average precision of one label under many weightings of its cases.

    Args:
        positive: (M,) bool.
        scores: (M,) float; ties count one half in AUROC.
        weights: (R, M) non-negative.

    Returns:
        (auroc, average_precision): (R,) each, NaN where a replicate holds one class only.
    """
    if not len(scores):
        return np.full(len(weights), np.nan), np.full(len(weights), np.nan)
    order = np.argsort(-scores, kind="stable")
    first_of_tie = np.append(0, np.flatnonzero(np.diff(scores[order])) + 1)
    sorted_weights = weights[:, order]
    positives = np.add.reduceat(sorted_weights * positive[order], first_of_tie, axis=1)
    negatives = np.add.reduceat(sorted_weights * ~positive[order], first_of_tie, axis=1)
    true_positives, false_positives = positives.cumsum(1), negatives.cumsum(1)
    n_positive, n_negative = true_positives[:, -1], false_positives[:, -1]
    usable = (n_positive > 0) & (n_negative > 0)
    # Each positive beats the negatives ranked below it, and half of those tied with it.
    wins = (positives * (n_negative[:, None] - false_positives + negatives / 2)).sum(1)
    auroc = np.where(usable, wins / np.where(usable, n_positive * n_negative, 1), np.nan)
    called = true_positives + false_positives
    precision = true_positives / np.where(called > 0, called, 1)
    average_precision = np.where(usable, (positives * precision).sum(1) / np.where(usable, n_positive, 1), np.nan)
    return auroc, average_precision


def bootstrap_metrics(
    targets: np.ndarray, scores: np.ndarray, groups: np.ndarray, replicates: int, seed: int
) -> dict[str, np.ndarray]:
    """Bootstrap distribution of AUROC and average precision for every label.

    Args:
        targets: (N, C); anything but 0 and 1 is left out of its label.
        scores: (N, C).
        groups: (N,) integer patient of each image.
        replicates: R.
        seed: of the draw.

    Returns:
        ``auroc`` and ``average_precision``, each (R, C), NaN where a replicate holds one class only.
    """
    blocks: list[np.ndarray] = []
    for weights in patient_weights(groups, replicates, seed):
        per_label = []
        for i in range(targets.shape[1]):
            known = (targets[:, i] == 0) | (targets[:, i] == 1)
            per_label.append(weighted_rank_metrics(targets[known, i] == 1, scores[known, i], weights[:, known]))
        blocks.append(np.asarray(per_label))  # (C, 2, r)
    stacked = np.concatenate(blocks, axis=2)
    return {"auroc": stacked[:, 0].T, "average_precision": stacked[:, 1].T}


def percentile_interval(values: np.ndarray, level: float = 0.95) -> list[float] | None:
    """Percentile interval of a bootstrap distribution.

    Args:
        values: (R,) with NaN for replicates without an answer.
        level: coverage.

    Returns:
        [low, high], or None when fewer than half of the replicates have an answer.
    """
    present = values[~np.isnan(values)]
    if len(present) < max(1, len(values) / 2):
        return None
    low, high = np.quantile(present, [(1 - level) / 2, (1 + level) / 2])
    return [float(low), float(high)]
