import torch
from scripts.enhancement.training.autoencoder import build_autoencoder
from scripts.enhancement.training.diffusion import DiffusionStep, build_scheduler, build_unet


def test_schedule_is_the_checkpoints_with_v_prediction():
    config = build_scheduler().config
    assert (config.beta_start, config.beta_end, config.beta_schedule) == (0.0015, 0.0155, "scaled_linear")
    assert config.prediction_type == "v_prediction" and not config.clip_sample


def test_step_trains_the_diffusion_only_and_repeats(crops):
    torch.manual_seed(0)
    vqvae = build_autoencoder((8, 8, 16), codes=32).requires_grad_(False)
    unet = build_unet((16, 32), sample_size=8)
    step = DiffusionStep(unet, vqvae, build_scheduler(), crops, 4)
    loss = step(torch.Generator().manual_seed(3), 0.0)["loss"]
    assert torch.equal(loss, step(torch.Generator().manual_seed(3), 0.5)["loss"])
    loss.backward()
    assert unet.conv_in.weight.grad[:, 3:].abs().sum() > 0  # the condition is used
