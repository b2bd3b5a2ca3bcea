import pytest
import torch
from scripts.super_resolution.enhancers.inverse import InverseEnhancer, _invert
from scripts.super_resolution.resampling import degrade

from ..tiny_ldm import write_tiny_ldm


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_ldm(tmp_path_factory.mktemp("ldm"))


def seeds(count, first=0):
    return [torch.Generator().manual_seed(first + index) for index in range(count)]


def enhance(folder, low_res, first=0, **settings):
    enhancer = InverseEnhancer(folder, data_consistency=False, steps=2, **settings)
    return enhancer.enhance(low_res, generators=seeds(len(low_res), first))


@pytest.fixture(scope="module")
def target(folder):
    """An image that the decoder can make, so that a search for it can succeed."""
    return enhance(folder, torch.full((1, 1, 8, 8), 0.5), first=50, iterations=0)


@pytest.mark.parametrize(("variant", "iterations"), [("decoder", 60), ("latent", 40)])
def test_result_is_consistent_and_approaches_a_decodable_truth(folder, target, variant, iterations):
    low_res = degrade(target, 4)
    before = enhance(folder, low_res, variant=variant, iterations=0)
    after = enhance(folder, low_res, variant=variant, iterations=iterations)
    errors = [(degrade(image, 4) - low_res).abs().mean() for image in (before, after)]
    assert errors[1] < 0.3 * errors[0]
    assert (after - target).square().mean() < 0.7 * (before - target).square().mean()


def test_a_region_does_not_depend_on_its_batch(folder, target):
    low_res = torch.cat([degrade(target, 4), torch.rand(1, 1, 8, 8)])
    batched = enhance(folder, low_res, iterations=10)
    assert torch.allclose(batched[:1], enhance(folder, low_res[:1], iterations=10), atol=1e-3)


def test_stops_when_the_result_is_consistent_or_no_longer_improves():
    calls = []

    def exact(latents):
        calls.append(1)
        return latents

    start = torch.rand(1, 1, 8, 8)
    _invert(exact, start, degrade(start, 4), iterations=100)
    assert len(calls) == 2  # one look, and the result
    calls.clear()

    def constant(latents):
        calls.append(1)
        return 0.0 * latents

    _invert(constant, start, torch.ones(1, 1, 2, 2), iterations=100)
    assert 20 <= len(calls) <= 23


def test_data_consistency_any_size_and_inference_mode(folder):
    low_res = 0.3 + 0.4 * torch.rand(1, 1, 9, 7)
    enhancer = InverseEnhancer(folder, iterations=1, steps=2)
    with torch.inference_mode():
        enhanced = enhancer.enhance(low_res, generators=seeds(1))
    assert enhanced.shape == (1, 1, 36, 28)
    assert (degrade(enhanced, 4) - low_res).square().mean() < 1e-6


def test_unknown_variant_is_rejected(folder):
    with pytest.raises(ValueError, match="decoder, latent"):
        InverseEnhancer(folder, variant="noise")
