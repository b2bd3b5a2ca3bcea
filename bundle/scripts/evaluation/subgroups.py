"""The same figures by sex, age band, view and source, so that a good average cannot hide a group that fares worse.

A cell with fewer than ten positive (or negative) cases is suppressed: its figures would be noise, and its counts could
point to a patient. Macro averages of one attribute are over the labels that none of its groups has suppressed (groups
without any label to show aside), so that groups are compared on the same findings.
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
    """Group of a datalist item.

    Args:
        item: with ``sex``, ``age`` (years), ``view`` and ``source`` where known.
        attribute: one of ``ATTRIBUTES``.
    """
    value = item.get("age" if attribute == "age band" else attribute)
    if value is None or value == "":
        return _UNKNOWN
    if attribute == "age band":
        return next((name for limit, name in _AGE_BANDS if float(value) < limit), _OLDEST)
    return str(value)


@dataclass(frozen=True)
class Judged:
    """What is known of N images.

    Attributes:
        probabilities: (N, C).
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        groups: (N,) integer patient.
        decisions: (N, C) at the thresholds, or None when the model has none.
    """

    probabilities: np.ndarray
    targets: np.ndarray
    groups: np.ndarray
    decisions: np.ndarray | None = None

    def part(self, chosen: np.ndarray) -> Judged:
        """The images of the indices (n,)."""
        decisions = None if self.decisions is None else self.decisions[chosen]
        patients = np.unique(self.groups[chosen], return_inverse=True)[1]
        return Judged(self.probabilities[chosen], self.targets[chosen], patients, decisions)


def subgroup_report(
    labels: Sequence[str], judged: Judged, items: Sequence[Mapping[str, Any]], *, bootstrap: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Part ``subgroups`` of ``metrics.json``.

    Args:
        labels: C names.
        judged: N images.
        items: their datalist items.
        bootstrap: replicates of the 95 % intervals; with 0 they are None.
        seed: of the bootstrap.

    Returns:
        attribute -> group -> ``n_images``, ``n_patients``, ``labels``, ``macro_auroc``, ``macro_labels``; an attribute
        that no item has is absent.
    """
    report = {}
    for attribute in _ATTRIBUTES:
        names = np.asarray([_group_of(item, attribute) for item in items])
        if (names == _UNKNOWN).all():
            continue
        parts = {name: judged.part(np.flatnonzero(names == name)) for name in _in_order(set(names.tolist()))}
        usable = [mask for part in parts.values() if (mask := _large_enough(part.targets)).any()]
        common = np.logical_and.reduce(usable) if usable else np.zeros(len(labels), bool)
        report[attribute] = {
            name: _group_figures(labels, part, common, bootstrap, seed) for name, part in parts.items()
        }
    return report


def _in_order(names: set[str]) -> list[str]:
    """Age bands by age, others by name, those that are not known last."""
    bands = [name for _, name in _AGE_BANDS] + [_OLDEST]
    return sorted(names, key=lambda name: (name == _UNKNOWN, bands.index(name) if name in bands else 0, name))


def _large_enough(targets: np.ndarray) -> np.ndarray:
    """(C,) bool: the labels with ``SMALLEST_CELL`` positive and as many negative cases among (N, C) targets."""
    return np.minimum((targets == 1).sum(0), (targets == 0).sum(0)) >= _SMALLEST_CELL


def _group_figures(
    labels: Sequence[str], part: Judged, common: np.ndarray, replicates: int, seed: int
) -> dict[str, Any]:
    """Figures of one group.

    Args:
        labels: C names.
        part: the n images of the group.
        common: (C,) labels of the macro average.
        replicates: of the bootstrap.
        seed: of the bootstrap.
    """
    usable = _large_enough(part.targets)
    rows: dict[str, dict[str, Any]] = {
        name: _label_figures(part, i) if usable[i] else {"suppressed": True} for i, name in enumerate(labels)
    }
    shown = np.flatnonzero(usable)
    drawn = _draw(part, shown, replicates, seed) if replicates and usable.any() else {}
    for figure, values in drawn.items():
        for column, i in enumerate(shown.tolist()):
            rows[labels[i]][f"{figure}_ci"] = percentile_interval(values[:, column])
    averaged = [labels[i] for i in np.flatnonzero(common & usable).tolist()]
    return {
        "n_images": len(part.targets),
        "n_patients": len(np.unique(part.groups)),
        "labels": rows,
        "macro_auroc": mean_or_none([rows[name]["auroc"] for name in averaged]),
        "macro_auroc_ci": percentile_interval(nan_mean(drawn["auroc"][:, common[shown]])) if drawn else None,
        "macro_labels": averaged,
    }


def _draw(part: Judged, shown: np.ndarray, replicates: int, seed: int) -> dict[str, np.ndarray]:
    """Bootstrap distributions (R, k) of AUROC, and of sensitivity where there are decisions, of the k labels shown."""
    targets = part.targets[:, shown]
    areas = bootstrap_metrics(targets, part.probabilities[:, shown], part.groups, replicates, seed)["auroc"]
    if part.decisions is None:
        return {"auroc": areas}
    rates = bootstrap_metrics(targets, part.decisions[:, shown], part.groups, replicates, seed, weighted_ratios)
    return {"auroc": areas, "sensitivity": rates["sensitivity"]}


def _label_figures(part: Judged, i: int) -> dict[str, Any]:
    """AUROC, and sensitivity and specificity at the threshold, of label ``i`` in one group, without intervals."""
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
