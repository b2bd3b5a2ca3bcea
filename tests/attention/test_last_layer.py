import pytest
import torch
from scripts.attention.last_layer import LastLayerCLSAttention, attention_maps, last_projections
from scripts.networks import ViTMultilabel

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "patch_size": 8}
FAMILIES = {
    "vit": {"intermediate_size": 64},
    "dinov2": {"mlp_ratio": 2},
    "dinov2_with_registers": {"mlp_ratio": 2, "num_register_tokens": 4},
}


@pytest.fixture(params=FAMILIES)
def network(request):
    torch.manual_seed(0)
    architecture = {"model_type": request.param, **SIZES, **FAMILIES[request.param]}
    return ViTMultilabel(architecture=architecture, num_labels=2, image_size=48).eval()


def framework_attention(network, images):
    """The framework's own, through eager attention in every layer."""
    network.backbone.set_attn_implementation("eager")
    with torch.inference_mode():
        pixels = (images - network.mean) / network.std
        attention = network.backbone(pixels, output_attentions=True).attentions[-1]  # (B, heads, N, N)
    network.backbone.set_attn_implementation("sdpa")
    return attention.mean(dim=1)[:, 0, -36:].reshape(-1, 6, 6)


def test_equals_the_framework(network):
    images = torch.rand(3, 1, 48, 48)
    _, maps = attention_maps(network, images)
    assert (maps - framework_attention(network, images)).abs().max() < 1e-6


def test_logits_are_those_of_the_plain_forward_pass(network):
    images = torch.rand(2, 1, 48, 48)
    with torch.inference_mode():
        assert torch.equal(attention_maps(network, images)[0], network(images))


def test_hooks_are_gone_afterwards(network):
    with pytest.raises(RuntimeError, match="boom"), LastLayerCLSAttention(network):
        raise RuntimeError("boom")
    assert not any(module._forward_hooks for module in network.modules())


def test_maps_need_a_forward_pass(network):
    with LastLayerCLSAttention(network) as attention, pytest.raises(RuntimeError, match="no forward pass"):
        _ = attention.maps


def test_a_network_without_attention_is_refused():
    with pytest.raises(ValueError, match="found none"):
        last_projections(torch.nn.Linear(2, 2))
