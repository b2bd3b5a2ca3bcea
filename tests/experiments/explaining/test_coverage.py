import numpy as np
from scripts.experiments.explaining.coverage import coverage, film_regions


def box(row, column, side=10, size=100):
    mask = np.zeros((size, size), bool)
    mask[row : row + side, column : column + side] = True
    return mask


def two_peaks():
    pixels = np.zeros((100, 100))
    pixels[box(10, 10)] = 2
    pixels[box(70, 60)] = 1.5
    return pixels


def test_regions_are_ranked_by_the_map():
    first, second = film_regions(two_peaks(), [1, 2], 20)
    assert first.row0 <= 10 < first.row1 and second.row0 <= 70 < second.row1


def test_centres_and_areas_count_for_each_number_of_regions():
    parts = [box(10, 10), box(70, 60)]
    found = coverage([film_regions(two_peaks(), [1, 2], 20)], parts, [1, 2])
    assert found == {"coverage_1": 0.5, "area_coverage_1": 0.5, "coverage_2": 1.0, "area_coverage_2": 1.0}


def test_several_draws_are_averaged():
    hit, miss = film_regions(two_peaks(), [1], 20), film_regions(np.roll(two_peaks(), 40, axis=1), [1], 20)
    assert coverage([hit, miss], [box(10, 10)], [1])["coverage_1"] == 0.5


def test_a_large_finding_is_covered_by_its_share():
    found = coverage([film_regions(box(30, 30, 20) * 1.0, [1], 20)], [box(30, 30, 40)], [1])
    assert found["area_coverage_1"] == 0.25
