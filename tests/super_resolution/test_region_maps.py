import numpy as np
import pytest
import torch
from scripts.attention import AttentionOutput, make_attention
from scripts.networks import ViTMultilabel
from scripts.super_resolution.region_maps import check_selector, film_maps

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}
LABELS = ["No Finding", "Mass", "Edema", "Nodule", "Hernia"]


def output(*logits):
    maps = torch.rand(1, len(logits), 3, 3, generator=torch.Generator().manual_seed(0))
    return AttentionOutput(torch.tensor([list(logits)]), maps)


def chosen(found, labels=LABELS, rules=None):
    (film,) = film_maps("findings", found, labels, rules)
    return film


def test_labels_that_reach_their_thresholds_choose():
    film = chosen(output(9.0, 1.0, -1.0, 0.0, -2.0))
    assert film.labels == ["Mass", "Nodule"] and film.flags == []


def test_thresholds_and_scales_of_the_model_decide():
    rules = np.array([[1, 0, 0.5], [1, 0, 0.9], [2, 3, 0.5], [1, 0, 0.5], [1, 0, 0.1]])
    assert chosen(output(9.0, 1.0, -1.0, -1.0, -2.0), rules=rules).labels == ["Edema", "Hernia"]


def test_three_most_probable_labels_choose_where_none_passes():
    film = chosen(output(9.0, -3.0, -1.0, -4.0, -2.0))
    assert film.labels == ["Edema", "Hernia", "Mass"] and film.flags == ["no_label"]


def test_one_label_chooses_even_below_its_threshold():
    film = chosen(output(-3.0), ["Mass"])
    assert film.labels == ["Mass"] and film.maps.shape == (1, 3, 3)


def test_no_finding_alone_chooses_nothing():
    film = chosen(output(3.0), ["No Finding"])
    assert film.labels == [] and film.maps.shape == (0, 3, 3) and film.flags == ["no_label"]


def test_each_map_has_a_sum_of_one():
    found = output(9.0, 1.0, 2.0, -1.0, -1.0)
    assert torch.allclose(chosen(found).maps.sum(dim=(1, 2)), torch.ones(2))


def test_other_selectors_have_the_map_of_the_film():
    found = output(9.0, 1.0, 2.0, -1.0, -1.0)
    (film,) = film_maps("lowest", found, LABELS)
    assert film.labels == (None,) and torch.equal(film.maps, found.region_maps(LABELS))


def test_mean_map_is_not_made_from_the_film():
    with pytest.raises(ValueError, match=r"mean_map takes its map from the training films; expected .* found another"):
        film_maps("mean_map", output(1.0), ["Mass"])
    with pytest.raises(ValueError, match="mean_map takes its map from the training films"):
        check_selector("mean_map", make_attention("last_cls", network()), ["Mass", "Edema"])
    check_selector("mean_map", make_attention("last_cls", network()), ["Mass", "Edema"], mean_map=True)


def network(**settings):
    return ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, **settings).eval()


@pytest.mark.parametrize("method", ["last_cls", "rollout"])
def test_findings_with_one_map_for_all_labels_is_rejected(method):
    with pytest.raises(ValueError, match=f"needs a map for each label; expected .*patch_logits.*, found {method},"):
        check_selector("findings", make_attention(method, network()), ["Mass", "Edema"])


def test_findings_needs_names_of_labels():
    method = make_attention("grad_cam", network())
    check_selector("findings", method, ["Mass", "Edema"])
    with pytest.raises(ValueError, match="expected a network with labels, found none"):
        check_selector("findings", method, None)


def test_unknown_selector_is_rejected_by_name():
    with pytest.raises(ValueError, match=r"selector.*expected one of"):
        check_selector("finding", make_attention("last_cls", network()), None)
