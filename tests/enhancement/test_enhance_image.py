from dataclasses import replace

import numpy as np
import pytest
import torch
from scripts.dicom.writing import to_uint16
from scripts.enhancement.bicubic import BicubicEnhancer
from scripts.enhancement.enhance_image import EnhanceSettings, enhance_regions, finish, keep_finite, prepare
from scripts.enhancement.identity import IdentityEnhancer
from scripts.enhancement.native import NativeEnhancer

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
    work = prepare(source, attention() if grid is None else grid, NETWORK_SIZE, enhancer, settings)
    (crops,) = enhance_regions([work], enhancer, 8)
    return work, *finish(work, crops, enhancer, settings)


def outside(work, image):
    mask = torch.ones(image.shape[-2:], dtype=torch.bool)
    for region in work.regions:
        mask[region.row0 : region.row1, region.col0 : region.col1] = False
    return mask


def test_identity_leaves_every_bit():
    source = radiograph()
    work, image, figures = enhance(source, IdentityEnhancer(), NATIVE)
    assert torch.equal(image, source) and len(work.regions) == 2
    assert figures["psnr_input_full"] == 100 and figures["ssim_input_region"] == 1


def test_pixels_outside_the_regions_keep_their_bits():
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
        assert {tuple(crop.shape) for crop in work.crops} == {(1, side, side)}


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


def test_no_truth_without_finer_pixels():
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
    work = [prepare(source, attention(), NETWORK_SIZE, enhancer, NATIVE) for source in reversed(sources)]
    crops = enhance_regions(work, enhancer, batch)
    together = [finish(one, part, enhancer, NATIVE)[0] for one, part in zip(work, crops, strict=True)]
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


def test_region_that_a_network_spoils_keeps_its_pixels_and_is_counted():
    source, apart = radiograph(), attention(1, 2) + attention(6, 6)
    work, image, figures = enhance(source, BrokenEnhancer(), REDUCED, apart)
    _, whole, _ = enhance(source, BicubicEnhancer(), REDUCED, apart)
    refused, fine = (
        (slice(None), slice(region.row0, region.row1), slice(region.col0, region.col1)) for region in work.regions
    )
    assert torch.equal(image[refused], source[refused]) and torch.equal(image[fine], whole[fine])
    assert figures["regions_refused"] == 1 and figures["psnr_truth_region"] is not None


def test_kept_work_names_only_the_regions_that_were_enhanced():
    work, _, _ = enhance(radiograph(), BicubicEnhancer(), REDUCED)
    (crops,) = enhance_regions([work], BrokenEnhancer(), 8)
    kept, remaining = keep_finite(work, crops)
    assert kept.regions == work.regions[1:] and kept.flags == ["not_finite"] and len(remaining) == 1
    assert keep_finite(work, remaining * 2)[0] is work


def test_kept_regions_keep_their_own_guides():
    work, _, _ = enhance(radiograph(), BicubicEnhancer(), REDUCED)
    assert work.guides == []
    work = replace(work, guides=[torch.zeros(2, 4, 4), torch.ones(2, 4, 4)])
    spoiled = [torch.full((1, 64, 64), float("nan")), torch.zeros(1, 64, 64)]
    assert [float(guide.mean()) for guide in keep_finite(work, spoiled)[0].guides] == [1.0]


def test_image_of_spoiled_regions_only_stays_as_it_was():
    source = radiograph()
    work = prepare(source, attention(), NETWORK_SIZE, BicubicEnhancer(), REDUCED)
    spoiled = [torch.full((1, 64, 64), float("inf"))] * len(work.regions)
    image, figures = finish(work, spoiled, BicubicEnhancer(), REDUCED)
    assert torch.equal(image, source)
    assert figures["regions_refused"] == 2 and figures["psnr_truth_region"] is None


def test_twelve_bits_come_out_as_they_went_in():
    """The pipeline itself, with the identity enhancer, adds no error inside the regions of a 12-bit image."""
    stored = torch.randint(0, 4096, (1, 160, 128), generator=torch.Generator().manual_seed(0))
    work, image, _ = enhance(stored.float() / 4095, IdentityEnhancer(), REDUCED)
    assert work.regions and torch.equal((image * 4095).round().long(), stored)
    written = to_uint16(image.numpy()).astype(np.float64) / 65535  # as a 16-bit file holds it
    assert np.array_equal(np.rint(written * 4095), stored[0].numpy())
