import itertools

import numpy as np
import pytest
from scripts.dicom.grid import PixelGrid, pixel_aspect, steps_to_standard
from scripts.dicom.read.radiograph import read_grid

from .synthetic import make_dataset, save, window

STEPS = [None, *itertools.product([False, True], repeat=3)]


@pytest.mark.parametrize("aspect", [1.0, 2.0, 0.5])
@pytest.mark.parametrize("steps", STEPS)
def test_stored_pixels_are_displayed_and_come_back(steps, aspect):
    stored = np.zeros((20, 30), np.float32)
    stored[4:8, 9:15] = 1
    grid = PixelGrid(stored.shape, steps, aspect)
    displayed = grid.to_displayed(stored)
    assert displayed.shape == grid.displayed_shape
    np.testing.assert_array_equal(grid.to_stored(np.rint(displayed)), stored)


@pytest.mark.parametrize("aspect", [1.0, 2.0, 0.5])
@pytest.mark.parametrize("steps", STEPS)
def test_a_box_covers_the_same_pixels_as_displayed(steps, aspect):
    stored = np.zeros((20, 30), np.float32)
    stored[4:8, 9:15] = 1
    grid = PixelGrid(stored.shape, steps, aspect)
    x, y, width, height = (round(value) for value in grid.box([9, 4, 6, 4]))
    expected = np.zeros(grid.displayed_shape)
    expected[y : y + height, x : x + width] = 1
    np.testing.assert_array_equal(np.rint(grid.to_displayed(stored)), expected)


@pytest.mark.parametrize("steps", STEPS)
def test_spacing_of_the_displayed_pixels(steps):
    assert PixelGrid((20, 30), steps, 2.0).spacing(0.4, 0.2) == [0.2, 0.2]
    expected = [0.2, 0.4] if steps and steps[0] else [0.4, 0.2]
    assert PixelGrid((20, 30), steps).spacing(0.4, 0.2) == expected


def test_several_channels_go_back_to_stored_pixels():
    masks = np.zeros((40, 30, 2), np.uint8)
    masks[10:20, :, 1] = 1
    stored = PixelGrid((20, 30), None, 2.0).to_stored(masks)
    assert stored.shape == (20, 30, 2) and stored[..., 1].sum() == 5 * 30


@pytest.mark.parametrize(
    ("shape", "ratios", "aspect"),
    [
        ((100, 100), [], 1.0), ((100, 100), [1.005], 1.0), ((100, 100), [1.5, 1.5], 1.5), ((100, 100), [1.5, 1.0], 1.0),
        ((100, 200), [2.0], 2.0), ((200, 100), [0.5], 0.5), ((100, 100), [2.0], 1.0), ((100, 100), [0.1], 1.0),
    ],
)  # fmt: skip
def test_aspect_and_its_doubts(shape, ratios, aspect):
    found, flags = pixel_aspect(shape, ratios)
    assert found == aspect
    assert bool(flags) == any(abs(ratio - 1) > 0.01 for ratio in ratios)


@pytest.mark.parametrize("directions", [("A", "F"), ("P", "F"), ("", ""), ("L", "R"), ("H", "F"), ("LA", "F")])
def test_other_planes_are_not_turned(directions):
    assert steps_to_standard(*directions) is None


def test_grid_of_a_file(tmp_path):
    pixels = np.arange(100 * 200, dtype=np.uint16).reshape(100, 200) % 4096
    dataset = make_dataset(pixels, PatientOrientation=["R", "F"], ImagerPixelSpacing=[0.4, 0.2], **window())
    path = save(dataset, tmp_path / "x.dcm")
    assert read_grid(path) == PixelGrid((100, 200), (False, False, True), 2.0)
    assert read_grid(path).box([0, 10, 20, 10]) == [180, 20, 20, 20]
