"""Paired comparison of arms over seeds and patients: differences of macro-AUROC, intervals, equivalence, power.

A replicate of the bootstrap draws seeds and, within them, patients (hierarchical); all arms share the draw. For each
label, the paired DeLong test is computed for each seed. Twice the median of the p values of the seeds is a valid p
value under any dependence between them (Rüger 1978; see Vovk and Wang 2020, arXiv 1212.4966). The method of Holm
corrects it for the number of labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...metrics.bootstrap import bootstrap_metrics, percentile_interval
from ...metrics.classification import auroc
from ...metrics.delong import holm, paired_delong
from ...metrics.macro import nan_mean

# Two-sided 5 %, power 80 %: sum of the normal quantiles .975 and .8.
_DETECTABLE = 1.959964 + 0.841621


@dataclass(frozen=True)
class EvaluatedCases:
    """Cases that the arms are evaluated on.

    Attributes:
        labels: names of the C labels.
        targets: (M, C) targets.
        patients: (M,) numbers of the patients, from 0 without a gap.
    """

    labels: Sequence[str]
    targets: np.ndarray
    patients: np.ndarray

    @property
    def usable(self) -> list[int]:
        """Columns with at least two patients of each class; with fewer, an AUROC is not informative."""
        columns = []
        for column in range(self.targets.shape[1]):
            groups = [np.unique(self.patients[self.targets[:, column] == value]) for value in (0, 1)]
            if min(map(len, groups)) >= 2:
                columns.append(column)
        return columns


@dataclass(frozen=True)
class ArmScores:
    """AUROC of one arm.

    Attributes:
        scores: (S, M, C) logits of the S seeds.
        auroc: (S, C) AUROC.
        replicates: (R, S, C) AUROC in each bootstrap replicate.
    """

    scores: np.ndarray
    auroc: np.ndarray
    replicates: np.ndarray


def score_arm(scores: np.ndarray, evaluated: EvaluatedCases, replicates: int, seed: int) -> ArmScores:
    """AUROC of an arm and its bootstrap distribution over patients, NaN for labels that are not usable.

    Args:
        scores: (S, M, C) logits of the evaluated cases for each seed of training.
        evaluated: evaluated cases.
        replicates: number R of bootstrap replicates.
        seed: seed of the patients that are drawn; equal for all arms, so that their differences are paired.
    """
    drawn = np.stack([
        bootstrap_metrics(evaluated.targets, one, evaluated.patients, replicates, seed)["auroc"] for one in scores
    ], axis=1)  # fmt: skip
    values = np.full((len(scores), scores.shape[2]), np.nan)
    for label in evaluated.usable:
        values[:, label] = [auroc(evaluated.targets[:, label], one[:, label]) for one in scores]
    drawn[..., np.isnan(values[0])] = np.nan
    return ArmScores(scores, values, drawn)


def summarise_arm(arm: ArmScores, columns: Sequence[int], seed: int) -> dict[str, Any]:
    """Macro-AUROC over labels, mean of the seeds, with its interval; ``None`` without a usable label."""
    if np.isnan(arm.auroc[:, columns]).all():
        return {"auroc": None, "auroc_ci": None, "auroc_of_seeds": None}
    drawn = _over_seeds(nan_mean(arm.replicates[..., columns]), seed)
    of_seeds = nan_mean(arm.auroc[:, columns])
    return {
        "auroc": float(of_seeds.mean()),
        "auroc_ci": percentile_interval(drawn),
        "auroc_of_seeds": of_seeds.tolist(),
    }


def compare(
    arm: ArmScores, control: ArmScores, evaluated: EvaluatedCases, columns: Sequence[int], *, margin: float, seed: int
) -> dict[str, Any]:
    """Arm minus control in macro-AUROC over labels.

    Args:
        arm: scores of an arm.
        control: scores of another arm, with the same seeds and cases.
        evaluated: evaluated cases.
        columns: columns of the labels.
        margin: margin of equivalence.
        seed: seed of the training seeds that are drawn.

    Returns:
        JSON-ready: ``difference``, ``ci`` (95 %), ``ci_90``, ``standard_error``, ``detectable`` (smallest true
        difference found with 80 % power), ``equivalent`` (the 90 % interval lies within the margin), ``word``,
        ``of_seeds`` (difference of each seed), and ``labels`` (results of each label). Without a usable label, the
        numbers are ``None``.
    """
    usable = [column for column in columns if column in evaluated.usable]
    if not usable:
        unknown = dict.fromkeys(("difference", "ci", "ci_90", "standard_error", "detectable", "of_seeds"))
        return {**unknown, "equivalent": False, "word": "not judged", "labels": {}}
    change = arm.replicates - control.replicates
    drawn = _over_seeds(nan_mean(change[..., usable]), seed)
    of_seeds = (arm.auroc - control.auroc)[:, usable].mean(1)
    narrow = percentile_interval(drawn, 0.90)
    equivalent = narrow is not None and -margin < narrow[0] and narrow[1] < margin
    interval = percentile_interval(drawn)
    error = float(np.nanstd(drawn))
    return {
        "difference": float(of_seeds.mean()),
        "ci": interval,
        "ci_90": narrow,
        "standard_error": error,
        "detectable": _DETECTABLE * error,
        "equivalent": equivalent,
        "word": _word(interval, equivalent),
        "of_seeds": of_seeds.tolist(),
        "labels": _compare_labels(arm, control, evaluated, usable, change, seed),
    }


def _compare_labels(
    arm: ArmScores, control: ArmScores, evaluated: EvaluatedCases, columns: Sequence[int], change: np.ndarray, seed: int
) -> dict[str, dict[str, Any]]:
    """Each label's difference, interval, and p value (DeLong over seeds, Holm over labels)."""
    rows: dict[str, dict[str, Any]] = {}
    for column in columns:
        known = np.isin(evaluated.targets[:, column], (0, 1))
        positive = evaluated.targets[known, column] == 1
        tests = [
            paired_delong(positive, first[known, column], second[known, column], evaluated.patients[known])[2]
            for first, second in zip(control.scores, arm.scores, strict=True)
        ]
        rows[evaluated.labels[column]] = {
            "difference": float((arm.auroc - control.auroc)[:, column].mean()),
            "ci": percentile_interval(_over_seeds(change[..., column], seed)),
            "p_of_seeds": tests,
            "p_value": _combine(tests),
        }
    for row, adjusted in zip(rows.values(), holm([row["p_value"] for row in rows.values()]), strict=True):
        row["p_holm"] = adjusted
    return rows


def _combine(tests: Sequence[float | None]) -> float | None:
    """Combined p value of the seeds; ``None`` if a seed has none."""
    known = [test for test in tests if test is not None]
    return min(1.0, 2 * float(np.median(known))) if len(known) == len(tests) else None


def _over_seeds(drawn: np.ndarray, seed: int) -> np.ndarray:
    """Mean over seeds drawn with replacement in each replicate: (R, S) -> (R,)."""
    replicates, n_seeds = drawn.shape
    counts = np.random.default_rng(seed).multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=replicates)
    return (drawn * counts).sum(1) / n_seeds


def _word(interval: Sequence[float] | None, equivalent: bool) -> str:
    """A comparison in one word."""
    if interval is None:
        return "not judged"
    if interval[0] > 0:
        return "better"
    if interval[1] < 0:
        return "worse"
    return "equivalent" if equivalent else "undecided"


def macro_names(columns: Mapping[str, Sequence[int]], evaluated: EvaluatedCases) -> dict[str, dict[str, list[str]]]:
    """Labels that the macro average of each group includes, and labels that it leaves out."""
    usable = set(evaluated.usable)
    return {
        group: {
            "counted": [evaluated.labels[i] for i in members if i in usable],
            "left_out": [evaluated.labels[i] for i in members if i not in usable],
        }
        for group, members in columns.items()
    }
