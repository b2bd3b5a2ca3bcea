import pytest
import torch
from scripts.networks.loss import MaskedBCEWithLogitsLoss
from scripts.networks.patch_head import PatchHead
from scripts.networks.patch_loss import PatchLoss


def batch(labels=((1.0, 0.0),), box=True):
    """Logits that are zero, and a box of the first label over the left upper quarter of the first image."""
    logits = torch.zeros(len(labels), 2, requires_grad=True), torch.zeros(len(labels), 2, 4, 4, requires_grad=True)
    findings = torch.zeros(len(labels), 2, 8, 8, dtype=torch.bool)
    findings[0, 0, :4, :4] = box
    return logits, (torch.tensor(labels), findings)


def gradient(logits, targets, **weights):
    PatchLoss(MaskedBCEWithLogitsLoss(), **weights)(logits, targets).backward()
    return logits[1].grad


def test_without_weights_it_is_the_loss_of_the_image():
    logits, targets = batch()
    loss = PatchLoss(MaskedBCEWithLogitsLoss(), 0, 0)(logits, targets)
    assert torch.equal(loss, MaskedBCEWithLogitsLoss()(logits[0], targets[0]))


@pytest.mark.parametrize("weights", [{"patch_weight": 1, "mass_weight": 0}, {"patch_weight": 0, "mass_weight": 1}])
def test_the_map_is_drawn_into_the_box(weights):
    found = gradient(*batch(), **weights)
    assert (found[0, 0, :2, :2] < 0).all() and (found[0, 0, 2:, 2:] > 0).all()


def test_the_mass_is_the_share_inside_the_box():
    logits, targets = batch()
    loss = PatchLoss(MaskedBCEWithLogitsLoss(), 0, 1)(logits, targets) - MaskedBCEWithLogitsLoss()(
        logits[0], targets[0]
    )
    assert float(loss.detach()) == pytest.approx(-torch.tensor(4 / 16).log().item(), abs=1e-4)


def test_absent_labels_lower_all_their_patches():
    found = gradient(*batch(), patch_weight=1, mass_weight=1)
    assert (found[0, 1] > 0).all()


@pytest.mark.parametrize("label", [1.0, float("nan"), -1.0])
def test_a_label_without_a_box_that_is_not_absent_does_not_count(label):
    found = gradient(*batch(((label, 1.0),), box=False), patch_weight=1, mass_weight=1)
    assert (found == 0).all()


def test_a_batch_without_annotations_has_finite_gradients():
    logits, targets = batch(((1.0, 1.0),), box=False)
    loss = PatchLoss(MaskedBCEWithLogitsLoss())(logits, targets)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(logits[1].grad).all()


@pytest.mark.parametrize("name", ["patch_weight", "mass_weight"])
def test_a_negative_weight_is_refused(name):
    with pytest.raises(ValueError, match=f"{name}: expected a number from 0 up, found -1"):
        PatchLoss(MaskedBCEWithLogitsLoss(), **{name: -1})


def test_a_head_that_is_trained_with_boxes_and_labels_finds_the_patch():
    torch.manual_seed(0)
    head, loss = PatchHead(8, 2, (4, 4)), PatchLoss(MaskedBCEWithLogitsLoss())
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
        patch_logits = head(tokens)
        optimizer.zero_grad()
        loss((head.pool(patch_logits), patch_logits), targets).backward()
        optimizer.step()
    tokens, place, shown, _ = films(64, boxed=0)
    peaks = head.eval()(tokens).flatten(2)[torch.arange(64), shown].argmax(dim=1)
    assert (peaks == place).float().mean() > 0.9
