from __future__ import annotations

import numpy as np
import pytest
from scripts.report.image_figures import attention_overlay, crop_panel


def test_boxes_frame_whole_pixels_and_the_first_is_bold() -> None:
    rng = np.random.default_rng(0)
    first, second = (
        attention_overlay(rng.random((40, 30)), rng.random((40, 30)), [(2, 3, 18, 19), (20, 3, 28, 9)]).axes[1].patches
    )
    assert (first.get_x(), first.get_y(), first.get_width(), first.get_height()) == (2.5, 1.5, 16, 16)
    assert first.get_linewidth() > second.get_linewidth()


def test_panel_ends_with_what_the_last_crop_changed_of_the_first() -> None:
    image, crop = np.full((40, 30), 0.5), np.full((16, 16), 0.25)
    panel = crop_panel(image, image, [(2, 3, 18, 19)], {"native": crop, "input": crop + 0.1, "enhanced": crop + 0.25})
    titles = [axes.get_title() for axes in panel.axes]
    assert titles[:6] == ["radiograph", "attention and regions", "native", "input", "enhanced", "enhanced − native"]
    assert np.allclose(panel.axes[5].images[0].get_array(), 0.25)


def test_sizes_that_do_not_belong_together_are_rejected() -> None:
    image = np.zeros((8, 8))
    with pytest.raises(ValueError, match="crops of one size"):
        crop_panel(image, image, [], {"native": np.zeros((4, 4)), "enhanced": np.zeros((8, 8))})
    with pytest.raises(ValueError, match="source pixels"):
        attention_overlay(image, np.zeros((2, 2)))


def test_the_label_of_a_region_is_written_beside_its_box() -> None:
    image = np.random.default_rng(0).random((100, 100))
    boxes = [(20, 3, 36, 19), (0, 70, 16, 86), (60, 3, 76, 19)]
    figure = attention_overlay(image, image, boxes, ["Mass $x$", "Edema", None])
    texts = [(text.get_text(), *text.get_position(), text.get_ha()) for text in figure.axes[1].texts]
    assert texts == [("Mass $x$", 3, 19.5, "left"), ("Edema", 86, 15.5, "right")]
    assert not attention_overlay(image, image, boxes).axes[1].texts
