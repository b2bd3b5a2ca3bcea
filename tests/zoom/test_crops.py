from dataclasses import replace

import pytest
import torch
from scripts.common.geometry import fit_square
from scripts.networks import ViTMultilabel, ZoomSettings
from scripts.super_resolution.enhancers.bicubic import BicubicEnhancer
from scripts.zoom.crops import Zoomer, _cut_crops, zoom_settings

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}
NATIVE = ZoomSettings(count=2, window=8, crop_size=16, source="native")
BICUBIC = replace(NATIVE, enhancer="bicubic")


@pytest.fixture(scope="module")
def guide():
    torch.manual_seed(0)
    return ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, labels=["Mass", "No Finding"]).eval()


def peak(row=1, column=2):
    attention = torch.zeros(4, 4)
    attention[row, column] = 1
    return attention


def stripes(size):
    """Lines of one pixel: gone in any smaller image."""
    return torch.arange(size).remainder(2).float().expand(1, size, size).contiguous()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 61), (61, 96)])
def test_crop_shows_what_is_at_its_box(height, width):
    source = torch.rand(1, height, width)
    zoom = _cut_crops(source, peak(), 32, NATIVE, None)
    side = max(height, width)
    square = fit_square(source, side)[0]
    for region, crop, box in zip(zoom.regions, zoom.crops, zoom.boxes, strict=True):
        row0, col0, row1, col1 = (round(float(value) * side) for value in box)
        assert (region.row1 - region.row0, region.col1 - region.col0) == (row1 - row0, col1 - col0)
        assert torch.allclose(fit_square(square[None, row0:row1, col0:col1], 16)[0], crop, atol=1e-6)


def test_lines_of_one_pixel_survive_in_native_crops_only():
    source = stripes(64)  # 8 pixels of 32 are 16 of the source, which a crop of 16 shows as they are
    zoom = _cut_crops(source, peak(), 32, NATIVE, None)
    assert torch.equal(zoom.crops[0], source[0, :16, :16]) and fit_square(source, 32)[0, 2:-2, 2:-2].std() < 0.01
    reduced = _cut_crops(source, peak(), 32, replace(BICUBIC, source="sr", working_size=32), BicubicEnhancer(4))
    assert reduced.crops[0].std() < 0.1


def test_auto_takes_the_enhancer_where_the_source_is_too_small():
    auto, sr = replace(BICUBIC, source="auto"), replace(BICUBIC, source="sr")
    small, large = torch.rand(1, 32, 32), torch.rand(1, 64, 64)
    crops = {name: _cut_crops(small, peak(), 32, zoom, BicubicEnhancer(4)).crops for name, zoom in
             (("auto", auto), ("sr", sr), ("native", NATIVE))}  # fmt: skip
    assert torch.equal(crops["auto"], crops["sr"]) and not torch.equal(crops["auto"], crops["native"])
    assert torch.equal(
        _cut_crops(large, peak(), 32, auto, BicubicEnhancer(4)).crops, _cut_crops(large, peak(), 32, NATIVE, None).crops
    )


def test_fewer_regions_than_wanted_leave_empty_crops():
    many = replace(NATIVE, count=40)
    zoom = _cut_crops(torch.rand(1, 64, 64), peak(), 32, many, None)
    found = len(zoom.regions)
    assert 4 <= found < 40 and zoom.crops.shape == (40, 16, 16)
    assert (zoom.boxes[:found, 2:] > zoom.boxes[:found, :2]).all()
    assert (zoom.boxes[found:] == 0).all() and (zoom.crops[found:] == 0).all()


@pytest.mark.parametrize("attention", [torch.zeros(4, 4), torch.full((4, 4), float("nan"))])
def test_map_that_says_nothing_gives_the_middle(attention):
    zoom = _cut_crops(torch.rand(1, 64, 64), attention, 32, NATIVE, None)
    assert "no_attention" in zoom.flags and [region.box for region in zoom.regions] == [(24, 24, 40, 40)]


def test_source_smaller_than_a_crop_is_shown_whole():
    zoom = _cut_crops(torch.rand(1, 5, 7), peak(), 32, NATIVE, None)
    assert [region.box for region in zoom.regions] == [(0, 0, 5, 7)] and "small_image" in zoom.flags
    assert torch.allclose(zoom.boxes[0], torch.tensor([0.0, 0.0, 1.0, 1.0]), atol=1e-6)
    assert torch.isfinite(zoom.crops).all()


class Broken(BicubicEnhancer):
    """Gives NaN for the first region of a batch."""

    def enhance(self, low_res, *, generators):
        high_res = super().enhance(low_res, generators=generators)
        high_res[0] = float("nan")
        return high_res


def test_region_that_is_not_finite_is_left_out():
    zoom = _cut_crops(torch.rand(1, 32, 32), peak(), 32, replace(BICUBIC, source="sr"), Broken(4))
    assert "not_finite" in zoom.flags and len(zoom.regions) == 1
    assert torch.isfinite(zoom.crops).all() and (zoom.boxes[1] == 0).all()


def test_crops_do_not_depend_on_the_batch(guide):
    zoomer = Zoomer(guide, NATIVE)
    sources = [torch.rand(1, 70, 50), torch.rand(1, 64, 64)]
    crops, boxes = zoomer.inputs(sources)
    assert crops.shape == (2, 2, 16, 16) and boxes.shape == (2, 2, 4)
    for index, source in enumerate(sources):
        alone = zoomer(source)
        assert torch.equal(alone.crops, crops[index]) and torch.equal(alone.boxes, boxes[index])


def test_another_enhancer_than_in_training_is_refused(guide):
    zoom = zoom_settings(".", source="auto", enhancer="bicubic", crop_size=16)
    Zoomer(guide, zoom, BicubicEnhancer(4, data_consistency=True))
    for enhancer in (None, BicubicEnhancer(4)):
        with pytest.raises(ValueError, match="expected bicubic none, corrected, found"):
            Zoomer(guide, zoom, enhancer)


def test_crops_of_maps_of_labels_name_their_labels(guide):
    zoom = Zoomer(guide, replace(NATIVE, attention="grad_cam"))(torch.rand(1, 64, 64))
    assert {region.label for region in zoom.regions} <= {"Mass", None} and zoom.crops.shape == (2, 16, 16)


def test_a_mean_map_gives_every_film_the_same_regions(guide):
    settings = replace(NATIVE, selector="mean_map", count=1)
    zoomer = Zoomer(guide, settings, mean_map=peak())
    zooms = [zoomer(torch.rand(1, 64, 64)) for _ in range(2)]
    assert [zoom.regions[0].box for zoom in zooms] == [(16, 32, 32, 48)] * 2
    with pytest.raises(ValueError, match="the network has no mean map"):
        Zoomer(guide, settings, mean_map=torch.zeros(4, 4))
