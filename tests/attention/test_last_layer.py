import pytest
import torch
from scripts.attention.last_layer import LastLayerCLSAttention, WithAttention, attention_maps, layer_maps
from scripts.networks import attention_kernel


def framework_attention(network, images, layer=-1):
    """The framework's own, through eager attention in every layer."""
    network.backbone.set_attn_implementation("eager")
    with torch.inference_mode():
        pixels = (images - network.mean) / network.std
        attention = network.backbone(pixels, output_attentions=True).attentions[layer]  # (B, heads, N, N)
    network.backbone.set_attn_implementation(attention_kernel._NAME)
    return attention.mean(dim=1)[:, 0, -36:].reshape(-1, 6, 6)


def test_equals_the_framework(network):
    images = torch.rand(3, 1, 48, 48)
    _, maps = attention_maps(network, images)
    assert (maps - framework_attention(network, images)).abs().max() < 1e-6


def test_every_layer_has_its_map(network):
    images = torch.rand(2, 1, 48, 48)
    maps = layer_maps(network, images)
    assert maps.shape == (2, 3, 6, 6)
    for layer in range(3):
        assert (maps[:, layer] - framework_attention(network, images, layer)).abs().max() < 1e-6
        assert torch.allclose(attention_maps(network, images, layer + 1)[1], maps[:, layer], atol=1e-7)


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


@pytest.mark.parametrize("prepare", ["compile", "export"])
def test_compiled_and_exported_networks_keep_their_attention(network, prepare):
    first, second = torch.rand(2, 2, 1, 48, 48)
    expected = [attention_maps(network, images) for images in (first, second)]
    model = WithAttention(network).eval()
    if prepare == "compile":
        run = torch.compile(model, backend="eager", fullgraph=True)
    else:
        run = torch.export.export(model, (first,)).module()
    with torch.inference_mode():
        for images, (logits, maps) in zip((first, second), expected, strict=True):
            found_logits, found_maps = run(images)
            assert torch.allclose(found_logits, logits, atol=1e-5) and torch.allclose(found_maps, maps, atol=1e-6)


def test_a_network_compiled_before_the_context_is_an_error_not_an_old_map(network):
    images = torch.rand(1, 1, 48, 48)
    network.compile(backend="eager")
    with torch.inference_mode():
        network(images)
        with LastLayerCLSAttention(network) as attention, pytest.raises(RuntimeError, match="compile WithAttention"):
            network(images)
            _ = attention.maps
