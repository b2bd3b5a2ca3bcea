"""Macro averages over labels, and bootstrap intervals of the figures of each label and of their average."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .bootstrap import (
    CALIBRATION_METRICS,
    RANK_METRICS,
    SHIFTED,
    bootstrap_metrics,
    percentile_interval,
    weighted_calibration_metrics,
    weighted_rank_metrics,
)

Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, np.ndarray]]
_ALL_MEASURES: dict[Measure, Sequence[str]] = {
    weighted_rank_metrics: RANK_METRICS,
    weighted_calibration_metrics: CALIBRATION_METRICS,
}


def summarise(
    per_label: Mapping[str, dict[str, Any]],
    averaged: Sequence[str],
    targets: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    replicates: int,
    seed: int,
    measures: Mapping[Measure, Sequence[str]] = _ALL_MEASURES,
) -> dict[str, Any]:
    """Macro averages; and ``…_ci`` beside each figure that has a bootstrap, of a label in place.

    Args:
        per_label: figures of C labels, in order; those of one class do not count in the averages.
        averaged: names of the figures to average.
        targets: (N, C).
        probabilities: (N, C).
        groups: (N,) integer patient.
        replicates: with 0 the intervals are None.
        seed: of the bootstrap.
        measures: what to draw, and the figures that it gives.
    """
    rows = list(per_label.values())
    counted = [i for i, row in enumerate(rows) if row["n_positive"] and row["n_negative"]]
    macro: dict[str, Any] = {name: mean_or_none([rows[i][name] for i in counted]) for name in averaged}
    for measure, names in measures.items():
        drawn = bootstrap_metrics(targets, probabilities, groups, replicates, seed, measure) if replicates else None
        for name in names:
            for i, row in enumerate(rows):
                row[f"{name}_ci"] = _interval_of(name, drawn[name][:, i], row[name]) if drawn else None
            macro[f"{name}_ci"] = _interval_of(name, nan_mean(drawn[name][:, counted]), macro[name]) if drawn else None
    return macro


def _interval_of(name: str, drawn: np.ndarray, estimate: float | None) -> list[float] | None:
    """95 % interval of the figure ``name`` from its (R,) replicates."""
    if estimate is None:
        return None
    return percentile_interval(drawn, centre=estimate if name in SHIFTED else None)


def mean_or_none(values: Sequence[float | None]) -> float | None:
    """Mean of the values that exist, None when there is none."""
    present = [value for value in values if value is not None]
    return float(np.mean(present)) if present else None


def nan_mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis without NaN; NaN where all are NaN, and no warning."""
    present = ~np.isnan(values)
    counts = present.sum(-1)
    return np.where(counts > 0, np.where(present, values, 0).sum(-1) / np.maximum(counts, 1), np.nan)
