"""Paired comparison of arms over seeds and patients: differences of macro-AUROC, intervals, equivalence, power.

Where each seed is a training of its own (fine-tuning), the interval is that of :mod:`...metrics.seed_interval`, which
counts the chance of training of both arms.

The seeds of a probe only resample the training patients, equally in all arms, so that equal arms are equal. There a
replicate of the bootstrap draws seeds and, within them, patients (hierarchical); all arms share the draw. For each
label, the paired DeLong test is computed for each seed. Twice the median of the p values of the seeds is a valid p
value under any dependence between them (Rüger 1978; see Vovk and Wang 2020, arXiv 1212.4966).

The method of Holm corrects the p values for the number of labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ...metrics.bootstrap import bootstrap_metrics, percentile_interval
from ...metrics.classification import auroc
from ...metrics.delong import holm, paired_delong
from ...metrics.macro import nan_mean
from ...metrics.seed_interval import difference_over_seeds

# Two-sided 5 %, power 80 %: sum of the normal quantiles .975 and .8.
_DETECTABLE = 1.959964 + 0.841621
_INTERVAL = ("difference", "ci", "ci_90", "standard_error", "detectable")


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
    arm: ArmScores,
    control: ArmScores,
    evaluated: EvaluatedCases,
    columns: Sequence[int],
    *,
    margin: float,
    seed: int,
    independent_seeds: bool = False,
) -> dict[str, Any]:
    """Arm minus control in macro-AUROC over labels.

    Args:
        arm: scores of an arm.
        control: scores of another arm, with the same seeds and cases.
        evaluated: evaluated cases.
        columns: columns of the labels.
        margin: margin of equivalence.
        seed: seed of the training seeds that are drawn.
        independent_seeds: whether each seed is a training of its own. With a single one there is no interval, because
            the chance of training was not measured.

    Returns:
        JSON-ready: ``difference``, ``ci`` (95 %), ``ci_90``, ``standard_error``, ``detectable`` (smallest true
        difference found with 80 % power), ``equivalent`` (the 90 % interval lies within the margin), ``word``,
        ``of_seeds`` (difference of each seed), and ``labels`` (results of each label). Without a usable label, the
        numbers are ``None``; without enough replicates of both classes, those of the interval are.
    """
    usable = [column for column in columns if column in evaluated.usable]
    if not usable:
        return {**dict.fromkeys((*_INTERVAL, "of_seeds")), "equivalent": False, "word": "not judged", "labels": {}}
    change = arm.replicates - control.replicates
    if independent_seeds:
        found = _interval_of_trainings(arm, control, usable)[0]
    else:
        found = _interval_of_draws(_over_seeds(nan_mean(change[..., usable]), seed))
    of_seeds = (arm.auroc - control.auroc)[:, usable].mean(1)
    narrow = found["ci_90"]
    equivalent = narrow is not None and -margin < narrow[0] and narrow[1] < margin
    return {
        **found,
        "difference": float(of_seeds.mean()),
        "equivalent": equivalent,
        "word": _word(found["ci"], equivalent),
        "of_seeds": of_seeds.tolist(),
        "labels": _compare_labels(arm, control, evaluated, usable, seed, independent_seeds),
    }


def _interval_of_draws(drawn: np.ndarray) -> dict[str, Any]:
    """Intervals of a difference from its bootstrap replicates (R,); ``None`` if too few of them are defined."""
    interval = percentile_interval(drawn)
    if interval is None:
        return dict.fromkeys(_INTERVAL)
    error = float(np.nanstd(drawn))
    return {
        "ci": interval,
        "ci_90": percentile_interval(drawn, 0.90),
        "standard_error": error,
        "detectable": _DETECTABLE * error,
    }


def _interval_of_trainings(
    arm: ArmScores, control: ArmScores, columns: Sequence[int]
) -> tuple[dict[str, Any], float | None]:
    """Intervals of a difference from the trainings of both arms and the bootstrap over patients, and its p value.

    All are ``None`` with a single training, or if too few of the replicates are defined.
    """
    change = nan_mean((arm.replicates - control.replicates)[..., columns]).mean(axis=1)
    # The variance over patients needs two replicates, of which the interval over patients asks for one.
    if len(arm.auroc) < 2 or np.isfinite(change).sum() < 2 or percentile_interval(change) is None:
        return dict.fromkeys(_INTERVAL), None
    before, after = (one.auroc[:, columns].mean(axis=1) for one in (control, arm))
    found = difference_over_seeds(before, after, np.nanvar(change, ddof=1))
    half = stdtrit(found.degrees_of_freedom, 0.95) * found.standard_error
    return {
        "ci": [float(found.low), float(found.high)],
        "ci_90": [float(found.difference - half), float(found.difference + half)],
        "standard_error": float(found.standard_error),
        "detectable": float(found.detectable),
    }, float(found.p_value)


def _compare_labels(
    arm: ArmScores,
    control: ArmScores,
    evaluated: EvaluatedCases,
    columns: Sequence[int],
    seed: int,
    independent_seeds: bool,
) -> dict[str, dict[str, Any]]:
    """Each label's difference, interval, and p value (of the interval, or DeLong over seeds; Holm over labels)."""
    rows: dict[str, dict[str, Any]] = {}
    for column in columns:
        known = np.isin(evaluated.targets[:, column], (0, 1))
        positive = evaluated.targets[known, column] == 1
        tests = [
            paired_delong(positive, first[known, column], second[known, column], evaluated.patients[known])[2]
            for first, second in zip(control.scores, arm.scores, strict=True)
        ]
        if independent_seeds:
            found, p_value = _interval_of_trainings(arm, control, [column])
            interval = found["ci"]
        else:
            change = (arm.replicates - control.replicates)[..., column]
            interval, p_value = percentile_interval(_over_seeds(change, seed)), _combine(tests)
        rows[evaluated.labels[column]] = {
            "difference": float((arm.auroc - control.auroc)[:, column].mean()),
            "ci": interval,
            "p_of_seeds": tests,
            "p_value": p_value,
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
