import math

import pytest
import torch
from scripts.super_resolution.enhancers.data_consistency import _inject_detail, back_project, data_consistent
from scripts.super_resolution.resampling import degrade, resize


def decibels(image, low_res, scale=4):
    return -10 * math.log10(max(1e-12, float((degrade(image, scale) - low_res).double().square().mean())))


def noisy(image, strength=0.1):
    return image + strength * torch.randn(image.shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def film():
    """Smooth tissue, a burnt-in marker of full white, and air of full black: (1, 1, 128, 128)."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 128), torch.linspace(0, 1, 128), indexing="ij")
    image = 0.5 + 0.4 * torch.sin(9 * rows) * torch.cos(7 * columns)
    image[:, 100:] = 0
    image[16:40, 20:44] = 1
    return image[None, None]


def test_result_reduces_to_the_input():
    torch.manual_seed(0)
    low_res, estimate = torch.rand(2, 1, 12, 16), torch.rand(2, 1, 48, 64)
    before = (degrade(estimate, 4) - low_res).square().mean()
    after = (degrade(back_project(estimate, low_res), 4) - low_res).square().mean()
    # White noise is the hardest case; radiographs reach more.
    assert 10 * torch.log10(1 / after) > 50 > 10 * torch.log10(1 / before)


def test_the_truth_is_a_fixed_point():
    truth = torch.rand(1, 1, 32, 32)
    assert torch.allclose(back_project(truth, degrade(truth, 4)), truth, atol=1e-5)


def test_sixty_decibels_after_clipping_where_pixels_are_saturated(film):
    low_res = degrade(film, 4).clamp(0, 1)
    result = data_consistent(noisy(film), low_res)
    assert result.min() >= 0 and result.max() <= 1
    assert decibels(result, low_res) >= 60
    assert decibels(back_project(noisy(film), low_res).clamp(0, 1), low_res) < 45  # clipped afterwards


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_region_stays_constant_except_for_the_detail(value):
    flat = torch.full((1, 1, 64, 64), value)
    low_res = degrade(flat, 4)
    torch.testing.assert_close(data_consistent(flat, low_res), flat, atol=1e-5, rtol=0)
    assert decibels(data_consistent(noisy(flat), low_res), low_res) >= 60


def test_each_region_stops_on_its_own(film):
    """A region that is done keeps its pixels while others of the batch go on."""
    easy = resize(degrade(film, 4), (128, 128)) * 0.5 + 0.2
    batch = torch.cat([easy, noisy(film)])
    low_res = torch.cat([degrade(easy, 4), degrade(film, 4).clamp(0, 1)])
    together = data_consistent(batch, low_res)
    alone = torch.cat([data_consistent(batch[i : i + 1], low_res[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_gain_interpolates_between_interpolation_and_the_full_detail(film):
    low_res, sampled = degrade(film, 4), noisy(film)
    none, half, all_of_it = (_inject_detail(sampled, low_res, gain) for gain in (0.0, 0.5, 1.0))
    assert torch.equal(none, resize(low_res, (128, 128)))
    torch.testing.assert_close(half, (none + all_of_it) / 2)
    assert (all_of_it - film).square().mean() > (none - film).square().mean()  # the detail was noise


def test_grey_levels_are_those_of_the_input(film):
    """A network that is off by a constant, as 8 bits or another window would make it, adds nothing of that."""
    low_res = degrade(film, 4)
    torch.testing.assert_close(_inject_detail(film + 0.1, low_res), _inject_detail(film, low_res))


def test_nan_is_preserved():
    sampled = torch.rand(2, 1, 32, 32)
    sampled[0, 0, 5, 5] = float("nan")
    result = data_consistent(sampled, torch.rand(2, 1, 8, 8))
    assert not result[0].isfinite().all() and result[1].isfinite().all()
