from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scripts.evaluation import figures


def decode_svg(uri: str) -> str:
    assert uri.startswith("data:image/svg+xml;base64,")
    return base64.b64decode(uri.split(",", 1)[1]).decode()


def make_predictions() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    targets = (rng.random((40, 2)) < 0.4).astype(float)
    targets[:, 1] = np.nan
    return targets, {"base": rng.random((40, 2)), "re-trained": rng.random((40, 2))}


def test_curves_show_areas_and_name_labels_without_both_classes() -> None:
    targets, probabilities = make_predictions()
    for draw in (figures.roc_curves, figures.precision_recall_curves):
        text = decode_svg(figures.svg_uri(draw(["Edema", "Fracture"], targets, probabilities)))
        assert "Edema" in text and "re-trained 0." in text and "one class only" in text


def test_equal_figures_are_equal_files() -> None:
    targets, probabilities = make_predictions()
    first, second = (figures.svg_uri(figures.roc_curves(["a", "b"], targets, probabilities)) for _ in range(2))
    assert first == second


def test_loss_curves_leave_gaps() -> None:
    history = {name: [0.5, None, 0.3] for name in ("train_loss", "val_loss", "val_macro_auroc", "val_accuracy")}
    history |= {"epoch": [1.0, 2.0, 3.0], "val_accuracy_all_negative": [0.9, 0.9, 0.9]}
    figure = figures.loss_curves({"base": history})
    assert "all negative" in decode_svg(figures.svg_uri(figure))
    assert np.isnan(figure.axes[0].lines[0].get_ydata()[1])


def test_class_bars_and_histogram() -> None:
    assert "128" in decode_svg(figures.svg_uri(figures.class_bars({"Edema": 128, "Fracture": 3})))
    assert "the input" in decode_svg(figures.svg_uri(figures.fidelity_histogram({"the input": [30.0, 31.0]}, "PSNR")))


def test_panel_and_overlay_as_png(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image, attention = rng.random((40, 30)), rng.random((40, 30))
    crop = rng.random((16, 16))
    panel = figures.crop_panel(image, attention, [(2, 3, 18, 19)], {"native": crop, "enhanced": crop})
    first = figures.save_png(panel, tmp_path / "examples" / "panel_0.png", dpi=40)
    with Image.open(first) as picture:
        assert picture.width > 3 * picture.height
    box = figures.attention_overlay(image, attention, [(2, 3, 18, 19)]).axes[1].patches[0]
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (2.5, 1.5, 16, 16)
    assert figures.png_uri(first).startswith("data:image/png;base64,iVBOR")


def test_sizes_that_do_not_belong_together_are_refused() -> None:
    image = np.zeros((8, 8))
    with pytest.raises(ValueError, match="crops of one size"):
        figures.crop_panel(image, image, [], {"native": np.zeros((4, 4)), "enhanced": np.zeros((8, 8))})
    with pytest.raises(ValueError, match="source pixels"):
        figures.attention_overlay(image, np.zeros((2, 2)))
