from types import SimpleNamespace

import pytest
import torch
from scripts.training.guard import NonFiniteLossGuard


def state(loss):
    return SimpleNamespace(state=SimpleNamespace(output={"loss": torch.tensor(loss)}, epoch=3, iteration=7))


def test_finite_loss_passes():
    NonFiniteLossGuard()(state(0.3))


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_non_finite_loss_names_the_epoch_and_the_way_out(loss):
    with pytest.raises(FloatingPointError, match=r"epoch 3.*--learning_rate"):
        NonFiniteLossGuard()(state(loss))
