import pytest
import torch
from scripts.experiments.sr_evaluation.sr_protocol import _informative_regions, enlarged, make_case
from scripts.super_resolution.regions import Region
from scripts.super_resolution.resampling import degrade

from .synthetic import film


@pytest.mark.parametrize(("size", "shape"), [(256, (256, 192)), (128, (128, 96)), (None, (256, 192))])
def test_truth_has_the_size_and_its_reduction_is_the_input(size, shape):
    case = make_case(film(256, 192), size, window=16, count=99)
    assert tuple(case.truth.shape[-2:]) == shape
    torch.testing.assert_close(case.low_res, degrade(case.truth[None], 4)[0].clamp(0, 1))
    for region in case.regions:
        assert region.row1 - region.row0 == region.col1 - region.col0 == 16
        row0, col0, row1, col1 = enlarged(region).box
        assert 0 <= row0 < row1 <= shape[0] and 0 <= col0 < col1 <= shape[1]


def test_native_pixels_are_the_truth_but_for_a_margin():
    image = film(131, 99)
    assert torch.equal(make_case(image, None, window=16, count=4).truth, image[:, :128, :96])


def test_no_truth_is_made_by_enlarging():
    assert make_case(film(128, 128), 256, window=16, count=4) is None


def test_dark_and_flat_regions_are_left_out_and_an_image_of_them_is_no_case():
    image = film(128, 128)
    image[:, :64] = 0  # air
    image[:, 64:, :64] = 0.5  # flat
    assert _informative_regions(image, 16, 99) == [Region(16, 16, 32, 32)]
    assert make_case(torch.full((1, 64, 64), 0.5), None, window=16, count=4) is None


def test_few_regions_are_spread_over_the_image():
    regions = _informative_regions(film(256, 256), 16, 4)
    assert len(regions) == 4 and regions[0].box[:2] == (0, 0) and regions[-1].box[2:] == (64, 64)


def test_image_smaller_than_a_window_is_one_region():
    case = make_case(film(40, 48), None, window=64, count=4)
    assert [region.box for region in case.regions] == [(0, 0, 10, 12)]
