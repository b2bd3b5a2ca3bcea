import torch
from scripts.super_resolution.enhancers.bicubic import BicubicEnhancer
from scripts.super_resolution.enhancers.identity import IdentityEnhancer
from scripts.super_resolution.resampling import degrade


def test_degrade_antialiases():
    # One-pixel stripes lie above the Nyquist frequency of the small image: they must vanish, not alias.
    stripes = torch.arange(64).remainder(2).float().expand(1, 1, 64, 64)
    small = degrade(stripes, 4)
    assert small.shape == (1, 1, 16, 16)
    assert (small[..., 2:-2] - 0.5).abs().max() < 0.02


def test_degrade_keeps_a_ramp_in_place():
    ramp = torch.arange(64.0).expand(1, 1, 64, 64)
    centres = torch.arange(16.0) * 4 + 1.5
    assert torch.allclose(degrade(ramp, 4)[0, 0, 8, 2:-2], centres[2:-2], atol=1e-3)


def test_bicubic_returns_a_smooth_image():
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 64), torch.linspace(0, 3, 64), indexing="ij")
    image = (0.5 + 0.3 * torch.sin(rows + columns))[None, None]
    enlarged = BicubicEnhancer().enhance(degrade(image, 4), generators=[torch.Generator()])
    assert (enlarged - image)[..., 8:-8, 8:-8].abs().max() < 0.005


def test_identity_is_exact():
    image = torch.rand(2, 1, 9, 11)
    assert torch.equal(IdentityEnhancer().enhance(image, generators=[torch.Generator()] * 2), image)
