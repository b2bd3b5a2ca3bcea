"""Tiny networks of each family, and one that has learnt to see a bright and a dark spot."""

from contextlib import contextmanager

import pytest
import torch
from scripts.networks import ViTMultilabel

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "patch_size": 8}
FAMILIES = {
    "vit": {"intermediate_size": 64},
    "dinov2": {"mlp_ratio": 2},
    "dinov2_with_registers": {"mlp_ratio": 2, "num_register_tokens": 4},
}


def make_network(family="dinov2", pool="cls", image_size=48, **settings):
    torch.manual_seed(0)
    architecture = {"model_type": family, **SIZES, **FAMILIES[family]}
    return ViTMultilabel(
        architecture=architecture,
        num_labels=2,
        image_size=image_size,
        pool=pool,
        labels=["Bright", "Dark"],
        **settings,
    ).eval()


@pytest.fixture(params=FAMILIES)
def network(request):
    return make_network(request.param)


def draw_spots(count, generator):
    """Noise (count, 1, 48, 48) with a bright or a dark patch or both, the labels (count, 2), the patches (count, 2)."""
    images = 0.5 + 0.05 * torch.randn(count, 1, 48, 48, generator=generator)
    labels = (torch.rand(count, 2, generator=generator) > 0.5).float()
    patches = torch.stack([torch.randperm(36, generator=generator)[:2] for _ in range(count)])
    for image, label, patch in zip(images, labels, patches.tolist(), strict=True):
        for present, index, change in zip(label, patch, (0.4, -0.4), strict=True):
            row, column = 8 * (index // 6), 8 * (index % 6)
            image[0, row : row + 8, column : column + 8] += change * present
    return images.clamp(0, 1), labels, patches


@contextmanager
def one_thread():
    """What a small network learns depends on the order of sums, and that on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@pytest.fixture(scope="session", params=["cls", "cls_mean"])
def spotter(request):
    """Network that tells whether there is a bright, and whether there is a dark spot."""
    with one_thread():
        return learn_spots(make_network("vit", pool=request.param).train())


def learn_spots(network):
    """Train it until it makes no mistakes."""
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    losses = []
    while len(losses) < 1000 and (len(losses) < 100 or max(losses[-20:]) > 0.05):
        images, labels, _ = draw_spots(32, generator)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert max(losses[-20:]) < 0.05, "the network has not learnt what the tests ask it about"
    return network.eval()


@pytest.fixture(scope="session")
def spots():
    """32 unseen images in which both spots are, and where."""
    images, labels, patches = draw_spots(128, torch.Generator().manual_seed(1))
    both = (labels.sum(dim=1) == 2).nonzero()[:32, 0]
    return images[both], patches[both]


def hit_rate(maps, patches):
    """Share of the maps (B, C, h, w) whose peak is the patch of its label."""
    return (maps.flatten(2).argmax(dim=2) == patches).float().mean().item()
