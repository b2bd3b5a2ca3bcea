"""Share of positives per label in the training split, after the label policy: where the head's bias starts.

With bias = logit(prevalence) the first loss is the entropy of the prevalences, instead of ln 2 per label.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from ..data.label_policy import LabelPolicy

logger = logging.getLogger(__name__)


def label_prevalence(items: Sequence[dict], policy: LabelPolicy) -> list[float]:
    """Prevalence of each label among the entries that count, pulled off 0 and 1 by one pseudo-observation each way.

    Args:
        items: datalist items with ``label`` lists (NaN = not annotated, -1 = uncertain).
        policy: what uncertain and blank labels count as; smoothed ones count as their mean.

    Returns:
        C numbers in (0, 1); 0.5 for a label of which no entry counts.
    """
    targets = policy.expected(np.array([item["label"] for item in items], dtype=float))  # (N, C)
    counted = np.isfinite(targets).sum(axis=0)
    positives = np.nansum(targets, axis=0)
    prevalence = ((positives + 1) / (counted + 2)).tolist()
    rows = zip(policy.labels, prevalence, counted, strict=True)
    logger.info("prevalence in training: %s", ", ".join(f"{label} {share:.4f} of {n}" for label, share, n in rows))
    return prevalence
