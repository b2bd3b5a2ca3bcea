import pytest
import torch
from scripts.experiments.explaining.film_dependence import film_dependence


def peak_at(row, column):
    grid = torch.zeros(8, 8)
    grid[row, column] = 1
    return grid


def test_films_of_one_patient_have_no_correlation():
    maps = torch.stack([peak_at(1, 1), peak_at(2, 2)])
    assert film_dependence(maps, [4, 4]) == {"mean_map_correlation": None, "constant_spot": 1.0}


def test_equal_maps_depend_on_no_film():
    found = film_dependence(torch.stack([peak_at(3, 3)] * 4), [0, 1, 2, 3])
    assert found == {"mean_map_correlation": pytest.approx(1), "constant_spot": 1.0}


def test_maps_with_different_peaks_depend_on_the_film():
    places = [(0, 0), (0, 7), (7, 0), (7, 7)]
    found = film_dependence(torch.stack([peak_at(*place) for place in places]), [0, 1, 2, 3])
    assert found["constant_spot"] == 0.25
    assert found["mean_map_correlation"] < 0


def test_constant_maps_have_no_correlation():
    assert film_dependence(torch.ones(3, 4, 4), [0, 1, 2])["mean_map_correlation"] is None
