import pytest
import torch
from scripts.attention import grad_attention
from scripts.attention.grad_attention import GradAttention
from scripts.attention.rollout import Rollout
from scripts.networks import attention_kernel

from .conftest import hit_rate, make_network


def published(network, images, label):
    """The authors' rules 5 and 6 as they write them, through eager attention."""
    weights = []
    network.backbone.set_attn_implementation("eager")
    attentions = [module for module in network.backbone.modules() if hasattr(module, "q_proj")]
    hooks = [module.register_forward_hook(lambda _, __, output: weights.append(output[1])) for module in attentions]
    gradients = torch.autograd.grad(network(images)[:, label].sum(), weights)
    relevance = torch.eye(weights[0].shape[-1]).expand(len(images), -1, -1)
    for weight, gradient in zip(weights, gradients, strict=True):
        relevance = relevance + (gradient * weight).clamp(min=0).mean(dim=1) @ relevance
    for hook in hooks:
        hook.remove()
    network.backbone.set_attn_implementation(attention_kernel._NAME)
    return relevance[:, 0, -36:].reshape(-1, 6, 6).detach()


def test_equals_the_published_rules(network):
    images = torch.rand(3, 1, 48, 48)
    output = GradAttention(network)(images)
    assert output.maps.shape == (3, 2, 6, 6) and torch.equal(output.logits, network(images).detach())
    for label in range(2):
        expected = published(network, images, label)
        assert torch.allclose(output.maps[:, label], expected, atol=1e-5 * expected.max().item())


def test_finds_what_each_label_was_learnt_from(spotter, spots):
    images, patches = spots
    found = hit_rate(GradAttention(spotter)(images).maps, patches)
    everywhere = Rollout(spotter)(images).maps[:, None].expand(-1, 2, -1, -1)
    assert found >= 0.8 > hit_rate(everywhere, patches)


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_works_where_there_are_no_gradients(mode):
    network = make_network(pool="cls_mean").requires_grad_(False)
    images = torch.rand(2, 1, 48, 48)
    expected = GradAttention(network)(images).maps
    with mode(), torch.autocast("cpu", torch.bfloat16):
        found = GradAttention(network)(torch.empty_like(images).copy_(images)).maps
    assert torch.equal(found, expected) and expected.max() > 0


def test_parts_of_a_batch_are_the_batch(network, monkeypatch):
    images = torch.rand(3, 1, 48, 48)
    expected = GradAttention(network)(images).maps
    monkeypatch.setattr(grad_attention, "_IMAGE_BYTES", 1)
    assert torch.allclose(GradAttention(network)(images).maps, expected, atol=1e-6 * expected.max().item())


def test_label_tokens_are_sent_to_their_own_maps():
    with pytest.raises(ValueError, match="set attention_method to label_tokens"):
        GradAttention(make_network(pool="label_tokens"))
