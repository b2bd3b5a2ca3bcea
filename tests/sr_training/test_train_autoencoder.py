import pytest
import torch
from scripts.sr_training.train_autoencoder import (
    _QUANTIZE_FROM,
    _RESTART_UNTIL,
    AutoencoderStep,
    _scale_targets,
    _standardise_latents,
    _targets_of,
    train_autoencoder,
)
from scripts.sr_training.train_regression import train_regression
from scripts.super_resolution.networks.block_autoencoder import BlockAutoencoder
from scripts.super_resolution.networks.coding import Coding
from scripts.training.precision import AutocastInferer

CPU = torch.device("cpu")


@pytest.fixture
def coding(regression):
    return Coding(regression, channels=1)


def small():
    torch.manual_seed(0)
    return BlockAutoencoder(width=8, blocks=1, codes=32)


def step_of(vqvae, coding, batches):
    target_std = float(_targets_of(coding, batches.crops, CPU).std())
    return AutoencoderStep(vqvae, coding, target_std, batches, AutocastInferer("fp32"))


def test_a_factor_of_the_latents_moves_into_the_weights(crops, coding):
    vqvae, targets = small(), _targets_of(coding, crops, CPU)
    with torch.no_grad():
        before = vqvae(50 * targets).sample / 50
        _scale_targets(vqvae, 50.0)
        assert torch.allclose(vqvae(targets).sample, before, atol=1e-5)


def test_standardised_latents_reconstruct_the_same(crops, batches, coding):
    vqvae, targets = small(), _targets_of(coding, crops, CPU)
    step_of(vqvae, coding, batches)(torch.Generator().manual_seed(0), 1.0)
    with torch.no_grad():
        before = vqvae(targets).sample
        _standardise_latents(vqvae, targets)
        latents = vqvae.encode(targets).latents
        after = vqvae(targets).sample
    assert latents.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert abs(float(latents.square().mean().sqrt()) - 1.0) < 1e-4
    assert torch.allclose(before, after, atol=1e-4)


def test_codebook_starts_on_latents_and_its_use_is_measured(batches, coding):
    vqvae = small()
    codes = vqvae.quantize.embedding.weight.clone()
    step = step_of(vqvae, coding, batches)
    metrics = step(torch.Generator().manual_seed(0), _QUANTIZE_FROM / 2)
    assert set(metrics) == {"loss"} and torch.equal(codes, vqvae.quantize.embedding.weight)
    metrics = step(torch.Generator().manual_seed(0), 1.0)
    assert metrics["code_use"] == 0.0 and not torch.equal(codes, vqvae.quantize.embedding.weight)
    placed = vqvae.quantize.embedding.weight.clone()
    step.restart_codes(torch.randn(4, 4, 8, 8), torch.Generator(), place=False)
    assert step.code_use > 0.25  # the untouched codebook lies around zero: one or two codes
    assert torch.equal(placed, vqvae.quantize.embedding.weight) and _RESTART_UNTIL < 1  # codes settle before the end


def test_state_of_the_codebook_survives(batches, coding):
    step = step_of(small(), coding, batches)
    step(torch.Generator().manual_seed(0), 1.0)
    other = step_of(small(), coding, batches)
    other.load_state_dict(step.state_dict())
    assert torch.equal(other.used, step.used) and other.steps_quantized == 1


def test_encoding_the_residual_raises_the_ceiling_above_bicubic(make_run):
    """Sixty steps of a tiny network suffice: what it cannot code yet is only the added detail."""
    run = make_run(max_steps=60, batch_size=6, learning_rate=3e-3, autoencoder_width=16, average_decay=0.9)
    train_regression(run)
    figures = train_autoencoder(run)
    assert figures["autoencoder"]["psnr"] > figures["residual"]["psnr"]
    assert 1 < figures["codebook"]["used"] <= figures["codebook"]["size"] == 32


def test_without_a_regression_network_whole_images_are_encoded(make_run):
    run = make_run()
    figures = train_autoencoder(run)
    assert "residual" not in figures and figures["autoencoder"]["psnr"] < 40
