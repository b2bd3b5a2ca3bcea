"""Hallucination check on the cases: a classifier is applied, without re-training, to control and to enhanced images.

A decision that changes is caused by the enhancement alone. Logits are divided by their standard deviation over the
negative cases on control images, so that labels can be averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...metrics.bootstrap import patient_weights, percentile_interval
from ...metrics.macro import mean_or_none
from .statistics import EvaluatedCases

# A shift of 0.2 standard deviations is small (Cohen); an interval that lies above half of that raises an alarm.
_ALARM = 0.1


def frozen_changes(
    control: np.ndarray,
    enhanced: np.ndarray,
    evaluated: EvaluatedCases,
    columns: Sequence[int],
    *,
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    """Changes of the decisions of a frozen classifier by enhancement.

    Args:
        control: logits (S, M, C) on control images.
        enhanced: logits (S, M, C) of the same classifiers on enhanced images of the same cases.
        evaluated: evaluated cases.
        columns: columns of the labels.
        replicates: number of bootstrap replicates, drawn by patient.
        seed: seed of the bootstrap.

    Returns:
        JSON-ready. ``flips``: share of decisions that change, at the threshold where the control has as many positive
        decisions as there are positive cases; ``created``: share of negatives with a new positive decision; ``erased``:
        share of positives with a new negative decision; ``shift_negative`` and ``change_of_separation`` with 95 %
        intervals; ``alarms``.
    """
    usable = [column for column in columns if column in evaluated.usable]
    if not usable:
        return {"labels": [], "alarms": []}
    rates = [_rates_of(control[s], enhanced[s], evaluated, column) for s in range(len(control)) for column in usable]
    shift, separation = _shifts(control, enhanced, evaluated, usable)
    drawn = np.concatenate([
        np.stack([_weighted(shift, weights), _weighted(separation, weights)], axis=-1)
        for weights in patient_weights(evaluated.patients, replicates, seed)
    ])  # fmt: skip
    negative, apart = percentile_interval(drawn[:, 0]), percentile_interval(drawn[:, 1])
    alarms = []
    if negative is not None and negative[0] > _ALARM:
        alarms.append("findings appear in cases without them")
    if apart is not None and apart[1] < -_ALARM:
        alarms.append("findings become harder to tell from their absence")
    one = np.ones((1, len(evaluated.targets)))
    return {
        "labels": [evaluated.labels[column] for column in usable],
        **{name: mean_or_none([rate[name] for rate in rates]) for name in ("flips", "created", "erased")},
        "shift_negative": float(_weighted(shift, one)[0]),
        "shift_negative_ci": negative,
        "change_of_separation": float(_weighted(separation, one)[0]),
        "change_of_separation_ci": apart,
        "alarms": alarms,
    }


def _rates_of(control: np.ndarray, enhanced: np.ndarray, evaluated: EvaluatedCases, column: int) -> dict[str, float]:
    """Shares of changed decisions of one label and seed; (M, C) logits each."""
    known = np.isin(evaluated.targets[:, column], (0, 1))
    positive = evaluated.targets[known, column] == 1
    before, after = control[known, column], enhanced[known, column]
    threshold = np.quantile(before, 1 - positive.mean())
    was, is_now = before > threshold, after > threshold
    return {
        "flips": float((was != is_now).mean()),
        "created": float((~was & is_now)[~positive].mean()),
        "erased": float((was & ~is_now)[positive].mean()),
    }


def _shifts(
    control: np.ndarray, enhanced: np.ndarray, evaluated: EvaluatedCases, columns: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Contribution of each case to the shift of the negatives (M, 2, L) and to the change of separation (M, 4, L).

    The second axis holds the change and the presence of a case, first among the positives (only of the second array),
    then among the negatives.
    """
    shape = (len(evaluated.targets), 2, len(columns))
    shift, separation = np.zeros(shape), np.zeros((len(evaluated.targets), 4, len(columns)))
    for index, column in enumerate(columns):
        negative, positive = (evaluated.targets[:, column] == value for value in (0, 1))
        spread = control[:, negative, column].std(1)
        change = ((enhanced - control)[..., column] / np.where(spread > 0, spread, 1)[:, None]).mean(0)
        shift[:, 0, index], shift[:, 1, index] = change * negative, negative
        separation[:, 0, index], separation[:, 1, index] = change * positive, positive
    separation[:, 2:] = shift
    return shift, separation


def _weighted(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over labels of the ratio of sums (or of the difference of two ratios) under weights (R, M): (R,)."""
    sums = np.einsum("rm,mkl->rkl", weights, parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = sums[:, 0] / sums[:, 1]
        if parts.shape[1] == 4:
            ratios = ratios - sums[:, 2] / sums[:, 3]
    return ratios.mean(-1)
