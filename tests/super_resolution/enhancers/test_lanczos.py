import torch
from scripts.super_resolution.enhancers.lanczos import LanczosEnhancer
from scripts.super_resolution.resampling import degrade, resize


def test_keeps_float_levels_and_places():
    ramp = 0.3 + torch.arange(16.0).expand(2, 1, 12, 16) / 4096
    enlarged = LanczosEnhancer(4).enhance(ramp, generators=[])
    assert enlarged.shape == (2, 1, 48, 64)
    centres = 0.3 + ((torch.arange(64.0) + 0.5) / 4 - 0.5) / 4096
    assert torch.allclose(enlarged[0, 0, 20, 12:-12], centres[12:-12], atol=2e-5)  # a fifteenth of a 12-bit level


def test_is_sharper_than_bicubic_on_fine_stripes():
    stripes = 0.5 + 0.4 * torch.sin(torch.arange(128.0) * 2 * torch.pi / 12).expand(1, 1, 128, 128)
    low_res = degrade(stripes, 4)
    errors = [
        (image - stripes)[..., 20:-20, 20:-20].square().mean()
        for image in (LanczosEnhancer(4).enhance(low_res, generators=[]), resize(low_res, (128, 128)))
    ]
    assert errors[0] < errors[1]
