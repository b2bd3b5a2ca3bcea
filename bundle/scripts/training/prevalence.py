"""Prevalence of each label in the training split, for the initial bias of the head.

With bias = logit(prevalence), the first loss is the entropy of the prevalences, instead of ln 2 per label.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from ..data.label_policy import LabelPolicy

logger = logging.getLogger(__name__)


def label_prevalence(items: Sequence[dict], policy: LabelPolicy) -> list[float]:
    """Compute the prevalence of each label, with one positive and one negative pseudo-observation to avoid 0 and 1.

    Args:
        items: datalist items with ``label`` lists (NaN = not annotated, -1 = uncertain).
        policy: rule for uncertain and blank labels; a smoothed label counts with its mean.

    Returns:
        C values in (0, 1); 0.5 for a label without usable entries.
    """
    targets = policy.expected(np.array([item["label"] for item in items], dtype=float))  # (N, C)
    counted = np.isfinite(targets).sum(axis=0)
    positives = np.nansum(targets, axis=0)
    prevalence = ((positives + 1) / (counted + 2)).tolist()
    rows = zip(policy.labels, prevalence, counted, strict=True)
    logger.info("prevalence in training: %s", ", ".join(f"{label} {share:.4f} of {n}" for label, share, n in rows))
    return prevalence
