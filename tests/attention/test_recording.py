import torch
from scripts.attention.recording import gradients, recording


def test_weights_and_their_gradients_are_those_of_eager_attention(network):
    """The framework gives neither under its fused attention."""
    images = torch.rand(2, 1, 48, 48)
    with gradients(images.device), recording(network) as record:
        logit = network(images)[:, 1].sum()
        found = torch.autograd.grad(logit, [layer.mixed for layer in record.layers])

    eager = []
    network.backbone.set_attn_implementation("eager")
    attentions = [module for module in network.backbone.modules() if hasattr(module, "q_proj")]
    for module in attentions:
        module.register_forward_hook(lambda _, __, output: eager.append(output[1]))
    gradient = torch.autograd.grad(network(images)[:, 1].sum(), eager)

    assert len(eager) == len(record.layers) == 3
    for layer, mixed, weights, expected in zip(record.layers, found, eager, gradient, strict=True):
        assert torch.allclose(layer.weights(), weights, atol=1e-6)
        assert torch.allclose(layer.weight_gradient(mixed), expected, atol=1e-6 * expected.abs().max().item() + 1e-9)


def test_hooks_are_gone_afterwards(network):
    with recording(network):
        network(torch.rand(1, 1, 48, 48))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
