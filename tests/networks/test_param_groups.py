import pytest
import torch
from scripts.networks import ViTMultilabel, layer_wise_param_groups
from scripts.networks.param_groups import freeze_blocks

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "patch_size": 8}


@pytest.fixture(params=["vit", "dinov2"])
def network(request):
    sizes = {"intermediate_size": 64} if request.param == "vit" else {"mlp_ratio": 2}
    architecture = {"model_type": request.param, **SIZES, **sizes}
    additions = {"pool": "label_tokens", "conv_branch": True, "patch_head": True, "drop_path": 0.1}
    return ViTMultilabel(architecture=architecture, num_labels=2, image_size=32, **additions)


def test_every_parameter_is_in_one_group(network):
    groups = layer_wise_param_groups(network, 1e-3)
    found = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(found) == sorted(id(parameter) for parameter in network.parameters())


def test_rates_fall_towards_the_input(network):
    rate = {
        id(parameter): group["lr"]
        for group in layer_wise_param_groups(network, 1.0, layer_decay=0.5)
        for parameter in group["params"]
    }
    layers = network.backbone.layers if hasattr(network.backbone, "layers") else network.backbone.encoder.layer
    assert rate[id(network.head.weight)] == 1.0
    assert [rate[id(next(layer.parameters()))] for layer in layers] == [0.125, 0.25, 0.5]
    assert [rate[id(branch.conv.weight)] for branch in network.conv_branches] == [0.125, 0.25, 0.5]
    assert rate[id(network.label_tokens)] == 1.0
    assert {rate[id(parameter)] for parameter in network.patch_head.parameters()} == {10.0}
    assert rate[id(network.backbone.embeddings.cls_token)] == 0.0625


def test_vectors_and_embeddings_are_not_decayed(network):
    for group in layer_wise_param_groups(network, 1e-3, weight_decay=0.1):
        for parameter in group["params"]:
            embedding = any(parameter is p for n, p in network.named_parameters() if "position" in n or "_token" in n)
            assert group["weight_decay"] == (0.0 if parameter.ndim == 1 or embedding else 0.1)


def test_frozen_blocks_keep_their_weights(network):
    freeze_blocks(network, 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW(layer_wise_param_groups(network, 0.1))
    network(torch.rand(2, 1, 32, 32)).sum().backward()
    optimizer.step()
    changed = [name for name, value in network.state_dict().items() if not torch.equal(value, before[name])]
    assert changed and not [name for name in changed if "embeddings" in name or ".0." in name or ".1." in name]
    assert [name for name in changed if ".2." in name] and [name for name in changed if name.startswith("head")]


def test_more_frozen_blocks_than_there_are_are_rejected(network):
    with pytest.raises(ValueError, match=r"frozen_blocks: expected at most the 3 blocks of the network, found 4"):
        freeze_blocks(network, 4)
