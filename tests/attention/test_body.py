import torch
from scripts.attention.body import _body_mask, body_patches


def film():
    """Air, a body, lungs as dark as the air inside it, and padding below."""
    rows, columns = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    image = torch.full((96, 96), 0.05)
    image[(columns - 48).abs() < 36] = 0.8
    for centre in (32, 64):
        image[((rows - 40) / 25) ** 2 + ((columns - centre) / 11) ** 2 < 1] = 0.05
    image[84:] = 0
    return image[None] + 0.01 * torch.rand(1, 96, 96, generator=torch.Generator().manual_seed(0))


def test_air_and_padding_are_outside_and_lungs_are_not():
    mask = _body_mask(film())
    assert not mask[:, :10].any() and not mask[:, -10:].any() and not mask[86:].any()
    assert mask[40, 32] and mask[40, 64] and mask[2:82, 14:82].float().mean() > 0.99


def test_patches_are_body_by_their_larger_part():
    found = body_patches(film()[None], (6, 6))[0]
    assert found[:5, 1:5].all() and not found[:, 0].any() and not found[5].any()
