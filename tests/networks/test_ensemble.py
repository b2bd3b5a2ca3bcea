"""Several networks that predict as one, whose numbers are checked against those of the networks themselves."""

import pytest
import torch
from scripts.networks import Ensemble, ViTMultilabel
from scripts.networks.ensemble import mean_logits, members_seen
from scripts.networks.head_inputs import head_inputs
from scripts.networks.moved_views import moved_views

from ..conftest import LABELS, TINY


def make(seed):
    torch.manual_seed(seed)
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, labels=LABELS).eval()
    torch.nn.init.normal_(network.head.weight, std=1.0)
    return network


@pytest.fixture(scope="module")
def members():
    return [make(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def images():
    return torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_the_probability_is_the_mean_of_the_members(members, images):
    expected = torch.stack([member(images).sigmoid() for member in members]).mean(dim=0)
    ensemble = Ensemble(members)
    torch.testing.assert_close(ensemble(images).sigmoid(), expected)
    assert not torch.allclose(expected, members[0](images).sigmoid(), atol=0.01)  # the members do differ
    assert ensemble.labels == LABELS and ensemble.image_size == 32 and ensemble.num_labels == 2


@torch.no_grad()
def test_calibrated_members_are_averaged_as_calibrated(members, images):
    scales, offsets = (
        torch.tensor([[0.5, 1.0], [2.0, 1.0], [1.0, 1.0]]),
        torch.tensor([[0.0, 1.0], [0.0, 0.0], [-1, 0]]),
    )
    ensemble = Ensemble(members, scales, offsets)
    logits = torch.stack([member(images) for member in members], dim=1)
    torch.testing.assert_close(ensemble.member_logits(images), logits * scales + offsets)
    torch.testing.assert_close(ensemble(images).sigmoid(), (logits * scales + offsets).sigmoid().mean(dim=1))


@torch.no_grad()
def test_views_are_averaged_within_each_member(members, images):
    ensemble = Ensemble(members[:2], shift=0.1, scale=0.1)
    views = [images, *moved_views(images, 0.1, 0.1)]
    expected = torch.stack([torch.stack([one(view).sigmoid() for view in views]).mean(dim=0) for one in members[:2]], 1)
    torch.testing.assert_close(ensemble.member_logits(images).sigmoid(), expected)
    torch.testing.assert_close(ensemble(images).sigmoid(), expected.mean(dim=1))
    assert (expected[:, 0] - members[0](images).sigmoid()).abs().max() > 1e-4  # the views do matter


@torch.no_grad()
def test_one_image_gives_the_same_numbers_as_in_a_batch(members, images):
    ensemble = Ensemble(members, shift=0.1)
    torch.testing.assert_close(torch.cat([ensemble(image[None]) for image in images]), ensemble(images))


def test_means_of_certain_members_keep_their_ranks():
    logits = torch.tensor([[40.0, 60.0], [50.0, 60.0], [-50.0, -60.0]])
    first, second, third = mean_logits(logits, dim=1).tolist()
    assert first == pytest.approx(40.69, abs=0.01) and second == pytest.approx(50.69, abs=0.01)
    assert third == pytest.approx(-50.69, abs=0.01)


@torch.no_grad()
def test_features_and_logits_of_the_members_are_recorded_once_a_pass(members, images):
    own = []
    for member in members:
        with head_inputs(member) as seen:
            member(images)
        own += seen
    ensemble = Ensemble(members, shift=0.1)
    with head_inputs(ensemble) as features, members_seen(ensemble) as logits:
        ensemble(images)
        ensemble(images[:1])
    assert [len(one) for one in features] == [len(one) for one in logits] == [4, 1]
    torch.testing.assert_close(features[0], torch.cat(own, dim=-1))  # of the images as they are, not of the views
    torch.testing.assert_close(logits[0], ensemble.member_logits(images))
    ensemble(images)
    assert len(features) == len(logits) == 2  # the hooks are gone


@torch.no_grad()
def test_a_single_network_has_no_members_to_record(members, images):
    for network in (members[0], Ensemble(members[:1], shift=0.1)):
        with members_seen(network) as seen:
            network(images)
        assert seen == []
