"""ROC, precision–recall and reliability curves, with a panel for each label that contains all models."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..metrics.classification import annotated, auroc, average_precision
from ..metrics.curves import calibration_error, precision_recall_curve, reliability_curve, roc_curve
from .figures import GREY, TITLE, new_figure, plain_text, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def roc_curves(labels: Sequence[str], targets: np.ndarray, probabilities: Mapping[str, np.ndarray]) -> Figure:
    """ROC curves of all models, with a panel for each label.

    Args:
        labels: names of the C labels.
        targets: targets (N, C): 1, 0, NaN (not annotated) or -1 (uncertain).
        probabilities: probabilities (N, C) of each model.
    """

    def draw(axes: Axes, i: int) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
        known = annotated(targets[:, i])
        for name, values, style in styled(probabilities):
            x, y, _ = roc_curve(targets[known, i] == 1, values[known, i])
            axes.plot(x, y, label=f"{name} {auroc(targets[:, i], values[:, i]):.3f}", **style)

    return _label_grid(labels, targets, draw, "1 − specificity", "sensitivity", "lower right")


def precision_recall_curves(
    labels: Sequence[str], targets: np.ndarray, probabilities: Mapping[str, np.ndarray]
) -> Figure:
    """Precision–recall curves of all models; the grey line is the prevalence, which is the precision of chance.

    Args:
        labels: names of the C labels.
        targets: targets (N, C): 1, 0, NaN (not annotated) or -1 (uncertain).
        probabilities: probabilities (N, C) of each model.
    """

    def draw(axes: Axes, i: int) -> None:
        known = annotated(targets[:, i])
        positive = targets[known, i] == 1
        axes.axhline(positive.mean(), color=GREY, linewidth=0.8)
        for name, values, style in styled(probabilities):
            precision, recall, _ = precision_recall_curve(positive, values[known, i])
            label = f"{name} {average_precision(targets[:, i], values[:, i]):.3f}"
            axes.step(recall, precision, where="pre", label=label, **style)

    return _label_grid(labels, targets, draw, "recall (sensitivity)", "precision", "upper right")


def reliability_curves(labels: Sequence[str], targets: np.ndarray, probabilities: Mapping[str, np.ndarray]) -> Figure:
    """Observed share of positives over the predicted probability, in 15 bins of equal count; grey: perfect calibration.

    Args:
        labels: names of the C labels.
        targets: targets (N, C): 1, 0, NaN (not annotated) or -1 (uncertain).
        probabilities: probabilities (N, C) by name (``raw``, ``calibrated``).
    """

    def draw(axes: Axes, i: int) -> None:
        known = annotated(targets[:, i])
        positive = targets[known, i] == 1
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
        for name, values, style in styled(probabilities):
            predicted, observed = reliability_curve(positive, values[known, i])
            error = calibration_error(positive, values[known, i])
            axes.plot(predicted, observed, marker=".", markersize=4, label=f"{name} {error:.3f}", **style)

    return _label_grid(labels, targets, draw, "predicted probability", "observed share of positives", "upper left")


def _label_grid(
    labels: Sequence[str], targets: np.ndarray, draw: Callable[[Axes, int], None], x: str, y: str, legend: Any
) -> Figure:
    """Figure with a square panel from 0 to 1 for each label; a text marks a label with only one class.

    Args:
        labels: names of the C labels.
        targets: targets (N, C): 1, 0, NaN (not annotated) or -1 (uncertain).
        draw: function that draws the panel of a label from its number.
        x: title of the horizontal axis.
        y: title of the vertical axis.
        legend: place of the legend.
    """
    columns = min(4, len(labels))
    rows = math.ceil(len(labels) / columns)
    figure, axes = new_figure(rows, columns, (2.6 * columns + 0.3, 2.5 * rows + 0.3))
    for i, ax in enumerate(axes):
        if i >= len(labels):
            ax.set_axis_off()
            continue
        ax.set_title(plain_text(labels[i]), fontsize=TITLE)
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        if {0.0, 1.0} <= set(targets[:, i].tolist()):
            draw(ax, i)
            ax.legend(loc=legend, fontsize=6, frameon=False)
        else:
            ax.text(0.5, 0.5, "one class only", ha="center", va="center", color=GREY, fontsize=8)
    figure.supxlabel(x, fontsize=8)
    figure.supylabel(y, fontsize=8)
    return figure
