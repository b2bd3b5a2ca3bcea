import pytest
import torch
from scripts.networks import MaskedBCEWithLogitsLoss
from torch.nn.functional import binary_cross_entropy_with_logits

NAN = float("nan")


def test_only_annotated_entries_count():
    logits = torch.tensor([[0.5, -1.0], [2.0, 0.3]], requires_grad=True)
    loss = MaskedBCEWithLogitsLoss()(logits, torch.tensor([[1.0, NAN], [-1.0, 0.0]]))
    loss.backward()
    expected = binary_cross_entropy_with_logits(torch.tensor([0.5, 0.3]), torch.tensor([1.0, 0.0]))
    assert loss.item() == pytest.approx(expected.item())
    assert torch.isfinite(logits.grad).all() and logits.grad[0, 1] == logits.grad[1, 0] == 0


@pytest.mark.parametrize(("policy", "target"), [("ones", 1.0), ("zeros", 0.0)])
def test_uncertain_policy(policy, target):
    logits = torch.tensor([[0.7]])
    expected = binary_cross_entropy_with_logits(logits, torch.tensor([[target]]))
    assert MaskedBCEWithLogitsLoss(policy)(logits, torch.tensor([[-1.0]])) == expected


def test_nothing_annotated_is_zero_with_zero_gradient():
    logits = torch.ones(2, 2, requires_grad=True)
    loss = MaskedBCEWithLogitsLoss()(logits, torch.full((2, 2), NAN))
    loss.backward()
    assert loss.item() == 0 and (logits.grad == 0).all()


def test_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="found 'maybe'"):
        MaskedBCEWithLogitsLoss("maybe")
