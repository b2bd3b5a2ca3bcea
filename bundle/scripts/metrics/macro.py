"""Macro averages over labels, and bootstrap intervals for the metrics of each label and for their averages."""

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
    """Average metrics over labels, and add bootstrap intervals under ``<metric>_ci``.

    The intervals of each label are written into ``per_label``.

    Args:
        per_label: metrics of the C labels, in order. Labels with a single class are left out of the averages.
        averaged: names of the metrics to average.
        targets: (N, C).
        probabilities: (N, C).
        groups: (N,) integer patient of each image.
        replicates: number of bootstrap replicates; with 0 the intervals are None.
        seed: random seed of the bootstrap.
        measures: functions for :func:`.bootstrap.bootstrap_metrics`, each with the names of the metrics it returns.

    Returns:
        Macro averages and their intervals.
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
    """95 % interval of the metric ``name`` from its (R,) replicates."""
    if estimate is None:
        return None
    return percentile_interval(drawn, centre=estimate if name in SHIFTED else None)


def mean_or_none(values: Sequence[float | None]) -> float | None:
    """Mean of the values that are not None; None when there are none."""
    present = [value for value in values if value is not None]
    return float(np.mean(present)) if present else None


def nan_mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis, ignoring NaN; unlike ``np.nanmean``, no warning where all values are NaN."""
    present = ~np.isnan(values)
    counts = present.sum(-1)
    return np.where(counts > 0, np.where(present, values, 0).sum(-1) / np.maximum(counts, 1), np.nan)
