"""Interval for the difference of two arms that were each trained with several seeds, over seeds and patients.

Chance enters a difference in three ways: the seeds of the first arm, those of the second, and the test patients. The
variance of the difference is the sum of the three variances of its mean,

    var(base seeds) / K + var(re-trained seeds) / K + var(patients),

and the interval is that of a t distribution. Its degrees of freedom are those of Satterthwaite (Biometrics Bulletin
1946) and Welch (Biometrika 1947): each variance of seeds has K - 1, the one of the patients has many. With few seeds
this matters: at K = 3 and equal variances the interval reaches 2.8 standard errors, where a normal one reaches 1.96.

Two things were left out on purpose. A bootstrap that draws seeds and then patients is too narrow, because K seeds that
are drawn with replacement vary less than K new ones. And the two arms of one seed are not taken as a pair: they share
the order of the images and the initial head, which correlates their results only in part. A correlation that is there
makes the interval too wide, never too narrow. ``benchmarks/seed_verdicts.py`` simulates how often each is wrong.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

_LEVEL, _POWER = 0.95, 0.8
_MOST_DEGREES = 1e6  # practically a normal distribution


class SeedDifference(NamedTuple):
    """Difference of two arms. Each is an array (...), with one entry for each comparison.

    Attributes:
        difference: mean over the seeds of the second arm minus that of the first.
        standard_error: square root of its variance over seeds and patients.
        degrees_of_freedom: of the t distribution, at least K - 1.
        low: lower bound of the 95 % interval.
        high: upper bound.
        p_value: two-sided p value of no difference.
        detectable: smallest true difference that such an interval finds with 80 % power, approximately.
    """

    difference: np.ndarray
    standard_error: np.ndarray
    degrees_of_freedom: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray
    detectable: np.ndarray


def difference_over_seeds(base: np.ndarray, retrained: np.ndarray, patient_variance: np.ndarray) -> SeedDifference:
    """Compare two arms by the metric of each of their trainings.

    Args:
        base: (..., K) metric of each seed of the first arm, K at least 2.
        retrained: (..., K) metric of each seed of the second arm on the same cases.
        patient_variance: (...) variance of the difference of the two means over test patients, with the trained
            networks as they are.

    Returns:
        Difference with its interval.

    Raises:
        ValueError: an arm has fewer than two seeds, whose variance is not defined.
    """
    seeds = min(base.shape[-1], retrained.shape[-1])
    if seeds < 2:
        raise ValueError(f"seeds: expected at least 2 for each arm, found {seeds}; train with --seeds 3")
    of_base, of_retrained = (values.var(axis=-1, ddof=1) / values.shape[-1] for values in (base, retrained))
    variance = of_base + of_retrained + patient_variance
    scatter = of_base**2 / (base.shape[-1] - 1) + of_retrained**2 / (retrained.shape[-1] - 1)
    tiny = np.finfo(float).tiny  # arms that are equal in every seed have no variance at all
    degrees = np.clip(variance**2 / np.maximum(scatter, tiny), seeds - 1, _MOST_DEGREES)
    difference, error = retrained.mean(axis=-1) - base.mean(axis=-1), np.sqrt(variance)
    half = stdtrit(degrees, (1 + _LEVEL) / 2) * error
    # No difference at all between equal arms: 0 / tiny, hence a p value of 1.
    p_value = 2 * stdtr(degrees, -np.abs(difference) / np.maximum(error, tiny))
    detectable = half + stdtrit(degrees, _POWER) * error
    return SeedDifference(difference, error, degrees, difference - half, difference + half, p_value, detectable)
