from __future__ import annotations

import numpy as np
from scripts.report.label_figures import precision_recall_curves, reliability_curves, roc_curves


def test_curves_show_areas_and_name_labels_without_both_classes() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((40, 2)) < 0.4).astype(float)
    targets[:, 1] = np.nan
    probabilities = {"base": rng.random((40, 2)), "re-trained": rng.random((40, 2))}
    for draw in (roc_curves, precision_recall_curves):
        edema, fracture = draw(["Edema", "Fracture"], targets, probabilities).axes
        assert edema.get_title() == "Edema" and edema.lines[2].get_label().startswith("re-trained 0.")
        assert fracture.texts[0].get_text() == "one class only" and not fracture.lines


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
