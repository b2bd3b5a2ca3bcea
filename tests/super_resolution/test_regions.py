import numpy as np
import pytest
from scripts.super_resolution.regions import SELECTORS, _overlap, select_regions

WINDOWS = {"count": 3, "window": 16}


def blobs(*places, shape=(96, 128), sigma=5):
    """Sum of bumps with falling heights."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    heights = range(len(places), 0, -1)
    bumps = zip(places, heights, strict=True)
    return sum(h * np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / (2 * sigma**2)) for (r, c), h in bumps)


def centres(regions):
    return [((r.row0 + r.row1) / 2, (r.col0 + r.col1) / 2) for r in regions]


@pytest.mark.parametrize("selector", ["fixed_windows", "quantile"])
def test_peaks_are_found_in_the_order_of_their_heights(selector):
    places = [(20, 30), (70, 100), (30, 90)]
    regions, flags = select_regions(selector, blobs(*places), **WINDOWS)
    assert flags == [] and np.abs(np.array(centres(regions)) - places).max() <= 1
    assert [r.score for r in regions] == sorted((r.score for r in regions), reverse=True)


@pytest.mark.parametrize("selector", SELECTORS)
def test_windows_lie_inside_the_image_hardly_overlap_and_are_reproducible(selector):
    attention = np.random.default_rng(0).random((50, 70))
    regions, _ = select_regions(selector, attention, count=6, window=16, seed=3)
    assert regions == select_regions(selector, attention.copy(), count=6, window=16, seed=3)[0]
    for index, region in enumerate(regions):
        assert 0 <= region.row0 < region.row1 <= 50 and 0 <= region.col0 < region.col1 <= 70
        assert (region.row1 - region.row0, region.col1 - region.col0) == (16, 16)
        assert region.score == pytest.approx(attention[region.row0 : region.row1, region.col0 : region.col1].mean())
        corners = np.array([(other.row0, other.col0) for other in regions[:index]], int).reshape(-1, 2)
        assert (_overlap((region.row0, region.col0), corners.T, 16, 16) <= 0.1).all()


def test_equal_windows_are_taken_in_raster_order():
    attention = np.zeros((32, 32))
    attention[4:8, 4:8] = attention[4:8, 20:24] = attention[20:24, 4:8] = 1
    regions, _ = select_regions("fixed_windows", attention, count=3, window=4)
    assert [r.box for r in regions] == [(4, 4, 8, 8), (4, 20, 8, 24), (20, 4, 24, 8)]


def test_what_a_window_contains_does_not_count_for_the_next():
    attention = np.zeros((50, 50))
    attention[10:20, 10:20], attention[30:40, 30:40] = 1.0, 0.08
    regions, _ = select_regions("fixed_windows", attention, count=2, window=10)
    beside = attention[10:20, 19:29].mean()  # overlaps the first window by less than a tenth
    assert [region.box for region in regions] == [(10, 10, 20, 20), (30, 30, 40, 40)]
    assert beside > regions[1].score == pytest.approx(0.08)


def test_peak_in_a_corner_gives_a_whole_window():
    regions, _ = select_regions("fixed_windows", blobs((0, 127)), count=1, window=16)
    assert regions[0].box == (0, 112, 16, 128)


def test_controls_have_the_same_area_and_lowest_avoids_the_peak():
    attention = blobs((20, 30))
    found = {name: select_regions(name, attention, **WINDOWS)[0] for name in ("fixed_windows", "random", "lowest")}
    assert {len(regions) for regions in found.values()} == {3}
    assert found["lowest"][0].score < 1e-3 < found["fixed_windows"][0].score
    assert found["random"] != select_regions("random", attention, **WINDOWS, seed=1)[0]


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan, np.inf])
@pytest.mark.parametrize("selector", SELECTORS)
def test_map_without_a_peak_gives_the_centre_and_a_flag(selector, value):
    regions, flags = select_regions(selector, np.full((40, 60), value), **WINDOWS)
    assert [r.box for r in regions] == [(12, 22, 28, 38)] and flags == ["no_attention"]


@pytest.mark.parametrize("selector", SELECTORS)
def test_image_smaller_than_a_window_is_one_region(selector):
    attention = np.random.default_rng(0).random((10, 12))
    regions, flags = select_regions(selector, attention, **WINDOWS)
    assert [r.box for r in regions] == [(0, 0, 10, 12)] and flags == ["small_image"]


def test_unknown_selector_is_rejected():
    with pytest.raises(ValueError, match="expected one of fixed_windows"):
        select_regions("best", np.eye(8), count=1, window=4)


def bump(row, column, height=1.0, shape=(64, 64)):
    return blobs((row, column), shape=shape) * height


def test_regions_of_labels_are_ranked_together():
    maps = np.stack([bump(16, 16, 0.5), bump(40, 48)])
    regions, flags = select_regions("fixed_windows", maps, count=2, window=16, labels=["Mass", "Edema"])
    assert [region.label for region in regions] == ["Edema", "Mass"] and flags == []
    assert np.abs(np.array(centres(regions)) - [(40, 48), (16, 16)]).max() <= 1
    assert regions[1].score == pytest.approx(maps[0, 8:24, 8:24].mean(), rel=0.02)


def test_a_window_belongs_to_the_label_with_the_largest_part_in_it():
    maps = np.stack([bump(16, 16), bump(17, 17, 0.5) + bump(48, 48, 0.9), bump(48, 16, 0.8)])
    regions, _ = select_regions("fixed_windows", maps, count=3, window=16, labels=["Mass", "Edema", "Nodule"])
    assert [region.label for region in regions] == ["Mass", "Edema", "Nodule"]
    assert np.abs(np.array(centres(regions)) - [(16, 16), (48, 48), (48, 16)]).max() <= 1


def test_a_place_that_two_labels_share_comes_first():
    maps = np.stack([bump(16, 16, 0.6) + bump(48, 48), bump(16, 16, 0.6)])
    regions, _ = select_regions("fixed_windows", maps, count=2, window=16, labels=["Mass", "Edema"])
    assert np.abs(np.array(centres(regions)) - [(16, 16), (48, 48)]).max() <= 1


def test_maps_of_labels_that_say_nothing_choose_nothing():
    maps = np.stack([np.full((64, 64), 9.0), np.full((64, 64), np.nan), bump(16, 16)])
    regions, flags = select_regions("fixed_windows", maps, count=1, window=16, labels=["Mass", "Edema", "Nodule"])
    assert [region.label for region in regions] == ["Nodule"] and flags == []


@pytest.mark.parametrize("maps", [np.zeros((0, 40, 60)), np.zeros((2, 40, 60)), np.full((2, 40, 60), np.inf)])
def test_without_a_map_of_a_label_the_centre_belongs_to_no_label(maps):
    regions, flags = select_regions("fixed_windows", maps, count=3, window=16, labels=["Mass", "Edema"])
    assert [(region.box, region.label) for region in regions] == [((12, 22, 28, 38), None)]
    assert flags == ["no_attention"]


def test_of_labels_with_equal_windows_the_first_is_taken():
    regions, _ = select_regions(
        "fixed_windows", np.stack([bump(16, 16)] * 2), count=1, window=16, labels=["Mass", "Edema"]
    )
    assert regions[0].label == "Mass"
