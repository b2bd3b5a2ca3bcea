import pytest
import torch
from scripts.attention.grad_cam import GradCAM
from scripts.networks.blocks import blocks_of

from .conftest import make_network


@pytest.mark.parametrize("pool", ["cls", "cls_mean", "label_tokens"])
def test_map_is_that_of_the_definition(pool):
    """Tokens weighted by their mean gradient, negative parts cut off (arXiv:1610.02391, equations 1 and 2).

    Whether such a map lies on the finding depends on the network: of five networks that learnt to see a spot, it found
    all spots with two, none with two, and those of one label with one.
    """
    network, image = make_network("vit", pool=pool), torch.rand(2, 1, 48, 48)
    torch.nn.init.normal_(network.head.weight)
    tokens = []

    def keep(module, arguments):
        arguments[0].retain_grad()
        tokens.append(arguments[0])

    hook = list(blocks_of(network.backbone))[-1].register_forward_pre_hook(keep)
    expected = []
    for label in range(2):
        tokens.clear()
        network(image.clone().requires_grad_())[:, label].sum().backward()
        patches, gradient = tokens[0].detach()[:, -36:], tokens[0].grad[:, -36:]
        expected.append((patches * gradient.mean(dim=1, keepdim=True)).sum(dim=2).relu().reshape(2, 6, 6))
    hook.remove()
    output = GradCAM(network)(image)
    torch.testing.assert_close(output.maps, torch.stack(expected, dim=1), rtol=1e-4, atol=1e-6)
    assert torch.equal(output.logits, network(image).detach()) and output.maps.max() > 0
