import pytest
import torch
from scripts.experiments.sr_evaluation.gradients import _gradient_magnitude, gradient_similarity

from .synthetic import film


def test_magnitude_of_a_ramp_is_its_slope():
    ramp = (0.02 * torch.arange(16.0)).expand(1, 12, 16)
    torch.testing.assert_close(_gradient_magnitude(ramp), torch.full((1, 10, 14), 0.04))  # over two pixels


def test_blur_loses_similarity_and_a_shift_of_grey_does_not():
    truth = film(96, 96)
    blurred = torch.nn.functional.avg_pool2d(truth, 5, 1, 2)
    assert gradient_similarity(truth, truth) == pytest.approx(1)
    assert gradient_similarity(truth + 0.1, truth) == pytest.approx(1, abs=1e-5)
    assert gradient_similarity(blurred, truth) < 0.95
