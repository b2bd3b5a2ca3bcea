import pytest
import torch
from scripts.networks import ViTMultilabel
from scripts.networks.loss import MaskedBCEWithLogitsLoss
from scripts.networks.map_loss import MapLoss
from scripts.networks.patch_head import PatchHead

BOTH = {"patch_weight": 1.0, "mass_weight": 1.0}
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}


def batch(labels=((1.0, 0.0),), box=True, kind="patch_logits"):
    """Logits that are zero, uniform maps, and a box of the first label over the left upper quarter of the first image.

    Returns:
        Outputs of a network, and targets.
    """
    value = 0.0 if kind == "patch_logits" else 1 / 16
    maps = torch.full((len(labels), 2, 4, 4), value, requires_grad=True)
    findings = torch.zeros(len(labels), 2, 8, 8, dtype=torch.bool)
    findings[0, 0, :4, :4] = box
    return (torch.zeros(len(labels), 2, requires_grad=True), {kind: maps}), (torch.tensor(labels), findings)


def gradient(outputs, targets, **weights):
    MapLoss(MaskedBCEWithLogitsLoss(), **weights)(outputs, targets).backward()
    (maps,) = outputs[1].values()
    return torch.zeros_like(maps) if maps.grad is None else maps.grad


def extra(outputs, targets, **weights):
    """What a loss adds to that of the image."""
    image_loss = MaskedBCEWithLogitsLoss()
    return float((MapLoss(image_loss, **weights)(outputs, targets) - image_loss(outputs[0], targets[0])).detach())


def test_without_weights_it_is_the_loss_of_the_image():
    assert extra(*batch()) == 0


@pytest.mark.parametrize("weights", [{"patch_weight": 1}, {"mass_weight": 1}], ids=str)
def test_the_map_is_drawn_into_the_box(weights):
    found = gradient(*batch(), **weights)
    assert (found[0, 0, :2, :2] < 0).all() and (found[0, 0, 2:, 2:] > 0).all()


@pytest.mark.parametrize("kind", ["patch_logits", "label_tokens"])
def test_the_mass_is_the_share_inside_the_box(kind):
    assert extra(*batch(kind=kind), mass_weight=1) == pytest.approx(-torch.tensor(4 / 16).log().item(), abs=1e-4)


def test_the_attention_of_a_label_token_is_drawn_into_its_box_and_has_no_patch_loss():
    found = gradient(*batch(kind="label_tokens"), **BOTH)
    assert (found[0, 0, :2, :2] < 0).all() and found[0, 0, :2, :2].min() < 1e3 * found[0, 0, 2:, 2:].min()
    assert (found[0, 1] == 0).all()
    assert extra(*batch(kind="label_tokens"), patch_weight=1) == 0


def test_the_losses_of_both_kinds_of_maps_add_up():
    (logits, patches), targets = batch()
    (_, attention), _ = batch(kind="label_tokens")
    parts = [extra((logits, maps), targets, mass_weight=2.0) for maps in (patches, attention, patches | attention)]
    assert parts[0] + parts[1] == pytest.approx(parts[2], rel=1e-5)


def test_absent_labels_lower_all_their_patches():
    found = gradient(*batch(), **BOTH)
    assert (found[0, 1] > 0).all()


@pytest.mark.parametrize("kind", ["patch_logits", "label_tokens"])
@pytest.mark.parametrize("label", [1.0, float("nan"), -1.0])
def test_a_label_without_a_box_that_is_not_absent_does_not_count(label, kind):
    found = gradient(*batch(((label, 1.0),), box=False, kind=kind), **BOTH)
    assert (found == 0).all()


@pytest.mark.parametrize("label", [float("nan"), -1.0])
def test_a_box_of_a_blank_or_uncertain_label_counts(label):
    found = gradient(*batch(((label, 1.0),)), **BOTH)
    assert (found[0, 0, :2, :2] < 0).all()


def test_a_box_of_a_label_that_counts_as_absent_means_nothing():
    assert torch.equal(gradient(*batch(((0.0, 1.0),)), mass_weight=1), torch.zeros(1, 2, 4, 4))
    assert (gradient(*batch(((0.0, 1.0),)), patch_weight=1)[0, 0] > 0).all()


@pytest.mark.parametrize("kind", ["patch_logits", "label_tokens"])
def test_a_batch_without_annotations_has_finite_gradients(kind):
    outputs, targets = batch(((1.0, 1.0),), box=False, kind=kind)
    loss = MapLoss(MaskedBCEWithLogitsLoss(), **BOTH)(outputs, targets)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(outputs[1][kind].grad).all()


@pytest.mark.parametrize("settings", [{"pool": "label_tokens"}, {"patch_head": True}], ids=str)
@pytest.mark.parametrize("image", ["black", "huge"])
def test_constant_images_and_saturated_attention_give_finite_gradients(settings, image):
    torch.manual_seed(0)
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, **settings).train()
    network.trains_maps = True
    if image == "huge":  # attention of one token only: the others underflow to 0
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if "q_proj" in name or "k_proj" in name:
                    parameter.mul_(1e4)
    outputs = network(torch.zeros(1, 1, 32, 32))
    loss = MapLoss(MaskedBCEWithLogitsLoss(), **BOTH)(outputs, batch()[1])
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(one.grad).all() for one in network.parameters() if one.grad is not None)


@pytest.mark.parametrize("name", ["patch_weight", "mass_weight"])
@pytest.mark.parametrize("weight", [-1, float("nan")])
def test_a_weight_that_is_no_weight_is_refused(name, weight):
    with pytest.raises(ValueError, match=f"{name}: expected a number from 0 up, found {weight}"):
        MapLoss(MaskedBCEWithLogitsLoss(), **{name: weight})


def test_a_head_that_is_trained_with_boxes_and_labels_finds_the_patch():
    torch.manual_seed(0)
    head, loss = PatchHead(8, 2, (4, 4)), MapLoss(MaskedBCEWithLogitsLoss(), **BOTH)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)

    def films(count, boxed):
        """Tokens in which feature 0 or 1 marks the one patch that shows label 0 or 1."""
        tokens, place = torch.randn(count, 16, 8), torch.randint(16, (count,))
        shown = torch.arange(count) % 2
        tokens[torch.arange(count), place, shown] += 6
        masks = torch.zeros(count, 2, 16, dtype=torch.bool)
        masks[torch.arange(count), shown, place] = True
        findings = (masks & (torch.arange(count) < boxed)[:, None, None]).unflatten(2, (4, 4))
        return tokens, place, shown, (torch.nn.functional.one_hot(shown, 2).float(), findings)

    for _ in range(150):
        tokens, _, _, targets = films(16, boxed=8)
        patch_logits = head([tokens])
        optimizer.zero_grad()
        loss((head.pool(patch_logits), {"patch_logits": patch_logits}), targets).backward()
        optimizer.step()
    tokens, place, shown, _ = films(64, boxed=0)
    peaks = head.eval()([tokens]).flatten(2)[torch.arange(64), shown].argmax(dim=1)
    assert (peaks == place).float().mean() > 0.9


def test_label_tokens_that_are_trained_with_boxes_look_into_them():
    torch.manual_seed(0)
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, pool="label_tokens").train()
    loss = MapLoss(MaskedBCEWithLogitsLoss(), mass_weight=1.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    network.trains_maps = True

    def films(count):
        """Noise with one bright patch, which shows both labels."""
        images, place = 0.4 + 0.05 * torch.randn(count, 1, 32, 32), torch.randint(16, (count,))
        findings = torch.zeros(count, 2, 16, dtype=torch.bool)
        findings[torch.arange(count), :, place] = True
        masks = findings.unflatten(2, (4, 4)).repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
        return (images + 0.5 * masks[:, :1]).clamp(0, 1), place, (torch.ones(count, 2), masks)

    for _ in range(120):
        images, _, targets = films(16)
        optimizer.zero_grad()
        loss(network(images), targets).backward()
        optimizer.step()
    images, place, _ = films(64)
    with torch.no_grad():
        maps = network.eval().label_maps(images)[1]
    assert (maps.flatten(2).argmax(dim=2) == place[:, None]).float().mean() > 0.9
