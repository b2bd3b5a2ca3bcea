"""Charts of a whole model or data set: training, positives per label, fidelity, subgroups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .figures import STYLES, TITLE, new_figure, plain_text, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def loss_curves(histories: Mapping[str, Mapping[str, Sequence[float | None]]]) -> Figure:
    """Curves over the epochs: loss, validation macro-AUROC, and validation accuracy with its all-negative baseline.

    Args:
        histories: for each model, the columns of ``history.csv`` (``epoch``, ``train_loss``, ``val_loss``,
            ``val_macro_auroc``, ``val_accuracy``, ``val_accuracy_all_negative``); ``None`` leaves a gap.
    """
    from matplotlib.ticker import MaxNLocator

    figure, (losses, aurocs, accuracies) = new_figure(1, 3, (10.5, 3.1))
    for name, columns, style in styled(histories):
        epoch = _numbers(columns["epoch"])
        colour = style["color"]
        losses.plot(epoch, _numbers(columns["train_loss"]), color=colour, linestyle=":", label=f"{name}, training")
        losses.plot(epoch, _numbers(columns["val_loss"]), color=colour, marker=".", label=f"{name}, validation")
        aurocs.plot(epoch, _numbers(columns["val_macro_auroc"]), marker=".", label=name, **style)
        accuracies.plot(epoch, _numbers(columns["val_accuracy"]), marker=".", label=name, **style)
        accuracies.plot(
            epoch, _numbers(columns["val_accuracy_all_negative"]), color=colour, linewidth=0.8, linestyle=":",
            label=f"all negative, {name}",
        )  # fmt: skip
    for axes, title in ((losses, "Loss"), (aurocs, "Validation macro-AUROC"), (accuracies, "Validation accuracy")):
        axes.set_title(title, fontsize=TITLE)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=7, frameon=False)
    return figure


def class_bars(counts: Mapping[str, int]) -> Figure:
    """Bars of the number of positive images of each label, the most frequent on top.

    Args:
        counts: number of positive images of each label.
    """
    figure, (axes,) = new_figure(1, 1, (7.5, 0.7 + 0.22 * max(3, len(counts))))
    names = sorted(counts, key=lambda name: counts[name])
    places = range(len(names))
    bars = axes.barh(places, [counts[name] for name in names], color=STYLES[0]["color"], height=0.7)
    axes.set_yticks(places, [plain_text(name) for name in names])
    axes.bar_label(bars, padding=3, fontsize=7)
    axes.set_xlabel("positive images")
    axes.margins(x=0.08)
    return figure


def fidelity_histogram(values: Mapping[str, Sequence[float]], xlabel: str) -> Figure:
    """Histogram of PSNR or SSIM over images.

    Args:
        values: finite values for each comparison.
        xlabel: metric and unit.
    """
    figure, (axes,) = new_figure(1, 1, (5.1, 3.6))
    everything = np.concatenate([np.asarray(v, dtype=np.float64) for v in values.values()])
    bins = np.histogram_bin_edges(everything, bins=24).tolist()
    for name, numbers, style in styled(values):
        axes.hist(numbers, bins, histtype="stepfilled", facecolor=style["color"], alpha=0.25)
        axes.hist(numbers, bins, histtype="step", color=style["color"], linestyle=style["linestyle"], label=name)
    axes.set_xlabel(xlabel)
    axes.set_ylabel("images")
    figure.legend(loc="outside lower center", ncols=1, fontsize=7, frameon=False)
    return figure


def subgroup_intervals(subgroups: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Figure:
    """Macro-AUROC of each group with its 95 % interval, one panel for each attribute.

    Args:
        subgroups: ``subgroups`` of ``metrics.json``; groups without a macro-AUROC are left out.
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
        axes.set_yticks(
            range(len(groups)), [f"{plain_text(name)} (n={row['n_images']})" for name, row in groups.items()]
        )
        axes.set_ylim(len(groups) - 0.5, -0.5)
        count = len(next(iter(groups.values()))["macro_labels"])
        axes.set_title(f"{attribute}: mean of {count} label{'s' if count != 1 else ''}", fontsize=8)
        axes.set_xlabel("macro-AUROC")
    return figure


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)
