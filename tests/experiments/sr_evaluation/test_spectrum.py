import math

import numpy as np
import pytest
import torch
from scripts.experiments.sr_evaluation.spectrum import _octave_powers, compare_spectra
from scripts.super_resolution.resampling import degrade, resize

from .synthetic import film


def white(strength=0.05, side=256, seed=0):
    return 0.5 + strength * torch.randn(1, side, side, generator=torch.Generator().manual_seed(seed))


def test_white_noise_has_its_variance_in_every_octave():
    np.testing.assert_allclose(_octave_powers(white()), 0.05**2, rtol=0.12)


def test_background_of_second_order_is_no_noise():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 256), torch.linspace(-1, 1, 256), indexing="ij")
    hill = (0.3 * x - 0.2 * y * y + 0.25 * x * y)[None]
    np.testing.assert_allclose(_octave_powers(white() + hill), _octave_powers(white()), rtol=1e-3)


def test_half_the_amplitude_is_six_decibels_less_in_every_octave():
    figures = compare_spectra([((white() - 0.5) / 2 + 0.5, white())])
    assert [figures[f"nps_{n}_db"] for n in (1, 2, 3, 4)] == pytest.approx([20 * math.log10(0.5)] * 4, abs=1e-3)
    assert figures["nps_distance_db"] == pytest.approx(6.02, abs=0.01)


def test_interpolation_lacks_the_two_octaves_above_its_input():
    truth = film()
    smooth = resize(degrade(truth[None], 4), (256, 256))[0]
    figures = compare_spectra([(smooth, truth)])
    assert figures["nps_1_db"] < -15 and figures["nps_2_db"] < -6 and abs(figures["nps_4_db"]) < 1
    added = compare_spectra([(smooth + 0.02 * torch.randn(truth.shape), truth)])
    assert added["nps_distance_db"] < figures["nps_distance_db"] / 2


def test_truth_without_texture_and_tiny_images_have_no_figure():
    flat = torch.full((1, 64, 64), 0.5)
    assert compare_spectra([(white(side=64), flat)])["nps_distance_db"] is None
    tiny = compare_spectra([(white(side=8), white(side=8, seed=1))])
    assert tiny["nps_4_db"] is None and tiny["nps_1_db"] is not None
