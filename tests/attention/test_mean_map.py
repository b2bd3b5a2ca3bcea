import pytest
import torch
from scripts.attention.mean_map import MeanMap, other_means


def test_the_mean_of_a_film_leaves_out_all_films_of_its_patient():
    maps = torch.stack([torch.full((2, 2), float(value)) for value in (1, 3, 5, 7)])
    found = other_means(maps, [0, 0, 1, 2])
    assert found[:, 0, 0].tolist() == [6, 6, pytest.approx(11 / 3), 3]


def test_films_of_one_patient_have_no_mean_of_others():
    assert other_means(torch.rand(2, 3, 3), [4, 4]) is None


def test_a_film_of_another_split_is_compared_with_all_films():
    mean = MeanMap()
    for patient, value in (("a", 1.0), ("a", 2.0), ("b", 6.0)):
        mean.add(patient, torch.full((2, 2), value))
    assert mean.without("c")[0, 0] == 3 and mean.without("a")[0, 0] == 6 and mean.without("b")[0, 0] == 1.5


def test_a_map_that_is_not_finite_does_not_spoil_the_mean():
    maps = torch.tensor([[[1.0]], [[float("nan")]], [[3.0]]])
    assert other_means(maps, [0, 1, 2]).flatten().tolist() == [3, 2, 1]


def test_without_films_there_is_no_mean():
    assert MeanMap().without("a") is None
