"""Means by method and label with intervals over patients, paired differences to the controls, and tables of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...common.csv_text import csv_text
from ...metrics.bootstrap import patient_weights, percentile_interval
from ..kit.paired_statistics import patient_numbers, weighted_means
from ..kit.result_tables import bounds
from .controls import CENTRE, MEAN_MAP, PRIOR, RANDOM
from .mean_maps import PREFIX

MACRO = "macro"
CONTROLS = (RANDOM, CENTRE, PRIOR, MEAN_MAP)
COLUMNS = {
    "hit_rate": "hit rate",
    "near_hit_rate": "near hits",
    "iou": "IoU",
    "relevance_mass": "mass",
    "deletion": "deletion",
    "insertion": "insertion",
    "gini": "Gini",
}
Summary = dict[str, dict[str, dict[str, dict[str, Any]]]]


@dataclass(frozen=True)
class FindingScores:
    """Metrics of one method for one finding of one image.

    Attributes:
        method: name of the method or control.
        label: label of the network.
        image: number of the image in its split.
        patient: number of the patient.
        probability: probability of the label by the network.
        figures: metrics, with the keys of ``COLUMNS``.
    """

    method: str
    label: str
    image: int
    patient: int
    probability: float
    figures: dict[str, float] = field(default_factory=dict)


def summarise(rows: Sequence[FindingScores], *, replicates: int, seed: int) -> Summary:
    """Summarise the metrics by method, label and metric.

    The label ``macro`` is the mean over the labels. An interval contains 95 % of the bootstrap replicates, in which
    whole patients are drawn. A difference from a control is paired by finding and has its own interval.

    Args:
        rows: rows of all methods and controls for the same findings.
        replicates: number of bootstrap replicates.
        seed: seed of the bootstrap, equal for all metrics.

    Returns:
        For each method, label and metric: ``findings``, ``mean``, ``interval``, and ``minus``, the difference from each
        control.
    """
    keys = sorted({(row.label, row.image) for row in rows})
    patients = {(row.label, row.image): row.patient for row in rows}
    groups = patient_numbers([patients[key] for key in keys])
    weights = np.concatenate(list(patient_weights(groups, replicates, seed)))  # (R, K)
    members = {label: np.array([key[0] == label for key in keys]) for label in dict.fromkeys(key[0] for key in keys)}
    counts = {**{label: int(inside.sum()) for label, inside in members.items()}, MACRO: len(keys)}
    values = {name: _table(rows, name, keys) for name in dict.fromkeys(name for row in rows for name in row.figures)}
    summary: Summary = {}
    for method in dict.fromkeys(row.method for row in rows):
        for name, of_methods in values.items():
            means = _label_means(of_methods[method], members, groups, weights)
            lesser = {
                control: _label_means(of_methods[method] - of_methods[row], members, groups, weights)
                for control in CONTROLS
                if (row := control_row(control, method)) in of_methods and not is_control(method)
            }
            for label, drawn in means.items():
                summary.setdefault(method, {}).setdefault(label, {})[name] = {
                    "findings": counts[label],
                    **drawn,
                    "minus": {control: less[label] for control, less in lesser.items() if label in less},
                }
    return summary


def control_row(control: str, method: str) -> str:
    """Name of the rows of a control for a method: each method has a mean map of its own."""
    return PREFIX + method if control == MEAN_MAP else control


def is_control(name: str) -> bool:
    """Whether rows of this name are those of a control."""
    return name in CONTROLS or name.startswith(PREFIX)


def _table(rows: Sequence[FindingScores], name: str, keys: Sequence[tuple[str, int]]) -> dict[str, np.ndarray]:
    """Values (K,) of a metric for each method, in the order of ``keys``; NaN if a value is not known."""
    position = {key: index for index, key in enumerate(keys)}
    found: dict[str, np.ndarray] = {}
    for row in rows:
        values = found.setdefault(row.method, np.full(len(keys), np.nan))
        values[position[row.label, row.image]] = row.figures.get(name, np.nan)
    return found


def _label_means(
    values: np.ndarray, members: dict[str, np.ndarray], groups: np.ndarray, weights: np.ndarray
) -> dict[str, dict[str, Any]]:
    """``mean`` and ``interval`` of each label and of ``macro``; the interval is ``None`` for findings of one patient.

    The macro mean of a replicate is over all labels that have a finding, and is not known if one of them was not drawn.
    Otherwise the labels that are averaged would differ between replicates.

    Args:
        values: values (K,); NaN if not known.
        members: for each label, a mask (K,) of its findings.
        groups: numbers (K,) of the patients.
        weights: weights (R, K) of the findings in each replicate.
    """
    found: dict[str, tuple[float, np.ndarray]] = {}
    of_one_patient = set()
    for label, inside in members.items():
        known = inside & ~np.isnan(values)
        if known.any():
            found[label] = float(values[known].mean()), weighted_means(values[known], weights[:, known])
            if not np.ptp(groups[known]):
                of_one_patient.add(label)
    if found:
        means, replicates = zip(*found.values(), strict=True)
        found[MACRO] = float(np.mean(means)), np.mean(replicates, axis=0)
    return {
        label: {"mean": mean, "interval": None if label in of_one_patient else percentile_interval(drawn)}
        for label, (mean, drawn) in found.items()
    }


def csv_table(summary: Summary) -> str:
    """CSV in long form: a line for each method, label and metric."""
    differences = [f"minus_{control}{suffix}" for control in CONTROLS for suffix in ("", "_low", "_high")]
    rows: list[list] = []
    for method, labels in summary.items():
        for label, metrics in labels.items():
            for name, found in metrics.items():
                minus = [cell for control in CONTROLS for cell in _cells(found["minus"].get(control))]
                rows.append([method, label, name, found["findings"], *_cells(found), *minus])
    return csv_text(["method", "label", "figure", "findings", "mean", "low", "high", *differences], rows)


def _cells(found: dict[str, Any] | None) -> list[float | None]:
    """Mean, and lower and upper bound of the interval, as cells."""
    return [None] * 3 if found is None else [found["mean"], *bounds(found["interval"])]
