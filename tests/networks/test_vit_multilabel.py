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


@pytest.mark.parametrize("changes", [{"architecture": None}, {"backbone": "somewhere"}, {"pool": "max"}])
def test_contradictory_settings_are_refused(changes):
    with pytest.raises(ValueError, match="expected"):
        tiny(**changes)
