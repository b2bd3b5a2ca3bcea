import math

import pytest
import torch
from scripts.networks import MaskedBCEWithLogitsLoss, make_loss
from scripts.networks.loss import AsymmetricLoss

NAN = float("nan")
NAMES = ["bce", "asl", "focal", "pos_weight", "logit_adjust"]
PREVALENCE = [0.02, 0.3, 0.8]


def columns_of(prevalence):
    """(100, C) targets of these shares."""
    return (torch.arange(100)[:, None] < torch.tensor([round(100 * share) for share in prevalence])).float()


def formula(name, z, y, prevalence):
    """Loss of one entry as the papers write it."""
    p = 1 / (1 + math.exp(-z))
    if name == "asl":
        shifted = max(p - 0.05, 0)
        return -y * math.log(p) - (1 - y) * shifted**4 * math.log(1 - shifted)
    if name == "focal":
        return -y * (1 - p) ** 2 * math.log(p) - (1 - y) * p**2 * math.log(1 - p)
    if name == "logit_adjust":
        return formula("bce", z + math.log(prevalence / (1 - prevalence)), y, None)
    weight = 1.0
    if name == "pos_weight":
        weight = min((1 - prevalence) / prevalence, 10)
        p = 1 / (1 + math.exp(-z) / weight)  # at logit + log(weight)
    return -weight * y * math.log(p) - (1 - y) * math.log(1 - p)


@pytest.mark.parametrize("name", NAMES)
def test_mean_of_the_plain_formula_over_annotated_entries(name):
    logits = torch.tensor([[0.5, -1.0, 2.0], [-4.0, 3.0, 0.0]])
    targets = torch.tensor([[1.0, NAN, 0.0], [0.0, 0.7, -1.0]])
    counted = [(0, 0), (0, 2), (1, 0), (1, 1)]
    expected = [formula(name, logits[i, c].item(), targets[i, c].item(), PREVALENCE[c]) for i, c in counted]
    assert make_loss(name, PREVALENCE)(logits, targets).item() == pytest.approx(sum(expected) / 4, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_finite_with_finite_gradients_whatever_is_missing(name):
    columns = torch.tensor([[1.0, 0.0, NAN], [1.0, 0.0, -1.0], [1.0, 0.0, NAN], [1.0, NAN, NAN]])  # one class each
    for scale in (1.0, 30.0, 1e4):
        for sign in (1, -1):
            logits = torch.full((4, 3), sign * scale, requires_grad=True)
            loss = make_loss(name, PREVALENCE)(logits, columns)
            loss.backward()
            assert torch.isfinite(loss) and torch.isfinite(logits.grad).all()
            assert (logits.grad[:, 2] == 0).all() and logits.grad[3, 1] == 0


@pytest.mark.parametrize("name", NAMES)
def test_nothing_annotated_is_zero_with_zero_gradient(name):
    logits = torch.ones(2, 3, requires_grad=True)
    loss = make_loss(name, PREVALENCE)(logits, torch.full((2, 3), NAN))
    loss.backward()
    assert loss.item() == 0 and (logits.grad == 0).all()


@pytest.mark.parametrize("name", ["bce", "pos_weight", "logit_adjust"])
def test_the_head_starts_at_the_best_constant_answer(name):
    loss, targets = make_loss(name, PREVALENCE), columns_of(PREVALENCE)
    logits = torch.logit(torch.tensor(loss.start)).requires_grad_()
    loss(logits.expand(100, 3), targets).backward()
    assert logits.grad.abs().max() < 1e-6


def test_first_loss_is_the_entropy_of_the_prevalence():
    share = torch.tensor(PREVALENCE)
    entropy = -(share * share.log() + (1 - share) * (1 - share).log()).mean().item()
    targets = columns_of(PREVALENCE)
    for name in ("bce", "logit_adjust"):
        loss = make_loss(name, PREVALENCE)
        first = loss(torch.logit(torch.tensor(loss.start)).expand(100, 3), targets)
        assert first.item() == pytest.approx(entropy, abs=1e-3)


def test_weights_of_rare_and_common_labels_are_clipped():
    assert make_loss("pos_weight", [0.001, 0.25, 0.999]).weight.tolist() == pytest.approx([10, 3, 0.1])


def test_logit_adjustment_moves_the_decision_and_not_the_ranking():
    """Trained alike, the outputs differ from those of plain cross-entropy by the log-odds of the prevalence."""
    torch.manual_seed(0)
    features, targets = torch.randn(64, 5), (torch.rand(64, 2) < 0.2).float()
    outputs = {}
    for name in ("bce", "logit_adjust"):
        loss = make_loss(name, [0.2, 0.2])
        head = torch.nn.Linear(5, 2)
        torch.nn.init.zeros_(head.weight)
        head.bias.data = torch.logit(torch.tensor(loss.start))
        optimizer = torch.optim.AdamW(
            [{"params": [head.weight]}, {"params": [head.bias], "weight_decay": 0.0}], lr=1e-2
        )
        for _ in range(30):
            optimizer.zero_grad()
            loss(head(features), targets).backward()
            optimizer.step()
        outputs[name] = head(features).detach()
    assert torch.allclose(outputs["logit_adjust"], outputs["bce"] - math.log(0.2 / 0.8), atol=1e-4)
    assert outputs["bce"].std() > 0.05  # it did learn something


def test_focal_without_focus_is_cross_entropy():
    logits, targets = torch.randn(4, 3), torch.rand(4, 3)
    plain = MaskedBCEWithLogitsLoss()(logits, targets)
    assert torch.allclose(AsymmetricLoss(None, 0, 0, 0)(logits, targets), plain)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hinge", {}, "loss_name: not known; .* found 'hinge'"),
        ("focal", {"gamma": 3}, "loss_options of focal: key: .*found 'gamma'; did you mean 'gamma_"),
        ("bce", {"tau": 1}, "loss_options of bce: key: not known; expected one of nothing, found 'tau'"),
        ("asl", {"gamma_negative": 0.5}, "expected 0, or 1 and more, found 0.5"),
        ("asl", {"margin": 1.0}, "margin: outside its range"),
        ("asl", {"margin": "0,1"}, "loss_options: margin: expected a number, found '0,1'"),
        ("asl", ["margin"], "loss_options of asl: not nested settings"),
    ],
)
def test_wrong_names_and_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        make_loss(name, PREVALENCE, options)
