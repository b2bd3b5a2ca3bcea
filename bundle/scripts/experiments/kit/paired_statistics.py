"""Paired bootstrap of means: patients are drawn, and every method is averaged over the same draw.

The weights come from :func:`...metrics.bootstrap.patient_weights`. Equal seeds give equal weights, so the difference
of two methods is paired.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...metrics.bootstrap import patient_weights, percentile_interval


def patient_numbers(patients: Sequence[object] | np.ndarray) -> np.ndarray:
    """Number the patients from 0 without a gap, as :func:`...metrics.bootstrap.patient_weights` expects them.

    Args:
        patients: N patient identifiers that can be sorted, one per case.

    Returns:
        (N,) integers, equal for cases of one patient.
    """
    return np.unique(np.asarray(patients), return_inverse=True)[1]


def mean_interval(
    values: np.ndarray, patients: Sequence[object] | np.ndarray, replicates: int, seed: int
) -> list[float] | None:
    """95 % interval of a mean, in whose bootstrap replicates whole patients are drawn.

    Args:
        values: (N,) without NaN.
        patients: patient of each value.
        replicates: number of bootstrap replicates.
        seed: seed of the bootstrap.

    Returns:
        [low, high]; ``None`` for a single patient.
    """
    groups = patient_numbers(patients)
    if groups.max() == 0:
        return None
    means = [weighted_means(values, weights) for weights in patient_weights(groups, replicates, seed)]
    return percentile_interval(np.concatenate(means))


def weighted_means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of the values in each bootstrap replicate.

    Args:
        values: (N,) without NaN.
        weights: (R, N) non-negative weights of the cases in each replicate.

    Returns:
        (R,), NaN for a replicate that drew none of the cases.
    """
    total = weights.sum(axis=1)
    return weights @ values / np.where(total > 0, total, np.nan)
