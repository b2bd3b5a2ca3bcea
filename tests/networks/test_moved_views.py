import pytest
import torch
from scripts.networks.moved_views import moved_views


def point(row, column, side=20):
    image = torch.zeros(1, 1, side, side)
    image[0, 0, row, column] = 1.0
    return image


def test_shifts_go_to_both_sides_by_a_share_of_the_side():
    left, right = moved_views(point(5, 10), 0.1, 0.0)
    assert torch.equal(left, point(5, 8)) and torch.equal(right, point(5, 12))


def test_what_leaves_the_image_is_lost_and_what_enters_is_black():
    left, right = moved_views(torch.ones(1, 1, 20, 20), 0.1, 0.0)
    assert left[..., -2:].sum() == 0 and left[..., :-2].min() == 1
    assert right[..., :2].sum() == 0 and right[..., 2:].min() == 1


def test_other_sizes_keep_the_centre_and_the_shape():
    image = torch.zeros(2, 1, 20, 20)
    image[:, :, 5:15, 5:15] = 1.0
    small, large = moved_views(image, 0.0, 0.2)
    assert small.shape == large.shape == image.shape
    assert float(small.sum()) == pytest.approx(0.64 * float(image.sum()), rel=0.05)
    assert float(large.sum()) == pytest.approx(1.44 * float(image.sum()), rel=0.05)
    for view in (small, large):
        torch.testing.assert_close(view, view.flip(-1), atol=1e-5, rtol=0)
        torch.testing.assert_close(view, view.flip(-2), atol=1e-5, rtol=0)


def test_a_small_share_moves_by_one_pixel_and_none_by_nothing():
    assert torch.equal(moved_views(point(5, 10), 0.001, 0.0)[1], point(5, 11))
    assert moved_views(point(5, 10), 0.0, 0.0) == [] and len(moved_views(point(5, 10), 0.1, 0.1)) == 4
