"""bf16 is for the networks of a training step; what they learn from, and what is kept of them, is float32."""

import pytest
import torch
from scripts.sr_training import Degradation, SrSettings
from scripts.sr_training import train_regression as regression
from scripts.sr_training.sr_training import TRAIN, train_sr

from .conftest import SMALL

ALL = ("regression", "autoencoder", "diffusion", "resshift", "guided")


@pytest.fixture(scope="module")
def checkpoints(sr_datalist, tmp_path_factory):
    """Folder of the checkpoints of all stages, trained in bf16, and the types of what their layers gave."""
    folder, computed = tmp_path_factory.mktemp("bf16"), set()

    def note(module, inputs, output):
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and torch.is_grad_enabled():
            computed.add(output.dtype)

    handle = torch.nn.modules.module.register_module_forward_hook(note)
    try:
        settings = SrSettings(**{**SMALL, "precision": "bf16", "stages": ALL})
        train_sr(sr_datalist, folder, settings, Degradation())
    finally:
        handle.remove()
    return folder / "checkpoints", computed


def test_every_network_trains_in_bf16(checkpoints):
    folder, computed = checkpoints
    assert {path.stem for path in folder.iterdir()} == set(TRAIN) - {"task"}  # trains the network of regression
    assert computed == {torch.bfloat16}


def test_weights_stay_float32(checkpoints):
    for path in checkpoints[0].iterdir():
        parts = torch.load(path, weights_only=True)["parts"]
        floating = {value.dtype for value in parts["network"].values() if value.is_floating_point()}
        assert floating == {torch.float32}, path.stem


def test_loss_in_bf16_is_near_that_in_float32_and_another_checkpoint(sr_datalist, checkpoints, batches):
    losses = {}
    for precision in ("fp32", "bf16"):
        torch.manual_seed(0)
        network = regression.RegressionNetwork(8, 1)
        torch.nn.init.normal_(network.exit.weight, std=0.05)
        step = regression.RegressionStep(network, batches, regression.AutocastInferer(precision))
        losses[precision] = float(step(torch.Generator().manual_seed(1), 0.0)["loss"].detach())
    assert losses["fp32"] != losses["bf16"] == pytest.approx(losses["fp32"], rel=0.01)
    settings = SrSettings(**{**SMALL, "precision": "fp32", "stages": ["regression"]})
    with pytest.raises(ValueError, match="precision: expected 'fp32', found 'bf16'"):
        train_sr(sr_datalist, checkpoints[0].parent, settings, Degradation())
