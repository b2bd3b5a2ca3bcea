"""Paired bootstrap of means: patients are drawn, and every method is averaged over the same draw.

The weights come from :func:`...metrics.bootstrap.patient_weights`. Equal seeds give equal weights, so the difference
of two methods is paired.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def patient_numbers(patients: Sequence[object] | np.ndarray) -> np.ndarray:
    """Number the patients from 0 without a gap, as :func:`...metrics.bootstrap.patient_weights` expects them.

    Args:
        patients: N patient identifiers that can be sorted, one per case.

    Returns:
        (N,) integers, equal for cases of one patient.
    """
    return np.unique(np.asarray(patients), return_inverse=True)[1]


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
