import pytest
import torch
from scripts.common.geometry import fit_square
from scripts.experiments.ablation.arm_enhancers import Enhancers
from scripts.experiments.ablation.arms import View
from scripts.experiments.ablation.views import Viewer, _make_source, _true_pixels
from scripts.super_resolution.region_enhancer import EnhanceSettings
from scripts.super_resolution.regions import Region
from scripts.super_resolution.resampling import degrade, resize


@pytest.fixture
def truth():
    return torch.rand(1, 256, 208, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def viewer(truth):
    attention = torch.zeros(4, 4)
    attention[1, 2] = 1
    settings = EnhanceSettings(count=2, window=16, feather=0)
    return Viewer(_make_source(truth, 64), attention, 64, settings, Enhancers("none"))


def box(region):
    """Edges in pixels of an image of 64 x 64, padded from 64 x 52 by 6 on either side."""
    return [round(edge * 64) for edge in region]


def test_the_source_is_reduced_and_the_truth_kept(viewer, truth):
    assert viewer.source.image.shape == (1, 64, 52)
    assert torch.allclose(viewer.source.image, degrade(truth[None], 4)[0].clamp(0, 1), atol=1e-6)
    assert torch.equal(viewer.source.truth, truth)


def test_identity_pasted_back_is_the_image(viewer):
    seen, plain = viewer.network_inputs(View("paste_back", "identity")), viewer.network_inputs(View())
    assert torch.equal(seen.whole, plain.whole) and seen.windows == plain.windows and not seen.crops


def test_true_pixels_of_equal_regions_are_as_many_at_any_ratio():
    truth = torch.rand(1, 1024, 1024)
    source = _make_source(truth, 112)  # 9.14 true pixels for each
    crops = [_true_pixels(source, Region(0, start, 32, start + 32)) for start in range(81)]
    assert {crop.shape for crop in crops} == {(1, 293, 293)}
    assert torch.equal(crops[0], truth[:, :293, :293]) and torch.equal(crops[80], truth[:, :293, -293:])


def test_a_native_crop_is_made_of_true_pixels_and_a_bicubic_one_is_not(viewer, truth):
    native = viewer.network_inputs(View("zoom", "native"))
    row0, col0, row1, col1 = box(native.windows[0])
    expected = truth[:, 4 * row0 : 4 * row1, 4 * (col0 - 6) : 4 * (col1 - 6)]
    assert expected.shape == (1, 64, 64) and torch.equal(native.crops[0], expected)
    bicubic = viewer.network_inputs(View("zoom", "bicubic"))
    assert bicubic.windows == native.windows
    assert torch.allclose(bicubic.crops[0], resize(degrade(expected[None], 4), (64, 64))[0].clamp(0, 1), atol=0.2)
    assert (bicubic.crops[0] - expected).abs().mean() > 0.1


def test_random_regions_have_the_same_area_and_other_places(viewer):
    chosen, first, second = (viewer.network_inputs(View("zoom", "bicubic", selector), seed) for selector, seed in
                             (("fixed_windows", 0), ("random", 0), ("random", 1)))  # fmt: skip
    areas = {(r1 - r0) * (c1 - c0) for seen in (chosen, first, second) for r0, c0, r1, c1 in map(box, seen.windows)}
    assert areas == {16 * 16}
    assert len({tuple(seen.windows) for seen in (chosen, first, second)}) == 3


def test_full_image_is_one_region(viewer):
    (window,) = viewer.network_inputs(View("paste_back", "lanczos", "full")).windows
    assert box(window) == [0, 6, 64, 58]


def test_detail_reaches_zoom_and_canvas_but_not_what_is_pasted_back(truth, viewer):
    """A checkerboard of single pixels in the truth, in all of the image."""
    board = 0.2 * ((torch.arange(256)[:, None] + torch.arange(208)) % 2) - 0.1
    marked = Viewer(_make_source((truth * 0.5 + 0.2 + board).clamp(0, 1), 64), viewer.attention, 64, viewer.settings,
                    viewer.enhancer_of)  # fmt: skip
    plain = Viewer(_make_source(truth * 0.5 + 0.2, 64), viewer.attention, 64, viewer.settings, viewer.enhancer_of)

    def change(view, part):
        first, second = (getattr(each.network_inputs(view), part) for each in (marked, plain))
        first, second = (torch.stack(value) if part == "crops" else value for value in (first, second))
        return float((first - second).abs().mean())

    assert change(View("zoom", "native"), "crops") > 10 * change(View("paste_back", "bicubic"), "whole")
    canvas = [each.network_inputs(View("hr_canvas", "native", image_size=256)).whole for each in (marked, plain)]
    assert (canvas[0] - canvas[1]).abs().max() > 0.05


@pytest.mark.parametrize("name", ["noise", "unsharp"])
def test_controls_change_only_the_regions(viewer, name):
    changed = (viewer.picture(View("paste_back", name)) != viewer.source.image)[0]
    work, _ = viewer.enhanced(View("paste_back", name), 0)
    for region in work.regions:
        changed[region.row0 : region.row1, region.col0 : region.col1] = False
    assert not changed.any()
    assert not torch.equal(
        fit_square(viewer.picture(View("paste_back", name)), 64), viewer.network_inputs(View()).whole
    )
