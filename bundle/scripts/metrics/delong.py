"""Paired DeLong test of two AUROCs on the same cases, with patients as clusters, and Holm's correction.

E. DeLong et al., Biometrics 1988; fast form by ranks: X. Sun and W. Xu, IEEE SPL 2014; clusters: N. Obuchowski,
Biometrics 1997. With one image per patient, the clustered variance equals DeLong's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .curves import average_ranks


def _structural_components(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Contribution of each case to the AUROC: the fraction of the other class that it is ranked correctly against.

    Args:
        positive: (M,) bool with both classes.
        scores: (M,) float.

    Returns:
        (M,) in [0, 1]; the mean over the positives is the AUROC, and so is the mean over the negatives.
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    rank_all = average_ranks(scores)
    rank_positive, rank_negative = average_ranks(scores[positive]), average_ranks(scores[~positive])
    components = np.empty(len(scores))
    components[positive] = (rank_all[positive] - rank_positive) / n_negative
    components[~positive] = 1 - (rank_all[~positive] - rank_negative) / n_positive
    return components


def paired_delong(
    positive: np.ndarray, first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None
) -> tuple[float, float | None, float | None]:
    """Test whether two models have equal AUROC on the same cases.

    Args:
        positive: (M,) bool.
        first: (M,) scores of the first model.
        second: (M,) scores of the second model.
        groups: (M,) patient of each case; None when each case is its own patient.

    Returns:
        (AUROC of the second minus that of the first, standard error, two-sided p value). The error is None when a
        class has fewer than two patients. The p value is None when the error is None or zero, unless the difference is
        zero too: then it is 1.

    Raises:
        ValueError: the cases have a single class.
    """
    if positive.all() or not positive.any():
        raise ValueError("paired_delong: expected cases of both classes, found one; leave this label out")
    groups = np.arange(len(positive)) if groups is None else np.unique(groups, return_inverse=True)[1]
    component = _structural_components(positive, second) - _structural_components(positive, first)
    difference = float(component[positive].mean())
    standard_error = _clustered_error(positive, component - difference, groups)
    if standard_error is None or standard_error < 1e-12:
        return difference, standard_error, 1.0 if abs(difference) < 1e-12 else None
    return difference, standard_error, math.erfc(abs(difference) / standard_error / math.sqrt(2))


def _clustered_error(positive: np.ndarray, centred: np.ndarray, groups: np.ndarray) -> float | None:
    n_groups = int(groups.max()) + 1
    sums, members = {}, {}
    for name, chosen in (("positive", positive), ("negative", ~positive)):
        sums[name] = np.bincount(groups[chosen], centred[chosen], n_groups) / chosen.sum()
        members[name] = len(np.unique(groups[chosen]))
    if min(members.values()) < 2:
        return None
    variance = sum((sums[name] ** 2).sum() * members[name] / (members[name] - 1) for name in sums)
    variance += 2 * n_groups / (n_groups - 1) * (sums["positive"] * sums["negative"]).sum()
    return math.sqrt(max(float(variance), 0.0))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Apply Holm's step-down correction; None stays None and does not count as a test.

    Args:
        p_values: p value of each test.

    Returns:
        Adjusted values in the same order, at most 1.
    """
    tests = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, i) in enumerate(tests):
        largest = max(largest, min(1.0, (len(tests) - rank) * p))
        adjusted[i] = largest
    return adjusted
