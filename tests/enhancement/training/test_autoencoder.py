import torch
from scripts.enhancement.training.autoencoder import (
    QUANTIZE_FROM,
    AutoencoderStep,
    build_autoencoder,
    count_codes,
    reconstruction_loss,
    standardise_latents,
)
from scripts.enhancement.training.crops import to_channels


def small():
    torch.manual_seed(0)
    return build_autoencoder((8, 8, 16), codes=32)


def test_truth_has_no_loss_and_an_offset_counts_once(crops):
    truth = to_channels(crops)
    assert reconstruction_loss(truth, crops) < 1e-4
    # Data consistency removes an offset: only the image term sees it (10 x 0.1).
    assert 0.95 < reconstruction_loss(truth + 0.2, crops) < 1.15


def test_standardised_latents_reconstruct_the_same(crops):
    vqvae = small()
    step = AutoencoderStep(vqvae, crops, 4)
    step(torch.Generator().manual_seed(0), 1.0)
    with torch.no_grad():
        before = vqvae(to_channels(crops)).sample
        standardise_latents(vqvae, crops)
        latents = vqvae.encode(to_channels(crops)).latents
        after = vqvae(to_channels(crops)).sample
    assert latents.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert abs(float(latents.square().mean().sqrt()) - 1.0) < 1e-4
    assert torch.allclose(before, after, atol=1e-4)


def test_codebook_starts_on_latents_and_its_use_is_watched(crops):
    vqvae = small()
    codes = vqvae.quantize.embedding.weight.clone()
    step = AutoencoderStep(vqvae, crops, 4)
    metrics = step(torch.Generator().manual_seed(0), QUANTIZE_FROM / 2)
    assert set(metrics) == {"loss"} and torch.equal(codes, vqvae.quantize.embedding.weight)
    metrics = step(torch.Generator().manual_seed(0), 1.0)
    assert metrics["code_use"] == 0.0 and not torch.equal(codes, vqvae.quantize.embedding.weight)
    assert count_codes(vqvae, crops) > 8  # the untouched codebook lies around zero: one or two codes


def test_state_of_the_codebook_survives(crops):
    step = AutoencoderStep(small(), crops, 4)
    step(torch.Generator().manual_seed(0), 1.0)
    other = AutoencoderStep(small(), crops, 4)
    other.load_state_dict(step.state_dict())
    assert torch.equal(other.used, step.used) and other.steps_quantized == 1
