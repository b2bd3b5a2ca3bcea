import pytest
import torch
from scripts.networks import ViTMultilabel
from scripts.networks.zoom_tokens import CropTokens, _positions_in

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8}


@pytest.mark.parametrize("kind", ["vit", "dinov2", "dinov2_with_registers"])
def test_the_whole_image_as_a_crop_has_the_tokens_of_the_image(kind):
    sizes = {"intermediate_size": 64} if kind == "vit" else {"mlp_ratio": 2}
    network = ViTMultilabel(
        architecture={"model_type": kind, **SIZES, **sizes}, num_labels=2, image_size=32, conv_branch=True
    ).eval()
    for branch in network.conv_branches:
        torch.nn.init.normal_(branch.conv.weight, std=0.1)
    image = torch.rand(2, 1, 32, 32)
    pixels = (image - network.mean) / network.std
    tokens = CropTokens(network.backbone, 32)(network, pixels, torch.tensor([[0.0, 0.0, 1.0, 1.0]]).expand(2, 4))
    assert torch.allclose(tokens, network.encode(image)[0], atol=1e-5)


def test_positions_are_those_of_the_place_in_the_image():
    rows, columns = torch.meshgrid(*(2 * ((torch.arange(8) + 0.5) / 8,)), indexing="ij")
    table = torch.cat([torch.zeros(1, 1, 2), torch.stack([rows, columns], -1).reshape(1, 64, 2)], dim=1)
    found = _positions_in(table, torch.tensor([[0.25, 0.5, 0.5, 0.75]]), 4).reshape(4, 4, 2)
    centres = (torch.arange(4) + 0.5) / 16
    assert torch.allclose(found[:, 0, 0], 0.25 + centres, atol=1e-6)  # row of the image
    assert torch.allclose(found[0, :, 1], 0.5 + centres, atol=1e-6)  # column
