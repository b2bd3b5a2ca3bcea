"""Share of positives per label in the training split: where the head's bias starts.

With bias = logit(prevalence) the first loss is the entropy of the prevalences, instead of ln 2 per label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..networks.loss import UNCERTAIN_AS


def label_prevalence(items: Sequence[dict], uncertain: str = "ignore") -> list[float]:
    """Prevalence of each label among its annotated items, pulled off 0 and 1 by one pseudo-observation each way.

    Args:
        items: datalist items with ``label`` lists (NaN = not annotated, -1 = uncertain).
        uncertain: ``ignore``, ``ones`` or ``zeros``, as in the loss.

    Returns:
        C numbers in (0, 1).
    """
    targets = np.array([item["label"] for item in items], dtype=float)  # (N, C)
    targets = np.where(targets == -1, UNCERTAIN_AS[uncertain], targets)
    annotated = np.isfinite(targets).sum(axis=0)
    positives = np.nansum(targets, axis=0)
    return ((positives + 1) / (annotated + 2)).tolist()
