from __future__ import annotations

import numpy as np
from scripts.report.chart_figures import class_bars, fidelity_histogram, loss_curves, subgroup_intervals


def test_loss_curves_leave_gaps() -> None:
    history = {name: [0.5, None, 0.3] for name in ("train_loss", "val_loss", "val_macro_auroc", "val_accuracy")}
    history |= {"epoch": [1.0, 2.0, 3.0], "val_accuracy_all_negative": [0.9, 0.9, 0.9]}
    figure = loss_curves({"base": history})
    assert np.isnan(figure.axes[0].lines[0].get_ydata()[1])
    assert figure.axes[2].lines[1].get_label() == "all negative, base"


def test_the_most_frequent_label_is_on_top() -> None:
    (axes,) = class_bars({"Edema": 128, "Fracture": 3}).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Fracture", "Edema"]
    assert [text.get_text() for text in axes.texts] == ["3", "128"]


def test_histogram_spans_and_names_every_series() -> None:
    figure = fidelity_histogram({"the input": [30.0, 31.0], "the truth": [20.0]}, "PSNR in dB")
    (axes,) = figure.axes
    assert axes.get_xlabel() == "PSNR in dB" and axes.get_xlim()[0] < 20.0 < 31.0 < axes.get_xlim()[1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["the input", "the truth"]


def test_groups_without_a_figure_are_left_out() -> None:
    row = {"n_images": 50, "macro_auroc": 0.8, "macro_auroc_ci": [0.7, 0.9], "macro_labels": ["a"]}
    empty = row | {"macro_auroc": None, "macro_auroc_ci": None}
    figure = subgroup_intervals({"sex": {"F": row, "M": row | {"n_images": 9}}, "view": {"PA": empty}})
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["F (n=50)", "M (n=9)"]
    assert list(axes.lines[0].get_xdata()) == [0.7, 0.9]
