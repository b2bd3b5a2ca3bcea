import copy

import pytest
import torch
from scripts.networks import MaskedBCEWithLogitsLoss, ViTMultilabel

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}


def tiny(**changes):
    return ViTMultilabel(**{"architecture": TINY, "num_labels": 3, "image_size": 32, **changes})


@pytest.mark.parametrize("pool", ["cls", "cls_mean"])
def test_logits_are_a_plain_float_tensor(pool):
    logits = tiny(pool=pool)(torch.rand(2, 1, 32, 32))
    assert type(logits) is torch.Tensor and logits.shape == (2, 3) and logits.dtype == torch.float32


def test_first_loss_is_the_entropy_of_the_prevalence():
    prevalence = torch.tensor([0.1, 0.3, 0.5])
    network = tiny(label_prevalence=prevalence.tolist())
    targets = (torch.arange(100)[:, None] < 100 * prevalence).float()
    loss = MaskedBCEWithLogitsLoss()(network(torch.rand(100, 1, 32, 32)), targets)
    entropy = -(prevalence * prevalence.log() + (1 - prevalence) * (1 - prevalence).log()).mean()
    assert loss.item() == pytest.approx(entropy.item(), abs=5e-3)


def test_wrong_shape_names_both():
    with pytest.raises(ValueError, match=r"expected \(B, 1, 32, 32\), found \(2, 1, 64, 64\)"):
        tiny()(torch.rand(2, 1, 64, 64))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("kind", ["vit", "dinov2", "dinov2_with_registers"])
@pytest.mark.parametrize(
    "additions", [{"pool": "cls_mean"}, {"pool": "label_tokens", "conv_branch": True}, {"patch_head": True}]
)
def test_traced_network_gives_the_same_logits(kind, additions):
    sizes = {"intermediate_size": 64} if kind == "vit" else {"mlp_ratio": 2}
    architecture = {**{key: value for key, value in TINY.items() if key != "intermediate_size"}, **sizes}
    network = tiny(architecture={"model_type": kind, **architecture}, **additions).eval()
    with torch.no_grad():
        traced = torch.jit.trace(network, torch.rand(1, 1, 32, 32))
        image = torch.rand(3, 1, 32, 32)
        assert torch.allclose(traced(image), network(image), atol=1e-5)


MAPS = [
    ({"pool": "label_tokens"}, ["label_tokens"]),
    ({"patch_head": True}, ["patch_logits"]),
    ({"pool": "label_tokens", "patch_head": True}, ["label_tokens", "patch_logits"]),
    ({}, []),
]


@pytest.mark.parametrize(("additions", "names"), MAPS, ids=lambda value: str(value))
def test_training_mode_gives_maps_only_if_they_are_trained(additions, names):
    network, image = tiny(**additions), torch.rand(2, 1, 32, 32)
    assert network.map_names == names and network(image).shape == (2, 3)
    network.trains_maps = True
    logits, maps = network(image)
    assert logits.shape == (2, 3) and list(maps) == names
    assert all(one.shape == (2, 3, 4, 4) and one.dtype == torch.float32 for one in maps.values())
    assert network.eval()(image).shape == (2, 3)


def test_maps_are_those_of_the_methods_whatever_else_the_network_has():
    network, image = tiny(pool="label_tokens", patch_head=True).eval(), torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        logits, maps = network.logits_and_maps(image)
        for name, method in (("label_tokens", network.label_maps), ("patch_logits", network.patch_logits)):
            assert torch.equal(method(image)[1], maps[name]) and torch.equal(method(image)[0], logits)
        assert torch.equal(network(image), logits)


def test_label_tokens_that_see_no_patch_have_a_constant_map():
    network = tiny(pool="label_tokens").eval()
    network.read_labels = lambda inputs: (torch.zeros(1, 3, 32), torch.zeros(1, 3, 17))
    maps = network.label_maps(torch.rand(1, 1, 32, 32))[1]
    assert torch.allclose(maps, torch.tensor(1 / 16))


def test_copy_as_for_the_weight_average_is_independent():
    network = tiny(pool="label_tokens", conv_branch=True, drop_path=0.1).eval()
    copied, image = copy.deepcopy(network), torch.rand(1, 1, 32, 32)
    before = network(image)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.add_(0.1)
    assert torch.equal(network(image), before) and not torch.allclose(copied(image), before)


def test_half_precision_is_close_and_gives_finite_gradients():
    network, image = tiny(pool="label_tokens", conv_branch=True, drop_path=0.2), torch.rand(2, 1, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        network(image).sum().backward()
        half = network.eval()(image)
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())
    assert torch.allclose(half.float(), network(image), atol=2e-2)


@pytest.mark.parametrize(
    "changes",
    [{"architecture": None}, {"backbone": "somewhere"}, {"pool": "max"}, {"drop_path": 1.0}, {"labels": ["one"]}],
)
def test_contradictory_settings_are_refused(changes):
    with pytest.raises(ValueError, match="expected"):
        tiny(**changes)
