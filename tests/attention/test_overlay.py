import numpy as np
import pytest
from PIL import Image
from scripts.attention.overlay import normalise, save_overlay


def test_figure_is_written_for_any_map(tmp_path):
    image = np.random.default_rng(0).random((120, 90))
    save_overlay(tmp_path / "overlay.png", image, np.full((120, 90), np.nan), [(10, 10, 40, 40)], note="SYNTHETIC")
    assert Image.open(tmp_path / "overlay.png").size[0] > 900


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan])
def test_a_map_without_contrast_becomes_zero(value):
    assert (normalise(np.full((4, 4), value)) == 0).all()


def test_normalised_map_spans_zero_to_one():
    found = normalise(np.array([[2.0, 4.0], [3.0, 2.0]]))
    assert found.min() == 0 and found.max() == 1
