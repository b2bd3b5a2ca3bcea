import pytest
import torch
from scripts.enhancement.enhancer import degrade
from scripts.enhancement.guided import GuidedEnhancer
from scripts.enhancement.networks.folder import save_network
from scripts.enhancement.networks.guided import GuidedNetwork


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    network = GuidedNetwork(pixel_width=8, patch_width=16, stages=1)
    torch.nn.init.normal_(network.implicit.layers[-1].weight, std=0.05)
    save_network(network, tmp_path / "guided")
    return tmp_path


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reduces_to_its_input_at_every_scale(folder, scale):
    low_res = 0.3 + 0.4 * torch.rand(2, 1, 9, 14)
    enhanced = GuidedEnhancer(folder, scale=scale).enhance(low_res, generators=[])
    assert enhanced.shape == (2, 1, 9 * scale, 14 * scale)
    assert (degrade(enhanced, scale) - low_res).square().mean() < 1e-6


def test_the_guide_changes_the_result_and_fractions_are_offered(folder):
    enhancer, low_res = GuidedEnhancer(folder), torch.rand(1, 1, 8, 8)
    assert enhancer.enlarge(low_res, 2.75).shape == (1, 1, 22, 22)
    guided = enhancer.enlarge(low_res, 2.75, torch.rand(1, 2, 16, 16))
    assert not torch.allclose(guided, enhancer.enlarge(low_res, 2.75), atol=1e-4)


@pytest.mark.parametrize("scale", [1, 5])
def test_other_scales_are_refused(folder, scale):
    with pytest.raises(ValueError, match=f"1.5 to 4.5, found {scale}"):
        GuidedEnhancer(folder, scale=scale)
    with pytest.raises(ValueError, match="scale"):
        GuidedEnhancer(folder).enlarge(torch.rand(1, 1, 8, 8), scale)
