import torch
from scripts.super_resolution.networks.padding import pad_to_multiple


def test_sizes_become_multiples_and_the_image_stays():
    for size in ((8, 8), (9, 15), (1, 3), (2, 30)):
        image = torch.rand(2, 1, *size)
        padded = pad_to_multiple(image, 8)
        assert padded.shape[-2] % 8 == padded.shape[-1] % 8 == 0
        assert torch.equal(padded[..., : size[0], : size[1]], image)


def test_the_border_is_reflected():
    image = torch.arange(6.0).expand(1, 1, 6, 6)
    assert padded_row(image) == [0, 1, 2, 3, 4, 5, 4, 3]


def padded_row(image):
    return pad_to_multiple(image, 8)[0, 0, 0].tolist()
