"""Means by method and label with intervals over patients, paired differences to the controls, and tables of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...common.csv_text import csv_text
from ...metrics.bootstrap import patient_weights, percentile_interval
from .controls import CENTRE, PRIOR, RANDOM

MACRO = "macro"
CONTROLS = (RANDOM, CENTRE, PRIOR)
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
class Row:
    """Figures of one method for one finding of one image.

    Attributes:
        method: or control.
        label: of the network.
        image: number of the image in its split.
        patient: number of its patient.
        probability: of the label, by the network.
        figures: keys of ``COLUMNS``.
    """

    method: str
    label: str
    image: int
    patient: int
    probability: float
    figures: dict[str, float] = field(default_factory=dict)


def summarise(rows: Sequence[Row], *, replicates: int, seed: int) -> Summary:
    """Method -> label -> figure -> ``findings``, ``mean``, ``interval``, and ``minus``: control -> difference.

    ``macro`` is the mean over the labels. The interval holds 95 % of the replicates, in which whole patients are drawn;
    a difference is paired finding by finding and has its own interval.

    Args:
        rows: of all methods and controls, for the same findings.
        replicates: of the bootstrap.
        seed: of the draw; equal for all.
    """
    keys = sorted({(row.label, row.image) for row in rows})
    patients = {(row.label, row.image): row.patient for row in rows}
    _, groups = np.unique([patients[key] for key in keys], return_inverse=True)
    weights = np.concatenate(list(patient_weights(groups, replicates, seed)))  # (R, K)
    members = {label: np.array([key[0] == label for key in keys]) for label in dict.fromkeys(key[0] for key in keys)}
    counts = {**{label: int(inside.sum()) for label, inside in members.items()}, MACRO: len(keys)}
    values = {name: _table(rows, name, keys) for name in dict.fromkeys(name for row in rows for name in row.figures)}
    summary: Summary = {}
    for method in dict.fromkeys(row.method for row in rows):
        for name, of_methods in values.items():
            means = _label_means(of_methods[method], members, weights)
            lesser = {
                control: _label_means(of_methods[method] - of_methods[control], members, weights)
                for control in CONTROLS
                if control in of_methods and method not in CONTROLS
            }
            for label, drawn in means.items():
                summary.setdefault(method, {}).setdefault(label, {})[name] = {
                    "findings": counts[label],
                    **drawn,
                    "minus": {control: less[label] for control, less in lesser.items() if label in less},
                }
    return summary


def _table(rows: Sequence[Row], name: str, keys: Sequence[tuple[str, int]]) -> dict[str, np.ndarray]:
    """Method -> (K,) values of a figure in the order of ``keys``, NaN where it is not known."""
    position = {key: index for index, key in enumerate(keys)}
    found: dict[str, np.ndarray] = {}
    for row in rows:
        values = found.setdefault(row.method, np.full(len(keys), np.nan))
        values[position[row.label, row.image]] = row.figures.get(name, np.nan)
    return found


def _label_means(values: np.ndarray, members: dict[str, np.ndarray], weights: np.ndarray) -> dict[str, dict[str, Any]]:
    """Label, and macro -> ``mean`` and ``interval``, ``None`` for findings of one patient.

    The macro mean of a replicate is over all labels that have a finding at all, or not known: else a rare label that
    was not drawn would change what is averaged.

    Args:
        values: (K,); NaN: not known.
        members: label -> (K,) bool.
        weights: (R, K).
    """
    found: dict[str, tuple[float, np.ndarray]] = {}
    of_one_patient = set()
    for label, inside in members.items():
        known = inside & ~np.isnan(values)
        if known.any():
            total = weights[:, known].sum(axis=1)
            drawn = weights[:, known] @ values[known] / np.where(total > 0, total, np.nan)
            found[label] = float(values[known].mean()), drawn
            if not np.ptp(weights[:, known], axis=1).any():
                of_one_patient.add(label)
    if found:
        means, replicates = zip(*found.values(), strict=True)
        found[MACRO] = float(np.mean(means)), np.mean(replicates, axis=0)
    return {
        label: {"mean": mean, "interval": None if label in of_one_patient else percentile_interval(drawn)}
        for label, (mean, drawn) in found.items()
    }


def csv_table(summary: Summary) -> str:
    """Long form: a line for each method, label and figure."""
    differences = [f"minus_{control}{suffix}" for control in CONTROLS for suffix in ("", "_low", "_high")]
    rows: list[list] = []
    for method, labels in summary.items():
        for label, figures in labels.items():
            for name, found in figures.items():
                minus = [cell for control in CONTROLS for cell in _cells(found["minus"].get(control))]
                rows.append([method, label, name, found["findings"], *_cells(found), *minus])
    return csv_text(["method", "label", "figure", "findings", "mean", "low", "high", *differences], rows)


def _cells(found: dict[str, Any] | None) -> list[float | None]:
    """Mean, low, high."""
    return [None] * 3 if found is None else [found["mean"], *(found["interval"] or (None, None))]
