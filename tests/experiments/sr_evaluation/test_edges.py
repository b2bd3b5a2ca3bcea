import numpy as np
import pytest
import torch
from scipy import ndimage
from scripts.experiments.sr_evaluation.edges import edge_width


def step(sigma, noise=0.0, side=96, angle=20.0):
    """A slanted edge, blurred by a Gaussian: its 10–90 % rise is 2.563 sigma."""
    fine = 4
    axis = (np.arange(side * fine) + 0.5) / fine - side / 2
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    tilt = np.radians(angle)
    sharp = (columns * np.cos(tilt) + rows * np.sin(tilt) > 0).astype(float)
    image = ndimage.gaussian_filter(sharp, sigma * fine).reshape(side, fine, side, fine).mean(axis=(1, 3))
    image = 0.3 + 0.4 * image + noise * np.random.default_rng(0).standard_normal(image.shape)
    return torch.from_numpy(image)[None]


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.5])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_width_of_a_gaussian_edge(sigma, noise):
    image = step(sigma, noise)
    expected = 2.563 * np.sqrt(sigma**2 + 1 / 12)  # the pixel's own width
    assert edge_width(image, image) == pytest.approx(expected, rel=0.1)


def test_blur_widens_the_edges_of_the_truth():
    truth = step(1.0)
    assert edge_width(step(2.5), truth) > 1.8 * edge_width(truth, truth)


def test_region_without_edges_has_no_width():
    flat = torch.full((1, 64, 64), 0.5)
    assert edge_width(flat, flat) is None
    assert edge_width(flat, step(1.0, side=64)) is None  # the edge was removed
    assert edge_width(torch.rand(1, 8, 8), torch.rand(1, 8, 8)) is None
