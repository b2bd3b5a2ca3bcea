import pytest
import torch
from scripts.networks import (
    ViTMultilabel,
    ZoomSettings,
    ZoomViT,
    layer_wise_param_groups,
    load_vit_multilabel,
    save_vit_multilabel,
)
from scripts.networks.head_inputs import head_inputs

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}
ZOOM = ZoomSettings(count=2, window=8, crop_size=16, source="native")
BOXES = torch.tensor([[[0.1, 0.2, 0.35, 0.45], [0.5, 0.5, 0.75, 0.75]]])


def make(zoom=ZOOM, **changes):
    torch.manual_seed(0)
    base = ViTMultilabel(**{"architecture": TINY, "num_labels": 3, "image_size": 32, **changes}).eval()
    return base, ZoomViT(base, zoom).eval()


def trained(network):
    """As after some training: what starts at zero is not zero any more."""
    for parameter in (network.reader.weight, *network.crop_tokens.parameters()):
        torch.nn.init.normal_(parameter, std=0.5)
    return network


@pytest.mark.parametrize(
    "changes", [{"pool": "cls"}, {"pool": "cls_mean"}, {"pool": "label_tokens"}, {"conv_branch": True}], ids=str
)
def test_before_training_the_logits_are_those_of_the_base_model(changes):
    base, network = make(**changes)
    image, crops = torch.rand(2, 1, 32, 32), torch.rand(2, 2, 16, 16)
    assert torch.equal(network(image, crops, BOXES.expand(2, -1, -1)), base(image))


def test_crops_and_where_they_are_change_the_logits_of_their_own_image_only():
    network = trained(make()[1])
    image, crops, boxes = torch.rand(2, 1, 32, 32), torch.rand(2, 2, 16, 16), BOXES.repeat(2, 1, 1)
    before = network(image, crops, boxes)
    crops[0, 1] += 0.5
    after = network(image, crops, boxes)
    assert (before[0] - after[0]).abs().max() > 1e-4 and torch.allclose(before[1], after[1], atol=1e-6)
    boxes[1, 0] = torch.tensor([0.6, 0.6, 0.9, 0.9])
    assert (network(image, crops, boxes)[1] - after[1]).abs().max() > 1e-4


def test_a_crop_that_does_not_exist_is_not_read():
    network = trained(make()[1])
    image, crops, boxes = torch.rand(1, 1, 32, 32), torch.rand(1, 2, 16, 16), BOXES.clone()
    boxes[:, 1] = 0
    first = network(image, crops, boxes)
    crops[:, 1] = torch.rand(16, 16)
    assert torch.equal(network(image, crops, boxes), first)
    without = network(image, torch.zeros(1, 2, 16, 16), torch.zeros(1, 2, 4))
    assert torch.equal(without, ViTMultilabel.forward(network, image)) and torch.isfinite(without).all()


def test_every_weight_but_the_guides_learns():
    network = trained(make()[1]).train()
    network(torch.rand(1, 1, 32, 32), torch.rand(1, 2, 16, 16), BOXES).square().sum().backward()
    for name, parameter in network.named_parameters():
        moved = parameter.grad is not None and bool(parameter.grad.abs().max() > 0)
        # A bias of all keys moves no softmax.
        assert moved == (not name.startswith("guide.")) or name.endswith(("k_proj.bias", "key.bias")), name
    assert not network.guide.training


def test_frozen_blocks_and_embeddings_need_no_gradient():
    base, _ = make()
    network = ZoomViT(base, ZOOM, frozen_blocks=1)
    for name, parameter in network.named_parameters():
        frozen = name.startswith(("guide.", "backbone.embeddings.", "crop_tokens.", "backbone.layers.0."))
        assert parameter.requires_grad != frozen, name


def test_first_step_moves_the_reader_and_leaves_the_guide_with_the_optimizer():
    _, network = make()
    groups = layer_wise_param_groups(network, 1e-2)
    listed = {id(parameter) for group in groups for parameter in group["params"]}
    assert listed == {id(p) for name, p in network.named_parameters() if not name.startswith("guide.")}
    optimizer = torch.optim.AdamW(groups)
    network(torch.rand(1, 1, 32, 32), torch.rand(1, 2, 16, 16), BOXES).sum().backward()
    optimizer.step()
    assert network.reader.weight.abs().max() > 0


def test_model_folder_keeps_settings_guide_and_logits(tmp_path):
    base, network = make()
    trained(network)
    with torch.no_grad():
        network.head.bias += 1
    save_vit_multilabel(network, tmp_path / "model", labels=["A", "B", "C"], provenance={})
    again = load_vit_multilabel(tmp_path / "model")
    image, crops = torch.rand(1, 1, 32, 32), torch.rand(1, 2, 16, 16)
    assert isinstance(again, ZoomViT) and again.zoom == ZOOM and again.labels == ["A", "B", "C"]
    assert torch.equal(again(image, crops, BOXES), network(image, crops, BOXES))
    assert torch.equal(again.guide(image), base(image))


def test_features_for_novelty_are_those_of_the_whole_image():
    _, network = make(pool="cls_mean")
    image = torch.rand(1, 1, 32, 32)
    with head_inputs(network) as features:
        network(image, torch.rand(1, 2, 16, 16), BOXES)
    assert torch.equal(features[0], network.features(image))


def test_half_precision_on_the_cpu_gives_nearly_the_same():
    network = trained(make()[1])
    inputs = torch.rand(1, 1, 32, 32), torch.rand(1, 2, 16, 16), BOXES
    with torch.autocast("cpu", torch.bfloat16):
        half = network(*inputs)
    assert torch.allclose(half.float(), network(*inputs), atol=0.05)


def test_without_crops_or_with_others_the_answer_is_an_error():
    _, network = make()
    image = torch.rand(2, 1, 32, 32)
    with pytest.raises(ValueError, match="expected them with their boxes, found none"):
        network(image)
    with pytest.raises(ValueError, match=r"expected crops \(2, 2, 16, 16\).*found \(2, 3, 16, 16\)"):
        network(image, torch.rand(2, 3, 16, 16), torch.rand(2, 3, 4))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop_size": 20}, "--zoom_size 16"),
        ({"source": "best"}, "found 'best'"),
        ({"count": 0}, "count: no region"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make(ZoomSettings(**settings))


def test_a_zoom_network_is_no_base():
    with pytest.raises(ValueError, match="take its guide"):
        ZoomViT(make()[1], ZOOM)


def test_a_setting_that_does_not_exist_names_the_nearest():
    with pytest.raises(ValueError, match=r"zoom: key: .*found 'windw'; did you mean 'window'"):
        make({"count": 2, "windw": 8})
