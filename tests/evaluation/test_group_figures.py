from __future__ import annotations

import numpy as np
from scripts.evaluation.group_figures import reliability_curves, subgroup_intervals


def test_reliability_shows_both_kinds_and_skips_a_label_of_one_class() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random((90, 2))
    targets = (rng.random((90, 2)) < probabilities).astype(float)
    targets[:, 1] = 0
    figure = reliability_curves(["a", "b"], targets, {"raw": probabilities, "calibrated": probabilities**2})
    lines = figure.axes[0].lines
    assert len(lines) == 3 and len(lines[1].get_xdata()) == 15
    assert lines[2].get_label().startswith("calibrated 0.")
    assert not figure.axes[1].lines


def test_groups_without_a_figure_are_left_out() -> None:
    row = {"n_images": 50, "macro_auroc": 0.8, "macro_auroc_ci": [0.7, 0.9], "macro_labels": ["a"]}
    empty = row | {"macro_auroc": None, "macro_auroc_ci": None}
    figure = subgroup_intervals({"sex": {"F": row, "M": row | {"n_images": 9}}, "view": {"PA": empty}})
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["F (n=50)", "M (n=9)"]
    assert list(axes.lines[0].get_xdata()) == [0.7, 0.9]
