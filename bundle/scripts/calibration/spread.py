"""Uncertainty of several networks that predict as one: how far their probabilities differ."""

from __future__ import annotations

import numpy as np

from .calibration_file import Calibration
from .scale import sigmoid


def member_spread(logits: np.ndarray, calibration: Calibration | None = None) -> np.ndarray:
    """Compute the standard deviation of the members' probabilities.

    Args:
        logits: (N, K, C) logits of K members.
        calibration: calibration of their mean, applied to each member, for a spread of calibrated probabilities.

    Returns:
        (N, C), with K - 1 in the denominator: the K trainings stand for all that could have been.
    """
    members = np.asarray(logits, dtype=np.float64)
    probabilities = sigmoid(members)
    if calibration is not None:
        probabilities = calibration.apply(members.reshape(-1, members.shape[-1])).probabilities.reshape(members.shape)
    spread: np.ndarray = probabilities.std(axis=1, ddof=1)
    return spread
