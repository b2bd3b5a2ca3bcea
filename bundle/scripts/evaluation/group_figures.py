"""Reliability curves, and macro AUROC of subgroups with its intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .curves import calibration_error, reliability_curve
from .figures import GREY, STYLES, label_grid, new_figure, styled
from .metrics import annotated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def reliability_curves(labels: Sequence[str], targets: np.ndarray, probabilities: Mapping[str, np.ndarray]) -> Figure:
    """Observed share of positives over the predicted probability, in 15 bins of equal count; the grey line is perfect.

    Args:
        labels: C names.
        targets: (N, C); 1, 0, NaN, -1.
        probabilities: name (``raw``, ``calibrated``) -> (N, C).
    """

    def draw(axes: Axes, i: int) -> None:
        known = annotated(targets[:, i])
        positive = targets[known, i] == 1
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
        for name, values, style in styled(probabilities):
            predicted, observed = reliability_curve(positive, values[known, i])
            error = calibration_error(positive, values[known, i])
            axes.plot(predicted, observed, marker=".", markersize=4, label=f"{name} {error:.3f}", **style)

    return label_grid(labels, targets, draw, "predicted probability", "observed share of positives", "upper left")


def subgroup_intervals(subgroups: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Figure:
    """Macro AUROC of each group with its 95 % interval, one panel per attribute.

    Args:
        subgroups: part ``subgroups`` of ``metrics.json``; groups without a figure are left out.
    """
    shown = {
        attribute: {name: row for name, row in groups.items() if row["macro_auroc"] is not None}
        for attribute, groups in subgroups.items()
    }
    shown = {attribute: groups for attribute, groups in shown.items() if groups}
    tallest = max((len(groups) for groups in shown.values()), default=1)
    figure, panels = new_figure(1, max(1, len(shown)), (2.7 * max(1, len(shown)), 1.1 + 0.3 * tallest))
    for axes, (attribute, groups) in zip(panels[: len(shown)], shown.items(), strict=True):
        for place, row in enumerate(groups.values()):
            if row["macro_auroc_ci"] is not None:
                axes.plot(row["macro_auroc_ci"], [place, place], color=STYLES[0]["color"], linewidth=1.5)
            axes.plot(row["macro_auroc"], place, "o", color=STYLES[0]["color"], markersize=4)
        axes.set_yticks(range(len(groups)), [f"{name} (n={row['n_images']})" for name, row in groups.items()])
        axes.set_ylim(len(groups) - 0.5, -0.5)
        count = len(next(iter(groups.values()))["macro_labels"])
        axes.set_title(f"{attribute}: mean of {count} label{'s' if count != 1 else ''}", fontsize=8)
        axes.set_xlabel("macro-AUROC")
    return figure
