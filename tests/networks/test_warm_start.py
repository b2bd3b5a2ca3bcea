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


@pytest.mark.parametrize("pool", ["cls", "label_tokens"])
def test_a_patch_head_is_continued_with_its_labels_in_any_order(tmp_path, pool):
    before, image = trained(tmp_path / "model", pool=pool, patch_head=True), torch.rand(2, 1, 32, 32)
    after = continued(tmp_path / "model", LABELS[::-1], pool=pool, patch_head=True)
    for found, expected in zip(after.patch_logits(image), before.patch_logits(image), strict=True):
        assert torch.allclose(found, expected.flip(1), atol=1e-5)


def test_a_patch_head_starts_anew_where_the_folder_has_none_and_is_dropped_where_the_network_has_none(tmp_path, caplog):
    plain, image = trained(tmp_path / "plain"), torch.rand(2, 1, 32, 32)
    after = continued(tmp_path / "plain", patch_head=True)
    assert torch.allclose(after(image), plain(image), atol=0.1) and (after.patch_head.position == -4).all()
    both = trained(tmp_path / "both", patch_head=True)
    with caplog.at_level(logging.INFO, "scripts.networks.warm_start"):
        dropped = continued(tmp_path / "both")
    assert "--patch_head true keeps it" in caplog.text
    assert dropped.patch_head is None and torch.equal(dropped.head.weight, both.head.weight)


def test_a_patch_head_of_other_labels_starts_anew(tmp_path):
    trained(tmp_path / "model", patch_head=True)
    after = continued(tmp_path / "model", ["Edema", "Fibrosis"], patch_head=True)
    assert (after.patch_head.position == -4).all() and after.patch_head.position.shape[0] == 2


def test_a_patch_head_that_reads_other_blocks_starts_anew(tmp_path, caplog):
    before = trained(tmp_path / "model", patch_head=True)
    file = tmp_path / "model" / "model.safetensors"
    save_file({**load_file(file), "patch_head.hidden.weight": torch.zeros(256, 32)}, file)  # of the last block alone
    with caplog.at_level(logging.INFO, "scripts.networks.warm_start"):
        after = continued(tmp_path / "model", patch_head=True)
    assert "reads other blocks: a new one starts" in caplog.text
    assert (after.patch_head.position == -4).all() and torch.equal(after.head.weight, before.head.weight)


def test_positions_of_a_patch_head_are_resampled_to_another_image_size(tmp_path):
    before = trained(tmp_path / "model", patch_head=True)
    with torch.no_grad():
        before.patch_head.position[:, :2] = 1
        before.patch_head.position[:, 2:] = -1
    save_vit_multilabel(before, tmp_path / "model", labels=LABELS, provenance={})
    after = continued(tmp_path / "model", image_size=64, patch_head=True)
    assert after.patch_head.position.shape == (3, 8, 8)
    assert (after.patch_head.position[:, 0] == 1).all() and (after.patch_head.position[:, -1] == -1).all()
    assert after.patch_logits(torch.rand(1, 1, 64, 64))[1].shape == (1, 3, 8, 8)


def test_supervised_label_tokens_are_continued_at_another_image_size(tmp_path):
    before = trained(tmp_path / "model", pool="label_tokens")
    after = continued(tmp_path / "model", image_size=64, pool="label_tokens")
    assert torch.equal(after.label_tokens, before.label_tokens)
    assert after.label_maps(torch.rand(1, 1, 64, 64))[1].shape == (1, 3, 8, 8)


def test_weights_without_a_place_are_named(tmp_path):
    network = trained(tmp_path / "model", conv_branch=True)
    with pytest.raises(ValueError, match=r"model: weights do not fit .* found conv_branches\.9\.weight"):
        _load_some(network, {"conv_branches.9.weight": torch.zeros(1)}, set(), tmp_path / "model")


@pytest.mark.parametrize(
    "lost", ["head.weight", "conv_branches.1.conv.weight", "patch_head.position", "patch_head.hidden.bias"]
)
def test_a_place_without_weights_is_named(tmp_path, lost):
    trained(tmp_path / "model", conv_branch=True, patch_head=True)
    file = tmp_path / "model" / "model.safetensors"
    save_file({name: value for name, value in load_file(file).items() if name != lost}, file)
    with pytest.raises(ValueError, match=f"model: weights do not fit .* found {lost}"):
        continued(tmp_path / "model", conv_branch=True, patch_head=True)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("head.weight", (2, 32), "expected 3 rows of head.weight, found 2"),
        ("patch_head.position", (2, 4, 4), "expected 3 rows of patch_head.position, found 2"),
        ("patch_head.hidden.weight", (128, 64), "another size of patch_head.hidden.weight"),
    ],
)
def test_weights_of_another_size_are_named(tmp_path, name, shape, message):
    trained(tmp_path / "model", patch_head=True)
    file = tmp_path / "model" / "model.safetensors"
    save_file({**load_file(file), name: torch.zeros(shape)}, file)
    with pytest.raises(ValueError, match=f"model: weights do not fit .*{message}"):
        continued(tmp_path / "model", patch_head=True)


def test_shipped_model_says_nearly_the_same_at_a_higher_resolution():
    """Positions are resampled, so that a larger picture of the same thing gives similar logits."""
    torch.manual_seed(0)
    small = load_vit_multilabel(SHIPPED)
    names = ("num_labels", "labels", "pool", "label_blocks", "conv_branch")
    structure = {key: getattr(small, key) for key in names} | {"patch_head": True}
    large = ViTMultilabel(SHIPPED, image_size=504, **structure).eval()
    image = torch.nn.functional.interpolate(torch.rand(4, 1, 7, 7), size=(672, 672), mode="bicubic").clamp(0, 1)
    sizes = [torch.nn.functional.interpolate(image, size=(size, size), mode="area") for size in (336, 504)]
    with torch.inference_mode():
        before, after = small(sizes[0]), large(sizes[1])
    assert torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1] > 0.95
    assert (before - after).abs().mean() < 0.3
