import pytest
import torch
from scripts.networks import MaskedBCEWithLogitsLoss, ViTMultilabel
from scripts.networks.blocks import blocks_of
from scripts.networks.label_token_blocks import _read_block

from .conftest import SMALL, make

KINDS = ("vit", "dinov2", "dinov2_with_registers")
SIZES = {"vit": {"intermediate_size": 96}, "dinov2": {"mlp_ratio": 2}, "dinov2_with_registers": {"mlp_ratio": 2}}


def label_network(kind, **changes):
    torch.manual_seed(0)
    architecture = {"model_type": kind, **SMALL, **SIZES[kind]}
    settings = {"num_labels": 5, "image_size": 64, "pool": "label_tokens", **changes}
    return ViTMultilabel(architecture=architecture, **settings).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_equals_the_framework_with_a_mask_that_hides_the_labels_from_the_image(kind):
    block = blocks_of(make(kind))[0]
    if kind != "vit":
        torch.nn.init.uniform_(block.layer_scale1.lambda1)
        torch.nn.init.uniform_(block.layer_scale2.lambda1)
    image, labels = torch.randn(2, 17, 48), torch.randn(2, 5, 48)
    mask = torch.zeros(22, 22)
    mask[:17, 17:] = -torch.inf
    with torch.inference_mode():
        expected = block(torch.cat([image, labels], dim=1), mask[None, None])
        found, attention = _read_block(block, image, labels)
    assert torch.allclose(expected[:, :17], block(image), atol=1e-5)  # the mask does what it says
    assert torch.allclose(found, expected[:, 17:], atol=1e-5)
    assert attention.shape == (2, 4, 5, 22) and torch.allclose(attention.sum(-1), torch.tensor(1.0))


@pytest.mark.parametrize("kind", KINDS)
def test_image_tokens_are_exactly_those_of_the_plain_backbone(kind):
    network, image = label_network(kind), torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        encoded = network.encode(image)
        plain = network.backbone((image - network.mean) / network.std, output_hidden_states=True)
    assert torch.equal(encoded.final, plain.last_hidden_state)
    assert len(encoded.inputs) == 2 and torch.equal(encoded.inputs[0], plain.hidden_states[1])


def test_maps_sum_to_one_and_logits_are_those_of_the_network():
    network, image = label_network("dinov2_with_registers", label_blocks=3), torch.rand(2, 1, 64, 64)
    logits, maps = network.label_maps(image)
    assert maps.shape == (2, 5, 4, 4) and torch.allclose(maps.sum((2, 3)), torch.tensor(1.0))
    assert torch.equal(logits, network(image)) and logits.shape == (2, 5)


def test_a_label_looks_where_its_query_points():
    """Keys that are large in one patch only draw the attention of the label whose query is along them."""
    network, image = label_network("vit", label_blocks=1), torch.full((1, 1, 64, 64), 0.5)
    image[..., 16:32, 32:48] = 1.0  # row 1, column 2
    with torch.no_grad():
        last = blocks_of(network.backbone)[-1]
        (tokens,) = network.encode(image).inputs
        keys = last.attention.k_proj(last.layernorm_before(tokens))[0, 1:]
        last.attention.q_proj.weight.zero_()
        last.attention.q_proj.bias.copy_(1e3 * (keys[6] - keys.mean(0)))
        maps = network.label_maps(image)[1][0]
    assert (maps.flatten(1).argmax(1) == 6).all() and (maps[:, 1, 2] > 0.9).all()


def test_hooks_on_a_block_see_the_image_only():
    network, seen = label_network("dinov2"), []
    last = blocks_of(network.backbone)[-1]
    for module in (last, last.norm1, last.attention.q_proj, last.attention.o_proj, network.backbone.layernorm):
        module.register_forward_hook(lambda _, __, output: seen.append(output.shape))
    network(torch.rand(1, 1, 64, 64))
    assert seen == [(1, 17, 48)] * 5


def test_everything_but_the_unread_last_image_update_is_trained_from_the_entropy_of_the_prevalence():
    prevalence = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])
    network = label_network("vit", label_prevalence=prevalence.tolist())
    targets = (torch.arange(20)[:, None] < 20 * prevalence).float()
    loss = MaskedBCEWithLogitsLoss()(network(torch.rand(20, 1, 64, 64)), targets)
    entropy = -(prevalence * prevalence.log() + (1 - prevalence) * (1 - prevalence).log()).mean()
    assert loss.item() == pytest.approx(entropy.item(), abs=5e-3)
    loss.backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert network.label_tokens.grad.abs().sum() > 0


@pytest.mark.parametrize("count", [0, 4])
def test_more_blocks_than_there_are_is_refused(count):
    with pytest.raises(ValueError, match=f"expected 1 to 3, found {count}"):
        label_network("vit", label_blocks=count)


def test_maps_of_another_pool_are_refused():
    with pytest.raises(ValueError, match="expected pool label_tokens, found cls"):
        label_network("vit", pool="cls").label_maps(torch.rand(1, 1, 64, 64))
