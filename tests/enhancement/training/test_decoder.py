import torch
from scripts.enhancement.training.autoencoder import build_autoencoder
from scripts.enhancement.training.decoder import DecoderStep, decoder_parameters
from scripts.enhancement.training.diffusion import build_scheduler, build_unet


def test_only_what_follows_the_codebook_is_trained(crops):
    torch.manual_seed(0)
    vqvae = build_autoencoder((8, 8, 16), codes=32).requires_grad_(False)
    unet = build_unet((16, 32), sample_size=8).requires_grad_(False)
    for parameter in decoder_parameters(vqvae):
        parameter.requires_grad_(True)
    DecoderStep(unet, vqvae, build_scheduler(), crops, 2)(torch.Generator().manual_seed(0), 0.0)["loss"].backward()
    trained = {name.split(".")[0] for name, parameter in vqvae.named_parameters() if parameter.grad is not None}
    assert trained == {"post_quant_conv", "decoder"}
    assert all(parameter.grad is None for parameter in unet.parameters())
