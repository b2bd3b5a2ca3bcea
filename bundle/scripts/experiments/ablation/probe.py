"""Probe: logistic regression on standardised features of a frozen network, one for each label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_MAX_ITERATIONS = 2000


@dataclass(frozen=True)
class Probe:
    """Trained classifier of C labels: ``mean`` (F,), ``scale`` (F,), ``weights`` (C, F), ``bias`` (C,)."""

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Logits (N, C) of features (N, F)."""
        return ((features - self.mean) / self.scale) @ self.weights.T + self.bias


def fit_probe(features: np.ndarray, targets: np.ndarray, weights: np.ndarray, strength: float) -> Probe:
    """Train a probe.

    Args:
        features: features (N, F).
        targets: targets (N, C); a target other than 0 and 1 is left out of its label.
        weights: weights (N,) of the cases; 0 leaves out a case.
        strength: ``C`` of scikit-learn; a smaller value regularises more.

    Returns:
        The classifier. A label with only one class among its cases gets a constant logit of 0.
    """
    from sklearn.linear_model import LogisticRegression

    used = weights > 0
    features, targets, weights = features[used], targets[used], weights[used]
    mean = np.average(features, axis=0, weights=weights)
    scale = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights))
    scale = np.where(scale > 1e-6, scale, 1.0)
    standard = ((features - mean) / scale).astype(np.float32)
    coefficients, bias = np.zeros((targets.shape[1], features.shape[1])), np.zeros(targets.shape[1])
    for label in range(targets.shape[1]):
        known = np.isin(targets[:, label], (0, 1))
        if len(np.unique(targets[known, label])) < 2:
            continue
        model = LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS)
        model.fit(standard[known], targets[known, label], sample_weight=weights[known])
        coefficients[label], bias[label] = model.coef_[0], model.intercept_[0]
    return Probe(mean, scale, coefficients, bias)
