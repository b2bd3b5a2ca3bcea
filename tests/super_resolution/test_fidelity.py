import json
import math

import pytest
import torch
from monai.metrics import PSNRMetric, SSIMMetric
from scripts.super_resolution.fidelity import _PSNR_CAP, compare_images, cut, psnr, ssim
from scripts.super_resolution.regions import Region

REGION = Region(8, 16, 40, 48)


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    reference = torch.rand(1, 64, 80, generator=generator)
    return (reference + 0.05 * torch.randn(1, 64, 80, generator=generator)).clamp(0, 1), reference


def test_known_error_has_its_known_psnr():
    assert psnr(torch.full((1, 8, 8), 0.6), torch.full((1, 8, 8), 0.5)) == pytest.approx(20, abs=1e-4)


def test_metrics_equal_those_of_monai(pair):
    image, reference = pair
    assert psnr(image, reference) == pytest.approx(
        PSNRMetric(max_val=1.0)(image[None], reference[None]).item(), abs=1e-4
    )
    expected = SSIMMetric(spatial_dims=2, data_range=1.0)(image[None], reference[None]).item()
    assert ssim(image, reference) == pytest.approx(expected, abs=1e-6)


def test_range_does_not_depend_on_the_data():
    """Halving the contrast of both images halves the error: 6.02 dB, which a data range would hide."""
    image, reference = torch.rand(1, 32, 32), torch.rand(1, 32, 32)
    assert psnr(image / 2, reference / 2) - psnr(image, reference) == pytest.approx(20 * math.log10(2), abs=1e-4)


def test_psnr_of_the_whole_image_depends_on_the_area_of_the_region(pair):
    image, reference = pair
    only_region = reference.clone()
    cut(only_region, REGION)[:] = cut(image, REGION)
    figures = compare_images("input", (only_region, reference), [(cut(only_region, REGION), cut(reference, REGION))])
    area = 32 * 32 / (64 * 80)
    gain = figures["psnr_input_full"] - figures["psnr_input_region"]
    assert gain == pytest.approx(-10 * math.log10(area), abs=1e-3)
    assert figures["ssim_input_full"] > figures["ssim_input_region"]


def test_equal_images_have_finite_metrics(pair):
    figures = compare_images("truth", (pair[1], pair[1]), [(pair[1], pair[1])])
    assert figures["psnr_truth_full"] == figures["psnr_truth_region"] == _PSNR_CAP
    assert figures["ssim_truth_full"] == figures["ssim_truth_region"] == 1
    json.dumps(figures, allow_nan=False)


def test_almost_equal_images_do_not_exceed_equal_images(pair):
    assert psnr(pair[1] + 1e-7, pair[1]) <= _PSNR_CAP


def test_region_below_the_window_of_ssim_has_no_ssim():
    image = torch.rand(1, 10, 30)
    assert ssim(image, image) is None
    figures = compare_images("input", (torch.rand(1, 40, 40),) * 2, [(torch.rand(1, 8, 8),) * 2])
    assert figures["ssim_input_region"] is None and figures["ssim_input_full"] is not None
