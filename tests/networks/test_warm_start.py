import logging

import pytest
import torch
from safetensors.torch import load_file, save_file
from scripts.networks import ViTMultilabel, load_vit_multilabel, save_vit_multilabel
from scripts.networks.warm_start import _load_some
from scripts.workflow import BUNDLE_ROOT

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}
LABELS = ["Edema", "Mass", "Nodule"]
SHIPPED = BUNDLE_ROOT / "models" / "vit-small-nih14"


def trained(folder, **changes):
    torch.manual_seed(0)
    network = ViTMultilabel(architecture=TINY, num_labels=3, image_size=32, **changes).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    save_vit_multilabel(network, folder, labels=LABELS, provenance={})
    return network


def continued(folder, labels=LABELS, **changes):
    settings = {"image_size": 32, "label_prevalence": [0.1] * len(labels), **changes}
    return ViTMultilabel(folder, num_labels=len(labels), labels=labels, **settings).eval()


@pytest.mark.parametrize("pool", ["cls", "cls_mean", "label_tokens"])
@pytest.mark.parametrize("conv_branch", [False, True])
def test_same_labels_continue_with_the_same_logits(tmp_path, pool, conv_branch):
    before = trained(tmp_path / "model", pool=pool, conv_branch=conv_branch)
    after = continued(tmp_path / "model", pool=pool, conv_branch=conv_branch)
    image = torch.rand(2, 1, 32, 32)
    assert torch.equal(after(image), before(image)) and after.labels == LABELS


@pytest.mark.parametrize("pool", ["cls", "label_tokens"])
def test_labels_in_another_order_take_their_outputs_with_them(tmp_path, pool):
    before, image = trained(tmp_path / "model", pool=pool), torch.rand(2, 1, 32, 32)
    after = continued(tmp_path / "model", LABELS[::-1], pool=pool)
    assert torch.allclose(after(image), before(image).flip(1), atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "changes", "why"),
    [
        (["Edema", "Mass", "Fibrosis"], {}, "other labels"),
        (["Edema", "Mass"], {}, "other labels"),
        (LABELS, {"pool": "cls_mean"}, "pool cls_mean instead of cls"),
        (LABELS, {"pool": "label_tokens"}, "pool label_tokens instead of cls"),
    ],
)
def test_another_head_starts_anew_at_the_prevalence_and_says_so(tmp_path, caplog, labels, changes, why):
    before = trained(tmp_path / "model")
    with caplog.at_level(logging.INFO, "scripts.networks.warm_start"):
        after = continued(tmp_path / "model", labels, **changes)
    image = torch.rand(2, 1, 32, 32)
    assert why in caplog.text and torch.allclose(after.head.bias.sigmoid(), torch.tensor(0.1))
    assert torch.equal(after.encode(image)[0], before.encode(image)[0])  # the backbone is continued


def test_label_tokens_for_other_blocks_start_anew(tmp_path):
    trained(tmp_path / "model", pool="label_tokens", label_blocks=2)
    after = continued(tmp_path / "model", pool="label_tokens", label_blocks=1)
    assert torch.allclose(after.head.bias.sigmoid(), torch.tensor(0.1)) and after.label_tokens.std() < 0.05


def test_a_plain_model_can_get_convolution_branches_but_not_lose_them(tmp_path):
    plain, image = trained(tmp_path / "plain"), torch.rand(2, 1, 32, 32)
    assert torch.equal(continued(tmp_path / "plain", conv_branch=True)(image), plain(image))
    trained(tmp_path / "local", conv_branch=True)
    with pytest.raises(ValueError, match="set --conv_branch True"):
        continued(tmp_path / "local")


def test_weights_without_a_place_are_named(tmp_path):
    network = trained(tmp_path / "model", conv_branch=True)
    with pytest.raises(ValueError, match=r"model: weights do not fit .* found conv_branches\.9\.weight"):
        _load_some(network, {"conv_branches.9.weight": torch.zeros(1)}, set(), tmp_path / "model")


@pytest.mark.parametrize("lost", ["head.weight", "conv_branches.1.conv.weight"])
def test_a_place_without_weights_is_named(tmp_path, lost):
    trained(tmp_path / "model", conv_branch=True)
    file = tmp_path / "model" / "model.safetensors"
    save_file({name: value for name, value in load_file(file).items() if name != lost}, file)
    with pytest.raises(ValueError, match=f"model: weights do not fit .* found {lost}"):
        continued(tmp_path / "model", conv_branch=True)


def test_shipped_model_says_nearly_the_same_at_a_higher_resolution():
    """Positions are resampled, so that a larger picture of the same thing gives similar logits."""
    torch.manual_seed(0)
    small = load_vit_multilabel(SHIPPED)
    structure = {key: getattr(small, key) for key in ("num_labels", "labels", "pool", "label_blocks", "conv_branch")}
    large = ViTMultilabel(SHIPPED, image_size=504, **structure).eval()
    image = torch.nn.functional.interpolate(torch.rand(4, 1, 7, 7), size=(672, 672), mode="bicubic").clamp(0, 1)
    sizes = [torch.nn.functional.interpolate(image, size=(size, size), mode="area") for size in (336, 504)]
    with torch.inference_mode():
        before, after = small(sizes[0]), large(sizes[1])
    assert torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1] > 0.95
    assert (before - after).abs().mean() < 0.3
