import pytest
import torch
from scripts.super_resolution.paste import _MODES, paste
from scripts.super_resolution.regions import Region
from scripts.super_resolution.resampling import raised_cosine, resize

REGIONS = [Region(4, 6, 20, 22), Region(12, 14, 28, 30), Region(32, 40, 48, 48)]  # two overlap, one at the border


@pytest.fixture
def image():
    return torch.rand(1, 48, 48, generator=torch.Generator().manual_seed(0))


def cut(image, region):
    return image[:, region.row0 : region.row1, region.col0 : region.col1]


def outside(regions, shape=(48, 48)):
    mask = torch.ones(shape, dtype=torch.bool)
    for region in regions:
        mask[region.row0 : region.row1, region.col0 : region.col1] = False
    return mask


@pytest.mark.parametrize("feather", [0, 4, 50])
def test_unchanged_crops_change_no_bit(image, feather):
    crops = [cut(image, region) for region in REGIONS]
    assert torch.equal(paste(image, crops, REGIONS, scale=1, mode="paste_back", feather=feather), image)


@pytest.mark.parametrize("feather", [0, 4])
def test_pixels_outside_the_regions_are_unchanged(image, feather):
    before = image.clone()
    crops = [torch.rand(1, 4 * (r.row1 - r.row0), 4 * (r.col1 - r.col0)) for r in REGIONS]
    pasted = paste(image, crops, REGIONS, scale=4, mode="paste_back", feather=feather)
    mask = outside(REGIONS)
    assert torch.equal(pasted[:, mask], image[:, mask]) and not torch.equal(pasted, image)
    assert torch.equal(image, before)


def test_hard_edge_replaces_the_region_and_only_it(image):
    region = REGIONS[0]
    pasted = paste(image, [torch.full((1, 64, 64), 0.5)], [region], scale=4, mode="paste_back", feather=0)
    torch.testing.assert_close(cut(pasted, region), torch.full((1, 16, 16), 0.5))


def test_overlapping_regions_are_averaged():
    crops = [torch.ones(1, 16, 16), torch.ones(1, 16, 16) * 0.5]
    pasted = paste(torch.zeros(1, 48, 48), crops, REGIONS[:2], scale=1, mode="paste_back", feather=0)
    assert pasted[0, 8, 8] == 1 and pasted[0, 24, 26] == 0.5 and pasted[0, 16, 18] == pytest.approx(0.75)


def test_ramp_rises_inside_the_border_as_a_raised_cosine():
    ramp = raised_cosine((16, 12), 3)
    assert ramp.shape == (16, 12) and torch.all(ramp[3:-3, 3:-3] == 1) and ramp.min() > 0
    torch.testing.assert_close(ramp[8, :4], torch.tensor([0.146447, 0.5, 0.853553, 1.0]))
    assert torch.equal(raised_cosine((4, 4), 0), torch.ones(4, 4))


def test_feather_smooths_a_step():
    flat, region = torch.full((1, 48, 48), 0.5), Region(16, 16, 32, 32)
    steps = [
        paste(flat, [torch.full((1, 16, 16), 0.6)], [region], scale=1, mode="paste_back", feather=feather)
        .diff(dim=1)
        .abs()
        .max()
        for feather in (0, 4)
    ]
    assert steps[0] == pytest.approx(0.1) and steps[1] < 0.04


def test_canvas_keeps_the_larger_pixels(image):
    region = Region(8, 8, 24, 24)
    crop = torch.rand(1, 64, 64)
    canvas = paste(image, [crop], [region], scale=4, mode="hr_canvas", feather=0)
    assert canvas.shape == (1, 192, 192)
    torch.testing.assert_close(canvas[:, 32:96, 32:96], crop)
    enlarged = resize(image[None], (192, 192))[0].clamp(0, 1)
    mask = outside([Region(32, 32, 96, 96)], (192, 192))
    torch.testing.assert_close(canvas[:, mask], enlarged[:, mask])


@pytest.mark.parametrize("mode", _MODES)
def test_result_stays_in_range(mode):
    """A checkerboard makes bicubic interpolation overshoot; what leaves [0, 1] cannot be stored."""
    board = (torch.arange(48)[:, None] // 4 + torch.arange(48) // 4).remainder(2).float()[None]
    crops = [torch.rand(1, 64, 64).round()]
    pasted = paste(board, crops, REGIONS[:1], scale=4, mode=mode, feather=2)
    assert pasted.min() >= 0 and pasted.max() <= 1


def test_rounding_stays_in_the_range():
    """a + (b - a) is above b for some floats."""
    image = torch.rand(1, 256, 256, generator=torch.Generator().manual_seed(1))
    pasted = paste(image, [torch.ones(1, 256, 256)], [Region(0, 0, 256, 256)], scale=1, mode="paste_back", feather=0)
    assert pasted.max() <= 1


def test_unknown_mode_is_rejected(image):
    with pytest.raises(ValueError, match="expected one of paste_back"):
        paste(image, [], [], scale=1, mode="zoom", feather=0)
