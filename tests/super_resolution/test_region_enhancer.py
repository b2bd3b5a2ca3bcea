from dataclasses import replace

import numpy as np
import pytest
import torch
from scripts.dicom.png16 import to_uint16
from scripts.super_resolution.enhancers.bicubic import BicubicEnhancer
from scripts.super_resolution.enhancers.identity import IdentityEnhancer
from scripts.super_resolution.enhancers.native import NativeEnhancer
from scripts.super_resolution.region_enhancer import EnhanceSettings, RegionEnhancer

NATIVE = EnhanceSettings(count=2, window=16, working_size=None, feather=2)
REDUCED = replace(NATIVE, working_size=64)
NETWORK_SIZE = 64


class NoiseEnhancer(BicubicEnhancer):
    """Bicubic with the noise that its generators give."""

    name = "noise"

    def enhance(self, low_res, *, generators):
        clean = super().enhance(low_res, generators=generators)
        noise = [torch.rand(clean.shape[1:], generator=generator) for generator in generators]
        return (clean + 0.1 * torch.stack(noise)).clamp(0, 1)


def radiograph(height=160, width=128, seed=0):
    return torch.rand(1, height, width, generator=torch.Generator().manual_seed(seed))


def attention(row=2, column=5):
    grid = torch.full((8, 8), 0.01)
    grid[row, column] = 1
    return grid


def enhance(source, enhancer, settings, grid=None):
    region_enhancer = RegionEnhancer(enhancer, settings)
    enhanced = region_enhancer(source, attention() if grid is None else grid, NETWORK_SIZE)
    return enhanced, *region_enhancer.paste(enhanced)


def outside(work, image):
    mask = torch.ones(image.shape[-2:], dtype=torch.bool)
    for region in work.regions:
        mask[region.row0 : region.row1, region.col0 : region.col1] = False
    return mask


def test_identity_changes_no_bit():
    source = radiograph()
    work, image, figures = enhance(source, IdentityEnhancer(), NATIVE)
    assert torch.equal(image, source) and len(work.regions) == 2
    assert figures["psnr_input_full"] == 100 and figures["ssim_input_region"] == 1


def test_pixels_outside_the_regions_are_unchanged():
    source = radiograph()
    work, image, _ = enhance(source, BicubicEnhancer(), NATIVE)
    mask = outside(work, image)
    assert torch.equal(image[:, mask], source[:, mask]) and not torch.equal(image, source)


@pytest.mark.parametrize("settings", [NATIVE, REDUCED])
def test_first_region_lies_on_the_attended_patch(settings):
    """Patch (2, 5) of an 8 × 8 grid over the padded square; the image is centred in it."""
    work, _, _ = enhance(radiograph(), BicubicEnhancer(), settings)
    height, width = work.source.shape[-2:]
    patch = max(height, width) / 8
    centre = 2.5 * patch - (max(height, width) - height) / 2, 5.5 * patch - (max(height, width) - width) / 2
    region = work.regions[0]
    assert (region.row0 + region.row1) / 2 == pytest.approx(centre[0], abs=2)
    assert (region.col0 + region.col1) / 2 == pytest.approx(centre[1], abs=2)


def test_window_follows_the_network_and_is_a_multiple_of_eight():
    for settings, side in ((NATIVE, 40), (REDUCED, 16)):  # 16 of 64 pixels: a quarter of the longer side
        work, _, _ = enhance(radiograph(), BicubicEnhancer(), settings)
        assert {tuple(crop.shape) for crop in work.low_res} == {(1, side, side)}


def test_only_the_crops_are_reduced():
    source = radiograph()
    work, image, _ = enhance(source, BicubicEnhancer(), REDUCED)
    assert work.reduction == 2.5 and image.shape == source.shape
    mask = outside(work, image)
    assert torch.equal(image[:, mask], source[:, mask]) and not torch.equal(image, source)


def test_canvas_is_larger_and_in_range():
    source = radiograph().round()  # black and white: interpolation overshoots
    _, image, _ = enhance(source, BicubicEnhancer(), replace(REDUCED, paste_mode="hr_canvas"))
    assert image.shape == (1, 320, 256)  # ×4 from a reduction of 2.5: twice the source
    assert image.min() >= 0 and image.max() <= 1


def test_native_pixels_are_the_truth():
    source = radiograph(320, 256)
    _, _, native = enhance(source, NativeEnhancer(), REDUCED)
    _, _, bicubic = enhance(source, BicubicEnhancer(), REDUCED)
    assert native["psnr_truth_region"] == 100 and bicubic["psnr_truth_region"] < 30
    # What interpolation reaches stands beside every enhancer's figure, and is its own where it is the enhancer.
    assert native["psnr_bicubic_region"] == bicubic["psnr_bicubic_region"]
    assert bicubic["psnr_bicubic_region"] == pytest.approx(bicubic["psnr_truth_region"], abs=0.3)


def test_images_without_finer_pixels_have_no_truth():
    _, _, figures = enhance(radiograph(48, 40), BicubicEnhancer(), REDUCED)
    assert "psnr_input_region" in figures and "psnr_truth_region" not in figures


def test_small_image_and_dark_map_are_flagged_not_fatal():
    work, image, _ = enhance(radiograph(12, 10), BicubicEnhancer(), replace(NATIVE, window=64))
    assert work.flags == ["small_image"] and image.shape == (1, 12, 10)
    work, _, _ = enhance(radiograph(), BicubicEnhancer(), NATIVE, torch.full((8, 8), float("nan")))
    assert work.flags == ["no_attention"] and len(work.regions) == 1


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_result_depends_on_the_pixels_not_on_the_batch(batch):
    enhancer, sources = NoiseEnhancer(), [radiograph(seed=seed) for seed in range(3)]
    alone = [enhance(source, enhancer, NATIVE)[1] for source in sources]
    region_enhancer = RegionEnhancer(enhancer, NATIVE, batch=batch)
    chosen = [region_enhancer.choose(source, attention(), NETWORK_SIZE) for source in reversed(sources)]
    together = [region_enhancer.paste(enhanced)[0] for enhanced in region_enhancer.enhance(chosen)]
    for first, second in zip(alone, reversed(together), strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=1e-6)


def test_noise_repeats_and_follows_the_seed():
    source = radiograph()
    first, again = (enhance(source, NoiseEnhancer(), NATIVE)[1] for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, enhance(source, NoiseEnhancer(), replace(NATIVE, seed=1))[1])


def test_every_setting_changes_the_hash():
    changes = {"selector": "lowest", "count": 3, "window": 24, "paste_mode": "hr_canvas", "working_size": 96}
    changed = [
        replace(NATIVE, **{name: value}).digest() for name, value in (changes | {"feather": 3, "seed": 1}).items()
    ]
    assert len({NATIVE.digest(), *changed}) == 8 and NATIVE.digest() == replace(NATIVE).digest()


class BrokenEnhancer(BicubicEnhancer):
    """Bicubic, with one pixel that is not a number in the first region of a batch."""

    def enhance(self, low_res, *, generators):
        high_res = super().enhance(low_res, generators=generators)
        high_res[0, 0, 3, 3] = float("nan")
        return high_res


class SpoiledEnhancer(BicubicEnhancer):
    """Infinity everywhere."""

    def enhance(self, low_res, *, generators):
        return super().enhance(low_res, generators=generators) + float("inf")


def test_region_with_a_non_finite_result_keeps_its_pixels_and_is_counted():
    source, apart = radiograph(), attention(1, 2) + attention(6, 6)
    _, image, figures = enhance(source, BrokenEnhancer(), REDUCED, apart)
    work, whole, _ = enhance(source, BicubicEnhancer(), REDUCED, apart)
    refused, fine = (
        (slice(None), slice(region.row0, region.row1), slice(region.col0, region.col1)) for region in work.regions
    )
    assert torch.equal(image[refused], source[refused]) and torch.equal(image[fine], whole[fine])
    assert figures["regions_refused"] == 1 and figures["psnr_truth_region"] is not None


def test_only_the_regions_that_were_enhanced_are_named():
    whole, _, _ = enhance(radiograph(), BicubicEnhancer(), REDUCED)
    kept, _, _ = enhance(radiograph(), BrokenEnhancer(), REDUCED)
    assert kept.regions == whole.regions[1:] and kept.flags == ["not_finite"] and len(kept.high_res) == 1
    assert torch.equal(kept.low_res[0], whole.low_res[1]) and torch.equal(kept.natives[0], whole.natives[1])
    assert whole.flags == [] and whole.rejected == 0 and kept.rejected == 1


def test_image_with_only_non_finite_regions_is_unchanged():
    source = radiograph()
    _, image, figures = enhance(source, SpoiledEnhancer(), REDUCED)
    assert torch.equal(image, source)
    assert figures["regions_refused"] == 2 and figures["psnr_truth_region"] is None


def test_twelve_bit_pixels_are_preserved():
    """The pipeline itself, with the identity enhancer, adds no error inside the regions of a 12-bit image."""
    stored = torch.randint(0, 4096, (1, 160, 128), generator=torch.Generator().manual_seed(0))
    work, image, _ = enhance(stored.float() / 4095, IdentityEnhancer(), REDUCED)
    assert work.regions and torch.equal((image * 4095).round().long(), stored)
    written = to_uint16(image.numpy()).astype(np.float64) / 65535  # as a 16-bit file holds it
    assert np.array_equal(np.rint(written * 4095), stored[0].numpy())
