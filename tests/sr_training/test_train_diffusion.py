import pytest
import torch
from scripts.sr_training.train_diffusion import DiffusionStep, _build_scheduler, _check_ceiling, build_unet
from scripts.super_resolution.networks.block_autoencoder import BlockAutoencoder
from scripts.super_resolution.networks.coding import Coding
from scripts.training.precision import AutocastInferer


@pytest.fixture
def coding(regression):
    return Coding(regression, channels=1)


def step_of(coding, batches, scheduler):
    torch.manual_seed(0)
    vqvae = BlockAutoencoder(width=8, blocks=1, codes=32).requires_grad_(False)
    unet = build_unet(coding.condition_channels, 4, (16, 32), sample_size=8)
    return unet, DiffusionStep(unet, vqvae, coding, scheduler, batches, AutocastInferer("fp32"))


def test_schedule_is_that_of_the_checkpoint_with_v_prediction():
    config = _build_scheduler().config
    assert (config.beta_start, config.beta_end, config.beta_schedule) == (0.0015, 0.0155, "scaled_linear")
    assert config.prediction_type == "v_prediction" and not config.clip_sample


def test_step_trains_only_the_diffusion_network_and_is_reproducible(batches, coding):
    unet, step = step_of(coding, batches, _build_scheduler())
    loss = step(torch.Generator().manual_seed(3), 0.0)["loss"]
    assert torch.equal(loss, step(torch.Generator().manual_seed(3), 0.5)["loss"])
    loss.backward()
    gradient = unet.conv_in.weight.grad
    assert gradient[:, 4:5].abs().sum() > 0  # the low-resolution crop is used
    assert gradient[:, 5:].abs().sum() > 0  # and the regression network's result
    assert all(parameter.grad is None for parameter in coding.regression.parameters())


def test_loss_falls(batches, coding):
    unet, step = step_of(coding, batches, _build_scheduler())
    optimizer = torch.optim.Adam(unet.parameters(), 3e-3)
    losses = []
    for number in range(40):
        loss = step(torch.Generator().manual_seed(number), 0.0)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


def test_a_checkpoint_that_predicts_noise_is_trained_to_predict_noise(batches, coding):
    from diffusers import DDIMScheduler

    noise_scheduler = DDIMScheduler.from_config(_build_scheduler().config, prediction_type="epsilon")
    losses = [
        step_of(coding, batches, scheduler)[1](torch.Generator().manual_seed(3), 0.0)["loss"]
        for scheduler in (_build_scheduler(), noise_scheduler)
    ]
    assert not torch.equal(*losses)


def test_a_low_ceiling_is_rejected_unless_it_is_allowed(capsys, caplog):
    ceiling = {"bicubic": {"psnr": 30.0}, "autoencoder": {"psnr": 30.5}}
    _check_ceiling(ceiling, 0.4)
    with pytest.raises(ValueError, match=r"expected bicubic \+1.00 dB, found \+0.50 dB; .*ceiling_margin"):
        _check_ceiling(ceiling, 1.0)
    assert capsys.readouterr().out.count("ceiling beside bicubic") == 2
    _check_ceiling(ceiling, None)
    assert "ceiling_margin is off" in caplog.text
