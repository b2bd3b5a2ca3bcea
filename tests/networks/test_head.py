import pytest
import torch
from scripts.networks.head import make_head


def test_each_label_has_its_own_vector():
    head, features = make_head("label_tokens", 4, 3, [0.1, 0.2, 0.3]), torch.rand(2, 3, 4)
    expected = torch.stack([features[:, c] @ head.weight[c] + head.bias[c] for c in range(3)], dim=1)
    assert torch.allclose(head(features), expected)


@pytest.mark.parametrize("pool", ["cls", "cls_mean", "label_tokens"])
def test_bias_is_the_log_odds_of_the_prevalence(pool):
    assert torch.allclose(make_head(pool, 4, 2, [0.1, 0.7]).bias.sigmoid(), torch.tensor([0.1, 0.7]))


@pytest.mark.parametrize("prevalence", [[0.1], [0.0, 0.5], [0.5, 1.0]])
def test_prevalences_that_cannot_start_a_head_are_refused(prevalence):
    with pytest.raises(ValueError, match="expected 2 numbers inside"):
        make_head("cls", 4, 2, prevalence)
