"""Paired comparison of the base model and the re-trained model on the same cases.

Each model may have been trained with several seeds. The difference is then that of the means over the seeds, and its
interval covers the chance of training as well as the choice of the test patients (:mod:`..metrics.seed_interval`). With
one training each, the interval covers the patients only, and there is no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ..metrics.bootstrap import bootstrap_metrics, percentile_interval
from ..metrics.classification import auroc, average_precision, check_predictions, select_annotated
from ..metrics.delong import holm, paired_delong
from ..metrics.macro import mean_or_none, nan_mean
from ..metrics.seed_interval import difference_over_seeds
from .disagreement import films_of_disagreement
from .seed_verdict import give_verdict

_METRICS = {"auroc": ("", auroc), "average_precision": ("_average_precision", average_precision)}
_Drawn = dict[str, np.ndarray]  # replicates (R, K, C) of each metric


def compare_models(
    labels: Sequence[str],
    base: np.ndarray,
    retrained: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray,
    *,
    seeds: Sequence[int | None],
    bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute differences (re-trained minus base) for each label and for the macro average, with a verdict.

    Args:
        labels: C names.
        base: (K, N, C) probabilities of the base model, one training per seed.
        retrained: (K, N, C) probabilities of the re-trained model on the same cases, in the same order of seeds.
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        groups: (N,) integer patient of each case.
        seeds: K seeds of the trainings; ``None`` for a seed that is not known.
        bootstrap: number of replicates for the variance over patients; with 0 there are no intervals.
        seed: random seed of the bootstrap; all models are scored on the same replicates.

    Returns:
        The content of ``comparison.json``, JSON-ready.

    Raises:
        ValueError: the shapes disagree.
    """
    arms = [[check_predictions(labels, one, targets) for one in arm] for arm in (base, retrained)]
    targets = arms[0][0][1]
    groups = np.unique(groups, return_inverse=True)[1]
    before, after = ([scores for scores, _ in arm] for arm in arms)
    drawn = [_draw(arm, targets, groups, bootstrap, seed) for arm in (before, after)] if bootstrap else None
    counted = [i for i in range(len(labels)) if _fewest_patients(targets[:, i], groups) >= 2]
    rows: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(labels):
        changes = [{metric: values[..., i] for metric, values in arm.items()} for arm in drawn] if drawn else None
        rows[name] = _compare_label(
            targets[:, i], [[one[:, i] for one in arm] for arm in (before, after)], groups, changes, seeds
        )
    for row, adjusted in zip(rows.values(), holm([row["p_value"] for row in rows.values()]), strict=True):
        row["p_holm"] = adjusted
    values = {metric: [_macro_of_seeds(targets, arm, counted, measure) for arm in (before, after)]
              for metric, (_, measure) in _METRICS.items()}  # fmt: skip
    means = [{metric: nan_mean(replicates[..., counted]) for metric, replicates in arm.items()} for arm in drawn or []]
    macro = {metric: _difference(values[metric], [arm[metric] for arm in means] or None) for metric in _METRICS}
    n_patients = int(groups.max()) + 1
    comparison = {
        "labels": rows,
        "macro": macro,
        "left_out": [name for i, name in enumerate(labels) if i not in counted],
        "seeds": _seed_rows(seeds, *values["auroc"]) if counted else [],
        "control": _control(values["auroc"][0], means[0]["auroc"] if means else None) if counted else None,
        "interval_covers": "seeds and patients" if len(seeds) > 1 else "patients",
        "films": films_of_disagreement(labels, np.stack(before), np.stack(after), targets, groups),
        "n_images": len(targets),
        "n_patients": n_patients,
        "bootstrap": {"replicates": bootstrap, "seed": seed, "cluster": "patient"},
    }
    return comparison | give_verdict(comparison)


def _draw(scores: Sequence[np.ndarray], targets: np.ndarray, groups: np.ndarray, replicates: int, seed: int) -> _Drawn:
    """Bootstrap replicates (R, K, C) over patients of each metric of the K trainings of one arm."""
    drawn = [bootstrap_metrics(targets, one, groups, replicates, seed) for one in scores]
    return {metric: np.stack([one[metric] for one in drawn], axis=1) for metric in _METRICS}


def _fewest_patients(targets: np.ndarray, groups: np.ndarray) -> int:
    """Number of patients with positive or with negative cases of a label, whichever is smaller."""
    return min(len(np.unique(groups[targets == value])) for value in (0, 1))


def _compare_label(
    targets: np.ndarray,
    arms: Sequence[Sequence[np.ndarray]],
    groups: np.ndarray,
    drawn: Sequence[_Drawn] | None,
    seeds: Sequence[int | None],
) -> dict[str, Any]:
    """Row of a label; ``arms`` holds the scores (N,) of each training of both arms, ``drawn`` replicates (R, K)."""
    known = (targets == 0) | (targets == 1)
    positive, _ = select_annotated(targets, arms[0][0])
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    row: dict[str, Any] = {
        "prevalence": n_positive / len(positive) if len(positive) else None,
        "n_positive": n_positive,
        "n_negative": n_negative,
    }
    if not n_positive or not n_negative:
        empty = ("base", "retrained", "difference", "difference_ci", "p_value")
        return row | dict.fromkeys((*empty, "base_average_precision", "retrained_average_precision")) | {"seeds": []}
    for metric, (suffix, measure) in _METRICS.items():
        values = [np.array([measure(targets, one) for one in arm], dtype=np.float64) for arm in arms]
        found = _difference(values, [arm[metric] for arm in drawn] if drawn else None)
        row |= {f"base{suffix}": found["base"], f"retrained{suffix}": found["retrained"]}
        if metric == "auroc":
            row |= {key: found[key] for key in ("difference", "difference_ci", "p_value")}
            row["seeds"] = _seed_rows(seeds, *values)
    if len(arms[0]) == 1:
        row["p_value"] = paired_delong(positive, arms[0][0][known], arms[1][0][known], groups[known])[2]
    return row


def _macro_of_seeds(
    targets: np.ndarray, scores: Sequence[np.ndarray], counted: Sequence[int], measure: Any
) -> np.ndarray:
    """Macro average (K,) of a metric over the counted labels, for each training of an arm."""
    return np.array([mean_or_none([measure(targets[:, i], one[:, i]) for i in counted]) for one in scores], dtype=float)


def _difference(values: Sequence[np.ndarray], drawn: Sequence[np.ndarray] | None) -> dict[str, Any]:
    """Difference of the means of two arms.

    Args:
        values: (K,) metric of the trainings of the base, and of those of the other arm; NaN if it is not defined.
        drawn: bootstrap replicates (R, K) over patients of both arms; ``None``: no interval.

    Returns:
        ``base``, ``retrained``, ``difference``, ``difference_ci`` (95 %) and, with several trainings, ``p_value``,
        ``standard_error``, ``degrees_of_freedom`` and ``detectable``; ``None`` where a value is not defined.
    """
    base, retrained = values
    if np.isnan(base).any() or np.isnan(retrained).any():
        return dict.fromkeys(("base", "retrained", "difference", "difference_ci", "p_value"))
    means = {"base": float(base.mean()), "retrained": float(retrained.mean())}
    result = means | {"difference": means["retrained"] - means["base"], "difference_ci": None, "p_value": None}
    change = (drawn[1] - drawn[0]).mean(axis=1) if drawn else np.array([np.nan])
    interval = percentile_interval(change)
    if interval is None or len(base) == 1:
        return result | {"difference_ci": interval}
    found = difference_over_seeds(base, retrained, np.nanvar(change, ddof=1))
    numbers = {name: float(getattr(found, name)) for name in ("standard_error", "degrees_of_freedom", "detectable")}
    return result | numbers | {"difference_ci": [float(found.low), float(found.high)], "p_value": float(found.p_value)}


def _seed_rows(seeds: Sequence[int | None], base: np.ndarray, retrained: np.ndarray) -> list[dict[str, Any]]:
    """AUROC, or macro-AUROC, of both arms for each seed."""
    return [
        {"seed": seed, "base": float(first), "retrained": float(second), "difference": float(second - first)}
        for seed, first, second in zip(seeds, base, retrained, strict=True)
    ]


def _control(base: np.ndarray, drawn: np.ndarray | None) -> dict[str, Any] | None:
    """Compare the trainings of the base with one another: differences that only chance explains.

    Args:
        base: (K,) macro-AUROC of each training.
        drawn: bootstrap replicates (R, K) over patients.

    Returns:
        ``pairs``, their number; ``largest_difference`` in either direction; ``standard_deviation`` over seeds;
        ``different_by_patients``, number of pairs that an interval over patients alone would have called different.
        ``None`` with a single training.
    """
    if len(base) < 2:
        return None
    pairs = list(combinations(range(len(base)), 2))
    intervals = [percentile_interval(drawn[:, j] - drawn[:, i]) for i, j in pairs] if drawn is not None else []
    return {
        "pairs": len(pairs),
        "largest_difference": max(float(abs(base[j] - base[i])) for i, j in pairs),
        "standard_deviation": float(base.std(ddof=1)),
        "different_by_patients": sum(one is not None and (one[0] > 0 or one[1] < 0) for one in intervals),
    }
