import numpy as np
import pytest
from scripts.experiments.explaining.map_metrics import gini, hit, iou, relevance_mass

TRUTH = np.zeros((10, 10), bool)
TRUTH[2:4, 2:7] = True


def peak(row, column):
    values = np.full((10, 10), 0.1)
    values[row, column] = 1
    return values


def test_a_hit_is_a_peak_inside():
    assert hit(peak(3, 6), TRUTH) and not hit(peak(3, 7), TRUTH)


def test_tolerance_is_a_distance_to_the_finding():
    assert hit(peak(3, 8), TRUTH, tolerance=2) and not hit(peak(3, 9), TRUTH, tolerance=2)
    assert not hit(peak(5, 8), TRUTH, tolerance=2)  # diagonal: sqrt(8)


@pytest.mark.parametrize("values", [np.zeros((10, 10)), np.ones((10, 10)), np.full((10, 10), np.nan)])
def test_a_map_that_points_nowhere_never_hits(values):
    """argmax of a flat map is the first pixel: in the finding here."""
    everything = np.ones((10, 10), bool)
    assert not hit(values, everything) and iou(values, everything, 0.1) == 0


def test_iou_takes_one_area_whatever_the_scale():
    values = np.where(TRUTH, 2.0, 1.0)
    assert iou(values, TRUTH, 0.1) == iou(np.exp(5 * values), TRUTH, 0.1) == 1
    assert iou(values, TRUTH, 0.2) == pytest.approx(0.5)
    assert iou(peak(9, 9), TRUTH, 0.01) == 0


def test_relevance_mass_of_a_uniform_map_is_the_area():
    assert relevance_mass(np.full((10, 10), 3.0), TRUTH) == pytest.approx(0.1)
    assert relevance_mass(TRUTH.astype(float), TRUTH) == 1 and relevance_mass(np.zeros((10, 10)), TRUTH) == 0


def test_gini_is_zero_for_equal_and_near_one_for_one():
    assert gini(np.full((10, 10), 7.0)) == pytest.approx(0) and gini(np.zeros((4, 4))) == 0
    one = np.zeros((10, 10))
    one[0, 0] = 5
    assert gini(one) == pytest.approx(0.99)
    values = np.array([1.0, 2, 3, 10])  # mean absolute difference / (2 mean)
    assert gini(values) == pytest.approx(np.abs(values[:, None] - values).mean() / (2 * values.mean()))
