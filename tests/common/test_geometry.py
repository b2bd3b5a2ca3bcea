import pytest
import torch
import torch.nn.functional as F
from scripts.common.geometry import SquareGeometry, fit_square, map_to_source

SHAPES = [(2022, 1751), (1000, 1501), (224, 224), (97, 61)]


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_peak_returns_to_its_source_pixel(height, width):
    """A token's centre is at (r + 0.5) P - 0.5 of the input, which is analytic in source pixels."""
    geometry = SquareGeometry(height, width, 224)
    row, column = 6, 9
    attention_map = torch.zeros(14, 14)
    attention_map[row, column] = 1
    found = map_to_source(attention_map, geometry)
    assert found.shape == (height, width)
    weight = found / found.sum()
    centre = ((weight.sum(1) * torch.arange(height)).sum(), (weight.sum(0) * torch.arange(width)).sum())
    token = geometry.side / 14
    expected = ((row + 0.5) * token - 0.5 - geometry.top, (column + 0.5) * token - 0.5 - geometry.left)
    assert centre[0] == pytest.approx(expected[0], abs=0.5) and centre[1] == pytest.approx(expected[1], abs=0.5)


@pytest.mark.parametrize(("height", "width"), [(300, 180), (181, 301), (50, 40)])
def test_image_is_padded_not_squashed(height, width):
    fitted = fit_square(torch.ones(1, height, width), 100)
    assert fitted.shape == (1, 100, 100)
    rows, columns = (fitted[0].amax(1) > 0.5).sum(), (fitted[0].amax(0) > 0.5).sum()
    assert rows / columns == pytest.approx(height / width, rel=0.05)


@pytest.mark.parametrize(("height", "width"), [(500, 411), (97, 61), (30, 40)])
def test_resampling_is_the_antialiased_filter_of_the_framework(height, width):
    image = torch.rand(2, height, width)
    geometry = SquareGeometry(height, width, 64)
    right, bottom = geometry.side - width - geometry.left, geometry.side - height - geometry.top
    square = F.pad(image, (geometry.left, right, geometry.top, bottom))
    expected = F.interpolate(square[None], size=(64, 64), mode="bilinear", antialias=True)[0]
    assert torch.allclose(fit_square(image, 64), expected.clamp(0, 1), atol=2e-5)


def test_equal_size_is_untouched():
    image = torch.rand(1, 64, 64)
    assert torch.equal(fit_square(image, 64), image)
