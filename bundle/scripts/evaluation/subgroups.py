"""Metrics by sex, age band, view and source, because a good average can hide a group with worse results.

A label is suppressed in a group with fewer than ten positive or fewer than ten negative cases: its metrics would be
noise, and its counts could identify a patient. The macro averages of an attribute use the labels that no group
suppresses, so that groups are compared on the same findings. Groups that suppress every label are ignored for this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..metrics.bootstrap import bootstrap_metrics, percentile_interval
from ..metrics.classification import annotated, auroc
from ..metrics.macro import mean_or_none, nan_mean
from ..metrics.operating_points import weighted_ratios

_ATTRIBUTES = ("sex", "age band", "view", "source")
_SMALLEST_CELL = 10
_AGE_BANDS = ((40, "below 40"), (60, "40 to 59"), (80, "60 to 79"))
_OLDEST = "80 and above"
_UNKNOWN = "not recorded"


def _group_of(item: Mapping[str, Any], attribute: str) -> str:
    """Name of the group that a datalist item belongs to.

    Args:
        item: datalist item, with ``sex``, ``age`` (years), ``view`` and ``source`` where known.
        attribute: one of ``_ATTRIBUTES``.
    """
    value = item.get("age" if attribute == "age band" else attribute)
    if value is None or value == "":
        return _UNKNOWN
    if attribute == "age band":
        return next((name for limit, name in _AGE_BANDS if float(value) < limit), _OLDEST)
    return str(value)


@dataclass(frozen=True)
class ScoredImages:
    """Probabilities, targets and decisions for N images.

    Attributes:
        probabilities: (N, C) in [0, 1].
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        groups: (N,) integer patient of each image.
        decisions: (N, C) bool, at the thresholds of the model; None if the model is not calibrated.
    """

    probabilities: np.ndarray
    targets: np.ndarray
    groups: np.ndarray
    decisions: np.ndarray | None = None

    def part(self, chosen: np.ndarray) -> ScoredImages:
        """Select images by their indices (n,)."""
        decisions = None if self.decisions is None else self.decisions[chosen]
        patients = np.unique(self.groups[chosen], return_inverse=True)[1]
        return ScoredImages(self.probabilities[chosen], self.targets[chosen], patients, decisions)


def subgroup_report(
    labels: Sequence[str], images: ScoredImages, items: Sequence[Mapping[str, Any]], *, bootstrap: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Compute the section ``subgroups`` of ``metrics.json``.

    Args:
        labels: C names.
        images: results for N images.
        items: datalist items of these images.
        bootstrap: number of replicates for the 95 % intervals; with 0 the intervals are None.
        seed: random seed of the bootstrap.

    Returns:
        attribute -> group -> ``n_images``, ``n_patients``, ``labels``, ``macro_auroc``, ``macro_auroc_ci``,
        ``macro_labels``. An attribute that no item has is absent.
    """
    report = {}
    for attribute in _ATTRIBUTES:
        names = np.asarray([_group_of(item, attribute) for item in items])
        if (names == _UNKNOWN).all():
            continue
        parts = {name: images.part(np.flatnonzero(names == name)) for name in _in_order(set(names.tolist()))}
        usable = [mask for part in parts.values() if (mask := _large_enough(part.targets)).any()]
        common = np.logical_and.reduce(usable) if usable else np.zeros(len(labels), bool)
        report[attribute] = {
            name: _group_metrics(labels, part, common, bootstrap, seed) for name, part in parts.items()
        }
    return report


def _in_order(names: set[str]) -> list[str]:
    """Sort groups: age bands by age, other groups by name, and cases without the attribute last."""
    bands = [name for _, name in _AGE_BANDS] + [_OLDEST]
    return sorted(names, key=lambda name: (name == _UNKNOWN, bands.index(name) if name in bands else 0, name))


def _large_enough(targets: np.ndarray) -> np.ndarray:
    """(C,) bool: True for labels with at least ``_SMALLEST_CELL`` cases of each class among the (N, C) targets."""
    return np.minimum((targets == 1).sum(0), (targets == 0).sum(0)) >= _SMALLEST_CELL


def _group_metrics(
    labels: Sequence[str], part: ScoredImages, common: np.ndarray, replicates: int, seed: int
) -> dict[str, Any]:
    """Metrics of one group.

    Args:
        labels: C names.
        part: results for the images of the group.
        common: (C,) bool, labels of the macro average.
        replicates: number of bootstrap replicates; with 0 the intervals are None.
        seed: random seed of the bootstrap.
    """
    usable = _large_enough(part.targets)
    rows: dict[str, dict[str, Any]] = {
        name: _label_metrics(part, i) if usable[i] else {"suppressed": True} for i, name in enumerate(labels)
    }
    shown = np.flatnonzero(usable)
    drawn = _draw(part, shown, replicates, seed) if replicates and usable.any() else {}
    for metric, values in drawn.items():
        for column, i in enumerate(shown.tolist()):
            rows[labels[i]][f"{metric}_ci"] = percentile_interval(values[:, column])
    averaged = [labels[i] for i in np.flatnonzero(common & usable).tolist()]
    return {
        "n_images": len(part.targets),
        "n_patients": len(np.unique(part.groups)),
        "labels": rows,
        "macro_auroc": mean_or_none([rows[name]["auroc"] for name in averaged]),
        "macro_auroc_ci": percentile_interval(nan_mean(drawn["auroc"][:, common[shown]])) if drawn else None,
        "macro_labels": averaged,
    }


def _draw(part: ScoredImages, shown: np.ndarray, replicates: int, seed: int) -> dict[str, np.ndarray]:
    """Bootstrap distributions (R, k) of AUROC and, if there are decisions, sensitivity for the k labels ``shown``."""
    targets = part.targets[:, shown]
    areas = bootstrap_metrics(targets, part.probabilities[:, shown], part.groups, replicates, seed)["auroc"]
    if part.decisions is None:
        return {"auroc": areas}
    rates = bootstrap_metrics(targets, part.decisions[:, shown], part.groups, replicates, seed, weighted_ratios)
    return {"auroc": areas, "sensitivity": rates["sensitivity"]}


def _label_metrics(part: ScoredImages, i: int) -> dict[str, Any]:
    """Counts, AUROC, and sensitivity and specificity at the threshold for label ``i`` of one group; no intervals."""
    known = annotated(part.targets[:, i])
    positive = part.targets[known, i] == 1
    row: dict[str, Any] = {
        "suppressed": False,
        "n_positive": int(positive.sum()),
        "n_negative": int((~positive).sum()),
        "auroc": auroc(part.targets[:, i], part.probabilities[:, i]),
        "auroc_ci": None,
    }
    if part.decisions is not None:
        rates = weighted_ratios(positive, part.decisions[known, i], np.ones((1, len(positive))))
        row |= {name: float(rates[name][0]) for name in ("sensitivity", "specificity")} | {"sensitivity_ci": None}
    return row
