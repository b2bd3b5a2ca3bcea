import pytest
import torch
from scripts.networks import ViTMultilabel
from scripts.networks.conv_branch import ConvBranch

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}


def test_only_neighbouring_patches_are_touched():
    branch = ConvBranch(4, (3, 5))
    torch.nn.init.ones_(branch.conv.weight)
    tokens = torch.zeros(1, 2 + 15, 4)
    tokens[0, 2 + 6] = 1.0  # row 1, column 1
    change = (branch(tokens) - tokens)[0]
    touched = change[2:].reshape(3, 5, 4)
    assert (change[:2] == 0).all() and (touched[:, :3] == 1).all() and (touched[:, 3:] == 0).all()


@pytest.mark.parametrize("pool", ["cls", "cls_mean", "label_tokens"])
def test_untrained_network_is_the_plain_one_and_every_branch_learns(pool):
    torch.manual_seed(0)
    plain = ViTMultilabel(architecture=TINY, num_labels=3, image_size=32, pool=pool).eval()
    network = ViTMultilabel(architecture=TINY, num_labels=3, image_size=32, pool=pool, conv_branch=True).eval()
    missing, unexpected = network.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected and all(name.startswith("conv_branches.") for name in missing)
    image = torch.rand(2, 1, 32, 32)
    assert torch.equal(network(image), plain(image))
    network(image).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.conv_branches.parameters())
