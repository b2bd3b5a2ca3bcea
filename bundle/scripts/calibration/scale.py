"""The logistic function: logits -> probabilities."""

from __future__ import annotations

import numpy as np


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Compute the logistic function without overflow, in float64 so that confident cases do not tie.

    Args:
        logits: any shape.
    """
    logits = np.asarray(logits, dtype=np.float64)
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small))
