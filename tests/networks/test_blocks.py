import pytest
import torch
from scripts.networks.blocks import blocks_of, residuals_of, set_drop_path

from .conftest import make


def rates(backbone):
    parts = [residuals_of(block)[0].after[-1] for block in blocks_of(backbone)]
    return [part.drop_prob if hasattr(part, "drop_prob") else part[-1].drop_prob for part in parts]


@pytest.mark.parametrize("kind", ["vit", "dinov2", "dinov2_with_registers"])
def test_rate_grows_linearly_and_evaluation_is_untouched(kind):
    backbone, image = make(kind), torch.rand(2, 3, 64, 64)
    names = set(backbone.state_dict())
    with torch.inference_mode():
        before = backbone(image).last_hidden_state
        set_drop_path(backbone, 0.4)
        assert rates(backbone) == pytest.approx([0.0, 0.2, 0.4]) and set(backbone.state_dict()) == names
        assert torch.equal(backbone(image).last_hidden_state, before)


@pytest.mark.parametrize("kind", ["vit", "dinov2"])
def test_training_drops_whole_samples_and_keeps_the_expectation(kind):
    torch.manual_seed(0)
    backbone = make(kind).train()
    set_drop_path(backbone, 0.5)
    block, tokens = blocks_of(backbone)[-1], torch.rand(1, 5, 48).expand(4000, -1, -1)
    with torch.inference_mode():
        attention = residuals_of(block)[0]
        update = block.attention(attention.norm(tokens))[0]
        dropped = update
        for module in attention.after:
            dropped = module(dropped)
    skipped = (dropped == 0).flatten(1).all(dim=1)
    assert skipped.float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert torch.allclose(dropped[~skipped], 2 * update[~skipped])
    assert torch.allclose(dropped.mean(dim=0), update[0], atol=0.1 * float(update.abs().max()))
