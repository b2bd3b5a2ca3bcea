import pytest
import torch
from scripts.experiments.ablation import lesions
from scripts.phantom import make_phantom
from scripts.super_resolution.enhancers.bicubic import BicubicEnhancer
from scripts.super_resolution.enhancers.native import NativeEnhancer
from scripts.super_resolution.resampling import resize


class Inventor(BicubicEnhancer):
    """Adds the grid that a lesion of the test is made of, wherever it looks."""

    name = "inventor"

    def enhance(self, low_res, *, generators):
        high_res = super().enhance(low_res, generators=generators)
        return high_res + grid(high_res.shape[-1])


class Eraser(BicubicEnhancer):
    """Blurs."""

    name = "eraser"

    def enhance(self, low_res, *, generators):
        small = resize(low_res, (low_res.shape[-2] // 4, low_res.shape[-1] // 4))
        return resize(small, (4 * low_res.shape[-2], 4 * low_res.shape[-1]))


def grid(size):
    """Lines of two pixels, eight apart: coarse enough for a quarter of the pixels to hold some of it."""
    lines = 0.1 * ((torch.arange(size) % 8) < 2).float()
    return lines[:, None] + lines[None, :]


@pytest.fixture(scope="module")
def found():
    """A lesion of lines in noise, instead of phantoms: its truth is known exactly."""
    rng = torch.Generator().manual_seed(0)

    def pairs(count, seed, size):
        for _ in range(count):
            clean = torch.full((1, 256, 256), 0.3)
            noisy = clean + 0.01 * torch.randn(1, 256, 256, generator=rng)
            yield noisy + grid(256), noisy, clean

    enhancers = [BicubicEnhancer(), NativeEnhancer(), Inventor(), Eraser()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesions, "_draw_pairs", pairs)
        return lesions.check_lesions({enhancer.name: enhancer for enhancer in enhancers}, pairs=4, window=16)


def test_true_pixels_keep_all_of_a_lesion_and_create_none(found):
    assert found["native"]["retained"] == pytest.approx(1, abs=1e-4) and found["native"]["alarms"] == []
    assert 0 < found["bicubic"]["retained"] < 1 and found["bicubic"]["created"] == 0
    assert found["native"]["detectability"] > found["bicubic"]["detectability"] > 0


def test_a_lesion_that_is_invented_is_noticed(found):
    assert found["inventor"]["alarms"] == ["signal of a lesion appears where there is none"]
    assert found["inventor"]["created_ci"][0] > 0.5


def test_a_lesion_that_is_erased_is_noticed(found):
    assert found["eraser"]["alarms"] == ["less of a lesion is left than interpolation keeps"]


def test_phantoms_of_a_pair_differ_in_the_lesion_alone():
    (first, *_) = lesions._draw_pairs(1, 0, 512)
    with_lesion, without, clean = first
    changed = (with_lesion != without)[0].numpy()
    assert changed.any() and not changed[:50].any()
    assert not torch.equal(without, clean)
    mask = make_phantom(0, lesions._FIRST_PATIENT, 1, {"Lung Opacity": "nodular"}, 512).masks["Lung Opacity"]
    assert changed[mask].mean() > 3 * changed[~mask].mean()
