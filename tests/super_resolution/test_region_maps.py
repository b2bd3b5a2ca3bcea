import pytest
import torch
from scripts.attention import AttentionOutput
from scripts.super_resolution.region_maps import check_selector, film_maps

LABELS = ["No Finding", "Mass", "Edema"]


def test_each_label_has_its_part_of_the_map():
    output = AttentionOutput(torch.tensor([[9.0, 1.0, -1.0]]), torch.rand(1, 3, 4, 4))
    (film,) = film_maps(output, LABELS)
    assert film.labels == LABELS and film.maps[0].max() == 0
    assert torch.allclose(film.maps.sum(dim=0), output.region_maps(LABELS)[0])
    shares = film.maps.sum(dim=(1, 2))
    assert torch.allclose(shares[1] / shares[2], torch.tensor(1.0).sigmoid() / torch.tensor(-1.0).sigmoid())


def test_a_map_for_all_labels_belongs_to_none():
    maps = torch.rand(2, 4, 4)
    films = film_maps(AttentionOutput(torch.zeros(2, 3), maps), LABELS)
    assert [film.labels for film in films] == [(None,)] * 2 and torch.equal(films[1].maps[0], maps[1])


def test_labels_without_names_stay_without_names():
    (film,) = film_maps(AttentionOutput(torch.zeros(1, 3), torch.rand(1, 3, 4, 4)), None)
    assert film.labels == [None] * 3


def test_mean_map_needs_training_films():
    with pytest.raises(ValueError, match=r"mean_map takes its map from the training films; expected .* found another"):
        check_selector("mean_map")
    check_selector("mean_map", mean_map=True)


def test_unknown_selector_is_rejected_by_name():
    with pytest.raises(ValueError, match=r"selector.*expected one of"):
        check_selector("fixed_window")
