import torch
from scripts.attention.grad_cam import GradCAM

from .conftest import hit_rate, make_network


def test_finds_what_each_label_was_learnt_from(spotter, spots):
    """With the mean gradient of all patches it cannot where only CLS is read; what it gives is then still a map."""
    images, patches = spots
    output = GradCAM(spotter)(images)
    assert torch.equal(output.logits, spotter(images).detach()) and (output.maps >= 0).all()
    if spotter.pool == "cls_mean":
        assert hit_rate(output.maps, patches) >= 0.8  # chance: 1 in 36


def test_label_tokens_have_one_too():
    maps = GradCAM(make_network(pool="label_tokens"))(torch.rand(2, 1, 48, 48)).maps
    assert maps.shape == (2, 2, 6, 6) and maps.max() > 0
