import math

import pytest
import torch
from scripts.sr_training.degradation import _ATTENUATION, Degradation, _expose, _gaussian_blur
from scripts.super_resolution.resampling import degrade


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_without_the_detector_it_is_the_operator_of_evaluation(crops):
    assert torch.equal(Degradation(radiographic=0.0)(crops, (8, 8), generator()), degrade(crops, 4).clamp(0, 1))


def test_the_share_of_crops_gets_the_detector(crops):
    many = crops[:1].expand(400, -1, -1, -1)
    reduced = Degradation(radiographic=0.25)(many, (8, 8), generator())
    changed = (reduced != degrade(many, 4).clamp(0, 1)).flatten(1).any(dim=1).float().mean()
    assert 0.18 < changed < 0.32
    assert torch.equal(reduced, Degradation(radiographic=0.25)(many, (8, 8), generator()))


def test_quantum_noise_has_the_variance_of_the_counts():
    # x = -ln(N / N0) / k, so std(x) = 1 / (k sqrt(N)): bright pixels got fewer quanta and are noisier.
    for level in (0.2, 0.8):
        noisy = _expose(torch.full((1, 1, 200, 200), level), 1e5, 0.0, generator())
        expected = 1.0 / (_ATTENUATION * math.sqrt(1e5 * math.exp(-_ATTENUATION * level)))
        assert float(noisy.std()) == pytest.approx(expected, rel=0.03)
        assert float(noisy.mean()) == pytest.approx(level, abs=1e-3)


def test_electronic_noise_adds_to_the_quantum_noise():
    dark = torch.full((1, 1, 200, 200), 0.9)
    assert _expose(dark, 1e5, 100.0, generator()).std() > 1.5 * _expose(dark, 1e5, 0.0, generator()).std()


def test_blur_preserves_the_sum_and_has_the_given_width():
    point = torch.zeros(1, 1, 41, 41)
    point[..., 20, 20] = 1.0
    blurred = _gaussian_blur(point, 2.0)[0, 0]
    rows = (torch.arange(41.0) - 20) ** 2
    assert float(blurred.sum()) == pytest.approx(1.0, abs=1e-5)
    assert float((blurred.sum(dim=1) * rows).sum()) == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize(
    "wrong", [{"radiographic": 2.0}, {"blur": (1.0, 0.5)}, {"photons": (0, 1)}, {"electronic": -1}]
)
def test_values_out_of_range_are_rejected(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Degradation(**wrong)
