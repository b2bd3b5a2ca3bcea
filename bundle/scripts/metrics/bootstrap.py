"""Patient-clustered bootstrap: whole patients are drawn, so that several images of one patient do not fake precision.

A replicate is stored as one weight per image: the number of times that its patient was drawn. One sort and cumulative
sums then give the rank metrics of all replicates, exactly as resampling would. 1000 replicates of 14 labels on 600
images take well under a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .curves import equal_mass_bins

# Number of weights held at once. They take 8 bytes each in several copies, about 200 MB at the peak.
_BLOCK = 4_000_000
_FIXED_SHARE = 0.9
RANK_METRICS = ("auroc", "average_precision", "sensitivity_at_90_specificity", "specificity_at_90_sensitivity")
CALIBRATION_METRICS = ("brier", "calibration_error")
# Metrics whose replicates are shifted to the estimate. Repeated cases make any model look less calibrated: without the
# shift, the interval of 294 cases lay above the estimate.
SHIFTED = ("calibration_error",)
_ROUNDING = 1e-9


def patient_weights(groups: np.ndarray, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """Draw the patients of each replicate with replacement.

    Args:
        groups: (N,) integer patient of each image, from 0 to P-1.
        replicates: number of replicates R.
        seed: random seed. Two models are compared on the same replicates when they use the same seed.

    Yields:
        Image weights in blocks of r replicates, (r, N) float64. All blocks together hold R replicates.
    """
    rng = np.random.default_rng(seed)
    n_patients = int(groups.max()) + 1
    rows = max(1, _BLOCK // max(len(groups), n_patients))
    for start in range(0, replicates, rows):
        r = min(rows, replicates - start)
        counts = rng.multinomial(n_patients, np.full(n_patients, 1 / n_patients), size=r)
        yield counts[:, groups].astype(np.float64)


def weighted_rank_metrics(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Rank metrics of one label, for many weightings of its cases.

    Args:
        positive: (M,) bool.
        scores: (M,) float; ties count one half in AUROC.
        weights: (R, M) non-negative.

    Returns:
        Each name in ``RANK_METRICS`` -> (R,); NaN for a replicate with a single class. Sensitivity and specificity
        are taken at the best threshold among the scores, without interpolation.
    """
    if not len(scores):
        return {name: np.full(len(weights), np.nan) for name in RANK_METRICS}
    order = np.argsort(-scores, kind="stable")
    first_of_tie = np.append(0, np.flatnonzero(np.diff(scores[order])) + 1)
    sorted_weights = weights[:, order]
    positives = np.add.reduceat(sorted_weights * positive[order], first_of_tie, axis=1)  # (R, K distinct scores)
    negatives = np.add.reduceat(sorted_weights * ~positive[order], first_of_tie, axis=1)
    true_positives, false_positives = positives.cumsum(1), negatives.cumsum(1)
    n_positive, n_negative = true_positives[:, -1], false_positives[:, -1]
    usable = (n_positive > 0) & (n_negative > 0)
    n_positive, n_negative = np.where(usable, n_positive, 1.0), np.where(usable, n_negative, 1.0)
    # A positive case counts one for each negative case ranked below it, and one half for each tied one.
    wins = (positives * (n_negative[:, None] - false_positives + negatives / 2)).sum(1)
    called = true_positives + false_positives
    precision = true_positives / np.where(called > 0, called, 1)
    rows = np.arange(len(weights))
    # Last threshold that is specific enough (-1: none), and first threshold that is sensitive enough.
    specific = (false_positives <= (1 - _FIXED_SHARE) * n_negative[:, None] + _ROUNDING).sum(1) - 1
    sensitive = (true_positives < _FIXED_SHARE * n_positive[:, None] - _ROUNDING).sum(1)
    sensitive = np.minimum(sensitive, positives.shape[1] - 1)
    metrics = (
        wins / (n_positive * n_negative),
        (positives * precision).sum(1) / n_positive,
        np.where(specific >= 0, true_positives[rows, specific], 0.0) / n_positive,
        1 - false_positives[rows, sensitive] / n_negative,
    )
    return {name: np.where(usable, values, np.nan) for name, values in zip(RANK_METRICS, metrics, strict=True)}


def weighted_calibration_metrics(
    positive: np.ndarray, probabilities: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Brier score and calibration error of one label, for many weightings of its cases.

    The bins are computed once, from the unweighted cases. A replicate changes the weights in a bin but not its limits.

    Args:
        positive: (M,) bool.
        probabilities: (M,) in [0, 1].
        weights: (R, M) non-negative.

    Returns:
        Each name in ``CALIBRATION_METRICS`` -> (R,); NaN for a replicate without cases.
    """
    total = weights.sum(1)
    if not len(positive):
        return {name: np.full(len(weights), np.nan) for name in CALIBRATION_METRICS}
    deviation = positive - probabilities
    in_bin = np.zeros((len(positive), len(bins := equal_mass_bins(probabilities))))
    for number, members in enumerate(bins):
        in_bin[members, number] = 1
    metrics = (weights @ deviation**2, np.abs(weights @ (in_bin * deviation[:, None])).sum(1))
    present = total > 0
    return {
        name: np.where(present, values / np.where(present, total, 1), np.nan)
        for name, values in zip(CALIBRATION_METRICS, metrics, strict=True)
    }


def bootstrap_metrics(
    targets: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    replicates: int,
    seed: int,
    measure: Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, np.ndarray]] = weighted_rank_metrics,
) -> dict[str, np.ndarray]:
    """Bootstrap distribution of the metrics of every label.

    Args:
        targets: (N, C); entries other than 0 and 1 are ignored.
        scores: (N, C).
        groups: (N,) integer patient of each image.
        replicates: number of replicates R, at least 1.
        seed: random seed of :func:`patient_weights`.
        measure: function of one label's positives (M,), scores (M,) and weights (R, M) that returns name -> (R,).

    Returns:
        name -> (R, C); NaN where a metric is not defined for a replicate.
    """
    known = (targets == 0) | (targets == 1)
    blocks: list[dict[str, np.ndarray]] = []
    for weights in patient_weights(groups, replicates, seed):
        per_label = [
            measure(targets[chosen, i] == 1, scores[chosen, i], weights[:, chosen]) for i, chosen in enumerate(known.T)
        ]
        blocks.append({name: np.stack([label[name] for label in per_label], axis=1) for name in per_label[0]})
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def percentile_interval(values: np.ndarray, level: float = 0.95, centre: float | None = None) -> list[float] | None:
    """Percentile interval of a bootstrap distribution.

    Args:
        values: (R,); NaN where the metric is not defined for a replicate.
        level: coverage, in (0, 1).
        centre: value to which the mean of the distribution is shifted, for metrics that resampling itself increases.

    Returns:
        [low, high], or None when the metric is defined for fewer than half of the replicates.
    """
    present = values[~np.isnan(values)]
    if len(present) < max(1, len(values) / 2):
        return None
    if centre is not None:
        present = present + (centre - present.mean())
    low, high = np.quantile(present, [(1 - level) / 2, (1 + level) / 2])
    return [float(low), float(high)]
